/* An Update that came in. */
#pragma once

#include "topology/chord_base.h"

/* reload_chord_update_in() is update_received of struct reload_topology_ops. */
enum reload_err reload_chord_update_in(
	struct reload_topology *t, const struct reload_id *from, bool direct, struct span body);
