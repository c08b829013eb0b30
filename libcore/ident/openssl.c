#include "ident/internal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

/* Hashes that are strong enough for signatures (SEC-16); SHA-1 still names certificates and derives Node-IDs. */
static bool hash_signs(uint8_t hash_alg)
{
	return hash_alg == RELOAD_HASH_SHA256 || hash_alg == RELOAD_HASH_SHA384 ||
	       hash_alg == RELOAD_HASH_SHA512;
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
		ERR_clear_error(); /* else a TLS connection of this thread would report this failure as its own */
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

/* A certificate's signature is verified like any other: same algorithms, same code. */
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
	uint8_t digest[RELOAD_HASH_SIZE_MAX], signature[RELOAD_RSA_BITS_MAX / 8];
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

static bool openssl_key_fits(const struct reload_key *key, const struct reload_cert *cert)
{
	const uint8_t *at = cert->public_key_info.at;
	EVP_PKEY *public = at ? d2i_PUBKEY(NULL, &at, (long)cert->public_key_info.len) : NULL;
	bool fits = public && EVP_PKEY_eq(public, key->native) == 1;
	EVP_PKEY_free(public);
	ERR_clear_error();
	return fits;
}

/* OpenSSL wipes secret numbers itself. */
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
	.key_fits = openssl_key_fits,
};
