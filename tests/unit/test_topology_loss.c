/* What a peer does when a neighbour, a finger or all of them are lost, and about Leaves (RFC 6940 s10.7.1, s10.9). */
#include "chord_ring.h"

/* -- losses ----------------------------------------------------------------------------------------------------------- */

static void a_lost_neighbour(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	fake_lists(&f, 0x70, (const uint8_t[]){ 0x40, 0x10, 0xd0, 0 },
		(const uint8_t[]){ 0xa0, 0xd0, 0x10, 0 });
	fake_lists(&f, 0xa0, (const uint8_t[]){ 0x70, 0x10, 0xd0, 0 },
		(const uint8_t[]){ 0xd0, 0x10, 0x70, 0 });
	fake_pass(&f, 2000);
	size_t mark = f.count;
	struct reload_id lost = fake_id(0x40);
	struct reload_topology_tables tb;
	ops->disconnected(f.t, &lost);
	/* R-10.7.1-01, R-10.7.2-01 */
	ops->tables(f.t, &tb);
	assert_int_equal(tb.successors_count, 3);
	assert_int_equal(tb.successors[0].at[0], 0x70);
	assert_false(reload_id_listed(tb.fingers, tb.fingers_count, &lost));
	/* R-10.7.1-02: at once, with what remains */
	for (unsigned i = 0; i < 3; i++) {
		struct fake_row *r = fake_find(&f, mark, FAKE_UPDATE, 0x70 + 0x30 * i);
		assert_non_null(r);
		for (size_t at = 7; at + 16 <= r->body_len; at++)
			assert_memory_not_equal(r->body + at, lost.at, 16);
	}
	/* R-10.7.1-05: out of the table until it is reached */
	mark = f.count;
	fake_lists(&f, 0x70, (const uint8_t[]){ 0x40, 0x10, 0xd0, 0 },
		(const uint8_t[]){ 0xa0, 0xd0, 0x10, 0 });
	fake_pass(&f, 10000);
	assert_false(in_tables(&f, 0x40));
	struct fake_row *r =
		fake_find(&f, mark, FAKE_ATTACH, 0x40); /* 70 still has it: tried again */
	assert_non_null(r);
	ops->connected(f.t, &lost);
	ops->attached(f.t, r->cookie, RELOAD_OK, &lost);
	assert_int_equal(fake_receive(&f, 0x40, true, NULL, NULL), RELOAD_OK);
	assert_true(in_tables(&f, 0x40));
	fake_end(&f);
}

static void nobody_mentions_the_dead(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id lost = fake_id(0x40);
	ops->disconnected(f.t, &lost);
	size_t mark = f.count;
	/* 70 has not noticed yet, then it has */
	fake_lists(&f, 0x70, (const uint8_t[]){ 0x40, 0x10, 0xd0, 0 },
		(const uint8_t[]){ 0xa0, 0xd0, 0x10, 0 });
	fake_pass(&f, 500);
	fake_lists(&f, 0x70, (const uint8_t[]){ 0x10, 0xd0, 0xa0, 0 },
		(const uint8_t[]){ 0xa0, 0xd0, 0x10, 0 });
	fake_pass(&f, 60000);
	assert_int_equal(fake_count(&f, mark, FAKE_ATTACH, 0x40), 0);
	fake_end(&f);
}

static void an_update_without_answer(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id dead = fake_id(0x40), other = fake_id(0x70);
	ops->update_ended(f.t, &dead, RELOAD_TIMEOUT);
	/* R-10.7.1-01: the failure of a request counts */
	assert_false(in_tables(&f, 0x40));
	assert_non_null(fake_find(&f, 0, FAKE_DISCONNECT, 0x40));
	ops->update_ended(f.t, &other, RELOAD_INVALID_MESSAGE);
	assert_true(in_tables(&f, 0x70));
	fake_end(&f);
}

static void the_last_one(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), other = fake_id(0x40), k = fake_point(0x20, 0);
	fake_start_as(&f, &self);
	ops->first(f.t);
	fake_peer(&f, 0x40);
	fake_lists(&f, 0x40, (const uint8_t[]){ 0x10, 0 }, (const uint8_t[]){ 0x10, 0 });
	assert_false(ops->responsible(f.t, &k));
	ops->disconnected(f.t, &other);
	/* CHORD-09: it knew no other node, so the ring is ours */
	assert_int_equal(ops->get_state(f.t), RELOAD_TOPOLOGY_JOINED);
	assert_true(ops->responsible(f.t, &k));
	fake_end(&f);
	/* it knew others: we are cut off and the host has to join again */
	fake_start_as(&f, &self);
	ops->first(f.t);
	fake_peer(&f, 0x40);
	fake_lists(&f, 0x40, (const uint8_t[]){ 0x10, 0 }, (const uint8_t[]){ 0x70, 0x10, 0 });
	ops->disconnected(f.t, &other);
	assert_int_equal(ops->get_state(f.t), RELOAD_TOPOLOGY_FAILED);
	assert_false(ops->responsible(f.t, &k));
	fake_end(&f);
}

/* Self is 10: 70 is a finger in the interval 50..8f, and no neighbour. */
static void ring_with_fingers(struct fake *f)
{
	ring(f);
	fake_peer(f, 0x20);
	fake_peer(f, 0x30);
	fake_peer(f, 0xe0);
	fake_peer(f, 0xf0);
	fake_peer(f, 0x08);
	fake_pass(f, 5000);
}

static void a_lost_finger(void **state)
{
	(void)state;
	struct fake f;
	ring_with_fingers(&f);
	struct reload_id lost = fake_id(0xa0);
	size_t mark = f.count;
	assert_false(in_tables(&f, 0xa0));
	ops->disconnected(f.t, &lost);
	/* R-10.7.2-01, R-10.7.4-09: the next one of the interval takes its place, without a search */
	struct reload_topology_tables tb;
	struct reload_id next = fake_id(0xd0);
	ops->tables(f.t, &tb);
	assert_true(reload_id_listed(tb.fingers, tb.fingers_count, &next));
	fake_pass(&f, 5000);
	assert_int_equal(fake_count(&f, mark, FAKE_PING, 0), 0);
	/* R-10.7.2-02: nobody left in the interval 50..8f: a search begins */
	lost = fake_id(0x70);
	ops->disconnected(f.t, &lost);
	fake_pass(&f, 5000);
	struct fake_row *r = fake_find(&f, mark, FAKE_PING, 0);
	assert_non_null(r);
	assert_int_equal(fake_count(&f, mark, FAKE_PING, 0), 1);
	assert_true(r->resource);
	assert_int_equal(reload_chord_finger_index(&f.t->self, &r->node), 2);
	/* the search is repeated when its Ping has no answer, and when the node that answers cannot be attached to; the pauses grow */
	reload_ms pauses[CHORD_SEARCH_TRIES] = { 0 };
	size_t pings = 0;
	while ((r = fake_find(&f, mark, FAKE_PING, 0)) && pings < CHORD_SEARCH_TRIES) {
		struct reload_id found = fake_id(0x60);
		mark = f.count;
		if (pings++ != 1) {
			ops->pinged(f.t, r->cookie, RELOAD_TIMEOUT, NULL);
		} else {
			ops->pinged(f.t, r->cookie, RELOAD_OK, &found);
			struct fake_row *attach = fake_find(&f, mark, FAKE_ATTACH, 0x60);
			assert_non_null(attach);
			ops->attached(f.t, attach->cookie, RELOAD_TIMEOUT, NULL);
		}
		while (!fake_find(&f, mark, FAKE_PING, 0) && pauses[pings - 1] < 90000) {
			fake_pass(&f, 100);
			pauses[pings - 1] += 100;
		}
	}
	assert_null(r);
	assert_int_equal(pings, CHORD_SEARCH_TRIES);
	assert_in_range(pauses[0], CHORD_SEARCH_PAUSE_MS / 2, 2 * CHORD_SEARCH_PAUSE_MS);
	assert_in_range(pauses[4], 8 * CHORD_SEARCH_PAUSE_MS, 25 * CHORD_SEARCH_PAUSE_MS);
	fake_end(&f);
}

/* -- Leave ------------------------------------------------------------------------------------------------------------ */

static void leaves(void **state)
{
	(void)state;
	struct vector v;
	struct fake f;
	struct reload_id self = vector_node(0x10), k = fake_point(0x10, 0);
	struct reload_id peers[] = { vector_node(0x40), vector_node(0xa0), vector_node(0xd0) };
	ring_of(&f, &self, peers, COUNT_OF(peers));
	size_t mark = f.count;
	ops->leave(f.t);
	assert_int_equal(ops->get_state(f.t), RELOAD_TOPOLOGY_DETACHED);
	assert_false(ops->responsible(f.t, &k));
	/* R-10.9-01, R-6.4.2.2-01: one to each */
	for (size_t i = 0; i < COUNT_OF(peers); i++) {
		size_t n = 0;
		for (size_t r = mark; r < f.count; r++)
			n += f.rows[r].what == FAKE_LEAVE &&
			     reload_id_eq(&f.rows[r].node, &peers[i]);
		assert_int_equal(n, 1);
	}
	/* R-10.9-02, R-6.4.2.2-02, CHORD-10: to a successor with our predecessors */
	vector_load(&v, "leave-req-from-pred");
	struct span data = vector_field(&v, "overlay_specific_data.length");
	data = span_of(data.at + 2, 35);
	struct fake_row *r = &f.rows[mark];
	while (r->what != FAKE_LEAVE || !reload_id_eq(&r->node, &peers[0]))
		r++;
	assert_int_equal(r->body_len, data.len);
	assert_memory_equal(r->body, data.at, data.len);
	vector_clear(&v);
	/* to a predecessor with our successors */
	r = &f.rows[mark];
	while (r->what != FAKE_LEAVE || !reload_id_eq(&r->node, &peers[2]))
		r++;
	assert_int_equal(r->type, RELOAD_CHORD_FROM_SUCC);
	assert_memory_equal(r->body + 3, peers[0].at, 16);
	fake_end(&f);
	/* two peers: from_pred, once */
	ring_of(&f, &self, peers, 1);
	mark = f.count;
	ops->leave(f.t);
	assert_int_equal(fake_count(&f, mark, FAKE_LEAVE, 0), 1);
	for (r = &f.rows[mark]; r->what != FAKE_LEAVE; r++)
		;
	assert_int_equal(r->type, RELOAD_CHORD_FROM_PRED);
	fake_end(&f);
}

static void a_leave_is_a_failure(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id gone = fake_id(0xd0), k = fake_point(0xc0, 0);
	static const uint8_t garbage[] = { 9, 9, 9 };
	size_t mark = f.count;
	/* R-10.9-03, R-6.4.2.2-05; data that does not parse changes nothing about it (CHORD-10) */
	ops->leave_received(f.t, &gone, span_of(garbage, sizeof(garbage)));
	assert_false(in_tables(&f, 0xd0));
	assert_true(ops->responsible(f.t, &k));
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, 0x40));
	assert_non_null(fake_find(&f, mark, FAKE_DISCONNECT, 0xd0));
	/* others still list it: we do not attach to it again */
	fake_lists(&f, 0x40, (const uint8_t[]){ 0x10, 0xd0, 0xa0, 0 },
		(const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 });
	fake_pass(&f, 20000);
	assert_int_equal(fake_count(&f, mark, FAKE_ATTACH, 0xd0), 0);
	fake_end(&f);
}

/* R-10.9-03, R-10.7.2-02: a finger that leaves has failed, and another one is searched for */
static void a_finger_that_leaves_is_replaced(void **state)
{
	(void)state;
	struct fake f;
	ring_with_fingers(&f);
	struct reload_id gone = fake_id(0x70);
	size_t mark = f.count;
	ops->leave_received(f.t, &gone, span_of((const uint8_t *)"", 0));
	fake_pass(&f, 5000);
	struct fake_row *r = fake_find(&f, mark, FAKE_PING, 0);
	assert_non_null(r);
	assert_int_equal(reload_chord_finger_index(&f.t->self, &r->node), 2);
	fake_end(&f);
}

static void the_list_of_a_leave_is_used(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id gone = fake_id(0x40), list[] = { fake_id(0x30), fake_id(0x10) };
	const struct reload_chord_leave leave = {
		.type = RELOAD_CHORD_FROM_SUCC, .peers = list, .peers_count = 2
	};
	const struct wire_ctx ctx = { .node_id_len = 16 };
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_chord_leave_wire, &ctx, &leave);
	size_t mark = f.count;
	ops->leave_received(f.t, &gone, wr_done(&w));
	wr_clear(&w);
	struct fake_row *r = fake_find(&f, mark, FAKE_ATTACH, 0x30);
	assert_non_null(r);
	assert_int_equal(r->count, 1); /* the informant is leaving: routed normally */
	fake_end(&f);
}

/* The predecessor d0 of 10 leaves and names c0, which it has admitted and which has a link to 10, but has sent no Update to it yet. */
static void left_after_admitting_c0(struct fake *f)
{
	struct reload_id gone = fake_id(0xd0), list[] = { fake_id(0xc0), fake_id(0xa0) };
	const struct reload_chord_leave leave = {
		.type = RELOAD_CHORD_FROM_PRED, .peers = list, .peers_count = 2
	};
	const struct wire_ctx ctx = { .node_id_len = 16 };
	struct wr w;
	ring(f);
	ops->connected(f->t, &list[0]);
	fake_pass(f, 2 * CHORD_UPDATE_WAIT_MS);
	wr_init(&w);
	reload_wire_write(&w, &reload_chord_leave_wire, &ctx, &leave);
	ops->leave_received(f->t, &gone, wr_done(&w));
	wr_clear(&w);
}

/*
 * R-10.5-07, R-10.5-14: who was admitted is responsible before it announces itself, so its range does not become that of the next peer: that one would
 * answer for it with a generation counter of its own (R-7.4.1.1-12).
 */
static void a_leave_names_who_was_admitted(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id admitted = fake_id(0xc0), of_admitted = fake_point(0xb0, 0),
			 of_gone = fake_point(0xc8, 0);
	left_after_admitting_c0(&f);
	assert_true(ops->responsible(f.t, &of_gone));
	assert_false(ops->responsible(f.t, &of_admitted));
	fake_pass(&f, CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS - 1000);
	assert_false(ops->responsible(f.t, &of_admitted));
	/* R-10.9-02: who leaves then says the same */
	size_t mark = f.count;
	ops->leave(f.t);
	struct fake_row *r = fake_find(&f, mark, FAKE_LEAVE, 0x40);
	assert_non_null(r);
	assert_memory_equal(r->body + r->body_len - 3 * 16, admitted.at, 16);
	fake_end(&f);
}

/* Whether the Update to `to` since mark has node among the first two predecessors. */
static bool update_lists(struct fake *f, size_t mark, unsigned to, const struct reload_id *node)
{
	struct fake_row *r = fake_find(f, mark, FAKE_UPDATE, to);
	assert_non_null(r);
	assert_int_equal(r->type, RELOAD_CHORD_NEIGHBORS);
	return !memcmp(r->body + 7, node->at, 16) || !memcmp(r->body + 7 + 16, node->at, 16);
}

/*
 * R-10.5-07, R-7.4.1.1-12: another one that is admitted is told of it, and leaves it its range too; it would take that for its own admission
 * itself.  STO-17: what it gives away, should it leave, is taken.
 */
static void who_was_admitted_is_named_to_others(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id admitted = fake_id(0xc0), jn = fake_id(0xf0),
			 of_admitted = fake_point(0xb0, 0);
	left_after_admitting_c0(&f);
	assert_true(ops->may_store_replica(f.t, &of_admitted, &admitted));
	/* R-10.4-01: it is the first holder of what is a0's, and the second of 70's, which do not know it */
	struct reload_id of_a0 = fake_point(0x90, 0), of_70 = fake_point(0x60, 0), passed,
			 a0 = fake_id(0xa0), p70 = fake_id(0x70);
	assert_true(reload_topology_passed_over(ops, f.t, &of_a0, &a0, 1, &passed));
	assert_true(reload_id_eq(&passed, &admitted));
	assert_true(reload_topology_passed_over(ops, f.t, &of_70, &p70, 2, &passed));
	assert_true(reload_id_eq(&passed, &admitted));
	assert_false(reload_topology_passed_over(ops, f.t, &of_70, &p70, 1, &passed));
	fake_pass(&f, 2 * CHORD_UPDATE_GAP_MS);
	size_t mark = f.count;
	ops->connected(f.t, &jn);
	ops->join_received(f.t, &jn);
	assert_true(reload_id_eq(&fake_find(&f, mark, FAKE_STORES, 0xf0)->from, &admitted));
	ops->handed_over(f.t, &jn);
	assert_true(update_lists(&f, mark, 0xf0, &admitted));
	assert_false(update_lists(&f, mark, 0xc0, &admitted));
	fake_end(&f);
}

/* R-10.5-05: its Join says that it was not admitted after all: it is given its range. */
static void who_was_not_admitted_joins_again(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id admitted = fake_id(0xc0), of_admitted = fake_point(0xb0, 0);
	left_after_admitting_c0(&f);
	size_t mark = f.count;
	ops->join_received(f.t, &admitted);
	assert_true(ops->responsible(f.t, &of_admitted));
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 0xc0);
	assert_non_null(r);
	assert_true(r->done);
	assert_int_equal(r->from.at[0], 0xa0);
	ops->handed_over(f.t, &admitted);
	assert_false(ops->responsible(f.t, &of_admitted));
	fake_end(&f);
}

static void it_is_not_waited_for_in_vain(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id admitted = fake_id(0xc0), of_admitted = fake_point(0xb0, 0);
	left_after_admitting_c0(&f);
	ops->disconnected(f.t, &admitted);
	assert_true(ops->responsible(f.t, &of_admitted));
	fake_end(&f);
	left_after_admitting_c0(&f);
	fake_pass(&f, CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS + CHORD_RETRY_AFTER_FAILURE_MS);
	assert_true(ops->responsible(f.t, &of_admitted));
	fake_end(&f);
}

/*
 * R-10.7.4-01: within the chord-update-interval a failed peer is found; a sixth of that, at most 100 s, without a packet is reason for a Ping to a
 * neighbour, and no other link is watched.
 */
static void who_is_missed_and_when(void **state)
{
	(void)state;
	static const struct {
		uint32_t interval_s;
		reload_ms keepalive;
	} rows[] = { { 600, 50000 }, { 3600, 50000 }, { UINT32_MAX, 50000 }, { 360, 30000 },
		{ 60, 15000 }, { 0, 15000 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct reload_config c = { .chord_update_interval_s = rows[i].interval_s };
		assert_int_equal(reload_topology_keepalive_ms(&reload_chord_topology, &c),
			rows[i].keepalive);
		assert_int_equal(
			reload_topology_keepalive_ms(&reload_chord_tuned_topology, &c), 15000);
	}
	struct fake f;
	fake_ring(&f);
	struct reload_id self = fake_id(0x10), near = fake_id(0x40), client = fake_id(0x41),
			 far = fake_id(0x90);
	ops->connected(f.t, &client);
	for (unsigned node = 0x11; node < 0x20; node++)
		fake_peer(&f, node);
	for (unsigned node = 1; node < 0x10; node++)
		fake_peer(&f, node);
	struct reload_id next = fake_id(0x11);
	assert_int_equal(ops->silence(f.t, &next), 100000);
	/* between two neighbours in front of us it is known whose a resource is */
	struct reload_id owner, last = fake_id(0x0f), before = fake_id(0x0e), point = fake_id(0x0e);
	point.at[1]++;
	assert_true(reload_topology_owner(ops, f.t, &point, &owner));
	assert_true(reload_id_eq(&owner, &last));
	assert_true(reload_topology_owner(ops, f.t, &before, &owner));
	assert_true(reload_id_eq(&owner, &before));
	assert_false(reload_topology_owner(ops, f.t, &self, &owner));
	assert_false(reload_topology_owner(ops, f.t, &far, &owner));
	assert_int_equal(ops->silence(f.t, &near), 0); /* a finger by now */
	assert_int_equal(ops->silence(f.t, &client), 0);
	assert_int_equal(ops->silence(f.t, &far), 0);
	f.config.chord_update_interval_s = 240;
	ops->configure(f.t, &f.config);
	assert_int_equal(ops->silence(f.t, &next), 40000);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_neighbour),
		cmocka_unit_test(nobody_mentions_the_dead),
		cmocka_unit_test(an_update_without_answer),
		cmocka_unit_test(the_last_one),
		cmocka_unit_test(a_lost_finger),
		cmocka_unit_test(leaves),
		cmocka_unit_test(a_leave_is_a_failure),
		cmocka_unit_test(a_finger_that_leaves_is_replaced),
		cmocka_unit_test(the_list_of_a_leave_is_used),
		cmocka_unit_test(a_leave_names_who_was_admitted),
		cmocka_unit_test(who_was_admitted_is_named_to_others),
		cmocka_unit_test(who_was_not_admitted_joins_again),
		cmocka_unit_test(it_is_not_waited_for_in_vain),
		cmocka_unit_test(who_is_missed_and_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
