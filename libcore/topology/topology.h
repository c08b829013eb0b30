/*
 * The interface of an overlay algorithm, the "topology plug-in" (RFC 6940 s6.4.1).
 *
 * A plug-in is pure: the engine calls it for each event, and it asks its host, the engine, for links, messages and the movement of data.  It
 * never sees the bytes of a header, a key or the storage.  CHORD-RELOAD and CHORD-SELF-TUNING (topology/chord.c) are one algorithm with two
 * paces; another one is a new file and a row in reload_topology_find().
 *
 * Calls never nest: the functions of the host only queue what they are asked for and do not call the plug-in.
 */
#pragma once

#include "config/config.h"
#include "topology/estimate.h"
#include "util/clock.h"
#include "wire/destination.h"

enum reload_topology_state {
	RELOAD_TOPOLOGY_DETACHED,  /* not part of the ring */
	RELOAD_TOPOLOGY_ATTACHING, /* attaching to the Admitting Peer and the future neighbours */
	RELOAD_TOPOLOGY_JOINING, /* the Join was sent; data and the Admitting Peer's Update are awaited */
	RELOAD_TOPOLOGY_JOINED, /* responsible for a part of the ring */
	RELOAD_TOPOLOGY_FAILED, /* the attempt to join failed; the host may start again */
};

/* What a plug-in has the link to a node for. */
enum reload_topology_link_use {
	RELOAD_LINK_NO_PEER, /* the node has sent no Update over it: a client, or a node that joins */
	RELOAD_LINK_SPARE, /* to a peer, and for nothing; the other end may think otherwise: full_update_since() */
	RELOAD_LINK_USED, /* one of the ends has the other as neighbour or finger, as far as is known, or had lately */
};

/* What a plug-in orders of stored data; as with struct reload_topology_host, nothing calls it back. */
struct reload_topology_data {
	void *arg;
	/* stores all resources in (from, to] that are held here at node, as replicas; with done, handed_over(node) follows */
	void (*store_range)(void *arg, const struct reload_id *from, const struct reload_id *to,
		const struct reload_id *node, uint8_t replica_number, bool done);
	/* the peers responsible for (from, to] are new: check that they have what is held here, and send it if not (R-6.4.2.3-03) */
	void (*owner_check_range)(
		void *arg, const struct reload_id *from, const struct reload_id *to);
	/* this node is neither owner nor replica for (from, to]: forget what is held there once its owners have it (R-10.7.3-07) */
	void (*forget_range)(void *arg, const struct reload_id *from, const struct reload_id *to);
};

/* What a plug-in asks of the engine.  Each function only queues a request; none calls the plug-in back. */
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
	/* outcome: join_answered() */
	void (*join)(void *arg, const struct reload_id *admitting_peer);
	/* sends an UpdateReq over the link to `to` */
	void (*update)(void *arg, const struct reload_id *to, struct span body);
	/* sends a LeaveReq over the link to `to` */
	void (*leave)(void *arg, const struct reload_id *to, struct span overlay_data);
	struct reload_topology_data data;
	/* whether values were held here when this join began: other nodes may not have them */
	bool (*holds_earlier_values)(void *arg);
	/* closes the link to node; the plug-in treats it as lost from now on */
	void (*disconnect)(void *arg, const struct reload_id *node);
	/* sends a Ping along a Destination List; any node may answer (CHORD-02).  The outcome comes through pinged() with the same cookie */
	void (*ping)(
		void *arg, uint32_t cookie, const struct reload_destination *list, size_t count);
	/*
	 * sends a Probe that asks for the uptime over the link to node, with the own estimates if there are any; probed() and
	 * estimates_received() follow
	 */
	void (*probe)(void *arg, const struct reload_id *node);
	/*
	 * looks for a bootstrap node again, as at a join (s10.7.4.4).  The outcome comes through relocated() with the same cookie.
	 * One search at a time: a second call replaces the cookie of the first
	 */
	void (*relocate)(void *arg, uint32_t cookie);
	/* An event for operators: other is a peer in another ring of this overlay; NULL: the rings have merged. */
	void (*partition)(void *arg, const struct reload_id *other);
	void (*state)(void *arg, enum reload_topology_state state, const struct reload_id *other);
	/* an event for operators: neighbours or fingers changed */
	void (*tables_changed)(void *arg);
};

struct reload_topology;

/* Neighbours nearest first, fingers ascending.  Borrowed until the next call into the plug-in. */
struct reload_topology_tables {
	const struct reload_id *predecessors, *successors, *fingers;
	size_t predecessors_count, successors_count, fingers_count;
};

/* How an overlay that sets its own pace runs now (RFC 7363 s6). */
struct reload_topology_tuning {
	struct reload_estimates own,
		in_force; /* in_force: the 75th percentile of the own ones and those of others */
	struct reload_interval interval;
	reload_ms period_ms, left_ms; /* the interval with its jitter, and what is left of it */
	uint32_t longest_s;           /* the bound of the interval */
	unsigned neighbours, fingers; /* sizes: neighbours on each side, and of the Finger Table */
	uint32_t peers_to_probe;      /* at the end of each period */
	size_t failures;              /* remembered; the own join is one */
	size_t failures_limit;        /* the most that are remembered */
	size_t members, ages; /* peers in the tables; of how many of them the age is known */
	/* of what in_force was made, the own ones first; borrowed until the next call into the plug-in */
	const struct reload_estimates *data;
	size_t data_count;
};

struct reload_topology_ops {
	const char *name; /* topology-plugin of the configuration */
	bool measures;    /* it sets its own pace (RFC 7363) */

	/* returns NULL when the algorithm cannot run with this configuration (node-id-length) */
	struct reload_topology *(*new)(const struct reload_config *config,
		const struct reload_id *self, const struct reload_topology_host *host);
	void (*free)(struct reload_topology *t);
	/* a newer configuration document is in force */
	void (*configure)(struct reload_topology *t, const struct reload_config *config);

	/* -- being in the overlay ------------------------------------------------------------------------------ */
	/* this node is the first and owns the whole ring (R-6.4.2.1-09) */
	void (*first)(struct reload_topology *t);
	/* joins through a connected bootstrap node (R-10.5-01 ff.); progress is reported by host->state() */
	void (*join)(struct reload_topology *t, const struct reload_id *bootstrap);
	/* sends Leaves (s10.9), then DETACHED */
	void (*leave)(struct reload_topology *t);
	enum reload_topology_state (*get_state)(const struct reload_topology *t);

	/* -- what happened ---------------------------------------------------------------------------------------- */
	/* a link to node is up */
	void (*connected)(struct reload_topology *t, const struct reload_id *node);
	void (*disconnected)(struct reload_topology *t, const struct reload_id *node);
	/* err RELOAD_OK: a link to node is up */
	void (*attached)(struct reload_topology *t, uint32_t cookie, enum reload_err err,
		const struct reload_id *node);
	/* err RELOAD_OK: responder signed the answer to a Ping */
	void (*pinged)(struct reload_topology *t, uint32_t cookie, enum reload_err err,
		const struct reload_id *responder);
	/* err RELOAD_OK: a link to the bootstrap node `node` is up */
	void (*relocated)(struct reload_topology *t, uint32_t cookie, enum reload_err err,
		const struct reload_id *node);
	void (*join_answered)(struct reload_topology *t, const struct reload_id *admitting_peer,
		enum reload_err err);
	/* a Join came over its sender's own link and was answered: data are handed over, then an Update goes out (CHORD-11) */
	void (*join_received)(struct reload_topology *t, const struct reload_id *node);
	/* a store_range() with done has ended; what was stored in the range meanwhile has been sent too (CHORD-11) */
	void (*handed_over)(struct reload_topology *t, const struct reload_id *node);
	/*
	 * The body of an UpdateReq signed by from.  direct: it came over from's own link; one that did not can cause Attaches only (SEC-18).
	 * RELOAD_UNKNOWN_TYPE: the message is to be dropped; RELOAD_INVALID_MESSAGE: to be refused.
	 */
	enum reload_err (*update_received)(struct reload_topology *t, const struct reload_id *from,
		bool direct, struct span body);
	/* an update() has ended; RELOAD_CANCELLED: which says nothing about the node */
	void (*update_ended)(
		struct reload_topology *t, const struct reload_id *to, enum reload_err err);
	void (*leave_received)(
		struct reload_topology *t, const struct reload_id *from, struct span overlay_data);
	/* the link layer found the link to node good, or not (R-6.6-05) */
	void (*link_health)(struct reload_topology *t, const struct reload_id *node, bool good);

	/* the host closes the link to node, which was RELOAD_LINK_SPARE: no failure of the node */
	void (*released)(struct reload_topology *t, const struct reload_id *node);

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
	/* whether this node is owner or replica holder of resource (CHORD-14) */
	bool (*holds)(struct reload_topology *t, const struct reload_id *resource);
	/* whether signer may store a replica of resource here (STO-17) */
	bool (*may_store_replica)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *signer);
	/* whether there are new neighbours lately: rings may have merged, and other peers may hold values that this node lacks */
	bool (*unsettled)(struct reload_topology *t);
	/* a replica Store was refused because of peers in between: the plug-in checks at once whether they are still there */
	void (*replica_store_refused)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *signer);
	/*
	 * Values of resource were taken from `from`: its replica Store, or what it answered to a Fetch.  A Joining Node sends those of its range
	 * to its Admitting Peer that it got from others.
	 */
	void (*values_taken)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *from);
	/* whether signer may answer for resource: no neighbour is closer (SEC-14); true without a Neighbor Table */
	bool (*close_enough)(struct reload_topology *t, const struct reload_id *resource,
		const struct reload_id *signer);
	void (*tables)(struct reload_topology *t, struct reload_topology_tables *out);
	enum reload_topology_link_use (*link_use)(
		struct reload_topology *t, const struct reload_id *node);
	/* whether node has sent all its tables since then, as an Attach with send_update asks for */
	bool (*full_update_since)(
		struct reload_topology *t, const struct reload_id *node, reload_ms since);
	/*
	 * Writes the body of the Update for a node that asked with send_update (type full, CHORD-03).  w fails with RELOAD_NOT_JOINED before
	 * the node may announce itself (R-10.5-14): nothing is sent then, and the plug-in sends an Update when it may.
	 */
	void (*update_write)(struct reload_topology *t, struct wr *w);
	/* writes the body of a RouteQueryAns for id: the next hop, or self when responsible */
	void (*route_query_write)(
		struct reload_topology *t, struct wr *w, const struct reload_id *id);
	/* this node's range in parts per billion of the ring (MSG-14) */
	uint32_t (*responsible_ppb)(struct reload_topology *t);
	/* -- an overlay that sets its own pace (RFC 7363) ------------------------------------------------------------- */
	/* the own estimates, which go with each Probe and with the answer to one; false: nothing goes with it */
	bool (*estimates)(struct reload_topology *t, struct reload_self_tuning *out);
	/* a Probe of from, or its answer to one, brought these estimates */
	void (*estimates_received)(struct reload_topology *t, const struct reload_id *from,
		const struct reload_self_tuning *of);
	/* node answered a probe(); uptime_s NULL: it did not tell its uptime */
	void (*probed)(
		struct reload_topology *t, const struct reload_id *node, const uint32_t *uptime_s);
	/* for how long nothing may come over the link to node until it is tried with a Ping (s6.3.1); 0: for ever */
	reload_ms (*silence)(struct reload_topology *t, const struct reload_id *node);
	/* false: the algorithm measures nothing, or this node is not part of the ring */
	bool (*tuning)(struct reload_topology *t, struct reload_topology_tuning *out);
	/* the uptime that Updates tell, and answers to Probes */
	uint32_t (*uptime_s)(const struct reload_topology *t);

	/* the range (from, to] for which this node is responsible; false: it is for none */
	bool (*range)(struct reload_topology *t, struct reload_id *from, struct reload_id *to);
	/* the Resource-ID of a Resource Name */
	void (*resource_id)(struct reload_id *out, struct span resource_name);
};

/* reload_topology_find() returns the plug-in of that name, NULL when it is not supported. */
const struct reload_topology_ops *reload_topology_find(const char *name);
/*
 * reload_topology_keepalive_ms() is the time after which hosts of this overlay send a packet over a link that is idle, Tr of RFC 6940 s6.5.1.14
 * and RFC 7363 s6.3.1, in milliseconds.  A peer that is watched (silence()) and from which nothing has come for twice this time is sent a
 * Ping: so one that stopped without a word is noticed, although the links of one that is there cost no message.
 */
reload_ms reload_topology_keepalive_ms(
	const struct reload_topology_ops *ops, const struct reload_config *config);

/*
 * reload_topology_lists() returns whether node is in the tables of the topology, reload_topology_is_predecessor() whether it is the nearest
 * predecessor.
 */
bool reload_topology_lists(const struct reload_topology_ops *ops, struct reload_topology *t,
	const struct reload_id *node);
bool reload_topology_is_predecessor(const struct reload_topology_ops *ops,
	struct reload_topology *t, const struct reload_id *node);
/*
 * reload_topology_passed_over() returns whether owner, which takes this node for its replica holder of that number and stores a replica of
 * resource here, does not know all peers between the two yet; *out is the nearest predecessor of this node, which it may not know.  One that
 * has just joined announces itself only when it has a link to all its neighbours (R-10.5-14), and until then its successor alone knows
 * it.  False when resource belongs to another one than owner.
 */
bool reload_topology_passed_over(const struct reload_topology_ops *ops, struct reload_topology *t,
	const struct reload_id *resource, const struct reload_id *owner, uint8_t replica_number,
	struct reload_id *out);

/*
 * reload_topology_owner() returns whether resource lies between two neighbours in front of this node; *out is the second one, its owner by the
 * tables of this node.
 */
bool reload_topology_owner(const struct reload_topology_ops *ops, struct reload_topology *t,
	const struct reload_id *resource, struct reload_id *out);

extern const struct reload_topology_ops reload_chord_topology, reload_chord_tuned_topology;
