#include "sim/check_internal.h"

/*
 * Last copies, and what is lost.  With `keep-copies` a peer neither fails nor leaves while it has the last copy of a value, so whatever is lost all
 * the same the engine has lost.
 */

enum {
	HOLDERS = 3
};

/* Place i of all, those of a node one after the other. */
static const struct reload_sim_place *place_at(const struct reload_sim_checks *c, size_t i)
{
	return reload_sim_history_place((struct reload_sim_history *)c->history,
		i / RELOAD_SIM_PLACES, i % RELOAD_SIM_PLACES);
}

/*
 * Whether one of the first three peers behind the resource, other than `without`, has the version of that storage_time: by the ring as it
 * will be when the network is whole, and by the ring of each side while it is cut.  One whose process is stopped is not counted, as
 * it may not come back in time, nor is one that lies.
 */
static bool another_has(struct reload_sim_checks *c, const struct reload_sim_node *without,
	const struct reload_sim_place *p, uint64_t time)
{
	size_t owner = reload_sim_checks_owner(c, reload_sim_history_resource(c->history, p->node));
	unsigned all = 0, of_side[2] = { 0, 0 };
	for (size_t i = 0; i < c->count; i++) {
		const struct reload_sim_node *n = c->ring[(owner + i) % c->count];
		if (n == without)
			continue;
		bool holder = all++ < HOLDERS;
		holder = of_side[n->side & 1]++ < HOLDERS || holder;
		if (holder && !n->byzantine && !n->aside && !reload_sim_frozen(n) &&
			reload_sim_checks_stored(c, n, p) >= time)
			return true;
		if (of_side[0] >= HOLDERS && of_side[1] >= HOLDERS)
			break;
	}
	return false;
}

/*
 * Whether n has the newest acknowledged version of a place, or a newer one whose acknowledgment may be on its way, and none of
 * its holders has it but n.  n need not be near the place: while rings merge it may have been its owner a moment ago.
 */
static bool is_last(struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_sim_place *p)
{
	uint64_t time = p->last ? reload_sim_checks_stored(c, n, p) : 0;
	return time && time >= p->newest && !another_has(c, n, p, time);
}

bool reload_sim_check_last_copy(struct reload_sim_checks *c, const struct reload_sim_node *n)
{
	size_t places = reload_sim_history_count(c->history);
	reload_sim_checks_begin(c);
	if (!n->peer || n->role != RELOAD_ROLE_PEER || !c->count)
		return false;
	for (size_t i = 0; i < places; i++)
		if (is_last(c, n, place_at(c, i)))
			return true;
	return false;
}

/* -- what is lost ------------------------------------------------------------------------------------------------------------------ */

/* Whether a place is excused and no node, nor the disk of one that is not running, has what was acknowledged there. */
static bool is_lost(const struct reload_sim_checks *c, const struct reload_sim_place *p)
{
	uint64_t time = reload_sim_history_excused(c->history, p, reload_sim_now(c->s));
	bool found = !time;
	for (size_t k = 0; k < reload_sim_count(c->s) && !found; k++) {
		const struct reload_sim_node *n = reload_sim_node(c->s, k);
		found = n->storage && reload_sim_checks_stored(c, n, p) >= time;
	}
	return !found;
}

size_t reload_sim_checks_lost(const struct reload_sim_checks *c)
{
	size_t count = reload_sim_history_count(c->history), lost = 0;
	for (size_t i = 0; i < count; i++)
		lost += is_lost(c, place_at(c, i));
	return lost;
}

bool reload_sim_check_none_lost(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	reload_sim_checks_begin(c);
	for (size_t i = 0; i < reload_sim_history_count(c->history); i++) {
		const struct reload_sim_place *p = place_at(c, i);
		if (is_lost(c, p) && !reload_sim_place_lied(c, p))
			return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_REALLY_LOST,
				"place %u of node %zu, acknowledged at %.3f s, is nowhere any "
				"more, although no fault has taken its last copy",
				p->which, p->node, (double)p->acknowledged / 1000);
	}
	return true;
}

/* How many nodes have excused places.  These have one Resource-ID, and go together. */
static size_t excused_nodes(const struct reload_sim_checks *c)
{
	size_t nodes = 0, last = SIZE_MAX;
	for (size_t i = 0; i < reload_sim_history_count(c->history); i++) {
		size_t node = i / RELOAD_SIM_PLACES;
		const struct reload_sim_place *p = place_at(c, i);
		if (node == last ||
			!reload_sim_history_excused(c->history, p, reload_sim_now(c->s)))
			continue;
		last = node;
		nodes++;
	}
	return nodes;
}

bool reload_sim_check_really_lost(
	const struct reload_sim_checks *c, uint64_t limit, struct reload_sim_violation *v)
{
	size_t values, lost = reload_sim_checks_lost(c);
	size_t excused =
		reload_sim_history_expected_lost(c->history, reload_sim_now(c->s), &values);
	if (excused_nodes(c) <= 1 || excused * 1000000 <= values * limit)
		return true;
	return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_REALLY_LOST,
		"of %zu values %zu are excused, and of these %zu are nowhere any more; all of "
		"these may be lost, but so many at a time are not to be",
		values, excused, lost);
}
