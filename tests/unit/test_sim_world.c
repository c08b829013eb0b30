/* The world of the simulator: it is repeatable, and its nodes start, crash and come back as ordered. */
#include "sim/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	NODES = 12
};

struct watch {
	size_t after, calls;
	reload_ms called[4];
	bool halt;
	size_t remembered, refused;
	reload_ms link_down;
};

static void on_after(void *arg, struct reload_sim *s, struct reload_sim_node *n)
{
	struct watch *w = arg;
	assert_ptr_equal(n->sim, s);
	w->after++;
	if (w->halt)
		reload_sim_halt(s);
}

static void on_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct watch *w = arg;
	(void)n;
	w->remembered += ev->type == RELOAD_EV_BOOTSTRAP_FROM_CACHE;
	if (ev->type == RELOAD_EV_LINK_DOWN && !w->link_down)
		w->link_down = reload_sim_now(n->sim);
}

static struct reload_sim *world(struct watch *w, uint64_t seed, const char *latency, uint32_t loss,
	enum reload_sim_links links)
{
	struct reload_sim_setup setup = { .seed = seed,
		.nodes = NODES,
		.latency = reload_sim_latency_find(latency),
		.loss = loss,
		.links = links,
		.store_limit = 1 << 20 };
	struct reload_sim_hooks hooks = { .arg = w, .after = on_after, .event = on_event };
	return reload_sim_new(&setup, w ? &hooks : NULL);
}

/* All nodes but `rest` join, one every second. */
static void grow(struct reload_sim *s, size_t rest)
{
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i + rest < reload_sim_count(s); i++) {
		size_t through = i - 1;
		assert_true(reload_sim_run(s, reload_sim_now(s) + 1000));
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, &through, 1);
	}
	assert_true(reload_sim_run(s, reload_sim_now(s) + 20000));
	for (size_t i = 0; i + rest < reload_sim_count(s); i++)
		assert_int_equal(reload_sim_node(s, i)->state, RELOAD_STATE_JOINED);
}

static uint64_t eventful(
	uint64_t seed, const char *latency, uint32_t loss, enum reload_sim_links links)
{
	AUTO(reload_sim) s = world(NULL, seed, latency, loss, links);
	grow(s, 2);
	reload_sim_crash(s, 3, RELOAD_SIM_MACHINE, true);
	reload_sim_side(s, 5, 1);
	reload_sim_cut(s, 1, 2, true);
	reload_sim_node(s, 4)->skew_ms = -5000;
	reload_sim_run(s, reload_sim_now(s) + 40000);
	reload_sim_side(s, 5, 0);
	reload_sim_cut(s, 1, 2, false);
	reload_sim_start(s, 3, false, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_crash(s, 6, RELOAD_SIM_PROCESS, false);
	reload_sim_leave(s, 7);
	reload_sim_run(s, reload_sim_now(s) + 5000);
	reload_sim_stop(s, 7);
	reload_sim_run(s, reload_sim_now(s) + 60000);
	return reload_sim_digest(s);
}

static void equal_seeds_are_equal(void **state)
{
	(void)state;
	uint64_t digest = eventful(3, "wan", 10000, RELOAD_SIM_LINKS_TLS);
	assert_true(digest == eventful(3, "wan", 10000, RELOAD_SIM_LINKS_TLS));
	assert_true(digest != eventful(4, "wan", 10000, RELOAD_SIM_LINKS_TLS));
	assert_true(eventful(3, "mobile", 10000, RELOAD_SIM_LINKS_DTLS) ==
		    eventful(3, "mobile", 10000, RELOAD_SIM_LINKS_DTLS));
	assert_true(eventful(3, "lan", 0, RELOAD_SIM_LINKS_TLS) ==
		    eventful(3, "lan", 0, RELOAD_SIM_LINKS_TLS));
}

static void note(void *arg, struct reload_sim *s)
{
	struct watch *w = arg;
	w->called[w->calls++] = reload_sim_now(s);
}

static void calls_and_halts(void **state)
{
	struct watch w = { 0 };
	(void)state;
	AUTO(reload_sim) s = world(&w, 1, "lan", 0, RELOAD_SIM_LINKS_TLS);
	reload_ms from = reload_sim_now(s);
	reload_sim_at(s, from + 9000, note, &w); /* beyond the wheel */
	reload_sim_at(s, from + 10, note, &w);
	reload_sim_at(s, 0, note, &w);
	assert_true(reload_sim_run(s, from + 8999));
	assert_int_equal(reload_sim_now(s), from + 8999);
	assert_int_equal(w.calls, 2);
	assert_int_equal(w.called[0], from);
	assert_int_equal(w.called[1], from + 10);
	assert_true(reload_sim_run(s, from + 9000));
	assert_int_equal(w.called[2], from + 9000);
	assert_int_equal(w.after, 0); /* no engine ran */
	w.halt = true;
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_start(s, 1, false, RELOAD_ROLE_PEER, NULL, 0);
	assert_false(reload_sim_run(s, from + 100000));
	assert_true(reload_sim_now(s) < from + 100000);
	size_t after = w.after;
	assert_true(after > 0);
	assert_false(reload_sim_run(s, from + 100000));
	assert_int_equal(w.after, after + 1); /* one event a time */
}

/* Events of one time happen in the order of queueing, also when some were far ahead at first. */
static void order_of_queueing_stays(void **state)
{
	struct watch w[4] = { { 0 } };
	(void)state;
	AUTO(reload_sim) s = world(NULL, 1, "lan", 0, RELOAD_SIM_LINKS_TLS);
	reload_ms at = reload_sim_now(s) + 3 * RELOAD_SIM_WHEEL;
	reload_sim_at(s, at, note, &w[0]);
	reload_sim_at(s, at - 1, note, &w[1]);
	reload_sim_run(s, at - 10);
	struct reload_sim_event *ev;
	reload_sim_at(s, at, note, &w[2]);
	void *const expected[] = { &w[1], &w[0], &w[2] };
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_non_null(ev = reload_sim_event_take(s, at));
		assert_ptr_equal(ev->arg, expected[i]);
		reload_sim_event_free(s, ev);
	}
	assert_null(reload_sim_event_take(s, at));
}

static void wakes_have_one_place(void **state)
{
	(void)state;
	AUTO(reload_sim) s = world(NULL, 1, "lan", 0, RELOAD_SIM_LINKS_TLS);
	struct reload_sim_body *n = s->nodes;
	for (reload_ms t = 0; t < 1000; t++)
		for (size_t i = 0; i < NODES; i++)
			reload_sim_wake_set(&n[i], s->now + 1000 + (t * 7 + i * 13) % 500);
	assert_int_equal(s->queue.wakes_count, NODES);
	for (size_t i = 0; i < NODES; i++)
		reload_sim_wake_set(&n[i], s->now + 100 + NODES - i);
	reload_sim_wake_set(&n[NODES - 1], RELOAD_NEVER);
	reload_sim_wake_set(&n[0], s->now + 5);
	reload_sim_wake_set(&n[0], s->now + 105); /* later: moved when its turn comes */
	assert_null(reload_sim_wake_take(s));
	assert_ptr_equal(reload_sim_wake_take(s), &n[NODES - 2]);
	for (size_t i = NODES - 2, last = 0; s->queue.wakes_count; i--) {
		reload_ms at = reload_sim_wake_next(s);
		assert_true(at >= last);
		last = at;
		reload_sim_wake_take(s);
	}
}

static bool has_values(struct reload_sim_node *n)
{
	size_t values, bytes;
	return n->storage->ops->count(
		       n->storage, RELOAD_SIM_EPOCH + reload_sim_now(n->sim), &values, &bytes) > 0;
}

static void disk_outlives_a_crash(void **state)
{
	struct watch w = { 0 };
	(void)state;
	AUTO(reload_sim) s = world(&w, 8, "wan", 0, RELOAD_SIM_LINKS_TLS);
	grow(s, 0);
	struct reload_sim_node *n = reload_sim_node(s, 4);
	struct reload_storage *storage = n->storage;
	assert_true(has_values(n)); /* certificates */
	assert_true(s->nodes[4].cached_count > 0);
	reload_sim_crash(s, 4, RELOAD_SIM_PROCESS, true);
	assert_null(n->peer);
	assert_int_equal(n->state, RELOAD_STATE_STOPPED);
	assert_int_equal(n->stopped_at, reload_sim_now(s));
	assert_ptr_equal(n->storage, storage);
	reload_sim_run(s, reload_sim_now(s) + 1000);
	/* its configured bootstrap node is cut off: it joins through cached addresses */
	reload_sim_side(s, 0, 1);
	reload_sim_start(s, 4, false, RELOAD_ROLE_PEER, NULL, 0);
	assert_ptr_equal(n->storage, storage);
	assert_int_equal(n->lives, 2);
	reload_sim_run(s, reload_sim_now(s) + 60000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	/* R-11.4-02 */
	assert_true(w.remembered > 0);
}

static void nothing_outlives_a_crash_without_disk(void **state)
{
	(void)state;
	AUTO(reload_sim) s = world(NULL, 8, "wan", 0, RELOAD_SIM_LINKS_TLS);
	grow(s, 0);
	struct reload_sim_node *n = reload_sim_node(s, 4);
	reload_sim_crash(s, 4, RELOAD_SIM_MACHINE, false);
	assert_null(n->storage);
	assert_int_equal(s->nodes[4].cached_count, 0);
	reload_sim_start(s, 4, false, RELOAD_ROLE_PEER, NULL, 0);
	assert_false(has_values(n));
	reload_sim_run(s, reload_sim_now(s) + 60000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
}

/* A dial to a machine that is off, or on another side, ends with a timeout; one to a dead process at once. */
static void dial_into_silence(void **state)
{
	struct watch w = { 0 };
	(void)state;
	AUTO(reload_sim) s = world(&w, 2, "wan", 0, RELOAD_SIM_LINKS_TLS);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_side(s, 0, 1);
	reload_ms from = reload_sim_now(s);
	reload_sim_start(s, 1, false, RELOAD_ROLE_PEER, NULL, 0);
	assert_int_equal(s->nodes[1].links_count, 1);
	reload_sim_run(s, from + RELOAD_SIM_CONNECT_MS - 1);
	assert_int_equal(s->nodes[1].links_count, 1);
	reload_sim_run(s, from + RELOAD_SIM_CONNECT_MS);
	struct reload_sim_link *first = s->nodes[1].links_count ? s->nodes[1].links[0].link : NULL;
	assert_true(!first || first->end[0].number != 1); /* given up */
	reload_sim_stop(s, 1);
	reload_sim_crash(s, 0, RELOAD_SIM_PROCESS, false);
	reload_sim_side(s, 0, 0);
	from = reload_sim_now(s);
	reload_sim_start(s, 1, false, RELOAD_ROLE_PEER, NULL, 0);
	uint32_t number = s->nodes[1].links[0].link->end[0].number;
	reload_sim_run(s, from + 1000);
	unsigned end;
	assert_null(reload_sim_link_find(&s->nodes[1], number, &end));
}

static void memory_goes_back(void **state)
{
	(void)state;
	AUTO(reload_sim) s = world(NULL, 1, "wan", 0, RELOAD_SIM_LINKS_TLS);
	size_t empty = reload_sim_memory(s);
	grow(s, 0);
	assert_true(reload_sim_memory(s) > empty);
	for (size_t i = 0; i < NODES; i++)
		reload_sim_crash(s, i, RELOAD_SIM_MACHINE, false);
	reload_sim_run(s, reload_sim_now(s) + 120000);
	assert_int_equal(s->memory, 0); /* no event, no message, no link */
	assert_int_equal(s->queue.wakes_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_seeds_are_equal),
		cmocka_unit_test(calls_and_halts),
		cmocka_unit_test(order_of_queueing_stays),
		cmocka_unit_test(wakes_have_one_place),
		cmocka_unit_test(disk_outlives_a_crash),
		cmocka_unit_test(nothing_outlives_a_crash_without_disk),
		cmocka_unit_test(dial_into_silence),
		cmocka_unit_test(memory_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
