/*
 * The checkers compare all engines of a world with what the simulator knows.  Each returns true when all is well, and fills the violation
 * otherwise.  Those that run repeatedly in the quiet phase start with the node where they found something wrong the last time.
 */
#pragma once

#include "sim/history.h"
#include "sim/outcome.h"

struct reload_sim_checks;

/*
 * reload_sim_checks_new() makes the checkers of a world (owned; the arguments are borrowed).  order: all nodes by Node-ID.  store_limit: the bytes that one
 * node may store at most.
 */
struct reload_sim_checks *reload_sim_checks_new(struct reload_sim *s, const size_t *order,
	const struct reload_sim_history *history, size_t store_limit);
void reload_sim_checks_free(struct reload_sim_checks *c);
AUTO_DEFINE(reload_sim_checks)

/* reload_sim_checks_begin() notes which nodes are in the ring now; the checks down to _replicas() are about these. */
void reload_sim_checks_begin(struct reload_sim_checks *c);

/* reload_sim_check_joined(): JOINED, every running node is joined. */
bool reload_sim_check_joined(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_ring(): RING, the first three predecessors and successors of each honest peer are those that the sorted Node-IDs give.
 * Peers that lie may be in the tables or not.
 */
bool reload_sim_check_ring(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_ended(): ENDED, no honest peer has a node in a table whose certificate ended more than a minute ago.  A machine that went without a
 * word before that may still be there.  It looks every ten seconds, however often it is called.
 */
bool reload_sim_check_ended(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_fingers(): FINGERS, no honest peer keeps a finger that left or whose system reset its links, and most of the intervals of
 * all Finger Tables in which many peers lie are filled.
 */
bool reload_sim_check_fingers(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_check_owner(): OWNER, each honest peer is responsible for (predecessor, itself]. */
bool reload_sim_check_owner(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_replicas(): REPLICAS, each value that is owed (sim/history.h) is at its owner and the next two peers, in the newest
 * acknowledged version or a newer one.  Places next to peers that lie are left out.
 */
bool reload_sim_check_replicas(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_place_complete() is the same for one place; *at (NULL is legal) is the index of a node that lacks the value. */
bool reload_sim_place_complete(
	struct reload_sim_checks *c, const struct reload_sim_place *p, uint64_t owed, size_t *at);
/*
 * reload_sim_check_counters(): GENERATION, the owner of each place has a generation counter that is not less than that of the history
 * (reload_sim_history_counter()).
 */
bool reload_sim_check_counters(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_alike(): REPLICAS, of the array `kind` at node's places the owner and the next two peers have as many values with an index from first
 * on.
 */
bool reload_sim_check_alike(const struct reload_sim_checks *c, size_t node, uint32_t kind,
	uint32_t first, struct reload_sim_violation *v);
/*
 * reload_sim_check_survivors(): REPLICAS, what may be lost but is still stored by an honest joined peer is complete, too.  What is complete is owed
 * from then on: h, the history of the checkers, is told so.  Next to a liar it need not be complete to be owed: it is read, at least.
 */
bool reload_sim_check_survivors(
	struct reload_sim_checks *c, struct reload_sim_history *h, struct reload_sim_violation *v);
/* reload_sim_checks_lost() counts the places of which no node, nor the disk of one that is not running, has the newest acknowledged version. */
size_t reload_sim_checks_lost(const struct reload_sim_checks *c);
/*
 * reload_sim_check_really_lost(): REALLY_LOST, the values that are excused to the end are no more than that share (per million) of all, or one: those
 * that are lost, and those on the disk of a node that is not running.
 */
bool reload_sim_check_really_lost(
	const struct reload_sim_checks *c, uint64_t limit, struct reload_sim_violation *v);
/*
 * reload_sim_check_last_copy() returns whether node n has the newest version of a place, acknowledged or still to be, and no other of its holders,
 * as they will be without n, has it.  reload_sim_check_none_lost(): REALLY_LOST, no value is nowhere any more; to be asked where no such node failed or left.  Places next to liars
 * do not count.
 */
bool reload_sim_check_last_copy(struct reload_sim_checks *c, const struct reload_sim_node *n);
bool reload_sim_check_none_lost(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_place_lied() returns whether the owner of a place, one of the next two peers, or the peer before it lies. */
bool reload_sim_place_lied(struct reload_sim_checks *c, const struct reload_sim_place *p);

/*
 * reload_sim_check_transactions(): TRANSACTION, no request of an honest node is older than the time of five transmissions (s6.2.1) plus
 * RELOAD_SIM_SIGN_MS for signing it and verifying its answer.
 */
enum {
	RELOAD_SIM_SIGN_MS = 5000,
	RELOAD_SIM_BUSY_MS = 120000
};
bool reload_sim_check_transactions(struct reload_sim_checks *c, struct reload_sim_violation *v);
/*
 * reload_sim_check_rest(): REST, requests that engines make on their own come to an end.  Called each second in the quiet phase; each node must
 * have no request under way at least once within RELOAD_SIM_BUSY_MS.  Only for runs without liars, which cause requests as long as they lie.
 */
bool reload_sim_check_rest(struct reload_sim_checks *c, struct reload_sim_violation *v);
/* reload_sim_check_rest_begin() starts the quiet phase: no node counts as busy yet. */
void reload_sim_check_rest_begin(struct reload_sim_checks *c);

/*
 * reload_sim_check_responder(): RESPONDER, a node whose answer for resource n accepted is at least as close to resource as each of n's
 * neighbours (s6.3.4).  Called when the answer is accepted.  A node without a Neighbor Table accepts any.
 */
bool reload_sim_check_responder(const struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_id *resource, const struct reload_id *responder,
	struct reload_sim_violation *v);
/* reload_sim_checks_node() returns the node with that Node-ID, NULL: there is none. */
const struct reload_sim_node *reload_sim_checks_node(
	const struct reload_sim_checks *c, const struct reload_id *id);
/* reload_sim_checks_liar() returns whether the node with that Node-ID lies. */
bool reload_sim_checks_liar(const struct reload_sim_checks *c, const struct reload_id *id);

/*
 * reload_sim_check_reads(): LOST_VALUE, of the final reads of places without a liar next to them no more failed than the number of liars
 * explains.
 */
bool reload_sim_check_reads(const struct reload_sim_checks *c, const struct reload_sim_reads *reads,
	struct reload_sim_violation *v);

/* reload_sim_check_judged(): JUDGED, when a value was acknowledged, at least one was owed at its final read, or had expired. */
bool reload_sim_check_judged(const struct reload_sim_checks *c,
	const struct reload_sim_reads *reads, struct reload_sim_violation *v);

/* reload_sim_check_bound(): BOUND, the tables of n are within the limits of struct reload_policy and of the topology. */
bool reload_sim_check_bound(
	struct reload_sim_checks *c, struct reload_sim_node *n, struct reload_sim_violation *v);
/* reload_sim_status_bounded() is the same for a status; *what (NULL is legal) is the table that is too large. */
bool reload_sim_status_bounded(
	const struct reload_status *st, size_t store_limit, const char **what);
