/* Slots and their items: made, put in and taken out, with what they cost. */
#include "storage/memory_tables.h"

#include "storage/cost.h"
#include "util/alloc.h"

void reload_memory_slot_arm(struct memory *m, struct slot *slot)
{
	struct item *first = RB_MIN(expiry_tree, &slot->expiries);
	reload_utc deadline = first ? first->expires : forget_at(m, slot->emptied);
	if (deadline == slot->deadline)
		return;
	RB_REMOVE(deadline_tree, &m->deadlines, slot);
	slot->deadline = deadline;
	RB_INSERT(deadline_tree, &m->deadlines, slot);
}

struct slot *reload_memory_slot_make(
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

/* Frees a slot without items, and its resource with the last slot. */
void reload_memory_slot_free(struct memory *m, struct slot *slot)
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

static struct span copy_bytes(uint8_t **to, struct span s)
{
	uint8_t *at = *to;
	if (!s.len)
		return (struct span){ NULL, 0 };
	memcpy(at, s.at, s.len);
	*to += s.len;
	return span_of(at, s.len);
}

struct item *reload_memory_item_new(struct memory *m, const struct reload_stored_entry *e)
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
	struct reload_stored_data *copy = &item->entry.data;
	copy->raw = copy->value.raw = (struct span){ NULL, 0 };
	copy->value.key = copy_bytes(&to, d->value.key);
	copy->value.value = copy_bytes(&to, d->value.value);
	copy->signature.identity.hash = copy_bytes(&to, sig->identity.hash);
	copy->signature.identity.raw = copy_bytes(&to, sig->identity.raw);
	copy->signature.value = copy_bytes(&to, sig->value);
	copy->signature.identity_bytes = copy_bytes(&to, sig->identity_bytes);
	item->chain = reload_chain_use(&m->chains, e->certificates, &m->bytes);
	item->entry.certificates = item->chain ? item->chain->bytes : (struct span){ NULL, 0 };
	return item;
}

/* Frees an item that is in no slot; NULL is legal. */
void reload_memory_item_free(struct memory *m, struct item *item)
{
	if (item)
		reload_chain_drop(&m->chains, item->chain, &m->bytes);
	free(item);
}

/* The counter of a Kind, made when there is none; Kinds are few. */
static struct reload_kind_total *total_of(struct memory *m, uint32_t kind)
{
	size_t i = 0;
	while (i < m->totals_count && m->totals[i].kind < kind)
		i++;
	if (i == m->totals_count || m->totals[i].kind != kind) {
		reload_grow(&m->totals, &m->totals_cap, m->totals_count, sizeof(*m->totals));
		memmove(m->totals + i + 1, m->totals + i,
			(m->totals_count++ - i) * sizeof(*m->totals));
		m->totals[i] = (struct reload_kind_total){ .kind = kind };
	}
	return &m->totals[i];
}

/* Takes the item out; it is then the caller's. */
static void item_unlink(struct memory *m, struct item *item)
{
	struct slot *slot = item->slot;
	RB_REMOVE(place_tree, &slot->places, item);
	RB_REMOVE(expiry_tree, &slot->expiries, item);
	slot->count--;
	m->items--;
	total_of(m, slot->kind)->count--;
	if (--slot->resource->count == 0)
		m->resources_used--;
	m->bytes -= item->cost;
}

void reload_memory_item_drop(struct memory *m, struct item *item)
{
	item_unlink(m, item);
	reload_memory_item_free(m, item);
}

/* Returns what was at the item's place (owned by the caller), NULL when nothing was. */
struct item *reload_memory_item_put(struct memory *m, struct slot *slot, struct item *item)
{
	struct item *old = item_find(slot, &item->entry.data.value);
	if (old)
		item_unlink(m, old);
	item->slot = slot;
	RB_INSERT(place_tree, &slot->places, item);
	RB_INSERT(expiry_tree, &slot->expiries, item);
	slot->count++;
	m->items++;
	total_of(m, slot->kind)->count++;
	if (slot->resource->count++ == 0)
		m->resources_used++;
	m->bytes += item->cost;
	return old;
}

void reload_memory_slot_drop(struct memory *m, struct slot *slot)
{
	struct item *item;
	while ((item = RB_ROOT(&slot->places)))
		reload_memory_item_drop(m, item);
	reload_memory_slot_free(m, slot);
}

static void slot_expire(struct memory *m, struct slot *slot, reload_utc now)
{
	struct item *item;
	while ((item = RB_MIN(expiry_tree, &slot->expiries)) && item->expires <= now) {
		slot->emptied = item->expires;
		reload_ended_note(&m->ended, &slot->resource->id, slot->kind, &item->entry.data);
		reload_memory_item_drop(m, item);
	}
	if (!slot->count && forget_at(m, slot->emptied) <= now)
		reload_memory_slot_free(m, slot);
	else
		reload_memory_slot_arm(m, slot);
}

reload_utc reload_memory_expire(struct reload_storage *s, reload_utc now)
{
	struct memory *m = memory_of(s);
	struct slot *slot;
	while ((slot = RB_MIN(deadline_tree, &m->deadlines)) && slot->deadline <= now)
		slot_expire(m, slot, now);
	return slot ? slot->deadline : RELOAD_NEVER;
}

void reload_memory_load(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint64_t generation, const struct reload_stored_entry *e)
{
	struct memory *m = memory_of(s);
	struct slot *slot = reload_memory_slot_make(m, resource, kind, e->received);
	if (slot->generation < generation)
		slot->generation = generation;
	reload_memory_item_free(m, reload_memory_item_put(m, slot, reload_memory_item_new(m, e)));
	reload_memory_slot_arm(m, slot);
}

void reload_memory_load_counter(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, uint64_t generation, reload_utc ends)
{
	struct memory *m = memory_of(s);
	struct slot *slot = reload_memory_slot_make(m, resource, kind, ends);
	slot->generation = generation;
	slot->emptied = ends;
	reload_memory_slot_arm(m, slot);
}

reload_utc reload_memory_ends(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind)
{
	struct slot *slot = slot_find(memory_of(s), resource, kind);
	return slot ? slot_ends(slot) : 0;
}
