/* Damping: a node that comes and goes gets data at growing intervals. */
#pragma once

#include "topology/chord_link.h"

enum {
	CHORD_RETURNS = 7, /* so often a node that comes back gets data at once */
	CHORD_DAMP_MS =
		4000, /* the wait of the first return after these; each further one doubles it */
	CHORD_DAMP_MAX_MS = 40000, /* less than CHORD_JOIN_WAIT_MS: a joining node still waits */
	CHORD_DAMP_FORGOTTEN_MS = 600000,
	CHORD_DAMP_MAX = 64,   /* at the maximum the node that went first is forgotten */
	CHORD_GRANTS = 8,      /* nodes that return often and get data at once, all together */
	CHORD_GRANT_MS = 5000, /* the time after which one more of these does */
};

/* reload_chord_damping_new() makes an empty table. */
struct chord_damping *reload_chord_damping_new(void);
void reload_chord_damping_free(struct chord_damping *d);
/* reload_chord_damp_until() is the time from which node may be given data; 0: now. */
reload_ms reload_chord_damp_until(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_damp_given() notes that data were ordered for node. */
void reload_chord_damp_given(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_damp_went() notes that the node of link has gone, or began another stay. */
void reload_chord_damp_went(struct reload_topology *t, struct chord_link *link);
