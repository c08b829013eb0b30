#include "sim/stats.h"

#include "exchange/request.h"
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

uint64_t reload_sim_own_messages(const struct reload_sim_counts *from,
	const struct reload_sim_counts *to, enum reload_sim_traffic traffic, uint64_t hops)
{
	uint64_t messages = to->traffic_messages[traffic] - from->traffic_messages[traffic];
	return hops < messages ? hops : messages;
}

uint64_t reload_sim_request_hops(
	const struct reload_sim_numbers *hops, const struct reload_result *result)
{
	unsigned copies = result->transmissions ? result->transmissions : 1;
	if (result->err != RELOAD_TIMEOUT || !hops->seen)
		return 2ull * result->hops * copies;
	return (uint64_t)llround(2 * hops->sum / (double)hops->seen * copies);
}

struct reload_sim_upkeep reload_sim_upkeep(const struct reload_sim_counts *from,
	const struct reload_sim_counts *to, uint64_t store_hops, uint64_t fetch_hops)
{
	struct reload_sim_upkeep u = { 0, 0 };
	for (unsigned t = 0; t < RELOAD_SIM_TRAFFICS; t++) {
		double messages = (double)(to->traffic_messages[t] - from->traffic_messages[t]),
		       bytes = (double)(to->traffic_bytes[t] - from->traffic_bytes[t]);
		uint64_t hops = t == RELOAD_SIM_TRAFFIC_STORE   ? store_hops
				: t == RELOAD_SIM_TRAFFIC_FETCH ? fetch_hops
								: 0;
		double rest = messages - (double)reload_sim_own_messages(from, to, t, hops);
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
