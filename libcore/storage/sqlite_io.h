/*
 * A storage that survives a restart: all values are in ordered memory, and each change is written to an SQLite file as well.
 *
 * Reads come from memory and never wait for the disk.  They see a commit at once, so that a Fetch may return a value whose Store is not
 * acknowledged yet.  If the disk then refuses it the value disappears, as if this peer had stopped before it answered the Store.
 * done is called when the change is durable, or with RELOAD_IO when it cannot be written: then the batch and all later ones that are
 * not durable are undone in memory, the last one first.  Drops and expiries are not undone; they are written when the disk allows it.
 *
 * A thread of its own writes the file, many batches in one transaction.  It calls notify() when something is
 * finished; done and on_event are called from reload_storage_sqlite_complete(), _flush() and (on_event) _open(), by the thread that
 * calls these and all operations.
 *
 * Limits: commits whose batches wait for the disk take at most 65536 records and 64 MiB; at the maximum a commit is refused with
 * RELOAD_DATA_TOO_LARGE.  While the disk refuses, 1024 drops wait to be written; beyond that the oldest is forgotten, and the values it
 * dropped are back after a restart.
 */
#pragma once

#include "storage/storage.h"

/* What happened to the file, with the meaning of detail and count. */
enum reload_storage_event {
	RELOAD_STORAGE_FAILED,       /* it cannot be written; detail: the reason */
	RELOAD_STORAGE_RECOVERED,    /* it can again */
	RELOAD_STORAGE_RENEWED,      /* it had been removed and was written again with all values */
	RELOAD_STORAGE_DAMAGED_ROWS, /* count rows were damaged and were deleted */
	RELOAD_STORAGE_DAMAGED_FILE, /* it was moved to the path in detail, and a new file was begun */
	RELOAD_STORAGE_LOADED        /* count values were read */
};

struct reload_sqlite_setup {
	const char *directory; /* made when missing; holds store.db and what belongs to it */
	const char *overlay;   /* its name: a store belongs to one overlay */
	uint8_t id_len;        /* of Resource-IDs */
	size_t max_bytes; /* as reload_storage_memory_new(); values read from the file may exceed it */
	reload_ms keep_generation_ms;
	reload_utc now;
	void (*notify)(
		void *arg); /* by the writing thread: call reload_storage_sqlite_complete() soon; NULL: the caller flushes */
	void (*on_event)(
		void *arg, enum reload_storage_event event, const char *detail, size_t count);
	void *arg;
};

/*
 * reload_storage_sqlite_open() opens the store of a directory, or begins one, and reads it; values that have expired at now and
 * damaged rows are deleted.  A file that is damaged as a whole is moved aside.  Fails with why and a hint: RELOAD_EXISTS (another
 * process has it), RELOAD_IO (no permission, no space, cannot be moved), RELOAD_FAILED (of a newer version, of another overlay or program).
 */
enum reload_err reload_storage_sqlite_open(struct reload_storage **out,
	const struct reload_sqlite_setup *setup, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_storage_sqlite_complete() calls done of all finished commits; reload_storage_sqlite_flush() first waits until
 * all are finished.  Both only for a storage of reload_storage_sqlite_open(), outside of its callbacks.  reload_storage_free() waits for the
 * disk as well, but calls nothing back.
 */
void reload_storage_sqlite_complete(struct reload_storage *s);
void reload_storage_sqlite_flush(struct reload_storage *s);
