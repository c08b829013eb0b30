/* Reads of a storage in memory: they skip what has expired and free nothing, so that entries borrowed from a read stay valid. */
#include "storage/memory_tables.h"

uint64_t reload_memory_generation(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind, reload_utc now)
{
	struct memory *m = memory_of(s);
	struct slot *slot = slot_find(m, resource, kind);
	return slot && forget_at(m, slot_ends(slot)) > now ? slot->generation : 0;
}

void reload_memory_each(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
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

void reload_memory_range(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
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

size_t reload_memory_extent(struct reload_storage *s, const struct reload_id *resource,
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

const struct reload_stored_entry *reload_memory_find(struct reload_storage *s,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place,
	reload_utc now)
{
	struct item *item = item_find(slot_find(memory_of(s), resource, kind), place);
	return item && item->expires > now ? &item->entry : NULL;
}

const struct reload_ended *reload_memory_ended(struct reload_storage *s)
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

bool reload_memory_next(struct reload_storage *s, const struct reload_id *from,
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

size_t reload_memory_kinds(struct reload_storage *s, const struct reload_id *resource,
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

/* Counts what has not expired at now, by walking over all: only needed when expire() was not called in time. */
static size_t count_live(struct memory *m, reload_utc now, size_t *values)
{
	struct resource *r;
	struct slot *slot;
	size_t resources = 0;
	*values = 0;
	RB_FOREACH (r, resource_tree, &m->resources) {
		size_t here = 0;
		RB_FOREACH (slot, slot_tree, &r->slots)
			here += reload_memory_extent(&m->base, &r->id, slot->kind, now, NULL);
		*values += here;
		resources += here > 0;
	}
	return resources;
}

size_t reload_memory_count(struct reload_storage *s, reload_utc now, size_t *values, size_t *bytes)
{
	struct memory *m = memory_of(s);
	struct slot *first = RB_MIN(deadline_tree, &m->deadlines);
	size_t live = m->items, resources = m->resources_used;
	if (first && first->deadline <= now)
		resources = count_live(m, now, &live);
	if (values)
		*values = live;
	if (bytes)
		*bytes = m->bytes;
	return resources;
}

size_t reload_memory_totals(struct reload_storage *s, struct reload_kind_total *out, size_t max)
{
	const struct memory *m = memory_of(s);
	size_t n = 0;
	for (size_t i = 0; i < m->totals_count && n < max; i++)
		if (m->totals[i].count)
			out[n++] = m->totals[i];
	return n;
}
