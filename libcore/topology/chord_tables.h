/* The routing tables of CHORD-RELOAD: peers, neighbours, fingers, and the range for which this peer answers. */
#pragma once

#include "topology/chord_link.h"

/* What all files read and chord_tables.c alone writes. */
struct chord_tables {
	struct chord_set peers; /* nodes with a link over which an Update came */
	struct chord_set route; /* those whose link is good: the Routing Table (s10.3) */
	/* nearest first */
	struct reload_id predecessors[CHORD_NEIGHBOURS_MAX], successors[CHORD_NEIGHBOURS_MAX];
	struct reload_id *fingers; /* ascending, at most CHORD_FINGERS_MAX */
	size_t predecessors_count, successors_count, fingers_count;
	/* a predecessor that is no peer of ours yet, and that the Admitting Peer named, or our predecessor as it left: our range begins there; len 0: none */
	struct reload_id bound;
	bool alone; /* the peer that was lost last knew nobody but us: without it we are the overlay */
};

/* reload_chord_tables_new() makes empty tables, reload_chord_tables_free() frees them. */
void reload_chord_tables_new(struct reload_topology *t);
void reload_chord_tables_free(struct reload_topology *t);
/* reload_chord_is_peer() returns whether id is a peer of ours. */
bool reload_chord_is_peer(const struct reload_topology *t, const struct reload_id *id);
/*
 * reload_chord_tables_ready() makes the node of link a peer, or a mere connection again, in peers and route; the lists follow in
 * reload_chord_tables_refresh().
 */
void reload_chord_tables_ready(struct reload_topology *t, struct chord_link *link, bool ready);
/* reload_chord_tables_health() takes the link layer's opinion of link: a bad one is not routed through. */
void reload_chord_tables_health(struct reload_topology *t, struct chord_link *link, bool good);
/* reload_chord_tables_last() notes, when a peer is lost, whether its last lists named nobody but us. */
void reload_chord_tables_last(struct reload_topology *t, bool alone);
/* reload_chord_tables_bound() sets the bound of our range; NULL: none. */
void reload_chord_tables_bound(struct reload_topology *t, const struct reload_id *id);
/*
 * reload_chord_tables_refresh() makes the lists anew when a peer came or went since the last call; false: none did.
 * *neighbours and *fingers: whether these lists changed.
 */
bool reload_chord_tables_refresh(struct reload_topology *t, bool *neighbours, bool *fingers);
/* reload_chord_neighbours_goal() is the number of neighbours to have on each side, at most CHORD_NEIGHBOURS_MAX. */
size_t reload_chord_neighbours_goal(const struct reload_topology *t);
/* reload_chord_tables_resized(): the lists are to be made anew, because their sizes are others. */
void reload_chord_tables_resized(struct reload_topology *t);
/* reload_chord_is_neighbour() returns whether id is in one of the lists of the Neighbor Table. */
bool reload_chord_is_neighbour(const struct reload_topology *t, const struct reload_id *id);
/* reload_chord_whole() returns whether our neighbours are the whole ring. */
bool reload_chord_whole(const struct reload_topology *t);
/* reload_chord_range_from() is the Node-ID behind which our range begins; our own when we are alone. */
const struct reload_id *reload_chord_range_from(const struct reload_topology *t);
/*
 * reload_chord_tables_before() fills out with our predecessors, nearest first: the node at which our range begins is one of them, even if it is no
 * peer of ours yet.  It returns how many, at most CHORD_NEIGHBOURS_MAX.
 */
size_t reload_chord_tables_before(
	const struct reload_topology *t, struct reload_id out[CHORD_NEIGHBOURS_MAX]);
/* reload_chord_range_grew() returns whether our range, which once began at from, begins farther back now. */
bool reload_chord_range_grew(const struct reload_topology *t, const struct reload_id *from);
/* reload_chord_responsible() returns whether we have joined and id is in our own range (s10.1). */
bool reload_chord_responsible(const struct reload_topology *t, const struct reload_id *id);
