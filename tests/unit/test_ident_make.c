/* Certificates and requests that we make, read by ourselves and by OpenSSL. */
#include "ident_forge.h"

static struct {
	struct reload_key *ca_key, *key;
	struct reload_cert *ca;
	struct reload_id ids[2];
} our;

static int make_keys(void **state)
{
	(void)state;
	our.ca_key = new_key(RELOAD_KEY_RSA2048);
	our.key = new_key(RELOAD_KEY_P256);
	struct reload_cert_request req = { .authority_name = "The authority",
		.not_before = NOW,
		.not_after = NOW + DAY,
		.serial = { 0xff, 1 } };
	our.ca = make_cert(&req, our.ca_key, NULL, NULL);
	our.ids[0] = id_of("101112131415161718191a1b1c1d1e1f");
	our.ids[1] = id_of("202122232425262728292a2b2c2d2e2f");
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	reload_key_free(our.ca_key);
	reload_key_free(our.key);
	reload_cert_free(our.ca);
	return 0;
}

static struct reload_cert_request node_request(void)
{
	return (struct reload_cert_request){ .overlay = "Overlay.example.org",
		.user = "alice@" OVERLAY,
		.node_ids = our.ids,
		.node_ids_count = 2,
		.not_before = NOW,
		.not_after = NOW + DAY,
		.serial = { 2 } };
}

static X509 *as_x509(const struct reload_cert *cert)
{
	const uint8_t *at = cert->der.at;
	X509 *x = d2i_X509(NULL, &at, (long)cert->der.len);
	assert_non_null(x);
	return x;
}

static void authorities(void **state)
{
	(void)state;
	X509 *x = as_x509(our.ca);
	assert_int_equal(X509_check_ca(x), 1);
	assert_true(X509_get_extension_flags(x) & EXFLAG_SS);
	assert_true(X509_get_key_usage(x) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
	assert_non_null(X509_get0_subject_key_id(x));
	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	X509_free(x);
	assert_true(our.ca->authority && our.ca->self_issued);
	assert_false(our.ca->subject_empty);
	assert_null(our.ca->overlay);
	assert_int_equal(our.ca->ops->cert_signed_by(our.ca, our.ca), RELOAD_OK);
}

static void nodes(void **state)
{
	(void)state;
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) cert = make_cert(&req, our.key, our.ca, our.ca_key);
	X509 *x = as_x509(cert);
	int critical = 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
	assert_int_equal(critical, 1); /* SEC-11 */
	/* R-11.3-18, R-11.3-21 */
	assert_int_equal(sk_GENERAL_NAME_num(names), 3);
	/* R-11.3-16 */
	const GENERAL_NAME *uri = sk_GENERAL_NAME_value(names, 1);
	assert_int_equal(uri->type, GEN_URI);
	assert_string_equal((const char *)ASN1_STRING_get0_data(uri->d.ia5),
		"reload://0110202122232425262728292a2b2c2d2e2f@overlay.example.org/");
	assert_int_equal(sk_GENERAL_NAME_value(names, 2)->type, GEN_EMAIL);
	GENERAL_NAMES_free(names);
	/* R-11.3-22 */
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(x)), 0);
	/* R-13.3-02 */
	EVP_PKEY *ca_key = our.ca_key->native;
	assert_int_equal(X509_verify(x, ca_key), 1);
	assert_int_equal(X509_check_ca(x), 0);
	X509_free(x);
	assert_int_equal(cert->not_before, NOW);
	assert_int_equal(cert->not_after, NOW + DAY);
	assert_true(reload_key_fits(our.key, cert));
	assert_false(reload_key_fits(our.ca_key, cert));
	assert_int_equal(cert->ops->cert_signed_by(cert, our.ca), RELOAD_OK);
	assert_int_equal(cert->ops->cert_signed_by(cert, cert), RELOAD_BAD_SIGNATURE);
}

static void self_signed(void **state)
{
	(void)state;
	struct reload_cert_request req = node_request();
	req.user = "whoever"; /* R-11.3.1-01 */
	AUTO(reload_cert) cert = make_cert(&req, our.key, NULL, NULL);
	assert_true(cert->self_issued && cert->subject_empty);
	assert_string_equal(cert->user, "whoever");
	assert_int_equal(cert->ops->cert_signed_by(cert, cert), RELOAD_OK);
}

static enum reload_err try(struct reload_cert_request req, const struct reload_key *issuer_key)
{
	struct wr w;
	wr_init(&w);
	enum reload_err err = reload_cert_make(&w, &req, our.key, our.ca, issuer_key);
	assert_int_equal(w.len, 0);
	wr_clear(&w);
	return err;
}

static void requests_that_make_no_sense(void **state)
{
	(void)state;
	struct reload_cert_request req = node_request();
	assert_int_equal(try(req, our.key), RELOAD_BAD_KEY); /* not the authority's key */
	req.user = NULL;
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	/* R-11.3-19 */
	req.user = "tab\t@example.org";
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	req.user = "";
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	req = node_request();
	req.node_ids_count = 0;
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	req.node_ids_count = RELOAD_CERT_NODE_IDS_MAX + 1;
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	req = node_request();
	req.not_after = req.not_before - 1;
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	req = node_request();
	req.not_after = RELOAD_NEVER;
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	req = node_request();
	req.serial[0] = 0;
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
	/* a node issues nothing */
	req = node_request();
	AUTO(reload_cert) node = make_cert(&req, our.key, our.ca, our.ca_key);
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_cert_make(&w, &req, our.key, node, our.key), RELOAD_BAD_VALUE);
	req = node_request();
	req.authority_name = "both";
	assert_int_equal(try(req, our.ca_key), RELOAD_BAD_VALUE);
}

static enum reload_err from_csr(
	struct reload_cert **cert, struct span csr, struct reload_error_text *why)
{
	struct reload_cert_request req = node_request();
	struct wr w;
	wr_init(&w);
	enum reload_err err = reload_cert_make_csr(&w, &req, csr, our.ca, our.ca_key, why);
	if (!err)
		assert_int_equal(reload_cert_parse(cert, &reload_ident_openssl, wr_done(&w), why),
			RELOAD_OK);
	wr_clear(&w);
	return err;
}

static void certificates_from_requests(void **state)
{
	(void)state;
	struct wr csr;
	struct reload_error_text why;
	char *user = NULL;
	wr_init(&csr);
	assert_int_equal(reload_csr_make(&csr, our.key, "alice@" OVERLAY), RELOAD_OK);
	AUTO(reload_cert) cert = NULL;
	/* R-11.3-13 */
	assert_int_equal(from_csr(&cert, wr_done(&csr), &why), RELOAD_OK);
	assert_true(reload_key_fits(our.key, cert));
	assert_string_equal(cert->user, "alice@" OVERLAY);
	assert_int_equal(cert->ops->cert_signed_by(cert, our.ca), RELOAD_OK);
	assert_int_equal(reload_csr_user(&user, wr_done(&csr), &why), RELOAD_OK);
	assert_string_equal(user, "alice@" OVERLAY);
	free(TAKE(user));
	/* as PEM */
	const uint8_t *at = csr.at;
	X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)csr.len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	PEM_write_bio_X509_REQ(bio, req);
	size_t text_len = (size_t)BIO_get_mem_data(bio, &text);
	AUTO(reload_cert) again = NULL;
	assert_int_equal(from_csr(&again, span_of(text, text_len), &why), RELOAD_OK);
	assert_true(reload_key_fits(our.key, again));
	BIO_free(bio);
	/* the request proves possession of the key */
	csr.at[csr.len - 3] ^= 1;
	AUTO(reload_cert) none = NULL;
	assert_int_equal(from_csr(&none, wr_done(&csr), &why), RELOAD_BAD_VALUE);
	assert_true(strlen(why.reason) > 0);
	/* and does so with an algorithm that is accepted elsewhere as well */
	EVP_PKEY *ca_key = our.ca_key->native;
	X509_REQ_set_pubkey(req, ca_key);
	X509_REQ_sign(req, ca_key, EVP_sha1());
	uint8_t *weak = NULL;
	int len = i2d_X509_REQ(req, &weak);
	assert_int_equal(from_csr(&none, span_of(weak, (size_t)len), &why), RELOAD_BAD_VALUE);
	assert_non_null(strstr(why.reason, "sha1"));
	assert_int_equal(from_csr(&none, span_of(NULL, 0), &why), RELOAD_BAD_VALUE);
	assert_int_equal(from_csr(&none, span_str("0nonsense"), &why), RELOAD_BAD_VALUE);
	assert_null(none);
	OPENSSL_free(weak);
	X509_REQ_free(req);
	wr_clear(&csr);
}

/* The user name of a request whose subject holds address; SAN has other things only (ENR-05). */
static enum reload_err user_of(char **user, const char *address, int len)
{
	X509_REQ *req = X509_REQ_new();
	EVP_PKEY *pkey = our.key->native;
	X509_REQ_set_pubkey(req, pkey);
	if (address)
		X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req), NID_pkcs9_emailAddress,
			V_ASN1_IA5STRING, (const uint8_t *)address, len, -1, 0);
	X509_REQ_sign(req, pkey, EVP_sha256());
	uint8_t *der = NULL;
	int der_len = i2d_X509_REQ(req, &der);
	enum reload_err err = reload_csr_user(user, span_of(der, (size_t)der_len), NULL);
	OPENSSL_free(der);
	X509_REQ_free(req);
	return err;
}

static void user_names_of_requests(void **state)
{
	(void)state;
	char *user = NULL;
	assert_int_equal(user_of(&user, "bob@example.org", -1), RELOAD_OK);
	assert_string_equal(user, "bob@example.org");
	free(TAKE(user));
	assert_int_equal(user_of(&user, NULL, 0), RELOAD_OK);
	assert_null(user);
	/* R-11.3-19 */
	assert_int_equal(user_of(&user, "bob\0@evil", 9), RELOAD_BAD_VALUE);
	assert_int_equal(user_of(&user, "bob\n", 4), RELOAD_BAD_VALUE);
	struct wr csr;
	wr_init(&csr);
	assert_int_equal(reload_csr_make(&csr, our.key, "bad\x01name"), RELOAD_BAD_VALUE);
	wr_clear(&csr);
}

/* Adds the names to the request, as an attribute of their own. */
static void add_names(X509_REQ *req, const char *names, int times)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	for (int i = 0; i < times; i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
		assert_non_null(e);
		X509v3_add_ext(&exts, e, -1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_REQ_add_extensions(req, exts));
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

static enum reload_err user_of_signed(X509_REQ *req)
{
	EVP_PKEY *pkey = our.key->native;
	uint8_t *der = NULL;
	char *user = NULL;
	struct reload_error_text why = { 0 };
	X509_REQ_set_pubkey(req, pkey);
	X509_REQ_sign(req, pkey, EVP_sha256());
	int len = i2d_X509_REQ(req, &der);
	enum reload_err err = reload_csr_user(&user, span_of(der, (size_t)len), &why);
	assert_true(!err == !why.reason[0] && (!err || !user));
	free(user);
	OPENSSL_free(der);
	X509_REQ_free(req);
	return err;
}

static void put_der(struct wr *w, uint8_t tag, struct span contents)
{
	assert_true(contents.len < 65536);
	wr_u8(w, tag);
	wr_u8(w, 0x82);
	wr_u16(w, (uint16_t)contents.len);
	wr_span(w, contents);
}

/* A request with a challengePassword and another attribute, whose OID 1.2.840.113549.1.9.x ends with last when it is signed. */
static enum reload_err user_of_attributes(int nid, uint8_t last)
{
	static const uint8_t algorithm[] = { 0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3,
		2 };
	static const uint8_t oid[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2 };
	X509_REQ *req = X509_REQ_new();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *tbs = NULL, signature[128] = { 0 };
	size_t len = sizeof(signature) - 1;
	char *user = NULL;
	struct wr bits, inner, all;
	wr_init(&bits);
	wr_init(&inner);
	wr_init(&all);
	X509_REQ_set_pubkey(req, our.key->native);
	X509_REQ_add1_attr_by_NID(
		req, NID_pkcs9_challengePassword, V_ASN1_UTF8STRING, (const uint8_t *)"x", 1);
	X509_REQ_add1_attr_by_NID(req, nid, V_ASN1_UTF8STRING, (const uint8_t *)"x", 1);
	size_t tbs_len = (size_t)i2d_re_X509_REQ_tbs(req, &tbs);
	uint8_t *at = memmem(tbs, tbs_len, oid, sizeof(oid));
	assert_non_null(at);
	at[sizeof(oid) - 1] = last;
	EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, our.key->native);
	assert_true(EVP_DigestSign(md, signature + 1, &len, tbs, tbs_len) > 0);
	put_der(&bits, 3, span_of(signature, len + 1));
	wr_bytes(&inner, tbs, tbs_len);
	wr_bytes(&inner, algorithm, sizeof(algorithm));
	wr_span(&inner, wr_done(&bits));
	put_der(&all, 0x30, wr_done(&inner));
	enum reload_err err = reload_csr_user(&user, wr_done(&all), NULL);
	free(user);
	OPENSSL_free(tbs);
	EVP_MD_CTX_free(md);
	X509_REQ_free(req);
	wr_clear(&bits);
	wr_clear(&inner);
	wr_clear(&all);
	return err;
}

static void what_is_there_twice(void **state)
{
	(void)state;
	X509_REQ *req = X509_REQ_new();
	add_names(req, "email:bob@example.org,DNS:a.example", 1);
	assert_int_equal(user_of_signed(req), RELOAD_OK);
	/* which of them would it be? */
	req = X509_REQ_new();
	add_names(req, "email:bob@example.org,email:eve@example.org", 1);
	assert_int_equal(user_of_signed(req), RELOAD_BAD_VALUE);
	req = X509_REQ_new();
	add_names(req, "email:bob@example.org", 2);
	assert_int_equal(user_of_signed(req), RELOAD_BAD_VALUE);
	/* an attribute twice, which OpenSSL makes of nobody's request */
	assert_int_equal(user_of_attributes(NID_pkcs9_unstructuredName, 2), RELOAD_OK);
	assert_int_equal(user_of_attributes(NID_pkcs9_unstructuredName, 7), RELOAD_BAD_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authorities),
		cmocka_unit_test(nodes),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(requests_that_make_no_sense),
		cmocka_unit_test(certificates_from_requests),
		cmocka_unit_test(user_names_of_requests),
		cmocka_unit_test(what_is_there_twice),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
