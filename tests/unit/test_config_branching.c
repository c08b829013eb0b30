/* The Kind REDIR in documents: its branching factor, where it may be, and its limits (RFC 7374 s8). */
#include "config_fixture.h"

#define XMLNS      "xmlns:redir=\"urn:ietf:params:xml:ns:p2p:redir\""
#define FACTOR(n)  "<redir:branching-factor " XMLNS ">" n "</redir:branching-factor>"
#define REDIR(...) REDIR_AS("NODE-ID-MATCH", "DICTIONARY", __VA_ARGS__)
#define REDIR_AS(access, model, more)                                                              \
	"<kind name=\"REDIR\"><data-model>" model "</data-model><access-control>" access           \
	"</access-control><max-count>500</max-count><max-size>256</max-size>" more "</kind>"
#define EXTENSION "<mandatory-extension>urn:ietf:params:xml:ns:p2p:redir</mandatory-extension>"

static char *document_with(const char *more, const char *element)
{
	char *block = kind_block(element, &one), *front = text_of("%s%s", SIGNERS, more);
	char *text = document_of(ATTRIBUTES, front, block, &one);
	free(block);
	free(front);
	return text;
}

static uint32_t factor_of(char *document)
{
	AUTO(reload_config) c = parsed(document);
	const struct reload_kind *k = reload_config_kind(c, RELOAD_KIND_REDIR);
	assert_non_null(k);
	assert_int_equal(k->model, RELOAD_MODEL_DICTIONARY);
	assert_int_equal(k->access, RELOAD_ACCESS_NODE_ID_MATCH);
	assert_int_equal(k->max_count, 500);
	assert_int_equal(k->max_size, 256);
	return k->branching_factor;
}

static void the_factor_has_two_places(void **state)
{
	(void)state;
	/* R7374-26: 10 unless said otherwise, in the Kind or else in the configuration */
	assert_int_equal(factor_of(document_with("", REDIR(""))), 10);
	assert_int_equal(factor_of(document_with(EXTENSION, REDIR(FACTOR(" 4 ")))), 4);
	assert_int_equal(factor_of(document_with(FACTOR("3"), REDIR(""))), 3);
	assert_int_equal(factor_of(document_with(FACTOR("3"), REDIR(FACTOR("4")))), 4);
	assert_int_equal(factor_of(document_with("", REDIR(FACTOR("2")))), 2);
	assert_int_equal(factor_of(document_with("", REDIR(FACTOR("65536")))), 65536);
	/* without a kind-block the overlay does not know REDIR */
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, &one));
	assert_null(reload_config_kind(c, RELOAD_KIND_REDIR));
}

static void factors_that_make_no_tree(void **state)
{
	(void)state;
	static const char *const bad[] = { REDIR(FACTOR("0")), REDIR(FACTOR("1")),
		REDIR(FACTOR("65537")), REDIR(FACTOR("-2")), REDIR(FACTOR("ten")),
		REDIR(FACTOR("4294967298")), REDIR(FACTOR("")), REDIR(FACTOR("2") FACTOR("2")) };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		refused(document_with("", bad[i]), RELOAD_BAD_CONFIG, "branching-factor");
	refused(document_with(FACTOR("1"), REDIR("")), RELOAD_BAD_CONFIG, "branching-factor");
	/* an element of that name in another namespace is another one */
	assert_int_equal(
		factor_of(document_with("", REDIR("<x:branching-factor "
						  "xmlns:x=\"urn:x\">1</x:branching-factor>"))),
		10);
}

static void the_policy_is_for_dictionaries(void **state)
{
	(void)state;
	static const char own[] =
		"<kind id=\"4026531841\"><data-model>%s</data-model><access-control>NODE-ID-MATCH"
		"</access-control><max-count>4</max-count><max-size>100</max-size></kind>";
	/* R7374-25 */
	char *single = replaced(own, "%s", "SINGLE"),
	     *dictionary = replaced(own, "%s", "DICTIONARY");
	refused(document_with("", single), RELOAD_BAD_CONFIG, "DICTIONARY");
	AUTO(reload_config) c = parsed(document_with("", dictionary));
	assert_int_equal(reload_config_kind(c, 4026531841u)->branching_factor, 10);
	free(single);
	free(dictionary);
	/* the registration counts, whatever the document says (R-11.1-41) */
	AUTO(reload_config) d = parsed(document_with("", REDIR_AS("USER-MATCH", "SINGLE", "")));
	assert_int_equal(
		reload_config_kind(d, RELOAD_KIND_REDIR)->access, RELOAD_ACCESS_NODE_ID_MATCH);
}

static void the_factor_is_written(void **state)
{
	(void)state;
	struct reload_kind kind = *reload_kind_registered(RELOAD_KIND_REDIR, NULL);
	kind.max_count = 500;
	kind.max_size = 256;
	kind.branching_factor = 7;
	char *element = reload_kind_element(&kind);
	assert_int_equal(factor_of(document_with("", element)), 7);
	free(element);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_factor_has_two_places),
		cmocka_unit_test(factors_that_make_no_tree),
		cmocka_unit_test(the_policy_is_for_dictionaries),
		cmocka_unit_test(the_factor_is_written),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
