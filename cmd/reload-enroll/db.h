/*
 * One SQL for two databases: SQLite in a file, and PostgreSQL on a server, where several enrollment servers share it.  A statement has
 * parameters $1, $2, ...  Calls wait for the database: they are for threads that may wait, and one handle is for one thread.
 */
#pragma once

#include "util/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

/* A parameter: text (NULL is legal), or a number. */
struct db_value {
	const char *text;
	int64_t number;
	bool is_number;
};
#define DB_TEXT(t)   ((struct db_value){ .text = (t) })
#define DB_NUMBER(n) ((struct db_value){ .number = (int64_t)(n), .is_number = true })
#define DB(...)                                                                                    \
	((const struct db_value[]){ __VA_ARGS__ }),                                                \
		(sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value))
#define DB_NONE NULL, 0

/* db_is_server() returns whether where is a URL of PostgreSQL ("postgresql://...") rather than the path of a file. */
bool db_is_server(const char *where);

/*
 * db_open() connects to the server of a URL, or opens a file, which is made with mode 0600 when it is missing.  RELOAD_IO with why.
 * db_close() ends it, and undoes what was begun; NULL is legal.
 */
enum reload_err db_open(
	struct db **out, const char *where, struct reload_error_text *why) MUST_CHECK;
void db_close(struct db *db);

/*
 * db_run() runs a statement; db_changed() is how many rows it has changed.  db_rows() calls row(arg, columns) for each row, whose columns are
 * text, NULL for none, until that returns false.  Both return false on failure.
 */
bool db_run(struct db *db, const char *sql, const struct db_value *values, size_t count);
size_t db_changed(const struct db *db);
bool db_rows(struct db *db, const char *sql, const struct db_value *values, size_t count,
	bool (*row)(void *arg, const char *const *columns), void *arg);

/*
 * db_begin() begins a transaction and waits for others that were begun with the same key; db_lock() waits for those with a further key.
 * db_commit() and db_rollback() end it, and do nothing when none was begun; db_commit() fails when any statement in between has.
 */
bool db_begin(struct db *db, const char *key);
bool db_begin_read(struct db *db); /* all is read as it was at one time; waits for nobody */
bool db_lock(struct db *db, const char *key);
bool db_commit(struct db *db);
void db_rollback(struct db *db);

/* db_good() returns whether nothing has failed since db_begin() or the last call of db_good(): a read that failed looks like no row. */
bool db_good(struct db *db);

/* db_failed() explains the last failure: RELOAD_TIMEOUT when others kept the database locked, else RELOAD_IO. */
enum reload_err db_failed(const struct db *db, struct reload_error_text *why);

/* db_numbered() is the SQL of a column that numbers the rows. */
const char *db_numbered(const struct db *db);
