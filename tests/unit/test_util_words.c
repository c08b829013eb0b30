#include "util/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void times_are_read_and_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		reload_ms ms;
		const char *written;
	} good[] = { { "90", 90000, "1m30s" }, { "1h30m", 5400000, "1h30m" },
		{ "500ms", 500, "500ms" }, { "0", 0, "0s" }, { "1d1ms", 86400001, "1d1ms" },
		{ "60s", 60000, "1m" } };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		reload_ms t = 1;
		char text[RELOAD_TIME_TEXT];
		assert_int_equal(reload_time_parse(&t, good[i].text), RELOAD_OK);
		assert_int_equal(t, good[i].ms);
		assert_string_equal(reload_time_text(text, t), good[i].written);
	}
	static const char *const bad[] = { "", "s", "1x", "-1", "1 s", "1h30", "30 ", "1.5s",
		"1234567890123456", "999999999999999d" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reload_ms t = 7;
		assert_int_equal(reload_time_parse(&t, bad[i]), RELOAD_USAGE);
		assert_int_equal(t, 7);
	}
}

static void the_longest_time_has_room(void **state)
{
	(void)state;
	char text[RELOAD_TIME_TEXT];
	assert_string_equal(reload_time_text(text, UINT64_MAX), "213503982334d14h25m51s615ms");
}

static void a_misspelt_word_is_found(void **state)
{
	(void)state;
	static const char *const words[] = { "peers", "partition-time", "partitions", "loss",
		NULL };
	assert_string_equal(reload_nearest("peer", words), "peers");
	assert_string_equal(reload_nearest("partition", words), "partition-time");
	assert_string_equal(reload_nearest("partitons", words), "partitions");
	assert_string_equal(reload_nearest("PARTITONS", words), "partitions");
	assert_null(reload_nearest("bandwidth", words));
	/* of a short word half of the letters must be right */
	assert_string_equal(reload_nearest("pears", words), "peers");
	assert_string_equal(reload_nearest("lo5s", words), "loss");
	assert_null(reload_nearest("boat", words));
	assert_null(reload_nearest("frob", (const char *const[]){ "json", NULL }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(the_longest_time_has_room),
		cmocka_unit_test(a_misspelt_word_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
