/*
 * Writing the log: one write for each commit.
 *
 * SQLite writes each page of a commit with two calls, a header of 24 bytes and the page, and then syncs the log: ten writes for five
 * pages.  This VFS uses the default one for every file; only writes to the log are collected in a buffer, as long as each begins where the
 * one before it ended.  The buffer is written when it is full, before the log is synced, and before any other call for the log, so that
 * after a sync the same bytes are on the disk as without it.
 *
 * When writing the buffer fails, the call that needed it returns the error; for a commit this is the sync, and SQLite rolls the commit back.
 */
#include "storage/sqlite_file_io.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	ROOM = 65536
};

struct log_file {
	struct sqlite3_file base;
	sqlite3_file *real;
	uint8_t *
		bytes; /* the buffer of ROOM bytes; NULL: no memory for it, each write goes to the file */
	int len;
	sqlite3_int64 at; /* where in the file the buffer belongs */
};

static sqlite3_vfs log_vfs, *default_vfs;
static const char *log_vfs_name;

static struct log_file *log_of(sqlite3_file *file)
{
	return (struct log_file *)file; /* base comes first */
}

/* Writes the buffer and empties it, also when that fails: SQLite rolls the commit back. */
static int flush(struct log_file *l)
{
	int len = l->len;
	l->len = 0;
	return len ? l->real->pMethods->xWrite(l->real, l->bytes, len, l->at) : SQLITE_OK;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	struct log_file *l = log_of(file);
	int code = SQLITE_OK;
	if (at != l->at + l->len || len > ROOM - l->len)
		code = flush(l);
	if (code)
		return code;
	if (!l->bytes || len > ROOM)
		return l->real->pMethods->xWrite(l->real, bytes, len, at);
	if (!l->len)
		l->at = at;
	memcpy(l->bytes + l->len, bytes, (size_t)len);
	l->len += len;
	return SQLITE_OK;
}

static int log_sync(sqlite3_file *file, int flags)
{
	struct log_file *l = log_of(file);
	int code = flush(l);
	return code ? code : l->real->pMethods->xSync(l->real, flags);
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
	struct log_file *l = log_of(file);
	int code = flush(l);
	return code ? code : l->real->pMethods->xRead(l->real, bytes, len, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct log_file *l = log_of(file);
	int code = flush(l);
	return code ? code : l->real->pMethods->xTruncate(l->real, size);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct log_file *l = log_of(file);
	int code = flush(l);
	return code ? code : l->real->pMethods->xFileSize(l->real, size);
}

static int log_close(sqlite3_file *file)
{
	struct log_file *l = log_of(file);
	int written = flush(l), code = l->real->pMethods->xClose(l->real);
	free(l->bytes);
	return code ? code : written;
}

static int log_lock(sqlite3_file *file, int level)
{
	return log_of(file)->real->pMethods->xLock(log_of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
	return log_of(file)->real->pMethods->xUnlock(log_of(file)->real, level);
}

static int log_reserved(sqlite3_file *file, int *out)
{
	return log_of(file)->real->pMethods->xCheckReservedLock(log_of(file)->real, out);
}

static int log_control(sqlite3_file *file, int what, void *arg)
{
	return log_of(file)->real->pMethods->xFileControl(log_of(file)->real, what, arg);
}

static int log_sector(sqlite3_file *file)
{
	return log_of(file)->real->pMethods->xSectorSize(log_of(file)->real);
}

static int log_device(sqlite3_file *file)
{
	return log_of(file)->real->pMethods->xDeviceCharacteristics(log_of(file)->real);
}

static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = log_lock,
	.xUnlock = log_unlock,
	.xCheckReservedLock = log_reserved,
	.xFileControl = log_control,
	.xSectorSize = log_sector,
	.xDeviceCharacteristics = log_device,
};

static int open_any(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
	(void)vfs;
	if (!(flags & SQLITE_OPEN_WAL))
		return default_vfs->xOpen(default_vfs, name, file, flags, got);
	struct log_file *l = log_of(file);
	*l = (struct log_file){ .real = (sqlite3_file *)(l + 1) };
	int code = default_vfs->xOpen(default_vfs, name, l->real, flags, got);
	if (code) /* base.pMethods stays NULL, by which SQLite knows that there is nothing to close */
		return code;
	l->bytes = malloc(ROOM);
	l->base.pMethods = &log_methods;
	return SQLITE_OK;
}

static void log_register(void)
{
	default_vfs = sqlite3_vfs_find(NULL);
	if (!default_vfs)
		return;
	log_vfs = *default_vfs; /* the default's functions are used for everything but xOpen() */
	log_vfs.zName = "reload";
	log_vfs.szOsFile = (int)sizeof(struct log_file) + default_vfs->szOsFile;
	log_vfs.xOpen = open_any;
	log_vfs.pNext = NULL;
	if (!sqlite3_vfs_register(&log_vfs, 0))
		log_vfs_name = log_vfs.zName;
}

const char *reload_sqlite_log_vfs(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, log_register);
	return log_vfs_name;
}
