/*
 * Rings that fall apart, tests/unit/chord_net.h: into two, which interleave, with bootstrap nodes on both sides, and become
 * one again; or that lose half of their peers in a moment.
 */
#include "chord_net_check.h"

#include "topology/chord_set.h"

#include "util/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	QUIET_MS = 100000,
	STEP_MS = 1000,
	BOOTSTRAPS = 4,
	ENTRIES = 128
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

/* The network falls apart: every parts-th node on one side, the others on the other; each end of a link finds out after a while. */
static void cut(struct net *n, int parts)
{
	n->cut = true;
	for (int i = 0; i < n->count; i++)
		n->nodes[i].side = i % parts == 1;
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

static void merge_after(int count, int parts, reload_ms apart_ms, reload_ms limit_ms)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct net *n = ring_of(seed, count);
		unsigned missing, extra;
		cut(n, parts);
		net_pass(n, apart_ms);
		check_sides(n, seed);
		uint64_t attaches = n->attaches, updates = n->updates,
			 timeouts = n->attach_timeouts, relocates = n->relocates;
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
			(unsigned long long)(n->relocates - relocates));
		/* R-10.7.4-14, R-10.7.4-12: two rings become one */
		assert_true(net_agrees(n, count, true));
		net_pass(n, QUIET_MS);
		assert_true(net_agrees(n, count, true));
		for (int p = 0; p < NET_POINTS; p++)
			assert_int_equal(net_owners(n, &n->points[p]), 1);
		net_placement(n, &missing, &extra);
		/* what either side held is where it belongs now */
		assert_int_equal(missing, 0);
		net_free(n);
	}
}

static void a_short_partition(void **state)
{
	(void)state;
	merge_after(24, 2, 60000, 200000);
}

static void a_long_partition(void **state)
{
	(void)state;
	merge_after(100, 2, 3600000, 700000);
}

/* nine in ten did not notice much; each of the others has lost nearly all that it knew */
static void a_minority(void **state)
{
	(void)state;
	merge_after(100, 10, 600000, 400000);
}

static void half_of_all_are_killed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct net *n = ring_of(seed, 100);
		int left = 100, gone = 0;
		unsigned missing, extra;
		reload_ms took = 0;
		for (int i = BOOTSTRAPS; i < 100; i++)
			if (net_random(n) >> 20 & 1) {
				net_kill(n, i);
				left--;
			}
		for (int p = 0; p < NET_POINTS; p++) {
			int holders = 0;
			for (int i = 0; i < n->count; i++)
				holders += n->nodes[i].alive &&
					   n->nodes[i].points[p / 64] >> p % 64 & 1;
			gone += !holders;
		}
		uint64_t updates = n->updates;
		for (; took < 120000 && !net_agrees(n, left, false); took += STEP_MS)
			net_pass(n, STEP_MS);
		print_message("%d of 100 nodes left: one ring after %llu s, %.1f Updates each\n",
			left, (unsigned long long)took / 1000,
			(double)(n->updates - updates) / left);
		/* R-10.7.1-01, R-10.7.1-06: the ring closes */
		assert_true(net_agrees(n, left, true));
		net_pass(n, QUIET_MS);
		net_placement(n, &missing, &extra);
		/* R-10.7.3-05: what one holder was left of has three again */
		assert_int_equal(missing, gone * 3);
		net_free(n);
	}
}

/* entries of all Finger Tables that are empty although a node lies in their range, and those that cannot be */
static void count_fingers(const struct net *n, unsigned *empty, unsigned *possible)
{
	*empty = *possible = 0;
	for (int i = 0; i < n->count; i++) {
		struct reload_topology_tables tb;
		uint8_t seen[ENTRIES + 1] = { 0 };
		if (!n->nodes[i].alive)
			continue;
		reload_chord_topology.tables(n->nodes[i].t, &tb);
		for (int j = 0; j < n->count; j++)
			if (j != i && n->nodes[j].alive)
				seen[reload_chord_finger_index(&n->nodes[i].id, &n->nodes[j].id)] =
					1;
		for (size_t j = 0; j < tb.fingers_count; j++)
			seen[reload_chord_finger_index(&n->nodes[i].id, &tb.fingers[j])] = 2;
		for (int j = 1; j <= ENTRIES; j++) {
			*empty += seen[j] == 1;
			*possible += seen[j] > 0;
		}
	}
}

static void finger_tables_fill(void **state)
{
	(void)state;
	struct net *n = net_new(5);
	unsigned empty, possible, before;
	n->config.chord_reactive = false; /* nothing is searched for at once */
	for (int i = 0; i < 64; i++)
		net_add(n, NULL);
	net_first(n, 0);
	for (int i = 1; i < 64; i++)
		net_join(n, i, 0);
	net_run(n, QUIET_MS);
	for (int i = 0; i < 64; i += 3)
		net_kill(n, i);
	net_pass(n, 12 * QUIET_MS);
	count_fingers(n, &before, &possible);
	net_pass(n, 72 * (reload_ms)3600000);
	count_fingers(n, &empty, &possible);
	print_message("%u of %u fingers empty, after three days %u\n", before, possible, empty);
	/* R-10.7.4-11, R-10.7.4-04: the tables grow to what there is */
	assert_true(before > possible / 50);
	assert_true(empty * 4 <= before);
	net_free(n);
}

static void of_six(void **state)
{
	(void)state;
	merge_after(6, 2, 300000, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_partition),
		cmocka_unit_test(a_long_partition),
		cmocka_unit_test(of_six),
		cmocka_unit_test(a_minority),
		cmocka_unit_test(half_of_all_are_killed),
		cmocka_unit_test(finger_tables_fill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
