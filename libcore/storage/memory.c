/*
 * Storage in ordered memory.
 *
 *	memory -> resource -> slot (a Kind at a resource) -> item (an entry)
 *
 * Every step is a tree, so that no operation costs more than the logarithm of the number of values.  Three more trees answer the other
 * questions: items of a slot by expiry, slots by deadline (when the next item or the counter ends), slots by Kind and resource.
 * A slot outlives its last item by keep_ms, because it carries the generation counter (STO-03).
 *
 * Certificates are stored apart from items, once for all items that have the same (chain.c).
 *
 * Limits: max_bytes over what items, slots, resources and chains cost (cost.c); at the maximum a commit is refused and nothing is evicted.  Reads
 * skip expired items and free nothing, so that entries borrowed from a read stay valid; commit, drop and expire free.
 */
#include "storage/memory_tables.h"

#include "util/alloc.h"

static enum reload_err memory_commit(struct reload_storage *s,
	const struct reload_store_batch *batch, reload_committed_fn done, void *arg)
{
	enum reload_err err = reload_memory_commit(s, batch, NULL);
	if (!err && done)
		done(arg, RELOAD_OK);
	return err;
}

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
			reload_memory_slot_drop(m, slot); /* the last one frees r */
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
		reload_memory_slot_drop(m, slot);
	}
}

static void memory_free(struct reload_storage *s)
{
	struct memory *m = memory_of(s);
	struct slot *slot;
	while ((slot = RB_ROOT(&m->kinds)))
		reload_memory_slot_drop(m, slot);
	reload_ended_free(m->ended);
	free(m->totals);
	free(m);
}

static const struct reload_storage_ops memory_ops = {
	.free = memory_free,
	.commit = memory_commit,
	.generation = reload_memory_generation,
	.each = reload_memory_each,
	.range = reload_memory_range,
	.extent = reload_memory_extent,
	.find = reload_memory_find,
	.ended = reload_memory_ended,
	.next = reload_memory_next,
	.kinds = reload_memory_kinds,
	.drop_range = memory_drop_range,
	.drop_kind = memory_drop_kind,
	.expire = reload_memory_expire,
	.count = reload_memory_count,
	.totals = reload_memory_totals,
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
