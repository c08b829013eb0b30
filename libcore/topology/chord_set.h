/*
 * Ordered sets of Node-IDs on the ring of CHORD-RELOAD, and the arithmetic of that ring (RFC 6940 s10.1).  Nothing here has
 * a state of its own: no time, no links, no messages.
 */
#pragma once

#include "util/id.h"

enum {
	CHORD_ID_LEN = 16,         /* interop CHORD-05: any other node-id-length is refused */
	CHORD_NEIGHBOURS_MIN = 3,  /* per side, R-10.7-06 */
	CHORD_GOAL_MAX = 8,        /* per side, reached at about 10^5 peers: reload_chord_goal() */
	CHORD_NEIGHBOURS_MAX = 32, /* per side, of CHORD-SELF-TUNING */
	CHORD_FINGERS_MAX = 128,   /* the Finger Table can hold one per bit of a Node-ID */
};

typedef unsigned __int128 reload_point; /* of the ring: a Node-ID as a number */

/* Ascending, without duplicates; owned: reload_chord_set_clear() frees it.  All zero is the empty set. */
struct chord_set {
	reload_point *at;
	size_t count, cap;
};

/* reload_chord_set_has() returns whether id is in the set. */
bool reload_chord_set_has(const struct chord_set *s, const struct reload_id *id);
/* reload_chord_set_add(), reload_chord_set_remove() return whether the set changed. */
bool reload_chord_set_add(struct chord_set *s, const struct reload_id *id);
bool reload_chord_set_remove(struct chord_set *s, const struct reload_id *id);
void reload_chord_set_clear(struct chord_set *s);
/* reload_chord_set_after(), reload_chord_set_before() copy up to max elements, nearest to self first, clockwise or
 * counterclockwise; they return how many. */
size_t reload_chord_set_after(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max);
size_t reload_chord_set_before(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max);
/* reload_chord_set_at() returns the element number i of the ascending order; i is less than the count. */
struct reload_id reload_chord_set_at(const struct chord_set *s, size_t i);
/* reload_chord_set_route() finds the next hop for a k outside of self's own range (s10.3); false when the set is empty. */
bool reload_chord_set_route(const struct chord_set *s, const struct reload_id *self,
	const struct reload_id *k, struct reload_id *out);
/* reload_chord_set_fingers() fills out, ascending, with the first element of each finger interval that has one; it returns
 * how many. */
size_t reload_chord_set_fingers(const struct chord_set *s, const struct reload_id *self,
	struct reload_id out[CHORD_FINGERS_MAX]);
/* reload_chord_finger_index() is the i (1 to 128) for which id lies in [self+2^(128-i), self+2^(129-i)-1]; id is not self. */
unsigned reload_chord_finger_index(const struct reload_id *self, const struct reload_id *id);
/* reload_chord_high() returns the upper 64 bits of a distance. */
uint64_t reload_chord_high(const struct reload_id *distance);
/* reload_chord_nearer() returns whether a is reached before b on the way from `from`, clockwise or counterclockwise. */
bool reload_chord_nearer(const struct reload_id *from, bool clockwise, const struct reload_id *a,
	const struct reload_id *b);
/* reload_chord_remoteness() is the distance between self and id, the shorter way round the ring. */
struct reload_id reload_chord_remoteness(const struct reload_id *self, const struct reload_id *id);
/* reload_chord_insert() inserts id into a list of n, nearest to self first; returns the new length, at most max: a full list loses
 * its last element. */
size_t reload_chord_insert(const struct reload_id *self, bool clockwise, struct reload_id *list,
	size_t n, size_t max, const struct reload_id *id);
/* reload_chord_goal() is the number of neighbours to have on each side.  It grows with log N; N is estimated from the
 * distance that the nearest three peers of each side span. */
size_t reload_chord_goal(const struct chord_set *peers, const struct reload_id *self);
