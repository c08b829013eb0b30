/* What a link is used for, and what it means that one is closed (RFC 6940 s6.5.1, s10.3, s10.7.4). */
#include "chord_ring.h"

enum {
	MINUTE_MS = 60000,
	INTERVAL_MS = 600000, /* chord-update-interval */
	FINGER = 0xa0,
	SPARE = 0xb0,
	CLIENT = 0x55
};

/* Self is 10: three neighbours on each side, a finger in the farther half of the ring, and one more peer there. */
static void town(struct fake *f)
{
	static const uint8_t peers[] = { 0x18, 0x20, 0x28, 0x08, 0x02, 0xf8, FINGER, SPARE };
	struct reload_id self = fake_id(0x10), client = fake_id(CLIENT);
	fake_start_as(f, &self);
	ops->first(f->t);
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		fake_peer(f, peers[i]);
	ops->connected(f->t, &client);
	fake_pass(f, 10000);
}

static enum reload_topology_link_use use(struct fake *f, unsigned node)
{
	struct reload_id id = fake_id(node);
	return ops->link_use(f->t, &id);
}

static bool full_update_since(struct fake *f, unsigned node, reload_ms since)
{
	struct reload_id id = fake_id(node);
	return ops->full_update_since(f->t, &id, since);
}

/* A full Update from node over its link; us: we are among its fingers. */
static void full(struct fake *f, unsigned node, bool us)
{
	struct reload_id from = fake_id(node), near = fake_id(0xa8), self = fake_id(0x10);
	uint8_t body[1024];
	struct wr w = wr_fixed(body, sizeof(body));
	const struct wire_ctx ctx = { .node_id_len = 16 };
	const struct reload_chord_update u = { .type = RELOAD_CHORD_FULL,
		.predecessors = &near,
		.predecessors_count = 1,
		.successors = &near,
		.successors_count = 1,
		.fingers = us ? &self : &near,
		.fingers_count = 1 };
	reload_wire_write(&w, &reload_chord_update_wire, &ctx, &u);
	assert_int_equal(w.err, RELOAD_OK);
	assert_int_equal(ops->update_received(f->t, &from, true, wr_done(&w)), RELOAD_OK);
}

static void each_link_has_its_use(void **state)
{
	(void)state;
	struct fake f;
	town(&f);
	/* R-6.5.1-02: no Update came over it */
	assert_int_equal(use(&f, CLIENT), RELOAD_LINK_NO_PEER);
	assert_int_equal(use(&f, 0x77), RELOAD_LINK_NO_PEER); /* nor is there a link */
	assert_int_equal(use(&f, 0x18), RELOAD_LINK_USED);
	assert_int_equal(use(&f, 0xf8), RELOAD_LINK_USED);
	assert_int_equal(use(&f, FINGER), RELOAD_LINK_USED);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
	/* a nearer one takes its place */
	fake_peer(&f, 0x98);
	assert_int_equal(use(&f, FINGER), RELOAD_LINK_SPARE);
	assert_int_equal(use(&f, 0x98), RELOAD_LINK_USED);
	fake_end(&f);
}

static void a_former_neighbour_completes_what_it_began(void **state)
{
	(void)state;
	struct fake f;
	town(&f);
	fake_peer(&f, 0x14);
	/* STO-17: 28 was a neighbour a moment ago */
	assert_false(in_tables(&f, 0x28));
	assert_int_equal(use(&f, 0x28), RELOAD_LINK_USED);
	fake_pass(&f, 2 * MINUTE_MS);
	assert_int_equal(use(&f, 0x28), RELOAD_LINK_SPARE);
	fake_end(&f);
}

static void who_lists_us_as_neighbour_is_used(void **state)
{
	(void)state;
	struct fake f;
	town(&f);
	const uint8_t us[] = { 0x10, 0 }, other[] = { 0xa8, 0 };
	fake_lists(&f, SPARE, other, us);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_USED);
	/* R-10.7.4-01: it says so again about each interval */
	for (int i = 0; i < 4; i++) {
		fake_pass(&f, INTERVAL_MS * 3 / 2);
		assert_int_equal(use(&f, SPARE), RELOAD_LINK_USED);
		fake_lists(&f, SPARE, other, us);
	}
	/* one that is not sent its lists any more has other neighbours */
	fake_pass(&f, 3 * INTERVAL_MS);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
	fake_lists(&f, SPARE, other, us);
	fake_lists(&f, SPARE, other, other);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
	fake_end(&f);
}

static void who_has_us_as_finger_says_so(void **state)
{
	(void)state;
	struct fake f;
	town(&f);
	reload_ms asked = f.now;
	assert_false(full_update_since(&f, SPARE, asked));
	const uint8_t other[] = { 0xa8, 0 };
	fake_lists(&f, SPARE, other, other); /* this says nothing of fingers */
	assert_false(full_update_since(&f, SPARE, asked));
	full(&f, SPARE, false);
	assert_true(full_update_since(&f, SPARE, asked));
	assert_false(full_update_since(&f, SPARE, f.now + 1));
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
	full(&f, SPARE, true);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_USED);
	for (int hour = 0; hour < 5; hour++)
		fake_pass(&f, 60 * MINUTE_MS);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_USED);
	/* it may have found another one meanwhile, and each end may wait for the other to say so */
	fake_pass(&f, 61 * MINUTE_MS);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
	full(&f, SPARE, true);
	full(&f, SPARE, false);
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
	fake_end(&f);
}

static bool routed_to(struct fake *f, unsigned point, unsigned node)
{
	struct reload_id k = fake_point(point, 0), next, want = fake_id(node);
	return ops->next_hop(f->t, &k, &next) == RELOAD_OK && reload_id_eq(&next, &want);
}

static void a_released_link_is_no_loss(void **state)
{
	(void)state;
	struct fake f;
	town(&f);
	struct reload_id spare = fake_id(SPARE);
	size_t start = f.count;
	unsigned changed = f.tables_changed;
	assert_true(routed_to(&f, 0xc0, SPARE));
	ops->released(f.t, &spare);
	assert_true(routed_to(&f, 0xc0, FINGER));
	assert_int_equal(use(&f, SPARE), RELOAD_LINK_NO_PEER);
	assert_int_equal(f.tables_changed, changed);
	/* nobody is told, looked for or checked, and no data move */
	assert_int_equal(f.count, start);
	assert_int_equal(reload_chord_pending_count(f.t), 0);
	/* it may come back at once, and however often it does, it is no node that comes and goes */
	for (int i = 0; i < 8; i++) {
		fake_peer(&f, SPARE);
		assert_int_equal(use(&f, SPARE), RELOAD_LINK_SPARE);
		reload_chord_damp_given(f.t, &spare);
		ops->released(f.t, &spare);
	}
	fake_peer(&f, SPARE);
	assert_int_equal(reload_chord_damp_until(f.t, &spare), 0);
	ops->released(f.t, &spare);
	ops->released(f.t, &spare); /* nothing is there */
	fake_end(&f);
}

/*
 * The other end may close it first: not one more reason to believe that the ring fell apart.  That is looked for about each update interval,
 * and within seconds of a loss that shows it.
 */
static void a_spare_link_that_is_lost_alarms_nobody(void **state)
{
	(void)state;
	struct fake f;
	static const uint8_t peers[] = { 0x18, 0x20, 0xa0, 0x08, 0xf8, 0xf0, 0xa8 };
	struct reload_id self = fake_id(0x10), spare = fake_id(0xa8);
	fake_start_as(&f, &self);
	ops->first(f.t);
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		fake_peer(&f, peers[i]);
	fake_pass(&f, 2 * MINUTE_MS);
	/* a0 is a successor, and fills the entry of the Finger Table for a8 too */
	assert_int_equal(use(&f, 0xa8), RELOAD_LINK_SPARE);
	size_t start = f.count;
	ops->disconnected(f.t, &spare);
	fake_pass(&f, 2 * MINUTE_MS);
	assert_int_equal(fake_count(&f, start, FAKE_RELOCATE, 0), 0);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_link_has_its_use),
		cmocka_unit_test(a_former_neighbour_completes_what_it_began),
		cmocka_unit_test(who_lists_us_as_neighbour_is_used),
		cmocka_unit_test(who_has_us_as_finger_says_so),
		cmocka_unit_test(a_released_link_is_no_loss),
		cmocka_unit_test(a_spare_link_that_is_lost_alarms_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
