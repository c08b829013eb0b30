/* The restriction of domains of a SIP-REGISTRATION Kind (RFC 7904 s3.4). */
#include "config_fixture.h"

#define NS "xmlns:sip=\"urn:ietf:params:xml:ns:p2p:config-base:sip\""
#define KIND(inner)                                                                                \
	"<kind " NS " name=\"SIP-REGISTRATION\"><data-model>DICTIONARY</data-model>"               \
	"<access-control>USER-NODE-MATCH</access-control><max-count>16</max-count>"                \
	"<max-size>1024</max-size>" inner "</kind>"
#define PATTERNS                                                                                   \
	"<sip:pattern>dht\\.example\\.com</sip:pattern><sip:pattern> .*\\.my\\.example\n"          \
	"</sip:pattern>"

/* document() is one whose configuration holds `outside`, and whose Kind is `kind`, signed by the kind-signer. */
static char *document(const char *outside, const char *kind)
{
	char *block = kind_block(kind, &one), *inner = text_of("%s%s", SIGNERS, outside);
	char *text = document_of(ATTRIBUTES, inner, block, &one);
	free(block);
	free(inner);
	return text;
}

static bool allows(const struct reload_config *c, const char *domain)
{
	return reload_kind_domain_allowed(
		reload_config_kind(c, RELOAD_KIND_SIP_REGISTRATION), domain);
}

static void the_kind_is_the_registered_one(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(document("", KIND("")));
	const struct reload_kind *k = reload_config_kind_named(c, "SIP-REGISTRATION");
	/* R7904-33 */
	assert_non_null(k);
	assert_int_equal(k->id, 1);
	assert_int_equal(k->model, RELOAD_MODEL_DICTIONARY);
	assert_int_equal(k->access, RELOAD_ACCESS_USER_NODE_MATCH);
	assert_int_equal(k->max_count, 16);
	assert_int_equal(k->max_size, 1024);
	/* it is not in overlays that do not define it */
	AUTO(reload_config) none = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, &one));
	assert_null(reload_config_kind(none, 1));
}

static void without_a_restriction_all_domains_are_allowed(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(document("", KIND("")));
	/* R7904-11 */
	assert_true(allows(c, "dht.example.com"));
	assert_true(allows(c, "elsewhere.example"));
}

static void patterns_match_the_whole_domain(void **state)
{
	(void)state;
	static const struct {
		const char *domain;
		bool allowed;
	} rows[] = {
		{ "dht.example.com", true },
		{ "DHT.Example.COM", true },
		{ "x.my.example", true },
		{ "a.b.my.example", true },
		{ "my.example", false },
		{ "dht.example.com.evil.org", false },
		{ "xdht.example.com", false },
		{ "dhtXexample.com", false },
		{ OVERLAY, false },
	};
	/* R7904-13, R7904-14, R7904-37; both names of the element */
	AUTO(reload_config)
	one_name = parsed(document("", KIND("<sip:domain-restriction enable=\"true\">" PATTERNS
					    "</sip:domain-restriction>")));
	AUTO(reload_config)
	other_name = parsed(document("", KIND("<sip:domain-restrictions enable=\" 1 \">" PATTERNS
					      "</sip:domain-restrictions>")));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(allows(one_name, rows[i].domain), rows[i].allowed);
		assert_int_equal(allows(other_name, rows[i].domain), rows[i].allowed);
	}
	AUTO(reload_config)
	none = parsed(document("", KIND("<sip:domain-restriction enable=\"true\"/>")));
	assert_false(allows(none, OVERLAY)); /* without patterns nothing is accepted */
	AUTO(reload_config)
	either =
		parsed(document("", KIND("<sip:domain-restriction enable=\"true\"><sip:pattern>a|ab"
					 "</sip:pattern></sip:domain-restriction>")));
	assert_true(allows(either, "ab"));
}

static void a_disabled_restriction_allows_the_overlay_name(void **state)
{
	(void)state;
	static const char *const rows[] = {
		KIND("<sip:domain-restriction/>"),
		KIND("<sip:domain-restriction enable=\"false\">" PATTERNS
		     "</sip:domain-restriction>"),
		KIND("<sip:domain-restriction enable=\"0\"/>"),
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(reload_config) c = parsed(document("", rows[i]));
		/* R7904-12 */
		assert_true(allows(c, OVERLAY));
		assert_true(allows(c, "Overlay.Example"));
		assert_false(allows(c, "sub." OVERLAY));
		assert_false(allows(c, "overlayXexample"));
		assert_false(allows(c, "dht.example.com"));
	}
}

static void a_restriction_of_the_document_is_for_a_kind_without_one(void **state)
{
	(void)state;
#define OUTSIDE "<sip:domain-restriction " NS "/>"
	AUTO(reload_config) c = parsed(document(OUTSIDE, KIND("")));
	assert_true(allows(c, OVERLAY));
	assert_false(allows(c, "dht.example.com"));
	AUTO(reload_config)
	d = parsed(document(OUTSIDE, KIND("<sip:domain-restriction enable=\"true\">" PATTERNS
					  "</sip:domain-restriction>")));
	assert_false(allows(d, OVERLAY));
	assert_true(allows(d, "dht.example.com"));
	/* other Kinds have none */
	assert_true(reload_kind_domain_allowed(
		reload_config_kind(d, RELOAD_KIND_CERT_BY_USER), "x.example"));
}

static void a_learned_kind_has_its_restriction(void **state)
{
	(void)state;
	char *block = kind_block(KIND("<sip:domain-restriction enable=\"true\">" PATTERNS
				      "</sip:domain-restriction>"),
		&one);
	/* a block that is read alone has the default namespace of documents, and its own prefix */
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, &one));
	AUTO(reload_config) learned = NULL;
	AUTO(reload_config) again = NULL;
	struct span s = span_str(block);
	assert_int_equal(reload_config_with_kinds(&learned, c, &s, 1, NOW, NULL), RELOAD_OK);
	char *other =
		kind_block("<kind id=\"4026531845\"><data-model>SINGLE</data-model>"
			   "<access-control>USER-MATCH</access-control><max-count>1</max-count>"
			   "<max-size>9</max-size></kind>",
			&one);
	s = span_str(other);
	assert_int_equal(reload_config_with_kinds(&again, learned, &s, 1, NOW, NULL), RELOAD_OK);
	reload_config_free(TAKE(learned)); /* the copy of the copy borrows nothing of it */
	free(block);
	free(other);
	assert_true(allows(again, "dht.example.com"));
	assert_false(allows(again, OVERLAY));
}

static void restrictions_that_cannot_be_read_are_refused(void **state)
{
	(void)state;
#define PATTERN(text)                                                                              \
	KIND("<sip:domain-restriction enable=\"true\"><sip:pattern>" text                          \
	     "</sip:pattern></sip:domain-restriction>")
	static const struct {
		const char *kind, *word;
	} rows[] = {
		{ KIND("<sip:domain-restriction enable=\"yes\"/>"), "enable is" },
		{ KIND("<sip:domain-restriction/><sip:domain-restriction/>"), "second" },
		{ KIND("<sip:domain-restriction/><sip:domain-restrictions/>"), "second" },
		{ PATTERN(""), "empty" },
		{ PATTERN("("), "Regular Expression" },
		{ PATTERN("a b"), "printable" },
		{ PATTERN("(a)\\1"), "back-reference" },
		{ PATTERN("(a{200}){200}"), "repetitions" },
		{ PATTERN("a{256}"), "repetitions" },
		{ PATTERN("a{99999999999}"), "repetitions" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		refused(document("", rows[i].kind), RELOAD_BAD_CONFIG, rows[i].word);
	char *many = reload_strdup("<sip:domain-restriction enable=\"true\">");
	for (size_t i = 0; i <= RELOAD_DOMAIN_PATTERNS_MAX; i++) {
		char *more = text_of("%s<sip:pattern>x</sip:pattern>", many);
		free(many);
		many = more;
	}
	char *kind = text_of(KIND("%s</sip:domain-restriction>"), many);
	refused(document("", kind), RELOAD_BAD_CONFIG, "more than 64");
	free(many);
	free(kind);
	char longest[RELOAD_DOMAIN_PATTERN_MAX + 2] = "";
	memset(longest, 'a', RELOAD_DOMAIN_PATTERN_MAX);
	assert_null(reload_domain_pattern_fault(longest));
	longest[RELOAD_DOMAIN_PATTERN_MAX] = 'a';
	assert_non_null(reload_domain_pattern_fault(longest));
	assert_null(reload_domain_pattern_fault("a{2,255}\\.x"));
}

static void a_written_kind_is_read_back(void **state)
{
	(void)state;
	static const char patterns[] = "a<b>&\\.example\0.*\\.my\\.example";
	struct reload_kind k = *reload_kind_registered(RELOAD_KIND_SIP_REGISTRATION, NULL);
	k.max_count = 4;
	k.max_size = 100;
	k.domains_restricted = true;
	k.domains = span_of(patterns, sizeof(patterns));
	char *element = reload_kind_element(&k);
	AUTO(reload_config) c = parsed(document("", element));
	const struct reload_kind *read = reload_config_kind(c, 1);
	assert_true(read->domains_restricted);
	assert_true(span_eq(read->domains, k.domains));
	struct reload_kind file;
	assert_int_equal(reload_kind_file_read(&file, span_str(element), NULL), RELOAD_OK);
	assert_true(file.domains_restricted);
	free(element);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kind_is_the_registered_one),
		cmocka_unit_test(without_a_restriction_all_domains_are_allowed),
		cmocka_unit_test(patterns_match_the_whole_domain),
		cmocka_unit_test(a_disabled_restriction_allows_the_overlay_name),
		cmocka_unit_test(a_restriction_of_the_document_is_for_a_kind_without_one),
		cmocka_unit_test(a_learned_kind_has_its_restriction),
		cmocka_unit_test(restrictions_that_cannot_be_read_are_refused),
		cmocka_unit_test(a_written_kind_is_read_back),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
