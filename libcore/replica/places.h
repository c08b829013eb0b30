/*
 * A set of places at one resource: Kind and, by its data model, array index or dictionary key.  It says which of the values held
 * there are to be sent, without holding them.
 */
#pragma once

#include "util/arena.h"
#include "util/tree.h"
#include "wire/fetch.h"
#include "wire/stored.h"

enum {
	RELOAD_PART_MAX = 64, /* places asked about in one request */
	RELOAD_MISFITS_MAX =
		4, /* who says of so many single places that they fit no message is asked no more for now */
	RELOAD_RESOURCE_KINDS_MAX =
		64 /* Kinds at one resource that are compared; more are left alone */
};

struct reload_place {
	RB_ENTRY(reload_place) entry;
	struct reload_place *next; /* in a list, outside of a set */
	uint32_t kind;
	struct reload_stored_value value; /* model, index and key; no value */
	uint8_t key[];
};

RB_HEAD(reload_place_tree, reload_place);

/* Zero-initialised is empty and ready. */
struct reload_places {
	struct reload_place_tree tree;
	size_t count, bytes; /* bytes: of memory */
};

/* reload_places_add() copies a place into the set; one that is there already changes nothing. */
void reload_places_add(
	struct reload_places *set, uint32_t kind, const struct reload_stored_value *value);

/* reload_places_has() returns whether a place is in the set. */
bool reload_places_has(
	const struct reload_places *set, uint32_t kind, const struct reload_stored_value *value);

/* reload_places_put() takes place (owned) over, and frees it when the set has it already. */
void reload_places_put(struct reload_places *set, struct reload_place *place);

/* reload_places_first() returns the smallest place, by Kind and then by index or key (borrowed); NULL: none. */
struct reload_place *reload_places_first(const struct reload_places *set);

/* reload_places_last() returns the largest one. */
struct reload_place *reload_places_last(const struct reload_places *set);

/* reload_places_next() returns the one after place in its set; NULL: place is the largest. */
struct reload_place *reload_places_next(const struct reload_place *place);

/* reload_places_remove() takes a place out of the set; it is then the caller's, free(). */
void reload_places_remove(struct reload_places *set, struct reload_place *place);

/* reload_places_move() puts all places of from into to and leaves from empty. */
void reload_places_move(struct reload_places *to, struct reload_places *from);

/*
 * reload_places_ask() writes specifiers that ask for the first places of a set, in its order: max of them at most, and as many as fit the
 * smallest message with their keys and ranges, but one at least.  *taken is how many; what is written lives in arena, and its keys are the set's.
 * Returns the number of specifiers, at most RELOAD_RESOURCE_KINDS_MAX (RFC 6940 s7.4.2.1).
 */
size_t reload_places_ask(const struct reload_places *set, size_t max, struct reload_arena *arena,
	struct reload_specifier *out, size_t *taken);

/* reload_place_after() returns whether the place of a value of that Kind comes after place in a set; NULL: after nothing. */
bool reload_place_after(
	const struct reload_place *place, uint32_t kind, const struct reload_stored_value *value);

/* reload_places_clear() frees all places. */
void reload_places_clear(struct reload_places *set);

/* reload_place_bytes() returns the memory that a place takes. */
size_t reload_place_bytes(const struct reload_place *place);
