/*
 * The checkers: questions to all engines of a world, against what the simulator knows.  Each returns true when all is well, or
 * fills the violation.  Those for the time of quiet look first where they found something wrong the last time.
 */
#pragma once

#include "sim/history.h"
#include "sim/outcome.h"

struct reload_sim_checks;

/*
 * reload_sim_checks_new() makes checkers for a world (owned; all borrowed); order: all nodes by Node-ID.  store_limit: most bytes that one
 * node may hold.
 */
struct reload_sim_checks *reload_sim_checks_new(struct reload_sim *s, const size_t *order,
	const struct reload_sim_history *history, size_t store_limit);
void reload_sim_checks_free(struct reload_sim_checks *c);
AUTO_DEFINE(reload_sim_checks)

/* reload_sim_checks_begin() looks who is part of the ring now; the questions up to _replicas() are about that ring. */
void reload_sim_checks_begin(struct reload_sim_checks *c);

/* reload_sim_check_joined(): JOINED, every running node is joined. */
bool reload_sim_check_joined(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_ring(): RING, the first three predecessors and successors of each honest peer are those of the sorted Node-IDs.
 * Peers that lie may stand in the tables or not.
 */
bool reload_sim_check_ring(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_check_owner(): OWNER, each honest peer answers for the range from its predecessor's Node-ID, excluded, to its own. */
bool reload_sim_check_owner(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_replicas(): REPLICAS, what is owed at each place is at its owner and the two peers behind it, in the newest
 * acknowledged version or a newer one.  Places next to peers that lie are left out.
 */
bool reload_sim_check_replicas(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_place_complete() answers the same for one place; at (NULL is legal) is the index of a node that lacks it. */
bool reload_sim_place_complete(
	struct reload_sim_checks *c, const struct reload_sim_place *p, uint64_t owed, size_t *at);
/* reload_sim_place_lied() tells whether the owner of a place, one of the two peers behind it, or the one before it lies. */
bool reload_sim_place_lied(struct reload_sim_checks *c, const struct reload_sim_place *p);

/*
 * reload_sim_check_transactions(): TRANSACTION, no request of an honest node is older than five transmissions take (s6.2.1) and
 * RELOAD_SIM_SIGN_MS, in which it was signed and its answer verified.
 */
enum {
	RELOAD_SIM_SIGN_MS = 5000,
	RELOAD_SIM_BUSY_MS = 120000
};
bool reload_sim_check_transactions(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_rest(): REST, for what engines ask on their own: asked every second while quiet, each node must have had no
 * request under way at least once within RELOAD_SIM_BUSY_MS.  Liars keep honest nodes asking for as long as they lie: holds
 * where there are none.
 */
bool reload_sim_check_rest(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_check_rest_begin() forgets how long nodes have been busy: the time of quiet begins. */
void reload_sim_check_rest_begin(struct reload_sim_checks *c);

/*
 * reload_sim_check_responder(): RESPONDER, who answered n for resource and was believed is at least as close to it as each of n's
 * neighbours (s6.3.4); asked when the answer is told.  Who has no Neighbor Table believes everybody.
 */
bool reload_sim_check_responder(const struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_id *resource, const struct reload_id *responder,
	struct reload_sim_violation *v);
/* reload_sim_checks_liar() tells whether the node with that Node-ID is one that lies. */
bool reload_sim_checks_liar(const struct reload_sim_checks *c, const struct reload_id *id);

/*
 * reload_sim_check_reads(): LOST_VALUE, the final reads that failed where no liar is next to the place are no more than the liars of
 * the ring explain.
 */
bool reload_sim_check_reads(const struct reload_sim_checks *c, const struct reload_sim_reads *reads,
	struct reload_sim_violation *v);

/* reload_sim_check_bound(): BOUND, tables of one node are within the limits of struct reload_policy and of the topology. */
bool reload_sim_check_bound(
	struct reload_sim_checks *c, struct reload_sim_node *n, struct reload_sim_violation *v);
/* reload_sim_status_bounded() judges one status; what (NULL is legal) is the table that is too large. */
bool reload_sim_status_bounded(
	const struct reload_status *st, size_t store_limit, const char **what);
