/*
 * A commit to memory: all of a batch or nothing, within max_bytes; and its undo, for a storage whose file turns out not
 * to take the batch.
 */
#include "storage/memory_tables.h"

#include "storage/cost.h"
#include "util/owned.h"

/* Gives up one use of the old item's chain (without), or takes it again; returns the bytes that giving it up would free. */
static size_t chain_without(struct item *old, bool without)
{
	if (!old || !old->chain)
		return 0;
	size_t left = without ? --old->chain->uses : old->chain->uses++;
	return left ? 0 : old->chain->cost;
}

/* The cost of the chains that only replaced items use.  The new items have taken their uses already. */
static size_t chains_freed(struct memory *m, const struct reload_store_batch *batch)
{
	size_t freed = 0;
	for (int without = 1; without >= 0; without--)
		for (size_t i = 0; i < batch->changes_count; i++) {
			const struct reload_store_change *change = &batch->changes[i];
			struct slot *slot = slot_find(m, &batch->resource, change->kind);
			for (size_t k = 0; k < change->entries_count; k++) {
				size_t one = chain_without(
					item_find(slot, &change->entries[k].data.value), without);
				freed += without ? one : 0;
			}
		}
	return freed;
}

/* By how much the batch makes the stored bytes grow, new chains included, replaced items deducted; never below zero. */
static size_t growth(struct memory *m, const struct reload_store_batch *batch,
	struct item *const *fresh, size_t chains)
{
	size_t more = chains, less = chains_freed(m, batch);
	if (batch->changes_count && !resource_find(m, &batch->resource))
		more += reload_cost_memory(sizeof(struct resource));
	for (size_t i = 0; i < batch->changes_count; i++) {
		const struct reload_store_change *change = &batch->changes[i];
		struct slot *slot = slot_find(m, &batch->resource, change->kind);
		more += slot ? 0 : reload_cost_kind(sizeof(*slot));
		for (size_t k = 0; k < change->entries_count; k++, fresh++) {
			struct item *old = item_find(slot, &change->entries[k].data.value);
			more += (*fresh)->cost;
			less += old ? old->cost : 0;
		}
	}
	return more > less ? more - less : 0;
}

/* What a batch changed, in its order. */
struct undo_place {
	struct reload_stored_value place; /* its key is that of old, or the copy */
	struct bytes key;                 /* the copy, when there is no old item */
	struct item *old;                 /* NULL: nothing was there */
};

struct undo_change {
	uint32_t kind;
	bool known; /* there was a counter */
	uint64_t generation;
	reload_utc emptied;
	struct undo_place *places;
	size_t count;
};

struct reload_memory_undo {
	struct reload_id resource;
	reload_utc now;
	struct undo_change *changes;
	size_t count;
};

static void remember(struct undo_change *u, const struct item *fresh, struct item *old)
{
	struct undo_place *p = &u->places[u->count++];
	p->old = old;
	p->place = (old ? old : fresh)->entry.data.value;
	if (!old) {
		p->key = bytes_copy(p->place.key);
		p->place.key = bytes_span(p->key);
	}
}

static void apply(struct memory *m, const struct reload_store_batch *batch,
	struct item *const *fresh, struct reload_memory_undo *undo)
{
	for (size_t i = 0; i < batch->changes_count; i++) {
		const struct reload_store_change *change = &batch->changes[i];
		struct slot *slot = slot_find(m, &batch->resource, change->kind);
		struct undo_change *u = undo ? &undo->changes[i] : NULL;
		if (u) {
			*u = (struct undo_change){ .kind = change->kind, .known = slot != NULL };
			u->generation = slot ? slot->generation : 0;
			u->emptied = slot ? slot->emptied : 0;
			u->places =
				reload_alloc_array(change->entries_count + 1, sizeof(*u->places));
		}
		slot = reload_memory_slot_make(m, &batch->resource, change->kind, batch->now);
		slot->generation = change->generation;
		for (size_t k = 0; k < change->entries_count; k++, fresh++) {
			struct item *old = reload_memory_item_put(m, slot, *fresh);
			reload_ended_stored(
				m->ended, &batch->resource, change->kind, &(*fresh)->entry.data);
			if (u)
				remember(u, *fresh, old);
			else
				reload_memory_item_free(m, old);
		}
		reload_memory_slot_arm(m, slot);
	}
}

static struct reload_memory_undo *undo_new(const struct reload_store_batch *batch)
{
	struct reload_memory_undo *undo = RELOAD_NEW(reload_memory_undo);
	undo->resource = batch->resource;
	undo->now = batch->now;
	undo->count = batch->changes_count;
	undo->changes = reload_alloc_array(undo->count + 1, sizeof(*undo->changes));
	return undo;
}

enum reload_err reload_memory_commit(struct reload_storage *s,
	const struct reload_store_batch *batch, struct reload_memory_undo **undo)
{
	struct memory *m = memory_of(s);
	size_t count = 0, n = 0, before = m->bytes;
	for (size_t i = 0; i < batch->changes_count; i++)
		count += batch->changes[i].entries_count;
	/* copied before anything is freed: a batch may point into entries borrowed from a read */
	struct item **fresh = reload_alloc_array(count ? count : 1, sizeof(struct item *));
	for (size_t i = 0; i < batch->changes_count; i++)
		for (size_t k = 0; k < batch->changes[i].entries_count; k++)
			fresh[n++] = reload_memory_item_new(m, &batch->changes[i].entries[k]);
	size_t chains = m->bytes - before;
	reload_memory_expire(s, batch->now);
	size_t more = growth(m, batch, fresh, chains), held = m->bytes - chains;
	enum reload_err err = RELOAD_OK;
	if (more && (held > m->max_bytes || more > m->max_bytes - held)) {
		err = RELOAD_DATA_TOO_LARGE;
		while (n)
			reload_memory_item_free(m, fresh[--n]);
	} else {
		if (undo)
			*undo = undo_new(batch);
		apply(m, batch, fresh, undo ? *undo : NULL);
	}
	free(fresh);
	return err;
}

void reload_memory_undo_free(struct reload_storage *s, struct reload_memory_undo *undo)
{
	if (!undo)
		return;
	for (size_t i = 0; i < undo->count; i++) {
		struct undo_change *u = &undo->changes[i];
		for (size_t k = 0; k < u->count; k++) {
			bytes_free(&u->places[k].key);
			reload_memory_item_free(memory_of(s), u->places[k].old);
		}
		free(u->places);
	}
	free(undo->changes);
	free(undo);
}

static void change_undo(struct memory *m, struct reload_memory_undo *undo, struct undo_change *u)
{
	struct slot *slot =
		u->known ? reload_memory_slot_make(m, &undo->resource, u->kind, undo->now)
			 : slot_find(m, &undo->resource, u->kind);
	if (!slot)
		return; /* forgotten meanwhile */
	for (size_t k = u->count; k > 0; k--) {
		struct undo_place *p = &u->places[k - 1];
		struct item *present = item_find(slot, &p->place);
		if (present)
			reload_memory_item_drop(m, present);
		if (p->old) {
			reload_memory_item_put(m, slot, p->old);
			p->place.key = (struct span){ NULL, 0 };
			p->old = NULL;
		}
	}
	if (!u->known && !slot->count) {
		reload_memory_slot_free(m, slot);
		return;
	}
	slot->generation = u->generation;
	slot->emptied = u->emptied;
	reload_memory_slot_arm(m, slot);
}

void reload_memory_undo(struct reload_storage *s, struct reload_memory_undo *undo)
{
	for (size_t i = undo->count; i > 0; i--)
		change_undo(memory_of(s), undo, &undo->changes[i - 1]);
	reload_memory_undo_free(s, undo);
}
