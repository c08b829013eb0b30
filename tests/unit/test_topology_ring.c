/*
 * Whole rings in memory, tests/unit/chord_net.h.  After every change the tables have to agree with the sorted Node-IDs,
 * each point must have one owner, and each resource must be at its owner and the two peers behind it, without any
 * periodic timer.
 */
#include "chord_net_check.h"

#include "util/bytes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	QUIET_MS = 100000,
	SETTLE_MS = 40000, /* old replicas are dropped by then */
	SEEDS = 20
};

static bool linked(const struct net *n, int node, const struct reload_id *list, size_t count)
{
	bool all = true;
	for (size_t i = 0; i < count; i++)
		all &= n->nodes[node].up[net_find(n, &list[i])];
	return all;
}

static void check(struct net *n, uint64_t seed, int expected)
{
	unsigned missing, extra;
	if (!net_agrees(n, expected, true))
		fail_msg("seed %llu: the tables do not agree", (unsigned long long)seed);
	for (int i = 0; i < n->count; i++) {
		struct reload_topology_tables tb;
		if (!n->nodes[i].alive)
			continue;
		reload_chord_topology.tables(n->nodes[i].t, &tb);
		/* R-10.7-05 */
		assert_true(linked(n, i, tb.predecessors, tb.predecessors_count));
		assert_true(linked(n, i, tb.successors, tb.successors_count));
	}
	for (int p = 0; p < NET_POINTS; p++)
		if (net_owners(n, &n->points[p]) != 1)
			fail_msg("seed %llu: a point has no owner, or several",
				(unsigned long long)seed);
	net_placement(n, &missing, &extra);
	if (missing || extra)
		fail_msg("seed %llu: %u replicas missing, %u too many", (unsigned long long)seed,
			missing, extra);
	assert_int_equal(n->attach_timeouts + n->loops, 0);
}

static double mean_hops(struct net *n)
{
	unsigned long total = 0, count = 0;
	for (int p = 0; p < NET_POINTS; p++)
		for (int i = 0; i < n->count; i++) {
			int hops = n->nodes[i].alive ? net_hops(n, i, &n->points[p]) : 0;
			assert_true(hops >= 0);
			total += (unsigned long)hops;
			count += n->nodes[i].alive;
		}
	return (double)total / (double)count;
}

static struct net *ring_all_at_once(uint64_t seed, int count, int bootstraps)
{
	struct net *n = net_new(seed);
	for (int i = 0; i < count; i++)
		net_add(n, NULL);
	net_first(n, 0);
	for (int i = 1; i < count;
		i++) /* later ones may meet a bootstrap node that is joining itself */
		net_join(n, i, i < bootstraps ? 0 : i % bootstraps);
	return n;
}

/* R-4.5-01, R-10.1-01, R-10.1-03, R-10.7-05, R-10.7-06, R-10.7.3-01, R-10.7.3-05, R-10.7.3-07, R-6.4.2.1-06, R-10.5-06 */
static void one_by_one(void **state)
{
	(void)state;
	static const int sizes[] = { 1, 2, 3, 8, 25, 100 };
	for (size_t s = 0; s < COUNT_OF(sizes); s++) {
		struct net *n = net_new(s + 1);
		for (int i = 0; i < sizes[s]; i++) {
			net_add(n, NULL);
			if (i == 0)
				net_first(n, 0);
			else
				net_join(n, i, (int)(net_random(n) % (unsigned)i));
			net_pass(n, SETTLE_MS);
			if (i < 25 || i + 1 == sizes[s])
				check(n, s + 1, i + 1);
		}
		double hops = mean_hops(n), limit = 0.5 * log2(sizes[s]) + 1;
		print_message("%d nodes: per join %.1f Attaches, %.1f Updates; %.2f hops\n",
			sizes[s], (double)n->attaches / (sizes[s] > 1 ? sizes[s] - 1 : 1),
			(double)n->updates / (sizes[s] > 1 ? sizes[s] - 1 : 1), hops);
		assert_true(hops <= limit);
		net_free(n);
	}
}

static void all_at_once(int count, int bootstraps)
{
	reload_ms worst = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct net *n = ring_all_at_once(seed, count, bootstraps);
		net_run(n, QUIET_MS);
		check(n, seed, count);
		assert_true(mean_hops(n) <= 0.5 * log2(count) + 1);
		if (n->changed_at > worst)
			worst = n->changed_at;
		net_free(n);
	}
	print_message("%d nodes at once: the tables agree after %llu ms at most\n", count,
		(unsigned long long)worst);
	assert_true(worst <= 2500);
}

static void twenty_five_at_once(void **state)
{
	(void)state;
	all_at_once(25, 1);
}

static void a_hundred_at_once(void **state)
{
	(void)state;
	all_at_once(100, 1);
}

static void a_hundred_at_four_bootstrap_nodes(void **state)
{
	(void)state;
	all_at_once(100, 4);
}

static void slow_and_uneven_links(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net *n = ring_all_at_once(seed, 40, 2);
		n->delay_min_us = 100;
		n->delay_max_us = 200000;
		net_run(n, QUIET_MS);
		check(n, seed, 40);
		net_free(n);
	}
}

static int somebody(struct net *n)
{
	int i;
	do
		i = (int)((net_random(n) >> 20) % (unsigned)n->count);
	while (!n->nodes[i].alive);
	return i;
}

/* R-10.9-01, R-10.9-03, R-6.4.2.2-05: the ring closes at once and the data stays */
static void random_leaves(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net *n = ring_all_at_once(seed, 25, 1);
		net_run(n, QUIET_MS);
		for (int left = 24; left > 0; left--) {
			net_leave(n, somebody(n));
			net_pass(n, QUIET_MS);
			n->attach_timeouts = 0;
			check(n, seed, left);
		}
		net_free(n);
	}
}

/* R-10.7.1-01, R-10.4-03, R-10.7.3-05 */
static void one_crash_after_the_other(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net *n = ring_all_at_once(seed, 25, 1);
		net_run(n, QUIET_MS);
		for (int left = 24; left > 0; left--) {
			net_kill(n, somebody(n));
			net_pass(n, QUIET_MS);
			n->attach_timeouts =
				0; /* nodes may learn dead ones from peers that have not noticed */
			check(n, seed, left);
		}
		net_free(n);
	}
}

static void crashes_while_others_join(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct net *n = ring_all_at_once(seed, 20, 1);
		net_run(n, QUIET_MS);
		for (int i = 20; i < 40; i++) {
			net_add(n, NULL);
			net_join(n, i, 0);
		}
		net_pass(n, 4 + seed); /* in the midst of it */
		net_kill(n, 1 + (int)(seed % 19));
		net_pass(n, 3 * QUIET_MS);
		n->attach_timeouts = n->loops = 0;
		check(n, seed, 39);
		net_free(n);
	}
}

static void a_broken_link_heals(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct net *n = ring_all_at_once(seed, 12, 1);
		int ring[NET_MAX];
		net_run(n, QUIET_MS);
		net_ring(n, ring);
		/* two neighbours lose each other, both alive */
		net_push(n, NET_DOWN, ring[3], ring[4], n->now_us);
		net_push(n, NET_DOWN, ring[4], ring[3], n->now_us);
		net_pass(n, QUIET_MS);
		/* R-10.7.1-05, R-4.4-03: check() wants a link to each neighbour */
		check(n, seed, 12);
		net_free(n);
	}
}

static void same_seed_same_run(void **state)
{
	(void)state;
	uint64_t figures[2][5];
	for (int i = 0; i < 2; i++) {
		struct net *n = ring_all_at_once(7, 40, 3);
		net_run(n, QUIET_MS);
		figures[i][0] = n->updates;
		figures[i][1] = n->attaches;
		figures[i][2] = n->stores;
		figures[i][3] = n->order;
		figures[i][4] = n->rng;
		net_free(n);
	}
	assert_memory_equal(figures[0], figures[1], sizeof(figures[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(twenty_five_at_once),
		cmocka_unit_test(a_hundred_at_once),
		cmocka_unit_test(a_hundred_at_four_bootstrap_nodes),
		cmocka_unit_test(slow_and_uneven_links),
		cmocka_unit_test(random_leaves),
		cmocka_unit_test(one_crash_after_the_other),
		cmocka_unit_test(crashes_while_others_join),
		cmocka_unit_test(a_broken_link_heals),
		cmocka_unit_test(same_seed_same_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
