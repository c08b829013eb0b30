/* Signatures of documents (RFC 6940 s11.1, s6.3.4): the vector, the chain of documents, the bytes that are signed. */
#include "config_fixture.h"
#include "vectors.h"

static void the_vector_parses_and_verifies(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(vector_document());
	struct vector block;
	struct reload_error_text why = { 0 };
	vector_load(&block, "config-security-block");
	/* R-11.1-45: the signature element holds this SecurityBlock */
	assert_int_equal(c->signatures_count, 1);
	assert_true(span_eq(c->signatures[0], vector_span(&block)));
	assert_int_equal(c->element.len, 3435);
	/* R-11.1-45, R-14-08 */
	assert_int_equal(reload_config_verify(c, NULL, NOW, &why), RELOAD_OK);
	/* R-11.1-42 */
	const struct reload_kind *k = reload_config_kind(c, 4026531841u);
	assert_non_null(k);
	char hex[RELOAD_ID_HEX];
	assert_string_equal(reload_id_hex(hex, &k->signer), "101112131415161718191a1b1c1d1e1f");
	assert_int_equal(c->sequence, 22);
	assert_true(c->no_ice);
	assert_int_equal(c->overlay_hash, 0x9aa32b8d);
	/* its certificates end on 2044-01-01, and so does the document */
	assert_int_equal(
		reload_config_verify(c, NULL, UINT64_C(2335219201000), &why), RELOAD_CERT_EXPIRED);
	vector_clear(&block);
}

/* verified() parses text, frees it, and verifies it against before. */
static enum reload_err verified(
	char *text, const struct reload_config *before, struct reload_error_text *why)
{
	AUTO(reload_config) c = parsed(text);
	return reload_config_verify(c, before, NOW, why);
}

static void changed_bytes_fail(void **state)
{
	(void)state;
	struct reload_error_text why;
	char *good = vector_document();
	assert_int_equal(verified(reload_strdup(good), NULL, &why), RELOAD_OK);
	/* R-11.1-47 */
	assert_int_equal(
		verified(replaced(good, ">5000<", ">5001<"), NULL, &why), RELOAD_BAD_SIGNATURE);
	assert_non_null(strstr(why.reason, "101112131415161718191a1b1c1d1e1f"));
	assert_int_equal(
		verified(replaced(good, "initial-ttl>100<", "initial-ttl>99<"), NULL, &why),
		RELOAD_BAD_SIGNATURE);
	/* R-11.1-44: a copy with other white space is another document */
	assert_int_equal(verified(replaced(good, "    <no-ice>", "\t<no-ice>"), NULL, &why),
		RELOAD_BAD_SIGNATURE);
	assert_int_equal(
		verified(replaced(good, "<configuration ", "<configuration\n"), NULL, &why),
		RELOAD_BAD_SIGNATURE);
	assert_int_equal(
		verified(replaced(good, "</configuration>", "</configuration >"), NULL, &why),
		RELOAD_BAD_SIGNATURE);
	/* what stands around the element is not signed */
	assert_int_equal(verified(replaced(good, "  <configuration ",
					  "<!-- <configuration> --> <configuration "),
				 NULL, &why),
		RELOAD_OK);
	assert_int_equal(
		verified(replaced(good, "<signature>", "<signature algorithm='x'> \n"), NULL, &why),
		RELOAD_OK);
	free(good);
}

static void the_signer_must_be_one_of_the_document_before(void **state)
{
	(void)state;
	struct reload_error_text why;
	char *by_two = text_of("<configuration-signer>" NODE_2 "</configuration-signer>\n");
	AUTO(reload_config)
	first = parsed(
		document_of("instance-name=\"" OVERLAY "\" sequence=\"1\"", SIGNERS, NULL, &one));
	AUTO(reload_config)
	second = parsed(
		document_of("instance-name=\"" OVERLAY "\" sequence=\"2\"", by_two, NULL, &one));
	AUTO(reload_config)
	third = parsed(
		document_of("instance-name=\"" OVERLAY "\" sequence=\"3\"", by_two, NULL, &two));
	AUTO(reload_config)
	fourth = parsed(
		document_of("instance-name=\"" OVERLAY "\" sequence=\"4\"", by_two, NULL, &one));
	/* R-11.1-46: one signs the document that names two; from then on two signs */
	assert_int_equal(reload_config_verify(first, NULL, NOW, &why), RELOAD_OK);
	assert_int_equal(reload_config_verify(second, first, NOW, &why), RELOAD_OK);
	assert_int_equal(reload_config_verify(third, second, NOW, &why), RELOAD_OK);
	assert_int_equal(reload_config_verify(third, first, NOW, &why), RELOAD_CONFIG_UNSIGNED);
	assert_non_null(strstr(why.reason, NODE_2));
	assert_int_equal(reload_config_verify(fourth, second, NOW, &why), RELOAD_CONFIG_UNSIGNED);
	/* the first one that a node gets is judged by its own list */
	assert_int_equal(reload_config_verify(second, NULL, NOW, &why), RELOAD_CONFIG_UNSIGNED);
	assert_int_equal(reload_config_verify(third, NULL, NOW, &why), RELOAD_OK);
	/* no signature, another overlay's document */
	AUTO(reload_config) bare = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, NULL));
	assert_int_equal(reload_config_verify(bare, first, NOW, &why), RELOAD_CONFIG_UNSIGNED);
	AUTO(reload_config)
	other = parsed(document_of("instance-name=\"other.example\"", SIGNERS, NULL, &one));
	assert_int_equal(reload_config_verify(other, first, NOW, &why), RELOAD_BAD_CONFIG);
	free(by_two);
}

static void the_signer_s_certificate_must_be_good(void **state)
{
	(void)state;
	struct reload_error_text why;
	struct party impostor = { 0 };
	/* the right Node-ID from the wrong authority */
	party_make(&impostor, RELOAD_KEY_P256, NODE_1, "one@" OVERLAY, &other_authority, OVERLAY);
	assert_int_equal(verified(document_of(ATTRIBUTES, SIGNERS, NULL, &impostor), NULL, &why),
		RELOAD_CERT_UNTRUSTED);
	party_clear(&impostor);
	/* from the right authority for another overlay */
	party_make(&impostor, RELOAD_KEY_P256, NODE_1, "one@" OVERLAY, &authority, "other.example");
	assert_int_equal(verified(document_of(ATTRIBUTES, SIGNERS, NULL, &impostor), NULL, &why),
		RELOAD_BAD_CERT);
	party_clear(&impostor);
	/* a signer who became a bad-node */
	assert_int_equal(verified(document_of(ATTRIBUTES, SIGNERS "<bad-node>" NODE_1 "</bad-node>",
					  NULL, &one),
				 NULL, &why),
		RELOAD_CERT_REVOKED);
	assert_true(why.reason[0]);
}

static void one_good_signature_among_several_is_enough(void **state)
{
	(void)state;
	struct reload_error_text why;
	char *good = document_of(ATTRIBUTES, SIGNERS, NULL, &one);
	assert_int_equal(
		verified(
			replaced(good, "<signature>",
				"<signature>VGhpcyBpcyBub3QgcmlnaHQhCg==</signature>\n<signature>"),
			NULL, &why),
		RELOAD_OK);
	/* R-11.1-47: what is no SecurityBlock is no signature */
	char *bad = document_of(ATTRIBUTES, SIGNERS, NULL, NULL);
	assert_int_equal(
		verified(replaced(bad, "</overlay>",
				 "<signature>VGhpcyBpcyBub3QgcmlnaHQhCg==</signature></overlay>"),
			NULL, &why),
		RELOAD_BAD_SIGNATURE);
	assert_non_null(strstr(why.reason, "SecurityBlock"));
	/* one of this document over another one's bytes */
	char *mixed = replaced(good, "sequence=\"22\"", "sequence=\"23\"");
	assert_int_equal(verified(mixed, NULL, &why), RELOAD_BAD_SIGNATURE);
	free(good);
	free(bad);
}

static void the_signer_identity_may_be_signed_as_well(void **state)
{
	(void)state;
	struct reload_error_text why;
	AUTO(reload_config) bare = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, NULL));
	char *element = text_of("%.*s", (int)bare->element.len, (const char *)bare->element.at);
	char *signature = signature_of(&one, element, true);
	char *end = text_of("<signature>%s</signature></overlay>", signature);
	char *text = document_of(ATTRIBUTES, SIGNERS, NULL, NULL);
	assert_int_equal(
		verified(replaced(text, "</overlay>", end), NULL, &why), RELOAD_OK); /* CFG-04 */
	free(element);
	free(signature);
	free(end);
	free(text);
}

static void every_prefix_of_a_document_is_refused(void **state)
{
	(void)state;
	char *text = vector_document();
	size_t len = strlen(text);
	for (size_t n = 0; n < len; n++) {
		struct reload_config *c = NULL;
		struct reload_error_text why = { 0 };
		uint8_t *exact = reload_memdup(text, n);
		/* R-11.1-01 */
		assert_int_equal(reload_config_parse(&c, span_of(exact, n), NULL,
					 &reload_ident_openssl, NOW, &why),
			RELOAD_BAD_CONFIG);
		assert_true(why.what[0] && why.reason[0]);
		assert_null(c);
		free(exact);
	}
	free(text);
}

static void prefixes_of_elements_may_be_declared_outside(void **state)
{
	(void)state;
	struct reload_error_text why;
	char *root = root_cert(&authority), *der = replaced(root, "<root-cert>", "<p:root-cert>");
	char *closed = replaced(der, "</root-cert>", "</p:root-cert>");
	char *element = text_of("<p:configuration " ATTRIBUTES ">%s<p:configuration-signer>" NODE_1
				"</p:configuration-signer></p:configuration>",
		closed);
	char *signature = signature_of(&one, element, false);
	char *text = text_of(
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?><p:overlay "
		"xmlns:p=\"urn:ietf:params:xml:ns:p2p:config-base\">%s<p:signature>%s</p:signature>"
		"</p:overlay>",
		element, signature);
	assert_int_equal(verified(text, NULL, &why), RELOAD_OK); /* CFG-03 */
	free(root);
	free(der);
	free(closed);
	free(element);
	free(signature);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_parses_and_verifies),
		cmocka_unit_test(changed_bytes_fail),
		cmocka_unit_test(the_signer_must_be_one_of_the_document_before),
		cmocka_unit_test(the_signer_s_certificate_must_be_good),
		cmocka_unit_test(one_good_signature_among_several_is_enough),
		cmocka_unit_test(the_signer_identity_may_be_signed_as_well),
		cmocka_unit_test(every_prefix_of_a_document_is_refused),
		cmocka_unit_test(prefixes_of_elements_may_be_declared_outside),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
