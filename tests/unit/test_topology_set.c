/* Ordered sets of Node-IDs and the arithmetic of the ring, against the plain definition (RFC 6940 s10.1, s10.3, s10.7.4). */
#include "chord_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	NODES = 40
};

/* id_of_bit() is 2^bit. */
static struct reload_id id_of_bit(unsigned bit)
{
	struct reload_id id = { .len = 16 };
	id.at[15 - bit / 8] = (uint8_t)(1u << bit % 8);
	return id;
}

/* sum() is a + b on the ring. */
static struct reload_id sum(const struct reload_id *a, const struct reload_id *b)
{
	struct reload_id s = { .len = 16 };
	unsigned carry = 0;
	for (int i = 15; i >= 0; i--) {
		carry += (unsigned)a->at[i] + b->at[i];
		s.at[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return s;
}

static struct reload_id less_one(const struct reload_id *a)
{
	struct reload_id ones;
	ones.len = 16;
	memset(ones.at, 0xff, sizeof(ones.at));
	return sum(a, &ones);
}

/* Node-IDs that are spread and repeatable; seed chooses. */
static struct reload_id spread(uint64_t *seed)
{
	struct reload_id id = { .len = 16 };
	for (size_t i = 0; i < 16; i++) {
		*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
		id.at[i] = (uint8_t)(*seed >> 56);
	}
	return id;
}

static void sets_are_ordered(void **state)
{
	(void)state;
	struct chord_set set = { 0 };
	struct reload_id ids[NODES];
	uint64_t seed = 1;
	for (size_t i = 0; i < NODES; i++) {
		ids[i] = spread(&seed);
		assert_false(reload_chord_set_has(&set, &ids[i]));
		assert_true(reload_chord_set_add(&set, &ids[i]));
		assert_false(reload_chord_set_add(&set, &ids[i])); /* no duplicates */
		assert_true(reload_chord_set_has(&set, &ids[i]));
		assert_int_equal(set.count, i + 1);
	}
	for (size_t i = 1; i < NODES; i++) {
		struct reload_id a = reload_chord_set_at(&set, i - 1),
				 b = reload_chord_set_at(&set, i);
		assert_true(reload_id_cmp(&a, &b) < 0);
	}
	for (size_t i = 0; i < NODES; i++) {
		assert_true(reload_chord_set_remove(&set, &ids[i]));
		assert_false(reload_chord_set_remove(&set, &ids[i]));
		assert_false(reload_chord_set_has(&set, &ids[i]));
		assert_int_equal(set.count, NODES - 1 - i);
	}
	reload_chord_set_clear(&set);
	reload_chord_set_clear(&set); /* all zero is the empty set */
}

static void who_is_before_and_after(void **state)
{
	(void)state;
	struct chord_set set = { 0 };
	struct reload_id out[8];
	static const uint8_t bytes[] = { 0x20, 0x40, 0x60, 0x80 };
	struct reload_id self = fake_id(0x50), below = fake_id(0x10), above = fake_id(0x90);
	assert_int_equal(reload_chord_set_after(&set, &self, out, 8), 0);
	assert_int_equal(reload_chord_set_before(&set, &self, out, 8), 0);
	for (size_t i = 0; i < COUNT_OF(bytes); i++) {
		struct reload_id id = fake_id(bytes[i]);
		assert_true(reload_chord_set_add(&set, &id));
	}
	static const struct {
		unsigned self;
		size_t max;
		uint8_t after[5], before[5];
	} rows[] = {
		{ 0x50, 8, { 0x60, 0x80, 0x20, 0x40 }, { 0x40, 0x20, 0x80, 0x60 } },
		{ 0x50, 2, { 0x60, 0x80 }, { 0x40, 0x20 } },
		{ 0x50, 0, { 0 }, { 0 } },
		/* round the end of the numbers */
		{ 0x90, 3, { 0x20, 0x40, 0x60 }, { 0x80, 0x60, 0x40 } },
		{ 0x10, 3, { 0x20, 0x40, 0x60 }, { 0x80, 0x60, 0x40 } },
		/* an element of the set is the first after itself, and the last before itself */
		{ 0x60, 2, { 0x60, 0x80 }, { 0x40, 0x20 } },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_id from = fake_id(rows[i].self);
		size_t n = reload_chord_set_after(&set, &from, out, rows[i].max);
		assert_int_equal(n, rows[i].max < 4 ? rows[i].max : 4);
		for (size_t j = 0; j < n; j++)
			assert_int_equal(out[j].at[0], rows[i].after[j]);
		n = reload_chord_set_before(&set, &from, out, rows[i].max);
		assert_int_equal(n, rows[i].max < 4 ? rows[i].max : 4);
		for (size_t j = 0; j < n; j++)
			assert_int_equal(out[j].at[0], rows[i].before[j]);
	}
	assert_true(reload_chord_nearer(&self, true, &above, &below));
	assert_true(reload_chord_nearer(&self, false, &below, &above));
	reload_chord_set_clear(&set);
}

/* The next hop by the words of R-10.3-02: the largest in (self, k], else the first one after k. */
static struct reload_id route_slowly(
	const struct chord_set *set, const struct reload_id *self, const struct reload_id *k)
{
	struct reload_id best = { 0 }, first = { 0 };
	for (size_t i = 0; i < set->count; i++) {
		struct reload_id id = reload_chord_set_at(set, i);
		struct reload_id to_k = reload_id_distance(&id, k),
				 from_k = reload_id_distance(k, &id),
				 best_to_k = reload_id_distance(&best, k),
				 first_from_k = reload_id_distance(k, &first);
		if (reload_id_between(self, &id, k) &&
			(!best.len || reload_id_cmp(&to_k, &best_to_k) < 0))
			best = id;
		if (!first.len || reload_id_cmp(&from_k, &first_from_k) < 0)
			first = id;
	}
	return best.len ? best : first;
}

static void the_next_hop(void **state)
{
	(void)state;
	struct chord_set set = { 0 };
	uint64_t seed = 7;
	struct reload_id self = spread(&seed), next;
	assert_false(reload_chord_set_route(&set, &self, &self, &next));
	for (size_t n = 1; n <= NODES; n++) {
		struct reload_id id = spread(&seed);
		assert_true(reload_chord_set_add(&set, &id));
		for (size_t i = 0; i < 20; i++) {
			struct reload_id k = spread(&seed);
			struct reload_id want = route_slowly(&set, &self, &k);
			assert_true(reload_chord_set_route(&set, &self, &k, &next));
			assert_true(reload_id_eq(&next, &want));
		}
		/* at each element, one before it and one behind it */
		for (size_t i = 0; i < set.count; i++) {
			struct reload_id one = id_of_bit(0), k = reload_chord_set_at(&set, i);
			struct reload_id points[] = { less_one(&k), k, sum(&k, &one) };
			for (size_t p = 0; p < COUNT_OF(points); p++) {
				struct reload_id want = route_slowly(&set, &self, &points[p]);
				assert_true(reload_chord_set_route(&set, &self, &points[p], &next));
				assert_true(reload_id_eq(&next, &want));
			}
		}
	}
	reload_chord_set_clear(&set);
}

/* R-10.7.4-02: finger i begins at self + 2^(128-i) and ends before the next */
static void finger_intervals(void **state)
{
	(void)state;
	uint64_t seed = 3;
	for (int round = 0; round < 4; round++) {
		struct reload_id self = spread(&seed);
		for (unsigned i = 1; i <= CHORD_FINGERS_MAX; i++) {
			struct reload_id width = id_of_bit(CHORD_FINGERS_MAX - i);
			struct reload_id begin = sum(&self, &width), end = sum(&begin, &width);
			struct reload_id last = less_one(&end);
			assert_int_equal(reload_chord_finger_index(&self, &begin), i);
			assert_int_equal(reload_chord_finger_index(&self, &last), i);
			/* the widest ends at self itself */
			if (i > 1)
				assert_int_equal(reload_chord_finger_index(&self, &end), i - 1);
		}
	}
}

static void one_finger_an_interval(void **state)
{
	(void)state;
	struct chord_set set = { 0 };
	struct reload_id out[CHORD_FINGERS_MAX];
	uint64_t seed = 11;
	struct reload_id self = spread(&seed);
	assert_int_equal(reload_chord_set_fingers(&set, &self, out), 0);
	for (size_t n = 0; n < NODES; n++) {
		struct reload_id id = spread(&seed);
		assert_true(reload_chord_set_add(&set, &id));
		size_t count = reload_chord_set_fingers(&set, &self, out);
		bool taken[CHORD_FINGERS_MAX + 1] = { false };
		for (size_t i = 0; i < count; i++) {
			unsigned index = reload_chord_finger_index(&self, &out[i]);
			assert_true(!i || reload_id_cmp(&out[i - 1], &out[i]) < 0); /* R-10.7-04 */
			assert_false(taken[index]);
			taken[index] = true;
			/* no element of the interval comes before it */
			for (size_t j = 0; j < set.count; j++) {
				struct reload_id other = reload_chord_set_at(&set, j);
				assert_true(reload_chord_finger_index(&self, &other) != index ||
					    !reload_chord_nearer(&self, true, &other, &out[i]));
			}
		}
		for (size_t j = 0; j < set.count; j++) {
			struct reload_id other = reload_chord_set_at(&set, j);
			assert_true(taken[reload_chord_finger_index(&self, &other)]);
		}
	}
	reload_chord_set_clear(&set);
}

static void distances(void **state)
{
	(void)state;
	uint64_t seed = 5;
	for (int i = 0; i < 200; i++) {
		struct reload_id a = spread(&seed), b = spread(&seed);
		struct reload_id ab = reload_chord_remoteness(&a, &b),
				 ba = reload_chord_remoteness(&b, &a);
		assert_true(reload_id_eq(&ab, &ba));
		/* at most half of the ring */
		assert_true(ab.at[0] < 0x80);
		struct reload_id there = sum(&a, &ab), back = sum(&b, &ab);
		assert_true(reload_id_eq(&there, &b) || reload_id_eq(&back, &a));
		assert_int_not_equal(reload_chord_nearer(&a, true, &b, &ab),
			reload_chord_nearer(&a, true, &ab, &b));
	}
	struct reload_id zero = { .len = 16 }, half = id_of_bit(127), low = id_of_bit(64);
	struct reload_id r = reload_chord_remoteness(&zero, &half);
	assert_true(reload_id_eq(&r, &half));
	assert_true(reload_chord_high(&half) == 1ull << 63);
	assert_true(reload_chord_high(&low) == 1);
	low = id_of_bit(63);
	assert_true(reload_chord_high(&low) == 0);
}

static void lists_keep_the_nearest(void **state)
{
	(void)state;
	static const struct {
		bool clockwise;
		size_t max;
		uint8_t in[6], out[6];
	} rows[] = {
		{ true, 3, { 0x60, 0x20, 0x80, 0x40 }, { 0x60, 0x80, 0x20 } },
		{ false, 3, { 0x60, 0x20, 0x80, 0x40 }, { 0x40, 0x20, 0x80 } },
		{ true, 1, { 0x40, 0x60, 0x80 }, { 0x60 } },
		{ true, 4, { 0x80, 0x60 }, { 0x60, 0x80 } },
		{ true, 2, { 0x60, 0x80, 0x90, 0xa0 }, { 0x60, 0x80 } },
		{ true, 0, { 0x60 }, { 0 } },
	};
	struct reload_id self = fake_id(0x50);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_id list[6];
		size_t n = 0, want = 0;
		for (size_t j = 0; j < 6 && rows[i].in[j]; j++) {
			struct reload_id id = fake_id(rows[i].in[j]);
			n = reload_chord_insert(
				&self, rows[i].clockwise, list, n, rows[i].max, &id);
		}
		for (; want < 6 && rows[i].out[want]; want++)
			assert_int_equal(list[want].at[0], rows[i].out[want]);
		assert_int_equal(n, want);
	}
}

/* R-10.7-06 */
static void the_goal_grows_slowly(void **state)
{
	(void)state;
	struct chord_set set = { 0 };
	uint64_t seed = 17;
	struct reload_id self = spread(&seed);
	size_t before = CHORD_NEIGHBOURS_MIN;
	for (size_t n = 0; n < 4096; n++) {
		size_t goal = reload_chord_goal(&set, &self);
		assert_in_range(goal, CHORD_NEIGHBOURS_MIN, CHORD_GOAL_MAX);
		if (n <= 2 * CHORD_NEIGHBOURS_MIN)
			assert_int_equal(goal, CHORD_NEIGHBOURS_MIN);
		assert_true(goal >= before); /* nearer neighbours never lower it */
		before = goal;
		struct reload_id id = spread(&seed);
		assert_true(reload_chord_set_add(&set, &id));
	}
	assert_in_range(before, 4, CHORD_GOAL_MAX);
	reload_chord_set_clear(&set);
	/* six neighbours next to self look like the largest ring */
	for (unsigned i = 1; i <= 4; i++) {
		struct reload_id step = { .len = 16, .at = { [15] = (uint8_t)i } };
		struct reload_id up = sum(&self, &step), down = reload_id_distance(&step, &self);
		assert_true(reload_chord_set_add(&set, &up));
		assert_true(reload_chord_set_add(&set, &down));
	}
	assert_int_equal(reload_chord_goal(&set, &self), CHORD_GOAL_MAX);
	reload_chord_set_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_are_ordered),
		cmocka_unit_test(who_is_before_and_after),
		cmocka_unit_test(the_next_hop),
		cmocka_unit_test(finger_intervals),
		cmocka_unit_test(one_finger_an_interval),
		cmocka_unit_test(distances),
		cmocka_unit_test(lists_keep_the_nearest),
		cmocka_unit_test(the_goal_grows_slowly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
