#include "util/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void what_steers_is_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *text, *plain;
	} cases[] = { { "alice@o", "alice@o" },
		{ "b\xc3\xb6se \xf0\x9f\x98\x80", "b\xc3\xb6se \xf0\x9f\x98\x80" },
		{ "a\n\t\x1b[2J\x7f", "a\\n\\t\\x1b[2J\\x7f" }, /* C0, DEL */
		{ "\xc2\x9b"
		  "2J\xc2\x85",
			"\\x9b2J\\x85" },                               /* C1 */
		{ "\xe2\x80\xaeoxe\xe2\x80\xac", "\\u202eoxe\\u202c" }, /* override, its end */
		{ "\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c", "\\u2066\\u2069\\u200f\\u061c" },
		{ "\xe2\x80\xa8", "\\u2028" }, /* line separator */
		{ "\x9b"
		  "2J\xff",
			"\\x9b2J\\xff" },                                   /* not UTF-8 */
		{ "\xe2\x80", "\\xe2\\x80" }, { "\xc0\x8a", "\\xc0\\x8a" }, /* cut, too long */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" } };                    /* surrogate */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[64];
		assert_string_equal(reload_plain(out, sizeof(out), cases[i].text), cases[i].plain);
	}
}

static void a_character_is_never_cut(void **state)
{
	(void)state;
	char out[8];
	assert_string_equal(reload_plain(out, sizeof(out), "abcd\xe2\x80\xae"), "abcd");
	assert_string_equal(reload_plain(out, sizeof(out), "abcdef\xc3\xb6"), "abcdef");
	assert_string_equal(reload_plain(out, sizeof(out), "abcdefgh"), "abcdefg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_steers_is_escaped),
		cmocka_unit_test(a_character_is_never_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
