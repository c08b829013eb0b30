/*
 * The file of the durable storage, for those that work on it, each of which uses only those above it:
 *
 *	sqlite_place_io.c	the directory, the lock there, and a new store.db that is put there
 *	sqlite_change_io.c	the statements
 *	sqlite_log_io.c		the log, one write for each commit
 *	sqlite_database_io.c	the connection, and when the log goes into store.db
 *	sqlite_read_io.c	rows into memory
 *	sqlite_renew_io.c	files that were removed
 *	sqlite_write_io.c	a group of changes in one transaction
 *	sqlite_file_io.c	opening all of it
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
	RELOAD_SQLITE_DROP_VALUES_ROUND, /* the range goes over zero, or is the whole ring */
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
	sqlite3 *db; /* NULL: renewing it failed half way, and is tried again */
	sqlite3_stmt *statements[RELOAD_SQLITE_STATEMENTS];
	char *directory, *path, *log;
	struct reload_file_mark mark,
		log_mark; /* the files that were opened; log_mark zero: none so far */
	struct reload_file_mark lock_mark;
	uint64_t size; /* of store.db, when the files were last looked for */
	int lock;      /* descriptor, -1: none */
	int pages;     /* in the log */
	bool stuck;    /* the log could not go into the file */
	bool renewed;  /* since reload_sqlite_file_renewed() was asked */
	reload_ms keep_ms;
};

/* reload_sqlite_path() returns a followed by b (owned). */
char *reload_sqlite_path(const char *a, const char *b);

/* reload_sqlite_reason() returns the words for a code of SQLite (static). */
const char *reload_sqlite_reason(int code);

/* reload_sqlite_cannot() sets why: the store at path cannot be opened, for the reason in words.  Returns RELOAD_IO. */
enum reload_err reload_sqlite_cannot(struct reload_why *why, const char *path, const char *words);

/* reload_sqlite_place() makes the directory and takes the lock there, as far as either is missing; fails as a start does. */
enum reload_err reload_sqlite_place(
	struct reload_sqlite_file *f, struct reload_why *why) MUST_CHECK;

/*
 * reload_sqlite_put() moves the file at next, which is a whole store and on the disk, to where store.db was, and removes the log of that.
 * Returns 0 or an errno.  reload_sqlite_put_end() does at a start what of this a kill has left; RELOAD_IO, with why.
 */
int reload_sqlite_put(struct reload_sqlite_file *f, const char *next) MUST_CHECK;
enum reload_err reload_sqlite_put_end(
	struct reload_sqlite_file *f, struct reload_why *why) MUST_CHECK;

/*
 * reload_sqlite_log_vfs() returns the name of the VFS that writes the log in one piece for each commit (static); NULL, which is SQLite's
 * own, when it cannot be had.
 */
const char *reload_sqlite_log_vfs(void);

/* reload_sqlite_open() opens the database at f->path for writing, but prepares no statements; a code of SQLite. */
int reload_sqlite_open(struct reload_sqlite_file *f) MUST_CHECK;

/* reload_sqlite_connect() opens the database with its statements; a code of SQLite.  reload_sqlite_disconnect() ends both. */
int reload_sqlite_connect(struct reload_sqlite_file *f) MUST_CHECK;
void reload_sqlite_disconnect(struct reload_sqlite_file *f);

/* reload_sqlite_number() takes the one number that a query asks for; a code of SQLite. */
int reload_sqlite_number(
	struct reload_sqlite_file *f, const char *text, sqlite3_int64 *out) MUST_CHECK;

/* What reload_sqlite_read() found to be damaged, and how many values are held. */
struct reload_sqlite_found {
	size_t damaged, values;
};

/* reload_sqlite_read() reads all rows into memory, and deletes those that are damaged; a code of SQLite. */
int reload_sqlite_read(struct reload_sqlite_file *f, struct reload_storage *memory, uint8_t id_len,
	struct reload_sqlite_found *found) MUST_CHECK;

/*
 * reload_sqlite_prepare() makes the statements that write to the open database, reload_sqlite_unprepare() frees them.
 * reload_sqlite_run() runs one of them to its end.  Codes of SQLite.
 */
int reload_sqlite_prepare(struct reload_sqlite_file *f) MUST_CHECK;
void reload_sqlite_unprepare(struct reload_sqlite_file *f);
int reload_sqlite_run(struct reload_sqlite_file *f, enum reload_sqlite_statement which);

/*
 * reload_sqlite_write_change() writes what a change puts or drops.  reload_sqlite_write_expiry() removes what has expired at now, once
 * for all changes of a transaction.  Codes of SQLite.
 */
int reload_sqlite_write_change(
	struct reload_sqlite_file *f, const struct reload_change *c) MUST_CHECK;
int reload_sqlite_write_expiry(struct reload_sqlite_file *f, reload_utc now) MUST_CHECK;

/*
 * reload_sqlite_renew() brings what was made durable back to the paths of the files, one of which is not there any more.
 * RELOAD_IO, *words tell why: another file is there, or the place cannot be written.
 */
enum reload_err reload_sqlite_renew(struct reload_sqlite_file *f, const char **words) MUST_CHECK;
