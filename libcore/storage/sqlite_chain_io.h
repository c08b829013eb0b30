/*
 * Certificates in the file: in a table of their own, each list once.  A value refers to its list by number; triggers delete a list
 * with the last value that refers to it.
 */
#pragma once

#include "util/bytes.h"

#include <sqlite3.h>

/* From version 2 of the schema, where each value had its certificates, to version 3. */
#define RELOAD_SQLITE_CHAIN_STEP                                                                   \
	"CREATE TABLE chain(id INTEGER PRIMARY KEY, digest BLOB NOT NULL, certificates BLOB NOT "  \
	"NULL);"                                                                                   \
	"CREATE UNIQUE INDEX chain_digest ON chain(digest);"                                       \
	"INSERT OR IGNORE INTO chain(digest, certificates)"                                        \
	" SELECT digest(certificates), certificates FROM value;"                                   \
	"CREATE TABLE moved(id INTEGER PRIMARY KEY, resource BLOB NOT NULL, kind INTEGER NOT "     \
	"NULL,"                                                                                    \
	" model INTEGER NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, generation INTEGER "  \
	"NOT NULL,"                                                                                \
	" received INTEGER NOT NULL, expires INTEGER NOT NULL, data BLOB NOT NULL,"                \
	" chain INTEGER NOT NULL, checksum BLOB NOT NULL);"                                        \
	"INSERT INTO moved SELECT id, resource, kind, model, place, key, generation, received,"    \
	" expires, data, (SELECT chain.id FROM chain WHERE digest = digest(value.certificates)),"  \
	" checksum FROM value;"                                                                    \
	"DROP TABLE value;"                                                                        \
	"ALTER TABLE moved RENAME TO value;"                                                       \
	"CREATE UNIQUE INDEX value_place ON value(resource, kind, model, place, key);"             \
	"CREATE INDEX value_expires ON value(expires);"                                            \
	"CREATE INDEX value_kind ON value(kind);"                                                  \
	"CREATE INDEX value_chain ON value(chain);"                                                \
	"CREATE TRIGGER value_gone AFTER DELETE ON value BEGIN"                                    \
	" DELETE FROM chain WHERE id = OLD.chain"                                                  \
	" AND NOT EXISTS (SELECT 1 FROM value WHERE chain = OLD.chain); END;"                      \
	"CREATE TRIGGER value_changed AFTER UPDATE OF chain ON value WHEN OLD.chain <> NEW.chain " \
	"BEGIN"                                                                                    \
	" DELETE FROM chain WHERE id = OLD.chain"                                                  \
	" AND NOT EXISTS (SELECT 1 FROM value WHERE chain = OLD.chain); END;"

/* ?1: the digest of the certificates, ?2: they themselves.  In the statement that puts a value, ?10 is the digest. */
#define RELOAD_SQLITE_CHAIN_PUT                                                                    \
	"INSERT INTO chain(digest, certificates) VALUES(?1, ?2) ON CONFLICT(digest) DO NOTHING"
#define RELOAD_SQLITE_CHAIN_OF_VALUE "(SELECT id FROM chain WHERE digest = ?10)"

enum {
	RELOAD_SQLITE_CHAIN_DIGEST = 32
};

/* reload_sqlite_chain_digest() computes the digest of certificates. */
void reload_sqlite_chain_digest(uint8_t out[RELOAD_SQLITE_CHAIN_DIGEST], struct span certificates);

/* reload_sqlite_chain_connect() defines the SQL function digest(), which RELOAD_SQLITE_CHAIN_STEP uses; a code of SQLite. */
int reload_sqlite_chain_connect(sqlite3 *db);
