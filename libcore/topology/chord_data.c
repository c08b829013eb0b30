/*
 * Which data has to move when the tables change (RFC 6940 s10.4, s10.7.3).  Compared are the tables and what the last
 * orders to the host rested on:
 *
 *	own range grew (a predecessor failed)	its new part to both members of the replica set
 *	replica set has a new member		the whole range to it, with its number
 *	own range shrank			the lost part to the new owner, unless we gave it the data at its Join
 *	third predecessor came nearer		what lies behind it may be forgotten (CHORD-14)
 *
 * A node that was just admitted starts with the replica set {Admitting Peer, its successor}: the one owned the data until
 * now, the other was its first replica; so nothing is sent twice.
 */
#include "topology/chord.h"

static void grown_or_shrunk(
	struct reload_topology *t, const struct reload_id *old, const struct reload_id *now)
{
	bool whole_before = reload_id_eq(old, &t->self), whole_now = reload_id_eq(now, &t->self);
	if (!whole_before && (whole_now || chord_nearer(&t->self, false, old, now))) {
		for (size_t i = 0; i < t->successors_count && i < 2; i++)
			if (chord_member(t->copies, t->copies_count, &t->successors[i]))
				t->host.store_range(t->host.arg, now, old, &t->successors[i],
					(uint8_t)(i + 1), false);
		return;
	}
	struct chord_link *owner = chord_link_find(t, now);
	if (owner && !owner->handed)
		t->host.store_range(t->host.arg, old, now, now, 1, false);
}

static void new_copies(struct reload_topology *t)
{
	size_t n = t->successors_count < 2 ? t->successors_count : 2;
	for (size_t i = 0; i < n; i++)
		if (!chord_member(t->copies, t->copies_count, &t->successors[i]))
			t->host.store_range(t->host.arg, &t->from, &t->self, &t->successors[i],
				(uint8_t)(i + 1), false);
	memcpy(t->copies, t->successors, n * sizeof(*t->copies));
	t->copies_count = n;
}

static void forget(struct reload_topology *t)
{
	if (t->predecessors_count < 3) {
		t->kept_from.len = 0;
		return;
	}
	const struct reload_id *third = &t->predecessors[2];
	if (!t->kept_from.len || chord_nearer(&t->self, false, third, &t->kept_from))
		t->host.drop_range(t->host.arg, &t->self, third);
	t->kept_from = *third;
}

bool chord_data_refresh(struct reload_topology *t)
{
	if (t->state != RELOAD_TOPOLOGY_JOINED) {
		t->owner = false;
		t->copies_count = 0;
		t->kept_from.len = 0;
		return false;
	}
	struct reload_id now = *chord_range_from(t), old = t->from;
	bool changed = !t->owner || !reload_id_eq(&now, &old);
	if (t->owner && changed)
		grown_or_shrunk(t, &old, &now);
	t->owner = true;
	t->from = now;
	new_copies(t);
	forget(t);
	return changed;
}
