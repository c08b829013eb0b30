#include "sim/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct reload_sim_scenario s;
static struct reload_sim_outcome o;
static const struct reload_sim_report r = { .scenario = &s, .outcome = &o };

static int fresh(void **state)
{
	(void)state;
	reload_sim_scenario_init(&s);
	s.peers = 50;
	s.loss = 10000;
	memset(&o, 0, sizeof(o));
	o.seed = 7;
	o.digest = 0xabc;
	o.ok = true;
	o.virtual_ms = 754321;
	o.peers = 50;
	o.hops = (struct reload_sim_spread){ 10, 3.25, 3, 5, 6, 7 };
	o.heal_ms = (struct reload_sim_spread){ 2, 1500, 1000, 2000, 2000, 2000 };
	o.fetches_expected = 200;
	o.fetches_good = 199;
	o.counts.messages = 1000;
	o.counts.bytes = 50000;
	o.counts.traffic_bytes[RELOAD_SIM_TRAFFIC_UPDATE] = 40000;
	o.maintenance_bytes_per_peer_hour = 12345.5;
	o.links_per_peer = 20.25;
	o.needed_links_per_peer = 15.125;
	snprintf(o.faults, sizeof(o.faults), "loss");
	o.samples_count = 2;
	return 0;
}

static void violate(const char *words)
{
	o.ok = false;
	o.violation.check = RELOAD_SIM_CHECK_LOST_VALUE;
	o.violation.at = 61204;
	snprintf(o.violation.words, sizeof(o.violation.words), "%s", words);
}

/* text() is what was written, as a string; clear w. */
static const char *text(struct wr *w)
{
	wr_u8(w, 0);
	assert_int_equal(w->err, RELOAD_OK);
	return (const char *)w->at;
}

static void a_run_can_be_repeated(void **state)
{
	(void)state;
	char repeat[RELOAD_SIM_REPEAT_TEXT];
	struct reload_sim_report some = r;
	reload_sim_report_repeat(&r, repeat);
	assert_string_equal(repeat, "reload-sim --peers 50 --loss 1% --seed 7");
	some.only_faults = "crash3,cut0";
	reload_sim_report_repeat(&some, repeat);
	assert_string_equal(
		repeat, "reload-sim --peers 50 --loss 1% --seed 7 --only-faults crash3,cut0");
	reload_sim_scenario_init(&s);
	reload_sim_report_repeat(&r, repeat);
	assert_string_equal(repeat, "reload-sim --seed 7");
}

static void people_see_the_figures(void **state)
{
	(void)state;
	struct wr w;
	wr_init(&w);
	reload_sim_report_table(&w, &r);
	const char *all = text(&w);
	static const char *const lines[] = { "seed 7  ok  digest 0000000000000abc\n",
		"scenario  --peers 50 --loss 1%\n", "time      12m34s, ",
		"hops      mean 3.25, p95 5, max 7  (10 lookups)\n", "lookups   99.50% of 200 ",
		"healed    p50 1.0 s, p95 2.0 s, max 2.0 s  (2)\n",
		"upkeep    12.3 KB and 0 messages a peer and hour\n",
		"links     20.2 a peer at the end, 15.1 of them between neighbours and fingers\n",
		"traffic   1000 messages, 50.0 KB: update 80%\n" };
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		assert_non_null(strstr(all, lines[i]));
	assert_null(strstr(all, "violates"));
	assert_null(strstr(all, "joined")); /* there is nothing to tell */
	wr_clear(&w);
}

static void a_violation_says_what_and_how_again(void **state)
{
	(void)state;
	struct wr w;
	wr_init(&w);
	violate("the value of peer 3");
	reload_sim_report_violation(&w, &r);
	const char *all = text(&w);
	assert_non_null(
		strstr(all, "seed 7 violates lost-value at 61.204 s: the value of peer 3\n"));
	assert_non_null(strstr(all, "  repeat:  reload-sim --peers 50 --loss 1% --seed 7\n"));
	wr_clear(&w);
}

static void lines_stand_below_their_heads(void **state)
{
	(void)state;
	struct wr w;
	wr_init(&w);
	reload_sim_report_head(&w);
	size_t head = w.len;
	reload_sim_report_line(&w, &r);
	const char *all = text(&w);
	/* the last column is the digest, the word above it begins where it begins */
	assert_int_equal(
		strstr(all, "digest") - all, strstr(all, "0000000000000abc") - (all + head));
	wr_clear(&w);
}

static void json_has_stable_keys(void **state)
{
	(void)state;
	json_t *j = reload_sim_report_object(&r);
	assert_string_equal(json_string_value(json_object_get(j, "type")), "run");
	assert_int_equal(json_integer_value(json_object_get(j, "seed")), 7);
	assert_true(json_is_true(json_object_get(j, "ok")));
	assert_string_equal(json_string_value(json_object_get(j, "digest")), "0000000000000abc");
	json_t *v = json_object_get(j, "violation");
	assert_true(json_is_null(json_object_get(v, "check")));
	json_t *settings = json_object_get(j, "settings");
	assert_int_equal(json_integer_value(json_object_get(settings, "peers")), 50);
	assert_true(json_real_value(json_object_get(settings, "loss_percent")) == 1);
	assert_true(json_real_value(json_object_get(settings, "growth_time_s")) == 0);
	assert_true(json_is_false(json_object_get(settings, "draw")));
	assert_true(json_real_value(json_object_get(json_object_get(j, "hops"), "mean")) == 3.25);
	assert_true(json_is_null(json_object_get(json_object_get(j, "repair_ms"), "p95")));
	assert_int_equal(json_array_size(json_object_get(j, "samples")), 0);
	assert_null(json_object_get(j, "real_s")); /* two builds print the same */
	json_decref(j);
	struct reload_sim_report series = r;
	series.series = true;
	j = reload_sim_report_object(&series);
	assert_int_equal(json_array_size(json_object_get(j, "samples")), 2);
	json_decref(j);
	violate("x\xff"); /* words that are no UTF-8 are no reason to print no JSON */
	j = reload_sim_report_object(&r);
	v = json_object_get(j, "violation");
	assert_string_equal(json_string_value(json_object_get(v, "check")), "lost-value");
	assert_true(json_is_string(json_object_get(v, "words")));
	json_decref(j);
}

static void fields_are_those_of_the_object(void **state)
{
	(void)state;
	struct wr w;
	wr_init(&w);
	reload_sim_report_fields(&w);
	const char *all = text(&w);
	static const char *const parts[] = {
		"type:string seed:integer digest:string ok:boolean "
		"violation:{check:string? at_ms:integer? words:string?} ",
		" loss_percent:number ", " draw:boolean ",
		" hops:{count:integer mean:number? p50:number? ",
		" traffic:{update:{messages:integer size_bytes:integer} ",
		" samples:{at_ms:integer "
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		assert_non_null(strstr(all, parts[i]));
	wr_clear(&w);
}

static size_t columns(const char *line)
{
	size_t n = 1;
	bool quoted = false;
	for (; *line && (quoted || *line != '\n'); line++) {
		quoted ^= *line == '"';
		n += *line == ',' && !quoted;
	}
	return n;
}

static void csv_rows_have_the_columns_of_the_head(void **state)
{
	(void)state;
	struct wr head, row;
	wr_init(&head);
	wr_init(&row);
	violate("with \"quotes\", commas\nand lines");
	reload_sim_report_csv_head(&head);
	reload_sim_report_csv(&row, &r);
	const char *names = text(&head), *values = text(&row);
	assert_int_equal(columns(names), columns(values));
	assert_non_null(strstr(values, ",\"with \"\"quotes\"\", commas\nand lines\","));
	assert_non_null(strstr(names, ",violation_check,"));
	assert_non_null(strstr(names, ",hops_mean,"));
	assert_non_null(strstr(names, ",settings_loss_percent,"));
	wr_clear(&head);
	wr_clear(&row);
}

static void a_summary_adds_runs_up(void **state)
{
	(void)state;
	struct reload_sim_summary sum = { 0 };
	struct wr w;
	json_t *j = reload_sim_summary_object(&sum);
	assert_true(json_is_null(json_object_get(j, "worst_heal_ms")));
	assert_true(json_is_null(json_object_get(j, "maintenance_bytes_per_peer_hour")));
	json_decref(j);
	reload_sim_summary_add(&sum, &o);
	o.seed = 8;
	o.heal_ms.max = 90000;
	o.hops.mean = 3.75;
	violate("x");
	reload_sim_summary_add(&sum, &o);
	o.seed = 9;
	o.heal_ms.max = 5;
	o.hops.count = 0;
	o.ok = true;
	reload_sim_summary_add(&sum, &o);
	wr_init(&w);
	reload_sim_summary_table(&w, &sum);
	assert_string_equal(text(&w),
		"3 runs, 1 violations; lookups 99.50% good, 3.50 hops; worst heal 90.0 s (seed 8); "
		"upkeep 12.3 KB a peer and hour\n");
	wr_clear(&w);
	j = reload_sim_summary_object(&sum);
	assert_int_equal(json_integer_value(json_object_get(j, "worst_heal_seed")), 8);
	assert_int_equal(json_integer_value(json_object_get(j, "violations")), 1);
	json_decref(j);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_can_be_repeated),
		TEST(people_see_the_figures),
		TEST(a_violation_says_what_and_how_again),
		TEST(lines_stand_below_their_heads),
		TEST(json_has_stable_keys),
		TEST(fields_are_those_of_the_object),
		TEST(csv_rows_have_the_columns_of_the_head),
		TEST(a_summary_adds_runs_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
