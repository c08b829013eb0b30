/*
 * A storage that survives: what is held stands in ordered memory, and each change of it in an SQLite file as well.
 *
 * Reads come from memory and never wait for the disk.  They see a commit at once, so a Fetch may be answered with a value whose Store is not
 * acknowledged yet; should the disk then refuse it, it is gone again, as if its holder had stopped before it answered the
 * Store.  done is called when the change is durable, or with RELOAD_IO when it is not: then the batch, and every one that was
 * committed behind it and is not durable, is taken back from memory, the last one first.  What was dropped or has expired stays so and is
 * written when the disk takes it.
 *
 * The file is written by a thread of its own, many batches in one transaction.  It tells through notify() that something is
 * finished; done and tell are called from reload_storage_sqlite_complete(), _flush() and (tell) _open(), by the thread that
 * calls these and all operations.
 *
 * Limits: commits whose batches wait for the disk take at most 65536 records and 64 MiB; at the maximum a commit is refused with
 * RELOAD_DATA_TOO_LARGE.  While the disk refuses, 1024 drops are kept for later; at the maximum the oldest is forgotten, and what it dropped
 * is there again after a restart.
 */
#pragma once

#include "storage/storage.h"

/* What happened to the file; words and count with each. */
enum reload_storage_event {
	RELOAD_STORAGE_FAILED,       /* it cannot be written: words are the reason */
	RELOAD_STORAGE_RECOVERED,    /* it can again */
	RELOAD_STORAGE_RENEWED,      /* it was removed, and is there again with all values */
	RELOAD_STORAGE_DAMAGED_ROWS, /* count rows were damaged and are dropped */
	RELOAD_STORAGE_DAMAGED_FILE, /* it was moved to the path words, a new one is begun */
	RELOAD_STORAGE_LOADED        /* count values were read */
};

struct reload_sqlite_setup {
	const char *directory; /* made when missing; holds store.db and what belongs to it */
	const char *overlay;   /* its name: a store is that of one overlay */
	uint8_t id_len;        /* of Resource-IDs */
	size_t max_bytes; /* as reload_storage_memory_new(); what is held already may be more */
	reload_ms keep_generation_ms;
	reload_utc now;
	void (*notify)(
		void *arg); /* from the writing thread: complete soon; NULL: the caller flushes */
	void (*on_event)(
		void *arg, enum reload_storage_event event, const char *words, size_t count);
	void *arg;
};

/*
 * reload_storage_sqlite_open() opens the store of a directory, or begins one, and reads it; what has expired at now and
 * what is damaged is dropped.  A file that is damaged as a whole is moved aside.  Fails with why and what may help: RELOAD_EXISTS (another
 * process has it), RELOAD_IO (no permission, no space, cannot be moved), RELOAD_FAILED (of a newer version, of another overlay or program).
 */
enum reload_err reload_storage_sqlite_open(struct reload_storage **out,
	const struct reload_sqlite_setup *setup, struct reload_why *why) MUST_CHECK;

/*
 * reload_storage_sqlite_complete() calls done of all that is finished; reload_storage_sqlite_flush() waits until everything
 * is, first.  Both only for a storage of reload_storage_sqlite_open(), outside of its callbacks.  reload_storage_free() waits for the
 * disk as well, but calls nothing back.
 */
void reload_storage_sqlite_complete(struct reload_storage *s);
void reload_storage_sqlite_flush(struct reload_storage *s);
