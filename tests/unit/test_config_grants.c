/* Who may read diagnostics: what a document says, and what it says too badly to grant anything (RFC 7851 s7). */
#include "config_fixture.h"

#include "config/edit.h"
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

/* The configuration after the changes of fn to text, which is signed by one. */
static struct reload_config *changed(const char *inner, void (*fn)(struct reload_config_edit *e))
{
	AUTO(reload_config) before = with(inner);
	AUTO(reload_config_edit) e = NULL;
	struct reload_config *c = NULL;
	struct reload_error_text why = { 0 };
	struct reload_config_signer signer = { .key = one.key, .cert = one.cert, .node = one.node };
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_config_edit_new(&e, before, &why), RELOAD_OK);
	fn(e);
	if (reload_config_edit_write(&w, e, &signer, NOW, &why))
		fail_msg("%s: %s", why.what, why.reason);
	assert_int_equal(
		reload_config_parse(&c, wr_done(&w), OVERLAY, &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	wr_clear(&w);
	return c;
}

static void grant_two(struct reload_config_edit *e)
{
	struct reload_id every = reload_id_wildcard(16);
	assert_true(reload_config_edit_grant(e, 1, &one.node));
	assert_true(reload_config_edit_grant(e, 0xf001, &every));
}

static void grant_again(struct reload_config_edit *e)
{
	assert_false(reload_config_edit_grant(e, 1, &one.node));
	assert_true(reload_config_edit_grant(e, 1, &two.node));
	assert_true(reload_config_edit_withdraw(e, 6, &one.node));
	assert_true(reload_config_edit_withdraw(e, 2, &two.node));
	assert_false(reload_config_edit_withdraw(e, 2, &three.node));
	assert_false(reload_config_edit_withdraw(e, 3, &one.node));
}

static void what_is_changed(void **state)
{
	(void)state;
	/* R7851-55: the extension is declared with the first grant */
	AUTO(reload_config) first = changed("", grant_two);
	assert_int_equal(first->grants_count, 2);
	assert_true(may(first, 1, NODE_1));
	assert_false(may(first, 1, NODE_2));
	assert_true(may(first, 0xf001, NODE_3));
	/* what is not changed stays, also beside what is taken away */
	AUTO(reload_config)
	second = changed(DECLARED KIND("0001", NODE(NODE_1)) KIND("0006", NODE(NODE_1))
				 KIND("0002", NODE(NODE_1) NODE(NODE_2)),
		grant_again);
	assert_int_equal(second->mandatory_extensions.count, 1);
	assert_int_equal(second->grants_count, 3);
	assert_true(may(second, 1, NODE_1));
	assert_true(may(second, 1, NODE_2));
	assert_true(may(second, 2, NODE_1));
	assert_false(may(second, 2, NODE_2));
	assert_false(may(second, 6, NODE_1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_may_by_default),
		cmocka_unit_test(who_is_listed),
		cmocka_unit_test(what_is_wrong_grants_nothing),
		cmocka_unit_test(not_too_many),
		cmocka_unit_test(what_is_written),
		cmocka_unit_test(what_is_changed),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
