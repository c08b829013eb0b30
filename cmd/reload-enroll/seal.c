#include "reload-enroll/seal.h"

#include "util/alloc.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAGIC = 16,
	SALT = 16,
	NONCE = 12,
	HEAD = MAGIC + SALT + NONCE,
	TAG = 16,
	KEY = 32,
	/* 32 MiB, about a tenth of a second a guess */
	SCRYPT_N = 32768,
	SCRYPT_R = 8,
	SCRYPT_P = 1,
	SCRYPT_MEMORY = 64 * 1024 * 1024
};

static const char magic[MAGIC + 1] = "reload-sealed-1\n";

static bool make_key(uint8_t key[KEY], const char *passphrase, const uint8_t *salt)
{
	return EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SALT, SCRYPT_N, SCRYPT_R,
		       SCRYPT_P, SCRYPT_MEMORY, key, KEY) == 1;
}

/* Runs the cipher over `in` into out, which has room for as much; tag is written (seal) or compared. */
static bool run(bool seal, const uint8_t key[KEY], const uint8_t head[HEAD], struct span in,
	uint8_t *out, uint8_t tag[TAG])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0;
	bool ok = c && in.len <= INT_MAX &&
		  EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, head + MAGIC + SALT, seal) &&
		  EVP_CipherUpdate(c, NULL, &len, head, HEAD) &&
		  EVP_CipherUpdate(c, out, &len, in.at, (int)in.len) &&
		  (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag)) &&
		  EVP_CipherFinal_ex(c, out + len, &len) == 1 &&
		  (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, tag));
	EVP_CIPHER_CTX_free(c);
	return ok;
}

enum reload_err seal_bytes(struct wr *out, struct span plain, const char *passphrase)
{
	uint8_t head[HEAD], key[KEY], tag[TAG], *sealed = reload_alloc(plain.len + 1);
	memcpy(head, magic, MAGIC);
	bool ok = RAND_bytes(head + MAGIC, SALT + NONCE) == 1 &&
		  make_key(key, passphrase, head + MAGIC) &&
		  run(true, key, head, plain, sealed, tag);
	if (ok) {
		wr_bytes(out, head, HEAD);
		wr_bytes(out, sealed, plain.len);
		wr_bytes(out, tag, TAG);
	}
	OPENSSL_cleanse(key, sizeof(key));
	free(sealed);
	return ok ? out->err : RELOAD_FAILED;
}

enum reload_err seal_open(struct wr *out, struct span sealed, const char *passphrase)
{
	uint8_t key[KEY], tag[TAG];
	if (sealed.len < HEAD + TAG || memcmp(sealed.at, magic, MAGIC) != 0)
		return RELOAD_BAD_VALUE;
	struct span inside = span_of(sealed.at + HEAD, sealed.len - HEAD - TAG);
	uint8_t *plain = reload_alloc(inside.len + 1);
	memcpy(tag, inside.at + inside.len, TAG);
	bool ok = make_key(key, passphrase, sealed.at + MAGIC) &&
		  run(false, key, sealed.at, inside, plain, tag);
	if (ok)
		wr_bytes(out, plain, inside.len);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(plain, inside.len);
	free(plain);
	return ok ? out->err : RELOAD_FORBIDDEN;
}
