/* Nodes that come and go get their data ever later: damping of ranges and replicas. */
#pragma once

#include "topology/chord_link.h"

enum {
	CHORD_RETURNS =
		7, /* of a node that was given data and went: it gets them again at once; then */
	CHORD_DAMP_MS = 4000,      /* it waits, twice as long each time, and */
	CHORD_DAMP_MAX_MS = 40000, /* less than CHORD_JOIN_WAIT_MS: a Joining Node is still there */
	CHORD_DAMP_FORGOTTEN_MS = 600000,
	CHORD_DAMP_MAX =
		64, /* nodes remembered after they went; at the maximum the one that went first is forgotten */
	CHORD_GRANTS = 8,      /* to nodes that often return, at once; and */
	CHORD_GRANT_MS = 5000, /* how long it takes to earn another one */
};

/* reload_chord_damping_new() makes a table in which no node has gone yet. */
struct chord_damping *reload_chord_damping_new(void);
void reload_chord_damping_free(struct chord_damping *d);
/* reload_chord_damp_until() is the time from which node may be given data; 0: now. */
reload_ms reload_chord_damp_until(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_damp_given() notes that data are ordered for node. */
void reload_chord_damp_given(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_damp_went() notes that the node of link has gone, or began another stay. */
void reload_chord_damp_went(struct reload_topology *t, struct chord_link *link);
