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

static void elements_know_their_bytes(void **state)
{
	(void)state;
	const char *text =
		"<?x <no> ?><a b='>' c=\"/>\"><!-- <no> --><d:e xmlns:d='urn:x'/><![CDATA[<no>]]>"
		"<f >x<y/>z</f\n></a>";
	struct reload_xml xml;
	assert_int_equal(reload_xml_open(&xml, span_str(text), NULL), RELOAD_OK);
	const struct reload_xml_node *a = xml.root, *e = a->children, *f = e->next;
	assert_true(span_eq(a->bytes, span_str(text + 11)));
	assert_string_equal(a->text, "<no>");
	assert_int_equal(a->attributes_count, 2);
	assert_true(span_eq(e->bytes, span_str("<d:e xmlns:d='urn:x'/>")));
	assert_string_equal(e->ns, "urn:x");
	assert_string_equal(e->name, "e");
	assert_string_equal(e->text, "");
	assert_true(span_eq(f->bytes, span_str("<f >x<y/>z</f\n>")));
	assert_string_equal(f->text, "xz");
	assert_true(span_eq(f->children->bytes, span_str("<y/>")));
	assert_null(f->next);
	reload_xml_clear(&xml);
}

/* A foreign element may be as large as the document: only its text is kept. */
static void foreign_elements_are_kept_without_their_parts(void **state)
{
	(void)state;
	struct reload_xml xml;
	const char *text = "<a><x:b xmlns:x='urn:x' c='1'>1<x:d e='2'>2</x:d>3</x:b></a>";
	assert_int_equal(reload_xml_open(&xml, span_str(text), NULL), RELOAD_OK);
	const struct reload_xml_node *b = xml.root->children;
	assert_int_equal(b->attributes_count, 0);
	assert_null(b->children);
	assert_string_equal(b->text, "123");
	assert_int_equal(b->bytes.len, strlen(text) - 7);
	reload_xml_clear(&xml);
}

static void what_is_not_well_formed_is_named_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "", "the document is empty" },
		{ " ", "line 1: not well-formed XML: no element found" },
		{ "<a>\n<b>\n\n", "line 2: not well-formed XML: an element has no end tag: <b>" },
		{ "<a>\n</b>", "line 2: not well-formed XML: mismatched tag" },
		{ "</a>", "line 1: not well-formed XML: not well-formed" },
		{ "<a b='>", "line 1: not well-formed XML: unclosed token" },
		{ "<a><!-- --", "line 1: not well-formed XML: " },
		{ "<a>\n\n<!-- a -- b --></a>", "line 3: not well-formed XML: " },
		{ "<!-->", "line 1: not well-formed XML: " },
		{ "<?x ?", "line 1: not well-formed XML: " },
		{ "<a><![CDATA[ ]]", "line 1: not well-formed XML: " },
		{ "<a></a", "line 1: not well-formed XML: " },
		{ "<a>]]></a>", "line 1: not well-formed XML: " },
		{ "<a b='1' b='2'/>", "line 1: not well-formed XML: duplicate attribute" },
		{ "<a\nx:b='1'/>", "line 1: not well-formed XML: unbound prefix" },
		{ "<a>\n&b;</a>", "line 2: not well-formed XML: undefined entity: &b;" },
		{ "<a>&#0;</a>", "line 1: not well-formed XML: " },
		{ "<a/>\n<a/>", "line 2: not well-formed XML: junk after document element: <a/>" },
		{ "\n<?xml version='1.0'?><a/>", "line 2: not well-formed XML: " },
		{ "<?xml version='2.0'?><a/>",
			"line 1: not well-formed XML: its version is \"2.0\"" },
		{ "<a xmlns:b='urn: x'/>",
			"line 1: not well-formed XML: the namespace \"urn: x\" is not a URI" },
		{ "<!DOCTYPE a><a/>", "line 1: a document type declaration is not allowed" },
		{ "\n<!DOCTYPE a [<!ENTITY b '&b;&b;'>]><a>&b;</a>",
			"line 2: a document type declaration is not allowed" },
		{ "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
			"line 1: a document type declaration is not allowed" },
		{ "<!ENTITY a ''>", "line 1: not well-formed XML: " },
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct reload_error_text why = { 0 };
		struct reload_xml xml;
		size_t len = strlen(bad[i].text);
		uint8_t *exact = reload_memdup(bad[i].text, len);
		assert_int_equal(
			reload_xml_open(&xml, span_of(exact, len), &why), RELOAD_BAD_CONFIG);
		if (strncmp(why.reason, bad[i].words, strlen(bad[i].words)) != 0)
			fail_msg("%s: %s", bad[i].text, why.reason);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_wrap_around),
		cmocka_unit_test(overlay_names_are_domain_names),
		cmocka_unit_test(times_are_utc),
		cmocka_unit_test(elements_know_their_bytes),
		cmocka_unit_test(foreign_elements_are_kept_without_their_parts),
		cmocka_unit_test(what_is_not_well_formed_is_named_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
