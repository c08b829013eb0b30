/* What a newer document costs the nodes that take it, before it is published. */
#pragma once

#include "config/config.h"

/* What is lost. */
enum reload_cost_type {
	RELOAD_COST_REJOIN, /* every peer leaves the overlay and has to join again */
	RELOAD_COST_NODES,  /* some nodes are no longer members */
	RELOAD_COST_DATA,   /* stored values go, or cannot be stored again */
	RELOAD_COST_SERVICE /* the overlay works differently, or worse for a time */
};

struct reload_config_cost {
	enum reload_cost_type type;
	bool consent; /* somebody has to agree first; false: the change was asked for by name, as with a bad-node */
	char what[160]; /* such as "max-message-size 5000 to 8000" */
	char why[240];
};

/* reload_cost_name() returns "rejoin", "nodes", "data" or "service". */
const char *reload_cost_name(enum reload_cost_type type);

/*
 * reload_config_costs() calls found(arg, cost) for each cost of going from before to config, which are documents of the same
 * overlay.  A Kind that before has learned by ConfigUpdate counts as one of its Kinds.
 */
void reload_config_costs(const struct reload_config *config, const struct reload_config *before,
	void (*found)(void *arg, const struct reload_config_cost *cost), void *arg);
