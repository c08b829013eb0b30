/* Joining, seen from the Admitting Peer. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_JOINS_MAX = 128, /* in hand-over or queued for it; at the maximum a Join is ignored */
	CHORD_HAND_OVERS = 4,  /* at a time, not counting */
	CHORD_HAND_OVER_SLOW_MS = 5000,      /* those that have taken longer */
	CHORD_HAND_OVER_INTERVAL_MS = 10000, /* minimum time between two over one link */
};

/* reload_chord_admit_new() begins with no Join, reload_chord_admit_free() frees the state of t. */
struct chord_admit *reload_chord_admit_new(void);
void reload_chord_admit_free(struct reload_topology *t);
/* reload_chord_admit_received() takes a Join: it starts the hand-over to node, or sends our lists, which show where to join. */
void reload_chord_admit_received(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_admit_handed_over() makes node our predecessor when its Node-ID is still in our range. */
void reload_chord_admit_handed_over(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_admit_waiting() takes the Joins that came before we had announced ourselves. */
void reload_chord_admit_waiting(struct reload_topology *t);
/* reload_chord_admit_lost(): the link to node is down. */
void reload_chord_admit_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_admit_step() takes the Joins whose time has come: of nodes that come and go, and of those in the queue. */
void reload_chord_admit_step(struct reload_topology *t);
/* reload_chord_admit_stop() forgets all Joins. */
void reload_chord_admit_stop(struct reload_topology *t);
/* reload_chord_admit_count() is the number of Joins in the largest of three sets: in hand-over or queued for it, waiting, or damped. */
size_t reload_chord_admit_count(const struct reload_topology *t);
/* reload_chord_admit_hands() returns whether data are being handed over to node for its Join. */
bool reload_chord_admit_hands(const struct reload_topology *t, const struct reload_id *node);
