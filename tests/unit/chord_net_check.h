/* Checks of a net of chord_net.h: whether all tables agree, which nodes own a point, where data are, how many hops there are. */
#pragma once

#include "chord_net.h"

/* alive and joined nodes in ascending order; returns their number */
static inline int net_ring(const struct net *n, int out[NET_MAX])
{
	int count = 0;
	for (int i = 0; i < n->count; i++) {
		if (!n->nodes[i].alive || n->nodes[i].state != RELOAD_TOPOLOGY_JOINED)
			continue;
		int at = count++;
		while (at > 0 && reload_id_cmp(&n->nodes[i].id, &n->nodes[out[at - 1]].id) < 0) {
			out[at] = out[at - 1];
			at--;
		}
		out[at] = i;
	}
	return count;
}

/* whether each table agrees with the sorted Node-IDs and each list has three entries, or all that exist; prints where not */
static inline bool net_agrees(const struct net *n, int expected, bool say)
{
	int ring[NET_MAX], count = net_ring(n, ring), wrong = 0;
	for (int i = 0; i < count; i++) {
		struct reload_topology_tables tb;
		reload_chord_topology.tables(n->nodes[ring[i]].t, &tb);
		size_t least = count - 1 < 3 ? (size_t)(count - 1) : 3;
		bool good = tb.predecessors_count >= least && tb.successors_count >= least &&
			    tb.predecessors_count < (size_t)count &&
			    tb.successors_count < (size_t)count;
		for (size_t j = 0; good && j < tb.predecessors_count; j++)
			good = reload_id_eq(&tb.predecessors[j],
				&n->nodes[ring[(i + 2 * count - 1 - (int)j) % count]].id);
		for (size_t j = 0; good && j < tb.successors_count; j++)
			good = reload_id_eq(
				&tb.successors[j], &n->nodes[ring[(i + 1 + (int)j) % count]].id);
		if (good)
			continue;
		if (say && !wrong)
			for (size_t j = 0; j < 3; j++)
				fprintf(stderr,
					"node %d (place %d): pred %d succ %d, expected %d %d\n",
					ring[i], i,
					j < tb.predecessors_count ? net_find(n, &tb.predecessors[j])
								  : -1,
					j < tb.successors_count ? net_find(n, &tb.successors[j])
								: -1,
					ring[(i + 2 * count - 1 - (int)j) % count],
					ring[(i + 1 + (int)j) % count]);
		wrong++;
	}
	if (say && (wrong || count != expected))
		fprintf(stderr, "%d of %d nodes joined, %d tables wrong\n", count, expected, wrong);
	return !wrong && count == expected;
}

/* the number of nodes that are responsible for point k by their own tables */
static inline int net_owners(const struct net *n, const struct reload_id *k)
{
	int owners = 0;
	for (int i = 0; i < n->count; i++)
		owners += n->nodes[i].alive && reload_chord_topology.responsible(n->nodes[i].t, k);
	return owners;
}

/* counts copies of resources that are missing at the owner and its two successors, and those elsewhere (extra) */
static inline void net_placement(const struct net *n, unsigned *missing, unsigned *extra)
{
	int ring[NET_MAX], count = net_ring(n, ring);
	*missing = *extra = 0;
	for (unsigned p = 0; p < NET_POINTS; p++) {
		int owner = 0;
		while (owner < count && reload_id_cmp(&n->nodes[ring[owner]].id, &n->points[p]) < 0)
			owner++;
		for (int i = 0; i < count; i++) {
			bool should = (i - owner % count + count) % count < 3;
			bool does = n->nodes[ring[i]].points[p / 64] >> p % 64 & 1;
			*missing += should && !does;
			*extra += does && !should;
		}
	}
}

/* hops that a message from node i takes to the owner of k, -1 when it does not get there */
static inline int net_hops(const struct net *n, int i, const struct reload_id *k)
{
	for (int hops = 0; hops < NET_HOPS; hops++) {
		struct reload_id next;
		if (reload_chord_topology.responsible(n->nodes[i].t, k))
			return hops;
		if (reload_chord_topology.next_hop(n->nodes[i].t, k, &next) != RELOAD_OK)
			return -1;
		i = net_find(n, &next);
	}
	return -1;
}
