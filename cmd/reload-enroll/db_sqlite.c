#include "reload-enroll/db_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	BUSY_MS = 5000,
	COLUMNS_MAX = 16
};

/*
 * SQLite would make the file with the mode that the umask leaves.  One that is there is not opened here: closing it would take the locks of
 * all other handles of this process away.
 */
static bool make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 ? !close(fd) : errno == EEXIST;
}

static void *open_file(const char *path, char message[DB_MESSAGE])
{
	sqlite3 *db = NULL;
	if (!make_file(path)) {
		snprintf(message, DB_MESSAGE, "%s", strerror(errno));
		return NULL;
	}
	if (sqlite3_open(path, &db) == SQLITE_OK &&
		sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
		sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL,
			NULL) == SQLITE_OK)
		return db;
	snprintf(message, DB_MESSAGE, "%s", db ? sqlite3_errmsg(db) : "there is no memory");
	sqlite3_close(db);
	return NULL;
}

static void close_file(void *handle)
{
	sqlite3_close(handle);
}

static void bind(sqlite3_stmt *s, const struct db_value *values, size_t count)
{
	char name[24];
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "$%zu", i + 1);
		int at = sqlite3_bind_parameter_index(s, name);
		if (values[i].is_number)
			sqlite3_bind_int64(s, at, values[i].number);
		else
			sqlite3_bind_text(s, at, values[i].text, -1, SQLITE_STATIC);
	}
}

static bool give(sqlite3_stmt *s, bool (*row)(void *arg, const char *const *columns), void *arg)
{
	const char *columns[COLUMNS_MAX] = { NULL };
	int count = sqlite3_column_count(s);
	for (int i = 0; i < count && i < COLUMNS_MAX; i++)
		columns[i] = (const char *)sqlite3_column_text(s, i);
	return row(arg, columns);
}

static bool run(void *handle, const char *sql, const struct db_value *values, size_t count,
	bool (*row)(void *arg, const char *const *columns), void *arg, size_t *changed,
	char message[DB_MESSAGE], bool *busy)
{
	sqlite3 *db = handle;
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
	if (code == SQLITE_OK) {
		bind(s, values, count);
		while ((code = sqlite3_step(s)) == SQLITE_ROW && (!row || give(s, row, arg)))
			;
	}
	bool ok = code == SQLITE_DONE || code == SQLITE_ROW;
	*changed = ok ? (size_t)sqlite3_changes(db) : 0;
	*busy = code == SQLITE_BUSY;
	if (!ok)
		snprintf(message, DB_MESSAGE, "%s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return ok;
}

const struct db_backend db_sqlite = {
	.numbered = "INTEGER PRIMARY KEY",
	.open = open_file,
	.close = close_file,
	.run = run,
	.begin = "BEGIN IMMEDIATE",
	.begin_read = "BEGIN",
};
