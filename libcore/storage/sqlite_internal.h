/* Between the queue of changes (sqlite_io.c, sqlite_writer_io.c) and the file (sqlite_file_io.c, sqlite_write_io.c). */
#pragma once

#include "storage/internal.h"
#include "storage/row.h"
#include "storage/sqlite_io.h"

enum reload_change_type {
	RELOAD_CHANGE_PUT,
	RELOAD_CHANGE_DROP_RANGE,
	RELOAD_CHANGE_DROP_KIND,
	RELOAD_CHANGE_EXPIRE
};

/* One operation of the storage on its way to the file (owned by one queue at a time). */
struct reload_change {
	struct reload_change *next;
	enum reload_change_type type;
	struct reload_id from, to; /* drop */
	uint32_t kind;             /* drop */
	reload_utc now;            /* put, expire */
	struct reload_row *rows;   /* put */
	struct reload_counter_row *counters;
	size_t rows_count, counters_count, bytes;
	struct reload_memory_undo *undo; /* put */
	reload_committed_fn done;
	void *arg;
	enum reload_err err;
};

struct reload_sqlite_file;

/*
 * reload_sqlite_file_open() opens, checks and reads the file of setup into memory, which is empty; fails as
 * reload_storage_sqlite_open().
 */
enum reload_err reload_sqlite_file_open(struct reload_sqlite_file **out,
	const struct reload_sqlite_setup *setup, struct reload_storage *memory,
	struct reload_error_text *why) MUST_CHECK;
void reload_sqlite_file_free(struct reload_sqlite_file *f);

/* reload_sqlite_file_renewed() returns whether the files were removed and written again since the last call. */
bool reload_sqlite_file_renewed(struct reload_sqlite_file *f);

/*
 * reload_sqlite_file_write() makes a list of changes durable, all or none; with an empty list it tries whether anything
 * can be written.  Files that were removed are written again.  RELOAD_IO; *reason (static) is the reason.
 */
enum reload_err reload_sqlite_file_write(struct reload_sqlite_file *f,
	const struct reload_change *first, const char **reason) MUST_CHECK;

/* reload_sqlite_file_there() returns whether the open files are still those at their paths. */
bool reload_sqlite_file_there(struct reload_sqlite_file *f);

/*
 * reload_sqlite_file_stuck() returns whether the last attempt to move the log into the file failed.  reload_sqlite_file_pages() returns how
 * many pages the log holds; reload_sqlite_file_tidy() moves them into the file.
 */
bool reload_sqlite_file_stuck(const struct reload_sqlite_file *f);
int reload_sqlite_file_pages(const struct reload_sqlite_file *f);
void reload_sqlite_file_tidy(struct reload_sqlite_file *f);
