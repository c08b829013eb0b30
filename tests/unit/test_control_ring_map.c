/*
 * The map of a ring, against rings whose truth is known: every placement of up to four peers on eight places, and drawn ones of up to twenty.  Peers answer
 * as a node of this tree does, by their own range and the routing of CHORD-RELOAD (RFC 6940 s10.3); one of them may lack its first successor, be dead,
 * or claim more than is its own.
 */
#include "control/ring_map.h"

#include "topology/chord_set.h"
#include "util/alloc.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	PEERS_MAX = 20,
	NEAR = 3,
	PLACES = 8,
	NOBODY = PEERS_MAX
};

struct ring {
	struct reload_id ids[PEERS_MAX]; /* ascending */
	struct chord_set known[PEERS_MAX];
	size_t count;
	size_t blind, dead, greedy; /* NOBODY: none is */
	enum {
		NOBODY_KNOWS,
		ALL_KNOW,
		ONE_BEFORE_KNOWS,
		ONE_BEHIND_KNOWS
	} death;
	bool no_probes; /* nobody answers them */
	size_t questions;
};

static size_t next_of(const struct ring *r, size_t i, size_t n)
{
	return (i + n) % r->count;
}

static struct ring ring_of(const struct reload_id *ids, size_t count)
{
	struct ring r = { .count = count, .blind = NOBODY, .dead = NOBODY, .greedy = NOBODY };
	memcpy(r.ids, ids, count * sizeof(*ids));
	return r;
}

/* Whether the dead peer is gone from the tables of another one. */
static bool knows_of_death(const struct ring *r, size_t i)
{
	return r->death == ALL_KNOW ||
	       (r->death == ONE_BEFORE_KNOWS && next_of(r, i, 1) == r->dead) ||
	       (r->death == ONE_BEHIND_KNOWS && i == next_of(r, r->dead, 1));
}

/* Gives each peer its neighbours and fingers. */
static void connect_all(struct ring *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct chord_set all = { 0 }, *known = &r->known[i];
		struct reload_id list[CHORD_FINGERS_MAX];
		for (size_t k = 0; k < r->count; k++)
			if (k != i && !(k == r->dead && knows_of_death(r, i)))
				reload_chord_set_add(&all, &r->ids[k]);
		size_t n = reload_chord_set_after(&all, &r->ids[i], list, NEAR);
		n += reload_chord_set_before(&all, &r->ids[i], list + n, NEAR);
		for (size_t k = 0; k < n; k++)
			reload_chord_set_add(known, &list[k]);
		n = reload_chord_set_fingers(&all, &r->ids[i], list);
		for (size_t k = 0; k < n; k++)
			reload_chord_set_add(known, &list[k]);
		reload_chord_set_clear(&all);
	}
}

static void disconnect_all(struct ring *r)
{
	for (size_t i = 0; i < r->count; i++)
		reload_chord_set_clear(&r->known[i]);
}

static size_t index_of(const struct ring *r, const struct reload_id *id)
{
	size_t i = 0;
	while (i < r->count && !reload_id_eq(&r->ids[i], id))
		i++;
	return i;
}

/* Where the range of a peer begins, by its own tables. */
static struct reload_id range_from(const struct ring *r, size_t i)
{
	struct reload_id before[2] = { r->ids[i], r->ids[i] };
	reload_chord_set_before(&r->known[i], &r->ids[i], before, i == r->greedy ? 2 : 1);
	return before[i == r->greedy];
}

static struct reload_id route_query(const struct ring *r, size_t i, const struct reload_id *point)
{
	struct reload_id from = range_from(r, i), next, first;
	struct chord_set seen = { 0 };
	if (reload_id_between(&from, point, &r->ids[i]))
		return r->ids[i];
	for (size_t k = 0; k < r->known[i].count; k++) {
		struct reload_id id = reload_chord_set_at(&r->known[i], k);
		reload_chord_set_add(&seen, &id);
	}
	if (i == r->blind && reload_chord_set_after(&r->known[i], &r->ids[i], &first, 1))
		reload_chord_set_remove(&seen, &first);
	if (!reload_chord_set_route(&seen, &r->ids[i], point, &next))
		next = r->ids[i];
	reload_chord_set_clear(&seen);
	return next;
}

static uint32_t share_ppb(const struct ring *r, size_t i)
{
	struct reload_id from = range_from(r, i), d = reload_id_distance(&from, &r->ids[i]);
	if (reload_id_eq(&from, &r->ids[i]))
		return 1000000000;
	return (uint32_t)((unsigned __int128)reload_chord_high(&d) * 1000000000 >> 64);
}

/* Maps the ring for the agent of a peer, which knows its own neighbours when it may use them. */
static struct reload_ring_map *map_of(
	struct ring *r, size_t self, size_t max, size_t fingers, bool own_tables)
{
	struct reload_ring_map *m = reload_ring_map_new(max, fingers, 16);
	struct reload_ring_question q;
	reload_ring_map_know(m, &r->ids[self]);
	for (size_t k = 0; own_tables && k < r->known[self].count; k++) {
		struct reload_id id = reload_chord_set_at(&r->known[self], k);
		reload_ring_map_know(m, &id);
	}
	for (r->questions = 0; reload_ring_map_next(m, &q); r->questions++) {
		size_t i = index_of(r, &q.to);
		assert_true(r->questions < 10000);
		if (i == r->count || i == r->dead || (q.is_probe && r->no_probes)) {
			reload_ring_map_silent(m);
		} else if (q.is_probe) {
			reload_ring_map_probed(m,
				&(struct reload_ring_probe){ .responsible_ppb = share_ppb(r, i) });
		} else {
			struct reload_id named = route_query(r, i, &q.point);
			reload_ring_map_named(m, &named, 1);
		}
	}
	return m;
}

/* All peers are in it, and those that disagree are exactly the one that is meant. */
static void judge(struct ring *r, size_t self, bool own_tables)
{
	size_t count;
	struct reload_ring_map *m = map_of(r, self, 1000, 4, own_tables);
	const struct reload_ring_peer *p = reload_ring_map_peers(m, &count);
	assert_int_equal(count, r->count - (r->dead < r->count && r->death == ALL_KNOW));
	assert_false(reload_ring_map_cut(m));
	for (size_t k = 0; k < count; k++) {
		size_t i = index_of(r, &p[k].id);
		assert_int_equal(p[k].answered, i != r->dead);
		if (i == r->blind && r->count == 2) {
			/* it knows nobody any more, and takes all of the ring */
			assert_int_equal(p[k].faults_count, 2);
			continue;
		}
		assert_int_equal(p[k].faults_count, i == r->blind || i == r->greedy);
		if (i == r->blind) {
			assert_int_equal(p[k].faults[0].kind, RELOAD_RING_SKIPS);
			assert_true(reload_id_eq(&p[k].faults[0].node, &r->ids[next_of(r, i, 2)]));
		} else if (i == r->greedy) {
			assert_int_equal(p[k].faults[0].kind, RELOAD_RING_CLAIMS);
		}
	}
	reload_ring_map_free(m);
}

static void every_fault(const struct reload_id *ids, size_t count, bool own_tables)
{
	struct ring r = ring_of(ids, count);
	connect_all(&r);
	for (size_t self = 0; self < count; self++) {
		judge(&r, self, own_tables);
		/* a ring that is well: successor, four fingers, Probe, and two of the check */
		assert_int_equal(r.questions, 8 * count);
		for (r.blind = 0; r.blind < count; r.blind++)
			judge(&r, self, own_tables);
		r.blind = NOBODY;
		for (r.greedy = 0; r.greedy < count && count > 2; r.greedy++)
			judge(&r, self, own_tables);
		r.greedy = NOBODY;
	}
	disconnect_all(&r);
	for (unsigned death = NOBODY_KNOWS; death <= ONE_BEHIND_KNOWS && count > 3; death++)
		for (size_t dead = 0; dead < count; dead++) {
			r = ring_of(ids, count);
			r.dead = dead;
			r.death = death;
			connect_all(&r);
			for (size_t self = 0; self < 2 * count; self++) {
				/* without them nothing is sure in rings where not all know each other */
				r.no_probes = self >= count && count <= 4 && death <= ALL_KNOW;
				if (self % count != dead)
					judge(&r, self % count, own_tables);
			}
			disconnect_all(&r);
		}
}

/* A place of eight, and something behind it so that no arithmetic is round. */
static struct reload_id place(unsigned n)
{
	struct reload_id id = { .len = 16 };
	memset(id.at, 0x37, id.len);
	id.at[0] = (uint8_t)(n * 256 / PLACES + 5);
	id.at[15] = (uint8_t)(n * 29);
	return id;
}

/* Which peer is at fault, who looks, and where peers are must not matter. */
static void every_placement_of_four(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 1u << PLACES; set++) {
		struct reload_id ids[PLACES];
		size_t count = 0;
		for (unsigned n = 0; n < PLACES; n++)
			if (set & 1u << n)
				ids[count++] = place(n);
		if (count >= 2 && count <= 4)
			every_fault(ids, count, true);
	}
}

static struct reload_id spread(uint64_t *seed)
{
	struct reload_id id = { .len = 16 };
	for (size_t i = 0; i < 16; i++) {
		*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
		id.at[i] = (uint8_t)(*seed >> 56);
	}
	return id;
}

static void drawn_placements(void **state)
{
	(void)state;
	uint64_t seed = 11;
	for (size_t round = 0; round < 7; round++) {
		struct chord_set set = { 0 };
		struct reload_id ids[PEERS_MAX];
		size_t count = 5 + 2 * round;
		while (set.count < count) {
			struct reload_id id = spread(&seed);
			reload_chord_set_add(&set, &id);
		}
		for (size_t i = 0; i < count; i++)
			ids[i] = reload_chord_set_at(&set, i);
		every_fault(ids, count, true);
		/* a map from far away has no tables that know better */
		every_fault(ids, count, false);
		reload_chord_set_clear(&set);
	}
}

/* Peers that name new ones for ever: it ends at its limit, says so, and judges nobody by a part of the ring. */
static void liars_are_bounded(void **state)
{
	(void)state;
	struct reload_ring_question q;
	uint64_t seed = 3;
	size_t questions = 0, count;
	struct reload_ring_map *m = reload_ring_map_new(50, RELOAD_RING_FINGERS_MAX, 16);
	struct reload_id first = spread(&seed);
	reload_ring_map_know(m, &first);
	for (; reload_ring_map_next(m, &q); questions++) {
		struct reload_id named = spread(&seed), odd = named;
		assert_true(questions < 100000);
		odd.len = 20;
		reload_ring_map_know(m, &odd); /* not of this overlay */
		if (q.is_probe)
			reload_ring_map_probed(
				m, &(struct reload_ring_probe){ .responsible_ppb = 1 });
		else
			reload_ring_map_named(m, &named, 1);
	}
	const struct reload_ring_peer *p = reload_ring_map_peers(m, &count);
	assert_int_equal(count, 50);
	assert_true(reload_ring_map_cut(m));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(p[i].faults_count, 0);
		assert_true(p[i].fingers_count <= RELOAD_RING_FINGERS_MAX);
	}
	reload_ring_map_free(m);
}

/* A peer that says its range is short makes others be asked a few times, not for ever. */
static void a_lie_about_a_range_is_bounded(void **state)
{
	(void)state;
	struct reload_id ids[4] = { place(1), place(3), place(5), place(7) };
	struct ring r = ring_of(ids, 4);
	struct reload_ring_question q;
	size_t questions = 0, asked = 0, count;
	connect_all(&r);
	struct reload_ring_map *m = reload_ring_map_new(1000, 4, 16);
	reload_ring_map_know(m, &ids[0]);
	for (; reload_ring_map_next(m, &q); questions++) {
		assert_true(questions < 1000);
		size_t i = index_of(&r, &q.to);
		struct reload_id named = route_query(&r, i, &q.point);
		asked++;
		if (q.is_probe)
			reload_ring_map_probed(
				m, &(struct reload_ring_probe){ .responsible_ppb = 1 });
		else
			reload_ring_map_named(m, &named, 1);
	}
	reload_ring_map_peers(m, &count);
	assert_int_equal(count, 4);
	/* 6 of the crawl, 3 about the range, 2 of the check, of each of four */
	assert_int_equal(asked, 4 * (6 + 3 + 2));
	reload_ring_map_free(m);
	disconnect_all(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_placement_of_four),
		cmocka_unit_test(drawn_placements),
		cmocka_unit_test(liars_are_bounded),
		cmocka_unit_test(a_lie_about_a_range_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
