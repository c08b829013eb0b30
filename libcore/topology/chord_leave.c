/*
 * Leaves (RFC 6940 s10.9), sent and received.
 *
 * When we leave, each peer gets one Leave with the list that closes the gap: our predecessors go to a successor, our successors to a
 * predecessor.  Then we are in no ring: DETACHED.
 *
 * A peer that sends us a Leave is treated as failed at once (R-10.9-03), as a finger of ours too (R-10.7.2-02).  The nodes that its Leave lists become pending without an informant,
 * because nothing can be routed through a node that leaves.
 */
#include "topology/chord_leave.h"

#include "topology/chord_admit.h"
#include "topology/chord_finger.h"
#include "topology/chord_join.h"
#include "topology/chord_pending.h"
#include "topology/chord_repair.h"
#include "topology/chord_tables.h"
#include "topology/chord_tuning.h"
#include "wire/chord.h"

#include <assert.h>

/* Sends one Leave to a peer (CHORD-10).  A peer that is on both sides gets the one for the side on which it is nearer. */
static void leave_one(struct reload_topology *t, const struct reload_id *to)
{
	struct reload_id list[CHORD_NEIGHBOURS_MAX], before_us[CHORD_NEIGHBOURS_MAX];
	struct reload_id there = reload_id_distance(&t->self, to),
			 back = reload_id_distance(to, &t->self);
	bool successor = reload_id_cmp(&there, &back) < 0;
	size_t after = t->tables->successors_count, before = t->tables->predecessors_count;
	for (size_t i = 0; i < t->tables->successors_count; i++)
		if (reload_id_eq(&t->tables->successors[i], to))
			after = i;
	for (size_t i = 0; i < t->tables->predecessors_count; i++)
		if (reload_id_eq(&t->tables->predecessors[i], to))
			before = i;
	if (after < t->tables->successors_count || before < t->tables->predecessors_count)
		successor = after < t->tables->successors_count &&
			    (before == t->tables->predecessors_count || after <= before);
	const struct reload_id *from = successor ? before_us : t->tables->successors;
	size_t count = successor ? reload_chord_tables_before(t, before_us)
				 : t->tables->successors_count,
	       n = 0;
	for (size_t i = 0; i < count; i++)
		if (!reload_id_eq(&from[i], to))
			list[n++] = from[i];
	const struct reload_chord_leave data = {
		.type = successor ? RELOAD_CHORD_FROM_PRED : RELOAD_CHORD_FROM_SUCC,
		.peers = list,
		.peers_count = n,
	};
	const struct wire_ctx ctx = { .node_id_len = CHORD_ID_LEN };
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_chord_leave_wire, &ctx, &data);
	assert(!w.err);
	t->host.leave(t->host.arg, to, wr_done(&w));
	wr_clear(&w);
}

void reload_chord_leave(struct reload_topology *t)
{
	for (size_t i = 0; t->announced && i < t->tables->peers.count; i++) {
		const struct reload_id to = reload_chord_set_at(&t->tables->peers, i);
		leave_one(t, &to);
	}
	reload_chord_join_stop(t);
	reload_chord_pending_clear(t);
	t->announced = false;
	reload_chord_admit_stop(t);
	reload_chord_set_state(t, RELOAD_TOPOLOGY_DETACHED, NULL);
	for (size_t i = 0; i < reload_chord_link_count(t); i++) {
		struct chord_link *link = reload_chord_link_at(t, i);
		link->data_given = false; /* we go, not the node: this is not one of its returns */
		reload_chord_tables_ready(t, link, false);
		link->update_due = false;
	}
}

/*
 * A node that the leaving peer, our nearest predecessor, has admitted announces itself to us when its Attaches to all its neighbours have ended
 * (R-10.5-14), which takes long when one of these has just gone.  The leaving peer knows it: where the nearest predecessor in its list has a
 * link to us, and no peer of ours is nearer, our range begins there.  We would answer for what is that node's, side by side with it.  It has
 * no longer for its Update than a Joining Node takes.  A liar gains nothing: the range that it keeps from us was its own.
 */
static void bound_by(struct reload_topology *t, const struct reload_id *leaving,
	const struct reload_chord_leave *leave)
{
	const struct chord_tables *tables = t->tables;
	const struct reload_id *last = NULL;
	if (leave->type != RELOAD_CHORD_FROM_PRED || !tables->predecessors_count ||
		!reload_id_eq(&tables->predecessors[0], leaving))
		return;
	for (size_t i = 0; i < leave->peers_count; i++)
		if (leave->peers[i].len == CHORD_ID_LEN &&
			(!last || reload_chord_nearer(leaving, false, &leave->peers[i], last)))
			last = &leave->peers[i];
	bool known = last && tables->predecessors_count > 1 &&
		     !reload_chord_nearer(&t->self, false, last, &tables->predecessors[1]);
	if (last && !known && reload_chord_pending_expect(t, last))
		reload_chord_tables_bound(t, last);
}

void reload_chord_leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data)
{
	struct reload_chord_leave leave;
	struct reload_arena arena = { 0 };
	const struct wire_ctx ctx = { .node_id_len = CHORD_ID_LEN, .arena = &arena };
	struct chord_link *link = reload_chord_link_find(t, from);
	bool read = reload_wire_decode(data, &reload_chord_leave_wire, &ctx, &leave) == RELOAD_OK;
	if (link && link->ready) {
		reload_chord_tables_last(
			t, read ? link->lists_only_us ||
					   reload_chord_only_us(t, leave.peers, leave.peers_count)
				: link->lists_only_us);
		reload_chord_tuning_failed(t, link);
		reload_chord_finger_lost(t, from);
		reload_chord_repair_lost(t, from);
		reload_chord_tables_ready(t, link, false);
		reload_chord_link_drop(t, link);
		reload_chord_pending_lost(t, from, true, true);
		reload_chord_join_lost(t, from);
		/* without an informant: nothing can be routed through the leaving peer */
		if (read && t->state == RELOAD_TOPOLOGY_JOINED)
			for (size_t i = 0; i < leave.peers_count; i++)
				reload_chord_pending_mention(t, &leave.peers[i], NULL);
		if (read && t->state == RELOAD_TOPOLOGY_JOINED)
			bound_by(t, from, &leave);
		t->host.disconnect(t->host.arg, from);
	}
	reload_chord_admit_lost(t, from);
	reload_arena_clear(&arena);
}
