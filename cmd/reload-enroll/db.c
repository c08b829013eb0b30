#include "reload-enroll/db_backend.h"

#include "common/home.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct db {
	const struct db_backend *backend;
	void *handle;
	char *where;
	size_t changed;
	bool begun, busy;
	bool failed; /* since db_begin() or db_good() */
	char message[DB_MESSAGE];
};

bool db_is_server(const char *where)
{
	return !strncmp(where, "postgresql://", 13) || !strncmp(where, "postgres://", 11);
}

enum reload_err db_open(struct db **out, const char *where, struct reload_error_text *why)
{
	struct db *d = RELOAD_NEW(db);
	d->backend = db_is_server(where) ? &db_postgres : &db_sqlite;
	d->where = reload_strdup(where);
	d->handle = d->backend->open(where, d->message);
	enum reload_err err = d->handle ? RELOAD_OK : db_failed(d, why);
	if (err)
		db_close(d);
	else
		*out = d;
	return err;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	if (d->handle) {
		db_rollback(d);
		d->backend->close(d->handle);
	}
	free(d->where);
	free(d);
}

bool db_rows(struct db *d, const char *sql, const struct db_value *values, size_t count,
	bool (*row)(void *arg, const char *const *columns), void *arg)
{
	bool ok = d->backend->run(
		d->handle, sql, values, count, row, arg, &d->changed, d->message, &d->busy);
	d->failed |= !ok;
	return ok;
}

bool db_good(struct db *d)
{
	bool good = !d->failed;
	d->failed = false;
	return good;
}

bool db_run(struct db *d, const char *sql, const struct db_value *values, size_t count)
{
	return db_rows(d, sql, values, count, NULL, NULL);
}

size_t db_changed(const struct db *d)
{
	return d->changed;
}

bool db_lock(struct db *d, const char *key)
{
	return !d->backend->lock || db_run(d, d->backend->lock, DB(DB_TEXT(key)));
}

bool db_begin(struct db *d, const char *key)
{
	d->failed = false;
	d->begun = db_run(d, d->backend->begin, DB_NONE);
	if (!d->begun || db_lock(d, key))
		return d->begun;
	db_rollback(d);
	return false;
}

bool db_begin_read(struct db *d)
{
	d->failed = false;
	d->begun = db_run(d, d->backend->begin_read, DB_NONE);
	return d->begun;
}

bool db_commit(struct db *d)
{
	bool ok = !d->begun || (!d->failed && db_run(d, "COMMIT", DB_NONE));
	if (ok)
		d->begun = false;
	return ok;
}

void db_rollback(struct db *d)
{
	char message[DB_MESSAGE];
	bool busy = d->busy;
	if (!d->begun)
		return;
	memcpy(message, d->message, sizeof(message)); /* that of the failure stays */
	(void)db_run(d, "ROLLBACK", DB_NONE);
	memcpy(d->message, message, sizeof(message));
	d->busy = busy;
	d->begun = false;
}

const char *db_numbered(const struct db *d)
{
	return d->backend->numbered;
}

enum reload_err db_failed(const struct db *d, struct reload_error_text *why)
{
	char what[256];
	bool server = d->backend == &db_postgres;
	snprintf(what, sizeof(what), "the users in %.180s cannot be used",
		server ? d->where : cli_path_show(d->where));
	enum reload_err err = reload_error_explain(
		why, d->busy ? RELOAD_TIMEOUT : RELOAD_IO, what, "%s", d->message);
	if (server)
		reload_error_advise(why, "psql '%.200s' -c 'select 1'", d->where);
	else
		reload_error_advise(why,
			d->busy ? "fuser -v %s, or the same command again"
				: "df; ls -l %s: the disk, and the file's owner",
			cli_path_show(d->where));
	return err;
}
