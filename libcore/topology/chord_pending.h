/* Pending peers: nodes that others named and that are not peers of ours yet. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_PENDING_MAX = 64,               /* at the maximum the farthest idle one goes */
	CHORD_PENDING_SHARE = 24,             /* named by one informant; then only nearer ones */
	CHORD_INFORMANTS = 3,                 /* remembered for each node, the last ones */
	CHORD_ATTACH_TRIES = 4,               /* per node and round */
	CHORD_BACKOFF_DOUBLINGS_MAX = 4,      /* of the pause between rounds */
	CHORD_RETRY_AFTER_FAILURE_MS = 30000, /* between two rounds, at first */
	CHORD_NAME_LIFETIME_MS = 900000,      /* without an Update that lists the node */
};

/* reload_chord_pending_new() makes an empty table, reload_chord_pending_free() frees that of t. */
struct chord_pending *reload_chord_pending_new(void);
void reload_chord_pending_free(struct reload_topology *t);
/* reload_chord_pending_mention() notes that informant lists id; NULL: nothing can be routed through the node that did. */
void reload_chord_pending_mention(
	struct reload_topology *t, const struct reload_id *id, const struct reload_id *informant);
/*
 * reload_chord_pending_read_begin() is called before the mentions of one Update of informant, reload_chord_pending_read_end() after them:
 * the informant is removed from the nodes that it lists no longer.
 */
void reload_chord_pending_read_begin(struct reload_topology *t);
void reload_chord_pending_read_end(struct reload_topology *t, const struct reload_id *informant);
/* reload_chord_pending_connected(): a link to id is up, its Update is awaited from now on. */
void reload_chord_pending_connected(struct reload_topology *t, const struct reload_id *id);
/*
 * reload_chord_pending_expect() awaits the Update of a node that another peer has admitted for as long as it may take to announce itself, also
 * over a link that comes up later; false: it is not pending, or its Attaches have failed.  One node at a time: the last one.
 */
bool reload_chord_pending_expect(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_lost(): the link to id is down.  was_peer: it had sent an Update; left: it sent a Leave. */
void reload_chord_pending_lost(
	struct reload_topology *t, const struct reload_id *id, bool was_peer, bool left);
/* reload_chord_pending_forget() drops id, which is a peer now. */
void reload_chord_pending_forget(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_attached() takes the outcome of an Attach; false when the cookie is not one of these. */
bool reload_chord_pending_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);
/* reload_chord_pending_named() says, while we join, whether the Admitting Peer has named our future neighbours: no Attach before that. */
void reload_chord_pending_named(struct reload_topology *t, bool named);
/* reload_chord_pending_await() starts the time in which the next two functions may return true. */
void reload_chord_pending_await(struct reload_topology *t);
/* reload_chord_pending_start_due() starts the Attaches that are due. */
void reload_chord_pending_start_due(struct reload_topology *t);
/*
 * reload_chord_pending_outstanding() returns whether there is a future neighbour that we are not attached to, that failed once at most, and that a
 * trusted node names; limit ms after the begin of the time at the latest it is false.
 */
bool reload_chord_pending_outstanding(struct reload_topology *t, reload_ms limit);
/*
 * reload_chord_pending_between() returns whether there is a pending node in (from, to) that failed once at most and that has a link to us, or that
 * `to`, when trusted, names: what `to` does not know it cannot send us to.  After CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS it is false.
 */
bool reload_chord_pending_between(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *to);
/*
 * reload_chord_pending_near() fills out with the future neighbours of one side: peers and pending nodes, nearest first, at most
 * reload_chord_neighbours_goal(); it returns how many.
 */
size_t reload_chord_pending_near(
	struct reload_topology *t, bool clockwise, struct reload_id out[CHORD_NEIGHBOURS_MAX]);
/* reload_chord_pending_finger() returns a pending node for the entry `index` of the Finger Table; NULL: none. */
const struct reload_id *reload_chord_pending_finger(struct reload_topology *t, unsigned index);
/* reload_chord_pending_reachable() returns whether id is pending and failed once at most. */
bool reload_chord_pending_reachable(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_count() is the number of pending nodes. */
size_t reload_chord_pending_count(const struct reload_topology *t);
/* reload_chord_pending_informant() is the informant that began to list id last, *count the number of its informants; NULL: there is none. */
const struct reload_id *reload_chord_pending_informant(
	struct reload_topology *t, const struct reload_id *id, size_t *count);
/* reload_chord_pending_clear() drops all. */
void reload_chord_pending_clear(struct reload_topology *t);
