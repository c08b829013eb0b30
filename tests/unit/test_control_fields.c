/* Each type of field of the control protocol, at and beyond its bounds. */
#include "control/fields.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct row {
	const char *json;  /* of the field x */
	const char *fault; /* in the reason; NULL: it is taken */
};

/* Checks {"x": VALUE} for each row against the one field. */
static void check_rows(const struct reload_field *field, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct reload_field fields[] = { *field, { 0 } };
		struct reload_error_text why = { "", "", "" };
		json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		if (!value)
			fail_msg("%s is no JSON", rows[i].json);
		json_t *object = json_pack("{s:o}", "x", value);
		enum reload_err err = reload_fields_check(fields, object, &why);
		if (err != (rows[i].fault ? RELOAD_USAGE : RELOAD_OK) ||
			(rows[i].fault && !strstr(why.reason, rows[i].fault)))
			fail_msg("%s: \"%s\"", rows[i].json, why.reason);
		json_decref(object);
	}
}

static void texts(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"\"", NULL },
		{ "\"\xc3\xa4\"", NULL },
		{ "\"abcde\"", NULL },
		{ "\"abcdef\"", "x is too long" },
		{ "\"ab\xc3\xa4\xc3\xa4\"", "x is too long" }, /* bytes count */
		{ "null", "x must be a string" },
		{ "7", "x must be a string" },
		{ "true", "x must be a string" },
		{ "[]", "x must be a string" },
		{ "{}", "x must be a string" },
	};
	check_rows(&(const struct reload_field){ TEXT("x"), ATMOST(5) }, rows, COUNT_OF(rows));
}

static void words(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"one\"", NULL },
		{ "\"two\"", NULL },
		{ "\"three\"", NULL },
		{ "\"\"", "must be one of: one two  three" },
		{ "\"on\"", "must be one of" },
		{ "\"onet\"", "must be one of" },
		{ "\"one two\"", "must be one of" },
		{ "\" \"", "must be one of" },
		{ "\"One\"", "must be one of" },
		{ "1", "must be a string" },
	};
	check_rows(
		&(const struct reload_field){ WORD("x", "one two  three") }, rows, COUNT_OF(rows));
}

static void identifiers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"\"", NULL },
		{ "\"00\"", NULL },
		{ "\"0123456789abcdef\"", NULL },
		{ "\"0\"", "even number" },
		{ "\"0g\"", "even number" },
		{ "\"0A\"", "lower-case" },
		{ "\"0x00\"", "hex" },
		{ "\" 0\"", "hex" },
		{ "\"01234567890123456\"", "too long" },
		{ "0", "must be a string" },
	};
	check_rows(&(const struct reload_field){ HEX("x"), ATMOST(16) }, rows, COUNT_OF(rows));
}

static void bytes(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"\"", NULL },
		{ "\"AAAA\"", NULL },
		{ "\"AA==\"", NULL },
		{ "\"AAA=\"", NULL },
		{ "\"+/09azAZ\"", NULL },
		{ "\"A\"", "base64" },
		{ "\"AA\"", "base64" },
		{ "\"AAA\"", "base64" },
		{ "\"A===\"", "base64" },
		{ "\"====\"", "base64" },
		{ "\"AA=A\"", "base64" },
		{ "\"AA==AAAA\"", "base64" },
		{ "\"AA A\"", "base64" },
		{ "\"AA\\nA\"", "base64" },
		{ "\"A-_A\"", "base64" },
	};
	check_rows(&(const struct reload_field){ BASE64("x") }, rows, COUNT_OF(rows));
}

static void long_numbers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"0\"", NULL },
		{ "\"1\"", NULL },
		{ "\"9999999999999999999\"", NULL },
		{ "\"18446744073709551615\"", NULL },
		{ "\"18446744073709551616\"", "64 bits" },
		{ "\"20000000000000000000\"", "64 bits" },
		{ "\"100000000000000000000\"", "64 bits" },
		{ "\"\"", "64 bits" },
		{ "\"00\"", "64 bits" },
		{ "\"01\"", "64 bits" },
		{ "\"-1\"", "64 bits" },
		{ "\"+1\"", "64 bits" },
		{ "\"1.0\"", "64 bits" },
		{ "\"0x1\"", "64 bits" },
		{ "\"1 \"", "64 bits" },
		{ "1", "must be a string" },
	};
	check_rows(&(const struct reload_field){ U64("x") }, rows, COUNT_OF(rows));
}

static void times(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"2026-11-22T15:12:05.123Z\"", NULL },
		{ "\"1970-01-01T00:00:00.000Z\"", NULL },
		{ "\"2026-11-22T15:12:05Z\"", "RFC 3339" },
		{ "\"2026-11-22T15:12:05.12Z\"", "RFC 3339" },
		{ "\"2026-11-22T15:12:05.1234Z\"", "RFC 3339" },
		{ "\"2026-11-22 15:12:05.123Z\"", "RFC 3339" },
		{ "\"2026-11-22t15:12:05.123Z\"", "RFC 3339" },
		{ "\"2026-11-22T15:12:05.123z\"", "RFC 3339" },
		{ "\"2026/11/22T15:12:05.123Z\"", "RFC 3339" },
		{ "\"2026-11-22T15-12-05.123Z\"", "RFC 3339" },
		{ "\"2026-11-2xT15:12:05.123Z\"", "RFC 3339" },
		{ "\"\"", "RFC 3339" },
		{ "1764774725", "must be a string" },
	};
	check_rows(&(const struct reload_field){ TIME("x") }, rows, COUNT_OF(rows));
}

static void whole_numbers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "-3", NULL },
		{ "7", NULL },
		{ "0", NULL },
		{ "-4", "from -3 to 7" },
		{ "8", "from -3 to 7" },
		{ "9223372036854775807", "from -3 to 7" },
		{ "-9223372036854775808", "from -3 to 7" },
		{ "1.0", "whole number" },
		{ "0.5", "whole number" },
		{ "1e0", "whole number" },
		{ "\"1\"", "whole number" },
		{ "true", "whole number" },
		{ "null", "whole number" },
	};
	static const struct row open[] = {
		{ "9223372036854775807", NULL },
		{ "0", NULL },
		{ "-1", "of 0 or more" },
	};
	check_rows(&(const struct reload_field){ INT("x", -3, 7) }, rows, COUNT_OF(rows));
	check_rows(&(const struct reload_field){ NUMBER("x") }, open, COUNT_OF(open));
}

static void numbers_booleans_and_kinds(void **state)
{
	(void)state;
	static const struct row reals[] = {
		{ "0", NULL },
		{ "-1", NULL },
		{ "1.5", NULL },
		{ "1e300", NULL },
		{ "\"1\"", "must be a number" },
		{ "true", "must be a number" },
		{ "null", "must be a number" },
	};
	static const struct row booleans[] = {
		{ "true", NULL },
		{ "false", NULL },
		{ "0", "true or false" },
		{ "1", "true or false" },
		{ "\"true\"", "true or false" },
		{ "null", "true or false" },
	};
	static const struct row kinds[] = {
		{ "0", NULL },
		{ "4294967295", NULL },
		{ "\"TURN-SERVICE\"", NULL },
		{ "\"0x10\"", NULL },
		{ "4294967296", "name or number of a Kind" },
		{ "-1", "name or number of a Kind" },
		{ "1.5", "name or number of a Kind" },
		{ "\"\"", "name or number of a Kind" },
		{ "true", "name or number of a Kind" },
	};
	check_rows(&(const struct reload_field){ REAL("x") }, reals, COUNT_OF(reals));
	check_rows(&(const struct reload_field){ BOOL("x") }, booleans, COUNT_OF(booleans));
	check_rows(&(const struct reload_field){ KIND("x") }, kinds, COUNT_OF(kinds));
}

static void lists_and_objects(void **state)
{
	(void)state;
	static const struct row lists[] = {
		{ "[]", NULL },
		{ "[1,2,3]", NULL },
		{ "[1,2,3,4]", "x has too many items" },
		{ "[1,10]", "x[1] must be a whole number" },
		{ "[null]", "x[0] must be a whole number" },
		{ "{}", "x must be a list" },
		{ "1", "x must be a list" },
	};
	static const struct row objects[] = {
		{ "{\"a\":1}", NULL },
		{ "{\"a\":1,\"b\":true}", NULL },
		{ "{\"a\":1,\"b\":null}", NULL }, /* as if it was left out */
		{ "{}", "x.a is missing" },
		{ "{\"a\":null}", "x.a must be a whole number" },
		{ "{\"a\":1,\"c\":1}", "x.c is unknown" },
		{ "{\"a\":1,\"b\":1}", "x.b must be true or false" },
		{ "[]", "x must be an object" },
		{ "null", "x must be an object" },
	};
	static const struct row any[] = {
		{ "{}", NULL },
		{ "{\"whatever\":[1,{\"x\":null}]}", NULL },
		{ "[]", "x must be an object" },
	};
	check_rows(&(const struct reload_field){ LIST("x", INT(NULL, 0, 9)), ATMOST(3) }, lists,
		COUNT_OF(lists));
	check_rows(&(const struct reload_field){ OBJECT(
			   "x", { INT("a", 0, 9) }, { BOOL("b"), OPTIONAL }) },
		objects, COUNT_OF(objects));
	check_rows(&(const struct reload_field){ ANY("x") }, any, COUNT_OF(any));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(words),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(bytes),
		cmocka_unit_test(long_numbers),
		cmocka_unit_test(times),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(numbers_booleans_and_kinds),
		cmocka_unit_test(lists_and_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
