/* Scripts: the form of the file, what a scenario permits, and a run that follows one. */
#include "sim/run.h"
#include "sim/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct reload_error_text why;

static enum reload_err read(struct reload_sim_script *s, const char *text)
{
	why = (struct reload_error_text){ 0 };
	return reload_sim_script_read(s, text, strlen(text), "kills", &why);
}

static void file(void **state)
{
	struct reload_sim_script s;
	struct reload_id id = { .len = 16, .at = { 0x0a, 0xff } };
	(void)state;
	assert_int_equal(
		read(&s, "# peers\n\nid 3 0aff0000000000000000000000000000\n500ms store 1 # first\n"
			 "\t1s  count\n1s kill 2\n3s fetch 1\n1m start 2"),
		RELOAD_OK);
	assert_int_equal(s.count, 5);
	assert_int_equal(s.orders[0].type, RELOAD_SIM_ORDER_STORE);
	assert_int_equal(s.orders[0].at, 500);
	assert_int_equal(s.orders[0].peer, 1);
	assert_int_equal(s.orders[1].type, RELOAD_SIM_ORDER_COUNT);
	assert_int_equal(s.orders[2].type, RELOAD_SIM_ORDER_KILL);
	assert_int_equal(s.orders[3].type, RELOAD_SIM_ORDER_FETCH);
	assert_int_equal(s.orders[4].type, RELOAD_SIM_ORDER_START);
	assert_int_equal(s.orders[4].at, 60000);
	assert_int_equal(s.orders[4].line, 8);
	assert_true(reload_id_eq(reload_sim_script_id(&s, 3), &id));
	assert_null(reload_sim_script_id(&s, 2));
	reload_sim_script_clear(&s);
}

static void bad_lines(void **state)
{
	static const struct {
		const char *text, *what;
	} bad[] = {
		{ "1s kill", "kills:1: this is no order" },
		{ "\n1s kill 2 3", "kills:2: this is no order" },
		{ "1s count 2", "kills:1: this is no order" },
		{ "1s store", "kills:1: this is no order" },
		{ "soon kill 2", "kills:1: the first word is no time" },
		{ "1s murder 2", "kills:1: the second word is unknown" },
		{ "1s kill two", "kills:1: the third word is no number of a peer" },
		{ "1s kill 99999999999999999999",
			"kills:1: the third word is no number of a peer" },
		{ "2s kill 2\n1s start 2", "kills:2: the time goes back" },
		{ "1s \001 2", "kills:1: the line is no text" },
		{ "id 1 0aff", "kills:1: the third word is no Node-ID" },
		{ "id x 0aff0000000000000000000000000000",
			"kills:1: the second word is no number of a peer" },
		{ "id 1 0aff0000000000000000000000000000\nid 2 0aff0000000000000000000000000000",
			"kills:2: this peer or Node-ID had a line before" },
	};
	struct reload_sim_script s;
	char longest[400];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(read(&s, bad[i].text), RELOAD_USAGE);
		assert_string_equal(why.what, bad[i].what);
		assert_null(s.orders);
		assert_null(s.ids);
	}
	memset(longest, ' ', sizeof(longest));
	assert_int_equal(
		reload_sim_script_read(&s, longest, sizeof(longest), "kills", &why), RELOAD_USAGE);
	assert_int_equal(
		reload_sim_script_read(&s, "1s kill 2\0", 10, "kills", &why), RELOAD_USAGE);
}

static void impossible(void **state)
{
	static const struct {
		const char *text, *what;
	} bad[] = {
		{ "1s store 8", "the script:1: there is no such peer" },
		{ "id 8 0aff0000000000000000000000000000", "the script:1: there is no such peer" },
		{ "1m store 1", "the script:1: the run is over by then" },
		{ "1s kill 0", "the script:1: peer 0 cannot be killed" },
		{ "1s start 1", "the script:1: the peer runs already" },
		{ "1s kill 1\n2s kill 1", "the script:2: the peer does not run" },
		{ "1s kill 1\n2s store 1", "the script:2: the peer does not run" },
	};
	struct reload_sim_scenario scenario;
	struct reload_sim_script s;
	(void)state;
	reload_sim_scenario_init(&scenario);
	scenario.peers = 8;
	scenario.duration = 60000;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(read(&s, bad[i].text), RELOAD_OK);
		assert_int_equal(reload_sim_script_check(&s, &scenario, &why), RELOAD_USAGE);
		assert_string_equal(why.what, bad[i].what);
		reload_sim_script_clear(&s);
	}
	assert_int_equal(
		read(&s, "1s kill 1\n2s fetch 1\n3s start 1\n4s store 1\n5s kill 1"), RELOAD_OK);
	assert_int_equal(reload_sim_script_check(&s, &scenario, &why), RELOAD_OK);
	reload_sim_script_clear(&s);
}

/* A run does what the script says and nothing else, and counts what was sent from `count` on. */
static void run(void **state)
{
	static struct reload_sim_outcome all, late;
	struct reload_sim_scenario scenario;
	struct reload_sim_script s;
	struct reload_sim_watch watch = { .script = &s };
	(void)state;
	reload_sim_scenario_init(&scenario);
	scenario.peers = 8;
	scenario.duration = 20000;
	scenario.stores = scenario.fetches = 0;
	assert_int_equal(
		read(&s, "1s store 1\n1s store 2\n3s kill 2\n6s fetch 1\n6s fetch 2\n9s start 2"),
		RELOAD_OK);
	reload_sim_scenario_run(&scenario, 5, &watch, &all);
	reload_sim_script_clear(&s);
	assert_true(all.ok);
	assert_int_equal(all.faults_count, 2);
	assert_string_equal(all.faults, "script");
	assert_int_equal(all.stores, 2);
	assert_int_equal(all.stores_acknowledged, 2);
	assert_int_equal(all.values, 2);
	assert_int_equal(all.fetches, 2 + all.reads.owed);
	assert_int_equal(all.fetches_good, all.fetches);
	assert_true(all.load.messages > 0 && all.load.messages < all.counts.messages);
	assert_true(all.load.traffic_bytes[RELOAD_SIM_TRAFFIC_FETCH] > 0);
	assert_int_equal(read(&s, "1s store 1\n1s store 2\n3s kill 2\n6s fetch 1\n6s fetch 2\n9s "
				  "start 2\n19s count"),
		RELOAD_OK);
	reload_sim_scenario_run(&scenario, 5, &watch, &late);
	reload_sim_script_clear(&s);
	assert_int_equal(late.counts.messages, all.counts.messages);
	assert_true(late.load.messages < all.load.messages);
	assert_int_equal(late.load.traffic_bytes[RELOAD_SIM_TRAFFIC_FETCH], 0);
}

/* Node-IDs that the script gives are those of the run: who is next to whom follows from them. */
static void given_ids(void **state)
{
	static struct reload_sim_outcome drawn, given;
	struct reload_sim_scenario scenario;
	struct reload_sim_script s;
	struct reload_sim_watch watch = { .script = &s };
	(void)state;
	reload_sim_scenario_init(&scenario);
	scenario.peers = 3;
	scenario.duration = 5000;
	scenario.stores = scenario.fetches = 0;
	assert_int_equal(read(&s, "1s store 1"), RELOAD_OK);
	reload_sim_scenario_run(&scenario, 1, &watch, &drawn);
	reload_sim_script_clear(&s);
	assert_int_equal(read(&s, "id 1 80000000000000000000000000000000\n1s store 1"), RELOAD_OK);
	reload_sim_scenario_run(&scenario, 1, &watch, &given);
	reload_sim_script_clear(&s);
	assert_true(drawn.ok && given.ok);
	assert_int_not_equal(drawn.digest, given.digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(impossible),
		cmocka_unit_test(run),
		cmocka_unit_test(given_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
