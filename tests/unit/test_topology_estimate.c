/* The estimates of CHORD-SELF-TUNING and what follows from them (RFC 7363 s6), against worked examples. */
#include "topology/estimate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum {
	DAY = RELOAD_ESTIMATE_DAY_S,
	LONGEST_S = 600
};

static struct reload_id id_of(const char *hex)
{
	struct reload_id id = { .len = 16 };
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &id.at[i]), 1);
	return id;
}

/* The neighbours of peer-0 among 500 peers, the Node-ID of peer-i being the start of the SHA-1 of "peer-i". */
static const char self_hex[] = "f83276dd2ab3d943a9a25a5b647529b9";
static const char *const before_hex[] = {
	"f7eab45ebfb3ce969f1e28c70bbec38f",
	"f6b76951ff1c1488499a1a6c7d1376f9",
	"f66c118ac9198ed5bdbe2a228b386aeb",
	"f55e21d46e6e86924a9da2a2bade6701",
	"f526e79d3ef0d5f5e2c362768e0b582f",
	"f4cfd67ea710731d7bacbeb0fba128e7",
	"f4bd253f56ca4da7e6c24fb11e6ab548",
	"f48943b9cc4b05541bcc78eb5861c73b",
	"f4493d688df3e53daaf8ccf57ab481b4",
};
static const char *const after_hex[] = {
	"f85de0de6901f02b7f0069792244c9a9",
	"f8bce93da3edf45cafb7e1856b05c5e8",
	"fa0f12f0a4b243bdd66a2d52b03c1cb6",
	"fa7c5abde7267090ac1cb6b128ae6675",
	"fb3fad62839b0578979a5d9a344f6c3c",
	"fc773f9f9b92cdf910453fb80a7ce7c3",
	"fd39afa6bf8367a8eb9d149382c5f0ec",
	"fd90bb1119b53eeae693b1b2b8602663",
	"fd952c2da3e36bce6fbef40da40b83e7",
};

static double size_of_500(void)
{
	struct reload_id self = id_of(self_hex), before[9], after[9];
	for (size_t i = 0; i < 9; i++) {
		before[i] = id_of(before_hex[i]);
		after[i] = id_of(after_hex[i]);
	}
	return reload_estimate_size(&self, before, 9, after, 9);
}

static bool near(double a, double b, double within)
{
	if (fabs(a - b) <= within)
		return true;
	print_error("%.9g is not %.9g\n", a, b);
	return false;
}

/* E01, R7363-29: the values of RFC 7363 s3.2: U is per peer and L is of the overlay. */
static void the_rfcs_own_values(void **state)
{
	(void)state;
	static const struct {
		double size, churn, by_failures, by_joins;
	} rows[] = {
		{ 500, 1.0 / 30, 93.301, 186.601 },
		{ 500, 2.0 / 30, 46.650, 93.301 },
		{ 2000, 6.0 / 30, 41.581, 83.162 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct reload_estimates e = { rows[i].size, rows[i].churn / rows[i].size,
			rows[i].churn };
		struct reload_interval t = reload_estimate_interval(&e, LONGEST_S);
		assert_true(near(t.by_failures_s, rows[i].by_failures, 0.001));
		assert_true(near(t.by_joins_s, rows[i].by_joins, 0.001));
		assert_true(near(t.s, rows[i].by_failures, 0.001));
		assert_int_equal(t.cause, RELOAD_INTERVAL_FAILURES);
	}
}

static double own_failures(void)
{
	static const reload_ms seconds[] = { 210, 600, 1500, 2100 };
	struct reload_failures f;
	size_t limit = reload_failures_limit(30);
	assert_int_equal(limit, 8); /* R7363-18: a quarter of the routing table */
	reload_failures_begin(&f, 0);
	for (size_t i = 0; i < COUNT_OF(seconds); i++)
		reload_failures_add(&f, seconds[i] * RELOAD_SECOND, limit);
	/* R7363-17: the own join is in it, and now is one more while it is not full */
	assert_int_equal(f.count, 5);
	double u = reload_estimate_failures(&f, limit, 30, 3000 * RELOAD_SECOND);
	assert_true(near(u, 5.5556e-5, 1e-9));
	static const reload_ms later[] = { 3100, 3600, 4000, 4450 };
	for (size_t i = 0; i < COUNT_OF(later); i++)
		reload_failures_add(&f, later[i] * RELOAD_SECOND, limit);
	assert_int_equal(f.count, 8);
	assert_int_equal(f.at[0], 210 * RELOAD_SECOND);
	double full = reload_estimate_failures(&f, limit, 30, 9000 * RELOAD_SECOND);
	assert_true(near(full, 6.2893e-5, 1e-9));
	assert_true(near(full * DAY, 5.434, 0.001));
	reload_failures_trim(&f, 3);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.at[0], 3600 * RELOAD_SECOND);
	return u;
}

static double own_joins(double size)
{
	double ages[30];
	for (size_t i = 0; i < 30; i++) /* in no order; the one in the middle is 6100 */
		ages[i] = i == 6 ? 6100 : i % 2 ? 100 + (double)i : 9000 + (double)i;
	double joins = reload_estimate_joins(size, ages, 30);
	assert_true(near(ages[15], 6100, 0));
	return joins;
}

static double of_day(double own, const double *received, size_t count, double per)
{
	double values[16] = { own };
	for (size_t i = 0; i < count; i++)
		values[i + 1] = received[i] / per;
	return reload_estimate_percentile(values, count + 1);
}

static void a_full_example(void **state)
{
	(void)state;
	static const double sizes[] = { 470, 488, 505, 512, 530, 540, 610, 455 },
			    joins[] = { 4300, 5100, 5600, 5900, 6100, 6400, 7000, 9000 },
			    failures[] = { 4, 4, 5, 5, 5, 6, 6, 8 };
	struct reload_estimates own = { .size = size_of_500() };
	assert_true(near(own.size, 495.664, 0.001)); /* R7363-13 */
	assert_true(near(log2(own.size), 8.95322, 0.00001));
	own.failures = own_failures();
	own.joins = own_joins(own.size);
	assert_true(near(own.joins, 0.0812565, 1e-7)); /* R7363-22 */
	/* R7363-26: in 24 hours, rounded up */
	struct reload_self_tuning sent = reload_estimate_write(&own);
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_self_tuning_wire, &(struct wire_ctx){ 0 }, &sent);
	static const uint8_t bytes[] = { 0, 0, 0x01, 0xf0, 0, 0, 0x1b, 0x6d, 0, 0, 0, 5 };
	assert_int_equal(w.len, sizeof(bytes));
	assert_memory_equal(w.at, bytes, sizeof(bytes));
	wr_clear(&w);
	/* R7363-27: the 75th percentile of what came and the own value, which is not rounded */
	struct reload_estimates in_force = { of_day(own.size, sizes, 8, 1),
		of_day(own.failures, failures, 8, DAY), of_day(own.joins, joins, 8, DAY) };
	assert_true(near(in_force.size, 530, 0));
	assert_true(near(in_force.joins * DAY, 7000, 1e-9));
	assert_true(near(in_force.failures * DAY, 6, 1e-9));
	struct reload_interval t = reload_estimate_interval(&in_force, LONGEST_S);
	assert_true(near(t.by_failures_s, 87.912, 0.001));
	assert_true(near(t.by_joins_s, 79.875, 0.001));
	assert_true(near(t.s, 79.875, 0.001));
	assert_int_equal(t.cause, RELOAD_INTERVAL_JOINS);
	assert_int_equal(reload_estimate_log2(in_force.size), 10);
}

/* A peer that has seen no failure: its join is the one that it knows of. */
static void a_fresh_peer(void **state)
{
	(void)state;
	static const struct {
		reload_ms age_s;
		double failures, by_failures, s;
		enum reload_interval_cause cause;
	} rows[] = {
		{ 15, 2.222e-3, 2.8, 15, RELOAD_INTERVAL_SHORTEST },
		{ 60, 5.556e-4, 11.2, 15, RELOAD_INTERVAL_SHORTEST },
		{ 120, 2.778e-4, 22.5, 22.5, RELOAD_INTERVAL_FAILURES },
		{ 300, 1.111e-4, 56.1, 56.1, RELOAD_INTERVAL_FAILURES },
		{ 900, 3.704e-5, 168.4, 168.4, RELOAD_INTERVAL_FAILURES },
		{ 3600, 9.259e-6, 673.7, 600, RELOAD_INTERVAL_LONGEST },
		{ 86400, 3.858e-7, 16167.7, 600, RELOAD_INTERVAL_LONGEST },
	};
	struct reload_failures f;
	reload_failures_begin(&f, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_estimates e = { .size = 495.664 };
		e.failures = reload_estimate_failures(&f, 8, 30, rows[i].age_s * RELOAD_SECOND);
		assert_true(near(e.failures, rows[i].failures, rows[i].failures / 2000));
		struct reload_interval t = reload_estimate_interval(&e, LONGEST_S);
		assert_true(near(
			t.by_failures_s, rows[i].by_failures, 0.05 + rows[i].by_failures / 1e5));
		assert_true(near(t.s, rows[i].s, 0.06));
		assert_int_equal(t.cause, rows[i].cause);
		assert_true(isinf(t.by_joins_s));
	}
}

/* Evenly spread rings of 2 to 7 peers, with three neighbours on each side. */
static void small_rings(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 7; n++) {
		struct reload_id ring[7] = { 0 }, before[3], after[3];
		size_t count = n - 1 < 3 ? n - 1 : 3;
		for (unsigned i = 0; i < n; i++) {
			ring[i].len = 16;
			ring[i].at[0] = (uint8_t)(256 * i / n);
		}
		for (size_t i = 0; i < count; i++) {
			after[i] = ring[1 + i];
			before[i] = ring[n - 1 - i];
		}
		double size = reload_estimate_size(&ring[0], before, count, after, count);
		assert_true(near(size, n, n == 7 ? 0.05 : 0)); /* the lists of 7 do not meet */
	}
}

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int by_id(const void *a, const void *b)
{
	return reload_id_cmp(a, b);
}

/* N of the first of n peers with random Node-IDs, each with so many neighbours on both sides as its ring asks for. */
static double size_of_random(unsigned n, uint64_t *state)
{
	struct reload_id ring[20] = { 0 }, before[5], after[5];
	struct reload_tuned_size s = { 0 };
	unsigned wanted = reload_tuned_size(&s, n, RELOAD_ESTIMATE_NEIGHBOURS_MIN, 5);
	size_t count = n - 1 < wanted ? n - 1 : wanted;
	for (unsigned i = 0; i < n; i++) {
		ring[i].len = 16;
		for (size_t k = 0; k < 16; k++)
			ring[i].at[k] = (uint8_t)draw(state);
	}
	qsort(ring, n, sizeof(*ring), by_id);
	for (size_t i = 0; i < count; i++) {
		after[i] = ring[1 + i];
		before[i] = ring[n - 1 - i];
	}
	return reload_estimate_size(&ring[0], before, count, after, count);
}

/* E11: exact while the lists reach round the ring; then far off in single rings, which moves neither interval nor sizes out of their bounds */
static void small_rings_of_chance(void **state)
{
	(void)state;
	uint64_t seed = 7363;
	for (unsigned n = 1; n <= 20; n++) {
		double most = 0, sum = 0;
		enum {
			RINGS = 200
		};
		for (unsigned k = 0; k < RINGS; k++) {
			double size = size_of_random(n, &seed);
			struct reload_estimates e = { size, 1e-4, 1e-4 };
			struct reload_interval t = reload_estimate_interval(&e, LONGEST_S);
			struct reload_tuned_size s = { 0 }, f = { 0 };
			unsigned neighbours =
					 reload_tuned_size(&s, size, RELOAD_ESTIMATE_NEIGHBOURS_MIN,
						 RELOAD_ESTIMATE_NEIGHBOURS_MAX),
				 fingers = reload_tuned_size(&f, size, RELOAD_ESTIMATE_FINGERS_MIN,
					 RELOAD_ESTIMATE_FINGERS_MAX);
			assert_true(size >= 1 && t.s >= 15 && t.s <= LONGEST_S);
			assert_in_range(neighbours, RELOAD_ESTIMATE_NEIGHBOURS_MIN, 8);
			assert_int_equal(fingers, RELOAD_ESTIMATE_FINGERS_MIN);
			if (n <= 6) /* three on each side, which meet */
				assert_true(near(size, n, 0));
			most = fmax(most, fabs(size - n) / n);
			sum += fabs(size - n) / n;
		}
		print_message("N = %2u: error %5.1f%% on average, %6.1f%% at most\n", n,
			100 * sum / RINGS, 100 * most);
		assert_true(sum / RINGS < 0.6);
	}
}

/* No rate, no peers, and numbers that are as large as they can be: an interval is never 0, and always ends. */
static void no_division_by_nothing(void **state)
{
	(void)state;
	static const double values[] = { 0, 1, 2, 3, 4294967295.0 },
			    rates[] = { 0, 1e-300, 1, 1e9 };
	struct reload_failures none = { .count = 0 }, one;
	reload_failures_begin(&one, 1000);
	assert_true(near(reload_estimate_failures(&none, 2, 5, 1000), 0, 0));
	assert_true(near(reload_estimate_failures(&one, 2, 0, 5000), 0, 0));
	assert_true(near(reload_estimate_failures(&one, 2, 1, 1000), 1, 0)); /* at once: a second */
	assert_true(near(reload_estimate_joins(5, NULL, 0), 0, 0));
	double age = 0;
	assert_true(near(reload_estimate_joins(5, &age, 1), 5, 0));
	for (size_t n = 0; n < COUNT_OF(values); n++)
		for (size_t u = 0; u < COUNT_OF(rates); u++)
			for (size_t l = 0; l < COUNT_OF(rates); l++) {
				struct reload_estimates e = { values[n], rates[u], rates[l] };
				struct reload_interval t = reload_estimate_interval(&e, LONGEST_S);
				assert_true(t.s >= 15 && t.s <= LONGEST_S);
				assert_true(values[n] >= 2 || t.cause == RELOAD_INTERVAL_ALONE);
			}
	struct reload_interval t =
		reload_estimate_interval(&(struct reload_estimates){ .size = 100 }, 5);
	assert_true(near(t.s, 15, 0)); /* R7363-29: not less, whatever the configuration says */
}

static void percentiles(void **state)
{
	(void)state;
	static const unsigned ranks[] = { 1, 2, 2, 3, 4, 5, 5, 6, 7, 8 };
	for (size_t m = 1; m <= COUNT_OF(ranks); m++) {
		double values[10];
		for (size_t i = 0; i < m; i++)
			values[i] = (double)(m - i);
		assert_true(near(reload_estimate_percentile(values, m), ranks[m - 1], 0));
	}
}

static void sizes_of_tables(void **state)
{
	(void)state;
	static const struct {
		double size;
		unsigned log2, neighbours, fingers;
	} rows[] = { { 1, 0, 3, 16 }, { 2, 1, 3, 16 }, { 4, 2, 3, 16 }, { 8, 3, 3, 16 },
		{ 9, 4, 4, 16 }, { 16, 4, 4, 16 }, { 17, 5, 5, 16 }, { 100, 7, 7, 16 },
		{ 500, 9, 9, 16 }, { 65536, 16, 16, 16 }, { 65537, 17, 17, 17 },
		{ 100000, 17, 17, 17 }, { 2147483648.0, 31, 31, 31 }, { 1e300, 128, 32, 128 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_tuned_size n = { 0 }, f = { 0 };
		assert_int_equal(reload_estimate_log2(rows[i].size), rows[i].log2);
		/* R7363-15, R7363-16: both lists, at least three */
		assert_int_equal(reload_tuned_size(&n, rows[i].size, RELOAD_ESTIMATE_NEIGHBOURS_MIN,
					 RELOAD_ESTIMATE_NEIGHBOURS_MAX),
			rows[i].neighbours);
		/* R7363-14 */
		assert_int_equal(reload_tuned_size(&f, rows[i].size, RELOAD_ESTIMATE_FINGERS_MIN,
					 RELOAD_ESTIMATE_FINGERS_MAX),
			rows[i].fingers);
	}
}

/* A size changes at the second period that asks for it, and a ring of 64 peers does not go to and fro. */
static void sizes_that_do_not_flap(void **state)
{
	(void)state;
	struct reload_tuned_size s = { 0 };
	assert_int_equal(reload_tuned_size(&s, 60, 3, 32), 6);
	assert_int_equal(reload_tuned_size(&s, 70, 3, 32), 6);
	assert_int_equal(reload_tuned_size(&s, 60, 3, 32), 6); /* it did not stay */
	assert_int_equal(reload_tuned_size(&s, 70, 3, 32), 6);
	assert_int_equal(reload_tuned_size(&s, 150, 3, 32), 6); /* another one again */
	assert_int_equal(reload_tuned_size(&s, 70, 3, 32), 6);
	assert_int_equal(reload_tuned_size(&s, 66, 3, 32), 7);
	unsigned changes = 0, before = 7;
	for (unsigned i = 0; i < 1000; i++) { /* estimates within a tenth of 64 */
		unsigned now = reload_tuned_size(&s, 58 + (i * 7919 % 13), 3, 32);
		changes += now != before;
		before = now;
	}
	assert_int_equal(changes, 0);
	assert_int_equal(reload_tuned_size(&s, 50, 3, 32), 7);
	assert_int_equal(reload_tuned_size(&s, 50, 3, 32), 6);
	/* E15: an hour of periods of 15 s between 255 and 257 peers */
	struct reload_tuned_size hour = { 0 };
	before = reload_tuned_size(&hour, 256, 3, 32);
	changes = 0;
	for (unsigned i = 0; i < 240; i++) {
		unsigned now = reload_tuned_size(&hour, 255 + i * 7919 % 13 % 3, 3, 32);
		changes += now != before;
		before = now;
	}
	assert_true(changes <= 2);
}

/* What cannot be is not read: section 14 of the RFC leaves it to us. */
static void numbers_that_cannot_be(void **state)
{
	(void)state;
	struct reload_estimates e;
	static const struct {
		struct reload_self_tuning of;
		bool taken;
	} rows[] = {
		{ { 496, 7021, 5 }, true },
		{ { 0, 7021, 5 }, false },
		{ { 1, 0, 0 }, true },
		{ { UINT32_C(1) << 31, 0, 0 }, true },
		{ { (UINT32_C(1) << 31) + 1, 0, 0 }, false },
		{ { UINT32_MAX, UINT32_MAX, UINT32_MAX }, false },
		{ { 10, 10 * DAY, DAY }, true }, /* each peer once a second */
		{ { 10, 10 * DAY + 1, DAY }, false },
		{ { 10, 10 * DAY, DAY + 1 }, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(reload_estimate_read(&e, &rows[i].of), rows[i].taken);
	assert_true(reload_estimate_read(&e, &rows[0].of));
	assert_true(near(e.failures * DAY, 5, 1e-9) && near(e.joins * DAY, 7021, 1e-9));
	/* the example of s6.5: 0.123 joins a second */
	struct reload_self_tuning s =
		reload_estimate_write(&(struct reload_estimates){ 1e12, INFINITY, 0.123 });
	assert_int_equal(s.join_rate, 10628);
	assert_int_equal(s.network_size, UINT32_MAX);
	assert_int_equal(s.leave_rate, UINT32_MAX);
	s = reload_estimate_write(&(struct reload_estimates){ 1, 0, 0 });
	assert_int_equal(s.join_rate + s.leave_rate, 0);
}

/* The chance that all copies of a value fail before the first is replaced, and the renewals that halve it. */
static void a_value_is_lost(void **state)
{
	(void)state;
	/* three copies, a failure of each in 5 minutes, replaced after 30 s: 3 / 300 * (30 / 300)^2 in a second */
	double rate = 3.0 / 300 * 0.01, hour = reload_estimate_loss(1.0 / 300, 3, 30, 3600);
	assert_true(near(hour, 1 - exp(-rate * 3600), 1e-12));
	double renewal = reload_estimate_renewal(1.0 / 300, 3, 30, 3600);
	assert_true(renewal < 3600);
	assert_true(near(reload_estimate_loss(1.0 / 300, 3, 30, renewal), hour / 2, 1e-12));
	/* alone a value goes with its peer */
	assert_true(near(reload_estimate_loss(1.0 / DAY, 1, 30, DAY), 1 - exp(-1), 1e-12));
	/* rare: half the time is half the chance, also where 1 - chance is 1 */
	double rare = reload_estimate_loss(1e-9, 3, 35, DAY);
	assert_true(rare > 0 && near(rare / (3e-9 * 35e-9 * 35e-9 * DAY), 1, 1e-6));
	assert_true(near(reload_estimate_renewal(1e-9, 3, 35, DAY) / DAY, 0.5, 1e-6));
	assert_true(reload_estimate_loss(0, 3, 35, DAY) == 0);
	assert_true(isinf(reload_estimate_renewal(0, 3, 35, DAY)));
	assert_true(reload_estimate_loss(1, 3, 35, UINT32_MAX) == 1);
	assert_true(reload_estimate_renewal(1, 3, 35, UINT32_MAX) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_own_values),
		cmocka_unit_test(a_full_example),
		cmocka_unit_test(a_fresh_peer),
		cmocka_unit_test(small_rings),
		cmocka_unit_test(small_rings_of_chance),
		cmocka_unit_test(no_division_by_nothing),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(sizes_of_tables),
		cmocka_unit_test(sizes_that_do_not_flap),
		cmocka_unit_test(numbers_that_cannot_be),
		cmocka_unit_test(a_value_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
