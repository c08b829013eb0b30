#include "sim/internal.h"

#include <math.h>

/*
 * One-way latencies of three kinds of networks, half of a typical round trip: well under a millisecond on one Ethernet segment; some tens of
 * milliseconds between homes of one continent, with a tail to other continents; near a hundred milliseconds with much jitter over
 * radio.  They have the right order of magnitude and are those of no network in particular.
 */
static const struct reload_sim_latency presets[] = {
	{ .name = "lan", .base_median_ms = 0.3, .base_spread = 0.3, .jitter_mean_ms = 0.1 },
	{ .name = "wan", .base_median_ms = 20, .base_spread = 0.6, .jitter_mean_ms = 2 },
	{ .name = "mobile", .base_median_ms = 45, .base_spread = 0.5, .jitter_mean_ms = 30 },
};

enum {
	TAIL = 20 /* the latency of a pair is at most this many medians */
};

const struct reload_sim_latency *reload_sim_latency_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(presets); i++)
		if (!strcmp(presets[i].name, name))
			return &presets[i];
	return NULL;
}

static double unit_of(uint64_t draw)
{
	return (double)((draw >> 11) + 1) * 0x1p-53; /* (0, 1] */
}

double reload_sim_base(const struct reload_sim *s, size_t i, size_t j)
{
	const struct reload_sim_latency *l = s->setup.latency;
	uint64_t first = reload_prng_hash(s->setup.seed, i < j ? i : j, i < j ? j : i);
	/* a normal deviate from two random numbers (Box and Muller) */
	double z = sqrt(-2 * log(unit_of(first))) *
		   cos(2 * 3.14159265358979323846 * unit_of(reload_prng_hash(first, 0, 0)));
	double base = l->base_median_ms * exp(l->base_spread * z);
	return base < TAIL * l->base_median_ms ? base : TAIL * l->base_median_ms;
}

reload_ms reload_sim_delay(struct reload_sim *s, double base)
{
	/* one random number: the upper part gives the jitter and the lower part rounds it, so that the mean is right below a millisecond too */
	uint64_t draw = reload_prng_next(&s->prng);
	double ms = base - log(unit_of(draw)) * s->setup.latency->jitter_mean_ms;
	return (reload_ms)(ms + (double)(draw & 0x7ff) * 0x1p-11);
}

reload_ms reload_sim_patience(const struct reload_sim *s, double base)
{
	double ms = 2 * base + 8 * s->setup.latency->jitter_mean_ms;
	return (reload_ms)ms + 1;
}
