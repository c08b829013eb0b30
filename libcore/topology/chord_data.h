/* Which data has to move when the tables change. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_DROP_MS =
		30000, /* data are kept so long after three peers came to stand before them */
};

/* reload_chord_data_new() begins without any order, reload_chord_data_free() ends the state of t. */
struct chord_data *reload_chord_data_new(void);
void reload_chord_data_free(struct reload_topology *t);
/* reload_chord_data_admitted(): ap has admitted us; has_all: it needs nothing of what we hold. */
void reload_chord_data_admitted(
	struct reload_topology *t, const struct reload_id *ap, bool has_all);
/* reload_chord_data_failed(): node failed, called before the tables change: its replacement waits (R-10.7.1-03). */
void reload_chord_data_failed(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_data_doubted(): a replica Store was refused; the peers between resource and whoever of signer and us is farther get
 * an Update each, at most one in CHORD_DOUBT_MS: one that does not answer is lost. */
void reload_chord_data_doubted(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
/* reload_chord_data_refresh() compares range and replica set with what was ordered; returns whether the range changed. */
bool reload_chord_data_refresh(struct reload_topology *t);
