/* Numbers of a run: distributions, and a series of points in time. */
#pragma once

#include "sim/outcome.h"

enum {
	RELOAD_SIM_SAMPLES_MAX = 1 << 16 /* of more numbers a random choice stays */
};

/* Zero-initialised it is empty; reload_sim_numbers_clear() frees it. */
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

/* Messages and bytes that maintain the overlay: all but those of the workload. */
struct reload_sim_upkeep {
	double messages, bytes;
};

/*
 * reload_sim_own_messages() returns how many of the messages of a kind between two counts are the workload's, whose requests and answers made hops
 * since: not more than there are.  What is left belongs to earlier or later messages, as the hops are known when a request ends.
 */
uint64_t reload_sim_own_messages(const struct reload_sim_counts *from,
	const struct reload_sim_counts *to, enum reload_sim_traffic traffic, uint64_t hops);

struct reload_result;
/*
 * reload_sim_request_hops() returns how many links the copies of a request of the workload crossed, with the answers to them.  How far those came
 * that had no answer is not known: as far as others on average, whose hops are given.
 */
uint64_t reload_sim_request_hops(
	const struct reload_sim_numbers *hops, const struct reload_result *result);

/*
 * reload_sim_upkeep() is what was sent between two counts.  Of the messages of Store and Fetch as many are the workload's as its requests and
 * answers made hops; the others are replicas and certificates.  Their bytes are divided in the same ratio, which is an estimate.
 */
struct reload_sim_upkeep reload_sim_upkeep(const struct reload_sim_counts *from,
	const struct reload_sim_counts *to, uint64_t store_hops, uint64_t fetch_hops);

/* reload_sim_counts_since() fills out with the messages and bytes that were sent between two counts. */
void reload_sim_counts_since(struct reload_sim_counts *out, const struct reload_sim_counts *from,
	const struct reload_sim_counts *to);

/* reload_sim_number_order() compares two uint64_t for qsort() and bsearch(). */
int reload_sim_number_order(const void *x, const void *y);
