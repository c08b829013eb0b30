/* Leaves: ours, and those of others. */
#pragma once

#include "topology/chord_base.h"

/* reload_chord_leave() sends Leaves to all peers and ends our part in the ring: DETACHED. */
void reload_chord_leave(struct reload_topology *t);
/* reload_chord_leave_received() treats from as failed (R-10.9-03). */
void reload_chord_leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data);
