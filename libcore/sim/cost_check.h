/*
 * The checks of what repairs cost: the bytes that a node holds for its requests under way, and the Stores that the nodes of a world send beside those of the load.  A
 * retry that multiplies shows there long before a value is lost.
 *
 * Each change of the ring, a join, a leave, a failure, moves what a peer holds: its own range and those of which it has replicas.  So the Stores of a
 * run are compared with the changes up to then, times the messages that what the average peer holds takes.
 */
#pragma once

#include "sim/outcome.h"
#include "sim/world.h"

struct reload_sim_cost {
	uint64_t changes; /* of the ring, and faults that may look like one */
	uint64_t stored;  /* Stores of the load that were acknowledged */
	uint64_t
		sent; /* messages of Stores and their answers beside those of the load, over one link each */
	double messages; /* that what the average peer holds takes: the most so far */
	size_t held;     /* bytes for requests under way of one node: the most so far */
};

/*
 * reload_sim_cost_look() looks at all nodes, each second; load: messages of the load's Stores so far.  Those of the load that are under way count as beside
 * it until they end.
 */
void reload_sim_cost_look(struct reload_sim_cost *c, struct reload_sim *s, uint64_t load);
/* reload_sim_cost_bound() is how many messages of Stores the changes and Stores so far may cause. */
double reload_sim_cost_bound(const struct reload_sim_cost *c);
/* reload_sim_check_cost(): HELD and STORES, the bytes that a node held and the messages of Stores are within their bounds. */
bool reload_sim_check_cost(const struct reload_sim_cost *c, const struct reload_sim *s,
	struct reload_sim_violation *v);
