/*
 * What the files share that work on the file of a store.  Each of them calls only those above it:
 *
 *	sqlite_place_io.c	the directory, the lock there, and a new store.db that is put there
 *	sqlite_change_io.c	the statements
 *	sqlite_log_io.c		the log: one write for each commit
 *	sqlite_database_io.c	the connection, and the checkpoint that moves the log into store.db
 *	sqlite_read_io.c	reading all rows into memory
 *	sqlite_renew_io.c	writing files again that were removed
 *	sqlite_write_io.c	a group of changes in one transaction
 *	sqlite_file_io.c	opening and closing the store
 */
#pragma once

#include "storage/disk_io.h"
#include "storage/sqlite_internal.h"

#include <sqlite3.h>

enum reload_sqlite_statement {
	RELOAD_SQLITE_PUT_CHAIN,
	RELOAD_SQLITE_PUT_VALUE,
	RELOAD_SQLITE_PUT_COUNTER,
	RELOAD_SQLITE_DROP_VALUES,
	RELOAD_SQLITE_DROP_COUNTERS,
	RELOAD_SQLITE_DROP_VALUES_ROUND, /* the range wraps around zero, or is the whole ring */
	RELOAD_SQLITE_DROP_COUNTERS_ROUND,
	RELOAD_SQLITE_DROP_VALUES_KIND,
	RELOAD_SQLITE_DROP_COUNTERS_KIND,
	RELOAD_SQLITE_EXPIRE_VALUES,
	RELOAD_SQLITE_EXPIRE_COUNTERS,
	RELOAD_SQLITE_TOUCH,
	RELOAD_SQLITE_BEGIN,
	RELOAD_SQLITE_COMMIT,
	RELOAD_SQLITE_ROLLBACK,
	RELOAD_SQLITE_STATEMENTS
};

struct reload_sqlite_file {
	sqlite3 *db; /* NULL: writing the files again failed half way and is tried again */
	sqlite3_stmt *statements[RELOAD_SQLITE_STATEMENTS];
	char *directory, *path, *log;
	struct reload_file_mark mark,
		log_mark; /* the files that were opened; log_mark zero: none so far */
	struct reload_file_mark lock_mark;
	uint64_t size; /* bytes of store.db at the last reload_sqlite_file_there() */
	int lock;      /* descriptor, -1: none */
	int pages;     /* in the log */
	bool stuck;    /* the log could not go into the file */
	bool renewed;  /* since the last reload_sqlite_file_renewed() */
	reload_ms keep_ms;
};

/* reload_sqlite_path() returns a followed by b (owned). */
char *reload_sqlite_path(const char *a, const char *b);

/* reload_sqlite_reason() returns the reason for a code of SQLite (static). */
const char *reload_sqlite_reason(int code);

/* reload_sqlite_cannot() sets why to "the store cannot be opened" with path and reason.  Returns RELOAD_IO. */
enum reload_err reload_sqlite_cannot(
	struct reload_error_text *why, const char *path, const char *reason);

/* reload_sqlite_place() makes the directory and takes the lock there, unless both are there; errors as reload_storage_sqlite_open(). */
enum reload_err reload_sqlite_place(
	struct reload_sqlite_file *f, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_sqlite_put() moves the file at next, a whole store that is synced to the disk, to the path of store.db and removes the log of the
 * old one.  Returns 0 or an errno.  reload_sqlite_put_end() finishes at a start what a kill interrupted; RELOAD_IO, with why.
 */
int reload_sqlite_put(struct reload_sqlite_file *f, const char *next) MUST_CHECK;
enum reload_err reload_sqlite_put_end(
	struct reload_sqlite_file *f, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_sqlite_log_vfs() registers, at the first call, the VFS that writes the log in one piece for each commit.  Returns its name
 * (static), or NULL, by which SQLite uses its own, when that failed.
 */
const char *reload_sqlite_log_vfs(void);

/* reload_sqlite_open() opens the database at f->path for writing, but prepares no statements; a code of SQLite. */
int reload_sqlite_open(struct reload_sqlite_file *f) MUST_CHECK;

/* reload_sqlite_connect() opens the database with its statements; a code of SQLite.  reload_sqlite_disconnect() ends both. */
int reload_sqlite_connect(struct reload_sqlite_file *f) MUST_CHECK;
void reload_sqlite_disconnect(struct reload_sqlite_file *f);

/* reload_sqlite_number() sets *out to the one number that a query returns; a code of SQLite. */
int reload_sqlite_number(
	struct reload_sqlite_file *f, const char *text, sqlite3_int64 *out) MUST_CHECK;

/* How many rows reload_sqlite_read() found damaged, and how many values it read. */
struct reload_sqlite_found {
	size_t damaged, values;
};

/* reload_sqlite_read() reads all rows into memory, and deletes those that are damaged; a code of SQLite. */
int reload_sqlite_read(struct reload_sqlite_file *f, struct reload_storage *memory, uint8_t id_len,
	struct reload_sqlite_found *found) MUST_CHECK;

/*
 * reload_sqlite_prepare() prepares the statements that write to the open database, reload_sqlite_unprepare() frees them.
 * reload_sqlite_run() runs one of them to its end.  Codes of SQLite.
 */
int reload_sqlite_prepare(struct reload_sqlite_file *f) MUST_CHECK;
void reload_sqlite_unprepare(struct reload_sqlite_file *f);
int reload_sqlite_run(struct reload_sqlite_file *f, enum reload_sqlite_statement which);

/*
 * reload_sqlite_write_change() writes the rows of a put, or deletes those of a drop; it does nothing for an expiry.
 * reload_sqlite_write_expiry() deletes everything that has expired at now; called once in a transaction.  Codes of SQLite.
 */
int reload_sqlite_write_change(
	struct reload_sqlite_file *f, const struct reload_change *c) MUST_CHECK;
int reload_sqlite_write_expiry(struct reload_sqlite_file *f, reload_utc now) MUST_CHECK;

/*
 * reload_sqlite_renew() writes all durable values to the paths of the files again, after one of them was removed.  RELOAD_IO; *reason is the
 * reason: another file is at the path, or the directory cannot be written.
 */
enum reload_err reload_sqlite_renew(struct reload_sqlite_file *f, const char **reason) MUST_CHECK;
