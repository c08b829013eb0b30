/* Telephone numbers, their prefixes, and the namespaces of gateways. */
#include "ident/tel.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text, *number; /* NULL: none */
	} cases[] = {
		{ "tel:+49-30-1234", "+49301234" },
		{ "TEL:+1(201)555.0123;ext=22;isub=x", "+12015550123" },
		{ "+49301234;phone-context=example.com", "+49301234" },
		{ "tel:112", "112" },
		{ "tel:*21#;phone-context=+49", "*21#" },
		{ "tel:+123456789012345", "+123456789012345" },
		{ "tel:+1234567890123456", NULL },
		{ "tel:+", NULL },
		{ "tel:", NULL },
		{ "tel:--", NULL },
		{ "", NULL },
		{ ";x", NULL },
		{ "alice", NULL },
		{ "tel:+49*1", NULL },
		{ "tel:++49", NULL },
		{ "tel:49+30", NULL },
		{ "+49 30", NULL },
		{ "sip:+49@a", NULL },
		{ "tel:0049\x80", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct reload_tel tel = { .number = "?" };
		enum reload_err err = reload_tel_parse(&tel, span_str(cases[i].text));
		if (err != (cases[i].number ? RELOAD_OK : RELOAD_BAD_VALUE))
			fail_msg("%s", cases[i].text);
		assert_string_equal(tel.number, cases[i].number ? cases[i].number : "?");
		if (!err)
			assert_int_equal(tel.len, strlen(tel.number));
	}
}

static void prefixes(void **state)
{
	(void)state;
	struct reload_tel number, prefix;
	assert_int_equal(reload_tel_parse(&number, span_str("+49301234")), RELOAD_OK);
	static const char *const of_it[] = { "+", "+4", "+49", "+49301234" };
	static const char *const others[] = { "49", "+493012345", "+1", "0" };
	static const char *const none[] = { "", "+49-30", "tel:+49", "+49;x", "a",
		"+1234567890123456" };
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(reload_tel_prefix_parse(&prefix, span_str(of_it[i])), RELOAD_OK);
		assert_true(reload_tel_has_prefix(&number, &prefix));
		assert_int_equal(reload_tel_prefix_parse(&prefix, span_str(others[i])), RELOAD_OK);
		assert_false(reload_tel_has_prefix(&number, &prefix));
	}
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(
			reload_tel_prefix_parse(&prefix, span_str(none[i])), RELOAD_BAD_VALUE);
}

static void namespaces(void **state)
{
	(void)state;
	char out[RELOAD_TEL_SERVICE], name[300];
	struct reload_tel number;
	assert_int_equal(reload_tel_parse(&number, span_str("+49301234")), RELOAD_OK);
	assert_int_equal(reload_tel_service(out, "calls.example", &number, 3), RELOAD_OK);
	assert_string_equal(out, "example.calls.pstn.+49");
	assert_int_equal(reload_tel_service(out, "a.b.c", &number, 99), RELOAD_OK);
	assert_string_equal(out, "c.b.a.pstn.+49301234");
	assert_int_equal(reload_tel_service(out, "lab", &number, 1), RELOAD_OK);
	assert_string_equal(out, "lab.pstn.+");
	memset(name, 'a', sizeof(name));
	for (size_t fits = 240; fits <= 250; fits++) {
		name[fits] = 0;
		enum reload_err err = reload_tel_service(out, name, &number, 9);
		assert_int_equal(err, fits + 6 + 9 <= 255 ? RELOAD_OK : RELOAD_LIMIT);
		name[fits] = 'a';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(namespaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
