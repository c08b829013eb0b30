/* How a peer notices that the ring has come apart, and finds the rest of it again (RFC 6940 s10.7.4.4). */
#include "chord_steady.h"

/* -- partitions ----------------------------------------------------------------------------------------------------- */

static struct fake_row *check_ping(struct fake *f, const struct reload_id *b, reload_ms limit)
{
	struct fake_row *r = next(f, FAKE_RELOCATE, limit);
	if (!r)
		return NULL;
	ops->connected(f->t, b);
	ops->relocated(f->t, r->cookie, RELOAD_OK, b);
	return fake_find(f, 0, FAKE_PING, 0);
}

static void checks_come_periodically(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct reload_id b = fake_id(0x80), behind = fake_point(SELF, 2), succ = fake_id(SELF + 1);
	/* R-10.7.4-12 */
	for (int i = 0; i < 20; i++) {
		reload_ms before = f.now;
		struct fake_row *r = check_ping(&f, &b, 2 * INTERVAL_MS);
		assert_non_null(r);
		assert_true(f.now - before >= INTERVAL_MS / 2);
		/* R-10.7.4-13: [B, Resource n+1] */
		assert_int_equal(r->count, 2);
		assert_true(reload_id_eq(&r->from, &b));
		assert_true(r->resource);
		assert_true(reload_id_eq(&r->node, &behind));
		/* our successor: all is well */
		size_t rows = f.count;
		ops->pinged(f.t, r->cookie, i % 3 ? RELOAD_OK : RELOAD_TIMEOUT, &succ);
		assert_int_equal(f.count, rows);
	}
	/* no bootstrap node, or the host reports nothing: the next check follows all the same */
	struct fake_row *r = next(&f, FAKE_RELOCATE, 2 * INTERVAL_MS);
	assert_non_null(r);
	ops->relocated(f.t, r->cookie, RELOAD_NO_NODE, NULL);
	assert_non_null(next(&f, FAKE_RELOCATE, 2 * INTERVAL_MS));
	r = next(&f, FAKE_RELOCATE, 2 * INTERVAL_MS + CHORD_PROBE_WAIT_MS);
	assert_non_null(r);
	/* we are the bootstrap node */
	struct reload_id self = fake_id(SELF);
	ops->relocated(f.t, r->cookie, RELOAD_OK, &self);
	assert_null(fake_find(&f, 0, FAKE_PING, 0));
	fake_end(&f);
}

static void another_ring(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct reload_id b = fake_id(0x80), other = fake_point(SELF + 1, 0);
	struct fake_row *r = check_ping(&f, &b, 2 * INTERVAL_MS);
	assert_non_null(r);
	size_t told = f.count;
	ops->pinged(f.t, r->cookie, RELOAD_OK, &other);
	assert_true(reload_id_eq(&fake_find(&f, told, FAKE_PARTITION, 0)->node, &other));
	/* R-10.7.4-14: Attach through B */
	size_t mark = f.count;
	r = &f.rows[mark - 1];
	assert_int_equal(r->what, FAKE_ATTACH);
	assert_int_equal(r->count, 2);
	assert_true(reload_id_eq(&r->from, &b));
	assert_true(reload_id_eq(&r->node, &other));
	assert_true(r->send_update);
	up(&f, r, &other);
	/* R-10.7.4-14: then our lists at once; and we ask for B's Update */
	struct fake_row *update = NULL;
	for (size_t i = mark; i < f.count; i++)
		if (f.rows[i].what == FAKE_UPDATE && reload_id_eq(&f.rows[i].node, &other))
			update = &f.rows[i];
	assert_non_null(update);
	assert_int_equal(update->type, RELOAD_CHORD_NEIGHBORS);
	assert_non_null(fake_find(&f, mark, FAKE_ATTACH, 0x80));
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, 0x80));
	/* another check soon, but once in an interval only: B may lie */
	r = check_ping(&f, &b, 2 * CHORD_CHECK_MS);
	assert_non_null(r);
	other = fake_point(SELF + 1, 3);
	ops->pinged(f.t, r->cookie, RELOAD_OK, &other);
	r = &f.rows[f.count - 1];
	assert_int_equal(r->what, FAKE_ATTACH);
	ops->attached(f.t, r->cookie, RELOAD_TIMEOUT, NULL);
	reload_ms before = f.now;
	r = check_ping(&f, &b, 2 * INTERVAL_MS);
	assert_true(f.now - before >= CHORD_CHECK_MS);
	/* one ring again, which is reported once */
	struct reload_topology_tables t;
	ops->tables(f.t, &t);
	struct reload_id successor = t.successors[0];
	told = f.count;
	ops->pinged(f.t, r->cookie, RELOAD_OK, &successor);
	assert_int_equal(fake_find(&f, told, FAKE_PARTITION, 0)->node.len, 0);
	r = check_ping(&f, &b, 2 * INTERVAL_MS);
	told = f.count;
	ops->pinged(f.t, r->cookie, RELOAD_OK, &successor);
	assert_null(fake_find(&f, told, FAKE_PARTITION, 0));
	fake_end(&f);
}

static void a_ring_that_lacks_our_successor(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct reload_id b = fake_id(0x80), second = fake_id(SELF + 2);
	struct fake_row *r = check_ping(&f, &b, 2 * INTERVAL_MS);
	assert_non_null(r);
	size_t mark = f.count;
	ops->pinged(f.t, r->cookie, RELOAD_OK, &second);
	/* it is our peer: it gets our lists, with its predecessor */
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, SELF + 2));
	assert_int_equal(fake_count(&f, mark, FAKE_ATTACH, 0), 0);
	fake_end(&f);
}

static void after_mass_losses_checks_hurry(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	next(&f, FAKE_RELOCATE, 2 * INTERVAL_MS);
	ops->relocated(f.t, f.rows[0].cookie, RELOAD_NO_NODE, NULL);
	/* a single neighbour is no reason */
	down(&f, SELF + 2);
	assert_null(next(&f, FAKE_RELOCATE, 2 * CHORD_CHECK_MS));
	down(&f, SELF - 3);
	reload_ms pause = CHORD_CHECK_MS;
	/* R-10.7.4-12: soon, then with growing pauses, up to the interval */
	for (int i = 0; i < 12; i++) {
		reload_ms before = f.now;
		struct fake_row *r = next(&f, FAKE_RELOCATE, pause * 3 / 2 + 2000);
		assert_non_null(r);
		assert_true(f.now - before + 1000 >= pause / 2);
		ops->relocated(f.t, r->cookie, RELOAD_NO_NODE, NULL);
		pause = 2 * pause < INTERVAL_MS ? 2 * pause : INTERVAL_MS;
	}
	fake_end(&f);
}

static void without_fingers(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	fake_peer(&f, 0x80);
	fake_pass(&f, 1000);
	down(&f, 0x80);
	/* R-10.7.1-07: the last finger: cut off, until there is one again */
	for (int i = 0; i < 30; i++) {
		struct fake_row *r = next(&f, FAKE_RELOCATE,
			INTERVAL_MS / CHORD_PARTITION_CHECK_SPEEDUP * 3 / 2 + 2000);
		assert_non_null(r);
		ops->relocated(f.t, r->cookie, RELOAD_NO_NODE, NULL);
	}
	fake_peer(&f, 0x90);
	assert_non_null(next(&f, FAKE_RELOCATE, INTERVAL_MS));
	ops->relocated(f.t, fake_find(&f, 0, FAKE_RELOCATE, 0)->cookie, RELOAD_NO_NODE, NULL);
	reload_ms before = f.now;
	for (int i = 0; i < 8; i++) {
		struct fake_row *r = next(&f, FAKE_RELOCATE, 2 * INTERVAL_MS);
		assert_non_null(r);
		ops->relocated(f.t, r->cookie, RELOAD_NO_NODE, NULL);
	}
	assert_true(f.now - before > 3 * INTERVAL_MS);
	fake_end(&f);
}

/* -- all successors lost ---------------------------------------------------------------------------------------------- */

static void the_next_successor_is_found(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct reload_id behind = fake_point(SELF, 2), found = fake_id(SELF + 4);
	fake_peer(&f, 0x80);
	fake_pass(&f, 10000);
	f.count = 0;
	down(&f, SELF + 1);
	down(&f, SELF + 3);
	assert_null(fake_find(&f, 0, FAKE_PING, 0));
	down(&f, SELF + 2);
	/* R-10.7.1-06: Ping to n+1 over one of the remaining links, Attach to the node that answers, Join */
	struct fake_row *r = fake_find(&f, 0, FAKE_PING, 0);
	assert_non_null(r);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->from.at[0], 0x80);
	assert_true(r->resource);
	assert_true(reload_id_eq(&r->node, &behind));
	/* fails at first: others have not noticed */
	ops->pinged(f.t, r->cookie, RELOAD_TIMEOUT, NULL);
	size_t mark = f.count;
	fake_pass(&f, 5000);
	r = fake_find(&f, mark, FAKE_PING, 0);
	while (r && !(r->count == 2))
		r = fake_find(&f, (size_t)(r - f.rows) + 1, FAKE_PING, 0);
	assert_non_null(r);
	ops->pinged(f.t, r->cookie, RELOAD_OK, &found);
	r = fake_find(&f, mark, FAKE_ATTACH, SELF + 4);
	assert_non_null(r);
	assert_int_equal(r->count, 2);
	assert_true(r->send_update);
	up(&f, r, &found);
	assert_non_null(fake_find(&f, mark, FAKE_JOIN, SELF + 4));
	/* it knew us already: it gets our lists */
	assert_null(fake_find(&f, mark, FAKE_UPDATE, SELF + 4));
	ops->join_answered(f.t, &found, RELOAD_FORBIDDEN);
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, SELF + 4));
	assert_int_equal(ops->get_state(f.t), RELOAD_TOPOLOGY_JOINED);
	assert_int_equal(fake_receive(&f, SELF + 4, true, NULL, NULL), RELOAD_OK);
	assert_true(reload_id_eq(&f.t->tables->successors[0], &found));
	fake_end(&f);
}

static void the_search_ends(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	fake_peer(&f, 0x80);
	fake_pass(&f, 10000);
	f.count = 0;
	for (unsigned i = 1; i <= 3; i++)
		down(&f, SELF + i);
	unsigned pings = 0;
	for (size_t i = 0; i < f.count; i++) {
		struct fake_row *r = &f.rows[i];
		if (r->what == FAKE_PING && r->count == 2) {
			pings++;
			ops->pinged(f.t, r->cookie, RELOAD_TIMEOUT, NULL);
			fake_pass(&f, 2 * CHORD_BACKOFF_MAX_MS);
		}
	}
	assert_int_equal(pings, CHORD_REPAIR_TRIES);
	fake_end(&f);
}

/* A neighbour noticed that another one failed and lists it no longer: so we check it too. */
static void who_is_left_out_is_looked_after(void **state)
{
	(void)state;
	static struct fake f;
	struct reload_id from = fake_id(SELF + 1), lists[4];
	uint8_t body[1024];
	begin(&f);
	lists[0] = fake_id(SELF);
	lists[1] = fake_id(SELF - 1);
	lists[2] = fake_id(SELF - 2);
	lists[3] = fake_id(SELF + 3);
	size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, lists, 3, lists + 3, 1);
	assert_int_equal(ops->update_received(f.t, &from, true, span_of(body, len)), RELOAD_OK);
	fake_pass(&f, 1500);
	assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, SELF + 2), 1); /* R-10.7.4-01 */
	assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, SELF + 3), 0);
	struct reload_id lost = fake_id(SELF + 2);
	ops->update_ended(f.t, &lost, RELOAD_TIMEOUT);
	struct reload_topology_tables t;
	ops->tables(f.t, &t);
	assert_false(reload_id_listed(t.successors, t.successors_count, &lost));
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_come_periodically),
		cmocka_unit_test(another_ring),
		cmocka_unit_test(a_ring_that_lacks_our_successor),
		cmocka_unit_test(after_mass_losses_checks_hurry),
		cmocka_unit_test(without_fingers),
		cmocka_unit_test(the_next_successor_is_found),
		cmocka_unit_test(the_search_ends),
		cmocka_unit_test(who_is_left_out_is_looked_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
