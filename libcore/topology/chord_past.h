/* Nodes that were neighbours lately, and whether the ring around us changed lately. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_PAST_MS = 60000,       /* for which a former neighbour may store replicas */
	CHORD_PAST_MAX = 32,         /* at the maximum the one that went first is forgotten */
	CHORD_UNSETTLED_MS = 240000, /* after a new neighbour or finger */
};

/* reload_chord_past_new() makes an empty table. */
struct chord_past *reload_chord_past_new(void);
void reload_chord_past_free(struct chord_past *past);
/* reload_chord_past_has() returns whether node was a neighbour less than CHORD_PAST_MS ago. */
bool reload_chord_past_has(const struct reload_topology *t, const struct reload_id *node);
/* reload_chord_past_went() notes that node is a neighbour no longer. */
void reload_chord_past_went(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_past_came() notes that there is a new neighbour or finger: the ring is unsettled from now on for CHORD_UNSETTLED_MS. */
void reload_chord_past_came(struct reload_topology *t);
/* reload_chord_unsettled() is unsettled of struct reload_topology_ops. */
bool reload_chord_unsettled(struct reload_topology *t);
