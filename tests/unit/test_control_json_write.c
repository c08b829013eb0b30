/* The text of a JSON tree: the same as that of jansson, for each character, number and shape. */
#include "control/json_write.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

static void same(json_t *v)
{
	char *expected = json_dumps(
		v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(RELOAD_JSON_DIGITS));
	struct wr w;
	wr_init(&w);
	reload_json_write(&w, v);
	assert_int_equal(w.err, RELOAD_OK);
	assert_int_equal(w.len, strlen(expected));
	assert_memory_equal(w.at, expected, w.len);
	wr_clear(&w);
	free(expected);
	json_decref(v);
}

static void each_character(void **state)
{
	(void)state;
	for (int c = 0; c < 0x80; c++) {
		char text[] = { 'a', (char)c, (char)c, 'b' };
		same(json_stringn(text, sizeof(text)));
		same(json_stringn(text + 1, 1));
	}
	same(json_string("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\x9e"));
	same(json_string(""));
}

static void numbers_and_words(void **state)
{
	(void)state;
	static const json_int_t integers[] = { 0, 1, -1, INT64_MAX, INT64_MIN };
	static const double reals[] = { 0, 0.3, -1.5, 1e300, 1.0 / 3 };
	for (size_t i = 0; i < COUNT_OF(integers); i++)
		same(json_integer(integers[i]));
	for (size_t i = 0; i < COUNT_OF(reals); i++)
		same(json_real(reals[i]));
	same(json_true());
	same(json_false());
	same(json_null());
}

static void shapes(void **state)
{
	(void)state;
	same(json_array());
	same(json_object());
	same(json_pack("[i, [], {}, [[n]]]", 1));
	same(json_pack("{s:i, s:{s:s, s:b}, s:[s,s], s:f}", "z", 1, "a\n\"b", "k", "v", "t", 1, "l",
		"x", "y", "real", 2.5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_character),
		cmocka_unit_test(numbers_and_words),
		cmocka_unit_test(shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
