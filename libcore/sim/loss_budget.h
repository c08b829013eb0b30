/*
 * The loss budget: which nodes of the ring went and when, and so which values the protocol allows to be lost.
 *
 * RELOAD stores a value at the peer that is responsible for it, its owner, and at the owner's two successors.  When one of the three goes,
 * the others notice after at most 30 s without acknowledgments (RELOAD_SIM_LOST_MS), wait 30 s with replicas for its replacement
 * (hold-down), and copy.  With 10 s for the copying this is the repair time, RELOAD_SIM_REPAIR_MS.  A node that goes silently is noticed by the
 * next message to it, which may be the Ping of a neighbour that misses its keepalive packets: then the repair time is longer by that silence.
 *
 * The rule:
 *
 *	A value may be lost when three peers that follow each other on the ring, beginning with its owner, are weak at the same time, and at
 *	least one of them failed, or all three left and their Leaves overlapped.  A peer is weak for one repair time after it failed,
 *	left, or joined (it may not have its replicas yet).  A failure next to weak peers makes these weak for one more repair time,
 *	because the repair starts again.  A peer failed when it crashed, or when its Leave did not end in order.
 *
 *	When the owner crashed with a disk that survives, what was acknowledged before is owed again once it is back with that disk.
 *
 *	What was acknowledged less than RELOAD_SIM_REPLICATE_MS before the acknowledging peer failed may be lost as well: the answer to
 *	a Store does not wait for the replicas (RFC 6940 s7.4.1.2).  An answer that is still under way when its sender goes was sent
 *	before, however late it arrives.  During a partition, and until the rings have had time to merge,
 *	both replica holders may be out of reach, which is as if they had failed.  Then this time is one repair time before the
 *	acknowledging peer failed or left.
 *
 * As long as a peer that left is weak, the rule is applied both with it and without it as one of the three: its range may have been handed
 * over, so that the peers after it are the holders, or not yet.  During a partition, and until the rings have had time to merge, the
 * rule is applied to the ring of all peers and to the ring of each side.  To each side all peers of the other one fail when the
 * partition begins; by that alone a value may be lost to one side, and what both sides lose may be lost.  Reports call such a
 * value "excused".
 */
#pragma once

#include "sim/history.h"

enum {
	RELOAD_SIM_REPAIR_MS = 70000,
	RELOAD_SIM_REPLICATE_MS = 5000,
	RELOAD_SIM_LEAVE_MS = 30000 /* a Leave that takes longer did not end in order */
};

struct reload_sim_loss_budget;

/*
 * reload_sim_loss_budget_new() makes the budget for nodes with these Node-IDs (owned).  history (borrowed) gets the values that may be lost.
 * silent_ms: how much longer a repair may take when a node went silently.
 */
struct reload_sim_loss_budget *reload_sim_loss_budget_new(size_t nodes, const struct reload_id *ids,
	struct reload_sim_history *history, reload_ms silent_ms);
void reload_sim_loss_budget_free(struct reload_sim_loss_budget *h);
AUTO_DEFINE(reload_sim_loss_budget)

/* reload_sim_loss_budget_first() notes that node is the whole ring; _joined() that it joined, with disk: with what it stored before. */
void reload_sim_loss_budget_first(struct reload_sim_loss_budget *h, size_t node, reload_ms now);
void reload_sim_loss_budget_joined(
	struct reload_sim_loss_budget *h, size_t node, bool disk, reload_ms now);
/* reload_sim_loss_budget_leaving() notes that node began to leave, _left() that its Leave ended in order. */
void reload_sim_loss_budget_leaving(struct reload_sim_loss_budget *h, size_t node, reload_ms now);
void reload_sim_loss_budget_left(struct reload_sim_loss_budget *h, size_t node, reload_ms now);
/*
 * reload_sim_loss_budget_failed() notes that node is gone without a Leave in order.  silent: its system did not reset its links; disk: its
 * storage survives.
 */
void reload_sim_loss_budget_failed(
	struct reload_sim_loss_budget *h, size_t node, bool silent, bool disk, reload_ms now);
/*
 * reload_sim_loss_budget_acknowledged() notes that the acknowledgment of a Store begun at that time has arrived now from the node with this
 * Node-ID, after the history has noted it.  If the node has gone since, the value may be lost.
 */
void reload_sim_loss_budget_acknowledged(struct reload_sim_loss_budget *h,
	const struct reload_id *id, reload_ms begun, reload_ms now);
/* reload_sim_loss_budget_split() notes the side of each node (1 byte each), and until when the sides may be rings of their own. */
void reload_sim_loss_budget_split(
	struct reload_sim_loss_budget *h, const uint8_t *sides, reload_ms until);
/* reload_sim_loss_budget_cut() notes that a partition into the sides of the last call of _split() begins. */
void reload_sim_loss_budget_cut(struct reload_sim_loss_budget *h, reload_ms now);
/*
 * reload_sim_loss_budget_may_lack() returns whether the owner of resource may lack for now what was acknowledged then, though it is not lost.  Of
 * the three holders, by the ring with the peers that left or without, two are weak, so that the owner may be one that waits for its repair; or one
 * is, and it went, or joined, before the acknowledgment or less than RELOAD_SIM_REPLICATE_MS behind it.
 */
bool reload_sim_loss_budget_may_lack(const struct reload_sim_loss_budget *h,
	const struct reload_id *resource, reload_ms acknowledged, reload_ms now);
/* reload_sim_loss_budget_order() returns all nodes in the order of their Node-IDs (borrowed). */
const size_t *reload_sim_loss_budget_order(const struct reload_sim_loss_budget *h);
