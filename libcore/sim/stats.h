/* Numbers of a run: distributions, and a series of points in time. */
#pragma once

#include "sim/outcome.h"

enum {
	RELOAD_SIM_SAMPLES_MAX =
		1 << 16 /* samples of a distribution; of more numbers they are drawn at random */
};

/* Zero-initialised is empty; clear it. */
struct reload_sim_numbers {
	double *at;
	size_t count, cap;
	uint64_t seen;
	double sum, max;
};

/* reload_sim_numbers_add() adds v; which of very many numbers stay as samples depends only on how many there were. */
void reload_sim_numbers_add(struct reload_sim_numbers *n, double v);
void reload_sim_numbers_clear(struct reload_sim_numbers *n);

/* reload_sim_numbers_spread() returns mean, percentiles (nearest rank) and maximum. */
struct reload_sim_spread reload_sim_numbers_spread(struct reload_sim_numbers *n);

/* Messages and bytes that keep the overlay alive: all but the workload's own. */
struct reload_sim_upkeep {
	double messages, bytes;
};

/*
 * reload_sim_upkeep() is what was sent between two counts.  Messages of Store and Fetch are taken apart by estimate: those of
 * the workload are (hops of its requests and answers) of each kind, the others are replicas and certificates; bytes in the same parts.
 */
struct reload_sim_upkeep reload_sim_upkeep(const struct reload_sim_counts *from,
	const struct reload_sim_counts *to, uint64_t store_hops, uint64_t fetch_hops);
