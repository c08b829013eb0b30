/* Algorithms of keys and signatures: which are accepted, and contexts that are ready for them. */
#include "ident/internal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

/*
 * OpenSSL 3 looks algorithms up by name for each new EVP_PKEY_CTX, which takes longer than an RSA verification.  Keys
 * therefore carry one prepared context each; an operation works on a copy, so the original is only ever read.
 */

/* The public exponent is nearly always 65537; a huge one would make verification as slow as signing. */
enum {
	RSA_BITS_MIN = 2048,
	RSA_EXPONENT_BITS_MAX = 33,
	CURVE_NAME_MAX = 64
};

static uint8_t rsa_alg(EVP_PKEY *pkey, struct reload_error_text *why)
{
	int bits = EVP_PKEY_get_bits(pkey);
	if (bits < RSA_BITS_MIN || bits > RELOAD_RSA_BITS_MAX) {
		(void)reload_error_explain(why, RELOAD_BAD_KEY, NULL,
			"an RSA key of %d bits; accepted are %d to %d", bits, RSA_BITS_MIN,
			RELOAD_RSA_BITS_MAX);
		return 0;
	}
	BIGNUM *e = NULL;
	bool good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) &&
		    BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;
	BN_free(e);
	if (!good)
		(void)reload_error_explain(why, RELOAD_BAD_KEY, NULL,
			"an RSA key with a public exponent above %d bits", RSA_EXPONENT_BITS_MAX);
	return good ? RELOAD_SIG_RSA : 0;
}

static uint8_t ec_alg(EVP_PKEY *pkey, struct reload_error_text *why)
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
	(void)reload_error_explain(why, RELOAD_BAD_KEY, NULL,
		"an elliptic curve key on %s%s; accepted are P-256 and P-384",
		*curve ? curve : "a curve without a name",
		explicit_params == 1 ? " with explicit parameters" : "");
	return 0;
}

uint8_t reload_ident_key_alg(EVP_PKEY *pkey, struct reload_error_text *why)
{
	uint8_t alg = 0;
	if (EVP_PKEY_is_a(pkey, "RSA"))
		alg = rsa_alg(pkey, why);
	else if (EVP_PKEY_is_a(pkey, "EC"))
		alg = ec_alg(pkey, why);
	else
		(void)reload_error_explain(why, RELOAD_BAD_KEY, NULL,
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
