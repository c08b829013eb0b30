/* The order of SRV records (RFC 2782): priorities in order, weights by chance. */
#include "dns/srv.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	DRAWS = 100000
};

/* A generator of numbers that is the same each time. */
static uint32_t draw(void *arg, uint32_t below)
{
	uint64_t *state = arg;
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) * below >> 32);
}

static struct reload_srv record(const char *target, uint16_t priority, uint16_t weight)
{
	struct reload_srv r = { .priority = priority, .weight = weight, .port = 443 };
	snprintf(r.target, sizeof(r.target), "%s", target);
	return r;
}

static void priorities_come_in_order(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252u;
	for (int i = 0; i < 1000; i++) {
		struct reload_srv r[] = { record("c", 20, 9), record("a", 10, 1),
			record("b", 10, 1), record("d", 65535, 0) };
		reload_srv_order(r, 4, draw, &seed);
		assert_true(strchr("ab", r[0].target[0]) && strchr("ab", r[1].target[0]));
		assert_string_not_equal(r[0].target, r[1].target);
		assert_string_equal(r[2].target, "c");
		assert_string_equal(r[3].target, "d");
	}
	reload_srv_order(NULL, 0, draw, &seed);
}

/* B02: how often each of the records is first, against its part of the sum */
static void weights_are_parts_of_the_sum(void **state)
{
	(void)state;
	static const struct {
		uint16_t weights[4];
		size_t count;
	} sets[] = {
		{ { 1, 1 }, 2 },
		{ { 1, 2, 3 }, 3 },
		{ { 0, 0 }, 2 },
		{ { 0, 65535 }, 2 },
		{ { 65535, 65535, 65535, 65535 }, 4 },
		{ { 10, 60, 30 }, 3 },
	};
	for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
		uint64_t seed = 88172645463325252u + s;
		unsigned first[4] = { 0 };
		double sum = 0, chi = 0;
		for (size_t i = 0; i < sets[s].count; i++)
			sum += sets[s].weights[i];
		for (int n = 0; n < DRAWS; n++) {
			struct reload_srv r[4];
			for (size_t i = 0; i < sets[s].count; i++) {
				char name[2] = { (char)('a' + i), 0 };
				r[i] = record(name, 5, sets[s].weights[i]);
			}
			reload_srv_order(r, sets[s].count, draw, &seed);
			first[r[0].target[0] - 'a']++;
		}
		for (size_t i = 0; i < sets[s].count; i++) {
			double expected = sum > 0 ? (double)DRAWS * sets[s].weights[i] / sum
						  : (double)DRAWS / (double)sets[s].count;
			if (expected < 1)
				assert_int_equal(first[i], 0);
			else
				chi += (first[i] - expected) * (first[i] - expected) / expected;
		}
		assert_true(chi < 16.3); /* p = 0.001 with three degrees of freedom */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priorities_come_in_order),
		cmocka_unit_test(weights_are_parts_of_the_sum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
