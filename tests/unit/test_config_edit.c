/* Changing a document: what is changed, what stays byte for byte, and what a node that has the document before would take. */
#include "config_fixture.h"

#include "config/edit.h"

#define KIND(id, size)                                                                             \
	"<kind id=\"" id "\"><data-model>SINGLE</data-model><access-control>USER-MATCH"            \
	"</access-control><max-count>1</max-count><max-size>" size "</max-size></kind>"

static struct reload_config_signer signer_of(const struct party *p)
{
	return (struct reload_config_signer){ .key = p->key, .cert = p->cert, .node = p->node };
}

/* present() returns a document with parameters in several spellings and with elements that this program does not know. */
static struct reload_config *present(const char *attributes)
{
	char *block = kind_block(KIND("4026531841", "100"), &one);
	struct reload_config *c = parsed(document_of(attributes,
		SIGNERS "<ext:own a='>'><b xmlns='urn:q'>kept</b></ext:own>\n"
			"<no-ice>true</no-ice>\n<initial-ttl> 30 </initial-ttl>\n"
			"<chord:chord-update-interval>400</chord:chord-update-interval>\n"
			"<bootstrap-node address=\"192.0.2.1\" port=\"7000\"/>\n"
			"<bootstrap-node address=\"2001:db8::1\" port=\"7001\"/>\n"
			"<self-signed-permitted digest=\"sha1\">true</self-signed-permitted>\n",
		block, &one));
	free(block);
	return c;
}

/* written() writes e, which has to succeed, and returns what a node that has before reads. */
static struct reload_config *written(
	struct reload_config_edit *e, const struct reload_config *before)
{
	struct reload_config_signer signer = signer_of(&one);
	struct reload_error_text why = { 0 };
	struct reload_config *c = NULL;
	struct wr w;
	wr_init(&w);
	if (reload_config_edit_write(&w, e, &signer, NOW, &why))
		fail_msg("%s", why.reason);
	assert_int_equal(reload_config_parse(&c, wr_done(&w), before->instance_name,
				 &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	wr_clear(&w);
	assert_int_equal(reload_config_verify(c, before, NOW, &why), RELOAD_OK);
	assert_true(reload_config_newer(c, before));
	assert_int_equal(c->signatures_count, 1);
	return c;
}

static struct reload_config_edit *edit_of(const struct reload_config *c)
{
	struct reload_config_edit *e = NULL;
	assert_int_equal(reload_config_edit_new(&e, c, NULL), RELOAD_OK);
	return e;
}

static void set(struct reload_config_edit *e, const char *key, const char *value)
{
	struct reload_error_text why = { 0 };
	if (reload_config_edit_set(e, key, value, &why))
		fail_msg("%s=%s: %s", key, value, why.reason);
}

static bool has(const struct reload_config *c, const char *text)
{
	return memmem(c->document.at, c->document.len, text, strlen(text)) != NULL;
}

static void parameters_change_and_the_rest_stays(void **state)
{
	(void)state;
	AUTO(reload_config) before = present(ATTRIBUTES);
	AUTO(reload_config_edit) e = edit_of(before);
	set(e, "initial-ttl", "40");
	set(e, "chord-update-interval", "");
	set(e, "chord-ping-interval", "900");
	set(e, "overlay-reliability-timer", "2000");
	set(e, "bootstrap-node", "192.0.2.9,[2001:db8::2]:7002");
	set(e, "self-signed-permitted", "sha256");
	set(e, "enrollment-server", "https://a.example/?x=1&y=2, https://b.example/");
	AUTO(reload_config) c = written(e, before);
	/* R-6.3.2.1-02 R-11.1-46 */
	assert_int_equal(c->sequence, 23);
	assert_int_equal(c->initial_ttl, 40);
	assert_int_equal(c->chord_update_interval_s, 600);
	assert_int_equal(c->chord_ping_interval_s, 900);
	assert_int_equal(c->overlay_reliability_timer_ms, 2000);
	assert_int_equal(c->self_signed_digest, RELOAD_HASH_SHA256);
	assert_int_equal(c->bootstrap_count, 2);
	assert_int_equal(c->bootstrap[0].port, 6084);
	assert_int_equal(c->bootstrap[1].port, 7002);
	assert_int_equal(c->enrollment_servers.count, 2);
	assert_string_equal(c->enrollment_servers.at[0], "https://a.example/?x=1&y=2");
	assert_true(c->expiration == before->expiration);
	assert_true(has(c, "<ext:own a='>'><b xmlns='urn:q'>kept</b></ext:own>\n<no-ice>true"));
	/* the block of the Kind is the one that was signed before */
	assert_true(span_eq(reload_config_kind(c, 4026531841u)->block,
		reload_config_kind(before, 4026531841u)->block));
}

static void present_values(void **state)
{
	(void)state;
	static const char *const rows[][2] = { { "initial-ttl", "30" },
		{ "chord-update-interval", "400" },
		{ "bootstrap-node", "192.0.2.1:7000,[2001:db8::1]:7001" },
		{ "self-signed-permitted", "sha1" }, { "no-ice", "true" } };
	AUTO(reload_config) before = present(ATTRIBUTES);
	AUTO(reload_config_edit) e = edit_of(before);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *value = reload_config_edit_value(e, rows[i][0]);
		assert_string_equal(value, rows[i][1]);
		/* in the form that can be set */
		set(e, rows[i][0], value);
		free(value);
	}
	assert_null(reload_config_edit_value(e, "chord-reactive"));
	assert_null(reload_config_edit_value(e, "no-such-key"));
	AUTO(reload_config) c = written(e, before);
	assert_int_equal(c->bootstrap_count, before->bootstrap_count);
	assert_true(!memcmp(
		c->bootstrap, before->bootstrap, c->bootstrap_count * sizeof(*c->bootstrap)));
}

static void sequences_wrap(void **state)
{
	(void)state;
	AUTO(reload_config)
	before = present("sequence='65534' instance-name=\"" OVERLAY
			 "\" expiration=\"2044-01-01T00:00:00Z\"");
	AUTO(reload_config_edit) e = edit_of(before);
	/* R-6.3.2.1-07: 65535 is no document's number */
	AUTO(reload_config) c = written(e, before);
	assert_int_equal(c->sequence, 0);
	/* where the number begins anew, it may not end earlier: nobody would take it */
	AUTO(reload_config_edit) sooner = edit_of(before);
	struct reload_config_signer signer = signer_of(&one);
	struct reload_error_text why = { 0 };
	struct wr w;
	wr_init(&w);
	reload_config_edit_expires(sooner, NOW + 1000);
	assert_int_equal(
		reload_config_edit_write(&w, sooner, &signer, NOW, &why), RELOAD_BAD_CONFIG);
	assert_non_null(strstr(why.reason, "0 after 65534"));
	assert_int_equal(w.len, 0);
	wr_clear(&w);
}

static void attributes_that_are_missing(void **state)
{
	(void)state;
	AUTO(reload_config) before = present("instance-name=\"" OVERLAY "\"");
	AUTO(reload_config_edit) e = edit_of(before);
	reload_config_edit_expires(e, NOW + 86400000);
	AUTO(reload_config) c = written(e, before);
	assert_int_equal(c->sequence, 1);
	assert_true(c->expiration == NOW + 86400000);
}

static void kinds_are_added_and_changed(void **state)
{
	(void)state;
	struct reload_config_signer signer = signer_of(&one);
	AUTO(reload_config) before = present(ATTRIBUTES);
	AUTO(reload_config_edit) e = edit_of(before);
	assert_int_equal(
		reload_config_edit_add_kind(e, KIND("4026531842", "20"), &signer, NULL), RELOAD_OK);
	assert_int_equal(reload_config_edit_add_kind(e, KIND("4026531841", "300"), &signer, NULL),
		RELOAD_OK);
	struct reload_error_text why = { 0 };
	assert_int_equal(
		reload_config_edit_add_kind(e, "<kind>", &signer, &why), RELOAD_BAD_CONFIG);
	AUTO(reload_config) c = written(e, before);
	/* R-11.1-43 R-11.1-50: both are signed, and the present one has the new limit */
	assert_int_equal(reload_config_kind(c, 4026531842u)->max_size, 20);
	assert_int_equal(reload_config_kind(c, 4026531841u)->max_size, 300);
}

static void kinds_where_there_were_none(void **state)
{
	(void)state;
	static const char *const places[] = { "", "<required-kinds/>\n",
		"<required-kinds>\n</required-kinds>\n" };
	struct reload_config_signer signer = signer_of(&one);
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		char *inner = text_of(SIGNERS "%s", places[i]);
		AUTO(reload_config) before = parsed(document_of(ATTRIBUTES, inner, NULL, &one));
		free(inner);
		AUTO(reload_config_edit) e = edit_of(before);
		assert_int_equal(
			reload_config_edit_add_kind(e, KIND("4026531842", "20"), &signer, NULL),
			RELOAD_OK);
		AUTO(reload_config) c = written(e, before);
		assert_int_equal(reload_config_kind(c, 4026531842u)->max_size, 20);
	}
}

static void bad_nodes(void **state)
{
	(void)state;
	AUTO(reload_config) before = present(ATTRIBUTES);
	AUTO(reload_config_edit) e = edit_of(before);
	assert_true(reload_config_edit_add_bad_node(e, &two.node));
	assert_false(reload_config_edit_add_bad_node(e, &two.node));
	AUTO(reload_config) c = written(e, before);
	/* R-11.1-33 */
	assert_int_equal((int)c->bad_nodes.count, 1);
}

static void values_that_are_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value, *word;
		bool at_once;
	} rows[] = {
		{ "initial-ttl", "300", "initial-ttl", false },
		{ "initial-ttl", "1</initial-ttl><no-ice>", "initial-ttl", false },
		{ "no-ice", "maybe", "no-ice", false },
		{ "enrollment-server", "http://a.example/", "https", false },
		{ "bootstrap-node", "name.example:1", "name.example", true },
		{ "bootstrap-node", "", "", false },
		{ "shared-secret", "x", "s11.1", true },
		{ "node-id-length", "20", "40 hex digits", false },
		{ "topology-plugin", "OTHER", "topology-plugin", false },
	};
	struct reload_config_signer signer = signer_of(&one);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(reload_config) before = present(ATTRIBUTES);
		AUTO(reload_config_edit) e = edit_of(before);
		struct reload_error_text why = { 0 };
		struct wr w;
		wr_init(&w);
		enum reload_err err = reload_config_edit_set(e, rows[i].key, rows[i].value, &why);
		assert_int_equal(err, rows[i].at_once ? RELOAD_USAGE : RELOAD_OK);
		if (!err)
			err = reload_config_edit_write(&w, e, &signer, NOW, &why);
		assert_int_equal(!err, !rows[i].word[0]);
		if (!strstr(why.reason, rows[i].word))
			fail_msg("%s: %s", rows[i].key, why.reason);
		assert_true(!err || !w.len);
		wr_clear(&w);
	}
}

static void only_a_signer_can_change_it(void **state)
{
	(void)state;
	AUTO(reload_config) before = present(ATTRIBUTES);
	AUTO(reload_config_edit) e = edit_of(before);
	struct reload_config_signer signer = signer_of(&two);
	struct reload_error_text why = { 0 };
	struct wr w;
	wr_init(&w);
	/* R-11.1-46 */
	assert_int_equal(
		reload_config_edit_write(&w, e, &signer, NOW, &why), RELOAD_CONFIG_UNSIGNED);
	assert_int_equal(w.len, 0);
	wr_clear(&w);
}

/* A document whose elements have a prefix, with another overlay's configuration behind it. */
static void prefixes_and_neighbours(void **state)
{
	(void)state;
	char *root = reload_base64(authority.cert->der);
	char *element = text_of("<p:configuration instance-name=\"" OVERLAY "\" sequence=\"5\">"
				"<p:root-cert>%s</p:root-cert><p:configuration-signer>" NODE_1
				"</p:configuration-signer></p:configuration>",
		root);
	char *signature = signature_of(&one, element, false);
	char *text = text_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
			     "<p:overlay xmlns:p=\"urn:ietf:params:xml:ns:p2p:config-base\">%s"
			     "<p:signature>%s</p:signature><p:configuration "
			     "instance-name=\"other.example\"/><p:signature>AAAA</p:signature>"
			     "</p:overlay>",
		element, signature);
	AUTO(reload_config) before = NULL;
	AUTO(reload_config) c = NULL;
	struct reload_error_text why = { 0 };
	struct reload_config_signer signer = signer_of(&one);
	struct wr w;
	assert_int_equal(reload_config_parse(&before, span_str(text), OVERLAY,
				 &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	AUTO(reload_config_edit) e = edit_of(before);
	set(e, "initial-ttl", "9");
	wr_init(&w);
	assert_int_equal(reload_config_edit_write(&w, e, &signer, NOW, &why), RELOAD_OK);
	assert_int_equal(
		reload_config_parse(&c, wr_done(&w), OVERLAY, &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	assert_int_equal(c->initial_ttl, 9);
	assert_int_equal(c->sequence, 6);
	assert_int_equal(c->signatures_count, 1);
	assert_true(has(c, "instance-name=\"other.example\"/><p:signature>AAAA</p:signature>"));
	wr_clear(&w);
	free(root);
	free(element);
	free(signature);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_change_and_the_rest_stays),
		cmocka_unit_test(present_values),
		cmocka_unit_test(sequences_wrap),
		cmocka_unit_test(attributes_that_are_missing),
		cmocka_unit_test(kinds_are_added_and_changed),
		cmocka_unit_test(kinds_where_there_were_none),
		cmocka_unit_test(bad_nodes),
		cmocka_unit_test(values_that_are_wrong),
		cmocka_unit_test(only_a_signer_can_change_it),
		cmocka_unit_test(prefixes_and_neighbours),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
