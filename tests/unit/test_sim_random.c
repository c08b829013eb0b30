/* The random numbers of the simulator, and the latencies made of them. */
#include "sim/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum {
	DRAWS = 20000
};

/* The state is that of splitmix64 with seed 0; the first number of xoshiro256** follows from s[1]. */
static void sequence_is_that_of_the_seed(void **state)
{
	static const uint64_t expected[4] = { 0xe220a8397b1dcdafu, 0x6e789e6aa1b965f4u,
		0x06c45d188009454fu, 0xf88bb8a8724c81ecu };
	struct reload_prng a, b;
	(void)state;
	reload_prng_seed(&a, 0);
	assert_memory_equal(a.s, expected, sizeof(expected));
	uint64_t x = expected[1] * 5;
	assert_true(reload_prng_next(&a) == (x << 7 | x >> 57) * 9);
	reload_prng_seed(&b, 0);
	reload_prng_next(&b);
	for (int i = 0; i < 100; i++)
		assert_true(reload_prng_next(&a) == reload_prng_next(&b));
	reload_prng_seed(&b, 1);
	assert_true(reload_prng_next(&a) != reload_prng_next(&b));
}

static void draws_have_their_distribution(void **state)
{
	struct reload_prng r;
	double exponential = 0, weibull = 0, pareto = 0, unit = 0;
	unsigned chances = 0;
	(void)state;
	reload_prng_seed(&r, 7);
	for (int i = 0; i < DRAWS; i++) {
		double u = reload_prng_unit(&r);
		assert_true(u >= 0 && u < 1);
		assert_true(reload_prng_below(&r, 10) < 10);
		unit += u;
		exponential += reload_prng_exponential(&r, 50);
		weibull += reload_prng_weibull(&r, 0.6, 50);
		pareto += reload_prng_pareto(&r, 3, 50);
		chances += reload_prng_chance(&r, 250000);
	}
	assert_true(fabs(unit / DRAWS - 0.5) < 0.02);
	assert_true(fabs(exponential / DRAWS - 50) < 3);
	assert_true(fabs(weibull / DRAWS - 50) < 4);
	assert_true(fabs(pareto / DRAWS - 50) < 4);
	assert_true(fabs((double)chances / DRAWS - 0.25) < 0.02);
	assert_int_equal(reload_prng_below(&r, 0), 0);
}

static void bytes_and_hash_repeat(void **state)
{
	struct reload_prng a, b;
	uint8_t x[37], y[37];
	(void)state;
	reload_prng_seed(&a, 3);
	reload_prng_seed(&b, 3);
	reload_prng_bytes(&a, x, sizeof(x));
	reload_prng_bytes(&b, y, sizeof(y));
	assert_memory_equal(x, y, sizeof(x));
	assert_true(reload_prng_hash(1, 2, 3) == reload_prng_hash(1, 2, 3));
	assert_true(reload_prng_hash(1, 2, 3) != reload_prng_hash(1, 3, 2));
	assert_true(reload_prng_hash(1, 2, 3) != reload_prng_hash(2, 2, 3));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The median of the base latencies of many pairs is that of the preset; delays are larger by the jitter. */
static void presets_have_their_median(void **state)
{
	static const char *const names[] = { "lan", "wan", "mobile" };
	static double bases[DRAWS];
	(void)state;
	for (size_t n = 0; n < COUNT_OF(names); n++) {
		struct reload_sim s = { .setup = { .seed = 11,
						.latency = reload_sim_latency_find(names[n]) } };
		double delays = 0, sum = 0, median = s.setup.latency->base_median_ms;
		reload_prng_seed(&s.prng, 11);
		for (size_t i = 0; i < DRAWS; i++) {
			bases[i] = reload_sim_base(&s, i, i * 7 + 1);
			assert_true(bases[i] > 0 && bases[i] <= 20 * median);
			assert_true(bases[i] == reload_sim_base(&s, i * 7 + 1, i));
			sum += bases[i];
			delays += (double)reload_sim_delay(&s, bases[i]);
		}
		qsort(bases, DRAWS, sizeof(*bases), by_size);
		assert_true(fabs(bases[DRAWS / 2] / median - 1) < 0.03);
		/* whole milliseconds, but the mean is kept */
		double expected = sum / DRAWS + s.setup.latency->jitter_mean_ms;
		assert_true(fabs(delays / DRAWS / expected - 1) < 0.03);
	}
	assert_null(reload_sim_latency_find("moon"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence_is_that_of_the_seed),
		cmocka_unit_test(draws_have_their_distribution),
		cmocka_unit_test(bytes_and_hash_repeat),
		cmocka_unit_test(presets_have_their_median),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
