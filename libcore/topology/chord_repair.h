/* Finding a new successor when all were lost. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_REPAIR_TRIES = 4, /* attempts, each begins with a Ping */
};

/* reload_chord_repair_new() begins with nothing to be repaired, reload_chord_repair_free() frees the state of t. */
struct chord_repair *reload_chord_repair_new(void);
void reload_chord_repair_free(struct reload_topology *t);
/* reload_chord_repair_lost(): node, a peer, failed or left.  Called before the tables change. */
void reload_chord_repair_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_repair_step() starts the search when the last successor is gone. */
void reload_chord_repair_step(struct reload_topology *t);
/* reload_chord_repair_pinged(), _attached() take outcomes; false when the cookie is another one. */
bool reload_chord_repair_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
bool reload_chord_repair_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
/* reload_chord_repair_answered() takes the answer to a Join; false when the Join was not sent from here. */
bool reload_chord_repair_answered(
	struct reload_topology *t, const struct reload_id *node, enum reload_err err);
/* reload_chord_repair_joins() returns whether a Join of the repair to node is under way. */
bool reload_chord_repair_joins(const struct reload_topology *t, const struct reload_id *node);
