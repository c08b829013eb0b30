/* Kinds: those always there, of documents, and by ConfigUpdate (RFC 6940 s7.4.5, s11.1, s6.5.4). */
#include "config_fixture.h"

#define KIND_ID      4026531841u
#define KIND_ID_TEXT "4026531841"
#define COMMON(model, access)                                                                      \
	"<data-model>" model "</data-model><access-control>" access                                \
	"</access-control><max-count>4</max-count><max-size>1000</max-size>"
#define KIND "<kind id=\"" KIND_ID_TEXT "\">" COMMON("DICTIONARY", "USER-NODE-MATCH") "</kind>"

/* kind_document() returns a document with one kind element, signed by the kind-signer. */
static char *kind_document(const char *element)
{
	char *block = kind_block(element, &one);
	char *text = document_of(ATTRIBUTES, SIGNERS, block, &one);
	free(block);
	return text;
}

static void some_kinds_need_no_document(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, NULL));
	const struct reload_kind *k = reload_config_kind(c, RELOAD_KIND_TURN_SERVICE);
	/* R-11.1-36: a document without required-kinds */
	assert_int_equal(c->kinds.count, 3);
	assert_int_equal(k->model, RELOAD_MODEL_SINGLE);
	assert_int_equal(k->access, RELOAD_ACCESS_NODE_MULTIPLE);
	assert_int_equal(k->max_count, 1);
	assert_int_equal(k->max_size, 2500); /* half of max-message-size */
	assert_int_equal(k->max_node_multiple, 20);
	k = reload_config_kind(c, RELOAD_KIND_CERT_BY_NODE);
	assert_int_equal(k->access, RELOAD_ACCESS_NODE_MATCH);
	assert_int_equal(k->max_count, 10);
	k = reload_config_kind(c, RELOAD_KIND_CERT_BY_USER);
	assert_int_equal(k->access, RELOAD_ACCESS_USER_MATCH);
	assert_int_equal(k->model, RELOAD_MODEL_ARRAY);
	assert_int_equal(k->signer.len, 0);
	for (size_t i = 1; i < c->kinds.count; i++)
		assert_true(c->kinds.at[i - 1].id < c->kinds.at[i].id);
	/* R-14-04 */
	assert_null(reload_config_kind(c, 0));
	assert_null(reload_config_kind(c, 0x7fffffff));
	assert_null(reload_config_kind(c, 0xffffffff));
}

static void kinds_have_names_and_numbers(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(kind_document(KIND));
	assert_int_equal(reload_config_kind_named(c, "TURN-SERVICE")->id, 2);
	assert_int_equal(reload_config_kind_named(c, "3")->id, 3);
	assert_int_equal(reload_config_kind_named(c, "0x10")->id, 16);
	assert_int_equal(reload_config_kind_named(c, KIND_ID_TEXT)->id, KIND_ID);
	assert_int_equal(reload_config_kind_named(c, "0xF0000001")->id, KIND_ID);
	static const char *const unknown[] = { "", "0x", "0x1g", "0x100000002", "4294967298",
		"turn-service", "4" };
	for (size_t i = 0; i < COUNT_OF(unknown); i++)
		assert_null(reload_config_kind_named(c, unknown[i]));
	enum reload_data_model model;
	enum reload_access_policy access;
	for (enum reload_data_model m = RELOAD_MODEL_SINGLE; m <= RELOAD_MODEL_DICTIONARY; m++) {
		assert_int_equal(
			reload_data_model_parse(&model, reload_data_model_name(m)), RELOAD_OK);
		assert_int_equal(model, m);
	}
	for (enum reload_access_policy a = RELOAD_ACCESS_USER_MATCH;
		a <= RELOAD_ACCESS_NODE_MULTIPLE; a++) {
		assert_int_equal(reload_access_policy_parse(&access, reload_access_policy_name(a)),
			RELOAD_OK);
		assert_int_equal(access, a);
	}
	assert_int_equal(reload_data_model_parse(&model, "unknown"), RELOAD_BAD_VALUE);
	assert_int_equal(reload_kind_registered(3, NULL)->id, RELOAD_KIND_CERT_BY_NODE);
	assert_null(reload_kind_registered(77, NULL));
	assert_null(reload_kind_registered(2, "NO-KIND"));
}

static void a_private_kind_is_defined_by_its_block(void **state)
{
	(void)state;
	char *text = kind_document(KIND);
	AUTO(reload_config) c = parsed(reload_strdup(text));
	const struct reload_kind *k = reload_config_kind(c, KIND_ID);
	/* R-7.4.5-01, R-7.4.5-02 */
	assert_non_null(k);
	assert_int_equal(k->model, RELOAD_MODEL_DICTIONARY);
	assert_int_equal(k->access, RELOAD_ACCESS_USER_NODE_MATCH);
	assert_int_equal(k->max_count, 4);
	assert_int_equal(k->max_size, 1000);
	assert_null(k->name);
	assert_true(reload_id_eq(&k->signer, &one.node));
	assert_false(k->learned);
	/* the block is kept as it came */
	const char *from = strstr(text, "<kind-block>"), *to = strstr(text, "</kind-block>") + 13;
	assert_true(span_eq(k->block, span_of(from, (size_t)(to - from))));
	free(text);
}

static const struct {
	const char *kind;
	enum reload_err err;
	const char *word;
} elements[] = {
	/* clang-format off */
	/* R-11.1-38: either a name or an id, and four elements */
	{ "<kind>" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "either a name or an id" },
	{ "<kind id=\"2\" name=\"TURN-SERVICE\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "either a name or an id" },
	{ "<kind id=\"" KIND_ID_TEXT "\"><access-control>USER-MATCH</access-control><max-count>1</max-count><max-size>9</max-size></kind>",
	  RELOAD_BAD_CONFIG, "no data-model" },
	{ "<kind id=\"" KIND_ID_TEXT "\"><data-model>SINGLE</data-model><access-control>USER-MATCH</access-control><max-size>9</max-size></kind>",
	  RELOAD_BAD_CONFIG, "no max-count" },
	{ "<kind id=\"" KIND_ID_TEXT "\"><data-model>SINGLE</data-model><access-control>USER-MATCH</access-control><max-count>1</max-count></kind>",
	  RELOAD_BAD_CONFIG, "no max-size" },
	/* R-7.3-01 */
	{ "<kind id=\"" KIND_ID_TEXT "\"><data-model>SINGLE</data-model><max-count>1</max-count><max-size>9</max-size></kind>",
	  RELOAD_BAD_CONFIG, "no access-control" },
	/* R-11.1-37 */
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("TREE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "TREE" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("SINGLE", "ANYBODY") "</kind>", RELOAD_BAD_CONFIG, "ANYBODY" },
	{ "<kind name=\"NO-KIND\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "NO-KIND" },
	/* R-7.3.3-03 */
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("SINGLE", "USER-NODE-MATCH") "</kind>", RELOAD_BAD_CONFIG, "DICTIONARY" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("ARRAY", "USER-NODE-MATCH") "</kind>", RELOAD_BAD_CONFIG, "DICTIONARY" },
	/* R-7.3.4-02, R-11.1-39 */
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("ARRAY", "NODE-MULTIPLE") "</kind>", RELOAD_BAD_CONFIG, "max-node-multiple" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("ARRAY", "NODE-MULTIPLE") "<max-node-multiple>0</max-node-multiple></kind>",
	  RELOAD_BAD_CONFIG, "max-node-multiple" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("ARRAY", "NODE-MULTIPLE") "<max-node-multiple> 3 </max-node-multiple></kind>", RELOAD_OK, "" },
	/* R-14-04 */
	{ "<kind id=\"0\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "reserved" },
	{ "<kind id=\"2147483647\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "reserved" },
	{ "<kind id=\"4294967295\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "reserved" },
	{ "<kind id=\"4294967296\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_BAD_CONFIG, "4294967296" },
	{ "<kind id=\"4294967294\">" COMMON("SINGLE", "USER-MATCH") "</kind>", RELOAD_OK, "" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("SINGLE", "USER-MATCH") "<ext:hint> 1 </ext:hint></kind>", RELOAD_OK, "" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("SINGLE", "USER-MATCH") "<hint/></kind>", RELOAD_BAD_CONFIG, "hint" },
	{ "<kind id=\"" KIND_ID_TEXT "\">" COMMON("SINGLE", "USER-MATCH") "<max-size>1</max-size></kind>", RELOAD_BAD_CONFIG, "grammar" },
	/* clang-format on */
};

static void kind_elements_follow_the_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(elements); i++) {
		char *text = kind_document(elements[i].kind);
		if (elements[i].err)
			refused(text, elements[i].err, elements[i].word);
		else
			reload_config_free(parsed(text));
	}
	/* R-7.4.5-01: below the private range; STO-13: a document that is signed may */
	const char *low = "<kind id=\"2000\">" COMMON("SINGLE", "USER-MATCH") "</kind>";
	char *block = kind_block(low, &one);
	refused(document_of(ATTRIBUTES, SIGNERS, block, NULL), RELOAD_BAD_CONFIG, "private range");
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, block, &one));
	assert_true(warned(c, "private range"));
	free(block);
	block = kind_block(KIND, &one);
	char *twice = text_of("%s%s", block, block);
	refused(document_of(ATTRIBUTES, SIGNERS, twice, &one), RELOAD_BAD_CONFIG, "twice");
	free(twice);
	free(block);
}

static void the_registration_wins_over_the_document(void **state)
{
	(void)state;
	AUTO(reload_config)
	c = parsed(kind_document("<kind name=\"TURN-SERVICE\">" COMMON(
		"ARRAY", "USER-MATCH") "<max-node-multiple>7</max-node-multiple></kind>"));
	const struct reload_kind *k = reload_config_kind(c, RELOAD_KIND_TURN_SERVICE);
	/* R-11.1-41 */
	assert_int_equal(k->model, RELOAD_MODEL_SINGLE);
	assert_int_equal(k->access, RELOAD_ACCESS_NODE_MULTIPLE);
	/* R-11.1-40: the checker tells */
	assert_true(warned(c, "TURN-SERVICE is registered as SINGLE and NODE-MULTIPLE"));
	/* CFG-10: what the document may say of it */
	assert_int_equal(k->max_count, 4);
	assert_int_equal(k->max_size, 1000);
	assert_int_equal(k->max_node_multiple, 7);
	static const char *const half[] = {
		"<kind name=\"TURN-SERVICE\">" COMMON(
			"ARRAY", "NODE-MULTIPLE") "<max-node-multiple>7</max-node-multiple></kind>",
		"<kind name=\"TURN-SERVICE\">" COMMON(
			"SINGLE", "USER-MATCH") "<max-node-multiple>7</max-node-multiple></kind>",
	};
	for (size_t i = 0; i < COUNT_OF(half); i++) {
		AUTO(reload_config) e = parsed(kind_document(half[i]));
		k = reload_config_kind(e, RELOAD_KIND_TURN_SERVICE);
		/* R-11.1-40 R-11.1-41: one of the two alone is enough */
		assert_true(warned(e, "TURN-SERVICE is registered as"));
		assert_int_equal(k->model, RELOAD_MODEL_SINGLE);
		assert_int_equal(k->access, RELOAD_ACCESS_NODE_MULTIPLE);
	}
	AUTO(reload_config)
	d = parsed(kind_document("<kind name=\"TURN-SERVICE\">" COMMON(
		"SINGLE", "NODE-MULTIPLE") "<max-node-multiple>99</max-node-multiple></kind>"));
	assert_int_equal(reload_config_kind(d, RELOAD_KIND_TURN_SERVICE)->max_node_multiple, 20);
	assert_int_equal(d->warnings.count, 1); /* no enrollment-server, nothing of the Kind */
}

static void kind_signatures_are_verified(void **state)
{
	(void)state;
	char *good = kind_document(KIND);
	/* R-11.1-43: flipped bytes, in the kind and in the signature */
	refused(replaced(good, "<max-size>1000<", "<max-size>1001<"), RELOAD_BAD_SIGNATURE,
		"kind-signature");
	refused(replaced(good, "<kind id=\"" KIND_ID_TEXT "\">", "<kind  id=\"" KIND_ID_TEXT "\">"),
		RELOAD_BAD_SIGNATURE, NODE_1);
	refused(replaced(good, "<kind-signature>", "<kind-signature>AAAA"), RELOAD_BAD_SIGNATURE,
		"SecurityBlock");
	refused(replaced(good, "<kind-signature>", "<kind-signature>*"), RELOAD_BAD_CONFIG,
		"base64");
	/* R-11.1-42: by a kind-signer of this document */
	refused(replaced(good, "<kind-signer>" NODE_1 "</kind-signer>", ""), RELOAD_BAD_SIGNATURE,
		NODE_1);
	refused(replaced(good, "<kind-signer>" NODE_1, "<kind-signer>" NODE_2),
		RELOAD_BAD_SIGNATURE, NODE_1);
	free(good);
	refused(document_of(ATTRIBUTES, SIGNERS, "<kind-block>" KIND "</kind-block>", &one),
		RELOAD_BAD_CONFIG, "no kind-signature");
	/* a signer whose certificate does not lead to a root-cert of the document */
	char *block = kind_block(KIND, &three);
	refused(document_of(ATTRIBUTES, "<kind-signer>" NODE_3 "</kind-signer>", block, NULL),
		RELOAD_BAD_SIGNATURE, "kind-signature");
	free(block);
	/* CFG-04: the SignerIdentity may have been signed as well */
	char *signature = signature_of(&one, KIND, true);
	block = text_of(
		"<kind-block>" KIND
		"<kind-signature algorithm=\"rsa-sha1\"> %s\n</kind-signature></kind-block>",
		signature);
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, block, NULL));
	assert_non_null(reload_config_kind(c, KIND_ID));
	free(block);
	free(signature);
}

static void a_document_may_have_several_kinds(void **state)
{
	(void)state;
	char *blocks[3], *all;
	blocks[0] = kind_block(
		"<kind id=\"4026531843\">" COMMON("SINGLE", "USER-MATCH") "</kind>", &one);
	blocks[1] = kind_block(
		"<kind id=\"4026531842\">" COMMON("ARRAY", "NODE-MATCH") "</kind>", &two);
	blocks[2] = kind_block(KIND, &one);
	all = text_of("%s\n%s%s", blocks[0], blocks[1], blocks[2]);
	AUTO(reload_config)
	c = parsed(document_of(
		ATTRIBUTES, SIGNERS "<kind-signer>" NODE_2 "</kind-signer>", all, &one));
	/* R-11.1-36: three of them */
	assert_int_equal(c->kinds.count, 6);
	assert_int_equal(reload_config_kind(c, 4026531842u)->model, RELOAD_MODEL_ARRAY);
	assert_true(reload_id_eq(&reload_config_kind(c, 4026531842u)->signer, &two.node));
	assert_int_equal(c->kinds.at[5].id, 4026531843u);
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		free(blocks[i]);
	free(all);
}

/* with_block() adds one block and returns the failure; *out is not set then. */
static enum reload_err with_block(
	struct reload_config **out, const struct reload_config *c, char *block)
{
	struct reload_error_text why = { 0 };
	struct span span = span_str(block);
	enum reload_err err = reload_config_with_kinds(out, c, &span, 1, NOW, &why);
	assert_true(!err || why.reason[0]);
	free(block);
	return err;
}

static void kinds_come_by_config_update(void **state)
{
	(void)state;
	struct reload_config *next = NULL, *third = NULL;
	AUTO(reload_config)
	c = parsed(document_of(
		ATTRIBUTES, SIGNERS "<kind-signer>" NODE_2 "</kind-signer>", NULL, &one));
	/* R-6.5.4-03: the default namespace is that of documents, named or not */
	char *old = kind_block(KIND, &one);
	assert_int_equal(with_block(&next, c, reload_strdup(old)), RELOAD_OK);
	assert_non_null(reload_config_kind(next, KIND_ID));
	assert_true(reload_config_kind(next, KIND_ID)->learned);
	assert_null(reload_config_kind(c, KIND_ID)); /* what is shared did not change */
	assert_ptr_equal(next->trust, c->trust);
	char *block = kind_block(KIND, &one);
	char *named = replaced(block, "<kind-block>",
		" <kind-block xmlns=\"urn:ietf:params:xml:ns:p2p:config-base\">");
	free(block);
	assert_int_equal(with_block(&third, next, named), RELOAD_OK);
	assert_int_equal(third->kinds.count, 4);
	reload_config_free(third);
	/* what is known already is no news */
	assert_int_equal(with_block(&third, next, kind_block(KIND, &one)), RELOAD_OK);
	assert_ptr_equal(third, next);
	reload_config_free(third);
	/* new information replaces what was known */
	assert_int_equal(with_block(&third, next,
				 kind_block("<kind id=\"" KIND_ID_TEXT
					    "\"><data-model>ARRAY</data-model><access-control>"
					    "USER-MATCH</access-control><max-count>4</"
					    "max-count><max-size>9</max-size>"
					    "<ext:a xmlns:ext=\"urn:e\"/></kind>",
					 &one)),
		RELOAD_OK);
	assert_int_equal(third->kinds.count, 4);
	assert_int_equal(reload_config_kind(third, KIND_ID)->max_size, 9);
	assert_int_equal(reload_config_kind(next, KIND_ID)->max_size, 1000);
	assert_int_equal(reload_config_model(third, KIND_ID), RELOAD_MODEL_ARRAY);
	/* an old one does not come back, nor after a newer document */
	struct reload_config *fourth = NULL;
	struct reload_error_text old_why = { 0 };
	struct span old_span = span_str(old);
	assert_int_equal(
		reload_config_with_kinds(&fourth, third, &old_span, 1, NOW, &old_why), RELOAD_OK);
	assert_ptr_equal(fourth, third);
	assert_true(old_why.reason[0]); /* why it was not taken */
	reload_config_free(fourth);
	AUTO(reload_config)
	newer = parsed(document_of("instance-name=\"" OVERLAY "\" sequence=\"23\"",
		SIGNERS "<kind-signer>" NODE_2 "</kind-signer>", NULL, &one));
	AUTO(reload_config) carried = reload_config_carry_kinds(newer, third, NOW);
	assert_int_equal(reload_config_kind(carried, KIND_ID)->max_size, 9);
	assert_int_equal(with_block(&fourth, carried, old), RELOAD_OK);
	assert_ptr_equal(fourth, carried);
	reload_config_free(fourth);
	reload_config_free(third);
	/* R-6.5.4-08: known from another signer */
	assert_int_equal(with_block(&third, next, kind_block(KIND, &two)), RELOAD_FORBIDDEN);
	assert_int_equal(with_block(&third, c, kind_block(KIND, &two)), RELOAD_OK);
	reload_config_free(third);
	/* R-6.5.4-07: a signer who is none, a signature that does not fit */
	assert_int_equal(with_block(&third, c, kind_block(KIND, &three)), RELOAD_FORBIDDEN);
	block = kind_block(KIND, &one);
	named = replaced(block, "<max-count>4", "<max-count>5");
	free(block);
	assert_int_equal(with_block(&third, c, named), RELOAD_FORBIDDEN);
	reload_config_free(next);
}

/* A Kind of the document is changed by a newer document alone; a signed block of before is still well signed. */
static void kinds_of_the_document_stay(void **state)
{
	(void)state;
	struct reload_config *out = NULL;
	char *block = kind_block(KIND, &one);
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, block, &one));
	uint32_t size = reload_config_kind(c, KIND_ID)->max_size;
	assert_int_equal(with_block(&out, c, block), RELOAD_OK);
	assert_ptr_equal(out, c);
	reload_config_free(out);
	static const char *const others[] = { "<max-size>9</max-size>",
		"<max-size>9999</max-size>" };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		char *other =
			text_of("<kind id=\"" KIND_ID_TEXT
				"\"><data-model>ARRAY</data-model><access-control>"
				"USER-MATCH</access-control><max-count>4</max-count>%s</kind>",
				others[i]);
		assert_int_equal(with_block(&out, c, kind_block(other, &one)), RELOAD_OK);
		assert_ptr_equal(out, c);
		assert_int_equal(reload_config_kind(out, KIND_ID)->max_size, size);
		reload_config_free(out);
		free(other);
	}
}

static void broken_blocks_of_a_config_update_are_refused(void **state)
{
	(void)state;
	struct reload_config *out = NULL;
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, &one));
	char *good = kind_block(KIND, &one);
	static const char *const breakers[][2] = {
		{ "<kind-block>", "<?xml version=\"1.0\"?><kind-block>" },
		{ "</kind-block>", "" },
		{ "</kind-block>", "</kind-block>and more" },
		{ "</kind-block>", "</kind-block><kind-block/>" },
		{ "<kind-block>", "<kind-block xmlns=\"urn:other\">" },
		{ "<kind-block>", "</required-kinds><required-kinds><kind-block>" },
		{ "<data-model>DICTIONARY", "<data-model>TREE" },
		{ "<max-count>4", "<max-count>four" },
		{ "<kind-block>", "<kind-block><b xmlns=\"urn:other\"/>" },
	};
	for (size_t i = 0; i < COUNT_OF(breakers); i++)
		assert_int_equal(
			with_block(&out, c, replaced(good, breakers[i][0], breakers[i][1])),
			RELOAD_INVALID_MESSAGE);
	/* R-6.5.4-03: Latin-1 */
	assert_int_equal(
		with_block(&out, c, replaced(good, "<kind-block>", "<kind-block><!-- \xe4 -->")),
		RELOAD_INVALID_MESSAGE);
	assert_int_equal(with_block(&out, c, reload_strdup("")), RELOAD_INVALID_MESSAGE);
	for (size_t len = 0; len < strlen(good); len++) {
		char *prefix = text_of("%.*s", (int)len, good);
		assert_int_equal(with_block(&out, c, prefix), RELOAD_INVALID_MESSAGE);
	}
	assert_null(out);
	free(good);
}

static void a_kind_goes_with_its_signer(void **state)
{
	(void)state;
	struct reload_config *old = NULL;
	AUTO(reload_config)
	first = parsed(document_of(
		ATTRIBUTES, SIGNERS "<kind-signer>" NODE_2 "</kind-signer>", NULL, &one));
	struct span blocks[2];
	char *by_one = kind_block(KIND, &one);
	char *by_two = kind_block(
		"<kind id=\"4026531842\">" COMMON("ARRAY", "NODE-MATCH") "</kind>", &two);
	blocks[0] = span_str(by_one);
	blocks[1] = span_str(by_two);
	assert_int_equal(reload_config_with_kinds(&old, first, blocks, 2, NOW, NULL), RELOAD_OK);
	/* the second signer is no longer listed */
	AUTO(reload_config)
	second = parsed(
		document_of("instance-name=\"" OVERLAY "\" sequence=\"23\"", SIGNERS, NULL, &one));
	AUTO(reload_config) next = reload_config_carry_kinds(second, old, NOW);
	assert_non_null(reload_config_kind(next, KIND_ID));
	assert_null(reload_config_kind(next, 4026531842u));
	/* CFG-17: unless the new document brings the Kind, signed by somebody else */
	char *again = kind_block(
		"<kind id=\"4026531842\">" COMMON("ARRAY", "NODE-MATCH") "</kind>", &one);
	AUTO(reload_config)
	third = parsed(
		document_of("instance-name=\"" OVERLAY "\" sequence=\"24\"", SIGNERS, again, &one));
	AUTO(reload_config) kept = reload_config_carry_kinds(third, old, NOW);
	assert_true(reload_id_eq(&reload_config_kind(kept, 4026531842u)->signer, &one.node));
	assert_int_equal(kept->kinds.count, 5);
	assert_int_equal(kept->sequence, 24);
	reload_config_free(old);
	free(by_one);
	free(by_two);
	free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_kinds_need_no_document),
		cmocka_unit_test(kinds_have_names_and_numbers),
		cmocka_unit_test(a_private_kind_is_defined_by_its_block),
		cmocka_unit_test(kind_elements_follow_the_rules),
		cmocka_unit_test(the_registration_wins_over_the_document),
		cmocka_unit_test(kind_signatures_are_verified),
		cmocka_unit_test(a_document_may_have_several_kinds),
		cmocka_unit_test(kinds_come_by_config_update),
		cmocka_unit_test(kinds_of_the_document_stay),
		cmocka_unit_test(broken_blocks_of_a_config_update_are_refused),
		cmocka_unit_test(a_kind_goes_with_its_signer),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
