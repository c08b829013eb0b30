/* What an Admitting Peer does for a Joining Node (RFC 6940 s10.5). */
#include "chord_fake.h"
#include "vectors.h"

static void peer_40(struct fake *f)
{
	struct reload_id self = fake_id(0x40);
	fake_start_as(f, &self);
	ops->first(f->t);
	fake_peer(f, 0x70);
	fake_peer(f, 0xa0);
	fake_peer(f, 0xd0);
	fake_pass(f, 5000);
}

static void admits(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id jn = fake_id(0x10), theirs = fake_point(0x08, 0);
	struct reload_topology_tables tb;
	peer_40(&f);
	ops->connected(f.t, &jn);
	size_t mark = f.count;
	ops->join_received(f.t, &jn);
	/* R-10.5-06, R-6.4.2.1-06: what JN will own is stored there, as replica number 1 */
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 0x10);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0xd0);
	assert_true(reload_id_eq(&r->to, &jn));
	assert_int_equal(r->number, 1);
	assert_true(r->done);
	/* CHORD-11: until then the range is ours, and JN in no table */
	assert_true(ops->responsible(f.t, &theirs));
	ops->tables(f.t, &tb);
	assert_int_equal(tb.predecessors[0].at[0], 0xd0);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0), 0);
	ops->handed_over(f.t, &jn);
	assert_false(ops->responsible(f.t, &theirs));
	ops->tables(f.t, &tb);
	assert_int_equal(tb.predecessors[0].at[0], 0x10);
	/* R-10.5-07: the Update that labels JN as predecessor, nearest first */
	r = fake_find(&f, mark, FAKE_UPDATE, 0x10);
	assert_non_null(r);
	assert_int_equal(r->type, RELOAD_CHORD_NEIGHBORS);
	assert_memory_equal(r->body + 7, jn.at, 16);
	/* R-10.5-09, R-10.7.3-08, R-6.4.1-03: all others hear of it */
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x70), 1);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0xa0), 1);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0xd0), 1);
	/* R-10.5-08: AP is in the replica set of what it gave away */
	assert_true(ops->holds(f.t, &theirs));
	for (size_t i = mark; i < f.count; i++)
		if (f.rows[i].what == FAKE_FORGET)
			assert_false(reload_id_between(&f.rows[i].from, &theirs, &f.rows[i].to));
	fake_end(&f);
}

/* A predecessor that goes during a hand-over leaves its range to the Joining Node, which is to have it before it is asked. */
static void hands_over_what_a_leaving_predecessor_had(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id one = fake_id(0x20), two = fake_id(0x10), before = fake_id(0xd0);
	struct reload_id of_before = fake_point(0xc0, 0);
	peer_40(&f);
	ops->connected(f.t, &one);
	ops->connected(f.t, &two);
	ops->join_received(f.t, &one);
	ops->join_received(f.t, &two);
	ops->disconnected(f.t, &before);
	size_t mark = f.count;
	ops->handed_over(f.t, &one);
	/* CHORD-11: it would lack (a0, d0]; the hand-over to the other one begins anew as well */
	assert_true(ops->responsible(f.t, &one));
	for (int i = 0; i < 2; i++) {
		struct fake_row *r = fake_find(&f, mark, FAKE_STORES, i ? 0x10 : 0x20);
		assert_non_null(r);
		assert_int_equal(r->from.at[0], 0xa0);
		assert_int_equal(r->to.at[0], i ? 0x10 : 0x20);
		assert_true(r->done);
	}
	mark = f.count;
	ops->handed_over(f.t, &two);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x10), 1);
	assert_false(ops->responsible(f.t, &of_before));
	assert_true(ops->responsible(f.t, &one));
	ops->handed_over(f.t, &one); /* what a Joining Node took from us is no reason */
	assert_false(ops->responsible(f.t, &one));
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x20), 1); /* the replicas of 10 */
	fake_end(&f);
}

static void clients_hear_of_a_moved_range(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id client = fake_id(0x08), jn = fake_id(0x10);
	peer_40(&f);
	ops->connected(f.t, &client);
	ops->connected(f.t, &jn);
	size_t mark = f.count;
	ops->join_received(f.t, &jn);
	ops->handed_over(f.t, &jn);
	/* R-6.4.1-02 */
	struct fake_row *r = fake_find(&f, mark, FAKE_UPDATE, 0x08);
	assert_non_null(r);
	assert_int_equal(r->type, RELOAD_CHORD_NEIGHBORS);
	fake_end(&f);
}

static void sends_others_to_the_owner(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id one = fake_id(0x20), two = fake_id(0x10);
	peer_40(&f);
	ops->connected(f.t, &one);
	ops->connected(f.t, &two);
	size_t mark = f.count;
	/* both in hand-over; the nearer one is admitted first */
	ops->join_received(f.t, &two);
	ops->join_received(f.t, &one);
	ops->handed_over(f.t, &one);
	ops->handed_over(f.t, &two);
	struct reload_topology_tables tb;
	ops->tables(f.t, &tb);
	assert_int_equal(tb.predecessors[0].at[0], 0x20);
	assert_int_equal(tb.predecessors[1].at[0], 0xd0);
	/* 10 learns of 20 from our Update */
	struct fake_row *r = &f.rows[f.count - 1];
	assert_int_equal(r->what, FAKE_UPDATE);
	assert_true(reload_id_eq(&r->node, &two));
	assert_memory_equal(r->body + 7, one.at, 16);
	assert_true(fake_count(&f, mark, FAKE_UPDATE, 0x20) >= 1);
	/* a Join for a point that was never ours */
	struct reload_id stranger = fake_id(0x80);
	ops->connected(f.t, &stranger);
	mark = f.count;
	ops->join_received(f.t, &stranger);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x80), 0);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x80), 1);
	fake_end(&f);
}

static void a_joining_node_that_goes_is_forgotten(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id jn = fake_id(0x10), theirs = fake_point(0x08, 0);
	peer_40(&f);
	ops->connected(f.t, &jn);
	ops->join_received(f.t, &jn);
	ops->disconnected(f.t, &jn);
	ops->handed_over(f.t, &jn);
	assert_true(ops->responsible(f.t, &theirs));
	/* admitted, then lost: the range comes back */
	ops->connected(f.t, &jn);
	ops->join_received(f.t, &jn);
	ops->handed_over(f.t, &jn);
	assert_false(ops->responsible(f.t, &theirs));
	ops->disconnected(f.t, &jn);
	assert_true(ops->responsible(f.t, &theirs));
	fake_end(&f);
}

static void a_predecessor_may_join_again(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id jn = fake_id(0x10);
	peer_40(&f);
	ops->connected(f.t, &jn);
	ops->join_received(f.t, &jn);
	ops->handed_over(f.t, &jn);
	/* at once, and again and again: it is told that it was admitted, and that is all */
	size_t mark = f.count;
	for (int i = 0; i < 5; i++)
		ops->join_received(f.t, &jn);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x10), 0);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x10), 5);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0), 5);
	fake_pass(&f, CHORD_HAND_OVER_INTERVAL_MS);
	mark = f.count;
	ops->join_received(f.t, &jn);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x10), 1);
	ops->handed_over(f.t, &jn);
	assert_true(fake_count(&f, mark, FAKE_UPDATE, 0x10) >= 1);
	/* over a new link: it may have restarted */
	ops->disconnected(f.t, &jn);
	ops->connected(f.t, &jn);
	mark = f.count;
	ops->join_received(f.t, &jn);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x10), 1);
	fake_end(&f);
}

/* Node i connects and asks to be admitted; returns its Node-ID. */
static struct reload_id asks(struct fake *f, unsigned i)
{
	struct reload_id jn = fake_id(i);
	ops->connected(f->t, &jn);
	ops->join_received(f->t, &jn);
	return jn;
}

/* A crowd is not sent the same range all at once, and splits where it helps most: in the middle. */
static void a_crowd_is_admitted_in_turn(void **state)
{
	(void)state;
	static struct fake f;
	struct reload_id jn[10];
	peer_40(&f);
	size_t mark = f.count;
	for (unsigned i = 1; i <= 9; i++) {
		jn[i] = asks(&f, i);
		ops->join_received(f.t, &jn[i]); /* it asks again: it has its turn once */
	}
	for (unsigned i = 1; i <= 9; i++)
		assert_int_equal(
			fake_count(&f, mark, FAKE_STORES, i), i <= CHORD_HAND_OVERS ? 1 : 0);
	mark = f.count;
	ops->handed_over(f.t, &jn[1]);
	/* of 5 to 9 it is 7, and what was given to 1 does not go out again */
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 7);
	assert_non_null(r);
	assert_true(r->done);
	assert_int_equal(r->from.at[0], 1);
	mark = f.count;
	ops->handed_over(f.t, &jn[7]);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 8), 1); /* of 5, 6, 8 and 9 */
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 9), 0);
	fake_end(&f);
}

/* Joining Nodes that take nothing hold the others up for a moment only. */
static void slow_hand_overs_do_not_block(void **state)
{
	(void)state;
	static struct fake f;
	peer_40(&f);
	size_t mark = f.count;
	for (unsigned i = 1; i <= 6; i++)
		asks(&f, i);
	fake_pass(&f, CHORD_HAND_OVER_SLOW_MS - 100);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 5), 0);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 6), 0);
	fake_pass(&f, 200);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 5), 1);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 6), 1);
	/* the slow ones do not count: two more have their turns at once */
	asks(&f, 0x11);
	asks(&f, 0x12);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x12), 1);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admits),
		cmocka_unit_test(hands_over_what_a_leaving_predecessor_had),
		cmocka_unit_test(clients_hear_of_a_moved_range),
		cmocka_unit_test(sends_others_to_the_owner),
		cmocka_unit_test(a_joining_node_that_goes_is_forgotten),
		cmocka_unit_test(a_predecessor_may_join_again),
		cmocka_unit_test(a_crowd_is_admitted_in_turn),
		cmocka_unit_test(slow_hand_overs_do_not_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
