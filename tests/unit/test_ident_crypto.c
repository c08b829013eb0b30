/* Hashes, signatures and keys. */
#include "ident_forge.h"

#include "wire/codes.h"

#include <openssl/err.h>

#define NODE "101112131415161718191a1b1c1d1e1f"
#define URI  "reload://0110" NODE "@" OVERLAY "/"

static const struct forge_name good_names[] = { { GEN_URI, URI }, { GEN_EMAIL, "alice@" OVERLAY } };

static void hashes(void **state)
{
	(void)state;
	static const struct {
		uint8_t alg;
		size_t len;
		const char *abc;
	} cases[] = {
		{ RELOAD_HASH_SHA1, 20, "a9993e364706816a" },
		{ RELOAD_HASH_SHA256, 32, "ba7816bf8f01cfea" },
		{ RELOAD_HASH_SHA384, 48, "cb00753f45a35e8b" },
		{ RELOAD_HASH_SHA512, 64, "ddaf35a193617aba" },
		{ RELOAD_HASH_NONE, 0, NULL },
		{ RELOAD_HASH_MD5, 0, NULL },
		{ RELOAD_HASH_SHA224, 0, NULL },
		{ 255, 0, NULL },
	};
	struct span whole = span_str("abc"),
		    parts[] = { span_str("a"), span_of(NULL, 0), span_str("bc") };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t one[RELOAD_HASH_SIZE_MAX], three[RELOAD_HASH_SIZE_MAX];
		char text[17];
		assert_int_equal(reload_hash(one, cases[i].alg, &whole, 1), cases[i].len);
		assert_int_equal(reload_hash(three, cases[i].alg, parts, 3), cases[i].len);
		if (!cases[i].len)
			continue;
		assert_memory_equal(one, three, cases[i].len);
		assert_string_equal(reload_hex(text, span_of(one, 8)), cases[i].abc);
	}
}

/* A certificate for key, made by whatever signs. */
static struct reload_cert *cert_for(const struct reload_key *key)
{
	struct forge f = { .names = good_names, .names_count = 2, .key = key->native };
	return forge_cert(&f);
}

static void one_key(struct reload_key *key, uint8_t hash_expected, uint8_t sig_expected)
{
	AUTO(reload_cert) cert = cert_for(key);
	uint8_t message[100] = { 1, 2, 3 }, hash = 0, sig = 0;
	struct span input = span_of(message, sizeof(message));
	struct wr out;
	wr_init(&out);
	assert_int_equal(key->ops->sign(key, input, &hash, &sig, &out), RELOAD_OK);
	assert_int_equal(hash, hash_expected);
	assert_int_equal(sig, sig_expected);
	struct span signature = wr_done(&out);
	assert_int_equal(cert->ops->verify(cert, hash, sig, input, signature), RELOAD_OK);
	/* R-6.3.4-09, R-6.3.4-20: the algorithm bytes must be those of the key and of the hash that was signed */
	for (unsigned h = 0; h < 9; h++)
		for (unsigned s = 0; s < 9; s++)
			if (h != hash || s != sig)
				assert_int_equal(cert->ops->verify(cert, (uint8_t)h, (uint8_t)s,
							 input, signature),
					RELOAD_BAD_SIGNATURE);
	/* a flipped bit anywhere */
	for (size_t i = 0; i < sizeof(message); i += 9) {
		message[i] ^= 0x40;
		assert_int_equal(
			cert->ops->verify(cert, hash, sig, input, signature), RELOAD_BAD_SIGNATURE);
		message[i] ^= 0x40;
	}
	for (size_t i = 0; i < out.len; i += 5) {
		out.at[i] ^= 1;
		assert_int_equal(
			cert->ops->verify(cert, hash, sig, input, signature), RELOAD_BAD_SIGNATURE);
		out.at[i] ^= 1;
	}
	/* lengths that do not fit */
	assert_int_equal(
		cert->ops->verify(cert, hash, sig, input, span_of(NULL, 0)), RELOAD_BAD_SIGNATURE);
	assert_int_equal(cert->ops->verify(cert, hash, sig, input, span_of(out.at, out.len - 1)),
		RELOAD_BAD_SIGNATURE);
	wr_bytes(&out, "x", 1);
	assert_int_equal(
		cert->ops->verify(cert, hash, sig, input, wr_done(&out)), RELOAD_BAD_SIGNATURE);
	wr_clear(&out);
	assert_int_equal(ERR_peek_error(), 0); /* TLS on this thread would trip over it */
}

static void signatures_of_each_kind_of_key(void **state)
{
	(void)state;
	AUTO(reload_key) p256 = new_key(RELOAD_KEY_P256);
	one_key(p256, RELOAD_HASH_SHA256, RELOAD_SIG_ECDSA);
	/* R-6.3.4-08 */
	AUTO(reload_key) rsa = new_key(RELOAD_KEY_RSA2048);
	one_key(rsa, RELOAD_HASH_SHA256, RELOAD_SIG_RSA);
	AUTO(reload_key) rsa3072 = new_key(RELOAD_KEY_RSA3072);
	assert_int_equal(EVP_PKEY_get_bits(rsa3072->native), 3072);
}

/* PEM of an OpenSSL key, encrypted when password is given (owned). */
static struct bytes pem_of(EVP_PKEY *pkey, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *at;
	PEM_write_bio_PKCS8PrivateKey(bio, pkey, password ? EVP_aes_256_cbc() : NULL, password,
		password ? (int)strlen(password) : 0, NULL, NULL);
	size_t len = (size_t)BIO_get_mem_data(bio, &at);
	struct bytes pem = bytes_copy(span_of(at, len));
	BIO_free(bio);
	return pem;
}

static enum reload_err read_pem(struct reload_key **key, EVP_PKEY *pkey, const char *password,
	struct reload_error_text *why)
{
	struct bytes pem = pem_of(pkey, password);
	enum reload_err err = reload_key_read_pem(key, bytes_span(pem), why);
	bytes_free(&pem);
	EVP_PKEY_free(pkey);
	return err;
}

static void p384_signs_with_sha384(void **state)
{
	(void)state;
	AUTO(reload_key) key = NULL;
	assert_int_equal(read_pem(&key, EVP_EC_gen("P-384"), NULL, NULL), RELOAD_OK);
	one_key(key, RELOAD_HASH_SHA384, RELOAD_SIG_ECDSA);
}

static void other_hashes_verify(void **state)
{
	(void)state;
	static const struct {
		const char *md;
		uint8_t hash;
		enum reload_err expected;
	} cases[] = {
		{ "SHA256", RELOAD_HASH_SHA256, RELOAD_OK },
		{ "SHA384", RELOAD_HASH_SHA384, RELOAD_OK },
		{ "SHA512", RELOAD_HASH_SHA512, RELOAD_OK },
		{ "SHA1", RELOAD_HASH_SHA1, RELOAD_BAD_SIGNATURE },
		{ "MD5", RELOAD_HASH_MD5, RELOAD_BAD_SIGNATURE },
		{ "SHA224", RELOAD_HASH_SHA224, RELOAD_BAD_SIGNATURE },
	};
	AUTO(reload_key) rsa = new_key(RELOAD_KEY_RSA2048);
	AUTO(reload_key) p256 = new_key(RELOAD_KEY_P256);
	struct reload_key *const keys[] = { rsa, p256 };
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			AUTO(reload_cert) cert = cert_for(keys[k]);
			uint8_t sig[512];
			size_t len = sizeof(sig);
			EVP_MD_CTX *ctx = EVP_MD_CTX_new();
			assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, cases[i].md, NULL, NULL,
						 keys[k]->native, NULL),
				1);
			assert_int_equal(
				EVP_DigestSign(ctx, sig, &len, (const uint8_t *)"x", 1), 1);
			EVP_MD_CTX_free(ctx);
			assert_int_equal(cert->ops->verify(cert, cases[i].hash,
						 k ? RELOAD_SIG_ECDSA : RELOAD_SIG_RSA,
						 span_str("x"), span_of(sig, len)),
				cases[i].expected);
		}
}

static void certificates_signed_with_weak_hashes(void **state)
{
	(void)state;
	AUTO(reload_key) key = new_key(RELOAD_KEY_RSA2048);
	const EVP_MD *const mds[] = { EVP_sha256(), EVP_sha384(), EVP_sha512(), EVP_sha1(),
		EVP_md5() };
	for (size_t i = 0; i < COUNT_OF(mds); i++) {
		struct forge f = {
			.names = good_names, .names_count = 2, .key = key->native, .md = mds[i]
		};
		AUTO(reload_cert) cert = forge_cert(&f);
		assert_int_equal(cert->ops->cert_signed_by(cert, cert),
			i < 3 ? RELOAD_OK : RELOAD_BAD_SIGNATURE);
	}
}

static void keys_as_pem(void **state)
{
	(void)state;
	for (int type = RELOAD_KEY_P256; type <= RELOAD_KEY_RSA2048; type++) {
		AUTO(reload_key) key = new_key((enum reload_key_type)type);
		AUTO(reload_key) again = NULL;
		AUTO(reload_cert) cert = cert_for(key);
		struct wr pem;
		wr_init(&pem);
		assert_int_equal(reload_key_write_pem(&pem, key), RELOAD_OK);
		assert_memory_equal(pem.at, "-----BEGIN PRIVATE KEY-----", 27);
		assert_int_equal(reload_key_read_pem(&again, wr_done(&pem), NULL), RELOAD_OK);
		assert_true(reload_key_fits(again, cert));
		wr_clear(&pem);
	}
	enum reload_key_type type;
	assert_int_equal(reload_key_type_parse(&type, "rsa3072"), RELOAD_OK);
	assert_int_equal(type, RELOAD_KEY_RSA3072);
	assert_int_equal(reload_key_type_parse(&type, "p256"), RELOAD_OK);
	assert_int_equal(type, RELOAD_KEY_P256);
	assert_int_equal(reload_key_type_parse(&type, "ed25519"), RELOAD_USAGE);
	reload_key_free(NULL);
}

static void private_keys_that_are_not_accepted(void **state)
{
	(void)state;
	struct reload_key *key = NULL;
	struct reload_error_text why;
	assert_int_equal(read_pem(&key, EVP_EC_gen("P-256"), "secret", &why), RELOAD_BAD_KEY);
	assert_string_equal(why.reason, "it is encrypted");
	assert_non_null(strstr(why.advice, "openssl pkey"));
	assert_int_equal(read_pem(&key, EVP_RSA_gen(1024), NULL, &why), RELOAD_BAD_KEY);
	assert_non_null(strstr(why.reason, "1024 bits"));
	assert_int_equal(read_pem(&key, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, &why),
		RELOAD_BAD_KEY);
	assert_int_equal(reload_key_read_pem(&key, span_str("no key"), &why), RELOAD_BAD_KEY);
	assert_non_null(strstr(why.reason, "no private key"));
	assert_int_equal(reload_key_read_pem(&key, span_of(NULL, 0), &why), RELOAD_BAD_KEY);
	assert_null(key);
	assert_int_equal(ERR_peek_error(), 0);
}

struct found {
	size_t count, bytes;
};

static void got(void *arg, struct span der)
{
	struct found *f = arg;
	f->count++;
	f->bytes += der.len;
}

static void certificates_as_pem(void **state)
{
	(void)state;
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	AUTO(reload_cert) b = read_cert("keys/node-b.cert.der");
	AUTO(reload_key) key = read_key("keys/node-a.key.pem");
	struct wr text;
	wr_init(&text);
	reload_pem_certificate_write(&text, a->der);
	size_t len;
	char *file = read_file("keys/node-a.cert.pem", &len);
	assert_true(span_eq(wr_done(&text), span_of(file, len)));
	free(file);
	/* other things between them are passed over */
	wr_span(&text, span_str("a comment\n"));
	assert_int_equal(reload_key_write_pem(&text, key), RELOAD_OK);
	reload_pem_certificate_write(&text, b->der);
	struct found found = { 0, 0 };
	size_t damaged = 7;
	assert_int_equal(reload_pem_certificates(wr_done(&text), got, &found, &damaged), 2);
	assert_int_equal(damaged, 0);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.bytes, a->der.len + b->der.len);
	assert_int_equal(reload_pem_certificates(span_str("nothing"), got, &found, &damaged), 0);
	assert_int_equal(damaged, 0);
	assert_int_equal(reload_pem_certificates(span_of(NULL, 0), got, &found, &damaged), 0);
	/* what cannot be read is not passed over: a block with other characters, an empty one, one that is cut off */
	static const char *const bad[] = {
		"-----BEGIN CERTIFICATE-----\nMIIB*z\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMIIBszCC\n",
		"-----BEGIN X509 CERTIFICATE-----\nMIIBszCC\n-----END X509 CERTIFICATE-----\n"
	};
	size_t good = text.len;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		wr_span(&text, span_str(bad[i]));
		assert_int_equal(reload_pem_certificates(wr_done(&text), got, &found, &damaged), 2);
		assert_int_equal(damaged, 4); /* certificate, key, certificate, this */
		text.len = good;
	}
	wr_clear(&text);
	/* a byte order mark and the label of older tools */
	wr_init(&text);
	wr_span(&text, span_str("\xef\xbb\xbf"));
	reload_pem_certificate_write(&text, a->der);
	char *old = reload_alloc(text.len + 64);
	snprintf(old, text.len + 64,
		"\xef\xbb\xbf-----BEGIN X509 CERTIFICATE-----\n%.*s-----END X509 "
		"CERTIFICATE-----\n",
		(int)(text.len - 3 - 28 - 26), (const char *)text.at + 3 + 28);
	assert_int_equal(reload_pem_certificates(wr_done(&text), got, &found, &damaged), 1);
	assert_int_equal(reload_pem_certificates(span_str(old), got, &found, &damaged), 1);
	assert_int_equal(damaged, 0);
	free(old);
	wr_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(signatures_of_each_kind_of_key),
		cmocka_unit_test(p384_signs_with_sha384),
		cmocka_unit_test(other_hashes_verify),
		cmocka_unit_test(certificates_signed_with_weak_hashes),
		cmocka_unit_test(keys_as_pem),
		cmocka_unit_test(private_keys_that_are_not_accepted),
		cmocka_unit_test(certificates_as_pem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
