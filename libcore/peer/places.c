#include "peer/places.h"

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
