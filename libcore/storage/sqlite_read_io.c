/*
 * Reading: every row of the file into memory, when the store is opened.
 *
 * A row carries a checksum over all of its columns; a row with a wrong one is deleted and reported.  Unsigned numbers are
 * stored bit by bit as signed ones; times that SQLite compares are clamped to INT64_MAX.
 */
#include "storage/sqlite_file_io.h"

static struct span column_span(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at);
	int len = sqlite3_column_bytes(st, at);
	return p && len > 0 ? span_of(p, (size_t)len) : (struct span){ NULL, 0 };
}

static bool read_counter(struct reload_storage *memory, uint8_t id_len, sqlite3_stmt *st)
{
	struct reload_counter_row row = { .kind = (uint32_t)sqlite3_column_int64(st, 2),
		.generation = (uint64_t)sqlite3_column_int64(st, 3),
		.ends = (uint64_t)sqlite3_column_int64(st, 4) };
	struct span resource = column_span(st, 1), check = column_span(st, 5);
	if (resource.len != id_len || reload_id_from(&row.resource, resource) ||
		check.len != sizeof(row.check))
		return false;
	memcpy(row.check, check.at, check.len);
	if (!reload_counter_row_intact(&row))
		return false;
	reload_memory_load_counter(memory, &row.resource, row.kind, row.generation, row.ends);
	return true;
}

static bool read_value(struct reload_storage *memory, uint8_t id_len, sqlite3_stmt *st)
{
	struct reload_row row = { .kind = (uint32_t)sqlite3_column_int64(st, 2),
		.model = (uint8_t)sqlite3_column_int(st, 3),
		.index = (uint32_t)sqlite3_column_int64(st, 4),
		.key = column_span(st, 5),
		.generation = (uint64_t)sqlite3_column_int64(st, 6),
		.received = (uint64_t)sqlite3_column_int64(st, 7),
		.expires = (uint64_t)sqlite3_column_int64(st, 8),
		.data = column_span(st, 9),
		.certificates = column_span(st, 10) };
	struct span resource = column_span(st, 1), check = column_span(st, 11);
	struct reload_stored_entry entry;
	if (resource.len != id_len || reload_id_from(&row.resource, resource) ||
		check.len != sizeof(row.check))
		return false;
	memcpy(row.check, check.at, check.len);
	if (reload_row_read(&entry, &row))
		return false;
	reload_memory_load(memory, &row.resource, row.kind, row.generation, &entry);
	return true;
}

/* Reads a table row by row; damaged rows are skipped, and deleted if the disk allows it. */
static int read_table(struct reload_sqlite_file *f, const char *text, const char *delete_text,
	bool (*take)(struct reload_storage *memory, uint8_t id_len, sqlite3_stmt *st),
	struct reload_storage *memory, uint8_t id_len, size_t *good, size_t *bad)
{
	sqlite3_stmt *st = NULL, *drop = NULL;
	int code = sqlite3_prepare_v2(f->db, text, -1, &st, NULL);
	if (!code)
		code = sqlite3_prepare_v2(f->db, delete_text, -1, &drop, NULL);
	while (!code && (code = sqlite3_step(st)) == SQLITE_ROW) {
		code = SQLITE_OK;
		if (take(memory, id_len, st)) {
			++*good;
			continue;
		}
		++*bad;
		sqlite3_bind_int64(drop, 1, sqlite3_column_int64(st, 0));
		(void)sqlite3_step(
			drop); /* fails on a full disk: the row is found again at the next start */
		sqlite3_reset(drop);
	}
	sqlite3_finalize(st);
	sqlite3_finalize(drop);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Counters last: the generation in a value only counts where there is no row for the counter. */
int reload_sqlite_read(struct reload_sqlite_file *f, struct reload_storage *memory, uint8_t id_len,
	struct reload_sqlite_found *found)
{
	size_t counters = 0;
	int code = read_table(f,
		"SELECT value.id, resource, kind, model, place, key, generation, received, expires,"
		" data, certificates, checksum FROM value LEFT JOIN chain ON chain.id = chain"
		" ORDER BY value.id",
		"DELETE FROM value WHERE id = ?1", read_value, memory, id_len, &found->values,
		&found->damaged);
	if (!code)
		code = read_table(f,
			"SELECT id, resource, kind, generation, ends, checksum FROM counter ORDER "
			"BY id",
			"DELETE FROM counter WHERE id = ?1", read_counter, memory, id_len,
			&counters, &found->damaged);
	return code;
}
