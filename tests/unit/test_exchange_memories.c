/* What a node remembers for a while: transactions of its own, answers it gave, previous hops of what it forwarded. */
#include "exchange/answer_cache.h"
#include "exchange/return_paths.h"
#include "exchange/transactions.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* -- transactions ------------------------------------------------------------------------------------------------------ */

struct fixture {
	struct reload_timers timers;
	struct reload_transactions table;
	struct reload_transaction t;
	reload_ms now, sent[16], failed_at;
	unsigned copies;
	bool end_on_second;
};

static reload_ms fixture_now(void *arg)
{
	return ((struct fixture *)arg)->now;
}

static void fixture_transmit(void *arg, struct reload_transaction *t)
{
	struct fixture *b = arg;
	b->sent[b->copies++] = b->now;
	if (b->end_on_second && b->copies == 2)
		reload_transaction_end(t);
}

static void fixture_failed(void *arg, struct reload_transaction *t)
{
	struct fixture *b = arg;
	assert_false(t->active);
	b->failed_at = b->now;
}

static void fixture_init(struct fixture *b)
{
	*b = (struct fixture){ .now = 100 };
	b->table = (struct reload_transactions){ .timers = &b->timers,
		.now = fixture_now,
		.transmit = fixture_transmit,
		.failed = fixture_failed,
		.arg = b,
		.interval = 3000 };
}

static void run(struct fixture *b, reload_ms until)
{
	for (; b->now < until; b->now++)
		reload_timers_run(&b->timers, b->now);
}

static void times(void **state)
{
	(void)state;
	static const struct {
		reload_ms timeout, sent[5], failed;
		unsigned copies;
	} cases[] = {
		/* R-6.2.1-07 R-6.2.1-08 R-6.2.1-09 */
		{ 0, { 0, 3000, 6000, 9000, 12000 }, 15000, 5 },
		{ 15000, { 0, 3000, 6000, 9000, 12000 }, 15000, 5 },
		{ 60000, { 0, 3000, 6000, 9000, 12000 }, 15000, 5 },
		{ 7000, { 0, 3000, 6000 }, 7000, 3 },
		{ 3000, { 0 }, 3000, 1 },
		{ 1, { 0 }, 1, 1 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fixture b;
		fixture_init(&b);
		assert_true(reload_transaction_begin(&b.table, &b.t, 42, cases[i].timeout));
		run(&b, 40000);
		assert_int_equal(b.copies, cases[i].copies);
		for (unsigned k = 0; k < b.copies; k++)
			assert_int_equal(b.sent[k], 100 + cases[i].sent[k]);
		assert_int_equal(b.failed_at, 100 + cases[i].failed);
		assert_int_equal(b.table.count, 0);
		assert_int_equal(reload_timers_next(&b.timers), RELOAD_NEVER);
		reload_transactions_clear(&b.table);
	}
}

static void copies_are_remembered(void **state)
{
	(void)state;
	struct fixture b;
	fixture_init(&b);
	for (uint64_t id = 1; id <= RELOAD_REPEATED_MAX + 1; id++) {
		assert_true(reload_transaction_begin(&b.table, &b.t, id, 0));
		b.copies = 0;
		run(&b, b.now + 1000);
		if (id == 2) { /* answered after its first copy */
			reload_transaction_end(&b.t);
			assert_false(reload_transaction_was_repeated(&b.table, id));
			continue;
		}
		run(&b, b.now + 3000);
		assert_false(reload_transaction_was_repeated(&b.table, id));
		reload_transaction_end(&b.t);
		assert_true(reload_transaction_was_repeated(&b.table, id));
	}
	/* as many as there is room for: of those from 1 on one was not repeated */
	assert_true(reload_transaction_was_repeated(&b.table, 1));
	assert_true(reload_transaction_begin(&b.table, &b.t, 9999, 0));
	b.copies = 0;
	run(&b, b.now + 4000);
	reload_transaction_end(&b.t);
	assert_false(reload_transaction_was_repeated(&b.table, 1));
	reload_transactions_clear(&b.table);
	assert_false(reload_transaction_was_repeated(&b.table, 9999));
}

static void ends(void **state)
{
	(void)state;
	struct fixture b;
	struct reload_transaction other = { .active = false };
	fixture_init(&b);
	reload_transaction_end(&other); /* never begun */
	assert_true(reload_transaction_begin(&b.table, &b.t, 42, 0));
	assert_false(reload_transaction_begin(&b.table, &other, 42, 0));
	assert_int_equal(b.copies, 1);
	assert_true(reload_transaction_begin(&b.table, &other, UINT64_MAX, 0));
	assert_ptr_equal(reload_transaction_find(&b.table, 42), &b.t);
	assert_null(reload_transaction_find(&b.table, 43));
	assert_int_equal(b.table.count, 2);
	reload_transaction_end(&b.t);
	reload_transaction_end(&b.t);
	assert_null(reload_transaction_find(&b.table, 42));
	reload_transaction_end(&other);
	run(&b, 40000);
	assert_int_equal(b.copies, 2);
	assert_int_equal(b.failed_at, 0);
	reload_transactions_clear(&b.table);
	fixture_init(&b);
	b.end_on_second = true; /* from inside the transmission */
	assert_true(reload_transaction_begin(&b.table, &b.t, 42, 0));
	run(&b, 40000);
	assert_int_equal(b.copies, 2);
	assert_int_equal(b.failed_at, 0);
	assert_int_equal(b.table.count, 0);
	reload_transactions_clear(&b.table);
}

/* -- answers ---------------------------------------------------------------------------------------------------------------- */

static void answers(void **state)
{
	(void)state;
	struct reload_answer_cache *a = reload_answer_cache_new(100, 1000, 15000);
	struct span kept;
	assert_int_equal(reload_answer_cache_begin(a, 1, 10, 0, &kept), RELOAD_ANSWER_NEW);
	assert_int_equal(reload_answer_cache_begin(a, 1, 10, 5, &kept), RELOAD_ANSWER_IN_WORK);
	/* another signature is another message */
	assert_int_equal(reload_answer_cache_begin(a, 1, 11, 5, &kept), RELOAD_ANSWER_NEW);
	assert_int_equal(reload_answer_cache_begin(a, 2, 10, 5, &kept), RELOAD_ANSWER_NEW);
	reload_answer_cache_keep(a, 1, 10, span_str("done"));
	reload_answer_cache_keep(a, 1, 10, span_str("twice")); /* the first one stays */
	reload_answer_cache_keep(a, 9, 9, span_str("never begun"));
	/* R-6.2.1-11: within the request lifetime of the first copy */
	assert_int_equal(reload_answer_cache_begin(a, 1, 10, 14999, &kept), RELOAD_ANSWER_READY);
	assert_int_equal(kept.len, 4);
	assert_memory_equal(kept.at, "done", 4);
	reload_answer_cache_forget(a, 1, 11);
	reload_answer_cache_forget(a, 1, 11);
	assert_int_equal(reload_answer_cache_begin(a, 1, 11, 14999, &kept), RELOAD_ANSWER_NEW);
	assert_int_equal(reload_answer_cache_begin(a, 1, 10, 15000, &kept), RELOAD_ANSWER_NEW);
	reload_answer_cache_free(a);
	reload_answer_cache_free(NULL);
}

static void answers_are_bounded(void **state)
{
	(void)state;
	struct reload_answer_cache *a = reload_answer_cache_new(3, 100, 15000);
	struct span kept;
	for (uint64_t id = 1; id <= 4; id++)
		assert_int_equal(reload_answer_cache_begin(a, id, 0, 0, &kept), RELOAD_ANSWER_NEW);
	/* the oldest has gone */
	assert_int_equal(reload_answer_cache_begin(a, 1, 0, 0, &kept), RELOAD_ANSWER_NEW);
	reload_answer_cache_free(a);
	a = reload_answer_cache_new(10, 100, 15000);
	static const uint8_t bytes[80];
	for (uint64_t id = 1; id <= 3; id++) {
		reload_answer_cache_begin(a, id, 0, 0, &kept);
		reload_answer_cache_keep(a, id, 0, span_of(bytes, 40));
	}
	/* 120 bytes are too many: the first is forgotten, the others are there */
	assert_int_equal(reload_answer_cache_begin(a, 1, 0, 0, &kept), RELOAD_ANSWER_NEW);
	assert_int_equal(reload_answer_cache_begin(a, 2, 0, 0, &kept), RELOAD_ANSWER_READY);
	assert_int_equal(reload_answer_cache_begin(a, 3, 0, 0, &kept), RELOAD_ANSWER_READY);
	reload_answer_cache_free(a);
}

static void answers_go_by_themselves(void **state)
{
	(void)state;
	struct reload_answer_cache *a = reload_answer_cache_new(100, 1000, 15000);
	struct span kept;
	assert_int_equal(reload_answer_cache_expire(a, 0), RELOAD_NEVER);
	for (uint64_t i = 0; i < 40; i++) {
		reload_answer_cache_begin(a, i * 7 % 40, i, i, &kept);
		reload_answer_cache_keep(a, i * 7 % 40, i, span_of(&i, sizeof(i)));
	}
	/* R-6.2.1-11: none goes before its time, and all are found whatever the order of their numbers */
	assert_int_equal(reload_answer_cache_expire(a, 14999), 15039);
	for (uint64_t i = 0; i < 40; i++) {
		assert_int_equal(reload_answer_cache_begin(a, i * 7 % 40, i, 14999, &kept),
			RELOAD_ANSWER_READY);
		assert_memory_equal(kept.at, &i, sizeof(i));
	}
	assert_int_equal(reload_answer_cache_expire(a, 15020), 15039);
	assert_int_equal(
		reload_answer_cache_begin(a, 21 * 7 % 40, 21, 15020, &kept), RELOAD_ANSWER_READY);
	assert_int_equal(
		reload_answer_cache_begin(a, 20 * 7 % 40, 20, 15020, &kept), RELOAD_ANSWER_NEW);
	reload_answer_cache_forget(a, 20 * 7 % 40, 20);
	assert_int_equal(reload_answer_cache_expire(a, 15039), RELOAD_NEVER);
	reload_answer_cache_free(a);
}

static void marks(void **state)
{
	(void)state;
	static const uint8_t zero[3];
	assert_true(reload_originator_digest(span_str("abc")) ==
		    reload_originator_digest(span_str("abc")));
	assert_true(reload_originator_digest(span_str("abc")) !=
		    reload_originator_digest(span_str("abd")));
	assert_true(reload_originator_digest(span_of(zero, 2)) !=
		    reload_originator_digest(span_of(zero, 3)));
	assert_true(reload_originator_digest(span_of(NULL, 0)) !=
		    reload_originator_digest(span_of(zero, 1)));
}

/* -- states --------------------------------------------------------------------------------------------------------------------- */

static void states(void **state)
{
	(void)state;
	struct reload_return_paths *s = reload_return_paths_new(3, 1000);
	uint32_t link = 0;
	assert_false(reload_return_paths_get(s, 1, 0, &link));
	reload_return_paths_put(s, 1, 11, 0);
	reload_return_paths_put(s, 2, 22, 500);
	assert_true(reload_return_paths_get(s, 1, 1000, &link));
	assert_int_equal(link, 11);
	/* R-6.1.2-08 R-6.1.2-09: for its lifetime, no longer */
	assert_false(reload_return_paths_get(s, 1, 1001, &link));
	assert_true(reload_return_paths_get(s, 2, 1001, &link));
	/* a repeat refreshes it, perhaps over another link */
	reload_return_paths_put(s, 2, 23, 1400);
	assert_true(reload_return_paths_get(s, 2, 2400, &link));
	assert_int_equal(link, 23);
	assert_int_equal(reload_return_paths_count(s, 2400), 1);
	for (uint64_t id = 3; id < 10; id++)
		reload_return_paths_put(s, id, (uint32_t)id, 2400);
	assert_int_equal(reload_return_paths_count(s, 2400), 3); /* the oldest go */
	assert_false(reload_return_paths_get(s, 6, 2400, &link));
	assert_true(reload_return_paths_get(s, 7, 2400, &link));
	assert_int_equal(reload_return_paths_count(s, 10000), 0);
	reload_return_paths_free(s);
	reload_return_paths_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(copies_are_remembered),
		cmocka_unit_test(ends),
		cmocka_unit_test(answers),
		cmocka_unit_test(answers_are_bounded),
		cmocka_unit_test(answers_go_by_themselves),
		cmocka_unit_test(marks),
		cmocka_unit_test(states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
