/*
 * Joining (RFC 6940 s10.5 steps 5 to 8) as the Admitting Peer, AP = self.
 *
 * The engine has answered the Join of JN.  When JN's Node-ID lies in our range: all data of (p, JN] is stored at JN (p our
 * predecessor), then JN becomes our predecessor and is told so by an Update at once; until then what arrives for its
 * range is ours (CHORD-11).  Several nodes may be in hand-over; who is complete first is admitted first.  A node whose
 * point is not ours (any more) gets our Update as well: it lists who stands between, and JN moves there.
 *
 * JN is now the first replica of its predecessor p, who will notice and store its data there.  We hold them already and
 * send them at once: p may fail before it has done so, and then JN is the new owner.
 *
 * A Join of our own predecessor means that it did not see its admission: it is admitted anew, but when it was admitted over the same
 * link less than CHORD_READMIT_MS ago our Update says so and that is all: Joins are cheap, a range is not.
 *
 * Before we have announced ourselves (R-10.5-14) Joins wait.  Limits: CHORD_JOINS_MAX nodes waiting and as many in
 * hand-over; a Join beyond them is not followed up and JN tries again.
 */
#include "topology/chord.h"

void reload_chord_admit_received(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (t->state != RELOAD_TOPOLOGY_JOINED || !link)
		return;
	if (!t->announced) {
		if (t->waiting.count < CHORD_JOINS_MAX)
			reload_chord_set_add(&t->waiting, node);
		return;
	}
	bool lately = link->handed && reload_chord_now(t) < link->handed_at + CHORD_READMIT_MS;
	if (link->ready && !lately && t->predecessors_count &&
		reload_id_eq(node, &t->predecessors[0])) {
		t->alone = link->sole;
		reload_chord_link_ready(t, link, false);
		reload_chord_refresh(t);
		if (t->state != RELOAD_TOPOLOGY_JOINED)
			return;
	}
	if (link->ready || !reload_chord_responsible(t, node)) {
		reload_chord_update_now(t, link);
		return;
	}
	if (t->handing.count < CHORD_JOINS_MAX && reload_chord_set_add(&t->handing, node))
		t->host.store_range(t->host.arg, reload_chord_range_from(t), node, node, 1, true);
}

void reload_chord_admit_handed_over(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (!reload_chord_set_remove(&t->handing, node) || !link ||
		t->state != RELOAD_TOPOLOGY_JOINED)
		return;
	if (!link->ready && reload_chord_responsible(t, node)) {
		struct reload_id before[2] = { t->predecessors[0], t->predecessors[1] };
		size_t before_count = t->predecessors_count;
		link->sole = !t->peers.count;
		link->handed = true;
		link->handed_at = reload_chord_now(t);
		reload_chord_known_forget(t, node);
		reload_chord_link_ready(t, link, true);
		reload_chord_refresh(t);
		reload_chord_update_now(t, link);
		if (before_count > 1)
			t->host.store_range(t->host.arg, &before[1], &before[0], node, 1, false);
		return;
	}
	reload_chord_update_now(t, link);
}

void reload_chord_admit_waiting(struct reload_topology *t)
{
	while (t->waiting.count) {
		struct reload_id node = reload_chord_set_at(&t->waiting, 0);
		reload_chord_set_remove(&t->waiting, &node);
		reload_chord_admit_received(t, &node);
	}
}

void reload_chord_admit_lost(struct reload_topology *t, const struct reload_id *node)
{
	reload_chord_set_remove(&t->handing, node);
	reload_chord_set_remove(&t->waiting, node);
}
