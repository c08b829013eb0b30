#include "sim/hold_down.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A ring of healthy engines; the events of failures are made up. */
enum {
	NODES = 12,
	FEW = 5, /* with one less, successors are predecessors too */
	SETTLE_MS = 60000
};

static struct reload_sim *s;
static struct reload_sim_hold_down *h;
static struct reload_sim_node *n;
static struct reload_status st;
static struct reload_sim_violation v;
static struct reload_sim_sent *sent;
static bool
	hears; /* the checker is told what the nodes have said; else the made-up events are in their past */

static void hook_sent(void *arg, const struct reload_sim_node *from, struct span message)
{
	(void)arg;
	if (from->peer)
		reload_sim_sent_message(sent, from, message, reload_sim_now(s), &v);
}

static bool tell(enum reload_event_type type, const struct reload_id *node, reload_ms at)
{
	return reload_sim_hold_down_event(h, n,
		&(struct reload_event){ .type = type, .node = node, .count = 1 },
		hears ? sent : NULL, at, &v);
}

static void tables_read(void)
{
	reload_peer_status(n->peer, &st);
	tell(RELOAD_EV_ROUTING_CHANGED, NULL, 1000);
	reload_sim_hold_down_after(h, n);
}

/* A ring of that many, seen by the node watched. */
static int grow(uint64_t seed, size_t nodes, size_t watched)
{
	const struct reload_sim_setup setup = { .seed = seed,
		.nodes = nodes,
		.latency = reload_sim_latency_find("lan"),
		.store_limit = 1 << 20 };
	static const struct reload_sim_hooks hooks = { .sent = hook_sent };
	sent = reload_sim_sent_new(nodes);
	s = reload_sim_new(&setup, &hooks);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i < nodes; i++)
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_run(s, SETTLE_MS);
	n = reload_sim_node(s, watched);
	h = reload_sim_hold_down_new(nodes);
	tables_read();
	return st.tables.successors_count < 3;
}

static int grown(void **state)
{
	(void)state;
	return grow(5, NODES, 3);
}

static int grown_all_near(void **state)
{
	(void)state;
	return grow(2, FEW, 4);
}

static int grown_around_the_first(void **state)
{
	(void)state;
	return grow(2, FEW, 0);
}

static int grown_spread(void **state)
{
	(void)state;
	return grow(1, FEW, 4);
}

static int gone(void **state)
{
	(void)state;
	reload_sim_hold_down_free(h);
	reload_sim_free(s);
	reload_sim_sent_free(sent);
	hears = false;
	return 0;
}

static void a_replacement_waits(void **state)
{
	(void)state;
	const struct reload_id *after = st.tables.successors;
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 2000)); /* nothing has failed */
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &after[0], 2000));
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 31999)); /* R-10.7.1-03 */
	assert_int_equal(v.check, RELOAD_SIM_CHECK_HOLD_DOWN);
	assert_int_equal(v.at, 31999);
	assert_non_null(strstr(v.words, "peer 3 began to store replicas"));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 32000));
}

static void others_do_not_wait(void **state)
{
	(void)state;
	const struct reload_id *after = st.tables.successors, *before = st.tables.predecessors;
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &before[0], 2000));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 2100)); /* no member failed */
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &after[1], 2200));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[0], 2300)); /* was a member */
	assert_true(tell(
		RELOAD_EV_TRANSFER_STARTED, &before[0], 2300)); /* gets its part of the range */
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 2300));
	assert_true(tell(RELOAD_EV_STATE, NULL, 2400)); /* the node was started again */
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 2500));
}

static void the_nearest_failure_counts(void **state)
{
	(void)state;
	const struct reload_id *after = st.tables.successors;
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &after[1], 2000));
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &after[0], 12000));
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 41999));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 42000));
}

static bool first_half(const struct reload_id *node)
{
	struct reload_id there = reload_id_distance(&n->id, node),
			 back = reload_id_distance(node, &n->id);
	return reload_id_cmp(&there, &back) < 0;
}

static size_t index_of(const struct reload_id *node)
{
	size_t i = 0;
	while (!reload_id_eq(&reload_sim_node(s, i)->id, node))
		i++;
	return i;
}

static void crash(const struct reload_id *node)
{
	reload_sim_crash(s, index_of(node), RELOAD_SIM_PROCESS, false);
	reload_sim_run(s, reload_sim_now(s) + SETTLE_MS);
}

static void start(const struct reload_id *node)
{
	size_t bootstrap = n->index;
	reload_sim_start(s, index_of(node), false, RELOAD_ROLE_PEER, &bootstrap, 1);
	reload_sim_run(s, reload_sim_now(s) + SETTLE_MS);
}

/* In a small ring the peer before us may be on the half of the ring behind us, or a successor too. */
static void a_new_owner_does_not_wait(void **state)
{
	(void)state;
	struct reload_id before = st.tables.predecessors[0], third = st.tables.successors[2];
	struct reload_id lost = st.tables.successors[0];
	assert_true(first_half(&before));
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &lost, 2000));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &before, 2300)); /* its part of the range */
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &third, 2300)); /* R-10.7.1-03 */

	crash(&lost);
	reload_peer_status(n->peer, &st);
	assert_true(reload_id_listed(st.tables.successors, st.tables.successors_count, &before));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &before, 2400));
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &third, 2400));
}

/* 1 of the ring goes, 3 fails, and 1 comes back: it is a better match than the replacement of 3. */
static void a_nearer_node_does_not_wait(void **state)
{
	(void)state;
	struct reload_id first = st.tables.successors[0], third = st.tables.successors[2];
	crash(&first);
	tables_read();
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &third, 2000));
	start(&first);
	reload_peer_status(n->peer, &st);
	assert_true(reload_id_eq(&st.tables.successors[0], &first));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &first, 2300));
}

/* The first node of a ring is one by itself when the others are lost. */
static void a_new_ring_does_not_wait(void **state)
{
	(void)state;
	struct reload_id others[FEW - 1];
	size_t count = st.tables.successors_count;
	memcpy(others, st.tables.successors, count * sizeof(*others));
	others[count] = st.tables.predecessors[0];
	assert_int_equal(count + 1, COUNT_OF(others));
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &others[0], 2000));
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &others[2], 2100));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		crash(&others[i]);
	tables_read();
	for (size_t i = 0; i < COUNT_OF(others); i++)
		start(&others[i]);
	reload_peer_status(n->peer, &st);
	assert_int_equal(st.tables.successors_count, count);
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &others[2], 2200));
}

static void a_far_replacement_waits(void **state)
{
	(void)state;
	const struct reload_id *after = st.tables.successors;
	assert_false(first_half(&after[2]));
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &after[0], 2000));
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 2300)); /* R-10.7.1-03 */
}

/* R-3-06: it may say itself that it is a holder, which it does when it has noticed the failure. */
static void a_replacement_that_says_so_does_not_wait(void **state)
{
	(void)state;
	struct reload_id first = st.tables.successors[0], third = st.tables.successors[2];
	reload_ms now = reload_sim_now(s);
	hears = true;
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &first, now));
	assert_false(tell(RELOAD_EV_TRANSFER_STARTED, &third, now + 100));
	crash(&first);
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &third, now + 200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_replacement_waits, grown, gone),
		cmocka_unit_test_setup_teardown(others_do_not_wait, grown, gone),
		cmocka_unit_test_setup_teardown(the_nearest_failure_counts, grown, gone),
		cmocka_unit_test_setup_teardown(a_new_owner_does_not_wait, grown_all_near, gone),
		cmocka_unit_test_setup_teardown(a_nearer_node_does_not_wait, grown, gone),
		cmocka_unit_test_setup_teardown(
			a_new_ring_does_not_wait, grown_around_the_first, gone),
		cmocka_unit_test_setup_teardown(a_far_replacement_waits, grown_spread, gone),
		cmocka_unit_test_setup_teardown(
			a_replacement_that_says_so_does_not_wait, grown, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
