/* The random numbers of the simulator: xoshiro256**, seeded by splitmix64.  Equal seeds give equal numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reload_prng {
	uint64_t s[4];
};

/* reload_prng_seed() starts the sequence of seed. */
void reload_prng_seed(struct reload_prng *r, uint64_t seed);
/* reload_prng_next() returns 64 random bits; reload_prng_below() a number below n (0 when n is 0); reload_prng_unit() one in [0, 1). */
uint64_t reload_prng_next(struct reload_prng *r);
uint64_t reload_prng_below(struct reload_prng *r, uint64_t n);
double reload_prng_unit(struct reload_prng *r);
/* reload_prng_chance() is true with the probability per_million / 1,000,000. */
bool reload_prng_chance(struct reload_prng *r, uint32_t per_million);
/* reload_prng_exponential() and reload_prng_weibull() return a time in the unit of mean; shape 1 is the exponential distribution. */
double reload_prng_exponential(struct reload_prng *r, double mean);
double reload_prng_weibull(struct reload_prng *r, double shape, double mean);
/* reload_prng_pareto() returns one too; tail is larger than 1, and no result is smaller than mean * (tail - 1) / tail. */
double reload_prng_pareto(struct reload_prng *r, double tail, double mean);
/* reload_prng_bytes() fills out with random bytes. */
void reload_prng_bytes(struct reload_prng *r, void *out, size_t len);
/* reload_prng_hash() is a hash of the numbers, for random choices that need no state. */
uint64_t reload_prng_hash(uint64_t a, uint64_t b, uint64_t c);
