#include "sim/fault.h"

#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
	FROM = 50000
};

static struct reload_sim_scenario s;
static struct reload_sim_faults f;

static int fresh(void **state)
{
	(void)state;
	reload_sim_scenario_init(&s);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	reload_sim_faults_clear(&f);
	return 0;
}

static void draw(uint64_t seed)
{
	reload_sim_faults_clear(&f);
	reload_sim_faults_draw(&f, &s, seed, FROM);
}

static size_t count(enum reload_sim_fault_type type)
{
	size_t n = 0;
	for (size_t i = 0; i < f.count; i++)
		n += f.at[i].type == type;
	return n;
}

static void everything(void)
{
	s.crashes = 100000;
	s.churn = RELOAD_SIM_SESSIONS_EXPONENTIAL;
	s.session = 300000;
	s.partitions = 3;
	s.cuts = 5;
	s.mass_leave = 100000;
	s.jumps = 4;
	s.skew = 1000;
	s.freezes = 3;
	s.config_changes = 2;
	s.wave = 100000;
	s.crowd = 100000;
}

static bool rows_equal(const struct reload_sim_fault *a, const struct reload_sim_fault *b)
{
	return a->type == b->type && a->source == b->source && a->serial == b->serial &&
	       a->at == b->at && a->length == b->length && a->node == b->node &&
	       a->other == b->other && a->number == b->number && a->machine == b->machine &&
	       a->disk == b->disk;
}

static void equal_seeds_draw_equal_faults(void **state)
{
	(void)state;
	everything();
	draw(7);
	struct reload_sim_faults first = f;
	f = (struct reload_sim_faults){ 0 };
	draw(7);
	assert_true(first.count > 100);
	assert_int_equal(first.count, f.count);
	for (size_t i = 0; i < f.count; i++)
		assert_true(rows_equal(&first.at[i], &f.at[i]));
	draw(8);
	bool differs = first.count != f.count;
	for (size_t i = 0; !differs && i < f.count; i++)
		differs = !rows_equal(&first.at[i], &f.at[i]);
	assert_true(differs);
	reload_sim_faults_clear(&first);
}

static void a_source_less_changes_no_other(void **state)
{
	(void)state;
	everything();
	draw(7);
	struct reload_sim_faults all = f;
	f = (struct reload_sim_faults){ 0 };
	s.churn = RELOAD_SIM_SESSIONS_NONE;
	s.cuts = 0;
	draw(7);
	size_t k = 0;
	for (size_t i = 0; i < all.count; i++)
		if (all.at[i].source != RELOAD_SIM_SOURCE_CHURN &&
			all.at[i].source != RELOAD_SIM_SOURCE_CUT)
			assert_true(rows_equal(&all.at[i], &f.at[k++]));
	assert_int_equal(k, f.count);
	reload_sim_faults_clear(&all);
}

static void rows_lie_in_the_time_of_load(void **state)
{
	(void)state;
	everything();
	for (uint64_t seed = 1; seed < 20; seed++) {
		draw(seed);
		for (size_t i = 0; i < f.count; i++) {
			assert_true(f.at[i].at >= FROM);
			assert_true(f.at[i].at + f.at[i].length <= FROM + s.duration);
			assert_true(f.at[i].at + f.at[i].length <= f.last);
			assert_true(!i || f.at[i - 1].at <= f.at[i].at);
			assert_true(f.at[i].node < s.peers);
		}
	}
}

/* How many of 200 seeds have a crash, or a Leave, of node 0 from that source. */
static size_t seeds_that_strike_node_0(enum reload_sim_source source)
{
	size_t seeds = 0;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		bool struck = false;
		draw(seed);
		for (size_t i = 0; i < f.count; i++)
			struck = struck || (!f.at[i].node && f.at[i].source == source &&
						   f.at[i].type <= RELOAD_SIM_FAULT_LEAVE);
		seeds += struck;
	}
	return seeds;
}

static void node_0_has_its_share(void **state)
{
	(void)state;
	everything();
	s.session = 600000;
	assert_in_range(seeds_that_strike_node_0(RELOAD_SIM_SOURCE_CRASH), 10, 30);
	assert_in_range(seeds_that_strike_node_0(RELOAD_SIM_SOURCE_MASS), 10, 30);
	/* a session that is as long as the load ends within it with 1 - 1/e */
	assert_in_range(seeds_that_strike_node_0(RELOAD_SIM_SOURCE_CHURN), 105, 145);
	s.peers = 7; /* in a small ring it stays */
	assert_int_equal(seeds_that_strike_node_0(RELOAD_SIM_SOURCE_CRASH), 0);
	assert_int_equal(seeds_that_strike_node_0(RELOAD_SIM_SOURCE_MASS), 0);
	assert_int_equal(seeds_that_strike_node_0(RELOAD_SIM_SOURCE_CHURN), 0);
}

static void shares_are_respected(void **state)
{
	(void)state;
	s.peers = 2001;
	s.duration = 86400000;
	s.absence = 1000;
	s.crashes = 500000;
	s.restarts = 500000;
	s.machine = 250000;
	s.disk = 750000;
	draw(3);
	assert_in_range(count(RELOAD_SIM_FAULT_CRASH), 1000, 1001); /* node 0 is drawn apart */
	size_t back = count(RELOAD_SIM_FAULT_RESTART), machine = 0, disk = 0;
	for (size_t i = 0; i < f.count; i++) {
		machine += f.at[i].type == RELOAD_SIM_FAULT_CRASH && f.at[i].machine;
		disk += f.at[i].type == RELOAD_SIM_FAULT_RESTART && f.at[i].disk;
	}
	assert_in_range(back, 450, 550);
	assert_in_range(machine, 200, 300);
	assert_in_range(disk * 100 / back, 68, 82);
	s.restarts = 0;
	draw(3);
	assert_int_equal(count(RELOAD_SIM_FAULT_RESTART), 0);
	s.crashes = 0;
	s.mass_leave = 200000;
	draw(3);
	assert_in_range(f.count, 400, 401);
	assert_int_equal(f.at[0].at, f.at[399].at);
}

static void sessions_have_their_mean(void **state)
{
	(void)state;
	s.peers = 501;
	s.duration = 36000000;
	s.session = 600000;
	s.absence = 0;
	s.graceful = 300000;
	for (unsigned kind = RELOAD_SIM_SESSIONS_EXPONENTIAL; kind <= RELOAD_SIM_SESSIONS_PARETO;
		kind++) {
		s.churn = kind;
		s.tail =
			3; /* with 1.5 the mean of thousands of sessions is still a matter of luck */
		draw(4);
		size_t leaves = count(RELOAD_SIM_FAULT_LEAVE),
		       ends = leaves + count(RELOAD_SIM_FAULT_CRASH);
		assert_in_range(ends, 500 * 60 * 85 / 100, 500 * 60 * 125 / 100);
		assert_in_range(leaves * 100 / ends, 27, 33);
	}
}

/* The shortest session of Pareto is a part of the mean; the longest are many times as long. */
static void pareto_has_a_tail(void **state)
{
	(void)state;
	reload_ms last[501];
	size_t long_ones = 0;
	s.peers = 501;
	s.duration = 36000000;
	s.session = 600000;
	s.absence = 0;
	s.churn = RELOAD_SIM_SESSIONS_PARETO;
	s.tail = 1.5;
	draw(4);
	for (size_t i = 0; i < s.peers; i++)
		last[i] = FROM;
	for (size_t i = 0; i < f.count; i++) {
		if (f.at[i].type == RELOAD_SIM_FAULT_START) {
			assert_int_equal(f.at[i].at, last[f.at[i].node]);
			continue;
		}
		assert_true(f.at[i].at - last[f.at[i].node] >= 199999);
		long_ones += f.at[i].at - last[f.at[i].node] > 6000000;
		last[f.at[i].node] = f.at[i].at;
	}
	/* 1/165 of the sessions that begin in this time are longer than ten times the mean; of exponential ones 1/22,000 */
	assert_true(long_ones > 60 && long_ones < 260);
}

static void nights_are_quiet(void **state)
{
	(void)state;
	size_t rows = 0;
	s.peers = 101;
	s.duration = 12 * 3600000;
	s.session = 600000;
	s.churn = RELOAD_SIM_SESSIONS_EXPONENTIAL;
	s.day = 4 * 3600000;
	draw(6);
	for (size_t i = 0; i < f.count; i++) {
		reload_ms since = (f.at[i].at - FROM) % s.day;
		assert_true(since < s.day / 2 + FROM);
		rows += f.at[i].type != RELOAD_SIM_FAULT_START;
	}
	/* half of the time has sessions of the length that is set */
	assert_in_range(rows, 100 * 6 * 6 * 85 / 100, 100 * 6 * 6 * 105 / 100);
}

static void a_wave_takes_a_second(void **state)
{
	(void)state;
	s.peers = 200;
	s.wave = 500000;
	s.machine = 500000;
	for (uint64_t seed = 0; seed < 20; seed++) {
		draw(seed);
		assert_in_range(f.count, 100, 101);
		assert_int_equal(count(RELOAD_SIM_FAULT_CRASH), f.count);
		assert_true(f.at[f.count - 1].at - f.at[0].at < 1000);
		assert_true(f.at[f.count - 1].at > f.at[0].at);
	}
	assert_non_null(strstr(f.words, "wave"));
}

static void a_crowd_comes_in_its_time(void **state)
{
	(void)state;
	s.peers = 200;
	s.crowd = 500000;
	s.crowd_time = 60000;
	assert_int_equal(reload_sim_scenario_crowd(&s), 100);
	for (uint64_t seed = 0; seed < 20; seed++) {
		s.churn = RELOAD_SIM_SESSIONS_NONE;
		draw(seed);
		assert_int_equal(f.count, 100);
		assert_int_equal(count(RELOAD_SIM_FAULT_START), 100);
		assert_in_range(f.at[99].at - f.at[0].at, 45000, 60000);
		reload_ms first = f.at[0].at;
		/* nobody's session ends before it has begun */
		s.churn = RELOAD_SIM_SESSIONS_EXPONENTIAL;
		s.session = 60000;
		draw(seed);
		for (size_t i = 0; i < f.count; i++)
			assert_true(f.at[i].node < 100 || f.at[i].at >= first);
	}
	s.crowd = 0;
	assert_int_equal(reload_sim_scenario_crowd(&s), 200);
}

static void partitions_do_not_overlap(void **state)
{
	(void)state;
	s.partitions = 10;
	s.partition_time = 300000; /* ten of them are longer than the whole time */
	for (uint64_t seed = 0; seed < 50; seed++) {
		draw(seed);
		assert_int_equal(f.count, 10);
		for (size_t i = 1; i < f.count; i++)
			assert_true(f.at[i - 1].at + f.at[i - 1].length < f.at[i].at);
	}
}

/* Half of those whose certificate ends renew it in time, and half of the others do not notice; clocks that are off make the time uncertain. */
static void certificates_end_within_the_time(void **state)
{
	(void)state;
	size_t ends = 0, renewed = 0, careless = 0;
	everything();
	s.cert_ends = 100000;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		draw(seed);
		const struct reload_sim_fault *given[100] = { NULL }, *renewal[100] = { NULL };
		for (size_t i = 0; i < f.count; i++) {
			const struct reload_sim_fault *at = &f.at[i];
			if (at->type == RELOAD_SIM_FAULT_CERT)
				given[at->serial] = at;
			if (at->type == RELOAD_SIM_FAULT_RENEW)
				renewal[at->serial] = at;
			if (at->type != RELOAD_SIM_FAULT_CERT_ENDS)
				continue;
			const struct reload_sim_fault *from = given[at->serial];
			assert_non_null(from);
			assert_int_equal(from->node, at->node);
			assert_int_equal(at->at + at->length / 2, from->number);
			assert_true(at->length >= 2 * s.skew);
			assert_true(at->at <= FROM + s.duration && at->at + at->length <= f.last);
			assert_int_equal(at->renewed, renewal[at->serial] != NULL);
			if (at->renewed)
				assert_in_range(renewal[at->serial]->at, from->at, at->at);
			assert_true(at->node || at->renewed);
			ends++;
			renewed += at->renewed;
			careless += from->careless;
		}
	}
	assert_in_range(ends, 450, 550);
	assert_in_range(renewed, ends * 4 / 10, ends * 6 / 10);
	assert_in_range(careless, (ends - renewed) * 4 / 10, (ends - renewed) * 6 / 10);
}

static void each_kind_is_drawn_half_of_the_time(void **state)
{
	(void)state;
	size_t crashes = 0, loss = 0;
	s.draw = true;
	s.crashes = 100000;
	s.loss = 1000;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		draw(seed);
		assert_true(f.loss || f.count);
		crashes += f.count > 0;
		loss += f.loss > 0;
		assert_int_equal(f.loss > 0, strstr(f.words, "loss") != NULL);
		assert_int_equal(f.count > 0, strstr(f.words, "crashes") != NULL);
	}
	/* of four equal cases that without any becomes one or the other: 5/8 */
	assert_in_range(crashes, 570, 680);
	assert_in_range(loss, 570, 680);
	struct reload_sim_scenario one = reload_sim_scenario_drawn(&s, 5);
	assert_false(one.draw);
}

static void a_list_names_what_happens(void **state)
{
	(void)state;
	char name[32];
	struct reload_error_text why;
	everything();
	draw(7);
	size_t partitions = count(RELOAD_SIM_FAULT_PARTITION);
	assert_int_equal(partitions, 3);
	reload_sim_faults_only(&f, "partition1,crash2,crash4000");
	assert_int_equal(count(RELOAD_SIM_FAULT_PARTITION), 1);
	assert_int_equal(count(RELOAD_SIM_FAULT_CRASH), 1);
	for (size_t i = 0; i < f.count; i++) {
		reload_sim_fault_name(&f.at[i], name, sizeof(name));
		assert_true(!strcmp(name, "partition1") || !strcmp(name, "crash2"));
		assert_true(f.at[i].at + f.at[i].length <= f.last);
	}
	reload_sim_faults_only(&f, "none");
	assert_int_equal(f.count, 0);
	assert_int_equal(f.last, FROM);
	assert_int_equal(
		reload_sim_faults_list_check("crash0,jump12,move1,freeze3", &why), RELOAD_OK);
	assert_int_equal(reload_sim_faults_list_check("none", &why), RELOAD_OK);
	const char *const wrong[] = { "crash", "crash0,", ",crash0", "crash0 cut1", "earthquake1",
		"crash99999999999", "none,crash0", "crash-1" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(reload_sim_faults_list_check(wrong[i], &why), RELOAD_USAGE);
}

static void faults_are_named_in_words(void **state)
{
	(void)state;
	char words[160];
	struct reload_sim_fault one = { .type = RELOAD_SIM_FAULT_CRASH,
		.source = RELOAD_SIM_SOURCE_CHURN,
		.serial = 3,
		.at = 61204,
		.node = 17,
		.machine = true,
		.disk = true };
	reload_sim_fault_text(&one, words, sizeof(words));
	assert_string_equal(
		words, "churn3: at 61.204 s peer 17 crashes (machine, its disk survives)");
	one = (struct reload_sim_fault){ .type = RELOAD_SIM_FAULT_CLOCK,
		.source = RELOAD_SIM_SOURCE_JUMP,
		.at = 1000,
		.node = 2,
		.number = (uint64_t)-1500 };
	reload_sim_fault_text(&one, words, sizeof(words));
	assert_string_equal(words, "jump0: at 1.000 s the clock of peer 2 jumps by -1.500 s");
	one = (struct reload_sim_fault){ .type = RELOAD_SIM_FAULT_FREEZE,
		.source = RELOAD_SIM_SOURCE_FREEZE,
		.serial = 2,
		.at = 1000,
		.node = 2,
		.length = 20500 };
	reload_sim_fault_text(&one, words, sizeof(words));
	assert_string_equal(
		words, "freeze2: at 1.000 s the process of peer 2 is stopped for 20.500 s");
	one.type = RELOAD_SIM_FAULT_CONFIG;
	one.source = RELOAD_SIM_SOURCE_CONFIG;
	reload_sim_fault_text(&one, words, sizeof(words));
	assert_string_equal(words, "config2: at 1.000 s peer 2 gets a newer configuration");
	one.type = RELOAD_SIM_FAULT_CLOCK;
	one.source = RELOAD_SIM_SOURCE_JUMP;
	one.serial = 0;
	reload_sim_fault_text(&one, words, 10);
	assert_string_equal(words, "jump0: at");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(equal_seeds_draw_equal_faults, fresh, clear),
		cmocka_unit_test_setup_teardown(a_source_less_changes_no_other, fresh, clear),
		cmocka_unit_test_setup_teardown(rows_lie_in_the_time_of_load, fresh, clear),
		cmocka_unit_test_setup_teardown(node_0_has_its_share, fresh, clear),
		cmocka_unit_test_setup_teardown(shares_are_respected, fresh, clear),
		cmocka_unit_test_setup_teardown(sessions_have_their_mean, fresh, clear),
		cmocka_unit_test_setup_teardown(pareto_has_a_tail, fresh, clear),
		cmocka_unit_test_setup_teardown(nights_are_quiet, fresh, clear),
		cmocka_unit_test_setup_teardown(a_wave_takes_a_second, fresh, clear),
		cmocka_unit_test_setup_teardown(a_crowd_comes_in_its_time, fresh, clear),
		cmocka_unit_test_setup_teardown(partitions_do_not_overlap, fresh, clear),
		cmocka_unit_test_setup_teardown(certificates_end_within_the_time, fresh, clear),
		cmocka_unit_test_setup_teardown(each_kind_is_drawn_half_of_the_time, fresh, clear),
		cmocka_unit_test_setup_teardown(a_list_names_what_happens, fresh, clear),
		cmocka_unit_test_setup_teardown(faults_are_named_in_words, fresh, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
