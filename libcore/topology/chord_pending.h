/* Pending peers: nodes that others named and that are not peers of ours yet. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_PENDING_MAX = 64, /* rows; at the maximum the farthest idle one goes */
	CHORD_PENDING_SHARE =
		24,           /* of them by one informant's word; beyond it only for nearer ones */
	CHORD_INFORMANTS = 3, /* remembered of those that list a node, the last ones */
	CHORD_ATTACH_TRIES = 4, /* per node, then it is forgotten */
	CHORD_BACKOFF_DOUBLINGS_MAX =
		4, /* the pause between rounds of tries has doubled so often */
	CHORD_RETRY_AFTER_FAILURE_MS =
		30000, /* a node that left or failed is not tried again for so long */
	CHORD_NAME_LIFETIME_MS = 900000, /* a node that nobody mentioned for so long is forgotten */
};

/* reload_chord_pending_new() makes an empty table, reload_chord_pending_free() ends that of t. */
struct chord_pending *reload_chord_pending_new(void);
void reload_chord_pending_free(struct reload_topology *t);
/* reload_chord_pending_mention() notes that informant (NULL: nobody to route through) lists id. */
void reload_chord_pending_mention(
	struct reload_topology *t, const struct reload_id *id, const struct reload_id *informant);
/* reload_chord_pending_read_begin() and reload_chord_pending_read_end() stand around the mentions of one Update of informant: what it lists no
 * longer is forgotten. */
void reload_chord_pending_read_begin(struct reload_topology *t);
void reload_chord_pending_read_end(struct reload_topology *t, const struct reload_id *informant);
/* reload_chord_pending_connected(): a link to id is up, its Update is awaited from here on. */
void reload_chord_pending_connected(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_lost(): the link to id is down; was_peer: it had sent an Update; left: it said that it leaves. */
void reload_chord_pending_lost(
	struct reload_topology *t, const struct reload_id *id, bool was_peer, bool left);
/* reload_chord_pending_forget(): id is a peer now. */
void reload_chord_pending_forget(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_attached() takes the outcome of an Attach; false when the cookie is not one of these. */
bool reload_chord_pending_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);
/* reload_chord_pending_named(): while we join, whether the Admitting Peer has named our future neighbours: no Attach before that. */
void reload_chord_pending_named(struct reload_topology *t, bool named);
/* reload_chord_pending_await(): from now on future neighbours are worth waiting for, CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS at most. */
void reload_chord_pending_await(struct reload_topology *t);
/* reload_chord_pending_start_due() starts the Attaches that are due. */
void reload_chord_pending_start_due(struct reload_topology *t);
/* reload_chord_pending_outstanding(): a future neighbour is not attached to yet, may still be, and is worth waiting for. */
bool reload_chord_pending_outstanding(struct reload_topology *t);
/* reload_chord_pending_between(): one in (from, to) that is linked or being attached to, whose Update is still awaited. */
bool reload_chord_pending_between(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *to);
/* reload_chord_pending_near() fills out with peers and pending nodes, nearest first, at most reload_chord_goal(). */
size_t reload_chord_pending_near(
	struct reload_topology *t, bool clockwise, struct reload_id out[CHORD_NEIGHBOURS_MAX]);
/* reload_chord_pending_finger() returns a pending node for the entry `index` of the Finger Table; NULL: none. */
const struct reload_id *reload_chord_pending_finger(struct reload_topology *t, unsigned index);
/* reload_chord_pending_reachable(): id is pending, and has not failed twice. */
bool reload_chord_pending_reachable(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_count() is the number of pending nodes. */
size_t reload_chord_pending_count(const struct reload_topology *t);
/* reload_chord_pending_informant() is the informant of id that began to list it last, *count how many are remembered; NULL: id is not
 * pending, or none. */
const struct reload_id *reload_chord_pending_informant(
	struct reload_topology *t, const struct reload_id *id, size_t *count);
/* reload_chord_pending_clear() forgets all. */
void reload_chord_pending_clear(struct reload_topology *t);
