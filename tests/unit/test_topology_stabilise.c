/* Stabilisation of one peer (RFC 6940 s10.7.4) and what it does about mass losses, in virtual hours. */
#include "chord_steady.h"

/* -- Updates -------------------------------------------------------------------------------------------------------- */

static void periodic_updates(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	fake_peer(&f, 0x80);
	fake_pass(&f, 1000);
	f.count = 0;
	/* R-10.7.4-01: every neighbour, although nothing changes */
	fake_pass(&f, 20 * INTERVAL_MS);
	assert_true(f.count < FAKE_ROWS - 1);
	for (unsigned i = 1; i <= 3; i++) {
		assert_in_range(fake_count(&f, 0, FAKE_UPDATE, SELF + i), 13, 28);
		assert_in_range(fake_count(&f, 0, FAKE_UPDATE, SELF - i), 13, 28);
		assert_int_equal(
			fake_find(&f, 0, FAKE_UPDATE, SELF + i)->type, RELOAD_CHORD_NEIGHBORS);
	}
	assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, 0x80), 0);
	/* R-10.7.4-03: not all at once */
	reload_ms last = 0;
	unsigned together = 0;
	for (size_t i = 0; i < f.count; i++) {
		if (f.rows[i].what != FAKE_UPDATE)
			continue;
		together += f.rows[i].at == last;
		last = f.rows[i].at;
	}
	assert_true(together < 3);
	fake_end(&f);
}

static void a_shorter_interval(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	f.config.chord_update_interval_s = 10;
	ops->configure(f.t, &f.config);
	fake_pass(&f, 2 * INTERVAL_MS);
	f.count = 0;
	fake_pass(&f, 100 * RELOAD_SECOND); /* R-10.7.4-02 */
	assert_in_range(fake_count(&f, 0, FAKE_UPDATE, SELF + 1), 6, 20);
	fake_end(&f);
}

static void who_counts_us_as_neighbour(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	fake_peer(&f, 0x80);
	fake_peer(&f, 0x81);
	/* 80 lists us as its nearest neighbour, but we know a nearer one: it learns it from our lists */
	assert_int_equal(fake_receive(&f, 0x80, true, (const uint8_t[]){ SELF, 0x05, 0 },
				 (const uint8_t[]){ 0x90, 0 }),
		RELOAD_OK);
	fake_pass(&f, 5000);
	f.count = 0;
	fake_peer(&f, SELF + 4); /* not a neighbour */
	down(&f, SELF + 1);
	fake_pass(&f, 5000);
	assert_int_equal(fake_find(&f, 0, FAKE_UPDATE, 0x80)->type, RELOAD_CHORD_NEIGHBORS);
	assert_int_equal(fake_find(&f, 0, FAKE_UPDATE, 0x81)->type, RELOAD_CHORD_PEER_READY);
	fake_end(&f);
}

/* -- replicas ------------------------------------------------------------------------------------------------------- */

static void replicas_wait_for_the_hold_down(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	/* R-10.7.1-03: 13 replaces 11, which failed */
	down(&f, SELF + 1);
	fake_pass(&f, CHORD_HOLD_DOWN_MS - 1000);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, SELF + 3), 0);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 2000);
	struct fake_row *r = fake_find(&f, 0, FAKE_STORES, SELF + 3);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], SELF - 1);
	assert_int_equal(r->to.at[0], SELF);
	assert_int_equal(r->number, 2);
	fake_end(&f);
}

static void a_better_match_takes_the_place(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id better = fake_id(SELF + 2), self = fake_id(SELF);
	fake_start_as(&f, &self);
	ops->first(f.t);
	static const uint8_t others[] = { 0x11, 0x13, 0x14, 0x0d, 0x0e, 0x0f };
	for (size_t i = 0; i < COUNT_OF(others); i++)
		fake_peer(&f, others[i]);
	fake_pass(&f, 40000);
	f.count = 0;
	down(&f, 0x11);
	fake_pass(&f, 1000);
	/* a node nearer than the replacement 14 comes in time: 14 gets no replica at all */
	ops->connected(f.t, &better);
	assert_int_equal(fake_receive(&f, SELF + 2, true, NULL, NULL), RELOAD_OK);
	fake_pass(&f, 2 * CHORD_HOLD_DOWN_MS);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0x14), 0);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, SELF + 2), 1);
	/* nearer than the one that fails: not a replacement, does not wait (R-10.7.3-05) */
	f.count = 0;
	down(&f, SELF + 2);
	struct reload_id nearest = fake_id(SELF + 1);
	ops->connected(f.t, &nearest);
	assert_int_equal(fake_receive(&f, SELF + 1, true, NULL, NULL), RELOAD_OK);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 1000);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, SELF + 1), 1);
	fake_end(&f);
}

static void a_leave_needs_no_hold_down(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct reload_id leaver = fake_id(SELF + 1);
	ops->leave_received(f.t, &leaver, span_of(NULL, 0));
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 1000);
	/* R-10.7.3-05 */
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, SELF + 3), 1);
	fake_end(&f);
}

/* -- fingers -------------------------------------------------------------------------------------------------------- */

static void which_entry_a_node_fits(void **state)
{
	(void)state;
	/* R-10.7.4-04: [x+2^(128-i), x+2^(129-i)-1], round the end of the numbers */
	struct reload_id x = { .len = 16, .at = { 0xf0 } };
	for (unsigned i = 1; i <= 128; i++) {
		struct reload_id first = reload_id_add_power(&x, 128 - i), last = x, behind;
		assert_int_equal(reload_chord_finger_index(&x, &first), i);
		for (unsigned bit = 0; bit < 129 - i; bit++)
			last = reload_id_add_power(&last, bit);
		assert_int_equal(reload_chord_finger_index(&x, &last), i);
		behind = reload_id_add_power(&last, 0);
		if (i > 1)
			assert_int_equal(reload_chord_finger_index(&x, &behind), i - 1);
	}
}

static void searches(void **state)
{
	(void)state;
	struct fake f;
	unsigned chosen[CHORD_FINGERS_MAX + 1] = { 0 }, low_half = 0, total = 0;
	reload_ms last = 0;
	begin(&f);
	for (int round = 0; round < 4000; round++) {
		f.count = 0;
		fake_pass(&f, SEARCH_MS / 4);
		for (size_t i = 0; i < f.count; i++) {
			const struct fake_row *r = &f.rows[i];
			if (r->what != FAKE_PING)
				continue;
			/* R-10.7.4-06 R-10.7.4-07: to a point of the range, as a Resource-ID, and to no other */
			assert_true(r->resource);
			assert_int_equal(r->count, 1);
			chosen[reload_chord_finger_index(&f.t->self, &r->node)]++;
			low_half += reload_chord_finger_index(&f.t->self, &r->node) == 1 &&
				    r->node.at[0] >= 0x90 && r->node.at[0] < 0xd0;
			/* R-10.7.4-08 */
			assert_true(!last || r->at - last >= SEARCH_MS);
			last = r->at;
			total++;
			ops->pinged(f.t, r->cookie, RELOAD_TIMEOUT, NULL);
		}
	}
	/* R-10.7.4-04: periodically */
	assert_in_range(total, 750, 1000);
	/* R-10.7.4-05: each entry is chosen half as often as the one before it */
	for (unsigned i = 1; i <= 4; i++)
		assert_in_range(chosen[i], total * 7 / 10 >> i, total * 13 / 10 >> i);
	/* R-10.7.4-06: at random */
	assert_in_range(low_half, chosen[1] / 3, 2 * chosen[1] / 3);
	/* 13 lies in entry 7: everything nearer is known */
	for (unsigned i = 7; i <= CHORD_FINGERS_MAX; i++)
		assert_int_equal(chosen[i], 0);
	fake_end(&f);
}

/* runs until finger i is searched for */
static struct fake_row *search_for(struct fake *f, unsigned i)
{
	for (int round = 0; round < 1000; round++) {
		struct fake_row *r = next(f, FAKE_PING, 2 * SEARCH_MS);
		if (!r || reload_chord_finger_index(&f->t->self, &r->node) == i)
			return r;
		ops->pinged(f->t, r->cookie, RELOAD_TIMEOUT, NULL);
	}
	return NULL;
}

static bool is_finger(struct fake *f, const struct reload_id *id)
{
	struct reload_topology_tables tb;
	ops->tables(f->t, &tb);
	return reload_id_listed(tb.fingers, tb.fingers_count, id);
}

static void a_finger_is_found(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct reload_id finger = fake_id(0xb0), beside = fake_id(0x60), near = fake_id(SELF - 2);
	struct fake_row *r = search_for(&f, 1);
	assert_non_null(r);
	ops->pinged(f.t, r->cookie, RELOAD_OK, &finger);
	/* R-10.6-02: routed normally */
	r = fake_find(&f, 0, FAKE_ATTACH, 0xb0);
	assert_non_null(r);
	assert_int_equal(r->count, 1);
	assert_false(r->resource);
	assert_true(r->send_update);
	up(&f, r, &finger);
	assert_false(is_finger(&f, &finger));
	assert_non_null(fake_find(&f, 0, FAKE_UPDATE, 0xb0)); /* we are its peer */
	assert_int_equal(fake_receive(&f, 0xb0, true, NULL, NULL), RELOAD_OK);
	assert_true(is_finger(&f, &finger));
	/* R-10.7.4-04: a valid entry is not searched for; an answer from elsewhere is no finger */
	for (int i = 0; i < 50; i++) {
		r = next(&f, FAKE_PING, 100 * SEARCH_MS);
		assert_non_null(r);
		unsigned index = reload_chord_finger_index(&f.t->self, &r->node);
		assert_int_not_equal(index, 1);
		if (index != 2)
			ops->pinged(f.t, r->cookie, RELOAD_OK, i % 2 ? &beside : &near);
		assert_null(fake_find(&f, 0, FAKE_ATTACH, 0));
	}
	fake_end(&f);
}

static void a_node_that_updates_name(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	assert_int_equal(fake_receive(&f, SELF + 1, true, (const uint8_t[]){ SELF, 0 },
				 (const uint8_t[]){ SELF + 2, SELF + 3, 0xc0, 0 }),
		RELOAD_OK);
	fake_pass(&f, 1000);
	assert_null(fake_find(&f, 0, FAKE_ATTACH, 0xc0)); /* not a neighbour */
	struct fake_row *r = NULL;
	/* R-10.7.4-10: once its entry is chosen, while others still name it */
	for (int i = 0; i < 200 && !r; i++) {
		f.count = 0;
		fake_pass(&f, 300000);
		fake_receive(&f, SELF + 1, true, (const uint8_t[]){ SELF, 0 },
			(const uint8_t[]){ SELF + 2, SELF + 3, 0xc0, 0 });
		r = fake_find(&f, 0, FAKE_ATTACH, 0xc0);
		for (size_t n = 0; n < f.count; n++)
			assert_true(f.rows[n].what != FAKE_PING ||
				    reload_chord_finger_index(&f.t->self, &f.rows[n].node) != 1);
	}
	assert_non_null(r);
	assert_int_equal(r->count, 1);
	fake_end(&f);
}

static void a_small_ring_has_nothing_to_search(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(SELF);
	fake_start_as(&f, &self);
	ops->first(f.t);
	for (unsigned i = 1; i <= 5; i++)
		fake_peer(&f, SELF + 0x20 * i);
	for (int i = 0; i < 100; i++) {
		f.count = 0;
		fake_pass(&f, SEARCH_MS);
		assert_null(fake_find(&f, 0, FAKE_PING, 0));
	}
	fake_end(&f);
}

static void a_table_of_128(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(SELF);
	struct reload_topology_tables tb;
	uint8_t body[1024];
	size_t len = fake_body(body, RELOAD_CHORD_PEER_READY, NULL, 0, NULL, 0);
	fake_start_as(&f, &self);
	ops->first(f.t);
	for (unsigned bit = 0; bit < 128; bit++) {
		struct reload_id id = reload_id_add_power(&self, bit);
		ops->connected(f.t, &id);
		assert_int_equal(
			ops->update_received(f.t, &id, true, span_of(body, len)), RELOAD_OK);
		f.count = 0;
	}
	ops->tables(f.t, &tb);
	assert_int_equal(tb.fingers_count, 128); /* R-10.7.4-11 */
	fake_end(&f);
}

/* -- lies ----------------------------------------------------------------------------------------------------------- */

static void a_liar_costs_little(void **state)
{
	(void)state;
	static struct fake f;
	struct reload_id liar = fake_id(SELF + 3), ghosts[8];
	uint8_t body[1024];
	begin(&f);
	/* a thousand Updates in a second, each with eight neighbours of ours that do not exist */
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned j = 0; j < 8; j++) {
			ghosts[j] = fake_point(SELF, 0);
			ghosts[j].at[1] = (uint8_t)(1 + j);
			ghosts[j].at[2] = (uint8_t)(i >> 8);
			ghosts[j].at[3] = (uint8_t)i;
		}
		size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, ghosts, 4, ghosts + 4, 4);
		assert_int_equal(
			ops->update_received(f.t, &liar, true, span_of(body, len)), RELOAD_OK);
		fake_pass(&f, 1);
	}
	assert_true(f.count < 100);
	assert_in_range(fake_count(&f, 0, FAKE_ATTACH, 0), 1, CHORD_ATTACH_BURST_PER_INFORMANT + 1);
	/* CHORD-15: to the liar, and once to each neighbour that its lists lack and that may have failed */
	assert_in_range(fake_count(&f, 0, FAKE_UPDATE, 0), 0, 2 + 6);
	assert_true(reload_chord_pending_count(f.t) <= CHORD_PENDING_SHARE);
	/* the nodes that it named do not exist */
	for (size_t i = 0, n = f.count; i < n; i++)
		if (f.rows[i].what == FAKE_ATTACH)
			ops->attached(f.t, f.rows[i].cookie, RELOAD_TIMEOUT, NULL);
	/* its further names do not displace those of others */
	for (unsigned j = 0; j < 8; j++)
		ghosts[j].at[2] = 0x80;
	size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, ghosts, 4, ghosts + 4, 4);
	assert_int_equal(ops->update_received(f.t, &liar, true, span_of(body, len)), RELOAD_OK);
	size_t mark = f.count;
	struct reload_id honest = fake_id(SELF + 1), there = fake_point(SELF, 0x77);
	there.at[1] = 0x40; /* farther than all of them */
	len = fake_body(body, RELOAD_CHORD_NEIGHBORS, NULL, 0, &there, 1);
	assert_int_equal(ops->update_received(f.t, &honest, true, span_of(body, len)), RELOAD_OK);
	struct fake_row *r = &f.rows[f.count - 1];
	while (r > &f.rows[mark] && !reload_id_eq(&r->node, &there))
		r--;
	assert_int_equal(r->what, FAKE_ATTACH);
	assert_true(reload_id_eq(&r->node, &there));
	/* R-10.7.3-01: no list alone changed the tables */
	assert_int_equal(f.t->tables->successors[0].at[0], SELF + 1);
	fake_end(&f);
}

static void credit_comes_back(void **state)
{
	(void)state;
	static struct fake f;
	struct reload_id liar = fake_id(SELF + 3), ghost = fake_point(SELF, 0);
	uint8_t body[1024];
	begin(&f);
	for (unsigned i = 0; i < 600; i++) { /* ten minutes */
		ghost.at[2] = (uint8_t)(i >> 8);
		ghost.at[3] = (uint8_t)i;
		ghost.at[1] = 1;
		size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, NULL, 0, &ghost, 1);
		size_t mark = f.count;
		assert_int_equal(
			ops->update_received(f.t, &liar, true, span_of(body, len)), RELOAD_OK);
		for (size_t j = mark; j < f.count; j++)
			if (f.rows[j].what == FAKE_ATTACH)
				ops->attached(f.t, f.rows[j].cookie, RELOAD_TIMEOUT, NULL);
		fake_pass(&f, 1000);
	}
	size_t attaches = 0;
	for (size_t i = 0; i < f.count; i++)
		attaches += f.rows[i].what == FAKE_ATTACH && f.rows[i].count == 2;
	/* the longest pause between two of them, from when the first ones had failed */
	unsigned pause = CHORD_ATTACH_REFILL_MS << CHORD_ATTACH_REFILL_DOUBLINGS;
	assert_in_range(attaches, CHORD_ATTACH_BURST_PER_INFORMANT + 500000 / pause,
		CHORD_ATTACH_BURST_PER_INFORMANT + 600000 / pause + 8);
	fake_end(&f);
}

static void at_rest_it_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct reload_topology) < 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periodic_updates),
		cmocka_unit_test(a_shorter_interval),
		cmocka_unit_test(who_counts_us_as_neighbour),
		cmocka_unit_test(replicas_wait_for_the_hold_down),
		cmocka_unit_test(a_better_match_takes_the_place),
		cmocka_unit_test(a_leave_needs_no_hold_down),
		cmocka_unit_test(which_entry_a_node_fits),
		cmocka_unit_test(searches),
		cmocka_unit_test(a_finger_is_found),
		cmocka_unit_test(a_node_that_updates_name),
		cmocka_unit_test(a_small_ring_has_nothing_to_search),
		cmocka_unit_test(a_table_of_128),
		cmocka_unit_test(a_liar_costs_little),
		cmocka_unit_test(credit_comes_back),
		cmocka_unit_test(at_rest_it_is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
