#include "storage_store.h"

#include "storage/ended.h"

static void the_first_store_gives_one(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(generation_of(x, K_SINGLE), 0);
	/* R-7.4.1.1-18 */
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	assert_true(holds(x, K_SINGLE, 0, NULL, "one"));
	/* R-7.4.1.1-20 */
	assert_int_equal(generation_of(x, K_SINGLE), 1);
	/* the answer has the present counter of each Kind */
	assert_int_equal(x->work.answer.kind_responses_count, 1);
	assert_int_equal(x->work.answer.kind_responses[0].kind, K_SINGLE);
	assert_int_equal(x->work.answer.kind_responses[0].generation_counter, 1);
	/* R-7.4.1.1-24 */
	assert_int_equal(store_single(x, "two", 101), RELOAD_OK);
	assert_true(holds(x, K_SINGLE, 0, NULL, "two"));
	/* R-7.4.1.1-19 */
	assert_int_equal(generation_of(x, K_SINGLE), 2);
	assert_int_equal(x->work.answer.kind_responses[0].generation_counter, 2);
	/* Kinds of one resource count separately, one step for all values of a Kind (STO-03) */
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, "a", "1", 100);
	req_dict(x, "b", "2", 100);
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_DICT), 1);
	assert_int_equal(generation_of(x, K_SINGLE), 2);
}

/* A replica Store with that counter; the counter that is here then. */
static uint64_t replica_heard(struct fixture *x, uint64_t counter, uint64_t time)
{
	req_new(x);
	req_kind(x, K_SINGLE, counter);
	req_single(x, "heard", time);
	x->work.replica = true;
	assert_int_equal(req_store(x), RELOAD_OK);
	return generation_of(x, K_SINGLE);
}

static void counters_never_return_to_zero(void **state)
{
	struct fixture *x = *state;
	const uint64_t most = RELOAD_GENERATION_MAX;
	/* R-7.4.1.1-12: taken over as it comes, but for what no Stores can have made */
	assert_true(replica_heard(x, most - 1, 100) == most - 1);
	assert_true(replica_heard(x, most, 101) == most);
	assert_true(replica_heard(x, UINT64_MAX, 102) == most);
	/* who becomes responsible with it locks out nobody: the counter that is there is the one that is asked for */
	req_new(x);
	req_kind(x, K_SINGLE, most);
	req_single(x, "two", 103);
	assert_int_equal(req_store(x), RELOAD_OK);
	/* R-7.4.1.1-20 */
	assert_int_equal(generation_of(x, K_SINGLE), 1);
	assert_int_equal(store_single(x, "three", 104), RELOAD_OK);
	assert_int_equal(generation_of(x, K_SINGLE), 2);
}

/* STO-17: nothing signs a counter, so one message does not carry it away */
static void a_counter_does_not_jump_by_hearsay(void **state)
{
	struct fixture *x = *state;
	const uint64_t jump = (uint64_t)1 << 32;
	assert_int_equal(replica_heard(x, 1000, 100), 1000); /* nothing was known */
	assert_int_equal(replica_heard(x, 5000000, 101), 5000000);
	assert_true(replica_heard(x, UINT64_MAX, 102) == 5000000 + jump);
	assert_true(replica_heard(x, RELOAD_GENERATION_MAX, 103) == 5000000 + 2 * jump);
	/* R-7.4.1.1-13: a lower one is not compared */
	assert_int_equal(replica_heard(x, 7, 104), 7);
}

/* A replica Store that was made earlier and comes later takes no counter back that is known. */
static void a_counter_that_was_overtaken_is_left(void **state)
{
	struct fixture *x = *state;
	static const struct {
		const char *key;
		uint64_t asked, time, is;
	} rows[] = {
		{ "a", 5, 200, 5 },
		{ "b", 3, 100,
			5 }, /* R-7.4.1.1-12: what is taken over is what the sender knew later */
		{ "c", 6, 150, 6 }, { "b", 4, 201, 4 }, /* R-7.4.1.1-13 */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		req_new(x);
		req_kind(x, K_DICT, rows[i].asked);
		req_dict(x, rows[i].key, "v", rows[i].time);
		x->work.replica = true;
		assert_int_equal(req_store(x), RELOAD_OK);
		assert_int_equal(generation_of(x, K_DICT), rows[i].is);
	}
}

/* The responsible peer is handed back what another one, that took itself for the owner, still has. */
static void the_counter_of_the_owner_never_falls(void **state)
{
	struct fixture *x = *state;
	static const struct {
		uint64_t asked, time, is;
	} rows[] = {
		/* R-7.4.1.1-12: it begins where the others are */
		{ 4, 100, 4 },
		{ 4, 101, 5 },
		{ 1, 101, 5 },
		{ 1, 102, 6 },
		{ 4, 103, 7 },
		/* STO-17: nor does it rise by what nobody signed */
		{ 12, 103, 7 },
		{ UINT64_MAX, 103, 7 },
		{ 12, 104, 8 },
		{ UINT64_MAX, 105, 9 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		req_new(x);
		req_kind(x, K_SINGLE, rows[i].asked);
		req_single(x, "one", rows[i].time);
		x->work.replica = true;
		x->work.owner = true;
		assert_int_equal(req_store(x), RELOAD_OK);
		assert_int_equal(generation_of(x, K_SINGLE), rows[i].is);
	}
}

/* STO-17: so many Stores as there are new values, at most */
static void the_counter_of_the_owner_follows_the_values(void **state)
{
	struct fixture *x = *state;
	static const struct {
		uint64_t asked, time, is;
	} rows[] = { { UINT64_MAX, 100, 3 }, { 5, 101, 5 }, { 50, 102, 8 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		req_new(x);
		req_kind(x, K_DICT, rows[i].asked);
		req_dict(x, "a", "v", rows[i].time);
		req_dict(x, "b", "v", rows[i].time);
		req_dict(x, "c", "v", rows[i].time);
		x->work.replica = true;
		x->work.owner = true;
		assert_int_equal(req_store(x), RELOAD_OK);
		assert_int_equal(generation_of(x, K_DICT), rows[i].is);
	}
	/* who is not responsible takes it over as it comes (R-7.4.1.1-12) */
	req_new(x);
	req_kind(x, K_DICT, 1000);
	req_dict(x, "a", "v", 103);
	x->work.replica = true;
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_DICT), 1000);
}

/*
 * One value may stand for many Stores at its place, of which only the last is left: as many as there are milliseconds between its storage_time
 * and that of what is held.
 */
static void the_counter_of_the_owner_follows_missed_stores(void **state)
{
	struct fixture *x = *state;
	static const struct {
		uint64_t asked, time, is;
	} rows[] = { { 1, 100, 1 }, { 7, 110, 7 }, { 900, 130, 27 }, { UINT64_MAX, 134, 31 },
		{ 20, 140, 32 }, { 5, 140, 32 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		req_new(x);
		req_kind(x, K_DICT, rows[i].asked);
		req_dict(x, "a", "v", rows[i].time);
		x->work.replica = true;
		x->work.owner = true;
		assert_int_equal(req_store(x), RELOAD_OK);
		assert_int_equal(generation_of(x, K_DICT), rows[i].is);
	}
	/* of several places together; b is held nowhere here, and is one */
	req_new(x);
	req_kind(x, K_DICT, 100);
	req_dict(x, "a", "v", 145);
	req_dict(x, "b", "v", 145);
	x->work.replica = true;
	x->work.owner = true;
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_DICT), 32 + 5 + 1);
}

static void a_merged_counter_rises(void **state)
{
	(void)state;
	const uint64_t most = RELOAD_GENERATION_MAX;
	assert_int_equal(reload_generation_merged(0, 0, 1), 1);
	/* who has none begins where the others are */
	assert_int_equal(reload_generation_merged(0, 3, 1), 3);
	assert_true(reload_generation_merged(0, UINT64_C(1) << 32, 1) == UINT64_C(1) << 32);
	assert_int_equal(reload_generation_merged(0, (UINT64_C(1) << 32) + 1, 1), 1);
	assert_int_equal(reload_generation_merged(5, 9, 10), 9);
	assert_int_equal(reload_generation_merged(5, 9, 2), 7);
	assert_int_equal(reload_generation_merged(5, 5, 10), 6);
	assert_int_equal(reload_generation_merged(5, 2, 10), 6);
	/* where it would wrap only one step is made, and no sum overflows */
	assert_true(reload_generation_merged(most - 2, most, 10) == most - 1);
	assert_true(reload_generation_merged(1, most, UINT64_MAX) == 2);
	assert_true(reload_generation_merged(most, UINT64_MAX, UINT64_MAX) == 1);
}

static void the_generation_must_match(void **state)
{
	struct fixture *x = *state;
	static const uint64_t wrong[] = { 1, 3, UINT64_MAX };
	assert_int_equal(store_single(x, "one", 100), RELOAD_OK);
	assert_int_equal(store_single(x, "two", 101), RELOAD_OK);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		req_new(x);
		req_kind(x, K_DICT, 0);
		req_dict(x, "a", "1", 100);
		req_kind(x, K_SINGLE, wrong[i]);
		req_single(x,
			"a value that is older and too large, too large, too large, too large, too "
			"large, too large, "
			"too large",
			1);
		/* R-7.4.1.1-11, R-7.4.1.2-03, R-6.3.3.1-07; neither Kind is stored */
		refused(x, RELOAD_GENERATION_TOO_LOW);
		assert_int_equal(reload_err_overlay_code(RELOAD_GENERATION_TOO_LOW), 5);
		/* R-7.4.1.2-04 */
		assert_int_equal(x->work.answer.kind_responses_count, 2);
		assert_int_equal(x->work.answer.kind_responses[0].kind, K_DICT);
		assert_int_equal(x->work.answer.kind_responses[0].generation_counter, 0);
		assert_int_equal(x->work.answer.kind_responses[1].kind, K_SINGLE);
		assert_int_equal(x->work.answer.kind_responses[1].generation_counter, 2);
		assert_int_equal(x->work.answer.kind_responses[1].replicas_count, 0);
	}
	req_new(x);
	req_kind(x, K_DICT, 9);
	req_dict(x, "a", "1", 100);
	req_kind(x, K_SINGLE, 2);
	req_single(x, "three", 102);
	refused(x, RELOAD_GENERATION_TOO_LOW); /* R-7.4.1.2-03: the first of two Kinds */
	req_new(x);
	req_kind(x, K_SINGLE, 2);
	req_single(x, "three", 102);
	/* R-7.4.1.1-11 */
	assert_int_equal(req_store(x), RELOAD_OK);
	assert_int_equal(generation_of(x, K_SINGLE), 3);
}

/* A replica Store of that value for a minute from now on; whether it is held then. */
static bool replica_holds(struct fixture *x, const char *value, uint64_t time)
{
	req_new(x);
	req_kind(x, K_SINGLE, 9);
	req_single(x, value, time)->lifetime = 60;
	x->work.replica = true;
	assert_int_equal(req_store(x), RELOAD_OK);
	const struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	const struct reload_stored_entry *e =
		x->storage->ops->find(x->storage, &x->work.resource, K_SINGLE, &place, x->now);
	return e && e->data.storage_time == time;
}

/* STO-17: what has expired here does not become valid again, whoever brings it; nobody signs a lifetime */
static void expired_is_over(void **state)
{
	struct fixture *x = *state;
	for (int freed = 0; freed < 2; freed++) {
		uint64_t time = x->now;
		assert_true(replica_holds(x, "first", time));
		assert_true(replica_holds(x, "second", time + 1));
		x->now += 61 * RELOAD_SECOND;
		if (freed)
			x->storage->ops->expire(x->storage, x->now);
		assert_false(replica_holds(x, "second", time + 1));
		assert_false(
			replica_holds(x, "first", time)); /* it was replaced by what has expired */
		/* a newer one is another value */
		assert_true(replica_holds(x, "third", time + 2));
		x->now += 61 * RELOAD_SECOND;
	}
	/* the writer itself may store it once more */
	uint64_t time = x->now;
	assert_true(replica_holds(x, "mine", time));
	x->now += 61 * RELOAD_SECOND;
	assert_int_equal(store_single(x, "mine", time), RELOAD_OK);
	assert_true(replica_holds(x, "mine", time));
}

/* A writer whose clock ran ahead, and was set right, is not shut out by what expired. */
static void a_clock_that_ran_ahead_shuts_out_nobody(void **state)
{
	struct fixture *x = *state;
	uint64_t ahead = x->now + 3600 * RELOAD_SECOND, right;
	assert_true(replica_holds(x, "ahead", ahead));
	x->now += 61 * RELOAD_SECOND;
	x->storage->ops->expire(x->storage, x->now);
	right = x->now;
	assert_true(replica_holds(x, "right", right));
	x->now += 61 * RELOAD_SECOND;
	assert_false(replica_holds(x, "ahead", ahead));
	/* also when the clock gets there */
	x->now = ahead + RELOAD_SECOND;
	assert_false(replica_holds(x, "ahead", ahead));
	assert_true(replica_holds(x, "later", right + 1));
}

/* STO-17: rows that make room for others are no longer remembered; it is known which values may have been among them */
static void what_was_forgotten_is_known(void **state)
{
	(void)state;
	struct reload_id resource = { .len = 16, .at = { 1 } };
	struct reload_stored_data first = { .storage_time = 100,
		.value = { .model = RELOAD_MODEL_ARRAY } };
	struct reload_stored_data other = { .storage_time = 200,
		.value = { .model = RELOAD_MODEL_ARRAY } };
	struct reload_ended *ended = NULL;
	assert_true(reload_ended_remembers(ended, &resource, K_ARRAY, &first));
	reload_ended_note(&ended, &resource, K_ARRAY, &first);
	assert_true(reload_ended_remembers(ended, &resource, K_ARRAY, &first));
	while (reload_ended_is(ended, &resource, K_ARRAY, &first, 1000)) {
		assert_true(reload_ended_remembers(ended, &resource, K_ARRAY, &first));
		assert_true(++other.value.index < 100000);
		reload_ended_note(&ended, &resource, K_ARRAY, &other);
	}
	assert_false(reload_ended_remembers(ended, &resource, K_ARRAY, &first));
	first.storage_time++; /* newer than all that made room there */
	assert_true(reload_ended_remembers(ended, &resource, K_ARRAY, &first));
	/* a row stands for what was replaced before it expired, too, and says nothing about that */
	assert_true(reload_ended_remembers(ended, &resource, K_ARRAY, &other));
	other.storage_time--;
	assert_false(reload_ended_remembers(ended, &resource, K_ARRAY, &other));
	reload_ended_free(ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counters_never_return_to_zero),
		TEST(a_counter_does_not_jump_by_hearsay),
		TEST(a_counter_that_was_overtaken_is_left),
		TEST(the_first_store_gives_one),
		TEST(the_counter_of_the_owner_never_falls),
		TEST(the_counter_of_the_owner_follows_the_values),
		TEST(the_counter_of_the_owner_follows_missed_stores),
		cmocka_unit_test(a_merged_counter_rises),
		TEST(the_generation_must_match),
		TEST(expired_is_over),
		TEST(a_clock_that_ran_ahead_shuts_out_nobody),
		cmocka_unit_test(what_was_forgotten_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
