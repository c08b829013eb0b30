/*
 * A storage before another one: it does something of its own when values are stored or dropped, and reads from the storage within it.
 */
#pragma once

#include "storage/storage.h"

struct reload_storage_front {
	struct reload_storage base; /* the first member, since a pointer to it leads here */
	struct reload_storage *within;
};

/* The reading operations of struct reload_storage_ops, each that of the storage within: for the initializer of a table. */
#define RELOAD_FRONT_READS                                                                         \
	.generation = reload_front_generation, .each = reload_front_each,                          \
	.range = reload_front_range, .extent = reload_front_extent, .find = reload_front_find,     \
	.ended = reload_front_ended, .next = reload_front_next, .kinds = reload_front_kinds,       \
	.count = reload_front_count, .totals = reload_front_totals

/*
 * The functions of that table, each as the operation of its name of the storage within s: reload_front_generation(), reload_front_each(),
 * reload_front_range(), reload_front_extent(), reload_front_find(), reload_front_ended(), reload_front_next(), reload_front_kinds(),
 * reload_front_count() and reload_front_totals().
 */
uint64_t reload_front_generation(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind, reload_utc now);
void reload_front_each(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	reload_utc now, reload_entry_fn visit, void *arg);
void reload_front_range(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint32_t first, uint32_t last, reload_utc now, reload_entry_fn visit, void *arg);
size_t reload_front_extent(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, reload_utc now, uint32_t *last);
const struct reload_stored_entry *reload_front_find(struct reload_storage *s,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place,
	reload_utc now);
const struct reload_ended *reload_front_ended(struct reload_storage *s);
bool reload_front_next(struct reload_storage *s, const struct reload_id *from,
	const struct reload_id *to, uint32_t kind, reload_utc now, struct reload_id *out);
size_t reload_front_kinds(struct reload_storage *s, const struct reload_id *resource,
	reload_utc now, uint32_t *out, size_t max);
size_t reload_front_count(struct reload_storage *s, reload_utc now, size_t *values, size_t *bytes);
size_t reload_front_totals(struct reload_storage *s, struct reload_kind_total *out, size_t max);
