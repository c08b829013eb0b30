#include "sim/random.h"

#include <math.h>
#include <string.h>

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* splitmix64: a step and its output */
static uint64_t split(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void reload_prng_seed(struct reload_prng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = split(&seed);
}

uint64_t reload_prng_next(struct reload_prng *r)
{
	uint64_t *p = r->s, result = rotl(p[1] * 5, 7) * 9, t = p[1] << 17;
	p[2] ^= p[0];
	p[3] ^= p[1];
	p[1] ^= p[2];
	p[0] ^= p[3];
	p[2] ^= t;
	p[3] = rotl(p[3], 45);
	return result;
}

uint64_t reload_prng_below(struct reload_prng *r, uint64_t n)
{
	return n ? reload_prng_next(r) % n : 0;
}

double reload_prng_unit(struct reload_prng *r)
{
	return (double)(reload_prng_next(r) >> 11) * 0x1p-53;
}

bool reload_prng_chance(struct reload_prng *r, uint32_t per_million)
{
	return reload_prng_below(r, 1000000) < per_million;
}

double reload_prng_exponential(struct reload_prng *r, double mean)
{
	return -log(1 - reload_prng_unit(r)) * mean;
}

double reload_prng_weibull(struct reload_prng *r, double shape, double mean)
{
	double scale = mean / tgamma(1 + 1 / shape);
	return pow(-log(1 - reload_prng_unit(r)), 1 / shape) * scale;
}

double reload_prng_pareto(struct reload_prng *r, double tail, double mean)
{
	return mean * (tail - 1) / tail * pow(1 - reload_prng_unit(r), -1 / tail);
}

void reload_prng_bytes(struct reload_prng *r, void *out, size_t len)
{
	uint8_t *to = out;
	while (len) {
		uint64_t v = reload_prng_next(r);
		size_t n = len < sizeof(v) ? len : sizeof(v);
		memcpy(to, &v, n);
		to += n;
		len -= n;
	}
}

uint64_t reload_prng_hash(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t state = a;
	state = split(&state) ^ b;
	state = split(&state) ^ c;
	return split(&state);
}
