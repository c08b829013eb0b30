/*
 * The file: store.db in the directory, with its log store.db-wal beside it and store.lock, which tells other processes that it is in use.
 *
 *	lock -> open -> is it ours, of which version, whole? -> brought up to date -> read into memory
 *	                          | damaged
 *	                          v
 *	          moved to store.db.damaged-TIME, once more with a new one
 *
 * A row carries a checksum over all of its columns; one that does not fit is deleted and told of.  Numbers without a sign are kept
 * by their bits, but times that are compared are cut to what SQLite takes for positive.
 */
#include "storage/sqlite_file_io.h"

#include "storage/sqlite_chain_io.h"
#include "util/alloc.h"

#include <assert.h>
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

/* --- small things ------------------------------------------------------------------------------------------------ */

static bool is_damage(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

static struct span column_span(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at);
	int len = sqlite3_column_bytes(st, at);
	return p && len > 0 ? span_of(p, (size_t)len) : (struct span){ NULL, 0 };
}

int reload_sqlite_number(struct reload_sqlite_file *f, const char *text, sqlite3_int64 *out)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(f->db, text, -1, &st, NULL);
	if (!code)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return code == SQLITE_ROW ? SQLITE_OK : code ? code : SQLITE_ERROR;
}

const char *reload_sqlite_reason(int code)
{
	return (code & 0xff) == SQLITE_FULL ? "no space left on the device" : sqlite3_errstr(code);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* What was found to be damaged, and what is held. */
struct found {
	size_t damaged, values;
};

static bool read_counter(struct reload_storage *memory, uint8_t id_len, sqlite3_stmt *st)
{
	struct reload_counter_row row = { .kind = (uint32_t)sqlite3_column_int64(st, 2),
		.generation = (uint64_t)sqlite3_column_int64(st, 3),
		.ends = (uint64_t)sqlite3_column_int64(st, 4) };
	struct span resource = column_span(st, 1), check = column_span(st, 5);
	if (resource.len != id_len || reload_id_from(&row.resource, resource) ||
		check.len != sizeof(row.check))
		return false;
	memcpy(row.check, check.at, check.len);
	if (!reload_counter_row_intact(&row))
		return false;
	reload_memory_load_counter(memory, &row.resource, row.kind, row.generation, row.ends);
	return true;
}

static bool read_value(struct reload_storage *memory, uint8_t id_len, sqlite3_stmt *st)
{
	struct reload_row row = { .kind = (uint32_t)sqlite3_column_int64(st, 2),
		.model = (uint8_t)sqlite3_column_int(st, 3),
		.index = (uint32_t)sqlite3_column_int64(st, 4),
		.key = column_span(st, 5),
		.generation = (uint64_t)sqlite3_column_int64(st, 6),
		.received = (uint64_t)sqlite3_column_int64(st, 7),
		.expires = (uint64_t)sqlite3_column_int64(st, 8),
		.data = column_span(st, 9),
		.certificates = column_span(st, 10) };
	struct span resource = column_span(st, 1), check = column_span(st, 11);
	struct reload_stored_entry entry;
	if (resource.len != id_len || reload_id_from(&row.resource, resource) ||
		check.len != sizeof(row.check))
		return false;
	memcpy(row.check, check.at, check.len);
	if (reload_row_read(&entry, &row))
		return false;
	reload_memory_load(memory, &row.resource, row.kind, row.generation, &entry);
	return true;
}

/* Reads a table row by row; what is damaged is deleted, should the disk take it, and not read. */
static int read_table(struct reload_sqlite_file *f, const char *text, const char *delete_text,
	bool (*take)(struct reload_storage *memory, uint8_t id_len, sqlite3_stmt *st),
	struct reload_storage *memory, uint8_t id_len, size_t *good, size_t *bad)
{
	sqlite3_stmt *st = NULL, *drop = NULL;
	int code = sqlite3_prepare_v2(f->db, text, -1, &st, NULL);
	if (!code)
		code = sqlite3_prepare_v2(f->db, delete_text, -1, &drop, NULL);
	while (!code && (code = sqlite3_step(st)) == SQLITE_ROW) {
		code = SQLITE_OK;
		if (take(memory, id_len, st)) {
			++*good;
			continue;
		}
		++*bad;
		sqlite3_bind_int64(drop, 1, sqlite3_column_int64(st, 0));
		(void)sqlite3_step(drop); /* a full disk: it is found again next time */
		sqlite3_reset(drop);
	}
	sqlite3_finalize(st);
	sqlite3_finalize(drop);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Counters last: what values tell of them counts only where there is none. */
static int read_all(struct reload_sqlite_file *f, struct reload_storage *memory, uint8_t id_len,
	struct found *found)
{
	size_t counters = 0;
	int code = read_table(f,
		"SELECT value.id, resource, kind, model, place, key, generation, received, expires,"
		" data, certificates, checksum FROM value LEFT JOIN chain ON chain.id = chain"
		" ORDER BY value.id",
		"DELETE FROM value WHERE id = ?1", read_value, memory, id_len, &found->values,
		&found->damaged);
	if (!code)
		code = read_table(f,
			"SELECT id, resource, kind, generation, ends, checksum FROM counter ORDER "
			"BY id",
			"DELETE FROM counter WHERE id = ?1", read_counter, memory, id_len,
			&counters, &found->damaged);
	return code;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static int on_log(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	((struct reload_sqlite_file *)arg)->pages = pages;
	return SQLITE_OK;
}

static int connect_db(struct reload_sqlite_file *f)
{
	int code = sqlite3_open_v2(
		f->path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
	if (code)
		return code;
	sqlite3_extended_result_codes(f->db, 1);
	sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	code = sqlite3_exec(f->db,
		"PRAGMA locking_mode = EXCLUSIVE;" /* and no shared memory, which a full disk would turn into SIGBUS */
		"PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL;"
		"PRAGMA cell_size_check = ON;"
		"PRAGMA temp_store = MEMORY;"
		"PRAGMA journal_size_limit = 16777216;",
		NULL, NULL, NULL);
	code = code ? code : reload_sqlite_chain_connect(f->db);
	sqlite3_wal_hook(f->db, on_log, f); /* in the place of automatic checkpoints */
	return code;
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

/* Runs the steps that the file lacks, all or none. */
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

/* Whether the file is a store of this overlay; a new one becomes it. */
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

int reload_sqlite_connect(struct reload_sqlite_file *f)
{
	int code = connect_db(f);
	return code ? code : reload_sqlite_prepare(f);
}

void reload_sqlite_disconnect(struct reload_sqlite_file *f)
{
	reload_sqlite_unprepare(f);
	sqlite3_close(f->db); /* it was the only one: the log goes into the file */
	f->db = NULL;
}

static enum reload_err not_ours(const struct reload_sqlite_file *f, struct reload_why *why,
	const char *fmt, const char *what)
{
	reload_why_set(why, RELOAD_FAILED, f->path, fmt, what);
	reload_why_hint(why, "--store-path DIR names another place");
	return RELOAD_FAILED;
}

/* One attempt; *code is of SQLite, RELOAD_OK with a code is damage. */
static enum reload_err open_once(struct reload_sqlite_file *f,
	const struct reload_sqlite_setup *setup, struct reload_storage *memory, struct found *found,
	int *code, struct reload_why *why)
{
	sqlite3_int64 version = 0, application = 0, tables = 0;
	char text[24];
	bool other = false;
	*code = connect_db(f);
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
		*code = read_all(f, memory, setup->id_len, found);
	if (!*code)
		*code = reload_sqlite_prepare(f);
	return *code && !is_damage(*code)
		       ? reload_sqlite_cannot(why, f->path, reload_sqlite_reason(*code))
		       : RELOAD_OK;
}

char *reload_sqlite_path(const char *a, const char *b)
{
	size_t len = strlen(a) + strlen(b) + 1;
	char *path = reload_alloc(len);
	snprintf(path, len, "%s%s", a, b);
	return path;
}

static enum reload_err move_aside(
	struct reload_sqlite_file *f, reload_utc now, char **to, struct reload_why *why)
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
	reload_why_set(why, RELOAD_IO, f->path,
		"the store is damaged and cannot be moved aside: %s", strerror(failed));
	reload_why_hint(why, "move %s elsewhere, or --store-path DIR", f->path);
	return RELOAD_IO;
}

/* Made before SQLite would make it, for nobody else to read. */
static enum reload_err touch(const struct reload_sqlite_file *f, struct reload_why *why)
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
	const char *words, size_t count)
{
	if (setup->on_event)
		setup->on_event(setup->arg, event, words, count);
}

static enum reload_err open_file(struct reload_sqlite_file *f,
	const struct reload_sqlite_setup *setup, struct reload_storage *memory,
	struct reload_why *why)
{
	static const struct reload_id all = { .len = 0 };
	for (int attempt = 0;; attempt++) {
		struct found found = { 0 };
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
	struct reload_why *why)
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
	const char *words;
	if (!f)
		return;
	bool there =
		!f->mark.number || reload_sqlite_file_there(f) || !reload_sqlite_renew(f, &words);
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

/* --- what else is asked of it -------------------------------------------------------------------------------------- */

bool reload_sqlite_file_there(struct reload_sqlite_file *f)
{
	if (!f->log_mark.number)
		f->log_mark = reload_file_mark(f->log);
	return reload_file_same(f->mark, f->path) &&
	       (!f->log_mark.number || reload_file_same(f->log_mark, f->log));
}

bool reload_sqlite_file_renewed(struct reload_sqlite_file *f)
{
	bool renewed = f->renewed;
	f->renewed = false;
	return renewed;
}

int reload_sqlite_file_pages(const struct reload_sqlite_file *f)
{
	return f->pages;
}

bool reload_sqlite_file_stuck(const struct reload_sqlite_file *f)
{
	return f->stuck;
}

/* What cannot be moved now stays in the log, and is tried again.  Where the disk is small the log gives back what it took of it. */
void reload_sqlite_file_tidy(struct reload_sqlite_file *f)
{
	int pages = 0, moved = 0;
	if (!f->db)
		return;
	bool small = reload_disk_free(f->path) / 8 < reload_file_size(f->log);
	int code = sqlite3_wal_checkpoint_v2(f->db, NULL,
		small ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
	f->stuck = code || moved < pages;
	if (!f->stuck)
		f->pages = 0;
}
