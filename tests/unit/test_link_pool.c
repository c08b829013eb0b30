/* The pool of the agent: jobs come back on the thread of the loop, whoever ran them. */
#include "link_fixture.h"
#include "reload-agent/pool.c"

static struct authority root;
static struct reload_poll *loop;
static unsigned handed_back, failed;
static pthread_t main_thread;
static struct reload_pool *pool;
static unsigned more; /* jobs that the next callbacks submit */

static struct reload_job *sign_job(void)
{
	struct reload_job *job = reload_job_sign(root.key);
	wr_u32(&job->input, 42);
	return job;
}

static void done(void *arg, struct reload_job *job)
{
	(void)arg;
	assert_true(pthread_equal(pthread_self(), main_thread));
	handed_back++;
	failed += job->err != RELOAD_OK || !job->signature.len;
	reload_job_free(job);
	if (more) {
		more--;
		reload_pool_submit(pool, sign_job());
	}
}

static int setup(void **state)
{
	(void)state;
	loop = reload_poll_new();
	authority_init(&root, "root");
	main_thread = pthread_self();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	authority_clear(&root);
	reload_poll_free(loop);
	return 0;
}

static void one_job_is_done_here(void **state)
{
	(void)state;
	pool = reload_pool_new(loop, 1, done, NULL);
	handed_back = failed = 0;
	for (unsigned i = 0; i < 5; i++) {
		reload_pool_submit(pool, sign_job());
		assert_int_equal(handed_back, i); /* never inside submit */
		TURN_UNTIL(loop, handed_back == i + 1);
	}
	assert_int_equal(reload_pool_counters(pool).inline_jobs, 5);
	assert_int_equal(pool->workers, 0);
	assert_int_equal(failed, 0);
	reload_pool_free(pool);
}

static void what_a_job_causes_is_done_in_its_turn(void **state)
{
	(void)state;
	pool = reload_pool_new(loop, 1, done, NULL);
	handed_back = failed = 0;
	more = 3;
	reload_pool_submit(pool, sign_job());
	on_pass_end(pool);
	/* the check of a request and the signature of its response; then the sockets have their turn */
	assert_int_equal(handed_back, 2);
	assert_true(pool->hook.due);
	on_pass_end(pool);
	assert_int_equal(handed_back, 4);
	assert_false(pool->hook.due);
	assert_int_equal(failed, 0);
	/* when others wait it is one a pass */
	for (int i = 0; i < 2; i++)
		reload_pool_submit(pool, sign_job());
	on_pass_end(pool);
	assert_int_equal(handed_back, 5);
	assert_true(pool->hook.due);
	TURN_UNTIL(loop, handed_back == 6);
	reload_pool_free(pool);
}

static void many_jobs_are_shared(void **state)
{
	(void)state;
	pool = reload_pool_new(loop, 3, done, NULL);
	handed_back = failed = 0;
	for (int i = 0; i < 2000; i++)
		reload_pool_submit(pool, sign_job());
	TURN_UNTIL(loop, handed_back == 2000);
	struct reload_pool_counters c = reload_pool_counters(pool);
	assert_int_equal(c.inline_jobs + c.worker_jobs, 2000);
	assert_true(c.worker_jobs > 0);
	assert_int_equal(c.waiting, 0);
	assert_int_equal(failed, 0);
	/* results may submit more */
	more = 50;
	reload_pool_submit(pool, sign_job());
	TURN_UNTIL(loop, handed_back == 2051);
	reload_pool_free(pool);
}

static void work_that_is_left_is_freed(void **state)
{
	(void)state;
	enum {
		JOBS = 5000 /* more than the workers do while this thread has to wait for a processor */
	};
	pool = reload_pool_new(loop, 0, done, NULL);
	handed_back = 0;
	for (int i = 0; i < JOBS; i++)
		reload_pool_submit(pool, sign_job());
	reload_poll_pass(loop, 0);
	reload_poll_pass(loop, 0);
	assert_true(handed_back < JOBS);
	reload_pool_free(pool); /* the sanitizer would see a leak */
	reload_pool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_job_is_done_here),
		cmocka_unit_test(what_a_job_causes_is_done_in_its_turn),
		cmocka_unit_test(many_jobs_are_shared),
		cmocka_unit_test(work_that_is_left_is_freed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
