/* Joining, seen from the joining node. */
#pragma once

#include "topology/chord_link.h"
#include "wire/chord.h"

enum {
	CHORD_JOIN_WAIT_MS = 60000, /* from the answer to our Join to the Admitting Peer's Update */
	CHORD_JOIN_TRIES = 8,       /* failures in one join(), then FAILED */
	CHORD_DETOUR_TRIES = 2,     /* of these, then each attempt that fails takes a detour */
	CHORD_DETOUR_AFTER_MS =
		4000,          /* without ICE; one that has no answer takes a detour as well */
	CHORD_JOIN_MOVES = 64, /* changes of the Admitting Peer in one join(), then FAILED */
};

/* reload_chord_join_new() begins outside of any ring, reload_chord_join_free() frees the state of t. */
struct chord_join *reload_chord_join_new(void);
void reload_chord_join_free(struct reload_topology *t);
/* reload_chord_join_start() begins to join through bootstrap, from any state. */
void reload_chord_join_start(struct reload_topology *t, const struct reload_id *bootstrap);
/* reload_chord_join_stop() ends the join, whatever its phase; the caller sets the state. */
void reload_chord_join_stop(struct reload_topology *t);
/*
 * reload_chord_join_step() sends the Join, or our first Updates, when it is time.  It returns true when these Updates announced us
 * (R-10.5-14): Joins that waited for that can be answered now.
 */
bool reload_chord_join_step(struct reload_topology *t);
/* reload_chord_join_attached() takes the outcome of the Attach to n+1; false when the cookie is another one. */
bool reload_chord_join_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
/* reload_chord_join_pinged() takes the outcome of a Ping for our successors; false when the cookie is another one. */
bool reload_chord_join_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
/* reload_chord_join_answered() takes the answer to our Join. */
void reload_chord_join_answered(
	struct reload_topology *t, const struct reload_id *ap, enum reload_err err);
/* reload_chord_join_taken(): values of resource were taken from `from`; of interest until we are admitted. */
void reload_chord_join_taken(
	struct reload_topology *t, const struct reload_id *resource, const struct reload_id *from);
/* reload_chord_join_update() reads an Update that came over link: does it admit us, or show that we have to join elsewhere? */
void reload_chord_join_update(
	struct reload_topology *t, struct chord_link *link, const struct reload_chord_update *u);
/* reload_chord_join_fail() ends the join, or our membership in a ring from which we are cut off: FAILED. */
void reload_chord_join_fail(struct reload_topology *t);
/* reload_chord_join_lost(): the link to node is down. */
void reload_chord_join_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_join_bootstrap() is the bootstrap node of the last join; NULL: there was none. */
const struct reload_id *reload_chord_join_bootstrap(const struct reload_topology *t);
