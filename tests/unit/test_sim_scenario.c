#include "sim/scenario.h"

#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct reload_sim_scenario s;
static struct reload_error_text why;

static int fresh(void **state)
{
	(void)state;
	reload_sim_scenario_init(&s);
	memset(&why, 0, sizeof(why));
	return 0;
}

static enum reload_err set(const char *key, const char *value)
{
	return reload_sim_scenario_set(&s, key, value, &why);
}

static enum reload_err read_text(const char *text)
{
	/* a block of the exact size, so that one byte too far is seen */
	size_t len = strlen(text);
	char *copy = reload_memdup(text, len);
	enum reload_err err = reload_sim_scenario_read(&s, copy, len, "x.scenario", &why);
	free(copy);
	return err;
}

static void defaults_are_those_of_the_table(void **state)
{
	(void)state;
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	size_t n = reload_sim_keys(keys);
	assert_int_equal(s.peers, 100);
	assert_int_equal(s.duration, 600000);
	assert_int_equal(s.graceful, 500000);
	assert_true(s.shape == 0.6);
	assert_int_equal(s.growth, RELOAD_SIM_GROW_STEADY);
	assert_string_equal(keys[0].key, "peers");
	assert_string_equal(keys[0].bounds, "1 to 1000000");
	for (size_t i = 0; i < n; i++) {
		char value[RELOAD_SIM_VALUE_TEXT];
		reload_sim_scenario_text(&s, i, value);
		assert_string_equal(value, keys[i].def);
		assert_int_equal(set(keys[i].key, keys[i].def), RELOAD_OK);
		assert_true(*keys[i].words && *keys[i].type && *keys[i].bounds);
	}
	char options[RELOAD_SIM_OPTIONS_TEXT];
	reload_sim_scenario_options(&s, options, sizeof(options));
	assert_string_equal(options, "");
}

static void values_are_read_by_their_type(void **state)
{
	(void)state;
	assert_int_equal(set("peers", "10000"), RELOAD_OK);
	assert_int_equal(set("duration", "1h30m"), RELOAD_OK);
	assert_int_equal(set("loss", "0.25%"), RELOAD_OK);
	assert_int_equal(set("crashes", "100%"), RELOAD_OK);
	assert_int_equal(set("drop", "0"), RELOAD_OK);
	assert_int_equal(set("shape", "1.5"), RELOAD_OK);
	assert_int_equal(set("latency", "mobile"), RELOAD_OK);
	assert_int_equal(set("links", "dtls"), RELOAD_OK);
	assert_int_equal(s.peers, 10000);
	assert_int_equal(s.duration, 5400000);
	assert_int_equal(s.loss, 2500);
	assert_int_equal(s.crashes, 1000000);
	assert_int_equal(s.drop, 0);
	assert_true(s.shape == 1.5);
	assert_int_equal(s.latency, 2);
	assert_int_equal(s.links, 1);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	static const char *const bad[][2] = { { "peers", "0" }, { "peers", "1000001" },
		{ "peers", "1e3" }, { "peers", "-1" }, { "peers", "" }, { "peers", "10 " },
		{ "peers", "99999999999999999999" },
		{ "duration", "1"
			      "x" },
		{ "duration", "999ms" }, { "loss", "5" }, { "loss", "51%" }, { "loss", "0.00001%" },
		{ "loss", "%" }, { "loss", ".5%" }, { "loss", "5%%" }, { "loss", "-5%" },
		{ "shape", "nan" }, { "shape", "0x10" }, { "shape", "1e999" }, { "shape", "11" },
		{ "shape", "1.5x" }, { "latency", "la" }, { "latency", "lan|wan" },
		{ "latency", "" }, { "draw", "maybe" } };
	struct reload_sim_scenario before = s;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(set(bad[i][0], bad[i][1]), RELOAD_USAGE);
		assert_non_null(strstr(why.what, bad[i][0]));
		assert_non_null(strstr(why.reason, "expected "));
		assert_memory_equal(&s, &before, sizeof(s));
	}
	assert_int_equal(set("loss", "70%"), RELOAD_USAGE);
	assert_string_equal(why.reason, "expected a percentage such as 5% or 0.1%: 0% to 50%");
	assert_int_equal(set("latency", "moon"), RELOAD_USAGE);
	assert_string_equal(why.reason, "expected one of these words: lan|wan|mobile");
}

static void an_unknown_key_names_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(set("partition", "3"), RELOAD_USAGE);
	assert_string_equal(why.what, "no setting partition");
	assert_string_equal(why.advice, "partitions");
}

/* Options that are printed make the same scenario again: else no report could be repeated. */
static void options_repeat_the_scenario(void **state)
{
	(void)state;
	assert_int_equal(set("peers", "7"), RELOAD_OK);
	assert_int_equal(set("loss", "12.3456%"), RELOAD_OK);
	assert_int_equal(set("session", "1h0m1ms"), RELOAD_OK);
	assert_int_equal(set("churn", "weibull"), RELOAD_OK);
	assert_int_equal(set("draw", "yes"), RELOAD_OK);
	s.shape = 1.0 / 3 + 1;
	s.stores = 0.00001;
	char options[RELOAD_SIM_OPTIONS_TEXT];
	reload_sim_scenario_options(&s, options, sizeof(options));
	assert_ptr_equal(
		strstr(options, "--peers 7 --loss 12.3456% --churn weibull --session 1h1ms"),
		options);
	struct reload_sim_scenario first = s;
	reload_sim_scenario_init(&s);
	char *rest = options, *key, *value;
	while ((key = strsep(&rest, " ")) && (value = strsep(&rest, " ")))
		assert_int_equal(set(key + 2, value), RELOAD_OK);
	assert_memory_equal(&s, &first, sizeof(s));
	char small[20];
	reload_sim_scenario_options(&s, small, sizeof(small));
	assert_int_equal(strlen(small), 19);
}

static void files_are_read(void **state)
{
	(void)state;
	assert_int_equal(
		read_text("# a comment\n\n  peers = 50 # fifty\r\n\tloss=1%\nlatency\t=\tlan"),
		RELOAD_OK);
	assert_int_equal(s.peers, 50);
	assert_int_equal(s.loss, 10000);
	assert_int_equal(s.latency, 0);
	assert_int_equal(read_text(""), RELOAD_OK);
}

static void faults_of_files_name_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *what;
	} bad[] = { { "peers = 5\npears = 5\n", "x.scenario:2: no setting pears" },
		{ "loss = 99%", "x.scenario:1: loss = 99% is not possible" },
		{ "\n\npeers 5\n", "x.scenario:3: no = in this line" },
		{ "peers = 5\nloss = 1%\npeers = 5\n", "x.scenario:3: peers is set twice" },
		{ "= 5", "x.scenario:1: no setting " }, { "peers =", "x.scenario:1: peers =  is" },
		{ "peers = 5\1", "x.scenario:1: the line is no text" },
		{ "# \xff\n", "x.scenario:1: the line is no text" } };
	struct reload_sim_scenario before = s;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(read_text(bad[i].text), RELOAD_USAGE);
		assert_ptr_equal(strstr(why.what, bad[i].what), why.what);
		assert_true(*why.reason);
		assert_memory_equal(&s, &before, sizeof(s)); /* all or nothing */
	}
	assert_int_equal(read_text("peers = 5\nloss = 1%\npeers = 5\n"), RELOAD_USAGE);
	assert_string_equal(why.reason, "it is set in line 1 already");
}

static void long_files_and_lines_are_refused(void **state)
{
	(void)state;
	char *text = reload_alloc(70001);
	memset(text, '#', 70000);
	assert_int_equal(read_text(text), RELOAD_LIMIT);
	assert_string_equal(why.what, "x.scenario:1: the file is too long");
	text[600] = 0;
	text[0] = '\n';
	assert_int_equal(read_text(text), RELOAD_LIMIT);
	assert_string_equal(why.what, "x.scenario:2: the line is too long");
	text[512] = 0;
	assert_int_equal(read_text(text), RELOAD_OK);
	assert_int_equal(reload_sim_scenario_read(&s, "peers\0 = 5", 10, "x", &why), RELOAD_USAGE);
	free(text);
}

static void contradictions_are_reported(void **state)
{
	(void)state;
	static const char *const bad[] = { "crashes = 60%\nrestarts = 0\nmass-leave = 40%",
		"peers = 1\npartitions = 1", "crashes = 1%\nquiet-time = 29s",
		"churn = exponential\nquiet-time = 1s", "peers = 1000000\nclients = 1" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		fresh(NULL);
		assert_int_equal(read_text(bad[i]), RELOAD_OK);
		assert_int_equal(reload_sim_scenario_check(&s, &why), RELOAD_USAGE);
		assert_true(*why.what && *why.reason);
	}
	static const char *const good[] = { "", "crashes = 100%", "quiet-time = 1s", "peers = 1",
		"crashes = 1%\nmachine = 0\nquiet-time = 29s" };
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		fresh(NULL);
		assert_int_equal(read_text(good[i]), RELOAD_OK);
		assert_int_equal(reload_sim_scenario_check(&s, &why), RELOAD_OK);
	}
}

static void settings_without_effect_are_named(void **state)
{
	(void)state;
	const char *words[16];
	assert_int_equal(reload_sim_scenario_idle(&s, words, 16), 0);
	assert_int_equal(read_text("session = 10m\nreorder = 1%\njumps = 2\nshape = 1"), RELOAD_OK);
	assert_int_equal(reload_sim_scenario_idle(&s, words, 16), 4);
	assert_non_null(strstr(words[0], "session"));
	assert_int_equal(reload_sim_scenario_idle(&s, words, 2), 2);
	assert_int_equal(
		read_text("churn = weibull\nlinks = dtls\nreorder = 1%\nskew = 1s"), RELOAD_OK);
	assert_int_equal(reload_sim_scenario_idle(&s, words, 16), 0);
	assert_int_equal(read_text("partitions = 2\npartition-time = 6m\ncuts = 1\ncut-time = 11m"),
		RELOAD_OK);
	assert_int_equal(reload_sim_scenario_idle(&s, words, 16), 2);
}

static void numbers_are_for_plots(void **state)
{
	(void)state;
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	size_t n = reload_sim_keys(keys), numbers = 0;
	for (size_t i = 0; i < n; i++) {
		double v = -1;
		numbers += reload_sim_scenario_number(&s, i, &v);
		if (!strcmp(keys[i].key, "session"))
			assert_true(v == 3600);
		if (!strcmp(keys[i].key, "graceful"))
			assert_true(v == 50);
		if (!strcmp(keys[i].key, "latency"))
			assert_true(v == -1);
	}
	assert_int_equal(n - numbers,
		8); /* growth, latency, links, churn, draw, keep-copies, algorithm, reactive */
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_those_of_the_table),
		TEST(values_are_read_by_their_type),
		TEST(what_does_not_fit_is_refused),
		TEST(an_unknown_key_names_the_nearest),
		TEST(options_repeat_the_scenario),
		TEST(files_are_read),
		TEST(faults_of_files_name_their_line),
		TEST(long_files_and_lines_are_refused),
		TEST(contradictions_are_reported),
		TEST(settings_without_effect_are_named),
		TEST(numbers_are_for_plots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
