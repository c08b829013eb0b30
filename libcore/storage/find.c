/* Answering Find: the next resource that holds a Kind (STO-09). */
#include "storage/fetch.h"

#include "storage/internal.h"

/* "It is 0 when no Resource-ID is known": zeroes, as many bytes as an ordinary Resource-ID. */
static const uint8_t nothing[16];

static enum reload_err refuse(struct reload_find_work *w, enum reload_err err, const char *reason)
{
	w->reason = reason;
	return err;
}

enum reload_err reload_find_answer(struct reload_find_work *w)
{
	size_t count = w->req->kinds_count;
	uint32_t *kinds = reload_arena_take(w->arena, (count + 1) * sizeof(*kinds));
	struct reload_id to = w->whole_ring ? reload_id_before(&w->resource) : w->range_to;
	w->reason = NULL;
	if (count)
		memcpy(kinds, w->req->kinds, count * sizeof(*kinds));
	if (!reload_kinds_distinct(kinds, count))
		return refuse(w, RELOAD_INVALID_MESSAGE, "a Kind stands twice in the request");
	if (!w->responsible)
		return refuse(w, RELOAD_NOT_FOUND, "not responsible");
	struct reload_find_kind *results =
		reload_arena_take(w->arena, (count + 1) * sizeof(*results));
	for (size_t i = 0; i < count; i++) {
		uint32_t kind = w->req->kinds[i];
		struct reload_id id;
		results[i] = (struct reload_find_kind){ .kind = kind,
			.closest = span_of(nothing, sizeof(nothing)) };
		if (reload_config_kind(w->config, kind) &&
			w->storage->ops->next(w->storage, &w->resource, &to, kind, w->now, &id))
			results[i].closest = reload_arena_copy(w->arena, reload_id_span(&id));
	}
	w->answer = (struct reload_find_ans){ results, count };
	return RELOAD_OK;
}
