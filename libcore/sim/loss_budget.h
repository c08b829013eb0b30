/*
 * Who of the ring went and when: decides which values may be lost without anybody's fault.
 *
 * RELOAD keeps a value at the peer that is responsible for it, its owner, and at the owner's two successors.  When one of
 * the three goes, the others notice after at most 30 s without acknowledgments (RELOAD_SIM_LOST_MS), let replicas for its replacement
 * wait 30 s (hold-down), and copy; with 10 s for the copying that is the repair time RELOAD_SIM_REPAIR_MS.  A silent end is noticed
 * by what is sent next, which may be the next periodic Update: its repair time is longer by one interval between these.
 * The exact rule:
 *
 *   A value is excused when three peers that follow each other on the ring, the first of them its owner, are weak at the same time,
 *   and at least one of them failed, or all three left and their Leaves overlapped.  A peer is weak for one repair time
 *   after it failed, left, or joined (it may not have its replicas yet); a failure next to weak peers makes those wait one more repair time,
 *   because the repair begins anew.  It failed when it crashed, or when its Leave did not end in order.
 *
 *   When the owner crashed with a disk that survives, what was acknowledged before is owed again once it is back with it.
 *
 *   What was acknowledged less than RELOAD_SIM_REPLICATE_MS before the peer that acknowledged it failed is excused as
 *   well: the answer to a Store does not wait for the replicas (RFC 6940 s7.4.1.2).  During a partition, and until the rings had
 *   time to merge, both replicas may be out of its reach, which is as if they had failed: then it is one repair time
 *   before that peer failed or left.
 *
 * Who left counts as one of the three as long as it is weak, and does not: its range may have been handed over, and those behind it be
 * the holders, or not yet.  During a partition, and until the rings had time to merge, the rule holds for the ring of all peers and for the ring of each side.
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
 * reload_sim_loss_budget_new() makes the memory for nodes with these Node-IDs (owned); history is borrowed: excuses go there.
 * silent_ms: how much longer the repair after a silent end may take.
 */
struct reload_sim_loss_budget *reload_sim_loss_budget_new(size_t nodes, const struct reload_id *ids,
	struct reload_sim_history *history, reload_ms silent_ms);
void reload_sim_loss_budget_free(struct reload_sim_loss_budget *h);
AUTO_DEFINE(reload_sim_loss_budget)

/* reload_sim_loss_budget_first() tells that node is the whole ring; _joined() that it joined, disk: with what it had stored before. */
void reload_sim_loss_budget_first(struct reload_sim_loss_budget *h, size_t node, reload_ms now);
void reload_sim_loss_budget_joined(
	struct reload_sim_loss_budget *h, size_t node, bool disk, reload_ms now);
/* reload_sim_loss_budget_leaving() tells that node began to leave, _left() that it ended in order. */
void reload_sim_loss_budget_leaving(struct reload_sim_loss_budget *h, size_t node, reload_ms now);
void reload_sim_loss_budget_left(struct reload_sim_loss_budget *h, size_t node, reload_ms now);
/*
 * reload_sim_loss_budget_failed() tells that node is gone without leaving in order; silent: without a word of its system; disk: its
 * storage survives.
 */
void reload_sim_loss_budget_failed(
	struct reload_sim_loss_budget *h, size_t node, bool silent, bool disk, reload_ms now);
/* reload_sim_loss_budget_split() tells each node's side (1 byte each), and until when these sides make rings of their own. */
void reload_sim_loss_budget_split(
	struct reload_sim_loss_budget *h, const uint8_t *sides, reload_ms until);
/* reload_sim_loss_budget_order() returns all nodes in the order of their Node-IDs (borrowed). */
const size_t *reload_sim_loss_budget_order(const struct reload_sim_loss_budget *h);
