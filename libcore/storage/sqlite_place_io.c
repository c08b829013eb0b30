/*
 * The place of a store: its directory, the lock there, and a new store.db that is put there.
 *
 * The log of the old store.db has to be removed before the new one is at its path, as SQLite would use it with the new one.
 * After a kill between the two steps the next start finds no store.db, but a complete store.db.whole:
 *
 *	store.db.new, written and synced --> store.db.whole --the log is removed--> store.db
 */
#include "storage/sqlite_file_io.h"

#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

char *reload_sqlite_path(const char *a, const char *b)
{
	size_t len = strlen(a) + strlen(b) + 1;
	char *path = reload_alloc(len);
	snprintf(path, len, "%s%s", a, b);
	return path;
}

enum reload_err reload_sqlite_cannot(
	struct reload_error_text *why, const char *path, const char *reason)
{
	reload_error_explain(why, RELOAD_IO, path, "the store cannot be opened: %s", reason);
	reload_error_advise(why, "--store-path DIR names another place");
	return RELOAD_IO;
}

/* The directory with its parents. */
static enum reload_err make_directory(const char *path, struct reload_error_text *why)
{
	char *copy = reload_strdup(path);
	int failed = 0;
	for (char *at = copy + 1; !failed && *at; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		failed = mkdir(copy, 0700) && errno != EEXIST && errno != EROFS ? errno : 0;
		*at = '/';
	}
	if (!failed && mkdir(copy, 0700) && errno != EEXIST)
		failed = errno;
	free(copy);
	return failed ? reload_sqlite_cannot(why, path, strerror(failed)) : RELOAD_OK;
}

static enum reload_err take_lock(
	struct reload_sqlite_file *f, const char *path, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0) {
		err = reload_sqlite_cannot(why, path, strerror(errno));
	} else if (flock(lock, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? RELOAD_EXISTS : RELOAD_IO;
		if (err == RELOAD_IO)
			err = reload_sqlite_cannot(why, path, strerror(errno));
		else
			reload_error_explain(
				why, err, f->directory, "another agent has this store");
		if (err == RELOAD_EXISTS)
			reload_error_advise(why, "--store-path DIR names another place");
		close(lock);
	} else {
		if (f->lock >= 0)
			close(f->lock);
		f->lock = lock;
		f->lock_mark = reload_file_mark(path);
	}
	return err;
}

enum reload_err reload_sqlite_place(struct reload_sqlite_file *f, struct reload_error_text *why)
{
	char *path = reload_sqlite_path(f->directory, "/store.lock");
	enum reload_err err = make_directory(f->directory, why);
	if (!err && !reload_file_same(f->lock_mark, path))
		err = take_lock(f, path, why);
	free(path);
	return err;
}

/* Moves the new file from its path beside store.db to store.db; returns 0 or an errno. */
static int whole_put(struct reload_sqlite_file *f, const char *whole)
{
	int directory = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), e = 0;
	if (directory < 0)
		return errno;
	if (fsync(directory) || (unlink(f->log) && errno != ENOENT) || rename(whole, f->path) ||
		fsync(directory))
		e = errno;
	close(directory);
	return e;
}

int reload_sqlite_put(struct reload_sqlite_file *f, const char *next)
{
	char *whole = reload_sqlite_path(f->path, ".whole");
	int e = rename(next, whole) ? errno : whole_put(f, whole);
	free(whole);
	return e;
}

enum reload_err reload_sqlite_put_end(struct reload_sqlite_file *f, struct reload_error_text *why)
{
	char *whole = reload_sqlite_path(f->path, ".whole");
	int e = 0;
	if (reload_file_mark(f->path).number)
		(void)unlink(whole); /* another store took its place: what it has is old */
	else if (reload_file_mark(whole).number)
		e = whole_put(f, whole);
	free(whole);
	return e ? reload_sqlite_cannot(why, f->path, strerror(e)) : RELOAD_OK;
}
