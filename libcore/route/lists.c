#include "route/lists.h"

#include "wire/limits.h"

enum reload_err reload_list_check(struct span list, const struct wire_ctx *ctx, bool via)
{
	struct rd r = rd_of(list);
	struct reload_destination d;
	size_t count = 0;
	bool resource = false;
	while (reload_dest_next(&r, ctx, &d)) {
		if (resource || ++count > RELOAD_LIMIT_DESTINATIONS)
			return RELOAD_BAD_VALUE;
		resource = d.type == RELOAD_DEST_RESOURCE;
		if (resource && via)
			return RELOAD_BAD_VALUE;
	}
	return r.err;
}

/* Entries of a list that passed the check; the stack holds as many as the check lets through. */
static size_t entries_of(
	struct reload_destination *out, struct span list, const struct wire_ctx *ctx)
{
	struct rd r = rd_of(list);
	size_t count = 0;
	while (count < RELOAD_LIMIT_DESTINATIONS && reload_dest_next(&r, ctx, &out[count]))
		count++;
	return count;
}

bool reload_list_repeats(struct span list, const struct wire_ctx *ctx)
{
	struct reload_destination first, second;
	struct rd all = rd_of(list);
	while (reload_dest_next(&all, ctx, &first)) {
		struct rd later = all;
		while (reload_dest_next(&later, ctx, &second))
			if (reload_dest_eq(&first, &second))
				return true;
	}
	return false;
}

bool reload_list_first(struct reload_destination *first, struct span *rest, struct span list,
	const struct wire_ctx *ctx)
{
	struct rd r = rd_of(list);
	if (!reload_dest_next(&r, ctx, first))
		return false;
	*rest = span_of(r.at, (size_t)(r.end - r.at));
	return true;
}

void reload_list_write(struct wr *w, const struct wire_ctx *ctx,
	const struct reload_destination *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reload_wire_write(w, &reload_destination_wire, ctx, &entries[i]);
}

void reload_list_back(struct wr *w, const struct wire_ctx *ctx,
	const struct reload_destination *previous_hop, struct span via_list,
	const struct reload_id *self)
{
	struct reload_destination via[RELOAD_LIMIT_DESTINATIONS],
		way[RELOAD_LIMIT_DESTINATIONS + 1];
	size_t via_count = entries_of(via, via_list, ctx), count = 0;
	for (size_t i = 0; i <= via_count; i++) {
		const struct reload_destination *next = i ? &via[via_count - i] : previous_hop;
		bool here = next->type == RELOAD_DEST_NODE && reload_id_eq(&next->node, self);
		if (here && i < via_count) {
			count = 0; /* the request passed here before; where it began, the list ends */
			continue;
		}
		for (size_t k = 0; k < count; k++)
			if (reload_dest_eq(&way[k], next))
				count = k; /* the way passed here before: cut the loop out */
		way[count++] = *next;
	}
	reload_list_write(w, ctx, way, count);
}
