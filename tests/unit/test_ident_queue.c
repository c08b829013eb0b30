/* Jobs that wait are shared fairly by who causes them. */
#include "ident/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_job *job_of(uint64_t share, uintptr_t number)
{
	struct reload_job *job = RELOAD_NEW(reload_job);
	job->share = share;
	job->arg = (void *)number;
	return job;
}

static void expect(struct reload_job_queue *q, uint64_t share, uintptr_t number)
{
	struct reload_job *job = reload_job_queue_get(q);
	assert_non_null(job);
	assert_int_equal(job->share, share);
	assert_int_equal((uintptr_t)job->arg, number);
	reload_job_free(job);
}

static void who_asks_for_much_waits(void **state)
{
	(void)state;
	struct reload_job_queue q = { .count = 0 };
	assert_null(reload_job_queue_get(&q));
	for (uintptr_t i = 0; i < 1000; i++)
		reload_job_queue_put(&q, job_of(5, i));
	reload_job_queue_put(&q, job_of(6, 0));
	reload_job_queue_put(&q, job_of(0, 0));
	reload_job_queue_put(&q, job_of(6, 1));
	assert_int_equal(q.count, 1003);
	/* this node's own, then one of each in turn, each in its order */
	expect(&q, 0, 0);
	expect(&q, 5, 0);
	expect(&q, 6, 0);
	expect(&q, 5, 1);
	expect(&q, 6, 1);
	reload_job_queue_put(&q, job_of(0, 1));
	expect(&q, 0, 1);
	for (uintptr_t i = 2; i < 1000; i++)
		expect(&q, 5, i);
	assert_null(reload_job_queue_get(&q));
	reload_job_queue_put(&q, job_of(5, 7));
	expect(&q, 5, 7);
	assert_int_equal(q.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_for_much_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
