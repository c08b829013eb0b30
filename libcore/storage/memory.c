/*
 * Storage in ordered memory.
 *
 *	memory -> resource -> slot (a Kind at a resource) -> item (an entry)
 *
 * Every step is a tree, so nothing costs more than the logarithm of what is held.  Three more trees answer the other
 * questions: items of a slot by expiry, slots by deadline (the next thing that ends there), slots by Kind and resource.
 * A slot outlives its last item by keep_ms, because it carries the generation counter (STO-03).
 *
 * Certificates of items stand beside them, once for all that have the same (chain.c).
 *
 * Limits: max_bytes over what items, slots, resources and chains cost (cost.c); at the maximum a commit is refused and nothing is evicted.  Reads
 * skip what has expired and free nothing, so that what they lent stays good; commit, drop and expire free.
 */
#include "storage/chain.h"
#include "storage/cost.h"
#include "storage/ended.h"
#include "storage/internal.h"

#include "util/alloc.h"
#include "util/tree.h"

struct slot;

struct item {
	RB_ENTRY(item) by_place, by_expiry;
	struct slot *slot;
	reload_utc expires;
	size_t cost;                     /* without the chain */
	struct reload_kept_chain *chain; /* one use; NULL: none */
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
	struct reload_kept_chains chains;
	size_t items, held;         /* held: resources with an item */
	struct reload_ended *ended; /* NULL: nothing has expired so far */
};

static int place_cmp(const struct item *a, const struct item *b)
{
	return reload_place_cmp(&a->entry.data.value, &b->entry.data.value);
}

static int expiry_cmp(const struct item *a, const struct item *b)
{
	int c = (a->expires > b->expires) - (a->expires < b->expires);
	return c ? c : place_cmp(a, b);
}

static int slot_cmp(const struct slot *a, const struct slot *b)
{
	return (a->kind > b->kind) - (a->kind < b->kind);
}

static int kind_cmp(const struct slot *a, const struct slot *b)
{
	int c = slot_cmp(a, b);
	return c ? c : reload_id_cmp(&a->resource->id, &b->resource->id);
}

static int deadline_cmp(const struct slot *a, const struct slot *b)
{
	int c = (a->deadline > b->deadline) - (a->deadline < b->deadline);
	return c ? c : kind_cmp(a, b);
}

static int resource_cmp(const struct resource *a, const struct resource *b)
{
	return reload_id_cmp(&a->id, &b->id);
}

RELOAD_TREE(place_tree, item, by_place, place_cmp)
RELOAD_TREE(expiry_tree, item, by_expiry, expiry_cmp)
RELOAD_TREE(slot_tree, slot, in_resource, slot_cmp)
RELOAD_TREE(kind_tree, slot, by_kind, kind_cmp)
RELOAD_TREE(deadline_tree, slot, by_deadline, deadline_cmp)
RELOAD_TREE(resource_tree, resource, in_memory, resource_cmp)

static struct memory *memory_of(struct reload_storage *s)
{
	return (struct memory *)s; /* base comes first */
}

static struct resource *resource_find(struct memory *m, const struct reload_id *id)
{
	struct resource want = { .id = *id };
	return RB_FIND(resource_tree, &m->resources, &want);
}

static struct slot *slot_find(struct memory *m, const struct reload_id *id, uint32_t kind)
{
	struct resource *r = resource_find(m, id);
	struct slot want = { .kind = kind };
	return r ? RB_FIND(slot_tree, &r->slots, &want) : NULL;
}

static reload_utc forget_at(const struct memory *m, reload_utc emptied)
{
	return emptied > RELOAD_NEVER - m->keep_ms ? RELOAD_NEVER : emptied + m->keep_ms;
}

static void slot_arm(struct memory *m, struct slot *slot)
{
	struct item *first = RB_MIN(expiry_tree, &slot->expiries);
	reload_utc deadline = first ? first->expires : forget_at(m, slot->emptied);
	if (deadline == slot->deadline)
		return;
	RB_REMOVE(deadline_tree, &m->deadlines, slot);
	slot->deadline = deadline;
	RB_INSERT(deadline_tree, &m->deadlines, slot);
}

static struct slot *slot_make(
	struct memory *m, const struct reload_id *id, uint32_t kind, reload_utc now)
{
	struct slot *slot = slot_find(m, id, kind);
	if (slot)
		return slot;
	struct resource *r = resource_find(m, id);
	if (!r) {
		r = RELOAD_NEW(resource);
		r->id = *id;
		RB_INIT(&r->slots);
		RB_INSERT(resource_tree, &m->resources, r);
		m->bytes += reload_cost_memory(sizeof(*r));
	}
	slot = RELOAD_NEW(slot);
	slot->resource = r;
	slot->kind = kind;
	slot->emptied = now;
	slot->deadline = forget_at(m, now);
	RB_INIT(&slot->places);
	RB_INIT(&slot->expiries);
	RB_INSERT(slot_tree, &r->slots, slot);
	RB_INSERT(kind_tree, &m->kinds, slot);
	RB_INSERT(deadline_tree, &m->deadlines, slot);
	m->bytes += reload_cost_kind(sizeof(*slot));
	return slot;
}

/* The slot has no items any more. */
static void slot_free(struct memory *m, struct slot *slot)
{
	struct resource *r = slot->resource;
	RB_REMOVE(slot_tree, &r->slots, slot);
	RB_REMOVE(kind_tree, &m->kinds, slot);
	RB_REMOVE(deadline_tree, &m->deadlines, slot);
	m->bytes -= reload_cost_kind(sizeof(*slot));
	free(slot);
	if (RB_EMPTY(&r->slots)) {
		RB_REMOVE(resource_tree, &m->resources, r);
		m->bytes -= reload_cost_memory(sizeof(*r));
		free(r);
	}
}

/* The time at which the last item of the slot expires, or did. */
static reload_utc slot_ends(struct slot *slot)
{
	struct item *last = RB_MAX(expiry_tree, &slot->expiries);
	return last ? last->expires : slot->emptied;
}

static bool slot_live(struct slot *slot, reload_utc now)
{
	return slot->count && slot_ends(slot) > now;
}

static struct span keep(uint8_t **to, struct span s)
{
	uint8_t *at = *to;
	if (!s.len)
		return (struct span){ NULL, 0 };
	memcpy(at, s.at, s.len);
	*to += s.len;
	return span_of(at, s.len);
}

static struct item *item_new(struct memory *m, const struct reload_stored_entry *e)
{
	const struct reload_stored_data *d = &e->data;
	const struct reload_signature *sig = &d->signature;
	size_t len = d->value.key.len + d->value.value.len + sig->identity.hash.len +
		     sig->identity.raw.len + sig->value.len + sig->identity_bytes.len;
	struct item *item = reload_alloc(sizeof(*item) + len);
	uint8_t *to = item->bytes;
	item->cost = reload_cost_entry(sizeof(*item) + len, e);
	item->expires = reload_entry_expires(e);
	item->entry = *e;
	struct reload_stored_data *kept = &item->entry.data;
	kept->raw = kept->value.raw = (struct span){ NULL, 0 };
	kept->value.key = keep(&to, d->value.key);
	kept->value.value = keep(&to, d->value.value);
	kept->signature.identity.hash = keep(&to, sig->identity.hash);
	kept->signature.identity.raw = keep(&to, sig->identity.raw);
	kept->signature.value = keep(&to, sig->value);
	kept->signature.identity_bytes = keep(&to, sig->identity_bytes);
	item->chain = reload_chain_use(&m->chains, e->certificates, &m->bytes);
	item->entry.certificates = item->chain ? item->chain->bytes : (struct span){ NULL, 0 };
	return item;
}

/* It is in no slot; NULL is legal. */
static void item_free(struct memory *m, struct item *item)
{
	if (item)
		reload_chain_drop(&m->chains, item->chain, &m->bytes);
	free(item);
}

static struct item *item_find(struct slot *slot, const struct reload_stored_value *place)
{
	struct item want = { .entry.data.value = *place };
	return slot ? RB_FIND(place_tree, &slot->places, &want) : NULL;
}

/* Takes the item out; it is then the caller's. */
static void item_unlink(struct memory *m, struct item *item)
{
	struct slot *slot = item->slot;
	RB_REMOVE(place_tree, &slot->places, item);
	RB_REMOVE(expiry_tree, &slot->expiries, item);
	slot->count--;
	m->items--;
	if (--slot->resource->count == 0)
		m->held--;
	m->bytes -= item->cost;
}

static void item_drop(struct memory *m, struct item *item)
{
	item_unlink(m, item);
	item_free(m, item);
}

/* Returns what was at the item's place (owned by the caller), NULL when nothing was. */
static struct item *item_put(struct memory *m, struct slot *slot, struct item *item)
{
	struct item *old = item_find(slot, &item->entry.data.value);
	if (old)
		item_unlink(m, old);
	item->slot = slot;
	RB_INSERT(place_tree, &slot->places, item);
	RB_INSERT(expiry_tree, &slot->expiries, item);
	slot->count++;
	m->items++;
	if (slot->resource->count++ == 0)
		m->held++;
	m->bytes += item->cost;
	return old;
}

static void slot_drop(struct memory *m, struct slot *slot)
{
	struct item *item;
	while ((item = RB_ROOT(&slot->places)))
		item_drop(m, item);
	slot_free(m, slot);
}

static void slot_expire(struct memory *m, struct slot *slot, reload_utc now)
{
	struct item *item;
	while ((item = RB_MIN(expiry_tree, &slot->expiries)) && item->expires <= now) {
		slot->emptied = item->expires;
		reload_ended_note(&m->ended, &slot->resource->id, slot->kind, &item->entry.data);
		item_drop(m, item);
	}
	if (!slot->count && forget_at(m, slot->emptied) <= now)
		slot_free(m, slot);
	else
		slot_arm(m, slot);
}

static reload_utc memory_expire(struct reload_storage *s, reload_utc now)
{
	struct memory *m = memory_of(s);
	struct slot *slot;
	while ((slot = RB_MIN(deadline_tree, &m->deadlines)) && slot->deadline <= now)
		slot_expire(m, slot, now);
	return slot ? slot->deadline : RELOAD_NEVER;
}

/* --- commit ------------------------------------------------------------------------------------------------------ */

/* Ends one use of the old item's chain for the time being, or takes it back; tells what that frees. */
static size_t chain_without(struct item *old, bool without)
{
	if (!old || !old->chain)
		return 0;
	size_t left = without ? --old->chain->uses : old->chain->uses++;
	return left ? 0 : old->chain->cost;
}

/* What the chains cost that only what is replaced uses; the fresh items use theirs already. */
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

/* What the batch adds to bytes once it has replaced what it replaces, with the new chains; never below zero. */
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
	struct reload_stored_value place; /* its key is owned when there is no old item */
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
	if (!old)
		p->place.key =
			span_of(reload_memdup(p->place.key.at, p->place.key.len), p->place.key.len);
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
		slot = slot_make(m, &batch->resource, change->kind, batch->now);
		slot->generation = change->generation;
		for (size_t k = 0; k < change->entries_count; k++, fresh++) {
			struct item *old = item_put(m, slot, *fresh);
			reload_ended_stored(
				m->ended, &batch->resource, change->kind, &(*fresh)->entry.data);
			if (u)
				remember(u, *fresh, old);
			else
				item_free(m, old);
		}
		slot_arm(m, slot);
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
	/* copied before anything is freed: a batch may hold what a read lent */
	struct item **fresh = reload_alloc_array(count ? count : 1, sizeof(struct item *));
	for (size_t i = 0; i < batch->changes_count; i++)
		for (size_t k = 0; k < batch->changes[i].entries_count; k++)
			fresh[n++] = item_new(m, &batch->changes[i].entries[k]);
	size_t chains = m->bytes - before;
	memory_expire(s, batch->now);
	size_t more = growth(m, batch, fresh, chains), held = m->bytes - chains;
	enum reload_err err = RELOAD_OK;
	if (more && (held > m->max_bytes || more > m->max_bytes - held)) {
		err = RELOAD_DATA_TOO_LARGE;
		while (n)
			item_free(m, fresh[--n]);
	} else {
		if (undo)
			*undo = undo_new(batch);
		apply(m, batch, fresh, undo ? *undo : NULL);
	}
	free(fresh);
	return err;
}

static enum reload_err memory_commit(struct reload_storage *s,
	const struct reload_store_batch *batch, reload_committed_fn done, void *arg)
{
	enum reload_err err = reload_memory_commit(s, batch, NULL);
	if (!err && done)
		done(arg, RELOAD_OK);
	return err;
}

/* --- what a maker that stands on this one needs ------------------------------------------------------------------ */

void reload_memory_undo_free(struct reload_storage *s, struct reload_memory_undo *undo)
{
	if (!undo)
		return;
	for (size_t i = 0; i < undo->count; i++) {
		struct undo_change *u = &undo->changes[i];
		for (size_t k = 0; k < u->count; k++) {
			if (!u->places[k].old)
				free((uint8_t *)u->places[k].place.key.at);
			item_free(memory_of(s), u->places[k].old);
		}
		free(u->places);
	}
	free(undo->changes);
	free(undo);
}

static void change_undo(struct memory *m, struct reload_memory_undo *undo, struct undo_change *u)
{
	struct slot *slot = u->known ? slot_make(m, &undo->resource, u->kind, undo->now)
				     : slot_find(m, &undo->resource, u->kind);
	if (!slot)
		return; /* forgotten meanwhile */
	for (size_t k = u->count; k > 0; k--) {
		struct undo_place *p = &u->places[k - 1];
		struct item *present = item_find(slot, &p->place);
		if (present)
			item_drop(m, present);
		if (p->old) {
			item_put(m, slot, p->old);
			p->place.key = (struct span){ NULL, 0 };
			p->old = NULL;
		}
	}
	if (!u->known && !slot->count) {
		slot_free(m, slot);
		return;
	}
	slot->generation = u->generation;
	slot->emptied = u->emptied;
	slot_arm(m, slot);
}

void reload_memory_undo(struct reload_storage *s, struct reload_memory_undo *undo)
{
	for (size_t i = undo->count; i > 0; i--)
		change_undo(memory_of(s), undo, &undo->changes[i - 1]);
	reload_memory_undo_free(s, undo);
}

void reload_memory_load(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint64_t generation, const struct reload_stored_entry *e)
{
	struct memory *m = memory_of(s);
	struct slot *slot = slot_make(m, resource, kind, e->received);
	if (slot->generation < generation)
		slot->generation = generation;
	item_free(m, item_put(m, slot, item_new(m, e)));
	slot_arm(m, slot);
}

void reload_memory_load_counter(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, uint64_t generation, reload_utc ends)
{
	struct memory *m = memory_of(s);
	struct slot *slot = slot_make(m, resource, kind, ends);
	slot->generation = generation;
	slot->emptied = ends;
	slot_arm(m, slot);
}

reload_utc reload_memory_ends(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind)
{
	struct slot *slot = slot_find(memory_of(s), resource, kind);
	return slot ? slot_ends(slot) : 0;
}

/* --- reads ------------------------------------------------------------------------------------------------------- */

static uint64_t memory_generation(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind, reload_utc now)
{
	struct memory *m = memory_of(s);
	struct slot *slot = slot_find(m, resource, kind);
	return slot && forget_at(m, slot_ends(slot)) > now ? slot->generation : 0;
}

static void memory_each(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	reload_utc now, reload_entry_fn visit, void *arg)
{
	struct slot *slot = slot_find(memory_of(s), resource, kind);
	struct item *item;
	if (!slot)
		return;
	RB_FOREACH (item, place_tree, &slot->places)
		if (item->expires > now && !visit(arg, &item->entry))
			return;
}

static void memory_range(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint32_t first, uint32_t last, reload_utc now, reload_entry_fn visit, void *arg)
{
	struct slot *slot = slot_find(memory_of(s), resource, kind);
	struct item from = { .entry.data.value = { .model = RELOAD_MODEL_ARRAY, .index = first } };
	struct item *item = slot ? RB_NFIND(place_tree, &slot->places, &from) : NULL;
	for (; item; item = RB_NEXT(place_tree, &slot->places, item)) {
		const struct reload_stored_value *v = &item->entry.data.value;
		if (v->model != RELOAD_MODEL_ARRAY || v->index > last)
			return;
		if (item->expires > now && !visit(arg, &item->entry))
			return;
	}
}

static size_t memory_extent(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, reload_utc now, uint32_t *last)
{
	struct slot *slot = slot_find(memory_of(s), resource, kind);
	size_t count = slot ? slot->count : 0;
	struct item *item = slot ? RB_MIN(expiry_tree, &slot->expiries) : NULL;
	for (; item && item->expires <= now; item = RB_NEXT(expiry_tree, &slot->expiries, item))
		count--;
	if (last && count) {
		item = RB_MAX(place_tree, &slot->places);
		while (item->expires <= now)
			item = RB_PREV(place_tree, &slot->places, item);
		*last = item->entry.data.value.index;
	}
	return count;
}

static const struct reload_stored_entry *memory_find(struct reload_storage *s,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place,
	reload_utc now)
{
	struct item *item = item_find(slot_find(memory_of(s), resource, kind), place);
	return item && item->expires > now ? &item->entry : NULL;
}

static const struct reload_ended *memory_ended(struct reload_storage *s)
{
	return memory_of(s)->ended;
}

/* The first resource of from to to, which do not wrap. */
static bool next_of_any(struct memory *m, const struct reload_id *from, const struct reload_id *to,
	reload_utc now, struct reload_id *out)
{
	struct resource want = { .id = *from };
	struct resource *r = RB_NFIND(resource_tree, &m->resources, &want);
	for (; r && reload_id_cmp(&r->id, to) <= 0; r = RB_NEXT(resource_tree, &m->resources, r)) {
		struct slot *slot;
		RB_FOREACH (slot, slot_tree, &r->slots)
			if (slot_live(slot, now)) {
				*out = r->id;
				return true;
			}
	}
	return false;
}

static bool next_of_kind(struct memory *m, const struct reload_id *from, const struct reload_id *to,
	uint32_t kind, reload_utc now, struct reload_id *out)
{
	struct resource at = { .id = *from };
	struct slot want = { .resource = &at, .kind = kind };
	struct slot *slot = RB_NFIND(kind_tree, &m->kinds, &want);
	for (; slot && slot->kind == kind && reload_id_cmp(&slot->resource->id, to) <= 0;
		slot = RB_NEXT(kind_tree, &m->kinds, slot))
		if (slot_live(slot, now)) {
			*out = slot->resource->id;
			return true;
		}
	return false;
}

static bool memory_next(struct reload_storage *s, const struct reload_id *from,
	const struct reload_id *to, uint32_t kind, reload_utc now, struct reload_id *out)
{
	struct memory *m = memory_of(s);
	struct reload_id zero = { .len = 0 },
			 top = reload_id_wildcard(RELOAD_ID_MAX); /* before and after every ID */
	bool wraps = reload_id_cmp(from, to) > 0;
	const struct reload_id *end = wraps ? &top : to;
	if (kind ? next_of_kind(m, from, end, kind, now, out) : next_of_any(m, from, end, now, out))
		return true;
	if (!wraps)
		return false;
	return kind ? next_of_kind(m, &zero, to, kind, now, out)
		    : next_of_any(m, &zero, to, now, out);
}

static size_t memory_kinds(struct reload_storage *s, const struct reload_id *resource,
	reload_utc now, uint32_t *out, size_t max)
{
	struct resource *r = resource_find(memory_of(s), resource);
	struct slot *slot;
	size_t n = 0;
	if (!r)
		return 0;
	RB_FOREACH (slot, slot_tree, &r->slots)
		if (n < max && slot_live(slot, now))
			out[n++] = slot->kind;
	return n;
}

/* Counts what has not expired at now: used when expire() was not called in time. */
static size_t count_live(struct memory *m, reload_utc now, size_t *values)
{
	struct resource *r;
	struct slot *slot;
	size_t resources = 0;
	*values = 0;
	RB_FOREACH (r, resource_tree, &m->resources) {
		size_t here = 0;
		RB_FOREACH (slot, slot_tree, &r->slots)
			here += memory_extent(&m->base, &r->id, slot->kind, now, NULL);
		*values += here;
		resources += here > 0;
	}
	return resources;
}

static size_t memory_count(struct reload_storage *s, reload_utc now, size_t *values, size_t *bytes)
{
	struct memory *m = memory_of(s);
	struct slot *first = RB_MIN(deadline_tree, &m->deadlines);
	size_t live = m->items, resources = m->held;
	if (first && first->deadline <= now)
		resources = count_live(m, now, &live);
	if (values)
		*values = live;
	if (bytes)
		*bytes = m->bytes;
	return resources;
}

/* --- forgetting -------------------------------------------------------------------------------------------------- */

/* Forgets from the first resource at or after from up to the last one at or before to; they do not wrap. */
static void drop_span(struct memory *m, const struct reload_id *after, const struct reload_id *to)
{
	struct resource want = { .id = *after };
	struct resource *r = RB_NFIND(resource_tree, &m->resources, &want), *next;
	if (r && after->len && reload_id_eq(&r->id, after))
		r = RB_NEXT(resource_tree, &m->resources, r);
	for (; r && reload_id_cmp(&r->id, to) <= 0; r = next) {
		struct slot *slot = RB_MIN(slot_tree, &r->slots), *later;
		next = RB_NEXT(resource_tree, &m->resources, r);
		for (; slot; slot = later) {
			later = RB_NEXT(slot_tree, &r->slots, slot);
			slot_drop(m, slot); /* the last one frees r */
		}
	}
}

static void memory_drop_range(
	struct reload_storage *s, const struct reload_id *from, const struct reload_id *to)
{
	struct memory *m = memory_of(s);
	struct reload_id zero = { .len = 0 }, top = reload_id_wildcard(RELOAD_ID_MAX);
	if (reload_id_cmp(from, to) < 0) {
		drop_span(m, from, to);
		return;
	}
	drop_span(m, from, &top); /* it wraps, or it is the whole ring */
	drop_span(m, &zero, to);
}

static void memory_drop_kind(struct reload_storage *s, uint32_t kind)
{
	struct memory *m = memory_of(s);
	struct resource at = { .id.len = 0 };
	struct slot want = { .resource = &at, .kind = kind };
	struct slot *slot = RB_NFIND(kind_tree, &m->kinds, &want), *next;
	for (; slot && slot->kind == kind; slot = next) {
		next = RB_NEXT(kind_tree, &m->kinds, slot);
		slot_drop(m, slot);
	}
}

static void memory_free(struct reload_storage *s)
{
	struct memory *m = memory_of(s);
	struct slot *slot;
	while ((slot = RB_ROOT(&m->kinds)))
		slot_drop(m, slot);
	reload_ended_free(m->ended);
	free(m);
}

static const struct reload_storage_ops memory_ops = {
	.free = memory_free,
	.commit = memory_commit,
	.generation = memory_generation,
	.each = memory_each,
	.range = memory_range,
	.extent = memory_extent,
	.find = memory_find,
	.ended = memory_ended,
	.next = memory_next,
	.kinds = memory_kinds,
	.drop_range = memory_drop_range,
	.drop_kind = memory_drop_kind,
	.expire = memory_expire,
	.count = memory_count,
};

struct reload_storage *reload_storage_memory_new(size_t max_bytes, reload_ms keep_generation_ms)
{
	struct memory *m = RELOAD_NEW(memory);
	m->base.ops = &memory_ops;
	m->max_bytes = max_bytes;
	m->keep_ms = keep_generation_ms;
	RB_INIT(&m->resources);
	RB_INIT(&m->kinds);
	RB_INIT(&m->deadlines);
	return &m->base;
}
