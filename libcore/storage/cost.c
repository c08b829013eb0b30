#include "storage/cost.h"

enum {
	/* of the allocator: a word before each block, blocks in steps of 16 bytes, whole pages for large ones */
	WORD = sizeof(size_t),
	BLOCK = 16,
	PAGES_FROM = 128 * 1024,
	/* of the file: pages, and what fits beside the head of one (a row, an entry of an index) before it goes to pages of its own */
	PAGE = 4096,
	PAGE_ROOM = 4061,
	INDEX_ROOM = 1002,
	OVERFLOW_ROOM = 4092,
	HERE_WITH_OVERFLOW = 489,
	/* of rows: the columns that have one size, with what gives the sizes */
	VALUE_COLUMNS = 104,
	VALUE_HEAD = 64, /* StoredData but for what varies */
	PLACE_COLUMNS = 48,
	NUMBER_INDEX = 18,
	COUNTER_COLUMNS = 72,
	CHAIN_COLUMNS = 48,
	NUMBER_INDEXES_OF_VALUE = 3 /* by expiry, Kind, chain */
};

size_t reload_cost_memory(size_t size)
{
	size_t unit = size >= PAGES_FROM ? PAGE : BLOCK;
	return (size + WORD + unit - 1) / unit * unit;
}

static size_t overflow(size_t size)
{
	return HERE_WITH_OVERFLOW + (size / OVERFLOW_ROOM + 1) * PAGE;
}

/* A page holds as many as fit into it. */
static size_t row(size_t size)
{
	return size > PAGE_ROOM ? overflow(size) : PAGE / (PAGE_ROOM / size);
}

/* SQLite keeps the pages of an index at least half full. */
static size_t index_entry(size_t size)
{
	return size > INDEX_ROOM ? overflow(size) + HERE_WITH_OVERFLOW : 2 * size;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t reload_cost_entry(size_t size, const struct reload_stored_entry *e)
{
	const struct reload_stored_data *d = &e->data;
	size_t key = d->value.key.len;
	size_t data = VALUE_HEAD + key + d->value.value.len + d->signature.identity_bytes.len +
		      d->signature.value.len;
	size_t file = row(VALUE_COLUMNS + key + data) + index_entry(PLACE_COLUMNS + key) +
		      NUMBER_INDEXES_OF_VALUE * index_entry(NUMBER_INDEX);
	return larger(reload_cost_memory(size), file);
}

size_t reload_cost_kind(size_t size)
{
	size_t file =
		row(COUNTER_COLUMNS) + index_entry(PLACE_COLUMNS) + 2 * index_entry(NUMBER_INDEX);
	return larger(reload_cost_memory(size), file);
}

size_t reload_cost_chain(size_t size, size_t len)
{
	size_t file = row(CHAIN_COLUMNS + len) + index_entry(CHAIN_COLUMNS);
	return larger(reload_cost_memory(size + len), file);
}
