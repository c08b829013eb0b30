/* What the files of the storage room share. */
#pragma once

#include "storage/storage.h"

#include <stdlib.h>

/* reload_kinds_distinct() sorts kinds and returns whether none is there twice. */
bool reload_kinds_distinct(uint32_t *kinds, size_t count);

/* What a commit to memory changed, so that it can be taken back. */
struct reload_memory_undo;

/*
 * reload_memory_commit() is the commit of a storage of reload_storage_memory_new(); *undo (owned; undo NULL: not
 * wanted) gets what the commit replaced.  reload_memory_undo() undoes the commit and frees undo.  Commits are undone from the last to
 * the first; afterwards the caller repeats the drops made since.  reload_memory_undo_free() frees undo when the commit stays; NULL is legal.
 */
enum reload_err reload_memory_commit(struct reload_storage *s,
	const struct reload_store_batch *batch, struct reload_memory_undo **undo) MUST_CHECK;
void reload_memory_undo(struct reload_storage *s, struct reload_memory_undo *undo);
void reload_memory_undo_free(struct reload_storage *s, struct reload_memory_undo *undo);

/*
 * reload_memory_load() puts in an entry (copied) that was read from the file, also beyond the quota; the counter is then at
 * least generation.  reload_memory_load_counter() sets a counter whose last value expires or expired at ends; counters are loaded after entries.
 */
void reload_memory_load(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint64_t generation, const struct reload_stored_entry *e);
void reload_memory_load_counter(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, uint64_t generation, reload_utc ends);

/* reload_memory_ends() returns when the last value of a Kind at a resource expires or expired; 0 when no counter is known. */
reload_utc reload_memory_ends(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind);
