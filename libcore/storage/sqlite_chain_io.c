#include "storage/sqlite_chain_io.h"

#include "ident/ops.h"
#include "util/bytes.h"
#include "wire/codes.h"

/* SHA-256 of a blob. */
static void digest(sqlite3_context *context, int count, sqlite3_value **values)
{
	uint8_t full[RELOAD_HASH_SIZE_MAX];
	const void *at = sqlite3_value_blob(values[0]);
	int len = sqlite3_value_bytes(values[0]);
	const struct span part = span_of(at, at && len > 0 ? (size_t)len : 0);
	size_t size = reload_hash(full, RELOAD_HASH_SHA256, &part, 1);
	(void)count;
	sqlite3_result_blob(context, full, (int)size, SQLITE_TRANSIENT);
}

int reload_sqlite_chain_connect(sqlite3 *db)
{
	return sqlite3_create_function(db, "digest", 1,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, digest, NULL, NULL);
}
