/* What repairs cost: the bounds, what is counted, and resources of many messages. */
#include "sim/cost_check.h"
#include "sim/large.h"
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void stores_have_a_bound(void **state)
{
	(void)state;
	const struct reload_sim_setup setup = { .seed = 1, .nodes = 1 };
	AUTO(reload_sim) s = reload_sim_new(&setup, NULL);
	struct reload_sim_cost c = { .changes = 24, .stored = 30, .messages = 50 };
	struct reload_sim_violation v;
	double bound = reload_sim_cost_bound(&c);
	c.sent = (uint64_t)bound;
	assert_true(reload_sim_check_cost(&c, s, &v));
	c.sent++;
	assert_false(reload_sim_check_cost(&c, s, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_STORES);
	/* one more change of the ring explains them */
	c.changes++;
	assert_true(reload_sim_check_cost(&c, s, &v));
	assert_true(reload_sim_cost_bound(&c) >= bound + c.messages);
	c.held = (size_t)1 << 30;
	assert_false(reload_sim_check_cost(&c, s, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_HELD);
}

static void requests_under_way_hold_memory(void **state)
{
	(void)state;
	const struct reload_sim_setup setup = {
		.seed = 1, .nodes = 2, .latency = reload_sim_latency_find("wan")
	};
	AUTO(reload_sim) s = reload_sim_new(&setup, NULL);
	struct reload_sim_cost c = { 0 };
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_start(s, 1, false, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_run(s, 20000);
	enum reload_err err;
	struct reload_destination to = reload_dest_node(&reload_sim_node(s, 1)->id);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_peer *peer = reload_sim_node(s, 0)->peer;
	size_t before = reload_peer_request_bytes(peer);
	struct reload_request *r = reload_peer_ping(peer, &target, 1000, NULL, NULL, &err);
	assert_non_null(r);
	assert_true(reload_peer_request_bytes(peer) >= before + 1000);
	reload_sim_cost_look(&c, s, 0);
	assert_true(c.held >= 1000 && c.messages > 0);
	reload_request_cancel(peer, r);
	reload_sim_run(s, reload_sim_now(s) + 20000);
	assert_int_equal(reload_peer_request_bytes(peer), 0);
}

/* An array of 64 kB reaches all three holders, and costs more Stores than small values do. */
static void a_large_array_takes_many_messages(void **state)
{
	(void)state;
	static struct reload_sim_outcome small, large;
	struct reload_sim_scenario scenario;
	reload_sim_scenario_init(&scenario);
	scenario.peers = 8;
	scenario.duration = 60000;
	scenario.commit_time =
		1000; /* requests are under way when the held bytes are looked at, which they are once a second */
	reload_sim_scenario_run(&scenario, 1, NULL, &small);
	assert_true(small.ok);
	scenario.large = 500000;
	reload_sim_scenario_run(&scenario, 1, NULL, &large);
	assert_true(large.ok);
	assert_true(large.repair_stores > small.repair_stores + 2 * RELOAD_SIM_LARGE_ENTRIES);
	assert_true(large.held_bytes > 4 * small.held_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_have_a_bound),
		cmocka_unit_test(requests_under_way_hold_memory),
		cmocka_unit_test(a_large_array_takes_many_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
