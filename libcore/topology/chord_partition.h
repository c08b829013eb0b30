/* Does the overlay consist of several rings? */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_CHECK_MS = 10000, /* first check for a partition after losses, then doubling */
	CHORD_PARTITION_WINDOW_MS = 60000, /* so many neighbours, lost within so long, ... */
	CHORD_PARTITION_LOSSES = 2,        /* ... look like a partition */
	CHORD_PARTITION_CHECK_SPEEDUP = 8, /* without fingers the check comes so much more often */
};

/* reload_chord_check_new() begins without a check, reload_chord_check_free() ends the state of t. */
struct chord_check *reload_chord_check_new(void);
void reload_chord_check_free(struct reload_topology *t);
/* reload_chord_check_step() plans the checks for a partition. */
void reload_chord_check_step(struct reload_topology *t);
/* reload_chord_check_lost(): the link to node, a peer, failed; called before the tables change. */
void reload_chord_check_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_check_located(), _pinged(), _attached() take outcomes; false when the cookie is another one. */
void reload_chord_check_located(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
bool reload_chord_check_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
bool reload_chord_check_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
