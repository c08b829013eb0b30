#include "sim/stats.h"

#include "util/alloc.h"

#include <math.h>
#include <stdlib.h>

void reload_sim_numbers_add(struct reload_sim_numbers *n, double v)
{
	n->seen++;
	n->sum += v;
	if (n->seen == 1 || v > n->max)
		n->max = v;
	if (n->count < RELOAD_SIM_SAMPLES_MAX) {
		reload_grow(&n->at, &n->cap, n->count, sizeof(*n->at));
		n->at[n->count++] = v;
		return;
	}
	uint64_t place = reload_prng_hash(n->seen, 0, 0x57a7) % n->seen;
	if (place < RELOAD_SIM_SAMPLES_MAX)
		n->at[place] = v;
}

void reload_sim_numbers_clear(struct reload_sim_numbers *n)
{
	free(n->at);
	*n = (struct reload_sim_numbers){ 0 };
}

static int number_cmp(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static double percentile(const struct reload_sim_numbers *n, double share)
{
	size_t rank = (size_t)ceil(share * (double)n->count);
	return n->at[rank ? rank - 1 : 0];
}

struct reload_sim_spread reload_sim_numbers_spread(struct reload_sim_numbers *n)
{
	struct reload_sim_spread s = { .count = n->seen };
	if (!n->count)
		return s;
	qsort(n->at, n->count, sizeof(*n->at), number_cmp);
	s.mean = n->sum / (double)n->seen;
	s.max = n->max;
	s.p50 = percentile(n, 0.50);
	s.p95 = percentile(n, 0.95);
	s.p99 = percentile(n, 0.99);
	return s;
}

struct reload_sim_upkeep reload_sim_upkeep(const struct reload_sim_counts *from,
	const struct reload_sim_counts *to, uint64_t store_hops, uint64_t fetch_hops)
{
	struct reload_sim_upkeep u = { 0, 0 };
	for (unsigned t = 0; t < RELOAD_SIM_TRAFFICS; t++) {
		double messages = (double)(to->traffic_messages[t] - from->traffic_messages[t]),
		       bytes = (double)(to->traffic_bytes[t] - from->traffic_bytes[t]);
		double own = t == RELOAD_SIM_TRAFFIC_STORE   ? (double)store_hops
			     : t == RELOAD_SIM_TRAFFIC_FETCH ? (double)fetch_hops
							     : 0;
		double rest = messages > own ? messages - own : 0;
		u.messages += rest;
		u.bytes += messages > 0 ? bytes * rest / messages : 0;
	}
	return u;
}

void reload_sim_counts_since(struct reload_sim_counts *out, const struct reload_sim_counts *from,
	const struct reload_sim_counts *to)
{
	*out = (struct reload_sim_counts){ .messages = to->messages - from->messages,
		.bytes = to->bytes - from->bytes };
	for (size_t t = 0; t < RELOAD_SIM_TRAFFICS; t++) {
		out->traffic_messages[t] = to->traffic_messages[t] - from->traffic_messages[t];
		out->traffic_bytes[t] = to->traffic_bytes[t] - from->traffic_bytes[t];
	}
}

int reload_sim_number_order(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;
	return (*a > *b) - (*a < *b);
}
