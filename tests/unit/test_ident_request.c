/* Certificate requests (PKCS#10) of strangers: cut, damaged, with keys that are not accepted, and encrypted. */
#include "ident_forge.h"

#include <openssl/ui.h>

static struct {
	struct reload_key *ca_key, *key;
	struct reload_cert *ca;
	struct reload_id node;
	struct wr csr;
} our;

static int make_keys(void **state)
{
	(void)state;
	our.ca_key = new_key(RELOAD_KEY_P256);
	our.key = new_key(RELOAD_KEY_P256);
	our.node = id_of("101112131415161718191a1b1c1d1e1f");
	struct reload_cert_request req = {
		.authority_name = "ca", .not_before = NOW, .not_after = NOW + DAY, .serial = { 1 }
	};
	our.ca = make_cert(&req, our.ca_key, NULL, NULL);
	wr_init(&our.csr);
	return reload_csr_make(&our.csr, our.key, "alice@" OVERLAY);
}

static int free_keys(void **state)
{
	(void)state;
	wr_clear(&our.csr);
	reload_cert_free(our.ca);
	reload_key_free(our.ca_key);
	reload_key_free(our.key);
	return 0;
}

static struct reload_cert_request node_request(void)
{
	return (struct reload_cert_request){ .overlay = OVERLAY,
		.user = "alice@" OVERLAY,
		.node_ids = &our.node,
		.node_ids_count = 1,
		.not_before = NOW,
		.not_after = NOW + DAY,
		.serial = { 2 } };
}

/* issue() asks for a certificate of csr; nothing is written when it fails. */
static enum reload_err issue(
	const struct reload_cert_request *req, struct span csr, struct reload_error_text *why)
{
	struct wr w;
	wr_init(&w);
	*why = (struct reload_error_text){ "", "", "" };
	enum reload_err err = reload_cert_make_csr(&w, req, csr, our.ca, our.ca_key, why);
	assert_int_equal(!w.len, !!err);
	assert_int_equal(!why->reason[0], !err);
	wr_clear(&w);
	return err;
}

static void every_cut_is_refused(void **state)
{
	(void)state;
	struct reload_cert_request req = node_request();
	struct reload_error_text why;
	char *user = NULL;
	struct span whole = wr_done(&our.csr);
	assert_int_equal(issue(&req, whole, &why), RELOAD_OK);
	for (size_t n = 0; n < whole.len; n++) {
		uint8_t *cut = reload_memdup(whole.at, n);
		assert_int_equal(issue(&req, span_of(cut, n), &why), RELOAD_BAD_VALUE);
		assert_int_equal(reload_csr_user(&user, span_of(cut, n), &why), RELOAD_BAD_VALUE);
		assert_null(user);
		free(cut);
	}
}

/* The signature of a request covers all that is in it (R-11.3-13). */
static void every_flipped_byte_is_refused(void **state)
{
	(void)state;
	struct reload_cert_request req = node_request();
	struct reload_error_text why;
	uint8_t *copy = reload_memdup(our.csr.at, our.csr.len);
	for (size_t i = 0; i < our.csr.len; i++) {
		copy[i] ^= 0x41;
		if (issue(&req, span_of(copy, our.csr.len), &why) == RELOAD_OK)
			fail_msg("byte %zu counts for nothing", i);
		copy[i] ^= 0x41;
	}
	assert_int_equal(issue(&req, span_of(copy, our.csr.len), &why), RELOAD_OK);
	free(copy);
}

static void keys_that_are_not_accepted(void **state)
{
	(void)state;
	static const struct {
		const char *type, *curve;
		size_t bits;
		const char *because;
	} rows[] = { { "RSA", NULL, 1024, "1024 bits" }, { "EC", "P-521", 0, "secp521r1" },
		{ "EC", "secp256k1", 0, "secp256k1" }, { "ED25519", NULL, 0, "ED25519" } };
	struct reload_cert_request req = node_request();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		EVP_PKEY *pkey = rows[i].bits ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", rows[i].bits)
				 : rows[i].curve
					 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", rows[i].curve)
					 : EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type);
		X509_REQ *csr = X509_REQ_new();
		X509_REQ_set_pubkey(csr, pkey);
		assert_true(X509_REQ_sign(
			csr, pkey, rows[i].bits || rows[i].curve ? EVP_sha256() : NULL));
		uint8_t *der = NULL;
		int len = i2d_X509_REQ(csr, &der);
		struct reload_error_text why;
		assert_int_equal(issue(&req, span_of(der, (size_t)len), &why), RELOAD_BAD_VALUE);
		if (!strstr(why.reason, rows[i].because))
			fail_msg("\"%s\" does not tell \"%s\"", why.reason, rows[i].because);
		OPENSSL_free(der);
		X509_REQ_free(csr);
		EVP_PKEY_free(pkey);
	}
}

static void values_that_make_no_certificate(void **state)
{
	(void)state;
	struct reload_error_text why;
	struct reload_cert_request req = node_request();
	req.user = "";
	assert_int_equal(issue(&req, wr_done(&our.csr), &why), RELOAD_BAD_VALUE);
	req = node_request();
	req.node_ids_count = 0;
	assert_int_equal(issue(&req, wr_done(&our.csr), &why), RELOAD_BAD_VALUE);
	req = node_request();
	req.not_after = req.not_before - 1;
	assert_int_equal(issue(&req, wr_done(&our.csr), &why), RELOAD_BAD_VALUE);
	assert_non_null(strstr(why.reason, "values given"));
}

/* -- passwords ------------------------------------------------------------------------------------------------------------ */

static unsigned asked;

static int opened(UI *ui)
{
	(void)ui;
	asked++;
	return 0; /* no terminal */
}

/* The DER form as PEM that says that it is encrypted. */
static char *encrypted_pem(const char *label, struct span der)
{
	char *base64 = reload_base64(der);
	size_t size = strlen(base64) * 2 + 512, n = 0;
	char *text = reload_alloc(size);
	n += (size_t)snprintf(text, size,
		"-----BEGIN %s-----\nProc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n",
		label);
	for (size_t i = 0; i < strlen(base64); i += 64)
		n += (size_t)snprintf(text + n, size - n, "%.64s\n", base64 + i);
	snprintf(text + n, size - n, "-----END %s-----\n", label);
	free(base64);
	return text;
}

static void nobody_is_asked_for_a_password(void **state)
{
	(void)state;
	UI_METHOD *method = UI_create_method("counting");
	UI_method_set_opener(method, opened);
	UI_set_default_method(method);
	struct reload_cert_request req = node_request();
	struct reload_error_text why;
	struct reload_key *key = NULL;
	char *user = NULL;
	char *csr = encrypted_pem("CERTIFICATE REQUEST", wr_done(&our.csr)),
	     *pem = encrypted_pem("EC PRIVATE KEY", wr_done(&our.csr));
	assert_int_equal(issue(&req, span_str(csr), &why), RELOAD_BAD_VALUE);
	assert_int_equal(asked, 0);
	assert_non_null(strstr(why.reason, "encrypted"));
	assert_int_equal(reload_csr_user(&user, span_str(csr), &why), RELOAD_BAD_VALUE);
	assert_int_equal(reload_key_read_pem(&key, span_str(pem), &why), RELOAD_BAD_KEY);
	assert_string_equal(why.reason, "it is encrypted");
	assert_int_equal(asked, 0);
	UI_set_default_method(UI_OpenSSL());
	UI_destroy_method(method);
	free(csr);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_flipped_byte_is_refused),
		cmocka_unit_test(keys_that_are_not_accepted),
		cmocka_unit_test(values_that_make_no_certificate),
		cmocka_unit_test(nobody_is_asked_for_a_password),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
