/* The pace of CHORD-SELF-TUNING: estimates, interval and sizes of the tables. */
#pragma once

#include "topology/chord_link.h"
#include "topology/estimate.h"

enum {
	CHORD_RECEIVED_MAX =
		64, /* estimates in a period; at the maximum those of further peers are not taken */
};

/*
 * reload_chord_tuning_new() begins without estimates; NULL when the pace measures nothing, and the functions below do nothing then.
 * reload_chord_tuning_free() frees the state of t.
 */
struct chord_tuning *reload_chord_tuning_new(const struct chord_pace *pace);
void reload_chord_tuning_free(struct reload_topology *t);
/* reload_chord_tuning_step() begins to measure when we have become part of the ring, and ends it when we are no longer. */
void reload_chord_tuning_step(struct reload_topology *t);
/* reload_chord_tuning_uptime() notes what the node of link says of its uptime. */
void reload_chord_tuning_uptime(
	struct reload_topology *t, struct chord_link *link, uint32_t uptime_s);
/* reload_chord_tuning_failed() counts the loss or the Leave of the peer at link, if it is in our tables.  Called before the tables change. */
void reload_chord_tuning_failed(struct reload_topology *t, const struct chord_link *link);
/* reload_chord_tuning_fingers() asks those that are new in the Finger Table for their uptime. */
void reload_chord_tuning_fingers(struct reload_topology *t);
/*
 * reload_chord_estimates(), reload_chord_estimates_received(), reload_chord_probed(), reload_chord_silence() and reload_chord_tuning() are the functions
 * of that name of struct reload_topology_ops.
 */
bool reload_chord_estimates(struct reload_topology *t, struct reload_self_tuning *out);
void reload_chord_estimates_received(struct reload_topology *t, const struct reload_id *from,
	const struct reload_self_tuning *of);
void reload_chord_probed(
	struct reload_topology *t, const struct reload_id *node, const uint32_t *uptime_s);
reload_ms reload_chord_silence(struct reload_topology *t, const struct reload_id *node);
bool reload_chord_tuning(struct reload_topology *t, struct reload_topology_tuning *out);
