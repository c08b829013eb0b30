#include "sim/check_internal.h"

enum {
	SOON_MS = 60000,
	LOOK_MS = 10000
};

/* The first node of list that is not to be in it any more; NULL: there is none. */
static const struct reload_sim_node *ended_in(
	const struct reload_sim_checks *c, const struct reload_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct reload_sim_node *n = reload_sim_checks_node(c, &list[i]);
		if (n && n->ended && !n->silent && n->ended_at + SOON_MS < reload_sim_now(c->s))
			return n;
	}
	return NULL;
}

static bool any_ended(const struct reload_sim_checks *c)
{
	for (size_t i = 0; i < reload_sim_count(c->s); i++)
		if (reload_sim_node(c->s, i)->ended)
			return true;
	return false;
}

bool reload_sim_check_ended(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	if (reload_sim_now(c->s) < c->ended_look || !any_ended(c))
		return true;
	c->ended_look = reload_sim_now(c->s) + LOOK_MS;
	for (size_t i = 0; i < c->count; i++) {
		struct reload_status st;
		if (c->ring[i]->byzantine)
			continue;
		reload_peer_status(c->ring[i]->peer, &st);
		const struct reload_topology_tables *t = &st.tables;
		const struct reload_sim_node *n = ended_in(c, t->successors, t->successors_count);
		if (!n)
			n = ended_in(c, t->predecessors, t->predecessors_count);
		if (!n)
			n = ended_in(c, t->fingers, t->fingers_count);
		/* one that was stopped has had no time for it */
		if (!n || reload_sim_awake(c->ring[i], n->ended_at) < SOON_MS)
			continue;
		return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_ENDED,
			"peer %zu is in a table of peer %zu, and its certificate ended at %.3f s",
			n->index, c->ring[i]->index, (double)n->ended_at / 1000);
	}
	return true;
}
