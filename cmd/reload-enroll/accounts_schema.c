/* The tables of the users, and how they are opened. */
#include "reload-enroll/accounts_internal.h"

#include "reload-enroll/enroll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const tables[] = {
	"meta(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
	/* hash '': no account */
	"users(name TEXT PRIMARY KEY, hash TEXT NOT NULL, changed BIGINT NOT NULL, disabled "
	"INTEGER NOT "
	"NULL DEFAULT 0, reserved INTEGER NOT NULL DEFAULT 0)",
	"node_ids(id #, node_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, revoked INTEGER NOT NULL "
	"DEFAULT 0)",
	"certificates(id #, name TEXT NOT NULL, serial TEXT NOT NULL, fingerprint TEXT NOT NULL, "
	"issuer "
	"TEXT NOT NULL, node_ids TEXT NOT NULL, issued TEXT NOT NULL, expires TEXT NOT NULL)",
	"invitations(digest TEXT PRIMARY KEY, \"user\" TEXT NOT NULL, uses BIGINT NOT NULL, "
	"expires "
	"BIGINT NOT NULL)",
	"answers(digest TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, certificate TEXT NOT "
	"NULL, until BIGINT NOT NULL, PRIMARY KEY(digest, key))",
	"audit(id #, time BIGINT NOT NULL, address TEXT NOT NULL, \"user\" TEXT NOT NULL, decision "
	"TEXT "
	"NOT NULL, detail TEXT NOT NULL)",
};

static const char *const indexes[] = {
	"CREATE INDEX IF NOT EXISTS node_ids_of ON node_ids(name)",
	"CREATE INDEX IF NOT EXISTS certificates_of ON certificates(name)",
};

static bool make_table(struct db *db, const char *table)
{
	char sql[512] = "CREATE TABLE IF NOT EXISTS ";
	const char *number = strchr(table, '#');
	size_t used = strlen(sql);
	if (number)
		snprintf(sql + used, sizeof(sql) - used, "%.*s%s%s", (int)(number - table), table,
			db_numbered(db), number + 1);
	else
		snprintf(sql + used, sizeof(sql) - used, "%s", table);
	return db_run(db, sql, DB_NONE);
}

/* The table of accounts was there before that of users: it had no such columns. */
static bool lacks_columns(struct db *db)
{
	return db_run(db, "SELECT name FROM users WHERE name = ''", DB_NONE) &&
	       !db_run(db, "SELECT disabled FROM users WHERE name = ''", DB_NONE);
}

static bool add_columns(struct db *db)
{
	return db_run(db, "ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0",
		       DB_NONE) &&
	       db_run(db, "ALTER TABLE users ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0",
		       DB_NONE);
}

static bool take_text(void *arg, const char *const *columns)
{
	char **out = arg;
	*out = reload_strdup(columns[0]);
	return false;
}

static enum reload_err check_overlay(
	struct accounts *a, const char *overlay, struct reload_error_text *why)
{
	char *present = NULL, what[300];
	bool ok = db_run(a->db,
			  "INSERT INTO meta(name, value) VALUES('overlay', $1) ON CONFLICT DO "
			  "NOTHING",
			  DB(DB_TEXT(overlay))) &&
		  db_rows(a->db, "SELECT value FROM meta WHERE name = 'overlay'", DB_NONE,
			  take_text, &present);
	enum reload_err err = accounts_result(a, ok, why);
	if (!err && strcmp(present, overlay) != 0) {
		snprintf(what, sizeof(what), "the users are those of another overlay");
		err = reload_error_explain(why, RELOAD_BAD_CONFIG, what,
			"%.150s has those of %.100s", a->where, present);
		reload_error_advise(why, "a database of its own for each overlay");
	}
	free(present);
	return err;
}

/* Tables without a version are those of version 1; a program that changes what they mean writes its own there. */
static enum reload_err check_version(struct accounts *a, struct reload_error_text *why)
{
	enum {
		VERSION = 1
	};
	char *present = NULL;
	bool ok = db_rows(a->db, "SELECT value FROM meta WHERE name = 'version'", DB_NONE,
		take_text, &present);
	enum reload_err err = accounts_result(a, ok, why);
	if (!err && present && strtol(present, NULL, 10) > VERSION) {
		err = reload_error_explain(why, RELOAD_BAD_CONFIG,
			"the users are those of a newer program",
			"%.150s has version %.20s, this program knows %d", a->where, present,
			VERSION);
		reload_error_advise(why, "reload-enroll --version, and a newer release");
	}
	free(present);
	return err;
}

static enum reload_err check_meta(
	struct accounts *a, const char *overlay, struct reload_error_text *why)
{
	enum reload_err err = check_version(a, why);
	return err ? err : check_overlay(a, overlay, why);
}

static bool has_tables(struct db *db)
{
	return db_run(db, "SELECT reserved FROM users WHERE name = ''", DB_NONE) &&
	       db_run(db, "SELECT key FROM answers WHERE key = ''", DB_NONE);
}

enum reload_err accounts_schema(
	struct accounts *a, const char *overlay, struct reload_error_text *why)
{
	if (has_tables(a->db))
		return check_meta(a, overlay, why);
	bool old = lacks_columns(a->db);
	enum reload_err err = accounts_begin(a, "", why);
	bool ok = !err;
	for (size_t i = 0; ok && i < COUNT_OF(tables); i++)
		ok = make_table(a->db, tables[i]);
	ok = ok && (!old || add_columns(a->db));
	for (size_t i = 0; ok && i < COUNT_OF(indexes); i++)
		ok = db_run(a->db, indexes[i], DB_NONE);
	if (!err)
		err = accounts_result(a, ok, why);
	if (!err)
		err = check_meta(a, overlay, why);
	if (!err)
		err = accounts_keep(a, why);
	if (err)
		accounts_undo(a);
	return err;
}

enum reload_err accounts_open_at(struct accounts **out, const char *where, const char *overlay,
	struct reload_error_text *why)
{
	struct accounts *a = RELOAD_NEW(accounts);
	a->where = reload_strdup(where);
	enum reload_err err = db_open(&a->db, where, why);
	if (!err)
		err = accounts_schema(a, overlay, why);
	if (err)
		accounts_close(a);
	else
		*out = a;
	return err;
}

enum reload_err accounts_open(
	struct accounts **out, const char *dir, const char *overlay, struct reload_error_text *why)
{
	struct accounts *a = NULL;
	char *where = NULL, *old = enroll_join(dir, "issued.json");
	enum reload_err err = accounts_where(&where, dir, why);
	if (!err)
		err = accounts_open_at(&a, where, overlay, why);
	if (!err)
		err = accounts_restore(a, dir, why);
	if (!err)
		err = accounts_import(a, old, why);
	if (!err)
		a->dir = reload_strdup(dir);
	if (err)
		accounts_close(a);
	else
		*out = a;
	free(where);
	free(old);
	return err;
}
