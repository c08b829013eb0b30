/* Changing whom nodes trust: an authority is replaced in two documents, each of which a node with the one before takes. */
#include "config_fixture.h"

#include "config/edit.h"

#define KIND                                                                                       \
	"<kind id=\"4026531841\"><data-model>SINGLE</data-model><access-control>USER-MATCH"        \
	"</access-control><max-count>1</max-count><max-size>9</max-size></kind>"

static struct reload_config_signer signer_of(const struct party *p)
{
	return (struct reload_config_signer){ .key = p->key, .cert = p->cert, .node = p->node };
}

static struct reload_config_edit *edit_of(const struct reload_config *c)
{
	struct reload_config_edit *e = NULL;
	assert_int_equal(reload_config_edit_new(&e, c, NULL), RELOAD_OK);
	return e;
}

/* written() writes e by p; NULL when nobody would take it. */
static struct reload_config *written(struct reload_config_edit *e, const struct party *p)
{
	struct reload_config_signer signer = signer_of(p);
	struct reload_config *c = NULL;
	struct wr w;
	wr_init(&w);
	if (!reload_config_edit_write(&w, e, &signer, NOW, NULL))
		assert_int_equal(reload_config_parse(&c, wr_done(&w), OVERLAY,
					 &reload_ident_openssl, NOW, NULL),
			RELOAD_OK);
	wr_clear(&w);
	return c;
}

static struct reload_config *first(void)
{
	char *block = kind_block(KIND, &one);
	struct reload_config *c = parsed(document_of(ATTRIBUTES, SIGNERS, block, &one));
	free(block);
	return c;
}

static void an_authority_is_replaced(void **state)
{
	(void)state;
	AUTO(reload_config) before = first();
	AUTO(reload_config_edit) add = edit_of(before);
	assert_true(reload_config_edit_add_root(add, other_authority.cert->der));
	assert_false(reload_config_edit_add_root(add, authority.cert->der));
	assert_true(reload_config_edit_add_signer(add, &three.node));
	assert_false(reload_config_edit_add_signer(add, &one.node));
	AUTO(reload_config) both = written(add, &one);
	assert_non_null(both);
	/* R-11.1-14: certificates of both are good */
	assert_int_equal(both->roots_count, 2);
	assert_int_equal(
		reload_trust_check(both->trust, three.cert, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_int_equal(reload_trust_check(both->trust, two.cert, NULL, 0, NOW, NULL), RELOAD_OK);

	/* R-11.1-46: the new signer signs the next one, with which the old one goes */
	AUTO(reload_config_edit) cut = edit_of(both);
	struct reload_config_signer signer = signer_of(&three);
	assert_true(reload_config_edit_remove_root(cut, authority.cert->der));
	assert_true(reload_config_edit_remove_signer(cut, &one.node));
	assert_false(reload_config_edit_remove_signer(cut, &two.node));
	assert_int_equal(reload_config_edit_sign_kinds(cut, &signer, NULL), RELOAD_OK);
	AUTO(reload_config) after = written(cut, &three);
	assert_non_null(after);
	assert_int_equal(after->roots_count, 1);
	assert_int_equal(after->configuration_signers.count, 1);
	assert_int_equal(after->kind_signers.count, 1);
	assert_int_equal(reload_trust_check(after->trust, two.cert, NULL, 0, NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
	/* R-11.1-51: the Kind does not go with its signer */
	assert_true(reload_id_eq(&reload_config_kind(after, 4026531841u)->signer, &three.node));
	/* a node that has missed the one between does not take it */
	assert_int_equal(reload_config_verify(after, before, NOW, NULL), RELOAD_CONFIG_UNSIGNED);
}

static void what_nobody_would_take(void **state)
{
	(void)state;
	AUTO(reload_config) before = first();
	/* the signer is below the root-cert that goes */
	AUTO(reload_config_edit) root = edit_of(before);
	assert_true(reload_config_edit_add_root(root, other_authority.cert->der));
	assert_true(reload_config_edit_remove_root(root, authority.cert->der));
	assert_null(written(root, &one));
	/* a Kind whose signer goes is not signed by another one */
	AUTO(reload_config_edit) kinds = edit_of(before);
	assert_true(reload_config_edit_add_signer(kinds, &two.node));
	assert_true(reload_config_edit_remove_signer(kinds, &one.node));
	assert_null(written(kinds, &one));
	/* the new signer is not known to anybody yet */
	AUTO(reload_config_edit) early = edit_of(before);
	assert_true(reload_config_edit_add_signer(early, &two.node));
	assert_null(written(early, &two));
}

static void names_that_lead_to_a_root(void **state)
{
	(void)state;
	AUTO(reload_config) c = first();
	assert_true(reload_trust_may_lead(c->trust, one.cert, NULL, 0));
	assert_false(reload_trust_may_lead(c->trust, three.cert, NULL, 0));
	/* over what is no way, or goes in circles, nothing leads */
	struct reload_cert *others[] = { two.cert, other_authority.cert, three.cert };
	assert_false(reload_trust_may_lead(c->trust, three.cert, others, COUNT_OF(others)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_authority_is_replaced),
		cmocka_unit_test(what_nobody_would_take),
		cmocka_unit_test(names_that_lead_to_a_root),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
