/*
 * A ring that falls into two and becomes one again, tests/unit/chord_net.h: even nodes on one side, odd ones on the other,
 * so that the two rings interleave, with bootstrap nodes on both sides.
 */
#include "chord_net.h"

#include "util/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	QUIET_MS = 100000,
	STEP_MS = 1000,
	BOOTSTRAPS = 4
};

static struct net *ring_of(uint64_t seed, int count)
{
	struct net *n = net_new(seed);
	for (int i = 0; i < count; i++)
		net_add(n, NULL);
	n->bootstraps = BOOTSTRAPS;
	net_first(n, 0);
	for (int i = 1; i < count; i++)
		net_join(n, i, 0);
	net_run(n, QUIET_MS);
	assert_true(net_agrees(n, count, true));
	return n;
}

/* The network falls apart: odd nodes here, even ones there; each end of a link finds out after a while. */
static void cut(struct net *n)
{
	n->cut = true;
	for (int i = 0; i < n->count; i++)
		n->nodes[i].side = i % 2;
	for (int i = 0; i < n->count; i++)
		for (int j = 0; j < n->count; j++)
			if (n->nodes[i].up[j] && net_apart(n, i, j))
				net_push(n, NET_DOWN, i, j,
					n->now_us + 1 + net_random(n) % (n->crash_max_ms * 1000u));
}

/* each point has one owner on each side */
static void check_sides(struct net *n, uint64_t seed)
{
	for (int side = 0; side < 2; side++)
		for (int p = 0; p < NET_POINTS; p++) {
			int owners = 0;
			for (int i = 0; i < n->count; i++)
				owners += n->nodes[i].side == side &&
					  reload_chord_topology.responsible(
						  n->nodes[i].t, &n->points[p]);
			if (owners != 1)
				fail_msg("seed %llu: side %d has %d owners of a point",
					(unsigned long long)seed, side, owners);
		}
}

static void merge_after(int count, reload_ms apart_ms, reload_ms limit_ms)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct net *n = ring_of(seed, count);
		unsigned missing, extra;
		cut(n);
		net_pass(n, apart_ms);
		check_sides(n, seed);
		uint64_t attaches = n->attaches, updates = n->updates,
			 timeouts = n->attach_timeouts, locates = n->locates;
		reload_ms took = 0;
		n->cut = false;
		for (; took < limit_ms && !net_agrees(n, count, false); took += STEP_MS)
			net_pass(n, STEP_MS);
		print_message("%d nodes, apart %llu s: one ring after %llu s, per node %.1f "
			      "Attaches, %.1f "
			      "Updates, %.1f timeouts, %llu checks\n",
			count, (unsigned long long)apart_ms / 1000, (unsigned long long)took / 1000,
			(double)(n->attaches - attaches) / count,
			(double)(n->updates - updates) / count,
			(double)(n->attach_timeouts - timeouts) / count,
			(unsigned long long)(n->locates - locates));
		/* R-10.7.4-14, R-10.7.4-12: two rings become one */
		assert_true(net_agrees(n, count, true));
		net_pass(n, QUIET_MS);
		assert_true(net_agrees(n, count, true));
		for (int p = 0; p < NET_POINTS; p++)
			assert_int_equal(net_owners(n, &n->points[p]), 1);
		net_placement(n, &missing, &extra);
		/* R-6.4.2.3-03: what either side held is where it belongs now */
		print_message("missing %u extra %u\n", missing, extra);
		assert_int_equal(missing, 0);
		net_free(n);
	}
}

static void a_short_partition(void **state)
{
	(void)state;
	merge_after(24, 60000, 200000);
}

static void a_long_partition(void **state)
{
	(void)state;
	merge_after(100, 3600000, 700000);
}

static void of_six(void **state)
{
	(void)state;
	merge_after(6, 300000, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_partition),
		cmocka_unit_test(a_long_partition),
		cmocka_unit_test(of_six),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
