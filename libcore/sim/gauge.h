/* How good the estimates of peers are that tune themselves (RFC 7363), against the truth that a world knows, and how good their successors. */
#pragma once

#include "sim/stats.h"

/* Zero-initialised it is empty; reload_sim_gauge_clear() frees it. */
struct reload_sim_gauge {
	struct reload_sim_numbers size_error, own_size_error, interval_s; /* errors in per cent */
	struct reload_sim_numbers failures, joins, own_failures,
		own_joins;      /* in force, and own; per second */
	double interval_mean_s; /* of the peers, at the last look */
	uint64_t successors, wrong_successors;
	double peer_seconds; /* of joined peers */
	uint64_t joined_first, joined_last;
	reload_ms first, last; /* looks; NEVER: none */
};

/*
 * reload_sim_gauge_look() looks at all joined honest peers of s, now.  reload_sim_gauge_fill() sets what the outcome says of it; joins is how many nodes
 * joined between the first look and the last one.
 */
void reload_sim_gauge_look(struct reload_sim_gauge *g, struct reload_sim *s);
void reload_sim_gauge_fill(
	struct reload_sim_gauge *g, uint64_t joins, struct reload_sim_outcome *out);
void reload_sim_gauge_clear(struct reload_sim_gauge *g);
