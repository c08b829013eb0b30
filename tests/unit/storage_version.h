/* Files of the durable storage as earlier versions of the schema had them. */
#pragma once

/* What tells a file of version 3 to be one of version 2, where each value has its certificates. */
#define STORAGE_TO_VERSION_2                                                                       \
	"CREATE TABLE old(id INTEGER PRIMARY KEY, resource BLOB NOT NULL, kind INTEGER NOT NULL,"  \
	" model INTEGER NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, generation INTEGER "  \
	"NOT NULL,"                                                                                \
	" received INTEGER NOT NULL, expires INTEGER NOT NULL, data BLOB NOT NULL,"                \
	" certificates BLOB NOT NULL, checksum BLOB NOT NULL);"                                    \
	"INSERT INTO old SELECT value.id, resource, kind, model, place, key, generation, "         \
	"received,"                                                                                \
	" expires, data, certificates, checksum FROM value JOIN chain ON chain.id = value.chain;"  \
	"DROP TABLE value; DROP TABLE chain; ALTER TABLE old RENAME TO value;"                     \
	"CREATE UNIQUE INDEX value_place ON value(resource, kind, model, place, key);"             \
	"CREATE INDEX value_expires ON value(expires);"                                            \
	"CREATE INDEX value_kind ON value(kind);"                                                  \
	"PRAGMA user_version = 2"

/* And of version 1, without the indexes by time and Kind. */
#define STORAGE_TO_VERSION_1                                                                       \
	STORAGE_TO_VERSION_2                                                                       \
	";"                                                                                        \
	"DROP INDEX value_expires; DROP INDEX counter_ends; DROP INDEX value_kind;"                \
	"DROP INDEX counter_kind; PRAGMA user_version = 1"
