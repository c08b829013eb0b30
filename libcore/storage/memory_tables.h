/* The tables of a storage in memory (memory.c), for the files that work on them. */
#pragma once

#include "storage/chain.h"
#include "storage/ended.h"
#include "storage/internal.h"

#include "util/tree.h"

struct slot;

struct item {
	RB_ENTRY(item) by_place, by_expiry;
	struct slot *slot;
	reload_utc expires;
	size_t cost;                       /* without the chain */
	struct reload_stored_chain *chain; /* counted as one use; NULL: it has no certificates */
	struct reload_stored_entry entry;
	uint8_t bytes[]; /* what the spans of entry point to, but certificates: to the chain */
};

RB_HEAD(place_tree, item);
RB_HEAD(expiry_tree, item);

struct resource;

struct slot {
	RB_ENTRY(slot) in_resource, by_kind, by_deadline;
	struct resource *resource;
	uint32_t kind;
	uint64_t generation;
	struct place_tree places;
	struct expiry_tree expiries;
	size_t count;
	reload_utc emptied;  /* when the last item went */
	reload_utc deadline; /* the first item's expiry, or when the counter may be forgotten */
};

RB_HEAD(slot_tree, slot);
RB_HEAD(kind_tree, slot);
RB_HEAD(deadline_tree, slot);

struct resource {
	RB_ENTRY(resource) in_memory;
	struct reload_id id;
	struct slot_tree slots;
	size_t count; /* items of all its slots */
};

RB_HEAD(resource_tree, resource);

struct memory {
	struct reload_storage base;
	size_t max_bytes, bytes;
	reload_ms keep_ms;
	struct resource_tree resources;
	struct kind_tree kinds;
	struct deadline_tree deadlines;
	struct reload_stored_chains chains;
	size_t items, resources_used; /* the latter: resources with an item */
	struct reload_ended *ended;   /* NULL: nothing has expired so far */
	struct reload_kind_total
		*totals; /* ascending by Kind (owned); one for each Kind that was ever held */
	size_t totals_count, totals_cap;
};

static inline int place_cmp(const struct item *a, const struct item *b)
{
	return reload_place_cmp(&a->entry.data.value, &b->entry.data.value);
}

static inline int expiry_cmp(const struct item *a, const struct item *b)
{
	int c = (a->expires > b->expires) - (a->expires < b->expires);
	return c ? c : place_cmp(a, b);
}

static inline int slot_cmp(const struct slot *a, const struct slot *b)
{
	return (a->kind > b->kind) - (a->kind < b->kind);
}

static inline int kind_cmp(const struct slot *a, const struct slot *b)
{
	int c = slot_cmp(a, b);
	return c ? c : reload_id_cmp(&a->resource->id, &b->resource->id);
}

static inline int deadline_cmp(const struct slot *a, const struct slot *b)
{
	int c = (a->deadline > b->deadline) - (a->deadline < b->deadline);
	return c ? c : kind_cmp(a, b);
}

static inline int resource_cmp(const struct resource *a, const struct resource *b)
{
	return reload_id_cmp(&a->id, &b->id);
}

RELOAD_TREE(place_tree, item, by_place, place_cmp)
RELOAD_TREE(expiry_tree, item, by_expiry, expiry_cmp)
RELOAD_TREE(slot_tree, slot, in_resource, slot_cmp)
RELOAD_TREE(kind_tree, slot, by_kind, kind_cmp)
RELOAD_TREE(deadline_tree, slot, by_deadline, deadline_cmp)
RELOAD_TREE(resource_tree, resource, in_memory, resource_cmp)

static inline struct memory *memory_of(struct reload_storage *s)
{
	return (struct memory *)s; /* base comes first */
}

static inline struct resource *resource_find(struct memory *m, const struct reload_id *id)
{
	struct resource want = { .id = *id };
	return RB_FIND(resource_tree, &m->resources, &want);
}

static inline struct slot *slot_find(struct memory *m, const struct reload_id *id, uint32_t kind)
{
	struct resource *r = resource_find(m, id);
	struct slot want = { .kind = kind };
	return r ? RB_FIND(slot_tree, &r->slots, &want) : NULL;
}

static inline reload_utc forget_at(const struct memory *m, reload_utc emptied)
{
	return emptied > RELOAD_NEVER - m->keep_ms ? RELOAD_NEVER : emptied + m->keep_ms;
}

/* The time at which the last item of the slot expires, or did. */
static inline reload_utc slot_ends(struct slot *slot)
{
	struct item *last = RB_MAX(expiry_tree, &slot->expiries);
	return last ? last->expires : slot->emptied;
}

static inline bool slot_live(struct slot *slot, reload_utc now)
{
	return slot->count && slot_ends(slot) > now;
}

static inline struct item *item_find(struct slot *slot, const struct reload_stored_value *place)
{
	struct item want = { .entry.data.value = *place };
	return slot ? RB_FIND(place_tree, &slot->places, &want) : NULL;
}

/*
 * reload_memory_slot_make() returns the slot of a Kind at a resource, made when there is none.  reload_memory_slot_arm() brings its
 * deadline up to date after its items changed.  reload_memory_slot_drop() frees it with its items, reload_memory_slot_free() without
 * any; the last slot of a resource takes the resource along.
 */
struct slot *reload_memory_slot_make(
	struct memory *m, const struct reload_id *id, uint32_t kind, reload_utc now);
void reload_memory_slot_arm(struct memory *m, struct slot *slot);
void reload_memory_slot_drop(struct memory *m, struct slot *slot);
void reload_memory_slot_free(struct memory *m, struct slot *slot);

/*
 * reload_memory_item_new() copies an entry into an item (owned by the caller, in no slot); reload_memory_item_free() frees one that
 * is in no slot, NULL is legal.  reload_memory_item_put() puts it into a slot and returns the item that it replaced (owned by the
 * caller), NULL when there was none.  reload_memory_item_drop() takes an item out of its slot and frees it.
 */
struct item *reload_memory_item_new(struct memory *m, const struct reload_stored_entry *e);
void reload_memory_item_free(struct memory *m, struct item *item);
struct item *reload_memory_item_put(struct memory *m, struct slot *slot, struct item *item);
void reload_memory_item_drop(struct memory *m, struct item *item);

/*
 * reload_memory_expire(), _generation(), _each(), _range(), _extent(), _find(), _ended(), _next(), _kinds(), _count() and _totals() are the
 * operations of these names (struct reload_storage_ops).
 */
reload_utc reload_memory_expire(struct reload_storage *s, reload_utc now);
uint64_t reload_memory_generation(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind, reload_utc now);
void reload_memory_each(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	reload_utc now, reload_entry_fn visit, void *arg);
void reload_memory_range(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint32_t first, uint32_t last, reload_utc now, reload_entry_fn visit, void *arg);
size_t reload_memory_extent(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, reload_utc now, uint32_t *last);
const struct reload_stored_entry *reload_memory_find(struct reload_storage *s,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place,
	reload_utc now);
const struct reload_ended *reload_memory_ended(struct reload_storage *s);
bool reload_memory_next(struct reload_storage *s, const struct reload_id *from,
	const struct reload_id *to, uint32_t kind, reload_utc now, struct reload_id *out);
size_t reload_memory_kinds(struct reload_storage *s, const struct reload_id *resource,
	reload_utc now, uint32_t *out, size_t max);
size_t reload_memory_count(struct reload_storage *s, reload_utc now, size_t *values, size_t *bytes);
size_t reload_memory_totals(struct reload_storage *s, struct reload_kind_total *out, size_t max);
