#include "sim/check_internal.h"

/*
 * Generation counters, once quiet.  While the network is parted two peers may be owner of a place and raise its counter apart from each other.  When
 * the rings have merged the counter of the owner is not less than what was acknowledged before, so that a writer that names an older one is
 * refused (STO-03).  Where something was lost, the counters may be lost with it.
 */
bool reload_sim_check_counters(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	size_t count = reload_sim_history_count(c->history);
	for (size_t i = 0; i < count && c->count; i++) {
		size_t at = (c->counter_hint + i) % count;
		const struct reload_sim_place *p =
			reload_sim_history_place((struct reload_sim_history *)c->history,
				at / RELOAD_SIM_PLACES, at % RELOAD_SIM_PLACES);
		const struct reload_id *resource = reload_sim_history_resource(c->history, p->node);
		uint64_t highest = reload_sim_history_counter(c->history, p, reload_sim_now(c->s));
		if (!highest || !reload_sim_history_owed(c->history, p, reload_sim_now(c->s)) ||
			reload_sim_place_lied(c, p))
			continue;
		const struct reload_sim_node *n = c->ring[reload_sim_checks_owner(c, resource)];
		uint64_t is =
			n->storage->ops->generation(n->storage, resource, reload_sim_place_kind(p),
				RELOAD_SIM_EPOCH + reload_sim_now(c->s) + (uint64_t)n->skew_ms);
		if (is >= highest)
			continue;
		c->counter_hint = at;
		return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_GENERATION,
			"at peer %zu, which is responsible for place %u of node %zu, the "
			"generation "
			"counter is %llu; %llu was acknowledged",
			n->index, p->which, p->node, (unsigned long long)is,
			(unsigned long long)highest);
	}
	return true;
}
