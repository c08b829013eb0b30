/* Stored values and counters as rows of a file: the columns, and the checksum by which a damaged row is found. */
#pragma once

#include "storage/storage.h"

enum {
	RELOAD_ROW_CHECK = 16 /* of a SHA-256 */
};

/*
 * One value.  The spans of a row from reload_row_make() point into its bytes, or for equal certificates into those of the row before; the
 * spans of a row that was read from the file belong to the reader.
 */
struct reload_row {
	struct reload_id resource;
	uint32_t kind, index;
	uint8_t model;
	struct span key;
	uint64_t generation;          /* of the counter when the value was stored */
	reload_utc received, expires; /* expires: at most INT64_MAX, as SQLite compares it */
	struct span data;             /* StoredData */
	struct span certificates;
	uint8_t check[RELOAD_ROW_CHECK];
	uint8_t *bytes; /* owned: what the spans point to; NULL in a row that was read */
};

/* A generation counter; its last value expires, or did, at ends. */
struct reload_counter_row {
	struct reload_id resource;
	uint32_t kind;
	uint64_t generation;
	reload_utc ends; /* at most INT64_MAX */
	uint8_t check[RELOAD_ROW_CHECK];
};

/*
 * reload_row_make() fills row from an entry (copied); an entry that the wire cannot carry fails as its encoder does.  before (NULL: none)
 * is a row that lives as long: equal certificates are not copied but borrowed from it.
 */
enum reload_err reload_row_make(struct reload_row *row, const struct reload_id *resource,
	uint32_t kind, uint64_t generation, const struct reload_stored_entry *e,
	const struct reload_row *before) MUST_CHECK;

/* reload_row_clear() frees what reload_row_make() filled in. */
void reload_row_clear(struct reload_row *row);

/*
 * reload_row_read() fills in the entry of a row, which borrows the row's spans; RELOAD_BAD_VALUE when the checksum is
 * another one or the columns contradict each other.
 */
enum reload_err reload_row_read(
	struct reload_stored_entry *out, const struct reload_row *row) MUST_CHECK;

/*
 * reload_counter_row_finish() clamps ends to INT64_MAX and fills in the checksum; reload_counter_row_intact() returns whether the checksum
 * is right.
 */
void reload_counter_row_finish(struct reload_counter_row *row);
bool reload_counter_row_intact(const struct reload_counter_row *row);
