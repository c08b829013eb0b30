#include "sim/cost_check.h"

#include <stdio.h>

enum {
	HELD_MAX = 4 << 20,
	MESSAGE = 3000, /* bytes of values in one replica Store */
	PER_CHANGE = 4, /* times what a peer holds */
	PER_STORE =
		40, /* messages for one Store: two replicas, each asked five times, and refused for a while */
	OWN = 16, /* certificates that a peer stores when it joins, over some links */
	LEAST = 2000
};

void reload_sim_cost_look(struct reload_sim_cost *c, struct reload_sim *s, uint64_t load)
{
	uint64_t all = reload_sim_counts(s)->traffic_messages[RELOAD_SIM_TRAFFIC_STORE];
	double messages = 0, peers = 0;
	for (size_t i = 0; i < reload_sim_count(s); i++) {
		const struct reload_sim_node *n = reload_sim_node(s, i);
		size_t values, bytes, held = n->peer ? reload_peer_request_bytes(n->peer) : 0;
		c->held = held > c->held ? held : c->held;
		if (!n->peer || n->role != RELOAD_ROLE_PEER)
			continue;
		size_t resources = n->storage->ops->count(n->storage, 0, &values, &bytes);
		messages += (double)resources + (double)bytes / MESSAGE;
		peers++;
	}
	if (peers > 0 && messages / peers > c->messages)
		c->messages = messages / peers;
	c->sent = all > load ? all - load : 0;
}

double reload_sim_cost_bound(const struct reload_sim_cost *c)
{
	return LEAST + PER_STORE * (double)c->stored +
	       PER_CHANGE * (double)c->changes * (OWN + c->messages);
}

bool reload_sim_check_cost(
	const struct reload_sim_cost *c, const struct reload_sim *s, struct reload_sim_violation *v)
{
	double bound = reload_sim_cost_bound(c);
	v->at = reload_sim_now(s);
	if (c->held > HELD_MAX) {
		v->check = RELOAD_SIM_CHECK_HELD;
		snprintf(v->words, sizeof(v->words),
			"a node holds %zu bytes for requests under way", c->held);
		return false;
	}
	if ((double)c->sent <= bound)
		return true;
	v->check = RELOAD_SIM_CHECK_STORES;
	snprintf(v->words, sizeof(v->words),
		"%llu messages of Stores beside those of the load; %llu changes of the ring and "
		"%llu Stores explain %.0f",
		(unsigned long long)c->sent, (unsigned long long)c->changes,
		(unsigned long long)c->stored, bound);
	return false;
}
