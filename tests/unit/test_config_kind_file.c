/* Kind files and limits that can never work: what the authority's side reads of a Kind before it is in a document. */
#include "config_fixture.h"

#include "wire/limits.h"

#define KIND                                                                                       \
	"<kind id=\"4026531845\">\n<data-model>ARRAY</data-model>\n"                               \
	"<access-control>NODE-MATCH</access-control>\n<max-count>4</max-count>\n"                  \
	"<max-size>100</max-size>\n</kind>"

static enum reload_err read_text(
	struct reload_kind *kind, const char *text, struct reload_error_text *why)
{
	*why = (struct reload_error_text){ 0 };
	return reload_kind_file_read(kind, span_str(text), why);
}

static void the_element_is_found_in_the_file(void **state)
{
	(void)state;
	static const char *const texts[] = { KIND, "\n\n " KIND "\n", "\xef\xbb\xbf" KIND,
		"<?xml version=\"1.0\"?>\n" KIND,
		"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- a -->" KIND
		"<!-- <kind> -->\r\n" };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct reload_kind kind;
		struct reload_error_text why;
		assert_int_equal(read_text(&kind, texts[i], &why), RELOAD_OK);
		assert_int_equal(kind.id, 4026531845u);
		assert_int_equal(kind.model, RELOAD_MODEL_ARRAY);
		assert_int_equal(kind.access, RELOAD_ACCESS_NODE_MATCH);
		assert_int_equal(kind.max_count, 4);
		assert_int_equal(kind.max_size, 100);
		assert_ptr_equal(kind.block.at, strstr(texts[i], "<kind id"));
		assert_true(span_eq(kind.block, span_str(KIND)));
	}
}

static void a_fault_is_told_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *line;
	} faults[] = {
		{ "ARRAY", "TREE", "line 3: the data-model \"TREE\"" },
		{ "NODE-MATCH", "ALL", "line 4: the access-control \"ALL\"" },
		{ ">4<", ">0<", "line 5: max-count is \"0\"" },
		{ ">100<", ">x<", "line 6: max-size is \"x\"" },
		{ "<max-size>100</max-size>", "", "line 2: the kind has no max-size" },
		{ "NODE-MATCH", "NODE-MULTIPLE", "line 2: NODE-MULTIPLE needs max-node-multiple" },
		{ "NODE-MATCH", "USER-NODE-MATCH", "line 2: USER-NODE-MATCH is for DICTIONARY" },
		{ "4026531845", "5", "line 2: the Kind-ID 5 is not in the private range" },
		{ "id=", "x=\"\" id=", "line 2: the kind does not fit the grammar" },
		{ "</kind>", "", "not well-formed XML" },
		{ "</kind>", "</kind><kind/>", "line 2: the file does not hold one kind element" },
		{ "<kind id", "<kind xmlns=\"urn:x\" id", "line 2: the file does not hold one" },
		{ "</kind>", "</kind></kind-block><kind-block>", "the file does not hold one" },
	};
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct reload_kind kind = { .id = 77 };
		struct reload_error_text why;
		char *text = replaced("\n" KIND, faults[i].from, faults[i].to);
		assert_int_equal(read_text(&kind, text, &why), RELOAD_BAD_CONFIG);
		if (!strstr(why.reason, faults[i].line))
			fail_msg("\"%s\" instead of \"%s\"", why.reason, faults[i].line);
		assert_int_equal(kind.id, 77); /* nothing is given out */
		free(text);
	}
	struct reload_kind kind;
	struct reload_error_text why;
	assert_int_equal(read_text(&kind, "", &why), RELOAD_BAD_CONFIG);
	assert_int_equal(reload_kind_file_read(&kind, span_of(NULL, 0), NULL), RELOAD_BAD_CONFIG);
	assert_int_equal(
		reload_kind_file_read(&kind, span_of("<kind\0/>", 8), &why), RELOAD_BAD_CONFIG);
}

/* unworkable() tells whether a Kind with these limits is refused where messages have 5000 bytes. */
static bool unworkable(enum reload_data_model model, uint32_t max_count, uint32_t max_size)
{
	struct reload_kind kind = {
		.id = 4026531845u, .model = model, .max_count = max_count, .max_size = max_size
	};
	struct reload_error_text why = { 0 };
	enum reload_err err = reload_kind_workable(&kind, 5000, &why);
	assert_true(err == RELOAD_OK || (why.reason[0] && why.advice[0]));
	return err;
}

static void limits_of_a_kind_fit_a_message(void **state)
{
	(void)state;
	assert_false(unworkable(RELOAD_MODEL_SINGLE, 1, 5000));
	assert_true(unworkable(RELOAD_MODEL_SINGLE, 1, 5001));
	assert_false(unworkable(RELOAD_MODEL_DICTIONARY, RELOAD_LIMIT_VALUES, 100));
	assert_true(unworkable(RELOAD_MODEL_DICTIONARY, RELOAD_LIMIT_VALUES + 1, 100));
	assert_false(unworkable(RELOAD_MODEL_ARRAY, 1000000, 100)); /* read by ranges */
}

static void limits_of_a_document_fit_each_other(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *fault;
	} rows[] = {
		{ "<max-message-size>4000</max-message-size>", NULL },
		{ "<max-message-size>17039360</max-message-size>", NULL },
		{ "<max-message-size>17039361</max-message-size>", "max-message-size is 17039361" },
		{ "<max-message-size>300</max-message-size>", "max-size of the Kind 0xf0000005" },
	};
	char *element = replaced(KIND, ">100<", ">301<");
	char *block = kind_block(element, &one);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_error_text why = { 0 };
		char *settings = text_of("%s%s", SIGNERS, rows[i].settings);
		/* others may write so: the document is read */
		AUTO(reload_config)
		c = parsed(document_of(
			"instance-name=\"" OVERLAY "\" sequence=\"22\"", settings, block, &one));
		enum reload_err err = reload_config_workable(c, &why);
		assert_int_equal(err, rows[i].fault ? RELOAD_BAD_CONFIG : RELOAD_OK);
		if (rows[i].fault && !strstr(why.reason, rows[i].fault))
			fail_msg("\"%s\" instead of \"%s\"", why.reason, rows[i].fault);
		free(settings);
	}
	free(block);
	free(element);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_element_is_found_in_the_file),
		cmocka_unit_test(a_fault_is_told_with_its_line),
		cmocka_unit_test(limits_of_a_kind_fit_a_message),
		cmocka_unit_test(limits_of_a_document_fit_each_other),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
