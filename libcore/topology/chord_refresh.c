/*
 * Tables, range and orders about data follow the links (RFC 6940 s10.7.1, s10.7.3).
 *
 * Links come and go and nodes become peers one at a time; what depends on the set of all peers is made anew here, once for each
 * event, in this order: the Neighbor and Finger Table; who is a neighbour no longer, and who is one now; our range; the orders to the
 * host about data; and when one of the lists or the range changed, Updates to all.
 *
 * Having lost all peers: when the last one knew nobody but us we are the whole overlay (CHORD-09); otherwise we are cut
 * off, answer for nothing and report FAILED, so that the host joins again (s10.7.1).
 */
#include "topology/chord_refresh.h"

#include "topology/chord_data.h"
#include "topology/chord_join.h"
#include "topology/chord_past.h"
#include "topology/chord_pending.h"
#include "topology/chord_tables.h"
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

/* The bound ends when the node is a peer, or can hardly become one. */
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
	check_bound(t);
	if (t->state == RELOAD_TOPOLOGY_JOINED && had_peers && !t->tables->peers.count &&
		!t->tables->alone)
		reload_chord_join_fail(t);
	bool range = reload_chord_data_refresh(t);
	if (neighbours || range)
		reload_chord_update_news(t);
	if (fingers) /* of a merge far from here they are all that this node sees */
		reload_chord_past_came(t);
	if (neighbours || fingers)
		t->host.tables_changed(t->host.arg);
	if (t->state == RELOAD_TOPOLOGY_JOINED && (range || (neighbours && t->reactive)))
		reload_chord_update_owe_all(t);
}
