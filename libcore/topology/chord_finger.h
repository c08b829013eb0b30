/* Filling the Finger Table. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_FINGERS_WANTED = 16, /* searched for at join, s10.7.4.3 */
	CHORD_FINGER_PASSES = 4,
	CHORD_SEARCHES_MAX = 8,       /* at a time; at the maximum none begins */
	CHORD_SEARCH_TRIES = 6,       /* for a finger that failed; a periodic search has one */
	CHORD_SEARCH_PAUSE_MS = 1000, /* after the first one that failed; doubles */
};

/* reload_chord_finger_new() begins without searches, reload_chord_finger_free() frees the state of t. */
struct chord_finger *reload_chord_finger_new(void);
void reload_chord_finger_free(struct reload_topology *t);
/* reload_chord_finger_restart(): a new join begins, with a new first pass. */
void reload_chord_finger_restart(struct reload_topology *t);
/* reload_chord_finger_begin() makes the first pass of this join, unless it was made. */
void reload_chord_finger_begin(struct reload_topology *t);
/* reload_chord_finger_later() plans a pass in about wait ms, unless there were CHORD_FINGER_PASSES. */
void reload_chord_finger_later(struct reload_topology *t, reload_ms wait);
/* reload_chord_finger_stop() ends the passes. */
void reload_chord_finger_stop(struct reload_topology *t);
/* reload_chord_finger_attached() takes the outcome of an Attach; false when the cookie is not one of these. */
bool reload_chord_finger_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);
/* reload_chord_finger_lost(): the finger id failed, another one is searched for (R-10.7.2-02). */
void reload_chord_finger_lost(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_finger_search() chooses an entry for a search, as each chord-ping-interval does with CHORD-RELOAD. */
void reload_chord_finger_search(struct reload_topology *t);
/* reload_chord_finger_step() starts the searches that are due. */
void reload_chord_finger_step(struct reload_topology *t);
/* reload_chord_finger_pinged() takes the outcome of a Ping; false when the cookie is not one of these. */
bool reload_chord_finger_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
