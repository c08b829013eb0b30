/* Who may read diagnostics: what a document says, and what it says too badly to grant anything (RFC 7851 s7). */
#include "config_fixture.h"

#include "wire/codes.h"

#define DIAGNOSTICS "urn:ietf:params:xml:ns:p2p:config-diagnostics"
#define DECLARED    "<mandatory-extension>" DIAGNOSTICS "</mandatory-extension>\n"
#define KIND(number, nodes)                                                                        \
	"<diagnostic-kind xmlns='" DIAGNOSTICS "' kind='" number "'>" nodes "</diagnostic-kind>\n"
#define NODE(id)   "<access-node>" id "</access-node>"
#define EVERY_NODE "ffffffffffffffffffffffffffffffff"

static struct reload_config *with(const char *inner)
{
	char *all = text_of(SIGNERS "%s", inner);
	struct reload_config *c = parsed(document_of(ATTRIBUTES, all, NULL, &one));
	free(all);
	return c;
}

static bool may(const struct reload_config *c, uint16_t kind, const char *node)
{
	struct reload_id id;
	assert_int_equal(reload_id_from_hex(&id, node), RELOAD_OK);
	return reload_config_may_read(c, kind, &id);
}

static void nobody_may_by_default(void **state)
{
	(void)state;
	AUTO(reload_config) c = with("");
	/* R7851-1, R7851-19 */
	for (uint16_t kind = 0; kind < 0x20; kind++)
		assert_false(may(c, kind, NODE_1));
}

static void who_is_listed(void **state)
{
	(void)state;
	/* R7851-53, R7851-54, R7851-55 */
	AUTO(reload_config)
	c = with(DECLARED KIND("0001", NODE(NODE_1) NODE(NODE_2)) KIND("0x0006", NODE(NODE_1)) KIND(
		" F001 ", NODE(" 0x" NODE_3 "\n")) KIND("1", NODE(NODE_3) NODE(NODE_1)));
	assert_int_equal(c->warnings.count, 1); /* that there is no enrollment-server */
	assert_true(may(c, 1, NODE_1));
	assert_true(may(c, 1, NODE_2));
	assert_true(may(c, 1, NODE_3)); /* elements of one Kind are merged */
	assert_true(may(c, 6, NODE_1));
	assert_false(may(c, 6, NODE_2));
	assert_true(may(c, 0xf001, NODE_3));
	assert_false(may(c, 2, NODE_1));
	assert_int_equal(c->grants_count, 5); /* each pair once */
	AUTO(reload_config) every = with(DECLARED KIND("0002", NODE(EVERY_NODE)));
	assert_true(may(every, 2, NODE_3));
	assert_false(may(every, 1, NODE_3));
}

static void what_is_wrong_grants_nothing(void **state)
{
	(void)state;
	static const char *const inner[] = {
		KIND("0001", NODE(NODE_1)), /* the extension is not declared */
		"<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-base</"
		"mandatory-extension>" KIND("0001", NODE(NODE_1)),
		DECLARED KIND("", NODE(NODE_1)),
		DECLARED KIND("0", NODE(NODE_1)),
		DECLARED KIND("ffff", NODE(NODE_1)),
		DECLARED KIND("00001", NODE(NODE_1)),
		DECLARED KIND("-1", NODE(NODE_1)),
		DECLARED KIND("1g", NODE(NODE_1)),
		DECLARED "<diagnostic-kind xmlns='" DIAGNOSTICS
			 "'>" NODE(NODE_1) "</diagnostic-kind>",
		DECLARED KIND("0001", NODE("")),
		DECLARED KIND("0001", NODE("10111213")),
		DECLARED KIND("0001", NODE(NODE_1 "20")),
		DECLARED KIND("0001", NODE("00000000000000000000000000000000")),
	};
	for (size_t i = 0; i < COUNT_OF(inner); i++) {
		AUTO(reload_config) c = with(inner[i]);
		assert_int_equal(c->grants_count, 0);
		assert_int_equal(c->warnings.count, 2); /* and it is said */
		assert_false(may(c, 1, NODE_1));
	}
	/* a bad entry does not spoil the others */
	AUTO(reload_config) c = with(DECLARED KIND("0001", NODE("10") NODE(NODE_2)));
	assert_true(may(c, 1, NODE_2));
	/* elements elsewhere, or of another name, mean nothing */
	AUTO(reload_config)
	d = with(DECLARED "<ext:x><diagnostic-kind xmlns='" DIAGNOSTICS "' kind='1'>" NODE(
		NODE_1) "</diagnostic-kind></ext:x>"
			"<x xmlns='" DIAGNOSTICS "' kind='1'>" NODE(NODE_1) "</x>");
	assert_false(may(d, 1, NODE_1));
}

static void not_too_many(void **state)
{
	(void)state;
	struct reload_error_text why = { 0 };
	for (size_t more = 0; more < 2; more++) {
		struct wr w;
		wr_init(&w);
		wr_span(&w, span_str(SIGNERS DECLARED "<diagnostic-kind xmlns='" DIAGNOSTICS
						      "' kind='1'>"));
		for (size_t i = 0; i < RELOAD_CONFIG_GRANTS_MAX + more; i++)
			wr_span(&w, span_str(NODE(NODE_1)));
		wr_span(&w, span_str("</diagnostic-kind>"));
		wr_u8(&w, 0);
		char *text = document_of(ATTRIBUTES, (const char *)w.at, NULL, NULL);
		AUTO(reload_config) c = NULL;
		assert_int_equal(reload_config_parse(&c, span_str(text), NULL,
					 &reload_ident_openssl, NOW, &why),
			more ? RELOAD_BAD_CONFIG : RELOAD_OK);
		free(text);
		wr_clear(&w);
	}
	assert_non_null(strstr(why.reason, "4096 access-node"));
}

static void what_is_written(void **state)
{
	(void)state;
	const struct reload_diagnostic_grant grants[] = { { RELOAD_DIAGNOSTIC_STATUS_INFO,
								  one.node },
		{ RELOAD_DIAGNOSTIC_STATUS_INFO, two.node }, { 0xf001, two.node } };
	struct span root = authority.cert->der;
	struct reload_config_draft draft = { .instance_name = OVERLAY,
		.expiration = NOW + 1000,
		.roots = &root,
		.roots_count = 1,
		.signers = &one.node,
		.signers_count = 1,
		.grants = grants,
		.grants_count = COUNT_OF(grants) };
	struct reload_config_signer signer = { .key = one.key, .cert = one.cert, .node = one.node };
	struct reload_error_text why = { 0 };
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_config_write(&w, &draft, &signer, NOW, &why), RELOAD_OK);
	AUTO(reload_config) c = NULL;
	assert_int_equal(
		reload_config_parse(&c, wr_done(&w), OVERLAY, &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	assert_int_equal(c->grants_count, COUNT_OF(grants));
	assert_true(may(c, 1, NODE_1));
	assert_true(may(c, 0xf001, NODE_2));
	assert_false(may(c, 0xf001, NODE_1));
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_may_by_default),
		cmocka_unit_test(who_is_listed),
		cmocka_unit_test(what_is_wrong_grants_nothing),
		cmocka_unit_test(not_too_many),
		cmocka_unit_test(what_is_written),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
