/* Does the overlay consist of several rings? */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_CHECK_MS = 10000,            /* to the first check after losses, then doubling */
	CHORD_PARTITION_WINDOW_MS = 60000, /* the time in which losses are counted */
	CHORD_PARTITION_LOSSES =
		2, /* so many lost neighbours within the window look like a partition */
	CHORD_PARTITION_CHECK_SPEEDUP = 8, /* divides the interval of a peer without far fingers */
};

/* reload_chord_check_new() begins without a check, reload_chord_check_free() frees the state of t. */
struct chord_check *reload_chord_check_new(void);
void reload_chord_check_free(struct reload_topology *t);
/* reload_chord_check_step() plans the checks for a partition. */
void reload_chord_check_step(struct reload_topology *t);
/* reload_chord_check_lost(): the link to node, a peer, failed.  Called before the tables change. */
void reload_chord_check_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_check_relocated(), _pinged(), _attached() take outcomes; false when the cookie is another one. */
void reload_chord_check_relocated(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
bool reload_chord_check_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
bool reload_chord_check_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
