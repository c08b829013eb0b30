/* Which data has to move when the tables change. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_DROP_MS = 30000, /* from three closer peers to forgetting the data */
};

/* reload_chord_data_new() begins without any order, reload_chord_data_free() frees the state of t. */
struct chord_data *reload_chord_data_new(void);
void reload_chord_data_free(struct reload_topology *t);
/* reload_chord_data_admitted(): ap has admitted us.  has_all: ap has all that we hold. */
void reload_chord_data_admitted(
	struct reload_topology *t, const struct reload_id *ap, bool has_all);
/* reload_chord_data_failed(): node failed.  Called before the tables change; the member that replaces it waits (R-10.7.1-03). */
void reload_chord_data_failed(struct reload_topology *t, const struct reload_id *node);
/*
 * reload_chord_data_replica_refused(): a replica Store of resource from signer was refused here.  The peers between resource and the farther one of
 * signer and us get an Update each, at most one in CHORD_DOUBT_MS: one that does not answer is lost.
 */
void reload_chord_data_replica_refused(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
/* reload_chord_data_refresh() compares range and replica set with what was ordered; returns whether the range changed. */
bool reload_chord_data_refresh(struct reload_topology *t);
