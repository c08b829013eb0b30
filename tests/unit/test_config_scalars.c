/* Sequence numbers, overlay names, times, and the scanner that finds elements in bytes. */
#include "config/internal.h"
#include "vectors.h"

static void sequences_wrap_around(void **state)
{
	(void)state;
	json_t *scalars = vector_json_file("scalars"), *row;
	json_t *table = json_object_get(scalars, "config_sequence_compare");
	size_t i;
	assert_int_equal(json_array_size(table), 6);
	/* R-6.3.2.1-03 */
	json_array_foreach (table, i, row) {
		uint16_t a = (uint16_t)json_integer_value(json_object_get(row, "a"));
		uint16_t b = (uint16_t)json_integer_value(json_object_get(row, "b"));
		assert_int_equal(reload_sequence_newer(a, b),
			json_is_true(json_object_get(row, "a_newer_than_b")));
	}
	json_decref(scalars);
	assert_false(reload_sequence_newer(7, 7));
	assert_true(reload_sequence_newer(32767, 0));
	assert_false(reload_sequence_newer(32768, 0));
	/* R-6.3.2.1-07 */
	assert_int_equal(reload_sequence_next(65534), 0);
	assert_int_equal(reload_sequence_next(0), 1);
	assert_int_equal(reload_sequence_next(65533), 65534);
	for (uint32_t s = 0; s < 65535; s++) {
		assert_true(reload_sequence_newer(reload_sequence_next((uint16_t)s), (uint16_t)s));
		assert_true(reload_sequence_next((uint16_t)s) != 65535);
	}
}

static void overlay_names_are_domain_names(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "overlay.example.org", "Example.COM", "a-b.c3",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.example" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "-a", "a-", "over lay",
		"over_lay", "a.9b", "caf\xc3\xa9.example", "a/b", "a:1",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.example" };
	/* R-6.3.2-03 */
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(reload_overlay_name_valid(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(reload_overlay_name_valid(bad[i]));
	char name[300];
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[253] = 0;
	assert_true(reload_overlay_name_valid(name));
	name[253] = '.';
	name[255] = 0;
	assert_false(reload_overlay_name_valid(name));
}

static void times_are_utc(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-02-29T12:34:56Z", UINT64_C(951827696000) },
		{ "2002-10-10T07:00:00Z", UINT64_C(1034233200000) },
		{ "2044-01-01T00:00:00.5Z", UINT64_C(2335219200500) },
		{ "2044-01-01T00:00:00.1239Z", UINT64_C(2335219200123) },
		{ "9999-12-31T23:59:59Z", UINT64_C(253402300799000) },
	};
	/* R-11.1-10 */
	static const char *const bad[] = { "", "2044-01-01", "2044-01-01T00:00:00",
		"2044-01-01T00:00:00+00:00", "2044-01-01T00:00:00-01:00", "2044-01-01T00:00:00z",
		"2044-01-01 00:00:00Z", "1900-02-29T00:00:00Z", "1969-12-31T23:59:59Z",
		"2100-02-29T00:00:00Z", "2044-13-01T00:00:00Z", "2044-00-01T00:00:00Z",
		"2044-01-00T00:00:00Z", "2044-04-31T00:00:00Z", "2044-01-01T24:00:00Z",
		"2044-01-01T00:60:00Z", "2044-01-01T00:00:60Z", "2044-01-01T00:00:00.Z",
		"2044-01-01T00:00:00ZZ", "12044-01-01T00:00:00Z", "-2044-01-01T00:00:00Z" };
	reload_utc t;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(reload_utc_parse(&t, good[i].text), RELOAD_OK);
		assert_true(t == good[i].ms);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(reload_utc_parse(&t, bad[i]), RELOAD_BAD_VALUE);
	/* each day of four centuries is read as it is written */
	for (uint64_t day = 0; day < 146097; day++) {
		char text[RELOAD_UTC_TEXT];
		assert_int_equal(
			reload_utc_parse(&t, reload_utc_text(text, day * 86400000)), RELOAD_OK);
		assert_true(t == day * 86400000);
	}
}

static void the_scanner_finds_elements(void **state)
{
	(void)state;
	const char *text =
		"<?x <no> ?><a b='>' c=\"</a>\"><!-- <no> --><d:e/><![CDATA[<no>]]><f >x</f\n></a>";
	struct reload_xml_scan scan = { 0 };
	assert_int_equal(reload_xml_scan_run(&scan, span_str(text), NULL), RELOAD_OK);
	assert_int_equal(scan.count, 3);
	assert_true(span_eq(scan.at[0].bytes, span_str(text + 11)));
	assert_true(span_eq(scan.at[1].bytes, span_str("<d:e/>")));
	assert_true(span_eq(scan.at[1].name, span_str("d:e")));
	assert_true(span_eq(scan.at[2].bytes, span_str("<f >x</f\n>")));
	reload_xml_scan_clear(&scan);
	static const struct {
		const char *text;
		enum reload_err err;
	} bad[] = {
		{ "<a>", RELOAD_BAD_VALUE },
		{ "<a></b>", RELOAD_BAD_VALUE },
		{ "</a>", RELOAD_BAD_VALUE },
		{ "<a b='>", RELOAD_BAD_VALUE },
		{ "<a><!-- --", RELOAD_BAD_VALUE },
		{ "<!-->", RELOAD_BAD_VALUE },
		{ "<?x ?", RELOAD_BAD_VALUE },
		{ "<a><![CDATA[ ]]", RELOAD_BAD_VALUE },
		{ "<a></a", RELOAD_BAD_VALUE },
		{ "<!DOCTYPE a><a/>", RELOAD_BAD_CONFIG },
		{ "<!ENTITY a ''>", RELOAD_BAD_CONFIG },
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct reload_why why = { 0 };
		size_t len = strlen(bad[i].text);
		uint8_t *exact = reload_memdup(bad[i].text, len);
		assert_int_equal(reload_xml_scan_run(&scan, span_of(exact, len), &why), bad[i].err);
		assert_non_null(strstr(why.why, "line 1: "));
		reload_xml_scan_clear(&scan);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_wrap_around),
		cmocka_unit_test(overlay_names_are_domain_names),
		cmocka_unit_test(times_are_utc),
		cmocka_unit_test(the_scanner_finds_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
