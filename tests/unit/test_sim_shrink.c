#include "sim/shrink.h"

#include "sim/fault.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct reload_sim_scenario s;
static struct reload_sim_outcome violation;
static struct reload_sim_shrunk shrunk;
static unsigned runs;
static char guilty[2][32];
static size_t guilty_count;
static uint64_t least_peers;
static bool needs_loss;

static int fresh(void **state)
{
	(void)state;
	reload_sim_scenario_init(&s);
	s.crashes = 300000;
	s.partitions = 2;
	s.loss = 10000;
	s.skew = 5;
	memset(&violation, 0, sizeof(violation));
	violation.seed = 5;
	violation.violation.check = RELOAD_SIM_CHECK_RING;
	guilty_count = 1;
	snprintf(guilty[0], sizeof(guilty[0]), "crash7");
	snprintf(guilty[1], sizeof(guilty[1]), "partition1");
	least_peers = 0;
	needs_loss = false;
	runs = 0;
	return 0;
}

static int clear(void **state)
{
	(void)state;
	reload_sim_shrunk_clear(&shrunk);
	return 0;
}

/* A made-up run: a violation when all faults of `guilty` happen, and a different one with too few peers. */
static void judge(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out)
{
	struct reload_sim_faults f;
	size_t found = 0;
	char name[32];
	runs++;
	*out = (struct reload_sim_outcome){ .seed = seed, .load_at = 1000 };
	reload_sim_faults_draw(&f, scenario, seed, 1000);
	reload_sim_faults_only(&f, watch->only_faults);
	for (size_t g = 0; g < guilty_count; g++) {
		bool there = false;
		for (size_t i = 0; i < f.count; i++) {
			reload_sim_fault_name(&f.at[i], name, sizeof(name));
			there = there || !strcmp(name, guilty[g]);
		}
		found += there;
	}
	reload_sim_faults_clear(&f);
	out->ok = found < guilty_count || (needs_loss && !scenario->loss);
	out->violation.check =
		scenario->peers < least_peers ? RELOAD_SIM_CHECK_JOINED : RELOAD_SIM_CHECK_RING;
	snprintf(out->violation.words, sizeof(out->violation.words), "seen");
}

static void shrink(unsigned max_runs)
{
	reload_sim_shrink_by(&shrunk, &s, &violation, max_runs, judge, NULL, NULL);
}

static void the_one_guilty_fault_is_left(void **state)
{
	(void)state;
	shrink(500);
	assert_string_equal(shrunk.only_faults, "crash7");
	assert_int_equal(shrunk.runs, runs);
	assert_int_equal(shrunk.scenario.loss, 0);
	assert_int_equal(shrunk.scenario.skew, 0);
	assert_int_equal(shrunk.scenario.partitions, 0);
	assert_true(shrunk.scenario.crashes > 0);
	assert_true(shrunk.scenario.duration < 120000);
	assert_non_null(strstr(shrunk.trace, "crash7: at "));
	assert_non_null(strstr(shrunk.trace, "ring: seen\n"));
	assert_non_null(strstr(shrunk.trace, "reload-sim --seed 5 "));
	assert_non_null(strstr(shrunk.trace, " --only-faults crash7\n"));
}

static void two_that_are_guilty_together_are_left(void **state)
{
	(void)state;
	guilty_count = 2;
	needs_loss = true;
	shrink(500);
	assert_true(!strcmp(shrunk.only_faults, "crash7,partition1") ||
		    !strcmp(shrunk.only_faults, "partition1,crash7"));
	assert_int_equal(shrunk.scenario.loss, 10000);
	assert_int_equal(shrunk.scenario.skew, 0);
}

static void no_fault_at_all_may_be_enough(void **state)
{
	(void)state;
	guilty_count = 0;
	shrink(500);
	assert_string_equal(shrunk.only_faults, "none");
	assert_non_null(strstr(shrunk.trace, " --only-faults none\n"));
}

static void another_violation_does_not_count(void **state)
{
	(void)state;
	least_peers = 60;
	shrink(500);
	assert_in_range(shrunk.scenario.peers, 60, 66);
	assert_int_equal(shrunk.outcome.violation.check, RELOAD_SIM_CHECK_RING);
}

static void the_number_of_runs_is_bounded(void **state)
{
	(void)state;
	shrink(3);
	assert_int_equal(runs, 3);
	assert_int_equal(shrunk.runs, 3);
	assert_non_null(strstr(shrunk.trace, "crash7: at "));
	runs = 0;
	reload_sim_shrunk_clear(&shrunk);
	shrink(0);
	assert_int_equal(runs, 0);
	assert_string_equal(shrunk.only_faults, "");
	assert_null(strstr(shrunk.trace, "--only-faults"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_one_guilty_fault_is_left, fresh, clear),
		cmocka_unit_test_setup_teardown(
			two_that_are_guilty_together_are_left, fresh, clear),
		cmocka_unit_test_setup_teardown(no_fault_at_all_may_be_enough, fresh, clear),
		cmocka_unit_test_setup_teardown(another_violation_does_not_count, fresh, clear),
		cmocka_unit_test_setup_teardown(the_number_of_runs_is_bounded, fresh, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
