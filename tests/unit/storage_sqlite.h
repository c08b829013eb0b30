/* Tests of a store on the disk: its directory, what it reported, and its file when nobody has it open. */
#pragma once

#include "storage_entry.h"
#include "storage_scratch.h"

#include "storage/sqlite_io.h"

#include <sqlite3.h>
#include <stdio.h>

/* A directory of its own for each store; all go at the end. */
static char directory[128];
static unsigned made;

struct storage_events {
	unsigned count[RELOAD_STORAGE_LOADED + 1];
	size_t rows, loaded;
	char words[512];
};

static inline void on_event(
	void *arg, enum reload_storage_event what, const char *words, size_t count)
{
	struct storage_events *n = arg;
	n->count[what]++;
	if (what == RELOAD_STORAGE_DAMAGED_ROWS)
		n->rows += count;
	if (what == RELOAD_STORAGE_LOADED)
		n->loaded = count;
	else if (words)
		snprintf(n->words, sizeof(n->words), "%s", words);
}

static struct storage_events events;

static inline struct reload_sqlite_setup setup_of(size_t max_bytes, reload_utc now)
{
	return (struct reload_sqlite_setup){ .directory = directory,
		.overlay = "overlay.example.org",
		.id_len = 16,
		.max_bytes = max_bytes,
		.keep_generation_ms = KEEP_MS,
		.now = now,
		.on_event = on_event,
		.arg = &events };
}

static inline struct reload_storage *open_at(size_t max_bytes, reload_utc now)
{
	struct reload_storage *s = NULL;
	struct reload_error_text why = { 0 };
	struct reload_sqlite_setup setup = setup_of(max_bytes, now);
	memset(&events, 0, sizeof(events));
	if (reload_storage_sqlite_open(&s, &setup, &why))
		fail_msg("%s: %s", why.what, why.reason);
	return s;
}

static inline void fresh(void)
{
	snprintf(directory, sizeof(directory), "%s/%u/store", root, made++);
}

static inline const char *path_of(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* The number that a query of the file gives, which nobody has open. */
static inline long long ask(const char *query)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(path_of("store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	long long n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static inline void change_file(const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of("store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}
