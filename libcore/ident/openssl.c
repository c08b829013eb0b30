#include "ident/internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

/*
 * OpenSSL 3 looks algorithms up by name for each new EVP_PKEY_CTX, which takes longer than an RSA verification.  Keys
 * therefore carry one prepared context each; an operation works on a copy, so the original is only ever read.
 */

/* A public exponent is 65537 nearly always; a huge one makes verification as slow as signing. */
enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
	RSA_EXPONENT_BITS_MAX = 33,
	CURVE_NAME_MAX = 64
};

static uint8_t rsa_alg(EVP_PKEY *pkey, struct reload_why *why)
{
	int bits = EVP_PKEY_get_bits(pkey);
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
		(void)reload_why_set(why, RELOAD_BAD_KEY, NULL,
			"an RSA key of %d bits; accepted are %d to %d", bits, RSA_BITS_MIN,
			RSA_BITS_MAX);
		return 0;
	}
	BIGNUM *e = NULL;
	bool good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) &&
		    BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;
	BN_free(e);
	if (!good)
		(void)reload_why_set(why, RELOAD_BAD_KEY, NULL,
			"an RSA key with a public exponent above %d bits", RSA_EXPONENT_BITS_MAX);
	return good ? RELOAD_SIG_RSA : 0;
}

static uint8_t ec_alg(EVP_PKEY *pkey, struct reload_why *why)
{
	char curve[CURVE_NAME_MAX] = "";
	int explicit_params = 0;
	(void)EVP_PKEY_get_utf8_string_param(
		pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), NULL);
	(void)EVP_PKEY_get_int_param(
		pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params);
	int nid = OBJ_sn2nid(curve);
	if ((nid == NID_X9_62_prime256v1 || nid == NID_secp384r1) && explicit_params != 1)
		return RELOAD_SIG_ECDSA;
	(void)reload_why_set(why, RELOAD_BAD_KEY, NULL,
		"an elliptic curve key on %s%s; accepted are P-256 and P-384",
		*curve ? curve : "a curve without a name",
		explicit_params == 1 ? " with explicit parameters" : "");
	return 0;
}

uint8_t reload_ident_key_alg(EVP_PKEY *pkey, struct reload_why *why)
{
	uint8_t alg = 0;
	if (EVP_PKEY_is_a(pkey, "RSA"))
		alg = rsa_alg(pkey, why);
	else if (EVP_PKEY_is_a(pkey, "EC"))
		alg = ec_alg(pkey, why);
	else
		(void)reload_why_set(why, RELOAD_BAD_KEY, NULL,
			"a key of type %s; accepted are RSA and ECDSA",
			EVP_PKEY_get0_type_name(pkey) ? EVP_PKEY_get0_type_name(pkey) : "unknown");
	ERR_clear_error();
	return alg;
}

uint8_t reload_ident_sign_hash(EVP_PKEY *pkey)
{
	return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_bits(pkey) > 256 ? RELOAD_HASH_SHA384
									  : RELOAD_HASH_SHA256;
}

/* Hashes that are strong enough for signatures (SEC-16); SHA-1 still names certificates and derives Node-IDs. */
static bool hash_signs(uint8_t hash_alg)
{
	return hash_alg == RELOAD_HASH_SHA256 || hash_alg == RELOAD_HASH_SHA384 ||
	       hash_alg == RELOAD_HASH_SHA512;
}

static EVP_PKEY_CTX *prepare(
	EVP_PKEY *pkey, uint8_t sig_alg, uint8_t hash_alg, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (ctx && init(ctx) > 0 &&
		EVP_PKEY_CTX_set_signature_md(ctx, reload_ident_md(hash_alg)) > 0 &&
		(sig_alg != RELOAD_SIG_RSA ||
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return NULL;
}

EVP_PKEY_CTX *reload_ident_prepare_verify(EVP_PKEY *pkey, uint8_t sig_alg, uint8_t hash_alg)
{
	return prepare(pkey, sig_alg, hash_alg, EVP_PKEY_verify_init);
}

EVP_PKEY_CTX *reload_ident_prepare_sign(EVP_PKEY *pkey)
{
	uint8_t sig_alg = EVP_PKEY_is_a(pkey, "RSA") ? RELOAD_SIG_RSA : RELOAD_SIG_ECDSA;
	return prepare(pkey, sig_alg, reload_ident_sign_hash(pkey), EVP_PKEY_sign_init);
}

bool reload_ident_signature_alg(uint8_t *hash_alg, uint8_t *sig_alg, int nid)
{
	int hash = 0, key = 0;
	if (!OBJ_find_sigid_algs(nid, &hash, &key))
		return false;
	*hash_alg = hash == NID_sha256   ? RELOAD_HASH_SHA256
		    : hash == NID_sha384 ? RELOAD_HASH_SHA384
		    : hash == NID_sha512 ? RELOAD_HASH_SHA512
					 : 0;
	*sig_alg = key == NID_rsaEncryption          ? RELOAD_SIG_RSA
		   : key == NID_X9_62_id_ecPublicKey ? RELOAD_SIG_ECDSA
						     : 0;
	return *hash_alg && *sig_alg;
}

static bool verifies(const struct reload_public_key *key, uint8_t hash_alg, struct span input,
	struct span signature)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	size_t len = reload_hash(digest, hash_alg, &input, 1);
	EVP_PKEY_CTX *ctx = hash_alg == RELOAD_HASH_SHA256 ? EVP_PKEY_CTX_dup(key->verify)
							   : reload_ident_prepare_verify(key->pkey,
								     key->sig_alg, hash_alg);
	bool good =
		len && ctx && EVP_PKEY_verify(ctx, signature.at, signature.len, digest, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good)
		ERR_clear_error(); /* else a TLS connection of this thread takes the failure for its own */
	return good;
}

static enum reload_err openssl_verify(const struct reload_cert *cert, uint8_t hash_alg,
	uint8_t sig_alg, struct span input, struct span signature)
{
	const struct reload_public_key *key = cert->native;
	if (!hash_signs(hash_alg) || sig_alg != key->sig_alg ||
		signature.len > (size_t)EVP_PKEY_get_size(key->pkey))
		return RELOAD_BAD_SIGNATURE;
	return verifies(key, hash_alg, input, signature) ? RELOAD_OK : RELOAD_BAD_SIGNATURE;
}

/* A certificate's signature is a signature like any other: the same algorithms, the same code. */
static enum reload_err openssl_cert_signed_by(
	const struct reload_cert *cert, const struct reload_cert *issuer)
{
	const struct reload_public_key *signed_part = cert->native;
	return openssl_verify(issuer, signed_part->signed_hash_alg, signed_part->signed_sig_alg,
		signed_part->tbs, span_of(signed_part->signature, signed_part->signature_len));
}

static enum reload_err openssl_sign(const struct reload_key *key, struct span input,
	uint8_t *hash_alg, uint8_t *sig_alg, struct wr *out)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX], signature[RSA_BITS_MAX / 8];
	uint8_t hash = reload_ident_sign_hash(key->native);
	size_t len = sizeof(signature), digest_len = reload_hash(digest, hash, &input, 1);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->prepared);
	bool good =
		ctx && digest_len && EVP_PKEY_sign(ctx, signature, &len, digest, digest_len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good) {
		ERR_clear_error();
		return RELOAD_BAD_KEY;
	}
	*hash_alg = hash;
	*sig_alg = EVP_PKEY_is_a(key->native, "RSA") ? RELOAD_SIG_RSA : RELOAD_SIG_ECDSA;
	wr_bytes(out, signature, len);
	return out->err;
}

/* OpenSSL wipes the secret numbers itself. */
static void openssl_key_clear(struct reload_key *key)
{
	EVP_PKEY_CTX_free(key->prepared);
	EVP_PKEY_free(key->native);
	OPENSSL_cleanse(key, sizeof(*key));
}

const struct reload_ident_ops reload_ident_openssl = {
	.cert_read = reload_x509_read,
	.cert_clear = reload_x509_clear,
	.cert_signed_by = openssl_cert_signed_by,
	.sign = openssl_sign,
	.verify = openssl_verify,
	.key_clear = openssl_key_clear,
	.plain_uris = true,
	.key_fits = reload_ident_key_fits,
};
