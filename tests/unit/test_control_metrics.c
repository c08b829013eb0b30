/* OpenMetrics text: what comes from elsewhere cannot end a label, a line or the text. */
#include "control/metrics.h"

#include "util/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void expect(struct wr *w, const char *text)
{
	wr_u8(w, 0);
	assert_string_equal((const char *)w->at, text);
	wr_clear(w);
	wr_init(w);
}

/* D10 */
static void test_hostile_labels(void **state)
{
	static const struct {
		const char *value, *written;
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "quote\" back\\slash", "quote\\\" back\\\\slash" },
		{ "line\nfeed", "line\\\\nfeed" },
		{ "\x1b[2J\x07", "\\\\x1b[2J\\\\x07" },
		{ "\xc2\x9b", "\\\\x9b" },
		{ "\xe2\x80\xae", "\\\\u202e" },
		{ "\xe2\x80\xa8", "\\\\u2028" },
		{ "\xff", "\\\\xff" },
		{ "\"} 1\n# EOF\n", "\\\"} 1\\\\n# EOF\\\\n" },
		{ "<b>\xc3\xa9</b>", "<b>\xc3\xa9</b>" },
	};
	struct wr w;
	(void)state;
	wr_init(&w);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct reload_metric_label label = { "user", rows[i].value };
		char line[256];
		reload_metrics_u64(&w, "reload_x", "", &label, 1, 1);
		snprintf(line, sizeof(line), "reload_x{user=\"%s\"} 1\n", rows[i].written);
		expect(&w, line);
	}
	/* one that is too long is cut, not dropped, and not in the middle of a character */
	char *large = reload_alloc(1001);
	memset(large, 'x', 1000);
	memcpy(large + RELOAD_METRIC_LABEL - 2, "\xc3\xa9", 2);
	const struct reload_metric_label label = { "user", large };
	reload_metrics_u64(&w, "n", "", &label, 1, 1);
	assert_int_equal(w.len, strlen("n{user=\"\"} 1\n") + RELOAD_METRIC_LABEL - 2);
	free(large);
	wr_clear(&w);
}

static void test_values(void **state)
{
	static const struct {
		double value;
		const char *written;
	} rows[] = { { 0, "x 0\n" }, { 1803802132.5, "x 1803802132.5\n" }, { -0.25, "x -0.25\n" },
		{ NAN, "x NaN\n" }, { INFINITY, "x +Inf\n" }, { -INFINITY, "x -Inf\n" } };
	struct wr w;
	(void)state;
	wr_init(&w);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		reload_metrics_real(&w, "x", "", NULL, 0, rows[i].value);
		expect(&w, rows[i].written);
	}
	reload_metrics_u64(&w, "x", "_total", NULL, 0, UINT64_MAX);
	expect(&w, "x_total 18446744073709551615\n");
	wr_clear(&w);
}

static void test_families(void **state)
{
	const struct reload_metric_label labels[] = { { "a", "1" }, { "b", NULL } };
	struct wr w;
	(void)state;
	wr_init(&w);
	reload_metrics_family(&w, "x_seconds", "gauge", "seconds", "Time.");
	reload_metrics_family(&w, "y", "counter", NULL, "Things.");
	reload_metrics_u64(&w, "y", "_total", labels, 2, 7);
	reload_metrics_end(&w);
	expect(&w, "# TYPE x_seconds gauge\n# UNIT x_seconds seconds\n# HELP x_seconds Time.\n"
		   "# TYPE y counter\n# HELP y Things.\ny_total{a=\"1\",b=\"\"} 7\n# EOF\n");
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_labels),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_families),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
