/* CHORD-SELF-TUNING: in what it differs from CHORD-RELOAD (RFC 7363 s5), and what it does with estimates (s6). */
#define FAKE_TUNED 1
#include "chord_steady.h"

#include "topology/chord_tuning.h"

#include <math.h>

enum {
	FAR = 0x90 /* a finger that is no neighbour */
};

/* the neighbour number i, of seven peers in an even ring of eight */
static unsigned near(int i)
{
	return (unsigned)(SELF + 0x20 * i) & 0xff;
}

static struct reload_topology_tuning tuning(struct fake *f)
{
	struct reload_topology_tuning t;
	assert_true(ops->tuning(f->t, &t));
	return t;
}

static void tells(struct fake *f, unsigned node, uint32_t size, uint32_t joins, uint32_t failures)
{
	struct reload_id id = fake_id(node);
	ops->estimates_received(f->t, &id, &(struct reload_self_tuning){ size, joins, failures });
}

/* Lets the period end. */
static void next_period(struct fake *f)
{
	struct reload_topology_tuning t = tuning(f);
	fake_pass(f, t.left_ms);
}

/* Three neighbours on each side, which are all peers but one. */
static void six_neighbours(struct fake *f)
{
	struct reload_id self = fake_id(SELF);
	fake_start_as(f, &self);
	ops->first(f->t);
	for (int i = 1; i <= 3; i++) {
		fake_peer(f, near(i));
		fake_peer(f, near(-i));
	}
	fake_pass(f, 40000);
	f->count = 0;
}

/* Eight neighbours on each side in a ring of 256, and a finger in each of the four intervals beyond them. */
static void a_dense_ring(struct fake *f)
{
	struct reload_id self = fake_id(SELF);
	fake_start_as(f, &self);
	ops->first(f->t);
	for (unsigned i = 1; i <= 8; i++) {
		fake_peer(f, SELF + i);
		fake_peer(f, SELF - i);
	}
	for (unsigned d = 0x10; d <= 0x80; d *= 2)
		fake_peer(f, SELF + d);
	for (unsigned i = 0; i < 5; i++)
		next_period(f);
	assert_int_equal(tuning(f).neighbours, 8);
	f->count = 0;
}

static void found_by_name(void **state)
{
	(void)state;
	/* R7363-1 */
	assert_ptr_equal(reload_topology_find("CHORD-SELF-TUNING"), ops);
	assert_true(ops->measures);
	assert_false(reload_chord_topology.measures);
	assert_ptr_equal(ops->next_hop, reload_chord_topology.next_hop);
}

/* R7363-2, R7363-6, R7363-7: at the end of a period, to the first on each side and to nobody else, with both lists. */
static void periodic_updates(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	fake_peer(&f, FAR);
	while (f.now < 2 * INTERVAL_MS) { /* longer than chord-update-interval */
		fake_pass(&f, 2000);
		assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, near(2)), 0);
		f.count = 0;
		next_period(&f);
		assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, 0), 2);
		for (unsigned side = 0; side < 2; side++) {
			struct fake_row *r =
				fake_find(&f, 0, FAKE_UPDATE, side ? near(1) : near(-1));
			assert_non_null(r);
			assert_int_equal(r->type, RELOAD_CHORD_NEIGHBORS);
			/* R7363-3: the uptime is in each */
			assert_int_equal(r->body_len, 4 + 1 + 2 + 3 * 16 + 2 + 3 * 16);
			assert_true(r->body[3] || r->body[2]);
		}
	}
	/* chord-reactive is not heeded: a neighbour fails, and nobody is told but for a new range */
	fake_pass(&f, 2000);
	f.count = 0;
	down(&f, near(2));
	assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, 0), 1); /* FAR, a neighbour by that */
	assert_int_equal(fake_find(&f, 0, FAKE_UPDATE, FAR)->type, RELOAD_CHORD_PEER_READY);
	fake_end(&f);
	/* the range is another one: the neighbours are told, and who is a finger alone is not */
	a_dense_ring(&f);
	fake_pass(&f, 2000);
	f.count = 0;
	down(&f, SELF - 1);
	fake_pass(&f, 1000);
	assert_int_equal(fake_find(&f, 0, FAKE_UPDATE, SELF - 2)->type, RELOAD_CHORD_NEIGHBORS);
	assert_non_null(fake_find(&f, 0, FAKE_UPDATE, SELF + 8));
	assert_null(fake_find(&f, 0, FAKE_UPDATE, SELF + 0x40));
	fake_end(&f);
}

/* R7363-8: a new neighbour is greeted, without lists; R7363-4, R7363-5: lists of any length are read. */
static void new_neighbours(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	uint8_t body[1024];
	struct reload_id many[20], from = fake_id(near(1));
	for (unsigned i = 0; i < 20; i++)
		many[i] = fake_id(0x72 + i);
	size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, NULL, 0, many, 20);
	assert_int_equal(ops->update_received(f.t, &from, true, span_of(body, len)), RELOAD_OK);
	fake_pass(&f, 3000);
	/* the neighbours that are there are enough, and no list is longer than it may be */
	assert_int_equal(fake_count(&f, 0, FAKE_ATTACH, 0), 0);
	/* one that lies before the first successor is attached to */
	struct reload_id first = fake_point(SELF, 9);
	many[0] = first;
	len = fake_body(body, RELOAD_CHORD_NEIGHBORS, NULL, 0, many, 1);
	assert_int_equal(ops->update_received(f.t, &from, true, span_of(body, len)), RELOAD_OK);
	fake_pass(&f, 3000);
	struct reload_topology_tables tables;
	ops->tables(f.t, &tables);
	assert_int_equal(tables.successors_count, 3); /* a shorter list takes nothing away */
	struct fake_row *attach = fake_find(&f, 0, FAKE_ATTACH, 0);
	assert_non_null(attach);
	assert_true(reload_id_eq(&attach->node, &first) && attach->send_update);
	f.count = 0;
	up(&f, attach, &first);
	struct wr w = wr_fixed(body, sizeof(body));
	struct reload_id before[] = { fake_id(SELF), fake_id(near(-1)), fake_id(near(-2)) },
			 after[] = { fake_id(near(1)), fake_id(near(2)), fake_id(near(3)) };
	const struct reload_chord_update u = { .type = RELOAD_CHORD_FULL,
		.uptime = 77,
		.predecessors = before,
		.predecessors_count = 3,
		.successors = after,
		.successors_count = 3 };
	reload_wire_write(
		&w, &reload_chord_update_wire, &(struct wire_ctx){ .node_id_len = 16 }, &u);
	assert_int_equal(ops->update_received(f.t, &first, true, wr_done(&w)), RELOAD_OK);
	size_t greeted = 0;
	for (size_t i = 0; i < f.count; i++)
		if (f.rows[i].what == FAKE_UPDATE && reload_id_eq(&f.rows[i].node, &first)) {
			assert_int_equal(f.rows[i].type, RELOAD_CHORD_PEER_READY);
			greeted++;
		}
	assert_int_equal(greeted, 1);
	fake_end(&f);
}

/* R7363-9: a finger is asked for its uptime as soon as it is one, and once. */
static void new_fingers(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	fake_peer(&f, FAR);
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, FAR), 1);
	fake_peer(&f, FAR + 1); /* the second one of that interval is none */
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, FAR + 1), 0);
	down(&f, FAR);
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, FAR + 1), 1);
	fake_end(&f);
}

/* R7363-23, R7363-28: four fingers at the end of each period, and neighbours where there are no others. */
static void some_are_asked(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	next_period(&f);
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, 0), 3);
	fake_end(&f);
	a_dense_ring(&f);
	next_period(&f);
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, 0), 4);
	for (unsigned d = 0x10; d <= 0x80; d *= 2)
		assert_int_equal(fake_count(&f, 0, FAKE_PROBE, SELF + d), 1);
	/* random ones, each once */
	unsigned asked[256] = { 0 };
	f.config.peers_to_probe = 2;
	ops->configure(f.t, &f.config);
	for (unsigned p = 0; p < 40; p++) {
		f.count = 0;
		next_period(&f);
		assert_int_equal(fake_count(&f, 0, FAKE_PROBE, 0), 2);
		for (size_t i = 0; i < f.count; i++)
			if (f.rows[i].what == FAKE_PROBE)
				asked[f.rows[i].node.at[0]]++;
	}
	for (unsigned d = 0x10; d <= 0x80; d *= 2)
		assert_in_range(asked[SELF + d], 5, 35);
	f.config.peers_to_probe = 0;
	ops->configure(f.t, &f.config);
	f.count = 0;
	next_period(&f);
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, 0), 0);
	fake_end(&f);
}

/* R7363-12: at the end of a period, before the next one begins, from what came in it; R7363-10, R7363-14: the sizes too. */
static void values_in_force(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	next_period(&f);
	for (unsigned i = 1; i <= 3; i++) {
		tells(&f, near((int)i), 5000, 1000000, 10);
		tells(&f, near(-(int)i), 6000, 1000000, 10);
	}
	struct reload_topology_tuning t = tuning(&f);
	assert_int_equal(t.data_count, 1);
	assert_int_equal(t.neighbours, 3);
	next_period(&f);
	t = tuning(&f);
	assert_int_equal(t.data_count, 7);
	assert_true(fabs(t.in_force.size - 6000) < 1e-6);
	assert_true(fabs(t.in_force.joins * 86400 - 1000000) < 1e-3);
	assert_true(fabs(t.data[0].size - t.own.size) < 1e-9);
	assert_true(t.own.size < 600);
	assert_true(t.interval.s >= 15 && t.interval.s <= 600);
	/* with its jitter, so that peers do not send at the same time */
	assert_true(t.period_ms >= 0.9 * 1000 * t.interval.s - 1 &&
		    t.period_ms <= 1.1 * 1000 * t.interval.s + 1);
	assert_int_equal(t.neighbours, 3); /* one period is not enough */
	tells(&f, near(1), 6000, 1000000, 10);
	tells(&f, near(2), 6000, 1000000, 10);
	next_period(&f);
	t = tuning(&f);
	assert_int_equal(t.data_count, 3); /* of this period alone */
	assert_int_equal(t.neighbours, 13);
	assert_int_equal(t.fingers, 16);
	/* what is told to others are the own estimates */
	struct reload_self_tuning own;
	assert_true(ops->estimates(f.t, &own));
	assert_true(own.network_size < 600);
	fake_end(&f);
}

/* E13, section 14: one triple from each peer, and none from others; the newest counts. */
static void liars(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	next_period(&f);
	for (uint32_t i = 0; i < 10; i++)
		tells(&f, near(1), 1000 + i, 0, 1);
	tells(&f, 0x77, 1000000, 0, 1); /* no peer */
	struct reload_id self = fake_id(SELF);
	ops->estimates_received(f.t, &self, &(struct reload_self_tuning){ 1000000, 0, 1 });
	tells(&f, near(2), 0, 0, 1);
	tells(&f, near(3), UINT32_MAX, UINT32_MAX, UINT32_MAX);
	next_period(&f);
	struct reload_topology_tuning t = tuning(&f);
	assert_int_equal(t.data_count, 2);
	assert_true(fabs(t.in_force.size - 1009) < 1e-6);
	/* the largest numbers that are believed: the interval and the sizes stay within their bounds */
	for (unsigned p = 0; p < 3; p++) {
		for (unsigned i = 1; i <= 3; i++)
			tells(&f, near((int)i), UINT32_C(1) << 31, UINT32_MAX, 86400);
		next_period(&f);
	}
	t = tuning(&f);
	assert_true(t.interval.s <= 15 && t.interval.s >= 15);
	assert_int_equal(t.interval.cause, RELOAD_INTERVAL_SHORTEST);
	assert_int_equal(t.neighbours, 31);
	assert_int_equal(t.fingers, 31);
	fake_end(&f);
}

/* More peers than are remembered tell something. */
static void a_crowd(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	for (unsigned i = 0; i < 100; i++)
		fake_peer(&f, 0x40 + i);
	next_period(&f);
	for (unsigned i = 0; i < 100; i++)
		tells(&f, 0x40 + i, 100, 0, 1);
	next_period(&f);
	assert_int_equal(tuning(&f).data_count, CHORD_RECEIVED_MAX + 1);
	fake_end(&f);
}

/* R7363-17, R7363-19: what is lost or leaves is a failure, once; a link that nobody needs is none. */
static void failures(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	fake_peer(&f, FAR);
	fake_peer(&f, FAR + 1);
	next_period(&f);
	struct reload_topology_tuning t = tuning(&f);
	assert_int_equal(t.failures, 1);        /* the own join */
	assert_int_equal(t.members, 7);         /* each once, also who is neighbour and finger */
	assert_int_equal(t.failures_limit, 16); /* R7363-18: not less, however small the tables */
	assert_true(fabs(t.own.failures - 1 / (7 * (double)(f.now - 1000) / 1000)) < 1e-6);
	down(&f, FAR + 1); /* spare */
	struct reload_id left = fake_id(near(3));
	const uint8_t nobody[] = { RELOAD_CHORD_FROM_SUCC, 0, 0 };
	ops->leave_received(f.t, &left, span_of(nobody, sizeof(nobody)));
	ops->disconnected(f.t, &left); /* its link goes too: it failed once */
	next_period(&f);
	t = tuning(&f);
	assert_int_equal(t.failures, 2);
	assert_true(fabs(t.own.failures - 2 / (6 * (double)(f.now - 1000) / 1000)) < 1e-6);
	/* R-10.7.4-01 does not fit: a silent neighbour is found by a Ping (R7363-20), within 2 * Tr */
	struct reload_id close = fake_id(near(1)), far = fake_id(FAR), other = fake_id(0x33);
	assert_int_equal(ops->silence(f.t, &close), 30000);
	assert_int_equal(ops->silence(f.t, &far), 30000);
	assert_int_equal(ops->silence(f.t, &other), 0);
	fake_end(&f);
}

/*
 * R7363-17, R7363-18: of many failures the last are remembered, and now is one of them, so that the rate falls as soon as nothing fails any more.
 */
static void failures_that_end(void **state)
{
	(void)state;
	enum {
		EACH_MS = 20000,
		TIMES = 40
	};
	struct fake f;
	a_dense_ring(&f);
	size_t members = tuning(&f).members;
	reload_ms at[TIMES];
	for (unsigned i = 0; i < TIMES; i++) {
		fake_pass(&f, EACH_MS);
		at[i] = f.now;
		down(&f, SELF + 0x80);
		fake_peer(&f, SELF + 0x80);
	}
	next_period(&f);
	struct reload_topology_tuning t = tuning(&f);
	assert_int_equal(t.members, members);
	assert_int_equal(t.failures, 15);
	double u = 15 / ((double)members * (double)(f.now - at[TIMES - 15]) / 1000);
	assert_true(fabs(t.own.failures / u - 1) < 1e-6);
	/* the truth is one of members in EACH_MS */
	double truth = 1000.0 / EACH_MS / (double)members;
	assert_true(t.own.failures > 0.8 * truth && t.own.failures < 1.1 * truth);
	for (reload_ms night = f.now + 10 * TIMES * EACH_MS; f.now < night;)
		next_period(&f);
	assert_true(tuning(&f).own.failures < truth / 20);
	fake_end(&f);
}

/* R7363-22: the median of the ages, each peer once, by Updates and by answers to Probes. */
static void ages(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	struct reload_id far = fake_id(FAR);
	fake_peer(&f, FAR); /* its Update says 0 s */
	next_period(&f);
	assert_int_equal(tuning(&f).ages, 7);
	const uint32_t uptime = 3000;
	ops->probed(f.t, &far, &uptime);
	ops->probed(f.t, &far, NULL); /* it did not say so this time */
	uint8_t body[64];
	for (unsigned i = 1; i <= 3; i++) { /* Updates of peers that have been there for an hour */
		struct wr w = wr_fixed(body, sizeof(body));
		const struct reload_chord_update u = { .type = RELOAD_CHORD_PEER_READY,
			.uptime = 3600 };
		struct reload_id from = fake_id(near((int)i));
		reload_wire_write(
			&w, &reload_chord_update_wire, &(struct wire_ctx){ .node_id_len = 16 }, &u);
		assert_int_equal(ops->update_received(f.t, &from, true, wr_done(&w)), RELOAD_OK);
	}
	reload_ms told = f.now;
	next_period(&f);
	struct reload_topology_tuning t = tuning(&f);
	/* sorted: three young ones, 3000 s, three of an hour; [7/2] is the one of 3000 s, which has grown older */
	double age = 3000 + (double)(f.now - told) / 1000;
	assert_true(fabs(t.own.joins - t.own.size / age) < 1e-6);
	fake_end(&f);
}

/* R7363-11: lists go to the other side. */
static void leaving(void **state)
{
	(void)state;
	struct fake f;
	six_neighbours(&f);
	ops->leave(f.t);
	assert_int_equal(fake_count(&f, 0, FAKE_LEAVE, 0), 6);
	assert_int_equal(fake_find(&f, 0, FAKE_LEAVE, near(1))->type, RELOAD_CHORD_FROM_PRED);
	assert_int_equal(fake_find(&f, 0, FAKE_LEAVE, near(-1))->type, RELOAD_CHORD_FROM_SUCC);
	/* who is no part of the ring has nothing to say of it */
	struct reload_topology_tuning t;
	struct reload_self_tuning own;
	assert_false(ops->tuning(f.t, &t));
	assert_false(ops->estimates(f.t, &own));
	tells(&f, near(1), 100, 0, 1);
	f.count = 0;
	fake_pass(&f, 2 * INTERVAL_MS);
	assert_int_equal(fake_count(&f, 0, FAKE_PROBE, 0), 0);
	fake_end(&f);
}

/* Alone, then two, then three: no interval without end, and the first other peer ends that of who was alone. */
static void the_first_peers(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(SELF);
	fake_start_as(&f, &self);
	struct reload_topology_tuning t;
	assert_false(ops->tuning(f.t, &t));
	assert_int_equal(ops->uptime_s(f.t), 0);
	ops->first(f.t);
	t = tuning(&f);
	assert_true(fabs(t.own.size - 1) < 1e-9);
	assert_int_equal(t.interval.cause, RELOAD_INTERVAL_ALONE);
	assert_true(fabs(t.interval.s - 600) < 1e-9);
	fake_pass(&f, 5000);
	fake_peer(&f, SELF + 1);
	t = tuning(&f);
	assert_true(fabs(t.own.size - 2) < 1e-9);
	assert_true(fabs(t.interval.s - 15) < 1e-9);
	fake_peer(&f, SELF + 2);
	next_period(&f);
	assert_true(fabs(tuning(&f).own.size - 3) < 1e-9);
	assert_true(ops->uptime_s(f.t) >= 5);
	down(&f, SELF + 1);
	down(&f, near(2));
	fake_pass(&f, 2 * INTERVAL_MS);
	fake_end(&f);
}

/* E14: stopped for an hour, then one round at most, and what was lost meanwhile is no failure of others */
static void an_absence(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) { /* whether losses or the timer come first */
		struct fake f;
		six_neighbours(&f);
		next_period(&f);
		double before = tuning(&f).own.failures;
		f.count = 0;
		f.now += 3600000;
		if (first)
			down(&f, near(3));
		fake_pass(&f, 0);
		size_t probes = fake_count(&f, 0, FAKE_PROBE, 0);
		assert_in_range(probes, 1, tuning(&f).peers_to_probe);
		if (!first)
			down(&f, near(3));
		assert_true(tuning(&f).left_ms > 10000); /* the next is a whole period later */
		fake_pass(&f, 10000);
		assert_int_equal(fake_count(&f, 0, FAKE_PROBE, 0), probes);
		down(&f, near(-3));
		next_period(&f);
		struct reload_topology_tuning t = tuning(&f);
		assert_int_equal(t.failures, 1); /* the own join */
		/* nor is the hour one in which nothing failed */
		assert_true(t.own.failures > before / 3 && t.own.failures < 1.5 * before);
		/* later losses count */
		fake_pass(&f, 120000);
		down(&f, near(1));
		next_period(&f);
		assert_int_equal(tuning(&f).failures, 2);
		fake_end(&f);
	}
}

/* CHORD-RELOAD tells nothing and asks nobody. */
static void the_other_algorithm(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(SELF), close = fake_id(near(1));
	struct reload_self_tuning own;
	struct reload_topology_tuning t;
	const struct reload_topology_ops *reload = &reload_chord_topology;
	fake_start_as(&f, &self);
	struct reload_topology_host host = f.t->host;
	struct reload_topology *r = reload->new (&f.config, &self, &host);
	reload->first(r);
	reload->connected(r, &close);
	assert_false(reload->estimates(r, &own));
	assert_false(reload->tuning(r, &t));
	reload->estimates_received(r, &close, &(struct reload_self_tuning){ 100, 0, 1 });
	assert_int_equal(reload->silence(r, &close), 0); /* it is no neighbour yet */
	reload->free(r);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name),
		cmocka_unit_test(periodic_updates),
		cmocka_unit_test(new_neighbours),
		cmocka_unit_test(new_fingers),
		cmocka_unit_test(some_are_asked),
		cmocka_unit_test(values_in_force),
		cmocka_unit_test(liars),
		cmocka_unit_test(a_crowd),
		cmocka_unit_test(failures),
		cmocka_unit_test(failures_that_end),
		cmocka_unit_test(ages),
		cmocka_unit_test(leaving),
		cmocka_unit_test(the_first_peers),
		cmocka_unit_test(an_absence),
		cmocka_unit_test(the_other_algorithm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
