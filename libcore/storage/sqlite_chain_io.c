#include "storage/sqlite_chain_io.h"

#include "ident/ops.h"
#include "wire/codes.h"

void reload_sqlite_chain_digest(uint8_t out[RELOAD_SQLITE_CHAIN_DIGEST], struct span certificates)
{
	uint8_t full[RELOAD_HASH_SIZE_MAX];
	reload_hash(full, RELOAD_HASH_SHA256, &certificates, 1);
	memcpy(out, full, RELOAD_SQLITE_CHAIN_DIGEST);
}

/* digest(blob) in SQL. */
static void digest(sqlite3_context *context, int count, sqlite3_value **values)
{
	uint8_t out[RELOAD_SQLITE_CHAIN_DIGEST];
	const void *at = sqlite3_value_blob(values[0]);
	int len = sqlite3_value_bytes(values[0]);
	(void)count;
	reload_sqlite_chain_digest(out, span_of(at, at && len > 0 ? (size_t)len : 0));
	sqlite3_result_blob(context, out, sizeof(out), SQLITE_TRANSIENT);
}

int reload_sqlite_chain_connect(sqlite3 *db)
{
	return sqlite3_create_function(db, "digest", 1,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, digest, NULL, NULL);
}
