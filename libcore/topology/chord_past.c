/*
 * Who belongs to us (interop STO-17): only such nodes replicate here, however well the Node-ID of another one lies.
 *
 * A former neighbour still counts for CHORD_PAST_MS: the tables of the two ends change at different times, and what it began to
 * send while it was one goes on: a hold-down of 30 s (R-10.7.1-03), CHORD_UPDATE_WAIT_MS, and the repetitions of what was
 * refused meanwhile make less than 60 s.  At most CHORD_PAST_MAX are remembered, the last ones.
 *
 * The ring is unsettled for CHORD_UNSETTLED_MS after a new neighbour came or the fingers changed (of rings that merge some peers keep
 * their neighbours, and yet the other ring holds what was stored for them meanwhile): twice the time above, so that rings that merge have offered
 * each other what they hold (offers begin after seconds and are repeated after pauses that double).
 */
#include "topology/chord.h"

static bool joins_with(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	bool asked = t->state == RELOAD_TOPOLOGY_JOINING && link && link->asked;
	return asked || reload_id_eq(&t->repair.joining, node) ||
	       reload_chord_set_has(&t->handing, node);
}

bool reload_chord_past_ours(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	if ((link && link->neighbour) || joins_with(t, node))
		return true;
	for (size_t i = 0; i < t->past_count; i++)
		if (t->past[i].until > reload_chord_now(t) && reload_id_eq(&t->past[i].id, node))
			return true;
	return false;
}

void reload_chord_past_came(struct reload_topology *t)
{
	t->unsettled_until = reload_chord_now(t) + CHORD_UNSETTLED_MS;
}

/* The row of node, or the one that it may take. */
static struct chord_past *row_for(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_past *oldest = t->past;
	for (size_t i = 0; i < t->past_count; i++) {
		if (reload_id_eq(&t->past[i].id, node))
			return &t->past[i];
		if (t->past[i].until < oldest->until)
			oldest = &t->past[i];
	}
	if (t->past_count == CHORD_PAST_MAX)
		return oldest;
	reload_grow_within(&t->past, &t->past_cap, t->past_count, sizeof(*t->past), CHORD_PAST_MAX);
	return &t->past[t->past_count++];
}

void reload_chord_past_went(struct reload_topology *t, const struct reload_id *node)
{
	*row_for(t, node) =
		(struct chord_past){ .id = *node, .until = reload_chord_now(t) + CHORD_PAST_MS };
}

bool reload_chord_unsettled(struct reload_topology *t)
{
	return reload_chord_now(t) < t->unsettled_until;
}
