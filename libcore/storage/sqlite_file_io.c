/*
 * Opening the file: store.db in the directory, with its log store.db-wal beside it, and store.lock, which keeps other processes out.
 *
 *	lock -> open -> is it ours, of which version, whole? -> brought up to date -> read into memory
 *	                          | damaged
 *	                          v
 *	          moved to store.db.damaged-TIME, once more with a new one
 */
#include "storage/sqlite_file_io.h"

#include "storage/sqlite_chain_io.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	APPLICATION = 0x52454c44, /* "RELD" in the header of the file */
	PATH_ROOM = 64
};

/* From one version of the schema to the next: a new file takes all steps, an older one those that it lacks. */
static const char *const steps[] = {
	"CREATE TABLE meta(name TEXT NOT NULL, value NOT NULL);"
	"CREATE UNIQUE INDEX meta_name ON meta(name);"
	"CREATE TABLE value(id INTEGER PRIMARY KEY, resource BLOB NOT NULL, kind INTEGER NOT NULL,"
	" model INTEGER NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, generation INTEGER "
	"NOT NULL,"
	" received INTEGER NOT NULL, expires INTEGER NOT NULL, data BLOB NOT NULL,"
	" certificates BLOB NOT NULL, checksum BLOB NOT NULL);"
	"CREATE UNIQUE INDEX value_place ON value(resource, kind, model, place, key);"
	"CREATE TABLE counter(id INTEGER PRIMARY KEY, resource BLOB NOT NULL, kind INTEGER NOT "
	"NULL,"
	" generation INTEGER NOT NULL, ends INTEGER NOT NULL, checksum BLOB NOT NULL);"
	"CREATE UNIQUE INDEX counter_place ON counter(resource, kind);",

	"CREATE INDEX value_expires ON value(expires);"
	"CREATE INDEX counter_ends ON counter(ends);"
	"CREATE INDEX value_kind ON value(kind);"
	"CREATE INDEX counter_kind ON counter(kind);",

	RELOAD_SQLITE_CHAIN_STEP,
};

static bool is_damage(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

static int quick_check(struct reload_sqlite_file *f)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(f->db, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (!code)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		code = text && !strcmp(text, "ok") ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(st);
	return code;
}

/* Runs the steps of the schema that the file lacks, all or none. */
static int upgrade(struct reload_sqlite_file *f, sqlite3_int64 version)
{
	char text[96];
	int code = sqlite3_exec(f->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (size_t i = (size_t)version; i < COUNT_OF(steps) && !code; i++)
		code = sqlite3_exec(f->db, steps[i], NULL, NULL, NULL);
	snprintf(text, sizeof(text),
		"PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT", APPLICATION,
		COUNT_OF(steps));
	if (!code)
		code = sqlite3_exec(f->db, text, NULL, NULL, NULL);
	if (code)
		sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

/* Whether the file is a store of this overlay; a new file is marked as one. */
static int claim(struct reload_sqlite_file *f, const char *overlay, bool *other)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_exec(f->db,
		"INSERT OR IGNORE INTO meta(name, value) VALUES('touched', 0)", NULL, NULL, NULL);
	if (!code)
		code = sqlite3_prepare_v2(f->db,
			"INSERT OR IGNORE INTO meta(name, value) VALUES('overlay', ?1)", -1, &st,
			NULL);
	if (!code) {
		sqlite3_bind_text(st, 1, overlay, -1, SQLITE_STATIC);
		code = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(f->db);
	}
	sqlite3_finalize(st);
	if (!code)
		code = sqlite3_prepare_v2(
			f->db, "SELECT value FROM meta WHERE name = 'overlay'", -1, &st, NULL);
	if (code)
		return code;
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		*other = !text || strcmp(text, overlay) != 0;
		code = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return code;
}

static enum reload_err not_ours(const struct reload_sqlite_file *f, struct reload_error_text *why,
	const char *fmt, const char *what)
{
	reload_error_explain(why, RELOAD_FAILED, f->path, fmt, what);
	reload_error_advise(why, "--store-path DIR names another place");
	return RELOAD_FAILED;
}

/* One attempt to open.  *code is the code of SQLite; when it is not SQLITE_OK although RELOAD_OK is returned, the file is damaged. */
static enum reload_err open_once(struct reload_sqlite_file *f,
	const struct reload_sqlite_setup *setup, struct reload_storage *memory,
	struct reload_sqlite_found *found, int *code, struct reload_error_text *why)
{
	sqlite3_int64 version = 0, application = 0, tables = 0;
	char text[24];
	bool other = false;
	*code = reload_sqlite_open(f);
	if (!*code)
		*code = reload_sqlite_number(f, "PRAGMA user_version", &version);
	if (!*code)
		*code = reload_sqlite_number(f, "PRAGMA application_id", &application);
	if (!*code)
		*code = reload_sqlite_number(f, "SELECT count(*) FROM sqlite_schema", &tables);
	if (!*code && (tables || version) && application != APPLICATION)
		return not_ours(f, why, "a database of another %s", "program");
	snprintf(text, sizeof(text), "%lld", (long long)version);
	if (!*code && (version < 0 || version > (sqlite3_int64)COUNT_OF(steps)))
		return not_ours(f, why, "version %s of the store is newer than this program", text);
	if (!*code)
		*code = quick_check(f);
	if (!*code && version < (sqlite3_int64)COUNT_OF(steps))
		*code = upgrade(f, version);
	if (!*code)
		*code = claim(f, setup->overlay, &other);
	if (!*code && other)
		return not_ours(f, why, "the store of another overlay than %s", setup->overlay);
	if (!*code)
		*code = reload_sqlite_read(f, memory, setup->id_len, found);
	if (!*code)
		*code = reload_sqlite_prepare(f);
	return *code && !is_damage(*code)
		       ? reload_sqlite_cannot(why, f->path, reload_sqlite_reason(*code))
		       : RELOAD_OK;
}

static enum reload_err move_aside(
	struct reload_sqlite_file *f, reload_utc now, char **to, struct reload_error_text *why)
{
	char time[RELOAD_UTC_TEXT], ending[PATH_ROOM];
	reload_utc_text(time, now);
	unsigned again = 0;
	*to = NULL;
	do {
		free(*to);
		if (again)
			snprintf(ending, sizeof(ending), ".damaged-%s.%u", time, again);
		else
			snprintf(ending, sizeof(ending), ".damaged-%s", time);
		*to = reload_sqlite_path(f->path, ending);
	} while (!access(*to, F_OK) && ++again < 1000);
	char *log = reload_sqlite_path(f->path, "-wal"), *log_to = reload_sqlite_path(*to, "-wal");
	int failed = rename(f->path, *to) ? errno : 0;
	if (!failed && rename(log, log_to) && errno != ENOENT)
		failed = errno;
	free(log);
	free(log_to);
	if (!failed)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_IO, f->path,
		"the store is damaged and cannot be moved aside: %s", strerror(failed));
	reload_error_advise(why, "move %s elsewhere, or --store-path DIR", f->path);
	return RELOAD_IO;
}

/* Makes the file before SQLite does, so that nobody else can read it. */
static enum reload_err touch(const struct reload_sqlite_file *f, struct reload_error_text *why)
{
	int fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ELOOP)
		return reload_sqlite_cannot(why, f->path, "it is a symbolic link");
	if (fd < 0)
		return reload_sqlite_cannot(why, f->path, strerror(errno));
	close(fd);
	return RELOAD_OK;
}

static void report(const struct reload_sqlite_setup *setup, enum reload_storage_event event,
	const char *detail, size_t count)
{
	if (setup->on_event)
		setup->on_event(setup->arg, event, detail, count);
}

static enum reload_err open_file(struct reload_sqlite_file *f,
	const struct reload_sqlite_setup *setup, struct reload_storage *memory,
	struct reload_error_text *why)
{
	static const struct reload_id all = { .len = 0 };
	for (int attempt = 0;; attempt++) {
		struct reload_sqlite_found found = { 0 };
		char *aside;
		int code = SQLITE_OK;
		enum reload_err err = touch(f, why);
		if (!err)
			err = open_once(f, setup, memory, &found, &code, why);
		if (err)
			return err;
		if (!code && found.damaged)
			report(setup, RELOAD_STORAGE_DAMAGED_ROWS, f->path, found.damaged);
		if (!code) {
			report(setup, RELOAD_STORAGE_LOADED, f->path, found.values);
			return RELOAD_OK;
		}
		if (attempt)
			return reload_sqlite_cannot(why, f->path, reload_sqlite_reason(code));
		memory->ops->drop_range(memory, &all, &all);
		reload_sqlite_disconnect(f);
		err = move_aside(f, setup->now, &aside, why);
		if (!err)
			report(setup, RELOAD_STORAGE_DAMAGED_FILE, aside, 0);
		free(aside);
		if (err)
			return err;
	}
}

enum reload_err reload_sqlite_file_open(struct reload_sqlite_file **out,
	const struct reload_sqlite_setup *setup, struct reload_storage *memory,
	struct reload_error_text *why)
{
	struct reload_sqlite_file *f = RELOAD_NEW(reload_sqlite_file);
	f->lock = -1;
	f->keep_ms = setup->keep_generation_ms;
	f->directory = reload_strdup(setup->directory);
	f->path = reload_sqlite_path(setup->directory, "/store.db");
	f->log = reload_sqlite_path(f->path, "-wal");
	enum reload_err err = reload_sqlite_place(f, why);
	if (!err)
		err = reload_sqlite_put_end(f, why);
	if (!err)
		err = open_file(f, setup, memory, why);
	if (err) {
		reload_sqlite_file_free(f);
		return err;
	}
	f->mark = reload_file_mark(f->path);
	f->log_mark = reload_file_mark(f->log);
	*out = f;
	return RELOAD_OK;
}

void reload_sqlite_file_free(struct reload_sqlite_file *f)
{
	const char *reason;
	if (!f)
		return;
	bool there =
		!f->mark.number || reload_sqlite_file_there(f) || !reload_sqlite_renew(f, &reason);
	if (!there && f->db) /* SQLite would remove the log that is another agent's now */
		sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	reload_sqlite_disconnect(f);
	if (f->lock >= 0)
		close(f->lock);
	free(f->directory);
	free(f->path);
	free(f->log);
	free(f);
}
