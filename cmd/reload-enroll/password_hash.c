/* Password hashes of accounts: yescrypt, by crypt(3). */
#include "reload-enroll/accounts.h"

#include "util/alloc.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* What an account that is not there is checked against, so that the answer takes as long. */
static const char nobody[] = "$y$j9T$0123456789abcdefghijk.$"
			     "0000000000000000000000000000000000000000000";

static bool hash_with(char out[ACCOUNTS_HASH_MAX], const char *password, const char *setting)
{
	struct crypt_data *data = reload_alloc(sizeof(*data));
	char *hash = crypt_rn(password, setting, data, sizeof(*data));
	bool ok = hash && hash[0] == '$' && strlen(hash) < ACCOUNTS_HASH_MAX;
	if (ok)
		memcpy(out, hash, strlen(hash) + 1);
	OPENSSL_cleanse(data, sizeof(*data));
	free(data);
	return ok;
}

bool accounts_password_hash(char out[ACCOUNTS_HASH_MAX], const char *password)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	return crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) &&
	       hash_with(out, password, setting);
}

bool accounts_password_check(const char *hash, const char *password)
{
	char found[ACCOUNTS_HASH_MAX] = "";
	bool made = hash_with(found, password, hash ? hash : nobody);
	bool same = made && hash && strlen(found) == strlen(hash) &&
		    !CRYPTO_memcmp(found, hash, strlen(found));
	OPENSSL_cleanse(found, sizeof(found));
	return same;
}
