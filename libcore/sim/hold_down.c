#include "sim/hold_down.h"

#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	HOLD_DOWN_MS = 30000,
	MEMBERS = 2, /* of a replica set without the owner */
	BEFORE = 8 /* at the maximum a further one is not noted, and may cause a false violation */
};

struct watched {
	bool changed; /* its tables changed since they were read */
	uint8_t members_count;
	struct reload_id members[MEMBERS]; /* its replica set when they were read */
	reload_ms failed_at;               /* 0: no member failed */
	struct reload_id failed;           /* the nearest member that failed within the hold-down */
	uint8_t before_count;
	struct reload_id before[BEFORE]; /* the members at these failures */
};

struct reload_sim_hold_down {
	struct watched *nodes;
};

struct reload_sim_hold_down *reload_sim_hold_down_new(size_t count)
{
	struct reload_sim_hold_down *h = RELOAD_NEW(reload_sim_hold_down);
	h->nodes = reload_alloc_array(count, sizeof(*h->nodes));
	return h;
}

void reload_sim_hold_down_free(struct reload_sim_hold_down *h)
{
	if (!h)
		return;
	free(h->nodes);
	free(h);
}

void reload_sim_hold_down_after(struct reload_sim_hold_down *h, struct reload_sim_node *n)
{
	struct watched *w = &h->nodes[n->index];
	struct reload_status st;
	if (!w->changed)
		return;
	w->changed = false;
	w->members_count = 0;
	if (!n->peer)
		return;
	reload_peer_status(n->peer, &st);
	const struct reload_topology_tables *t = &st.tables;
	if (!t->successors_count)
		w->failed_at = 0; /* who lost all begins a ring anew */
	/* in a small ring the successors are predecessors too */
	if (!t->predecessors_count ||
		reload_id_listed(t->successors, t->successors_count, &t->predecessors[0]))
		return;
	while (w->members_count < MEMBERS && w->members_count < t->successors_count) {
		w->members[w->members_count] = t->successors[w->members_count];
		w->members_count++;
	}
}

static void lost(struct watched *w, const struct reload_sim_node *n, const struct reload_id *node,
	reload_ms now)
{
	if (!reload_id_listed(w->members, w->members_count, node))
		return;
	bool within = w->failed_at && now - w->failed_at < HOLD_DOWN_MS;
	if (!within || reload_id_between(&n->id, node, &w->failed))
		w->failed = *node;
	if (!within)
		w->before_count = 0;
	for (size_t i = 0; i < w->members_count; i++)
		if (w->before_count < BEFORE &&
			!reload_id_listed(w->before, w->before_count, &w->members[i]))
			w->before[w->before_count++] = w->members[i];
	w->failed_at = now;
}

/*
 * Whether node replaces the failed member: it is a successor farther away, and was not in the replica set before.  The peer before us is sent the
 * part of our range that is its own now, whatever else it is in a small ring.
 */
static bool is_replacement(
	const struct watched *w, const struct reload_sim_node *n, const struct reload_id *node)
{
	struct reload_status st;
	reload_peer_status(n->peer, &st);
	const struct reload_topology_tables *t = &st.tables;
	return reload_id_listed(t->successors, t->successors_count, node) &&
	       !reload_id_eq(&st.range_from, node) &&
	       !reload_id_between(&n->id, node, &w->failed) &&
	       !reload_id_listed(w->before, w->before_count, node);
}

/* Whether n may have heard from node since the failure that it is a holder of n's range: an Update may be under way for as long as a hold-down. */
static bool has_said(const struct watched *w, const struct reload_sim_node *n,
	const struct reload_id *node, const struct reload_sim_sent *sent)
{
	struct reload_status st;
	size_t i = 0, count = sent ? reload_sim_count(n->sim) : 0;
	while (i < count && !reload_id_eq(&reload_sim_node(n->sim, i)->id, node))
		i++;
	if (i == count)
		return false;
	reload_peer_status(n->peer, &st);
	bool back = reload_id_listed(st.tables.successors, st.tables.successors_count, &w->failed);
	return reload_sim_sent_after(sent, i, &n->id, back ? NULL : &w->failed,
		w->failed_at > HOLD_DOWN_MS ? w->failed_at - HOLD_DOWN_MS : 0);
}

bool reload_sim_hold_down_event(struct reload_sim_hold_down *h, const struct reload_sim_node *n,
	const struct reload_event *ev, const struct reload_sim_sent *sent, reload_ms now,
	struct reload_sim_violation *v)
{
	struct watched *w = &h->nodes[n->index];
	if (ev->type == RELOAD_EV_ROUTING_CHANGED || ev->type == RELOAD_EV_STATE)
		w->changed = true;
	if (ev->type == RELOAD_EV_STATE)
		w->failed_at = 0;
	if (ev->type == RELOAD_EV_NEIGHBOUR_LOST && ev->node)
		lost(w, n, ev->node, now);
	if (ev->type != RELOAD_EV_TRANSFER_STARTED || !ev->node || !w->failed_at ||
		now - w->failed_at >= HOLD_DOWN_MS || !is_replacement(w, n, ev->node) ||
		has_said(w, n, ev->node, sent))
		return true;
	char failed[RELOAD_ID_HEX], node[RELOAD_ID_HEX];
	v->check = RELOAD_SIM_CHECK_HOLD_DOWN;
	v->at = now;
	snprintf(v->words, sizeof(v->words),
		"peer %zu began to store replicas at %s %.1f s after %s, which stood before it, "
		"had failed",
		n->index, reload_id_hex(node, ev->node), (double)(now - w->failed_at) / 1000,
		reload_id_hex(failed, &w->failed));
	return false;
}
