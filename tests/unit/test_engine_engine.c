#include "engine/engine.h"

#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The floor of a node with a host that writes down what it is asked. */
struct fixture {
	struct reload_engine *engine;
	reload_ms now, wake;
	unsigned char bytes[4]; /* what each byte of the next random numbers is */
	size_t drawn;
	struct reload_event last;
	size_t results, delivered;
	bool timer_first;
	struct reload_timer timer;
};

static reload_ms now(void *host)
{
	return ((struct fixture *)host)->now;
}

static reload_utc wall(void *host)
{
	return 1000 + ((struct fixture *)host)->now;
}

static void draw(void *host, void *out, size_t len)
{
	struct fixture *w = host;
	memset(out, w->bytes[w->drawn++ % sizeof(w->bytes)], len);
}

static void wake_at(void *host, reload_ms when)
{
	((struct fixture *)host)->wake = when;
}

static void event(void *host, const struct reload_event *ev)
{
	((struct fixture *)host)->last = *ev;
}

static void deliver(void *arg)
{
	struct fixture *w = arg;
	assert_false(w->engine->inside);
	w->delivered += w->results;
	w->results = 0;
}

static bool waiting(void *arg)
{
	return ((struct fixture *)arg)->results > 0;
}

static int setup(void **state)
{
	static const struct reload_host_ops ops = {
		.now = now, .wall = wall, .random = draw, .wake_at = wake_at, .event = event
	};
	struct fixture *w = RELOAD_NEW(fixture);
	struct reload_config config = { .refs = 2, .node_id_len = 16 };
	const struct reload_id self = { .len = 16, .at = { 7 } };
	w->now = 5;
	w->engine = reload_engine_new(&ops, w, &config, &self);
	w->engine->config = NULL; /* its document is the caller's */
	w->engine->results =
		(struct reload_engine_results){ .arg = w, .deliver = deliver, .waiting = waiting };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *w = *state;
	reload_engine_free(w->engine);
	free(w);
	return 0;
}

static void on_timer(void *arg)
{
	struct fixture *w = arg;
	assert_true(w->engine->inside);
	w->timer_first = !w->delivered;
	w->results++;
}

static void an_input_ends_with_timers_then_results(void **state)
{
	struct fixture *w = *state;
	struct reload_engine *e = w->engine;
	assert_int_equal(e->started, 5);
	reload_engine_enter(e);
	w->now = 20; /* the clocks are read once for an input */
	assert_int_equal(e->now, 5);
	reload_timer_arm(&e->timers, &w->timer, 10, on_timer, w);
	reload_engine_exit(e);
	assert_int_equal(w->delivered, 0);
	assert_int_equal(w->wake, 10);
	reload_engine_enter(e);
	assert_int_equal(e->now, 20);
	assert_int_equal(e->wall, 1020);
	reload_engine_exit(e);
	assert_true(w->timer_first);
	assert_int_equal(w->delivered, 1);
	assert_int_equal(w->wake, RELOAD_NEVER);
}

static void results_of_a_start_come_with_the_next_wake(void **state)
{
	struct fixture *w = *state;
	struct reload_engine *e = w->engine;
	reload_engine_enter(e);
	reload_engine_exit_deferred(e);
	assert_int_equal(w->wake, RELOAD_NEVER);
	reload_engine_enter(e);
	w->results = 1;
	reload_engine_exit_deferred(e);
	assert_int_equal(w->delivered, 0);
	assert_int_equal(w->wake, e->now);
}

static void random_numbers(void **state)
{
	struct fixture *w = *state;
	memcpy(w->bytes, (unsigned char[]){ 0, 0, 1, 0 }, sizeof(w->bytes));
	/* MSG-16: never 0 */
	assert_true(reload_engine_random64(w->engine) == 0x0101010101010101u);
	assert_int_equal(w->drawn, 3);
	memset(w->bytes, 0xff, sizeof(w->bytes));
	assert_int_equal(reload_engine_random_ms(w->engine, 0), 0);
	for (unsigned i = 1; i < 256; i++) {
		memset(w->bytes, (int)i, sizeof(w->bytes));
		assert_in_range(reload_engine_random_ms(w->engine, 9), 0, 8);
		assert_in_range(reload_engine_jitter(w->engine, 100), 50, 149);
	}
}

static void job_ran(void *arg, struct reload_job *job)
{
	(void)job;
	*(bool *)arg = true;
}

static struct reload_job *submitted;

static void job(void *host, struct reload_job *taken)
{
	(void)host;
	submitted = taken;
}

static void jobs_bear_their_cause(void **state)
{
	struct fixture *w = *state;
	struct reload_engine *e = w->engine;
	struct reload_host_ops ops = *e->ops;
	bool done = false;
	ops.job = job;
	e->ops = &ops;
	reload_engine_enter(e);
	e->cause = 42;
	reload_engine_job(e, reload_job_sign(NULL), job_ran, &done);
	reload_engine_exit(e);
	assert_int_equal(submitted->share, 42);
	assert_int_equal(e->jobs, 1);
	assert_int_equal(e->counters[RELOAD_COUNT_SIGNED], 1);
	assert_false(done);
	reload_engine_enter(e);
	assert_int_equal(e->cause, 0); /* each input has its own */
	reload_engine_job_done(e, submitted);
	reload_engine_exit(e);
	assert_true(done);
	assert_int_equal(e->jobs, 0);
}

static void drops_are_counted_and_reported(void **state)
{
	struct fixture *w = *state;
	reload_engine_drop(w->engine, RELOAD_COUNT_DROP_TTL, 3, 9, "too far");
	assert_int_equal(w->engine->counters[RELOAD_COUNT_DROP_TTL], 1);
	assert_int_equal(w->last.type, RELOAD_EV_DROPPED);
	assert_int_equal(w->last.link, 3);
	assert_int_equal(w->last.transaction, 9);
	assert_string_equal(w->last.reason, "too far");
}

int main(void)
{
#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(an_input_ends_with_timers_then_results),
		IN_WORLD(results_of_a_start_come_with_the_next_wake),
		IN_WORLD(random_numbers),
		IN_WORLD(jobs_bear_their_cause),
		IN_WORLD(drops_are_counted_and_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
