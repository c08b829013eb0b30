#include "storage_test.h"
#include "vectors.h"

/* A Fetch that is being built; the work lies in it. */
struct ask {
	struct reload_specifier specifiers[4];
	struct reload_array_range ranges[4];
	struct reload_vec16_bytes keys[8];
	struct reload_fetch_req req;
	struct reload_fetch_work work;
};

static struct reload_specifier *ask_kind(struct ask *a, uint32_t kind, uint64_t generation)
{
	struct reload_specifier *s = &a->specifiers[a->req.specifiers_count++];
	*s = (struct reload_specifier){
		.kind = kind, .generation = generation, .ranges = a->ranges, .keys = a->keys
	};
	return s;
}

static void ask_new(struct ask *a, struct fixture *x)
{
	reload_arena_clear(&x->arena);
	*a = (struct ask){ .req.specifiers = a->specifiers };
	a->work = (struct reload_fetch_work){ .config = &x->config,
		.storage = x->storage,
		.req = &a->req,
		.resource = x->at_alice,
		.responsible = true,
		.now = x->now,
		.arena = &x->arena };
}

/* Asks for one range of the array. */
static enum reload_err fetch_range(struct ask *a, struct fixture *x, uint32_t first, uint32_t last)
{
	ask_new(a, x);
	ask_kind(a, K_ARRAY, 0)->ranges_count = 1;
	a->ranges[0] = (struct reload_array_range){ first, last };
	return reload_fetch_answer(&a->work);
}

static enum reload_err fetch_keys(
	struct ask *a, struct fixture *x, const char *const *keys, size_t count)
{
	ask_new(a, x);
	ask_kind(a, K_DICT, 0)->keys_count = count;
	for (size_t i = 0; i < count; i++)
		a->keys[i].bytes = span_str(keys[i]);
	return reload_fetch_answer(&a->work);
}

static const struct reload_fetch_kind_response *response(const struct ask *a, size_t i)
{
	assert_true(i < a->work.fetch.kind_responses_count);
	return &a->work.fetch.kind_responses[i];
}

/* The indexes of an array's answer in a row, those that exist with a sign: "0 1 2+ 5+". */
static const char *indexes(const struct ask *a)
{
	static char text[256];
	size_t at = 0;
	const struct reload_fetch_kind_response *r = response(a, 0);
	text[0] = '\0';
	for (size_t i = 0; i < r->values_count; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u%s", i ? " " : "",
			r->values[i].value.index, r->values[i].value.exists ? "+" : "");
	return text;
}

static void assert_synthetic(const struct reload_stored_data *d)
{
	assert_int_equal(d->storage_time, 0);
	assert_int_equal(d->lifetime, 0);
	assert_false(d->value.exists);
	assert_int_equal(d->value.value.len, 0);
	assert_int_equal(d->signature.hash_alg, 0);
	assert_int_equal(d->signature.sig_alg, 0);
	assert_int_equal(d->signature.identity.type, RELOAD_IDENTITY_NONE);
	assert_int_equal(d->signature.identity.hash.len, 0);
	assert_int_equal(d->signature.value.len, 0);
}

/* The answer of one value, which most are, fits one block of the arena (960 bytes): one allocation. */
static void one_value_takes_little(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "value", 7);
	assert_int_equal(reload_store_begin(&x->work), RELOAD_OK);
	assert_int_equal(reload_store_accept(&x->work), RELOAD_OK);
	assert_int_equal(
		x->storage->ops->commit(x->storage, &x->work.batch, NULL, NULL), RELOAD_OK);
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 1);
	assert_int_equal(a.work.certificates_count, 1);
	assert_in_range(x->arena.total, 1, 960);
}

static void nothing_gives_a_synthetic_value(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_int_equal(response(&a, 0)->generation, 0);
	assert_int_equal(response(&a, 0)->values_count, 1);
	/* R-7.4.2.2-03 */
	assert_synthetic(&response(&a, 0)->values[0]);
	assert_int_equal(a.work.certificates_count, 0);
	/* R-7.4.2.2-03: the bytes of vector fetch-ans (STO-06) */
	static const uint8_t want[] = { 0, 0, 0, 24, /* length */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  /* storage_time, lifetime */
		0, 0, 0, 0, 0,                       /* DataValue */
		0, 0, 3, 0, 0, 0, 0 };
	struct wire_ctx ctx = { .node_id_len = 16 };
	struct wr w;
	wr_init(&w);
	reload_stored_write(&w, &ctx, &response(&a, 0)->values[0]);
	assert_int_equal(wr_done(&w).len, sizeof(want));
	assert_memory_equal(w.at, want, sizeof(want));
	wr_clear(&w);
	/* an array has none behind its end, a dictionary none for the wildcard (STO-04) */
	assert_int_equal(fetch_range(&a, x, 0, 5), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 0);
	assert_int_equal(fetch_keys(&a, x, NULL, 0), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 0);
	const char *keys[] = { "a", "b" };
	assert_int_equal(fetch_keys(&a, x, keys, 2), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_synthetic(&response(&a, 0)->values[i]);
		assert_true(span_eq(response(&a, 0)->values[i].value.key, span_str(keys[i])));
	}
}

static void ranges_of_an_array(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	assert_int_equal(store_array(x, 2, "two", 100), RELOAD_OK);
	assert_int_equal(fetch_range(&a, x, 0, 2), RELOAD_OK);
	/* R-7.2-03 */
	assert_string_equal(indexes(&a), "0 1 2+");
	assert_synthetic(&response(&a, 0)->values[0]);
	assert_true(span_eq(response(&a, 0)->values[2].value.value, span_str("two")));
	assert_int_equal(store_array(x, RELOAD_ARRAY_END, "three", 100), RELOAD_OK);
	static const struct {
		uint32_t first, last;
		const char *want;
	} rows[] = {
		{ 0, 0, "0" },
		{ 2, 2, "2+" },
		{ 3, 9, "3+" }, /* cut at the end (STO-07) */
		{ 4, 9, "" },
		/* R-7.4.1.1-26, R-7.4.2.1-04: 0xffffffff is the last element */
		{ 0, RELOAD_ARRAY_END, "0 1 2+ 3+" },
		{ 1, RELOAD_ARRAY_END, "1 2+ 3+" },
		{ RELOAD_ARRAY_END, RELOAD_ARRAY_END, "3+" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(fetch_range(&a, x, rows[i].first, rows[i].last), RELOAD_OK);
		assert_string_equal(indexes(&a), rows[i].want);
	}
	ask_new(&a, x);
	ask_kind(&a, K_ARRAY, 0)->ranges_count = 3;
	a.ranges[0] = (struct reload_array_range){ 3, 3 };
	a.ranges[1] = (struct reload_array_range){ RELOAD_ARRAY_END, RELOAD_ARRAY_END };
	a.ranges[2] = (struct reload_array_range){ 0, 0 };
	/* R-7.4.2.1-05 */
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_string_equal(
		indexes(&a), "0 3+"); /* the last element once, although it was asked for twice */
	ask_new(&a, x);
	ask_kind(&a, K_ARRAY, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 0); /* nothing was asked for */
	/* a removal is a value, and is told from a gap by its signature */
	assert_int_equal(store_array(x, 2, NULL, 101), RELOAD_OK);
	assert_int_equal(fetch_range(&a, x, 1, 2), RELOAD_OK);
	assert_string_equal(indexes(&a), "1 2");
	/* R-7.4.1.3-03 */
	assert_int_equal(response(&a, 0)->values[1].signature.identity.type, RELOAD_CERT_HASH);
	assert_int_equal(response(&a, 0)->values[1].storage_time, 101);
}

static void wrong_ranges_are_refused(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	/* R-7.4.2.1-04 */
	assert_int_equal(fetch_range(&a, x, 5, 2), RELOAD_INVALID_MESSAGE);
	assert_non_null(a.work.reason);
	static const struct reload_array_range overlaps[][2] = {
		{ { 0, 2 }, { 2, 3 } },
		{ { 4, 4 }, { 4, 4 } },
		{ { 7, RELOAD_ARRAY_END }, { RELOAD_ARRAY_END, RELOAD_ARRAY_END } },
		{ { 5, 9 }, { 0, 6 } },
	};
	for (size_t i = 0; i < COUNT_OF(overlaps); i++) {
		ask_new(&a, x);
		ask_kind(&a, K_ARRAY, 0)->ranges_count = 2;
		memcpy(a.ranges, overlaps[i], sizeof(overlaps[i]));
		/* R-7.4.2.1-06 */
		assert_int_equal(reload_fetch_answer(&a.work), RELOAD_INVALID_MESSAGE);
	}
}

static void far_gaps_are_not_filled(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	assert_int_equal(store_array(x, 0, "near", 100), RELOAD_OK);
	assert_int_equal(store_array(x, 0xfffffff0, "far", 100), RELOAD_OK);
	/* four thousand million elements were asked for: only what is there comes (STO-04) */
	assert_int_equal(fetch_range(&a, x, 0, RELOAD_ARRAY_END), RELOAD_OK);
	assert_string_equal(indexes(&a), "0+ 4294967280+");
	assert_int_equal(fetch_range(&a, x, 0, 4), RELOAD_OK);
	assert_string_equal(indexes(&a), "0+ 1 2 3 4"); /* max-count is 5 */
	assert_int_equal(fetch_range(&a, x, 0, 5), RELOAD_OK);
	assert_string_equal(indexes(&a), "0+");
	x->kinds[4].max_count =
		UINT32_MAX; /* a careless document: the answer is bounded all the same */
	assert_int_equal(fetch_range(&a, x, 0, RELOAD_ARRAY_END), RELOAD_OK);
	assert_string_equal(indexes(&a), "0+ 4294967280+");
	assert_int_equal(fetch_range(&a, x, 0, RELOAD_LIMIT_VALUES), RELOAD_OK);
	assert_string_equal(indexes(&a), "0+");
	assert_int_equal(fetch_range(&a, x, 0, RELOAD_LIMIT_VALUES - 1), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, RELOAD_LIMIT_VALUES);
	ask_kind(&a, K_SINGLE, 0); /* one more than an answer takes */
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_RESPONSE_TOO_LARGE);
}

static void keys_of_a_dictionary(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	assert_int_equal(store_dict(x, "b", "2", 100), RELOAD_OK);
	assert_int_equal(store_dict(x, "a", "1", 100), RELOAD_OK);
	assert_int_equal(store_dict(x, "c", "3", 100), RELOAD_OK);
	/* R-7.4.2.1-07 */
	assert_int_equal(fetch_keys(&a, x, NULL, 0), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 3);
	const char *keys[] = { "c", "x", "c", "a" };
	assert_int_equal(fetch_keys(&a, x, keys, 4), RELOAD_OK);
	/* each key once */
	const struct reload_fetch_kind_response *r = response(&a, 0);
	assert_int_equal(r->values_count, 3);
	assert_true(span_eq(r->values[0].value.value, span_str("1")));
	assert_true(span_eq(r->values[1].value.value, span_str("3")));
	assert_synthetic(&r->values[2]);
}

static void a_known_generation_sends_no_values(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	assert_int_equal(store_single(x, "two", 101), RELOAD_OK);
	assert_int_equal(store_dict(x, "a", "1", 100), RELOAD_OK);
	assert_int_equal(store_dict(x, "b", "2", 100), RELOAD_OK);
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 2);
	ask_kind(&a, K_DICT, 1);
	ask_kind(&a, K_ARRAY, 0)->ranges_count = 1;
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	/* R-7.4.2.2-01: also for the one that matches, and for the one of which nothing is there (STO-05) */
	assert_int_equal(a.work.fetch.kind_responses_count, 3);
	assert_int_equal(response(&a, 0)->kind, K_SINGLE);
	assert_int_equal(response(&a, 1)->kind, K_DICT);
	assert_int_equal(response(&a, 2)->kind, K_ARRAY);
	/* R-7.4.2.1-08 */
	assert_int_equal(response(&a, 0)->generation, 2);
	assert_int_equal(response(&a, 0)->values_count, 0);
	/* R-7.4.2.2-02 */
	assert_int_equal(response(&a, 1)->generation, 2);
	assert_int_equal(response(&a, 1)->values_count, 2);
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 3); /* higher than ours: not the same */
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	/* R-7.4.2.2-02 */
	assert_int_equal(response(&a, 0)->values_count, 1);
	/* one response for each Kind means that none is asked for twice */
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 0);
	ask_kind(&a, K_SINGLE, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_INVALID_MESSAGE);
}

static void lifetimes_shrink_and_end(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	req_array(x, 0, "short", 100)->lifetime = 10;
	req_array(x, 1, "long", 100)->lifetime = 20;
	assert_int_equal(req_store(x), RELOAD_OK);
	x->now += 4000;
	assert_int_equal(fetch_range(&a, x, 0, 1), RELOAD_OK);
	/* R-7-06, R-7.4.1.1-21 */
	assert_int_equal(response(&a, 0)->values[0].lifetime, 6);
	assert_int_equal(response(&a, 0)->values[1].lifetime, 16);
	x->now += 5999;
	assert_int_equal(fetch_range(&a, x, 0, 1), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values[0].lifetime, 1);
	x->now += 1;
	assert_int_equal(fetch_range(&a, x, 0, 1), RELOAD_OK);
	/* R-7-07, R-7.4.1.3-04: a gap where the value was */
	assert_string_equal(indexes(&a), "0 1+");
	assert_synthetic(&response(&a, 0)->values[0]);
	assert_int_equal(response(&a, 0)->generation, 1); /* expiry does not change it (STO-03) */
	x->now += 10000;
	assert_int_equal(fetch_range(&a, x, 0, 1), RELOAD_OK);
	assert_int_equal(response(&a, 0)->values_count, 0);
	/* what has expired is as if it had never been stored: an older value may come */
	/* R-7-07 */
	assert_int_equal(store_array(x, 0, "older", 50), RELOAD_OK);
	assert_int_equal(generation_of(x, K_ARRAY), 2);
	/* a lifetime of 0 is stored and over at once (STO-21) */
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, "gone", 100)->lifetime = 0;
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_SINGLE), 1);
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_synthetic(&response(&a, 0)->values[0]);
	/* a clock that was set back gives nobody more than was asked for */
	struct reload_stored_entry e = { .data.lifetime = 7, .received = 5000 };
	assert_int_equal(reload_entry_lifetime(&e, 1000), 7);
	assert_int_equal(reload_entry_lifetime(&e, UINT64_MAX), 0);
	e.received = UINT64_MAX - 1;
	assert_true(reload_entry_expires(&e) == RELOAD_NEVER);
}

static void unknown_kinds_fail_every_method(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 0);
	ask_kind(&a, K_UNKNOWN, 0);
	ask_kind(&a, K_UNKNOWN + 1, 0);
	/* R-7.4.2.1-02, R-7.4.1.2-07 */
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_UNKNOWN_KIND);
	assert_int_equal(a.work.unknown_kinds_count, 2);
	assert_int_equal(a.work.unknown_kinds[0], K_UNKNOWN);
	/* R-7.4.1.2-07, R-7.4.3-04 */
	assert_int_equal(reload_stat_answer(&a.work), RELOAD_UNKNOWN_KIND);
	assert_int_equal(a.work.unknown_kinds_count, 2);
}

static void others_answer_from_a_replica_only(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	ask_new(&a, x);
	ask_kind(&a, K_SINGLE, 0);
	a.work.responsible = false;
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_NOT_FOUND);
	assert_int_equal(reload_stat_answer(&a.work), RELOAD_NOT_FOUND);
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	ask_new(&a, x);
	ask_kind(&a, K_DICT, 0);
	ask_kind(&a, K_SINGLE, 0);
	a.work.responsible = false;
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_int_equal(response(&a, 1)->values_count, 1);
}

static void signers_come_once_each(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	req_new(x);
	req_kind(x, K_DICT, 0);
	for (int i = 0; i < 3; i++)
		req_dict(x, (const char *[]){ "a", "b", "c" }[i], "v", 100);
	x->certificates[1] = span_str("another certificate of alice");
	req_kind(x, K_SINGLE, 0);
	req_single(x, "one", 100);
	assert_int_equal(req_store(x), RELOAD_OK);
	ask_new(&a, x);
	ask_kind(&a, K_DICT, 0);
	ask_kind(&a, K_SINGLE, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_int_equal(a.work.certificates_count, 2);
	assert_true(span_eq(a.work.certificates[0], span_str("certificate of alice")));
	assert_true(span_eq(a.work.certificates[1], span_str("another certificate of alice")));
}

static void stat_has_digests(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	assert_int_equal(store_dict(x, "a", "Foo", 100), RELOAD_OK);
	assert_int_equal(store_dict(x, "b", NULL, 102), RELOAD_OK);
	x->now += 2000;
	ask_new(&a, x);
	ask_kind(&a, K_DICT, 0);
	ask_kind(&a, K_SINGLE, 0);
	ask_kind(&a, K_ARRAY, 0);
	assert_int_equal(reload_stat_answer(&a.work), RELOAD_OK);
	/* R-7.4.3-02 */
	assert_int_equal(a.work.stat.kind_responses_count, 3);
	const struct reload_stat_kind_response *r = &a.work.stat.kind_responses[0];
	assert_int_equal(r->generation, 2);
	assert_int_equal(r->values_count, 2);
	const struct reload_stored_metadata *m = &r->values[0];
	assert_int_equal(m->storage_time, 100);
	assert_int_equal(m->lifetime, DAY - 2);
	assert_true(span_eq(m->key, span_str("a")));
	assert_true(m->metadata.exists);
	assert_int_equal(m->metadata.value_length, 3);
	assert_int_equal(m->metadata.hash_algorithm, RELOAD_HASH_SHA256);
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	struct span covered = span_of("\0\0\0\3Foo", 7);
	size_t len = reload_hash(digest, RELOAD_HASH_SHA256, &covered, 1);
	/* R-7.4.3-03 */
	assert_true(span_eq(m->metadata.hash_value, span_of(digest, len)));
	/* what does not exist has no digest (STO-08) */
	assert_false(r->values[1].metadata.exists);
	assert_int_equal(r->values[1].storage_time, 102);
	assert_int_equal(r->values[1].metadata.value_length, 0);
	assert_int_equal(r->values[1].metadata.hash_algorithm, 0);
	assert_int_equal(r->values[1].metadata.hash_value.len, 0);
	/* R-7.4.3-04: as in Fetch, a single value is made up, an array has none behind its end */
	assert_int_equal(a.work.stat.kind_responses[1].values_count, 1);
	assert_false(a.work.stat.kind_responses[1].values[0].metadata.exists);
	assert_int_equal(a.work.stat.kind_responses[2].values_count, 0);
	ask_new(&a, x);
	ask_kind(&a, K_DICT, 2);
	/* R-7.4.3-04: generation */
	assert_int_equal(reload_stat_answer(&a.work), RELOAD_OK);
	assert_int_equal(a.work.stat.kind_responses[0].values_count, 0);
	ask_new(&a, x);
	ask_kind(&a, K_ARRAY, 0)->ranges_count = 1;
	a.ranges[0] = (struct reload_array_range){ 5, 2 };
	/* R-7.4.3-04: ranges */
	assert_int_equal(reload_stat_answer(&a.work), RELOAD_INVALID_MESSAGE);
}

static struct reload_msg *store_vector(struct fixture *x, const char *name)
{
	struct vector v;
	struct reload_msg *m;
	struct wire_ctx ctx = {
		.node_id_len = 16, .model = reload_config_model, .model_arg = &x->config
	};
	vector_load(&v, name);
	assert_int_equal(reload_msg_decode(&m, vector_span(&v), &ctx), RELOAD_OK);
	assert_int_equal(reload_msg_body(m, &ctx), RELOAD_OK);
	assert_int_equal(m->code, RELOAD_STORE_REQ);
	req_new(x);
	x->req = m->body.store_req;
	x->now = x->work.now = x->req.kind_data[0].values[0].storage_time;
	assert_int_equal(reload_id_from(&x->work.resource, x->req.resource), RELOAD_OK);
	for (size_t i = 0; i < COUNT_OF(x->signers); i++) {
		x->signers[i] = x->by_alice;
		x->certificates[i] = span_str("certificate of alice");
	}
	assert_int_equal(reload_store_begin(&x->work), RELOAD_OK);
	assert_int_equal(reload_store_accept(&x->work), RELOAD_OK);
	assert_int_equal(
		x->storage->ops->commit(x->storage, &x->work.batch, NULL, NULL), RELOAD_OK);
	free(v.at);
	json_decref(v.fields);
	return m;
}

static void vectors_are_stored_and_fetched(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	x->kinds[1].max_size = x->kinds[2].max_size = 5000;
	AUTO(reload_msg) turn = store_vector(x, "store-req-turn");
	struct reload_id at = x->work.resource;
	/* R-9-04, R-7.2-01: admitted by NODE-MULTIPLE, single value, at H(Node-ID then 1) */
	struct reload_id want = resource_of_node(&x->node_a, 1);
	assert_true(reload_id_eq(&at, &want));
	ask_new(&a, x);
	a.work.resource = at;
	ask_kind(&a, RELOAD_KIND_TURN_SERVICE, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	assert_true(span_eq(response(&a, 0)->values[0].value.value,
		turn->body.store_req.kind_data[0].values[0].value.value));
	/* the same certificate is appended twice: at 0 and at 1 */
	AUTO(reload_msg) cert = store_vector(x, "store-req-cert-append");
	at = x->work.resource;
	struct reload_stored_data *sent = &cert->body.store_req.kind_data[0].values[0];
	assert_int_equal(sent->value.index, RELOAD_ARRAY_END);
	AUTO(reload_msg) again = store_vector(x, "store-req-cert-append");
	ask_new(&a, x);
	a.work.resource = at;
	ask_kind(&a, cert->body.store_req.kind_data[0].kind, 0)->ranges_count = 1;
	a.ranges[0] = (struct reload_array_range){ 0, RELOAD_ARRAY_END };
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
	/* R-7.4.1.1-26, R-8-03: both are there, each with its real index */
	assert_string_equal(indexes(&a), "0+ 1+");
	assert_true(span_eq(response(&a, 0)->values[1].value.value, sent->value.value));
	assert_true(span_eq(response(&a, 0)->values[1].signature.value, sent->signature.value));
}

/* A replica in the stead of the responsible peer (STO-04): what is not there it does not know. */
static void one_that_stands_in_gives_what_it_holds(void **state)
{
	struct fixture *x = *state;
	struct ask a;
	assert_int_equal(store_single(x, "value", 7), RELOAD_OK);
	assert_int_equal(store_array(x, 1, "one", 7), RELOAD_OK);
	static const struct {
		uint32_t kind;
		uint64_t generation;
		uint32_t first, last;
		enum reload_err err;
		size_t count;
	} cases[] = {
		{ K_SINGLE, 0, 0, 0, RELOAD_OK, 1 },
		{ K_SINGLE, 1, 0, 0, RELOAD_OK, 0 }, /* it has not changed */
		{ K_ARRAY, 0, 1, 1, RELOAD_OK, 1 },
		{ K_ARRAY, 0, 1, 9, RELOAD_OK, 1 },
		{ K_ARRAY, 0, 0, 1, RELOAD_NOT_FOUND, 0 }, /* R-7.2-03: 0 would be synthetic */
		{ K_ARRAY, 0, 2, 2, RELOAD_NOT_FOUND, 0 }, /* nothing at all */
		{ K_DICT, 0, 0, 0, RELOAD_NOT_FOUND, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ask_new(&a, x);
		a.work.responsible = false;
		a.work.stands_in = true;
		struct reload_specifier *s = ask_kind(&a, cases[i].kind, cases[i].generation);
		s->ranges_count = cases[i].kind == K_ARRAY;
		a.ranges[0] = (struct reload_array_range){ cases[i].first, cases[i].last };
		/* R-10.4-03 */
		assert_int_equal(reload_fetch_answer(&a.work), cases[i].err);
		assert_int_equal(reload_stat_answer(&a.work), cases[i].err);
		if (!cases[i].err)
			assert_int_equal(response(&a, 0)->values_count, cases[i].count);
	}
	/* nor does it when a second Kind is there */
	ask_new(&a, x);
	a.work.responsible = false;
	a.work.stands_in = true;
	ask_kind(&a, K_SINGLE, 0);
	ask_kind(&a, K_DICT, 0);
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_NOT_FOUND);
	a.work.stands_in = false; /* asked itself, by a source route */
	assert_int_equal(reload_fetch_answer(&a.work), RELOAD_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_value_takes_little),
		TEST(nothing_gives_a_synthetic_value),
		TEST(ranges_of_an_array),
		TEST(wrong_ranges_are_refused),
		TEST(far_gaps_are_not_filled),
		TEST(keys_of_a_dictionary),
		TEST(a_known_generation_sends_no_values),
		TEST(lifetimes_shrink_and_end),
		TEST(unknown_kinds_fail_every_method),
		TEST(others_answer_from_a_replica_only),
		TEST(one_that_stands_in_gives_what_it_holds),
		TEST(signers_come_once_each),
		TEST(stat_has_digests),
		TEST(vectors_are_stored_and_fetched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
