#include "replica/places.h"

#include "storage/storage.h"
#include "util/alloc.h"

#include <string.h>

static int place_order(const struct reload_place *a, const struct reload_place *b)
{
	int c = (a->kind > b->kind) - (a->kind < b->kind);
	return c ? c : reload_place_cmp(&a->value, &b->value);
}

RELOAD_TREE(reload_place_tree, reload_place, entry, place_order)

size_t reload_place_bytes(const struct reload_place *place)
{
	return sizeof(*place) + place->value.key.len;
}

void reload_places_put(struct reload_places *set, struct reload_place *place)
{
	if (RB_INSERT(reload_place_tree, &set->tree, place)) {
		free(place);
		return;
	}
	set->count++;
	set->bytes += reload_place_bytes(place);
}

bool reload_places_has(
	const struct reload_places *set, uint32_t kind, const struct reload_stored_value *value)
{
	struct reload_place place = { .kind = kind, .value = *value };
	return RB_FIND(reload_place_tree, (struct reload_place_tree *)&set->tree, &place);
}

void reload_places_add(
	struct reload_places *set, uint32_t kind, const struct reload_stored_value *value)
{
	struct reload_place *place = reload_alloc(sizeof(*place) + value->key.len);
	place->kind = kind;
	place->value = (struct reload_stored_value){ .model = value->model,
		.index = value->index,
		.key = span_of(place->key, value->key.len) };
	if (value->key.len)
		memcpy(place->key, value->key.at, value->key.len);
	reload_places_put(set, place);
}

struct reload_place *reload_places_first(const struct reload_places *set)
{
	return RB_MIN(reload_place_tree, (struct reload_place_tree *)&set->tree);
}

struct reload_place *reload_places_last(const struct reload_places *set)
{
	return RB_MAX(reload_place_tree, (struct reload_place_tree *)&set->tree);
}

struct reload_place *reload_places_next(const struct reload_place *place)
{
	return RB_NEXT(reload_place_tree, NULL, (struct reload_place *)place);
}

void reload_places_remove(struct reload_places *set, struct reload_place *place)
{
	RB_REMOVE(reload_place_tree, &set->tree, place);
	set->count--;
	set->bytes -= reload_place_bytes(place);
}

void reload_places_move(struct reload_places *to, struct reload_places *from)
{
	struct reload_place *place;
	while ((place = reload_places_first(from))) {
		reload_places_remove(from, place);
		reload_places_put(to, place);
	}
}

void reload_places_clear(struct reload_places *set)
{
	struct reload_place *place;
	while ((place = reload_places_first(set))) {
		reload_places_remove(set, place);
		free(place);
	}
}

enum {
	ASK_ROOM = 1500 /* for keys and ranges; the smallest max-message-size is 5,000 */
};

/* -- asking for them ------------------------------------------------------------------------------------------------------ */

bool reload_place_after(
	const struct reload_place *place, uint32_t kind, const struct reload_stored_value *value)
{
	struct reload_place other = { .kind = kind, .value = *value };
	return !place || place_order(place, &other) < 0;
}

/* Adds a place to the specifier of its Kind, which has space for max ranges or keys; returns how many bytes it takes. */
static size_t ask_one(struct reload_specifier *s, const struct reload_place *place, size_t max,
	struct reload_arena *arena)
{
	const struct reload_stored_value *v = &place->value;
	struct reload_array_range *last = s->ranges_count ? &s->ranges[s->ranges_count - 1] : NULL;
	if (v->model == RELOAD_MODEL_DICTIONARY) {
		if (!s->keys)
			s->keys = reload_arena_take(arena, max * sizeof(*s->keys));
		s->keys[s->keys_count++].bytes = v->key;
		return 2 + v->key.len;
	}
	if (v->model != RELOAD_MODEL_ARRAY)
		return 0;
	if (last && last->last + 1 == v->index) {
		last->last = v->index;
		return 0;
	}
	if (!s->ranges)
		s->ranges = reload_arena_take(arena, max * sizeof(*s->ranges));
	s->ranges[s->ranges_count++] =
		(struct reload_array_range){ .first = v->index, .last = v->index };
	return sizeof(*last);
}

size_t reload_places_ask(const struct reload_places *set, size_t max, struct reload_arena *arena,
	struct reload_specifier *out, size_t *taken)
{
	struct reload_place *place;
	size_t count = 0, bytes = 0;
	max = max < set->count ? max : set->count;
	*taken = 0;
	RB_FOREACH (place, reload_place_tree, (struct reload_place_tree *)&set->tree) {
		bool new_kind = !count || out[count - 1].kind != place->kind;
		if (*taken == max || (*taken && bytes + 2 + place->value.key.len > ASK_ROOM) ||
			(new_kind && count == RELOAD_RESOURCE_KINDS_MAX))
			break;
		if (new_kind)
			out[count++] = (struct reload_specifier){ .kind = place->kind,
				.model = (uint8_t)place->value.model };
		bytes += ask_one(&out[count - 1], place, max, arena);
		++*taken;
	}
	return count;
}
