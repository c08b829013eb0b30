#include "chord_ring.h"

/* -- what is said ---------------------------------------------------------------------------------------------------- */

static void vectors_are_what_we_send(void **state)
{
	(void)state;
	struct vector v;
	struct fake f;
	struct reload_id self = vector_node(0x10);
	struct reload_id peers[] = { vector_node(0x40), vector_node(0x70), vector_node(0xa0),
		vector_node(0xd0) };
	ring_of(&f, &self, peers, COUNT_OF(peers));
	/* R-10.7-01: an hour after the start */
	f.now = f.t->born + 3600 * RELOAD_SECOND;
	struct wr w;
	wr_init(&w);
	vector_load(&v, "chord-update-neighbors");
	reload_chord_update_write(f.t, &w, RELOAD_CHORD_NEIGHBORS);
	struct span body = vector_field(&v, "message_body.length");
	body = span_of(body.at + 4, 105);
	assert_int_equal(w.len, body.len);
	assert_memory_equal(w.at, body.at, body.len);
	vector_clear(&v);
	wr_clear(&w);
	/* R-10.7-04: fingers ascend; the list of vector chord-update-full */
	vector_load(&v, "chord-update-full");
	ops->update_write(f.t, &w);
	assert_int_equal(w.err, RELOAD_OK);
	assert_int_equal(w.at[4], RELOAD_CHORD_FULL); /* R-6.4.2.3-02, CHORD-03 */
	struct span fingers = vector_field(&v, "fingers.length");
	assert_memory_equal(w.at + w.len - 50, fingers.at, 50);
	vector_clear(&v);
	wr_clear(&w);
	f.now = f.t->born + 5 * RELOAD_SECOND;
	vector_load(&v, "chord-update-peer-ready");
	reload_chord_update_write(f.t, &w, RELOAD_CHORD_PEER_READY);
	body = vector_field(&v, "uptime");
	assert_int_equal(w.len, 5);
	assert_memory_equal(w.at, body.at, 5);
	vector_clear(&v);
	wr_clear(&w);
	fake_end(&f);
}

static void types_by_receiver(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id e0 = fake_id(0xe0), client = fake_id(0x60);
	/* far nodes: the sides are full with nearer ones */
	fake_peer(&f, 0x20);
	fake_peer(&f, 0x30);
	fake_peer(&f, 0xf0);
	ops->connected(f.t, &e0);
	ops->connected(f.t, &client);
	fake_pass(&f, 5000);
	size_t mark = f.count;
	fake_peer(&f, 0xe0);
	fake_pass(&f, CHORD_READY_GAP_MS + 500);
	assert_false(in_tables(&f, 0x70));
	/* R-10.7-02, R-10.7-03: neighbors to members of the Neighbor Table, peer_ready to other peers */
	assert_int_equal(fake_find(&f, mark, FAKE_UPDATE, 0xf0)->type, RELOAD_CHORD_NEIGHBORS);
	assert_int_equal(fake_find(&f, mark, FAKE_UPDATE, 0x20)->type, RELOAD_CHORD_NEIGHBORS);
	struct fake_row *r = fake_find(&f, mark, FAKE_UPDATE, 0x70);
	assert_int_equal(r->type, RELOAD_CHORD_PEER_READY);
	assert_int_equal(r->body_len, 5);
	/* R-10.7.3-03, R-10.7.3-08: the whole Connection Table, clients included */
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, 0x60));
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, 0xa0));
	/* R-10.7.3-04: we are in none of the lists */
	for (size_t i = 0; i < f.count; i++)
		if (f.rows[i].what == FAKE_UPDATE)
			for (size_t at = 7; at + 16 <= f.rows[i].body_len; at++)
				assert_memory_not_equal(f.rows[i].body + at, f.t->self.at, 16);
	fake_end(&f);
}

static void one_update_per_peer_and_second(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count;
	for (unsigned i = 0; i < 8; i++) {
		fake_peer(&f, 0x18 + i); /* each one changes the tables */
		fake_pass(&f, 10);
	}
	/* CHORD-15: the first at once, and one more, later as it is no neighbour by then */
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 1);
	fake_pass(&f, CHORD_READY_GAP_MS);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 2);
	/* and nothing without a change */
	fake_pass(&f, 20000);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 2);
	mark = f.count;
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x1a, 0x19, 0x18, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
		RELOAD_OK);
	fake_pass(&f, 20000);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0), 0);
	fake_end(&f);
}

static void one_update_under_way(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id slow = fake_id(0x40);
	f.updates_unanswered = true;
	size_t mark = f.count;
	for (unsigned i = 0; i < 8; i++) {
		fake_peer(&f, 0x18 + i);
		fake_pass(&f, 2000);
	}
	/* CHORD-15: what changes before the first is answered waits, */
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 1);
	/* and the answer brings one with the newest tables, at once */
	ops->update_ended(f.t, &slow, RELOAD_OK);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 2);
	/* none is owed any more */
	ops->update_ended(f.t, &slow, RELOAD_OK);
	fake_pass(&f, 20000);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 2);
	/* R-10.7-02: one that was cancelled holds back nothing either */
	fake_peer(&f, 0x17);
	fake_peer(&f, 0x16);
	fake_pass(&f, 2000);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 3);
	ops->update_ended(f.t, &slow, RELOAD_CANCELLED);
	fake_pass(&f, CHORD_READY_GAP_MS); /* 40 is no neighbour by now */
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 4);
	fake_end(&f);
}

static void without_reactive_recovery(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	f.config.chord_reactive = false;
	ops->configure(f.t, &f.config);
	size_t mark = f.count;
	struct reload_id lost = fake_id(0x70), pred = fake_id(0xd0);
	ops->disconnected(f.t, &lost);
	/* R-11.1-26: switched off, no Update follows the loss; a_lost_neighbour() has it switched on */
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0), 0);
	/* R-10.7.1-04: a change of our range is always sent, to a client too */
	struct reload_id client = fake_id(0x60);
	ops->connected(f.t, &client);
	ops->disconnected(f.t, &pred);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x60), 1);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0x40), 1);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0xa0), 1);
	fake_end(&f);
}

/* -- what comes in --------------------------------------------------------------------------------------------------- */

static void unknown_peers_are_attached_to(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count;
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x20, 0x10, 0xd0, 0 },
				 (const uint8_t[]){ 0x60, 0x70, 0xa0, 0 }),
		RELOAD_OK);
	/* R-10.7.3-01, R-10.6-01 */
	struct fake_row *r = fake_find(&f, mark, FAKE_ATTACH, 0x20);
	assert_non_null(r);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->from.at[0], 0x40);
	assert_true(r->send_update);
	assert_non_null(fake_find(&f, mark, FAKE_ATTACH, 0x60)); /* third successor now */
	assert_false(in_tables(&f, 0x20));
	struct reload_id node = fake_id(0x20), k = fake_point(0x30, 0), next;
	ops->connected(f.t, &node);
	ops->attached(f.t, r->cookie, RELOAD_OK, &node);
	/* R-6.5.1-02: connected is not enough */
	assert_false(in_tables(&f, 0x20));
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x40);
	/* it gets ours, because we want to be its neighbour */
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, 0x20));
	assert_int_equal(fake_receive(&f, 0x20, true, NULL, NULL), RELOAD_OK);
	assert_true(in_tables(&f, 0x20)); /* R-10.7-05 */
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x20);
	/* R-10.7.3-02: the displaced a0 is still a predecessor and in the Routing Table */
	assert_true(in_tables(&f, 0xa0));
	fake_end(&f);
}

static void far_nodes_are_left_alone(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	fake_peer(&f, 0x20);
	fake_peer(&f, 0x30);
	fake_peer(&f, 0xe0);
	size_t mark = f.count;
	/* R-10.7.3-01: only nodes that belong in the Neighbor Table */
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x30, 0x20, 0x10, 0 },
				 (const uint8_t[]){ 0x50, 0x60, 0x70, 0 }),
		RELOAD_OK);
	assert_int_equal(fake_count(&f, mark, FAKE_ATTACH, 0), 0);
	/* R-10.7.1-01: but remembered, and the best match replaces a lost one */
	struct reload_id lost = fake_id(0x40), next = fake_id(0x30), third = fake_id(0x20);
	ops->disconnected(f.t, &lost);
	assert_true(in_tables(&f, 0x70));
	assert_non_null(fake_find(&f, mark, FAKE_ATTACH, 0x50));
	(void)next;
	(void)third;
	fake_end(&f);
}

static void an_update_over_another_link_is_hearsay(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count;
	struct reload_id k = fake_point(0x38, 0), next;
	/* SEC-18: it may cause Attaches and nothing else */
	assert_int_equal(fake_receive(&f, 0x20, false, (const uint8_t[]){ 0x10, 0 },
				 (const uint8_t[]){ 0x30, 0 }),
		RELOAD_OK);
	assert_false(in_tables(&f, 0x20));
	assert_non_null(fake_find(&f, mark, FAKE_ATTACH, 0x20));
	assert_non_null(fake_find(&f, mark, FAKE_ATTACH, 0x30));
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x40);
	assert_int_equal(fake_count(&f, mark, FAKE_UPDATE, 0), 0);
	fake_end(&f);
}

/* The n-th of many nodes, from 0x21.. on. */
static struct reload_id one_of(size_t n)
{
	struct reload_id id = fake_id(0x21);
	id.at[1] = (uint8_t)(n / 256);
	id.at[2] = (uint8_t)n;
	return id;
}

static void who_lists_a_node_is_not_mixed_up(void **state)
{
	(void)state;
	enum {
		SENDERS = 600,
		LISTED = 80,
		EACH = 5
	};
	struct fake f;
	size_t last[LISTED], checked = 0;
	uint8_t body[1024];
	ring(&f);
	for (size_t n = 0; n < SENDERS; n++) {
		struct reload_id from = one_of(1000 + n), list[EACH];
		for (size_t i = 0; i < EACH; i++) {
			size_t which = (n * 7 + i * 31) % LISTED;
			list[i] = one_of(which);
			last[which] = n;
		}
		size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, list, EACH, NULL, 0);
		assert_int_equal(
			ops->update_received(f.t, &from, false, span_of(body, len)), RELOAD_OK);
		fake_pass(&f, 100);
	}
	/* a node has its last informant, whichever slots were used before */
	for (size_t i = 0; i < LISTED; i++) {
		struct reload_id listed = one_of(i), informant = one_of(1000 + last[i]);
		size_t count;
		const struct reload_id *named =
			reload_chord_pending_informant(f.t, &listed, &count);
		if (!named)
			continue;
		assert_int_equal(count, CHORD_INFORMANTS);
		assert_true(reload_id_eq(named, &informant));
		checked++;
	}
	assert_int_equal(reload_chord_pending_count(f.t), CHORD_PENDING_MAX);
	assert_in_range(checked, CHORD_PENDING_MAX / 2, LISTED);
	assert_in_range(reload_chord_informants_count(f.t), CHORD_INFORMANTS, CHORD_INFORMANTS_MAX);
	fake_end(&f);
}

static void failed_attaches_are_repeated_and_end(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count, tries = 0;
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x20, 0 },
				 (const uint8_t[]){ 0x70, 0 }),
		RELOAD_OK);
	struct fake_row *r;
	while ((r = fake_find(&f, mark, FAKE_ATTACH, 0x20)) && tries < 50) {
		assert_int_equal(
			r->count, 2 - tries % 2); /* CHORD-17: in turn with normal routing */
		uint32_t cookie = r->cookie;
		tries++;
		mark = f.count;
		ops->attached(f.t, cookie, RELOAD_LINK_DOWN, NULL);
		assert_null(fake_find(&f, mark, FAKE_ATTACH, 0x20)); /* after a pause */
		fake_pass(&f, 20000);
	}
	assert_int_equal(tries, CHORD_ATTACH_TRIES);
	/* the other direction won (LINK-11) */
	fake_end(&f);
	ring(&f);
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x20, 0 },
				 (const uint8_t[]){ 0x70, 0 }),
		RELOAD_OK);
	struct reload_id node = fake_id(0x20);
	r = fake_find(&f, 0, FAKE_ATTACH, 0x20);
	ops->connected(f.t, &node);
	ops->attached(f.t, r->cookie, RELOAD_IN_PROGRESS, NULL);
	mark = f.count;
	fake_pass(&f, 4000);
	assert_int_equal(fake_count(&f, mark, FAKE_ATTACH, 0x20), 0);
	fake_end(&f);
}

/* Makes count Attaches to 0x20 fail with err; the n-th must go through ways[n]; 0: normal routing. */
static void in_vain(
	struct fake *f, size_t mark, enum reload_err err, const uint8_t *ways, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fake_row *r = fake_find(f, mark, FAKE_ATTACH, 0x20);
		assert_non_null(r);
		assert_int_equal(r->count, ways[i] ? 2 : 1);
		if (ways[i])
			assert_int_equal(r->from.at[0], ways[i]);
		mark = f->count;
		ops->attached(f->t, r->cookie, err, NULL);
		fake_pass(f, CHORD_BACKOFF_MAX_MS * 2);
	}
	assert_null(fake_find(f, mark, FAKE_ATTACH, 0x20));
}

/* R-10.6-01: Attaches go through each node that lists another one; as long as one does, that node is tried again. */
static void who_is_listed_is_not_given_up(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count;
	for (unsigned from = 0x40; from <= 0x70; from += 0x30)
		assert_int_equal(fake_receive(&f, (uint8_t)from, true, (const uint8_t[]){ 0x20, 0 },
					 (const uint8_t[]){ 0x70, 0 }),
			RELOAD_OK);
	in_vain(&f, mark, RELOAD_LINK_DOWN, (const uint8_t[]){ 0x40, 0x70, 0x40, 0 },
		CHORD_ATTACH_TRIES);
	/* no Update came meanwhile */
	mark = f.count;
	fake_pass(&f, CHORD_RETRY_AFTER_FAILURE_MS);
	in_vain(&f, mark, RELOAD_TIMEOUT, (const uint8_t[]){ 0x70, 0x40, 0 },
		CHORD_ATTACH_TRIES - 1);
	/* the pauses grow */
	mark = f.count;
	fake_pass(&f, CHORD_RETRY_AFTER_FAILURE_MS);
	assert_null(fake_find(&f, mark, FAKE_ATTACH, 0x20));
	/* one informant lists it no longer */
	assert_int_equal(fake_receive(&f, 0x70, true, (const uint8_t[]){ 0x10, 0 },
				 (const uint8_t[]){ 0x70, 0 }),
		RELOAD_OK);
	mark = f.count;
	fake_pass(&f, CHORD_RETRY_AFTER_FAILURE_MS);
	/* nothing is answered: once along each way */
	in_vain(&f, mark, RELOAD_TIMEOUT, (const uint8_t[]){ 0x40, 0 }, 2);
	/* no node lists it any more */
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x10, 0 },
				 (const uint8_t[]){ 0x70, 0 }),
		RELOAD_OK);
	mark = f.count;
	fake_pass(&f, CHORD_RETRY_AFTER_FAILURE_MS << CHORD_BACKOFF_DOUBLINGS_MAX);
	assert_null(fake_find(&f, mark, FAKE_ATTACH, 0x20));
	fake_end(&f);
}

static void bad_bodies(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id from = fake_id(0x40);
	unsigned before = f.tables_changed;
	static const uint8_t unknown[] = { 0, 0, 0, 1, 4 }, none[] = { 0, 0, 0, 1, 0 },
			     cut[] = { 0, 0, 0, 1, 2, 0, 16, 1 }, trailing[] = { 0, 0, 0, 1, 1, 9 };
	assert_int_equal(
		ops->update_received(f.t, &from, true, span_of(unknown, 5)), RELOAD_UNKNOWN_TYPE);
	assert_int_equal(
		ops->update_received(f.t, &from, true, span_of(none, 5)), RELOAD_UNKNOWN_TYPE);
	assert_int_equal(
		ops->update_received(f.t, &from, true, span_of(cut, 8)), RELOAD_INVALID_MESSAGE);
	assert_int_equal(ops->update_received(f.t, &from, true, span_of(trailing, 6)),
		RELOAD_INVALID_MESSAGE);
	assert_int_equal(
		ops->update_received(f.t, &from, true, span_of(NULL, 0)), RELOAD_INVALID_MESSAGE);
	/* R-3-01: the all-zero Node-ID in a list */
	uint8_t zero[4 + 1 + 2 + 16 + 2] = { 0, 0, 0, 1, 2, 0, 16 };
	assert_int_equal(ops->update_received(f.t, &from, true, span_of(zero, sizeof(zero))),
		RELOAD_INVALID_MESSAGE);
	assert_int_equal(f.tables_changed, before);
	fake_end(&f);
}

static void both_orders_are_understood(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), ap = fake_id(0x40);
	/* CHORD-04: an Admitting Peer that lists the nearest last */
	fake_start_as(&f, &self);
	ops->connected(f.t, &ap);
	ops->join(f.t, &ap);
	ops->attached(f.t, fake_find(&f, 0, FAKE_ATTACH, 0)->cookie, RELOAD_OK, &ap);
	fake_peer(&f, 0xa0);
	fake_peer(&f, 0xd0);
	assert_int_equal(fake_receive(&f, 0x40, true, NULL, NULL), RELOAD_OK);
	ops->join_answered(f.t, &ap, RELOAD_OK);
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0xa0, 0xd0, 0x10, 0 },
				 (const uint8_t[]){ 0xd0, 0xa0, 0 }),
		RELOAD_OK);
	struct reload_id from, to;
	assert_true(ops->range(f.t, &from, &to));
	assert_int_equal(from.at[0], 0xd0);
	fake_end(&f);
}

/* The neighbours change each 1.5 s. */
static size_t updates_in_a_minute(struct fake *f, unsigned node)
{
	size_t updates = 0;
	for (unsigned i = 0; i < 40; i++) {
		struct reload_id near = fake_id(0x11 + i % 2);
		f->count = 0;
		if (i % 4 < 2)
			fake_peer(f, near.at[0]);
		else
			ops->disconnected(f->t, &near);
		fake_pass(f, 1500);
		updates += fake_count(f, 0, FAKE_UPDATE, node);
	}
	return updates;
}

/* CHORD-15: what has no lists is the same each time, and seldom goes out; a neighbour hears of each change. */
static void far_peers_hear_of_changes_seldom(void **state)
{
	(void)state;
	static struct fake f;
	ring(&f);
	for (unsigned i = 0; i < 8; i++) { /* 70 is no neighbour then */
		fake_peer(&f, 0x18 + i);
		fake_peer(&f, 0x08 - i);
	}
	assert_false(in_tables(&f, 0x70));
	fake_pass(&f, 60000);
	/* R-10.7.3-03 */
	assert_in_range(updates_in_a_minute(&f, 0x70), 4, 60000 / CHORD_READY_GAP_MS + 1);
	assert_in_range(updates_in_a_minute(&f, 0x18), 20, 60);
	/* who becomes a neighbour does not wait for the end of that time */
	f.count = 0;
	for (unsigned i = 0; i < 8; i++) {
		struct reload_id gone = fake_id(0x18 + i);
		ops->disconnected(f.t, &gone);
	}
	fake_pass(&f, CHORD_UPDATE_GAP_MS + 10);
	struct fake_row *r = &f.rows[f.count - 1];
	while (r > f.rows && (r->what != FAKE_UPDATE || r->node.at[0] != 0x70))
		r--;
	assert_int_equal(r->type, RELOAD_CHORD_NEIGHBORS);
	fake_end(&f);
}

/* Many nodes that are no neighbours share what goes out to them. */
static void many_links_share_the_updates(void **state)
{
	(void)state;
	static struct fake f;
	enum {
		CLIENTS = 200
	};
	ring(&f);
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct reload_id client = fake_point(0x90, (uint8_t)i);
		client.at[1] = 1;
		ops->connected(f.t, &client);
	}
	f.count = 0;
	fake_pass(&f, 60000);
	/* R-10.7.3-08: each of them several times, but not at each of 40 changes */
	assert_in_range(updates_in_a_minute(&f, 0), 4 * CLIENTS,
		60 * CHORD_UPDATES_A_SECOND + CLIENTS + 10 * 40);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_what_we_send),
		cmocka_unit_test(types_by_receiver),
		cmocka_unit_test(one_update_per_peer_and_second),
		cmocka_unit_test(one_update_under_way),
		cmocka_unit_test(without_reactive_recovery),
		cmocka_unit_test(unknown_peers_are_attached_to),
		cmocka_unit_test(far_nodes_are_left_alone),
		cmocka_unit_test(an_update_over_another_link_is_hearsay),
		cmocka_unit_test(who_lists_a_node_is_not_mixed_up),
		cmocka_unit_test(failed_attaches_are_repeated_and_end),
		cmocka_unit_test(who_is_listed_is_not_given_up),
		cmocka_unit_test(bad_bodies),
		cmocka_unit_test(both_orders_are_understood),
		cmocka_unit_test(far_peers_hear_of_changes_seldom),
		cmocka_unit_test(many_links_share_the_updates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
