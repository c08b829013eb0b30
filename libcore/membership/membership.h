/*
 * Being in the overlay (RFC 6940 s10.5, s11.4; cli.md s3): finding a bootstrap node, Attach, Join, Update and Leave, links as the topology
 * plug-in sees them, a client's place, a peer that has lost everybody or cannot write.  It never looks into the storage: what it has to know of
 * stored data it asks whoever watches.
 *
 *   enrolled -> bootstrapping -> attaching -> joining -> joined -> leaving -> enrolled
 *                    ^               |           |         |
 *                    +--- pause <----+-----------+    isolated (no neighbour answers): joins again
 */
#pragma once

#include "exchange/exchange.h"
#include "topology/topology.h"

struct reload_membership;

enum reload_role {
	RELOAD_ROLE_PEER,
	RELOAD_ROLE_CLIENT
};

/* States of cli.md s3, in the order of a life. */
enum reload_state {
	RELOAD_STATE_INIT,
	RELOAD_STATE_CONFIGURED,
	RELOAD_STATE_ENROLLED, /* credentials at hand, not attached */
	RELOAD_STATE_BOOTSTRAPPING,
	RELOAD_STATE_ATTACHING,
	RELOAD_STATE_JOINING,
	RELOAD_STATE_JOINED,
	RELOAD_STATE_LEAVING,
	RELOAD_STATE_ISOLATED,
	RELOAD_STATE_STOPPED,
};

/* reload_state_name() returns the word of cli.md s3: "joined"; static. */
const char *reload_state_name(enum reload_state state);

/* Progress of a join (cli.md s5). */
enum reload_phase {
	RELOAD_PHASE_BOOTSTRAP,
	RELOAD_PHASE_ATTACH,
	RELOAD_PHASE_JOIN,
	RELOAD_PHASE_NEIGHBOURS,
	RELOAD_PHASES
};

/* reload_phase_name() returns the word of cli.md s5: "bootstrap"; static. */
const char *reload_phase_name(enum reload_phase phase);

/* What the room notifies the rooms above of, and asks them; all functions are called from inside an input. */
struct reload_membership_watch {
	/* the state has changed */
	void (*state)(void *arg, enum reload_state state);
	/* the node begins to join, or to be the first: what an earlier life had done in the overlay may be gone */
	void (*begins)(void *arg);
	/* the node leaves: its own range is to be handed over now; moving() returns whether that is under way */
	void (*hand_over)(void *arg);
	bool (*moving)(void *arg);
	/* whether any value is held here */
	bool (*holds_values)(void *arg);
	/* whether the storage cannot be written */
	bool (*storage_fails)(void *arg);
};

struct reload_membership_setup {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route; /* its plug-in may come later, before the first input */
	struct reload_exchange *exchange;
	enum reload_role role;
	const struct reload_membership_watch *watch;
	void *watch_arg;
};

/*
 * reload_membership_new() makes the room (owned) of a node that is enrolled, watches the links, and brings the methods Attach, Join,
 * Leave and Update to the exchange.  reload_membership_free() comes after the exchange was stopped.
 */
struct reload_membership *reload_membership_new(const struct reload_membership_setup *setup);
void reload_membership_free(struct reload_membership *m);

/* reload_membership_topology_host() returns what the plug-in asks of the overlay; `data` is left to the caller. */
struct reload_topology_host reload_membership_topology_host(struct reload_membership *m);

/*
 * What the host orders: reload_membership_first(), reload_membership_join(), reload_membership_bootstrap(), reload_membership_remember(),
 * reload_membership_hint(), reload_membership_addresses_changed() and reload_membership_hasten() are the functions of these names in peer/peer.h.
 */
enum reload_err reload_membership_first(struct reload_membership *m) MUST_CHECK;
enum reload_err reload_membership_join(struct reload_membership *m, enum reload_role role,
	const struct reload_ip_port *bootstrap, size_t count) MUST_CHECK;
void reload_membership_bootstrap(
	struct reload_membership *m, const struct reload_ip_port *bootstrap, size_t count);
void reload_membership_remember(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count);
void reload_membership_hint(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count);
void reload_membership_addresses_changed(struct reload_membership *m);
void reload_membership_hasten(struct reload_membership *m);
/* reload_membership_leave() begins to leave; now: without handing data over. */
void reload_membership_leave(struct reload_membership *m, bool now);

/* reload_membership_progress() notices that something that leaving waits for may have ended. */
void reload_membership_progress(struct reload_membership *m);

/*
 * reload_membership_certified() shows the certificate that this node has from now on over each of its links, by a Ping: a link of which the other end
 * knows only the former one ends with that.
 */
void reload_membership_certified(struct reload_membership *m);
/* reload_membership_storage() looks whether the storage can be written, and steps out of the ring or back. */
void reload_membership_storage(struct reload_membership *m);
/*
 * reload_membership_leaves() returns whether this peer is on its way out because it cannot write: others will answer instead.
 * reload_membership_is_aside() returns whether it is outside for that reason.
 */
bool reload_membership_leaves(const struct reload_membership *m);
bool reload_membership_is_aside(const struct reload_membership *m);

/* reload_membership_may_request() returns whether the host may make requests now. */
bool reload_membership_may_request(const struct reload_membership *m);
/* reload_membership_wanted() returns whether the node is in the overlay or on its way. */
bool reload_membership_wanted(const struct reload_membership *m);

/* reload_update_send() sends node, which asked for it, a full Update along a Destination List, if this node may show itself. */
void reload_update_send(struct reload_membership *m, const struct reload_id *node,
	const struct reload_destination *list, size_t count);

/* How this node stands, for people; borrowed by nobody. */
struct reload_membership_status {
	enum reload_state state;
	enum reload_role role;
	bool returns; /* leaving, to come back in another role */
	reload_ms state_since;
	struct reload_id bootstrap_peer, admitting_peer; /* len 0: none */
	reload_ms phase_ms[RELOAD_PHASES]; /* how long each phase of the last join took */
	enum reload_phase phase; /* the one under way, or in which the last attempt failed */
	enum reload_err last_error;
};

/* reload_membership_status() fills out. */
void reload_membership_status(
	const struct reload_membership *m, struct reload_membership_status *out);
