/*
 * Bringing tables, range and orders about data in line with the links (RFC 6940 s10.7.1, s10.7.3).
 *
 * Links come up and go down, and nodes become peers, one at a time.  What depends on the set of all peers is computed here, once for each
 * event, in this order: the Neighbor Table and the Finger Table; the mark "neighbour" of the links; our range; the orders to the host
 * about data; and Updates to all when one of the lists or the range changed.
 *
 * When all peers are lost and the last one knew nobody but us, we are the whole overlay (CHORD-09).  Otherwise we are cut off: we are
 * responsible for nothing and report FAILED, and the host joins again (s10.7.1).
 */
#include "topology/chord_refresh.h"

#include "topology/chord_data.h"
#include "topology/chord_join.h"
#include "topology/chord_past.h"
#include "topology/chord_pending.h"
#include "topology/chord_tables.h"
#include "topology/chord_tuning.h"
#include "topology/chord_update.h"

static void mark_as_neighbours(
	struct reload_topology *t, const struct reload_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct chord_link *link = reload_chord_link_find(t, &list[i]);
		if (link->neighbour)
			continue;
		link->neighbour = true;
		reload_chord_update_plan(t, link);
		if (t->pace->greets)
			reload_chord_update_greet(t, link);
		reload_chord_past_came(t);
	}
}

static void mark_neighbours(struct reload_topology *t)
{
	for (size_t i = 0; i < reload_chord_link_count(t); i++) {
		struct chord_link *link = reload_chord_link_at(t, i);
		if (!link->neighbour || reload_chord_is_neighbour(t, &link->id))
			continue;
		link->neighbour = false;
		reload_chord_past_went(t, &link->id);
	}
	mark_as_neighbours(t, t->tables->predecessors, t->tables->predecessors_count);
	mark_as_neighbours(t, t->tables->successors, t->tables->successors_count);
}

/* Ends the bound of our range when its node is a peer by now, or is unlikely to become one. */
static void check_bound(struct reload_topology *t)
{
	const struct reload_id *bound = &t->tables->bound;
	if (bound->len &&
		(reload_chord_is_peer(t, bound) || !reload_chord_pending_reachable(t, bound)))
		reload_chord_tables_bound(t, NULL);
}

void reload_chord_refresh(struct reload_topology *t)
{
	bool had_peers = t->tables->predecessors_count > 0;
	bool neighbours, fingers;
	if (reload_chord_tables_refresh(t, &neighbours, &fingers))
		mark_neighbours(t);
	if (fingers)
		reload_chord_tuning_fingers(t);
	check_bound(t);
	if (t->state == RELOAD_TOPOLOGY_JOINED && had_peers && !t->tables->peers.count &&
		!t->tables->alone)
		reload_chord_join_fail(t);
	bool range = reload_chord_data_refresh(t);
	if (neighbours || range)
		reload_chord_update_news(t);
	if (fingers) /* when rings merge far away, new fingers are all that we see of it */
		reload_chord_past_came(t);
	if (neighbours || fingers)
		t->host.tables_changed(t->host.arg);
	if (t->state != RELOAD_TOPOLOGY_JOINED)
		return;
	if (neighbours && t->reactive)
		reload_chord_update_owe_all(t);
	else if (range)
		reload_chord_update_range(t);
}
