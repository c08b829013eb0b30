/* Names of private Kinds: an element of our namespace in the kind, which others leave unread (RFC 6940 s11.1). */
#include "config_fixture.h"

#define COMMON                                                                                     \
	"<data-model>ARRAY</data-model><access-control>USER-MATCH</access-control>"                \
	"<max-count>4</max-count><max-size>100</max-size>"
#define NAMED(id, name)                                                                            \
	"<kind id=\"" id "\"><name xmlns=\"urn:x-reload:config\">" name "</name>" COMMON "</kind>"

/* document() is one with the kind elements a and b (NULL: not), each signed by the kind-signer. */
static char *document(const char *a, const char *b)
{
	char *first = kind_block(a, &one), *second = b ? kind_block(b, &one) : reload_strdup("");
	char *both = text_of("%s%s", first, second);
	char *text = document_of(ATTRIBUTES, SIGNERS, both, &one);
	free(first);
	free(second);
	free(both);
	return text;
}

static void a_kind_is_found_by_its_name(void **state)
{
	(void)state;
	AUTO(reload_config)
	c = parsed(document(NAMED("4026531845", " CALL-LIST\n"), NAMED("4026531846", "x_2")));
	const struct reload_kind *k = reload_config_kind_named(c, "CALL-LIST");
	assert_non_null(k);
	assert_int_equal(k->id, 4026531845u);
	assert_string_equal(reload_kind_name(k), "CALL-LIST");
	assert_int_equal(reload_config_kind_named(c, "x_2")->id, 4026531846u);
	assert_ptr_equal(reload_config_kind_named(c, "0xf0000005"), k);
	assert_ptr_equal(reload_config_kind_named(c, "4026531845"), k);
	assert_null(reload_config_kind_named(c, "CALL-LIS"));
	assert_null(reload_config_kind_named(c, ""));
	assert_string_equal(reload_kind_name(reload_config_kind(c, 2)), "TURN-SERVICE");
	/* a name of other people's namespace is none of ours */
	AUTO(reload_config)
	other = parsed(document(
		"<kind id=\"4026531845\"><name xmlns=\"urn:other\">CALL</name>" COMMON "</kind>",
		NULL));
	assert_null(reload_kind_name(reload_config_kind(other, 4026531845u)));
}

static void names_that_could_mislead_are_refused(void **state)
{
	(void)state;
#define LONG "abcdefghijklmnopqrstuvwxyzABCDEFG"
	static const char *const names[] = { "", "5", "0xf0000009", "4026531845", "-a", "_a", "a b",
		"a.b", "a/b", "a&#10;b", "a\xc3\xa4", "&#x202e;a", LONG };
	static const char *const reserved[] = { "TURN-SERVICE", "turn-service", "REDIR",
		"SIP-REGISTRATION", "CERTIFICATE_BY_USER", "Certificate_By_Node",
		"ACCESS-CONTROL-LIST" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char *element = text_of(NAMED("4026531845", "%s"), names[i]);
		refused(document(element, NULL), RELOAD_BAD_CONFIG,
			"the name of a Kind begins with a letter");
		free(element);
	}
	for (size_t i = 0; i < COUNT_OF(reserved); i++) {
		char *element = text_of(NAMED("4026531845", "%s"), reserved[i]);
		refused(document(element, NULL), RELOAD_BAD_CONFIG, "is that of a registered Kind");
		free(element);
	}
	refused(document(NAMED("4026531845", "A"), NAMED("4026531846", "A")), RELOAD_BAD_CONFIG,
		"the Kinds 4026531845 and 4026531846 have the name A");
	refused(document(NAMED("4026531845", "LIST"), NAMED("4026531846", "list")),
		RELOAD_BAD_CONFIG, "have the name list");
	refused(document(
			NAMED("4026531845", "A</name><name xmlns=\"urn:x-reload:config\">B"), NULL),
		RELOAD_BAD_CONFIG, "a second name");
	refused(document("<kind name=\"CERTIFICATE_BY_USER\"><name xmlns=\"urn:x-reload:config\">"
			 "MINE</name>" COMMON "</kind>",
			NULL),
		RELOAD_BAD_CONFIG, "a name for the registered Kind CERTIFICATE_BY_USER");
	AUTO(reload_config)
	longest = parsed(document(NAMED("4026531845", "abcdefghijklmnopqrstuvwxyzABCDEF"), NULL));
	assert_non_null(reload_config_kind_named(longest, "abcdefghijklmnopqrstuvwxyzABCDEF"));
}

/* take() is the configuration with one more signed kind-block (R-6.5.4-03). */
static struct reload_config *take(const struct reload_config *c, const char *element)
{
	struct reload_config *next = NULL;
	struct reload_error_text why = { 0 };
	char *block = kind_block(element, &one);
	struct span span = span_str(block);
	assert_int_equal(reload_config_with_kinds(&next, c, &span, 1, NOW, &why), RELOAD_OK);
	free(block);
	return next;
}

static void a_kind_block_carries_the_name(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(document(NAMED("4026531845", "FIRST"), NULL));
	AUTO(reload_config) next = take(c, NAMED("4026531846", "SECOND"));
	assert_int_equal(reload_config_kind_named(next, "SECOND")->id, 4026531846u);
	assert_null(reload_config_kind_named(c, "SECOND"));
	/* another name is news, the same Kind again is none */
	AUTO(reload_config) renamed = take(next, NAMED("4026531846", "THIRD"));
	assert_int_equal(reload_config_kind_named(renamed, "THIRD")->id, 4026531846u);
	assert_null(reload_config_kind_named(renamed, "SECOND"));
	AUTO(reload_config) again = take(renamed, NAMED("4026531846", "THIRD"));
	assert_ptr_equal(again, renamed);
	/* a name is not taken from its Kind: the newcomer works by its number */
	AUTO(reload_config) taken = take(next, NAMED("4026531847", "first"));
	assert_int_equal(reload_config_kind_named(taken, "FIRST")->id, 4026531845u);
	assert_null(reload_config_kind_named(taken, "first"));
	assert_null(reload_kind_name(reload_config_kind(taken, 4026531847u)));
	AUTO(reload_config) repeated = take(taken, NAMED("4026531847", "first"));
	assert_ptr_equal(repeated, taken);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct reload_kind kind = { .id = 4026531845u,
		.given = "CALL-LIST",
		.model = RELOAD_MODEL_ARRAY,
		.max_count = 3,
		.max_size = 9 };
	struct reload_kind read = { 0 };
	struct reload_error_text why = { 0 };
	char *element = reload_kind_element(&kind);
	assert_int_equal(reload_kind_file_read(&read, span_str(element), &why), RELOAD_OK);
	assert_string_equal(read.given, "CALL-LIST");
	assert_true(span_eq(read.block, span_str(element))); /* all of it will be signed */
	free(element);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_is_found_by_its_name),
		cmocka_unit_test(names_that_could_mislead_are_refused),
		cmocka_unit_test(a_kind_block_carries_the_name),
		cmocka_unit_test(what_is_written_is_read),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
