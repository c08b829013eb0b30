/*
 * Writes the files again when they are no longer at their paths:
 *
 *	store.db is there, its log was removed    -> the log goes into store.db, and another one is begun
 *	store.db was removed, or its directory    -> a copy of the open file, which has no name any more, is put there
 *	another file is at one of the two paths   -> refused: it belongs to somebody
 *
 * SQLite still reads a file that was removed, and everything that was acknowledged is in it.
 */
#include "storage/sqlite_file_io.h"

#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum reload_err failed(const char **reason, const char *why)
{
	*reason = why;
	return RELOAD_IO;
}

static bool foreign(struct reload_file_mark mark, const char *path)
{
	return reload_file_mark(path).number && !reload_file_same(mark, path);
}

static int copy_to(struct reload_sqlite_file *f, const char *path)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(f->db, "VACUUM INTO ?1", -1, &st, NULL);
	if (!code) {
		sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
		code = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK
						       : sqlite3_extended_errcode(f->db);
	}
	sqlite3_finalize(st);
	return code;
}

static enum reload_err copy(struct reload_sqlite_file *f, const char **reason)
{
	if (!f->db)
		return failed(reason, "store.db was removed again while it was made anew");
	char *next = reload_sqlite_path(f->path, ".new");
	enum reload_err err = RELOAD_OK;
	(void)unlink(next); /* left by an attempt that a kill ended */
	int fd = open(next, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), e = 0;
	if (fd < 0) {
		err = failed(reason, strerror(errno));
	} else {
		int code = copy_to(f, next);
		if (!code && fsync(fd))
			e = errno;
		close(fd);
		if (code)
			err = failed(reason, reload_sqlite_reason(code));
		else if (e || (e = reload_sqlite_put(f, next)))
			err = failed(reason, strerror(e));
		if (err)
			(void)unlink(next);
	}
	free(next);
	return err;
}

/* Moves everything that is in the removed log into store.db. */
static enum reload_err log_into_file(struct reload_sqlite_file *f, const char **reason)
{
	reload_sqlite_file_tidy(f);
	return f->stuck ? failed(reason, "the log was removed and cannot go into store.db")
			: RELOAD_OK;
}

static enum reload_err reopen(struct reload_sqlite_file *f, const char **reason)
{
	if (f->db) /* SQLite would remove the log at its path even if it belongs to another store */
		sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	reload_sqlite_disconnect(f);
	f->mark = reload_file_mark(f->path);
	int code = reload_sqlite_connect(f);
	if (code) {
		reload_sqlite_disconnect(f);
		return failed(reason, reload_sqlite_reason(code));
	}
	f->log_mark = reload_file_mark(f->log);
	f->size = reload_file_size(f->path);
	f->pages = 0;
	f->stuck = false;
	f->renewed = true;
	return RELOAD_OK;
}

enum reload_err reload_sqlite_renew(struct reload_sqlite_file *f, const char **reason)
{
	static const char other[] = "another file is where store.db or its log was: move it away, "
				    "and the store is written there again";
	struct reload_error_text why = { 0 };
	if (foreign(f->mark, f->path) || foreign(f->log_mark, f->log))
		return failed(reason, other);
	enum reload_err err = reload_sqlite_place(f, &why);
	if (err == RELOAD_EXISTS)
		return failed(reason, "another agent has taken the directory of the store");
	if (err)
		return failed(reason, "the directory of the store was removed and cannot be made");
	if (!reload_file_mark(f->path).number)
		err = copy(f, reason);
	else if (f->db)
		err = log_into_file(f, reason);
	return err ? err : reopen(f, reason);
}
