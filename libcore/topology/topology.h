/*
 * The table behind which an overlay algorithm stands (RFC 6940 s6.4.1).  A plug-in is pure: it is told what happened, and
 * asks its host (the engine) for links, messages and the movement of data.  It never sees bytes of a header, keys or
 * storage.  CHORD-RELOAD (topology/chord.c) is the first; another one is a new file and a row in reload_topology_find().
 *
 * Calls never nest: the host's functions only queue, they do not call the plug-in back.
 */
#pragma once

#include "config/config.h"
#include "util/clock.h"
#include "wire/destination.h"

enum reload_topology_state {
	RELOAD_TOPOLOGY_DETACHED,  /* not part of the ring */
	RELOAD_TOPOLOGY_ATTACHING, /* Attach to the Admitting Peer and the future neighbours */
	RELOAD_TOPOLOGY_JOINING,   /* Join sent, data and the Admitting Peer's Update awaited */
	RELOAD_TOPOLOGY_JOINED,    /* responsible for a part of the ring */
	RELOAD_TOPOLOGY_FAILED,    /* the attempt to join failed; the host may start again */
};

/* What a plug-in asks of the engine.  All functions only take note; nothing is called back from inside them. */
struct reload_topology_host {
	void *arg;
	struct reload_timers *timers;
	reload_ms (*now)(void *arg);
	void (*random)(void *arg, void *out, size_t len);
	/*
	 * Attach along a Destination List (1 or 2 entries: [informant,] Node-ID or Resource-ID).  The outcome comes through
	 * attached() with the same cookie.  An existing link to the answering node is a success.
	 */
	void (*attach)(void *arg, uint32_t cookie, const struct reload_destination *list,
		size_t count, bool send_update);
	void (*join)(
		void *arg, const struct reload_id *admitting_peer); /* outcome: join_answered() */
	void (*update)(void *arg, const struct reload_id *to,
		struct span body); /* UpdateReq over the link to `to` */
	void (*leave)(void *arg, const struct reload_id *to,
		struct span overlay_data); /* LeaveReq over the link */
	/* replica Stores of all held resources in (from, to] to node; done: handed_over(node) when done is true */
	void (*store_range)(void *arg, const struct reload_id *from, const struct reload_id *to,
		const struct reload_id *node, uint8_t replica_number, bool done);
	/* values of an earlier life were held when this join began: nobody else may have them */
	bool (*brings)(void *arg);
	/* the peers responsible for what is held in (from, to] are new: make sure that they have it (R-6.4.2.3-03) */
	void (*offer_range)(void *arg, const struct reload_id *from, const struct reload_id *to);
	/* resources in (from, to] may be forgotten here, once their owners have them: this node is neither owner nor replica (R-10.7.3-07) */
	void (*drop_range)(void *arg, const struct reload_id *from, const struct reload_id *to);
	/* the link is of no more use to the topology, which takes it as gone from here on */
	void (*disconnect)(void *arg, const struct reload_id *node);
	/* Ping along a Destination List; the outcome comes through pinged() with the same cookie, whoever answers (CHORD-02) */
	void (*ping)(
		void *arg, uint32_t cookie, const struct reload_destination *list, size_t count);
	/* find a bootstrap node again, as at a join (s10.7.4.4); the outcome comes through located() with the same
	 * cookie; one at a time: of two the newer cookie is told */
	void (*locate)(void *arg, uint32_t cookie);
	/*
	 * For operators: other is a peer of a ring of this overlay that is not ours, or NULL when the rings that were seen have
	 * become one.
	 */
	void (*partition)(void *arg, const struct reload_id *other);
	void (*state)(void *arg, enum reload_topology_state state, const struct reload_id *other);
	void (*tables_changed)(
		void *arg); /* neighbours or fingers differ from before: an event for operators */
};

struct reload_topology;

/* Ordered, nearest first; fingers ascending.  Borrowed until the next call into the plug-in. */
struct reload_topology_tables {
	const struct reload_id *predecessors, *successors, *fingers;
	size_t predecessors_count, successors_count, fingers_count;
};

struct reload_topology_ops {
	const char *name; /* topology-plugin of the configuration */

	/* NULL: the algorithm cannot run with this configuration (node-id-length) */
	struct reload_topology *(*new)(const struct reload_config *config,
		const struct reload_id *self, const struct reload_topology_host *host);
	void (*free)(struct reload_topology *t);
	void (*configure)(struct reload_topology *t,
		const struct reload_config *config); /* a newer document */

	/* -- life ------------------------------------------------------------------------------------------------ */
	void (*first)(struct reload_topology *t); /* own the whole ring (R-6.4.2.1-09) */
	/* join through a connected bootstrap node (R-10.5-01 ..); progress through host->state() */
	void (*join)(struct reload_topology *t, const struct reload_id *bootstrap);
	void (*leave)(
		struct reload_topology *t); /* Leave to every neighbour (s10.9), then DETACHED */
	enum reload_topology_state (*get_state)(const struct reload_topology *t);

	/* -- what happened ---------------------------------------------------------------------------------------- */
	void (*connected)(
		struct reload_topology *t, const struct reload_id *node); /* a link is up */
	void (*disconnected)(struct reload_topology *t, const struct reload_id *node);
	/* err RELOAD_OK: a link to node is up */
	void (*attached)(struct reload_topology *t, uint32_t cookie, enum reload_err err,
		const struct reload_id *node);
	/* err RELOAD_OK: responder signed the answer to a Ping */
	void (*pinged)(struct reload_topology *t, uint32_t cookie, enum reload_err err,
		const struct reload_id *responder);
	/* err RELOAD_OK: a link to the bootstrap node `node` is up */
	void (*located)(struct reload_topology *t, uint32_t cookie, enum reload_err err,
		const struct reload_id *node);
	void (*join_answered)(struct reload_topology *t, const struct reload_id *admitting_peer,
		enum reload_err err);
	/* a Join of node came over node's own link and was answered: hand over, then Update (CHORD-11) */
	void (*join_received)(struct reload_topology *t, const struct reload_id *node);
	/* what was stored here in the range while the hand-over ran has been sent as well (CHORD-11) */
	void (*handed_over)(struct reload_topology *t, const struct reload_id *node);
	/*
	 * The body of an UpdateReq signed by from; direct: it came over from's own link (SEC-18: else it may only lead to
	 * Attach attempts).  RELOAD_UNKNOWN_TYPE: drop the message; RELOAD_INVALID_MESSAGE.
	 */
	enum reload_err (*update_received)(struct reload_topology *t, const struct reload_id *from,
		bool direct, struct span body);
	void (*update_failed)(
		struct reload_topology *t, const struct reload_id *to, enum reload_err err);
	void (*leave_received)(
		struct reload_topology *t, const struct reload_id *from, struct span overlay_data);
	void (*link_health)(
		struct reload_topology *t, const struct reload_id *node, bool good); /* R-6.6-05 */

	/* -- questions -------------------------------------------------------------------------------------------- */
	/*
	 * The connected peer to which a message for id goes (s10.3); RELOAD_OK with *next, or RELOAD_NO_NODE.  Never self,
	 * never a client, never a node that has not sent an Update (R-6.5.1-02).
	 */
	enum reload_err (*next_hop)(
		struct reload_topology *t, const struct reload_id *id, struct reload_id *next);
	bool (*responsible)(struct reload_topology *t, const struct reload_id *id);
	/* the replica set of this node's own range: at most two successors (CHORD-06); returns their number */
	size_t (*replicas)(struct reload_topology *t, struct reload_id out[2]);
	/* this node is owner or replica of resource (CHORD-14) */
	bool (*holds)(struct reload_topology *t, const struct reload_id *resource);
	/* a replica Store of resource signed by signer is plausible (STO-17) */
	bool (*plausible)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *signer);
	/* neighbours came lately: rings may have merged, and others may hold what this node does not know */
	bool (*unsettled)(struct reload_topology *t);
	/* such a Store was refused: whether the peers that stand in its way are still there is looked after at once */
	void (*doubted)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *signer);
	/* signer may answer for resource: no neighbour is closer (SEC-14); true where there is no Neighbor Table */
	bool (*close_enough)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *signer);
	void (*tables)(struct reload_topology *t, struct reload_topology_tables *out);
	/*
	 * The Update body for somebody who asked with send_update (full, CHORD-03).  w fails with RELOAD_NOT_JOINED while
	 * the node may not show itself (R-10.5-14): then nothing is sent, the plug-in sends its Update when it may.
	 */
	void (*update_write)(struct reload_topology *t, struct wr *w);
	/* the RouteQueryAns body for id: the next hop, or self when responsible */
	void (*route_query_write)(
		struct reload_topology *t, struct wr *w, const struct reload_id *id);
	uint32_t (*responsible_ppb)(
		struct reload_topology *t); /* parts per billion of the ring (MSG-14) */
	/* the range (from, to] that this node answers for; false: none */
	bool (*range)(struct reload_topology *t, struct reload_id *from, struct reload_id *to);
	/* Resource-ID of a Resource Name */
	void (*resource_id)(struct reload_id *out, struct span resource_name);
};

/* reload_topology_find() returns the plug-in of that name, NULL when it is not supported. */
const struct reload_topology_ops *reload_topology_find(const char *name);

extern const struct reload_topology_ops reload_chord_topology;
