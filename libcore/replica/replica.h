/*
 * Stored data between peers (RFC 6940 s7, s10.4): values that this node stores, fetches and serves, their replicas, ranges that move when the
 * ring changes, and checks that an owner has what others hold for it.  It asks the storage, the topology and the exchange; it never opens a
 * link, and does not know how this node came into the overlay: its mode is set from above.
 *
 *	off <--> serving --> leaving --> off
 */
#pragma once

#include "exchange/exchange.h"
#include "replica/request.h"
#include "storage/storage.h"

struct reload_replica;

enum reload_replica_mode {
	RELOAD_REPLICA_OFF,     /* not in the overlay */
	RELOAD_REPLICA_SERVING, /* joined */
	RELOAD_REPLICA_LEAVING  /* the own range is being handed over */
};

/* What the room notifies the rooms above of, and asks them; all functions are called from inside an input. */
struct reload_replica_watch {
	/* a range has been moved, or given up: reload_replica_moving() returns whether any other is under way */
	void (*moved)(void *arg);
	/* the storage could not make something durable */
	void (*storage_failed)(void *arg);
	/* whether this peer is on its way out of the ring because it cannot write: others will answer instead */
	bool (*leaves)(void *arg);
	/* whether it stands aside of the ring because it cannot write: what it holds may be older than what others acknowledged since */
	bool (*aside)(void *arg);
};

struct reload_replica_setup {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	struct reload_exchange *exchange;
	struct reload_storage *storage; /* borrowed; freed after the replica */
	const struct reload_replica_watch *watch;
	void *watch_arg;
};

/*
 * reload_replica_new() makes the room (owned) and brings the methods Store, Fetch, Stat and Find to the exchange.  reload_replica_flush() waits
 * for commits under way and reports no more; reload_replica_free() comes after the exchange was stopped.
 */
struct reload_replica *reload_replica_new(const struct reload_replica_setup *setup);
void reload_replica_flush(struct reload_replica *rep);
void reload_replica_free(struct reload_replica *rep);

/* reload_replica_data() returns what the plug-in orders of stored data. */
struct reload_topology_data reload_replica_data(struct reload_replica *rep);

/* reload_replica_set_mode() says what this node is in the overlay from now on. */
void reload_replica_set_mode(struct reload_replica *rep, enum reload_replica_mode mode);

/*
 * reload_replica_leave() begins to store the own range at the first successor that has not fallen silent; it is called again
 * when a link does.  reload_replica_moving() returns whether that range, or one to a
 * Joining Node, is on its way.
 */
void reload_replica_leave(struct reload_replica *rep);
bool reload_replica_moving(const struct reload_replica *rep);

/* reload_replica_configured() forgets values of Kinds that were in the document before and are in force no longer (CFG-17). */
void reload_replica_configured(struct reload_replica *rep, const struct reload_config *before);

/* reload_replica_storage_fails() returns whether the storage cannot be written. */
bool reload_replica_storage_fails(const struct reload_replica *rep);

/*
 * reload_replica_counts() counts what is stored at `now`; it returns the number of resources.  reload_replica_expire() frees what has expired.
 */
size_t reload_replica_counts(
	const struct reload_replica *rep, reload_utc now, size_t *values, size_t *bytes);
void reload_replica_expire(struct reload_replica *rep);

/* reload_replica_totals() frees what has expired and counts the values of each Kind, ascending; it returns the number of Kinds, at most max. */
size_t reload_replica_totals(struct reload_replica *rep, struct reload_kind_total *out, size_t max);

/* reload_replica_owner_checks() returns how many ranges are being checked with their owners. */
size_t reload_replica_owner_checks(const struct reload_replica *rep);
