#include "ident/internal.h"

#include <openssl/crypto.h>

/*
 * A fetch walks the providers and takes locks; it costs as much as hashing a small message.  So each digest is fetched
 * once per process and kept until its end.
 */
static const char *const names[] = {
	[RELOAD_HASH_SHA1] = "SHA1",
	[RELOAD_HASH_SHA256] = "SHA256",
	[RELOAD_HASH_SHA384] = "SHA384",
	[RELOAD_HASH_SHA512] = "SHA512",
};
static EVP_MD *fetched[COUNT_OF(names)];
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_all(void)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i])
			fetched[i] = EVP_MD_fetch(NULL, names[i], NULL);
}

const EVP_MD *reload_ident_md(uint8_t hash_alg)
{
	if (!CRYPTO_THREAD_run_once(&once, fetch_all))
		return NULL;
	return hash_alg < COUNT_OF(fetched) ? fetched[hash_alg] : NULL;
}

size_t reload_hash(
	uint8_t out[RELOAD_HASH_SIZE_MAX], uint8_t hash_alg, const struct span *parts, size_t count)
{
	const EVP_MD *md = reload_ident_md(hash_alg);
	unsigned len = 0;
	if (!md)
		return 0;
	if (count == 1)
		return EVP_Digest(parts[0].at, parts[0].len, out, &len, md, NULL) ? len : 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, md, NULL);
	for (size_t i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(ctx, parts[i].at, parts[i].len);
	good = good && EVP_DigestFinal_ex(ctx, out, &len);
	EVP_MD_CTX_free(ctx);
	return good ? len : 0;
}
