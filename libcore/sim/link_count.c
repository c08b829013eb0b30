#include "sim/run_state.h"

#include <stdlib.h>

/*
 * How many links the peers have at the end of a run, and how many of these one of the ends has as a neighbour or finger.  The other end
 * need not know it as one, so a peer has links that only others need.
 */

enum {
	COUNTED = 1024 /* links of one peer */
};

struct place {
	struct reload_id id;
	size_t node;
};

/* A link as one end sees it: from has it in its tables. */
struct listing {
	size_t from, to;
};

struct link_count {
	struct place *places; /* of joined peers, ascending */
	size_t peers;
	struct listing *listings;
	size_t count, cap;
};

static int place_order(const void *a, const void *b)
{
	return reload_id_cmp(&((const struct place *)a)->id, &((const struct place *)b)->id);
}

static int listing_order(const void *a, const void *b)
{
	const struct listing *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to == y->to ? 0 : x->to < y->to ? -1 : 1;
}

/* Notes the links of node that it lists itself, and returns how many it has. */
static size_t links_of(
	struct link_count *n, const struct reload_sim_run_state *c, const struct place *at)
{
	struct reload_peer_link *links = reload_alloc_array(COUNTED, sizeof(*links));
	size_t count = reload_peer_links(reload_sim_node(c->sim, at->node)->peer, links, COUNTED);
	for (size_t i = 0; i < count; i++) {
		const struct place want = { .id = links[i].node },
				   *other = bsearch(&want, n->places, n->peers, sizeof(*n->places),
					   place_order);
		if (!links[i].listed || !other)
			continue;
		reload_grow(&n->listings, &n->cap, n->count, sizeof(*n->listings));
		n->listings[n->count++] = (struct listing){ at->node, other->node };
	}
	free(links);
	return count;
}

/* A link counts at both ends, however many of them list it. */
static size_t needed_ends(const struct link_count *n)
{
	size_t ends = 0;
	for (size_t i = 0; i < n->count; i++) {
		const struct listing back = { n->listings[i].to, n->listings[i].from };
		bool mutual =
			bsearch(&back, n->listings, n->count, sizeof(*n->listings), listing_order);
		ends += mutual ? 1 : 2;
	}
	return ends;
}

void reload_sim_run_state_links(const struct reload_sim_run_state *c)
{
	struct link_count n = { .places =
					reload_alloc_array(c->nodes_count + 1, sizeof(*n.places)) };
	size_t all = 0;
	for (size_t i = 0; i < c->scenario->peers; i++) {
		const struct reload_sim_node *node = reload_sim_node(c->sim, i);
		if (node->peer && c->nodes[i].joined)
			n.places[n.peers++] = (struct place){ node->id, i };
	}
	qsort(n.places, n.peers, sizeof(*n.places), place_order);
	for (size_t i = 0; i < n.peers; i++)
		all += links_of(&n, c, &n.places[i]);
	if (n.count)
		qsort(n.listings, n.count, sizeof(*n.listings), listing_order);
	if (n.peers) {
		c->out->links_per_peer = (double)all / (double)n.peers;
		c->out->needed_links_per_peer = (double)needed_ends(&n) / (double)n.peers;
	}
	free(n.places);
	free(n.listings);
}
