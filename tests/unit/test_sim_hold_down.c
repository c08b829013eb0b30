#include "sim/hold_down.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A ring of healthy engines; the events of failures are made up. */
enum {
	NODES = 12,
	SETTLE_MS = 60000
};

static struct reload_sim *s;
static struct reload_sim_hold_down *h;
static struct reload_sim_node *n;
static struct reload_status st;
static struct reload_sim_violation v;

static bool tell(enum reload_event_type type, const struct reload_id *node, reload_ms at)
{
	return reload_sim_hold_down_event(
		h, n, &(struct reload_event){ .type = type, .node = node, .count = 1 }, at, &v);
}

static int grown(void **state)
{
	(void)state;
	const struct reload_sim_setup setup = { .seed = 5,
		.nodes = NODES,
		.latency = reload_sim_latency_find("lan"),
		.store_limit = 1 << 20 };
	s = reload_sim_new(&setup, NULL);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i < NODES; i++)
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_run(s, SETTLE_MS);
	n = reload_sim_node(s, 3);
	reload_peer_status(n->peer, &st);
	h = reload_sim_hold_down_new(NODES);
	tell(RELOAD_EV_ROUTING_CHANGED, NULL, 1000);
	reload_sim_hold_down_after(h, n);
	return st.tables.successors_count < 3;
}

static int gone(void **state)
{
	(void)state;
	reload_sim_hold_down_free(h);
	reload_sim_free(s);
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
	struct reload_id between = reload_id_add_power(&n->id, 0);
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &before[0], 2000));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[2], 2100)); /* no member failed */
	assert_true(tell(RELOAD_EV_NEIGHBOUR_LOST, &after[1], 2200));
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &after[0], 2300)); /* was a member */
	assert_true(tell(RELOAD_EV_TRANSFER_STARTED, &between, 2300));  /* a nearer newcomer */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_replacement_waits, grown, gone),
		cmocka_unit_test_setup_teardown(others_do_not_wait, grown, gone),
		cmocka_unit_test_setup_teardown(the_nearest_failure_counts, grown, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
