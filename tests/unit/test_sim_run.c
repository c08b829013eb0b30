#include "sim/run.h"
#include "sim/stats.h"

#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct reload_sim_scenario s;
static struct reload_sim_outcome one, two;
static struct reload_sim_watch watch;
static unsigned asked, ask_until;

static int fresh(void **state)
{
	(void)state;
	reload_sim_scenario_init(&s);
	s.peers = 16;
	s.duration = 120000;
	s.stores = 60;
	s.fetches = 120;
	memset(&watch, 0, sizeof(watch));
	asked = 0;
	ask_until = 0;
	return 0;
}

static bool progress(void *arg, reload_ms now, reload_ms until, size_t joined)
{
	(void)arg;
	(void)joined;
	assert_true(now <= until);
	return ++asked != ask_until;
}

static void a_calm_run_holds_everything(void **state)
{
	(void)state;
	s.clients = 3;
	watch.progress = progress;
	reload_sim_scenario_run(&s, 3, &watch, &one);
	assert_string_equal(one.violation.words, "");
	assert_true(one.ok);
	assert_int_equal(one.peers, 19);
	assert_true(one.values >= 19);
	assert_int_equal(one.expected_lost, 0);
	assert_true(one.stores > 19);
	assert_int_equal(one.stores_acknowledged, one.stores);
	assert_true(one.fetches_expected > 50);
	assert_int_equal(one.fetches_good, one.fetches_expected);
	assert_int_equal(one.hops.count, one.fetches);
	assert_int_equal(one.join_ms.count, 19);
	assert_true(one.fetch_ms.p50 <= one.fetch_ms.p95 && one.fetch_ms.p95 <= one.fetch_ms.max);
	assert_true(one.maintenance_bytes_per_peer_hour > 0);
	assert_true(one.samples_count > 60);
	assert_int_equal(one.samples[one.samples_count - 1].joined, 19);
	assert_true(asked > 100);
	/* duration, then at least 40 s of quiet */
	assert_true(one.virtual_ms > one.load_at + s.duration + 40000);
}

static void everything_at_work(void)
{
	s.crashes = 200000;
	s.restarts = 1000000;
	s.absence = 10000;
	s.cuts = 3;
	s.cut_time = 20000;
	s.jumps = 3;
	s.skew = 500;
	s.loss = 10000;
	s.slow = 100000;
	s.duplicate = 10000;
}

static void links_are_counted(void **state)
{
	(void)state;
	s.peers = 5;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	/* each is a neighbour of all others */
	assert_true(one.links_per_peer == 4 && one.needed_links_per_peer == 4);
	s.peers = 30;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_true(one.needed_links_per_peer > 6);
	assert_true(one.links_per_peer > one.needed_links_per_peer + 3);
}

/* What nobody needs is closed in the end, and nothing else: the ring holds. */
static void a_quiet_ring_has_few_links(void **state)
{
	(void)state;
	s.peers = 30;
	s.stores = s.fetches = 0;
	s.duration = 3000000;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_true(one.ok);
	assert_true(one.needed_links_per_peer > 6);
	assert_true(one.links_per_peer < one.needed_links_per_peer + 1.5);
}

static void equal_seeds_make_equal_runs(void **state)
{
	(void)state;
	everything_at_work();
	reload_sim_scenario_run(&s, 3, NULL, &one);
	reload_sim_scenario_run(&s, 3, NULL, &two);
	assert_true(one.faults_count > 5);
	assert_int_equal(one.digest, two.digest);
	assert_memory_equal(&one.counts, &two.counts, sizeof(one.counts));
	assert_int_equal(one.fetches_good, two.fetches_good);
	assert_string_equal(one.faults, "loss duplicate slow skew crashes cuts jumps");
	reload_sim_scenario_run(&s, 4, NULL, &two);
	assert_int_not_equal(one.digest, two.digest);
}

static void only_what_is_named_happens(void **state)
{
	(void)state;
	s.crashes = 200000;
	s.restarts = 0;
	watch.only_faults = "crash1";
	reload_sim_scenario_run(&s, 3, &watch, &one);
	assert_int_equal(one.faults_count, 1);
	assert_int_equal(one.peers, 15);
	watch.only_faults = "none";
	reload_sim_scenario_run(&s, 3, &watch, &one);
	assert_true(one.ok);
	assert_int_equal(one.faults_count, 0);
	assert_int_equal(one.peers, 16);
	assert_int_equal(one.heal_ms.count, 0);
}

/* Neighbours of a machine that went silently need 30 s to notice: within one second no ring closes. */
static void a_ring_that_does_not_close_in_time_is_a_violation(void **state)
{
	(void)state;
	s.crashes = 200000;
	s.machine = 1000000;
	s.restarts = 0;
	s.duration = 10000;
	s.quiet = 1000;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_false(one.ok);
	assert_int_equal(one.violation.check, RELOAD_SIM_CHECK_RING);
	assert_true(one.violation.at >= one.load_at + s.duration + s.quiet);
	assert_true(strlen(one.violation.words) > 10);
}

/* A storage that is too small refuses Stores: nothing is acknowledged, so nothing is owed. */
static void refused_stores_are_not_owed(void **state)
{
	(void)state;
	s.store_limit = 4096;
	s.value_size = 2000;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_true(one.stores_acknowledged < one.stores);
}

static void leaves_and_returns_lose_nothing(void **state)
{
	(void)state;
	s.churn = RELOAD_SIM_SESSIONS_EXPONENTIAL;
	s.session = 120000;
	s.graceful = 1000000;
	s.absence = 5000;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_true(one.faults_count > 5);
	assert_string_equal(one.violation.words, "");
	assert_true(one.join_ms.count > 16);
}

/* A wave takes last copies, unless its crashes wait for others to be made. */
static void crashes_wait_for_copies(void **state)
{
	(void)state;
	s.peers = 24;
	s.wave = 500000;
	s.stores = 600;
	s.lost_limit = 1000000;
	s.duration = 40000;
	reload_sim_scenario_run(&s, 5, NULL, &one);
	assert_string_equal(one.violation.words, "");
	assert_int_equal(one.faults_late, 0);
	assert_true(one.lost > 0);
	s.keep_copies = true;
	reload_sim_scenario_run(&s, 5, NULL, &two);
	assert_string_equal(two.violation.words, "");
	assert_true(two.faults_late > 0);
	assert_true(two.faults_count < one.faults_count); /* one waited to the end */
	assert_int_equal(two.lost, 0);
}

static void growth_has_three_kinds(void **state)
{
	(void)state;
	s.duration = 10000;
	for (s.growth = RELOAD_SIM_GROW_STEADY; s.growth <= RELOAD_SIM_GROW_ONE; s.growth++) {
		reload_sim_scenario_run(&s, 3, NULL, &one);
		assert_string_equal(one.violation.words, "");
		assert_int_equal(one.join_ms.count, 16);
	}
}

/* Half of the peers start when the others have been there for a while; a quarter of all crash at once. */
static void a_crowd_a_wave_and_losses(void **state)
{
	(void)state;
	s.crowd = 500000;
	s.crowd_time = 10000;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_string_equal(one.violation.words, "");
	assert_int_equal(one.faults_count, 8);
	size_t at = 0;
	while (one.samples[at].at < one.load_at)
		at++;
	assert_int_equal(one.samples[at].joined, 8);
	assert_int_equal(one.samples[one.samples_count - 1].joined, 16);
	assert_true(one.lookups.ended > 20);
	assert_true(one.lookups.first_try <= one.lookups.ended);
	assert_int_equal(one.lookups.timed_out, 0);
	s.crowd = 0;
	s.wave = 250000;
	s.lost_limit = 1000000;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_string_equal(one.violation.words, "");
	assert_in_range(one.samples[one.samples_count - 1].joined, 11, 12);
	assert_true(one.heal_ms.count == 1 && one.heal_ms.max > 0);
	s.wave = 0;
	s.drop = 50000; /* a request that is lost is sent again */
	s.fetches = 1200;
	reload_sim_scenario_run(&s, 3, NULL, &one);
	assert_true(one.lookups.first_try + one.lookups.timed_out < one.lookups.ended);
	assert_true(one.lookups.first_try > one.lookups.ended / 2);
}

static void a_run_can_be_stopped(void **state)
{
	(void)state;
	watch.progress = progress;
	ask_until = 7;
	reload_sim_scenario_run(&s, 3, &watch, &one);
	assert_true(one.ok);
	assert_int_equal(asked, 7);
	assert_in_range(one.virtual_ms, 6000, 10000);
}

static void spreads_are_nearest_ranks(void **state)
{
	(void)state;
	struct reload_sim_numbers n = { 0 };
	struct reload_sim_spread spread = reload_sim_numbers_spread(&n);
	assert_int_equal(spread.count, 0);
	for (int i = 100; i > 0; i--)
		reload_sim_numbers_add(&n, i);
	spread = reload_sim_numbers_spread(&n);
	assert_int_equal(spread.count, 100);
	assert_true(spread.mean == 50.5 && spread.p50 == 50 && spread.p95 == 95);
	assert_true(spread.p99 == 99 && spread.max == 100);
	for (size_t i = 0; i < 3 * (size_t)RELOAD_SIM_SAMPLES_MAX; i++)
		reload_sim_numbers_add(&n, (double)(i % 1000));
	spread = reload_sim_numbers_spread(&n);
	assert_int_equal(n.count, RELOAD_SIM_SAMPLES_MAX);
	assert_true(spread.p50 > 480 && spread.p50 < 520 && spread.max == 999);
	reload_sim_numbers_clear(&n);
}

static void upkeep_is_all_but_the_load(void **state)
{
	(void)state;
	struct reload_sim_counts from = { 0 }, to = { 0 };
	to.traffic_messages[RELOAD_SIM_TRAFFIC_UPDATE] = 10;
	to.traffic_bytes[RELOAD_SIM_TRAFFIC_UPDATE] = 1000;
	to.traffic_messages[RELOAD_SIM_TRAFFIC_STORE] = 20;
	to.traffic_bytes[RELOAD_SIM_TRAFFIC_STORE] = 4000;
	to.traffic_messages[RELOAD_SIM_TRAFFIC_FETCH] = 8;
	to.traffic_bytes[RELOAD_SIM_TRAFFIC_FETCH] = 800;
	struct reload_sim_upkeep u = reload_sim_upkeep(&from, &to, 15, 8);
	assert_true(u.messages == 15 && u.bytes == 2000);
	u = reload_sim_upkeep(&from, &to, 100, 100);
	assert_true(u.messages == 10 && u.bytes == 1000);
	/* what was sent before the request ended is found when the next messages are counted */
	assert_int_equal(reload_sim_own_messages(&from, &to, RELOAD_SIM_TRAFFIC_FETCH, 12), 8);
	assert_int_equal(reload_sim_own_messages(&from, &to, RELOAD_SIM_TRAFFIC_FETCH, 5), 5);
}

/* A lookup without an answer is no upkeep: its copies went as far as those of others, as far as is known. */
static void requests_without_an_answer_are_load(void **state)
{
	(void)state;
	struct reload_sim_numbers hops = { 0 };
	struct reload_result result = { .hops = 3, .transmissions = 2 };
	assert_int_equal(reload_sim_request_hops(&hops, &result), 12);
	result.transmissions = 0; /* answered by the node itself */
	result.hops = 0;
	assert_int_equal(reload_sim_request_hops(&hops, &result), 0);
	result.err = RELOAD_TIMEOUT;
	result.transmissions = 5;
	assert_int_equal(reload_sim_request_hops(&hops, &result), 0);
	reload_sim_numbers_add(&hops, 3);
	reload_sim_numbers_add(&hops, 4);
	assert_int_equal(reload_sim_request_hops(&hops, &result), 35);
	reload_sim_numbers_clear(&hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_calm_run_holds_everything, fresh),
		cmocka_unit_test_setup(links_are_counted, fresh),
		cmocka_unit_test_setup(a_quiet_ring_has_few_links, fresh),
		cmocka_unit_test_setup(equal_seeds_make_equal_runs, fresh),
		cmocka_unit_test_setup(only_what_is_named_happens, fresh),
		cmocka_unit_test_setup(a_ring_that_does_not_close_in_time_is_a_violation, fresh),
		cmocka_unit_test_setup(refused_stores_are_not_owed, fresh),
		cmocka_unit_test_setup(leaves_and_returns_lose_nothing, fresh),
		cmocka_unit_test_setup(crashes_wait_for_copies, fresh),
		cmocka_unit_test_setup(growth_has_three_kinds, fresh),
		cmocka_unit_test_setup(a_crowd_a_wave_and_losses, fresh),
		cmocka_unit_test_setup(a_run_can_be_stopped, fresh),
		cmocka_unit_test(spreads_are_nearest_ranks),
		cmocka_unit_test(upkeep_is_all_but_the_load),
		cmocka_unit_test(requests_without_an_answer_are_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
