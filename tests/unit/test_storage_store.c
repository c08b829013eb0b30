#include "storage_store.h"

#include "storage/outdated.h"

static void form_comes_first(void **state)
{
	struct fixture *x = *state;
	/* everything is wrong with these; the order of STO-22 tells which error is sent */
	req_new(x);
	req_kind(x, K_UNKNOWN, 7);
	req_single(x, "one", 100);
	req_kind(x, K_UNKNOWN, 7);
	req_single(x, "one", 100);
	x->work.may_store_here = false;
	/* R-7.4.1.1-01 */
	refused(x, RELOAD_INVALID_MESSAGE);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	refused(x, RELOAD_INVALID_MESSAGE); /* a Kind without values */
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, NULL, 100)->value.value = span_str("removed, yet here");
	refused(x, RELOAD_INVALID_MESSAGE);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_array(x, 0, "decoded under another document", 100);
	refused(x, RELOAD_INVALID_MESSAGE);
	/* R-7.4.1.1-14 */
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "one", 100);
	x->work.replica = true;
	refused(x, RELOAD_INVALID_MESSAGE);
	req_new(x);
	req_kind(x, K_ARRAY, 1);
	req_array(x, RELOAD_ARRAY_END, "one", 100);
	x->work.replica = true;
	refused(x, RELOAD_INVALID_MESSAGE); /* a replica knows its index */
}

static void the_place_comes_second(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, K_UNKNOWN, 7);
	req_single(x, "one", 100);
	x->work.may_store_here = false;
	/* R-7.4.1.1-04 */
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_SINGLE, 7);
	req_single(x, "one", 100);
	x->work.replica = true;
	x->work.may_store_here = false;
	/* R-7.4.1.1-05: what is plausible is for the topology to say, the refusal is here */
	refused(x, RELOAD_FORBIDDEN);
}

static void unknown_kinds_are_listed(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, K_UNKNOWN, 0);
	req_single(x, "one", 100);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "one", 100)->signature.identity.type = RELOAD_IDENTITY_NONE;
	req_kind(x, K_UNKNOWN + 1, 0);
	req_single(x, "one", 100);
	/* R-7.4.1.1-06, R-7.4.1.2-07 */
	refused(x, RELOAD_UNKNOWN_KIND);
	/* the error lists all of them (STO-19) */
	assert_int_equal(x->work.unknown_kinds_count, 2);
	assert_int_equal(x->work.unknown_kinds[0], K_UNKNOWN);
	assert_int_equal(x->work.unknown_kinds[1], K_UNKNOWN + 1);
	static struct reload_store_kind many[70];
	struct reload_stored_data value = { .storage_time = 1 };
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct reload_store_kind){ (uint32_t)(K_UNKNOWN + i), 0, &value, 1 };
	req_new(x);
	x->req = (struct reload_store_req){ .kind_data = many, .kind_data_count = COUNT_OF(many) };
	refused(x, RELOAD_UNKNOWN_KIND);
	assert_int_equal(x->work.unknown_kinds_count, 63); /* what the error can carry (STO-19) */
}

static void unsigned_values_are_refused(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, K_SINGLE, 7); /* the counter is wrong as well */
	req_single(x, "one", 100)->signature.identity.type = RELOAD_IDENTITY_NONE;
	/* R-7.4.1.1-17 */
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, "a", "1", 100);
	struct reload_stored_data *d = req_dict(x, "b", "2", 100);
	d->signature.hash_alg = RELOAD_HASH_NONE;
	d->signature.sig_alg = RELOAD_SIG_ANONYMOUS;
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "one", 100)->signature.identity.type = 77; /* nobody knows who that is */
	refused(x, RELOAD_FORBIDDEN);
}

static void both_signers_must_be_allowed(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, K_SINGLE, 7);
	req_single(x, "one", 100);
	x->signers[0] = x->by_bob;
	/* R-7.4.1.1-08, R-13.5-02 */
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "one", 100);
	x->work.request_signer = x->by_bob;
	/* R-7.4.1.1-09, R-7.3-02 */
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	for (uint32_t i = 0; i < 4; i++)
		req_array(x, i, "v", 100);
	x->signers[2] = x->by_bob; /* the signer before was good */
	refused(x, RELOAD_FORBIDDEN);
	x->signers[2] = x->by_multi_1; /* alice by another certificate */
	assert_int_equal(req_store(x), RELOAD_OK);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "one", 101);
	req_kind(x, K_DICT, 0);
	req_dict(x, "a", "1", 101);
	x->signers[1] = x->by_bob; /* R-7.4.1.1-08: of the second Kind */
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_USER_NODE, 0);
	req_dict(x, "", "v", 100)->value.key = reload_id_span(&x->node_a);
	req_dict(x, "", "v", 100)->value.key = reload_id_span(&x->node_m[0]);
	x->signers[1] = x->by_multi_1;
	/* R-7.4.1.1-09: alice's first device may send the first value, not the second */
	refused(x, RELOAD_FORBIDDEN);
	/* R-7.3-02: two nodes of one user do not write for each other where the key is the Node-ID */
	req_new(x);
	req_kind(x, K_USER_NODE, 0);
	req_dict(x, "", "v", 100)->value.key = reload_id_span(&x->node_a);
	x->work.request_signer = x->by_multi_1;
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_USER_NODE, 0);
	req_dict(x, "", "v", 100)->value.key = reload_id_span(&x->node_a);
	assert_int_equal(req_store(x), RELOAD_OK);
}

static void a_replica_is_sent_by_the_peer(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, K_SINGLE, 4);
	req_single(x, "one", 100);
	x->work.replica = true;
	x->work.request_signer = x->by_bob;
	/* R-7.3-03 */
	assert_int_equal(req_store(x), RELOAD_OK);
	/* R-7.4.1.1-12 */
	assert_int_equal(generation_of(x, K_SINGLE), 4);
	req_new(x);
	req_kind(x, K_SINGLE, 4);
	req_single(x, "two", 101);
	x->work.replica = true;
	x->work.request_signer = x->by_bob;
	x->signers[0] = x->by_bob;
	/* R-7.3-03 */
	refused(x, RELOAD_FORBIDDEN);
	req_new(x);
	req_kind(x, K_SINGLE, 2);
	req_single(x, "two", 101);
	x->work.replica = true;
	/* R-7.4.1.1-13: lower than the stored one, and taken over */
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_SINGLE), 2);
}

static void storage_times_grow(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "older", 99);
	/* R-7-02, R-6.3.3.1-11 */
	refused(x, RELOAD_DATA_TOO_OLD);
	assert_int_equal(reload_err_overlay_code(RELOAD_DATA_TOO_OLD), 9);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "as old", 100);
	/* R-13.5-05, and STO-01 */
	refused(x, RELOAD_DATA_TOO_OLD);
	/* R-7.4.1.1-15: each value is judged */
	assert_int_equal(store_array(x, 0, "a", 100), RELOAD_OK);
	assert_int_equal(store_array(x, 1, "b", 200), RELOAD_OK);
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	req_array(x, 0, "c", 150);
	req_array(x, 1, "d", 150);
	refused(x, RELOAD_DATA_TOO_OLD);
	assert_true(holds(x, K_ARRAY, 0, NULL, "a"));
	/* R-7-04: neither the storer's clock nor another place matters, within a day (STO-26) */
	assert_int_equal(store_array(x, 2, "e", 1), RELOAD_OK);
	x->now = 1;
	assert_int_equal(store_array(x, 0, "f", 80000000), RELOAD_OK);
	assert_int_equal(store_array(x, 0, "g", 80000000), RELOAD_DATA_TOO_OLD);
}

/* STO-01: a request that reaches who holds its values already is no conflict for its own writer */
static void an_original_may_come_twice(void **state)
{
	struct fixture *x = *state;
	for (unsigned i = 0; i < 3; i++) {
		req_new(x);
		req_kind(x, K_SINGLE, i == 2 ? 7 : 0); /* whatever the counter was then */
		struct reload_stored_data *d = req_single(x, "one", 100);
		d->lifetime -= i;
		req_kind(x, K_DICT, 0);
		req_dict(x, "a", "1", 100);
		req_dict(x, "b", "2", 100);
		assert_int_equal(req_store(x), RELOAD_OK);
		assert_int_equal(x->work.changed, i == 0);
		assert_int_equal(x->work.answer.kind_responses[0].generation_counter, 1);
		assert_int_equal(generation_of(x, K_SINGLE), 1);
		assert_int_equal(generation_of(x, K_DICT), 1);
	}
	assert_int_equal(held(x, K_SINGLE, 0, NULL)->data.lifetime, DAY);
	/* one value that is not held: the counter has to match */
	req_new(x);
	req_kind(x, K_DICT, 7);
	req_dict(x, "a", "1", 100);
	req_dict(x, "c", "3", 100);
	refused(x, RELOAD_GENERATION_TOO_LOW);
	/* what is held stays as it is beside what is new */
	req_new(x);
	req_kind(x, K_DICT, 1);
	req_dict(x, "a", "1", 100);
	req_dict(x, "c", "3", 100);
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_DICT), 2);
	/* what differs at an equal time is no repeat, nor is what somebody may not write */
	for (int i = 0; i < 5; i++) {
		req_new(x);
		req_kind(x, K_SINGLE, i == 4 ? 0 : 1);
		struct reload_stored_data *d = req_single(x,
			i == 0   ? NULL
			: i == 1 ? "two"
				 : "one",
			100);
		if (i == 2)
			d->signature.value = span_str("another");
		if (i == 3)
			d->signature.identity.hash = span_str("another");
		if (i == 4)
			x->work.request_signer = x->by_bob;
		refused(x, i == 4 ? RELOAD_FORBIDDEN : RELOAD_DATA_TOO_OLD);
	}
	/* an append has no place yet: it is no repeat */
	for (size_t i = 1; i <= 2; i++) {
		assert_int_equal(store_array(x, RELOAD_ARRAY_END, "e", 100), RELOAD_OK);
		assert_int_equal(
			x->storage->ops->extent(x->storage, &x->at_alice, K_ARRAY, x->now, NULL),
			i);
	}
}

static void values_of_one_request_meet_each_other(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, "a", "first", 100);
	req_dict(x, "a", "second", 100);
	refused(x, RELOAD_DATA_TOO_OLD);
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, "a", "first", 100);
	req_dict(x, "a", "second", 101);
	req_dict(x, "b", "third", 1);
	/* R-7.4.1.1-27 */
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_true(holds(x, K_DICT, 0, "a", "second"));
	assert_true(holds(x, K_DICT, 0, "b", "third"));
	assert_int_equal(
		x->storage->ops->extent(x->storage, &x->at_alice, K_DICT, x->now, NULL), 2);
}

static void a_replica_may_come_twice(void **state)
{
	struct fixture *x = *state;
	for (int i = 0; i < 2; i++) {
		req_new(x);
		req_kind(x, K_SINGLE, 3);
		struct reload_stored_data *d = req_single(x, "one", 100);
		d->lifetime -= (uint32_t)i; /* all but the lifetime is equal (STO-01) */
		x->work.replica = true;
		assert_int_equal(req_store(x), RELOAD_OK);
		assert_int_equal(x->work.changed, i == 0);
		assert_int_equal(x->work.answer.kind_responses[0].generation_counter, 3);
	}
	assert_int_equal(held(x, K_SINGLE, 0, NULL)->data.lifetime, DAY);
	/* the counter is taken over even so */
	req_new(x);
	req_kind(x, K_SINGLE, 5);
	req_single(x, "one", 100);
	x->work.replica = true;
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_true(x->work.changed);
	/* R-7.4.1.1-12 */
	assert_int_equal(generation_of(x, K_SINGLE), 5);
	assert_true(holds(x, K_SINGLE, 0, NULL, "one"));
	/* what differs at an equal time is no repeat */
	for (int i = 0; i < 4; i++) {
		req_new(x);
		req_kind(x, K_SINGLE, 5);
		struct reload_stored_data *d = req_single(x,
			i == 0   ? NULL
			: i == 1 ? "two"
				 : "one",
			100);
		if (i == 2)
			d->signature.value = span_str("another");
		if (i == 3)
			d->signature.identity.hash = span_str("another");
		x->work.replica = true;
		refused(x, RELOAD_DATA_TOO_OLD);
	}
}

static void sizes_are_limited(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(store_array(x, 0, "ten bytes.", 100), RELOAD_OK);
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	req_array(x, 1, "10 bytes +1", 100);
	/* R-7.4.1.1-16, R-7.4.1.2-06, R-13.5-03, R-6.3.3.1-10 */
	refused(x, RELOAD_DATA_TOO_LARGE);
	assert_int_equal(reload_err_overlay_code(RELOAD_DATA_TOO_LARGE), 8);
	/* the limit of a newer document holds at once */
	x->kinds[4].max_size = 11;
	assert_int_equal(store_array(x, 1, "10 bytes +1", 100), RELOAD_OK);
	x->kinds[4].max_size = 3;
	assert_int_equal(store_array(x, 1, "four", 101), RELOAD_DATA_TOO_LARGE);
	assert_int_equal(store_array(x, 1, "3 b", 101), RELOAD_OK);
}

static void counts_are_limited(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(store_dict(x, "a", "1", 100), RELOAD_OK);
	assert_int_equal(store_dict(x, "b", "2", 100), RELOAD_OK);
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, "c", "3", 100);
	req_dict(x, "d", "4", 100);
	/* R-7.4.1.1-16 */
	refused(x, RELOAD_DATA_TOO_LARGE);
	assert_int_equal(store_dict(x, "c", "3", 100), RELOAD_OK);
	assert_int_equal(store_dict(x, "d", "4", 100), RELOAD_DATA_TOO_LARGE);
	/* replacing takes no place, removing is never in the way, and a removal counts until it expires (STO-12) */
	assert_int_equal(store_dict(x, "a", "5", 101), RELOAD_OK);
	assert_int_equal(store_dict(x, "a", NULL, 102), RELOAD_OK);
	assert_int_equal(store_dict(x, "d", "4", 100), RELOAD_DATA_TOO_LARGE);
	x->kinds[5].max_count = 1;
	assert_int_equal(store_dict(x, "b", NULL, 102), RELOAD_OK);
	x->kinds[5].max_count = 3;
	x->now += (reload_utc)DAY * 1000;
	assert_int_equal(store_dict(x, "d", "4", 100), RELOAD_OK);
	/* gaps do not count, and an index is not a count (STO-12) */
	assert_int_equal(store_array(x, 0xfffffffe, "far", 100), RELOAD_OK);
	assert_int_equal(store_array(x, RELOAD_ARRAY_END, "no room", 100), RELOAD_DATA_TOO_LARGE);
}

static bool held_at(struct fixture *x, const char *key)
{
	return x->storage->ops->find(x->storage, &x->at_alice, K_DICT,
		       &(struct reload_stored_value){
			       .model = RELOAD_MODEL_DICTIONARY, .key = span_str(key) },
		       x->now) != NULL;
}

/* STO-12: a replica above max-count is refused, and takes the older versions of its values along */
static void a_replica_above_max_count_outdates(void **state)
{
	struct fixture *x = *state;
	for (int replica = 0; replica < 2; replica++) {
		assert_int_equal(store_dict(x, "a", "1", 100), RELOAD_OK);
		assert_int_equal(store_dict(x, "b", "2", 100), RELOAD_OK);
		assert_int_equal(store_dict(x, "c", "3", 100), RELOAD_OK);
		req_new(x);
		req_kind(x, K_DICT, replica ? 9 : 0);
		req_dict(x, "a", "newer", 101);
		req_dict(x, "d", "one too many", 101);
		x->work.replica = replica;
		refused(x, RELOAD_DATA_TOO_LARGE);
		assert_int_equal(x->work.batch.changes_count, replica);
	}
	assert_true(reload_store_outdated(&x->work));
	assert_int_equal(
		x->storage->ops->commit(x->storage, &x->work.batch, NULL, NULL), RELOAD_OK);
	assert_false(held_at(x, "a"));
	assert_true(held_at(x, "b"));
	assert_true(held_at(x, "c"));
	assert_false(held_at(x, "d"));
	/* the same with a value that is larger than max-size */
	req_new(x);
	req_kind(x, K_DICT, 9);
	static char large[102];
	memset(large, 'x', sizeof(large) - 1);
	req_dict(x, "b", large, 101);
	x->work.replica = true;
	refused(x, RELOAD_DATA_TOO_LARGE);
	assert_true(reload_store_outdated(&x->work));
	assert_int_equal(
		x->storage->ops->commit(x->storage, &x->work.batch, NULL, NULL), RELOAD_OK);
	assert_false(held_at(x, "b"));
	assert_true(held_at(x, "c"));
}

static void a_request_is_stored_as_a_whole(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	req_array(x, 0, "good", 100);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "bad", 100);
	/* R-7.4.1.1-02 */
	refused(x, RELOAD_DATA_TOO_OLD);
	assert_int_equal(generation_of(x, K_ARRAY), 0);
	assert_int_equal(generation_of(x, K_SINGLE), 1);
	/* R-7.4.1.1-02: the same where the storage itself is full */
	reload_storage_free(x->storage);
	x->storage = reload_storage_memory_new(2000, HOUR_MS);
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "two", 101);
	req_kind(x, K_ARRAY, 0);
	for (uint32_t i = 0; i < 5; i++)
		req_array(x, i, "good", 100);
	uint8_t before[RELOAD_HASH_SIZE_MAX], after[RELOAD_HASH_SIZE_MAX];
	storage_digest(x->storage, x->now, before);
	assert_int_equal(req_store(x), RELOAD_DATA_TOO_LARGE);
	storage_digest(x->storage, x->now, after);
	assert_memory_equal(before, after, 32);
	assert_true(holds(x, K_SINGLE, 0, NULL, "one"));
}

static void arrays_are_sparse_and_grow_at_the_end(void **state)
{
	struct fixture *x = *state;
	/* R-7.4.1.1-25 */
	assert_int_equal(store_array(x, 5, "five", 100), RELOAD_OK);
	assert_null(held(x, K_ARRAY, 4, NULL));
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	req_array(x, RELOAD_ARRAY_END, "six", 100);
	req_array(x, 8, "eight", 100);
	req_array(x, RELOAD_ARRAY_END, "nine", 100);
	/* R-7.4.1.1-26: several in one request follow each other (STO-18) */
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_true(holds(x, K_ARRAY, 6, NULL, "six"));
	assert_true(holds(x, K_ARRAY, 8, NULL, "eight"));
	assert_true(holds(x, K_ARRAY, 9, NULL, "nine"));
	assert_int_equal(held(x, K_ARRAY, 9, NULL)->data.value.index, 9);
	/* the end lies behind removals too (STO-18) */
	assert_int_equal(store_array(x, 9, NULL, 101), RELOAD_OK);
	assert_int_equal(store_array(x, RELOAD_ARRAY_END, "ten", 100), RELOAD_OK);
	assert_true(holds(x, K_ARRAY, 10, NULL, "ten"));
	/* an empty array begins at 0 */
	req_new(x);
	req_kind(x, RELOAD_KIND_CERT_BY_USER, 0);
	req_array(x, RELOAD_ARRAY_END, "first", 100);
	req_array(x, RELOAD_ARRAY_END, "second", 100);
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_true(holds(x, RELOAD_KIND_CERT_BY_USER, 0, NULL, "first"));
	assert_true(holds(x, RELOAD_KIND_CERT_BY_USER, 1, NULL, "second"));
}

static void removals_are_values(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(store_dict(x, "a", "1", 100), RELOAD_OK);
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, "a", NULL, 100);
	refused(x, RELOAD_DATA_TOO_OLD);
	/* R-7.4.1.3-01, R-7.4.1.3-03 */
	assert_int_equal(store_dict(x, "a", NULL, 101), RELOAD_OK);
	assert_non_null(held(x, K_DICT, 0, "a"));
	assert_false(held(x, K_DICT, 0, "a")->data.value.exists);
	assert_int_equal(held(x, K_DICT, 0, "a")->data.value.value.len, 0);
	assert_true(span_eq(held(x, K_DICT, 0, "a")->data.signature.value, span_str("signature")));
	assert_int_equal(generation_of(x, K_DICT), 2);
	/* the old value may not return while the removal is held */
	assert_int_equal(store_dict(x, "a", "1", 100), RELOAD_DATA_TOO_OLD);
	x->now += (reload_utc)DAY * 1000;
	/* R-7.4.1.3-03: aged like others */
	assert_null(held(x, K_DICT, 0, "a"));
}

static void certificates_stay_with_their_values(void **state)
{
	struct fixture *x = *state;
	req_new(x);
	req_kind(x, RELOAD_KIND_TURN_SERVICE, 0);
	req_single(x, "relay", 100);
	x->work.resource = resource_of_node(&x->node_a, 1);
	assert_int_equal(req_store(x), RELOAD_OK);
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	const struct reload_stored_entry *e = x->storage->ops->find(
		x->storage, &x->work.resource, RELOAD_KIND_TURN_SERVICE, &place, x->now);
	/* R-9-08 */
	assert_true(span_eq(e->certificates, span_str("certificate of alice")));
}

/* each Kind of a replica Store has its own count of values of which another version was here */
static void conflicts_are_counted_by_kind(void **state)
{
	struct fixture *x = *state;
	for (uint64_t time = 100; time <= 101; time++) {
		const char *word = time == 100 ? "mine" : "theirs";
		req_new(x);
		req_kind(x, K_SINGLE, time);
		req_single(x, word, time);
		req_kind(x, K_DICT, time);
		req_dict(x, "a", word, time);
		req_dict(x, "b", word, time);
		req_dict(x, "c", "same", time); /* and another time: no conflict */
		x->work.replica = true;
		assert_int_equal(req_store(x), RELOAD_OK);
		if (time == 100)
			assert_int_equal(x->work.conflicts_count, 0);
	}
	assert_int_equal(x->work.conflicts_count, 2);
	assert_int_equal(x->work.conflicts[0].kind, K_SINGLE);
	assert_int_equal(x->work.conflicts[0].count, 1);
	assert_int_equal(x->work.conflicts[1].kind, K_DICT);
	assert_int_equal(x->work.conflicts[1].count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(form_comes_first),
		TEST(conflicts_are_counted_by_kind),
		TEST(the_place_comes_second),
		TEST(unknown_kinds_are_listed),
		TEST(unsigned_values_are_refused),
		TEST(both_signers_must_be_allowed),
		TEST(a_replica_is_sent_by_the_peer),
		TEST(storage_times_grow),
		TEST(values_of_one_request_meet_each_other),
		TEST(a_replica_may_come_twice),
		TEST(an_original_may_come_twice),
		TEST(sizes_are_limited),
		TEST(counts_are_limited),
		TEST(a_replica_above_max_count_outdates),
		TEST(a_request_is_stored_as_a_whole),
		TEST(arrays_are_sparse_and_grow_at_the_end),
		TEST(removals_are_values),
		TEST(certificates_stay_with_their_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
