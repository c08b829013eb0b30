#include "chord_joining.h"

static void asks_for_n_plus_1(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	/* R-10.5-01, R-10.5-02, R-11.4-03, R-6.1.1-09: bootstrap link first, then Attach to Resource n+1 with send_update */
	assert_int_equal(fake_count(&f, 0, FAKE_ATTACH, 0), 1);
	struct fake_row *r = fake_find(&f, 0, FAKE_ATTACH, 0);
	assert_true(r->resource && r->send_update);
	assert_int_equal(r->count, 1);
	struct reload_id n1 = fake_point(0x10, 2);
	assert_true(reload_id_eq(&r->node, &n1));
	assert_true(state_is(&f, RELOAD_TOPOLOGY_ATTACHING));
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	fake_end(&f);
	/* all ones wraps to zero: scalars n_plus_1 */
	struct reload_id self = { .len = 16 }, bootstrap = fake_id(0xd0), zero = { .len = 16 };
	memset(self.at, 0xff, 16);
	fake_start_as(&f, &self);
	ops->connected(f.t, &bootstrap);
	ops->join(f.t, &bootstrap);
	assert_true(reload_id_eq(&fake_find(&f, 0, FAKE_ATTACH, 0)->node, &zero));
	fake_end(&f);
}

static void attaches_to_future_neighbours(void **state)
{
	(void)state;
	struct fake f;
	reach_ap(&f);
	/* R-10.5-03, R-10.5-11, R-4.5-02, R-6.4.2.3-01 */
	struct fake_row *r = fake_find(&f, 0, FAKE_ATTACH, 0x70);
	assert_non_null(r);
	/* R-10.6-01: source-routed through who named it */
	assert_int_equal(r->count, 2);
	assert_int_equal(r->from.at[0], 0x40);
	assert_non_null(fake_find(&f, 0, FAKE_ATTACH, 0xa0));
	/* a link to d0 is there */
	assert_null(fake_find(&f, 0, FAKE_ATTACH, 0xd0));
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	fake_end(&f);
	attach_neighbours(&f);
	/* R-10.5-05, R-11.4-04: the Join goes to who answered for n+1 */
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 1);
	assert_non_null(fake_find(&f, 0, FAKE_JOIN, 0x40));
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINING));
	/* R-10.5-04: reached peers are in the Routing Table */
	struct reload_id k = fake_point(0x80, 0), next;
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x70);
	/* R-10.5-14: and nothing was said about us so far */
	assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, 0), 0);
	struct wr w;
	wr_init(&w);
	ops->update_write(f.t, &w);
	assert_int_equal(w.err, RELOAD_NOT_JOINED);
	wr_clear(&w);
	fake_end(&f);
}

static void is_admitted(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ours = fake_point(0x08, 0), theirs = fake_point(0x20, 0), from, to;
	attach_neighbours(&f);
	assert_false(ops->responsible(f.t, &ours));
	fake_end(&f);
	become_member(&f);
	/* R-10.5-07, CHORD-12 */
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINED));
	assert_true(ops->responsible(f.t, &ours));
	assert_false(ops->responsible(f.t, &theirs));
	assert_true(ops->range(f.t, &from, &to));
	assert_int_equal(from.at[0], 0xd0);
	/* R-10.5-10: Updates to all of its neighbours, with the lists (R-10.7-03) */
	static const uint8_t all[] = { 0x40, 0x70, 0xa0, 0xd0 };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct fake_row *r = fake_find(&f, 0, FAKE_UPDATE, all[i]);
		assert_non_null(r);
		assert_int_equal(r->type, RELOAD_CHORD_NEIGHBORS);
	}
	/* the data are not sent back to where they come from; R-10.4-01: the second successor gets its replica */
	fake_pass(&f, CHORD_UPDATE_WAIT_MS);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0x40), 0);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0x70), 1);
	assert_int_equal(fake_find(&f, 0, FAKE_STORES, 0x70)->number, 2);
	fake_end(&f);
}

/* ap admits us behind d0; returns how often the host is told to store there what we hold of our range. */
static size_t sent_back(struct fake *f, unsigned ap)
{
	struct reload_id id = fake_id(ap);
	ops->join_answered(f->t, &id, RELOAD_OK);
	assert_int_equal(fake_receive(f, ap, true, (const uint8_t[]){ 0x10, 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
		RELOAD_OK);
	assert_true(state_is(f, RELOAD_TOPOLOGY_JOINED));
	fake_pass(f, CHORD_UPDATE_WAIT_MS);
	size_t count = fake_count(f, 0, FAKE_STORES, ap);
	fake_end(f);
	return count;
}

/*
 * R-6.4.2.1-06: what a Joining Node got from others than its Admitting Peer, that one may not have, although it is the first replica from now on.
 */
static void what_others_gave_goes_to_the_admitting_peer(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ours = fake_point(0x08, 0), nearer = fake_point(0x0c, 0),
			 theirs = fake_point(0xc8, 0), ap = fake_id(0x40), other = fake_id(0x70);
	attach_neighbours(&f);
	ops->values_taken(f.t, &nearer, &ap);
	ops->values_taken(f.t, &ours, &other);
	ops->values_taken(f.t, &theirs, &other);
	assert_int_equal(sent_back(&f, 0x40), 1);
	/* the hand-over, and replicas of the range before ours */
	attach_neighbours(&f);
	ops->values_taken(f.t, &ours, &ap);
	ops->values_taken(f.t, &theirs, &other);
	assert_int_equal(sent_back(&f, 0x40), 0);
}

/* What the Admitting Peer of before has given is of another one than the one that admits us. */
static void what_an_earlier_admitting_peer_gave(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ours = fake_point(0x08, 0), ap = fake_id(0x40), better = fake_id(0x20);
	for (int other = 0; other < 2; other++) {
		attach_neighbours(&f);
		size_t mark = f.count;
		if (other)
			ops->values_taken(f.t, &ours, &ap);
		assert_int_equal(
			fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x20, 0xd0, 0xa0, 0 },
				(const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
			RELOAD_OK);
		answer_attach(&f, fake_find(&f, mark, FAKE_ATTACH, 0x20), 0x20);
		assert_int_equal(fake_receive(&f, 0x20, true, (const uint8_t[]){ 0xd0, 0xa0, 0 },
					 (const uint8_t[]){ 0x40, 0x70, 0xa0, 0 }),
			RELOAD_OK);
		ops->values_taken(f.t, &ours, &better);
		assert_int_equal(sent_back(&f, 0x20), other);
	}
}

/* 40 has admitted us, and e0 while we joined. */
static void admitted_behind_e0(struct fake *f)
{
	struct reload_id ap = fake_id(0x40);
	attach_neighbours(f);
	ops->join_answered(f->t, &ap, RELOAD_OK);
	assert_int_equal(fake_receive(f, 0x40, true, (const uint8_t[]){ 0x10, 0xe0, 0xd0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
		RELOAD_OK);
	assert_true(state_is(f, RELOAD_TOPOLOGY_JOINED));
}

/*
 * R-10.5-07, R-10.5-14: a node that the Admitting Peer has admitted before us has a link to us and announces itself later, after up to
 * CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS: its range does not become ours meanwhile (R-7.4.1.1-12).
 */
static void who_was_admitted_before_keeps_its_range(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id before = fake_id(0xe0), theirs = fake_point(0xd8, 0);
	admitted_behind_e0(&f);
	ops->connected(f.t, &before);
	fake_pass(&f, CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS - 1000);
	assert_false(ops->responsible(f.t, &theirs));
	ops->disconnected(f.t, &before);
	fake_pass(&f, 2 * CHORD_ATTACH_WAIT_MS);
	assert_true(ops->responsible(f.t, &theirs));
	fake_end(&f);
}

static void an_update_of_others_admits_nobody(void **state)
{
	(void)state;
	struct fake f;
	attach_neighbours(&f);
	/* 70 was not asked */
	assert_int_equal(fake_receive(&f, 0x70, true, (const uint8_t[]){ 0x10, 0 },
				 (const uint8_t[]){ 0xa0, 0 }),
		RELOAD_OK);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINING));
	fake_end(&f);
}

/* CHORD-11: what comes before the answer to the Join is a late copy, of an Update to an earlier life of ours */
static void what_is_said_before_the_answer_admits_nobody(void **state)
{
	(void)state;
	struct fake f;
	static const uint8_t before[] = { 0x10, 0xd0, 0xa0, 0 }, behind[] = { 0x70, 0xa0, 0xd0, 0 };
	struct reload_id ap = fake_id(0x40), ours = fake_point(0x08, 0);
	attach_neighbours(&f);
	size_t mark = f.count;
	for (int copies = 0; copies < 2; copies++) {
		assert_int_equal(fake_receive(&f, 0x40, true, before, behind), RELOAD_OK);
		assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINING));
		assert_false(ops->responsible(f.t, &ours));
	}
	assert_int_equal(fake_count(&f, mark, FAKE_JOIN, 0), 0);
	/* or the first answer was lost, and that was the Update behind it: one more Join tells */
	ops->join_answered(f.t, &ap, RELOAD_OK);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINING));
	assert_int_equal(fake_count(&f, mark, FAKE_JOIN, 0x40), 1);
	ops->join_answered(f.t, &ap, RELOAD_OK);
	assert_int_equal(fake_count(&f, mark, FAKE_JOIN, 0), 1);
	assert_int_equal(fake_receive(&f, 0x40, true, before, behind), RELOAD_OK);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINED));
	assert_true(ops->responsible(f.t, &ours));
	fake_end(&f);
	/* where all comes in order there is one Join */
	become_member(&f);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 1);
	fake_end(&f);
}

static void waits_for_neighbours_before_it_speaks(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id k = fake_point(0xd8, 0), own = fake_point(0xf0, 0);
	admitted_behind_e0(&f);
	/* the range ends at e0, although there is no link to it yet */
	assert_true(ops->responsible(f.t, &own));
	assert_false(ops->responsible(f.t, &k));
	/* R-10.5-14 */
	assert_int_equal(fake_count(&f, 0, FAKE_UPDATE, 0), 0);
	struct fake_row *r = fake_find(&f, 0, FAKE_ATTACH, 0xe0);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0x40);
	/* a Join that comes now waits */
	struct reload_id jn = fake_id(0xf8);
	ops->connected(f.t, &jn);
	ops->join_received(f.t, &jn);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0xf8), 0);
	answer_attach(&f, r, 0xe0);
	assert_true(fake_count(&f, 0, FAKE_UPDATE, 0) >= 4);
	assert_non_null(fake_find(&f, 0, FAKE_UPDATE, 0xe0));
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0xf8), 1);
	fake_end(&f);
}

/* Its neighbour a0 lists ever new nodes, next to us, that do not exist. */
static void lies_do_not_hold_up_a_join(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ap = fake_id(0x40);
	unsigned nobody = 0x11;
	reach_ap(&f);
	for (int i = 0; i < 20; i++, nobody++) {
		if (i == 15) /* 75 s */
			assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0x40), 1);
		assert_int_equal(fake_receive(&f, 0xa0, true, (const uint8_t[]){ 0xd0, 0 },
					 (const uint8_t[]){ (uint8_t)nobody, 0 }),
			RELOAD_OK);
		fake_pass(&f, 5000);
	}
	ops->join_answered(f.t, &ap, RELOAD_OK);
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x10, 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
		RELOAD_OK);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINED));
	for (int i = 0; i < 15; i++, nobody++) {
		assert_int_equal(fake_receive(&f, 0xa0, true, (const uint8_t[]){ 0xd0, 0 },
					 (const uint8_t[]){ (uint8_t)nobody, 0 }),
			RELOAD_OK);
		fake_pass(&f, 5000);
	}
	assert_non_null(fake_find(&f, 0, FAKE_UPDATE, 0x40));
	fake_end(&f);
}

static void moves_to_a_better_admitting_peer(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ap = fake_id(0x40);
	attach_neighbours(&f);
	size_t mark = f.count;
	/* 20 was admitted by 40 before us */
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x20, 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
		RELOAD_OK);
	struct fake_row *r = fake_find(&f, mark, FAKE_ATTACH, 0x20);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0x40); /* R-10.6-01 */
	answer_attach(&f, r, 0x20);
	assert_int_equal(fake_receive(&f, 0x20, true, (const uint8_t[]){ 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x40, 0x70, 0xa0, 0 }),
		RELOAD_OK);
	assert_non_null(fake_find(&f, mark, FAKE_JOIN, 0x20));
	/* an error leads back to n+1 */
	mark = f.count;
	ap = fake_id(0x20);
	ops->join_answered(f.t, &ap, RELOAD_FORBIDDEN);
	fake_pass(&f, 100);
	r = fake_find(&f, mark, FAKE_ATTACH, 0);
	assert_true(r && r->resource);
	fake_end(&f);
}

static void joins_at_a_nearer_successor_it_hears_of(void **state)
{
	(void)state;
	struct fake f;
	reach_ap(&f);
	answer_attach(&f, fake_find(&f, 0, FAKE_ATTACH, 0x70), 0x70);
	/* 70 knows of 20 */
	assert_int_equal(fake_receive(&f, 0x70, true, (const uint8_t[]){ 0x40, 0x20, 0xd0, 0 },
				 (const uint8_t[]){ 0xa0, 0 }),
		RELOAD_OK);
	answer_attach(&f, fake_find(&f, 0, FAKE_ATTACH, 0xa0), 0xa0);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	struct fake_row *r = fake_find(&f, 0, FAKE_ATTACH, 0x20);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0x70); /* R-10.6-01 */
	answer_attach(&f, r, 0x20);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	assert_int_equal(fake_receive(&f, 0x20, true, (const uint8_t[]){ 0xd0, 0 },
				 (const uint8_t[]){ 0x40, 0 }),
		RELOAD_OK);
	assert_non_null(fake_find(&f, 0, FAKE_JOIN, 0x20));
	assert_null(fake_find(&f, 0, FAKE_JOIN, 0x40));
	fake_end(&f);
}

static void retries_and_gives_up(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	reload_ms started = f.now;
	size_t attempts = 0;
	while (state_is(&f, RELOAD_TOPOLOGY_ATTACHING) && attempts < 100) {
		struct fake_row *r = &f.rows[f.count - 1];
		assert_int_equal(r->what, FAKE_ATTACH);
		attempts++;
		uint32_t cookie = r->cookie;
		size_t mark = f.count;
		ops->attached(f.t, cookie, RELOAD_TIMEOUT, NULL);
		for (int i = 0; i < 20000 && f.count == mark; i++)
			fake_pass(&f, 10);
	}
	assert_true(state_is(&f, RELOAD_TOPOLOGY_FAILED));
	assert_int_equal(attempts, 2 * (CHORD_JOIN_TRIES + 1)); /* each one with a detour */
	assert_true(f.now - started > 10000);
	/* the host may start again */
	struct reload_id bootstrap = fake_id(0xd0);
	ops->join(f.t, &bootstrap);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_ATTACHING));
	fake_end(&f);
}

/* the last Ping, to the point behind node */
static uint32_t ping_behind(struct fake *f, unsigned node)
{
	struct reload_id behind = fake_point(node, 2);
	struct fake_row *r = &f->rows[f->count - 1];
	while (r > f->rows && r->what != FAKE_PING)
		r--;
	assert_int_equal(r->what, FAKE_PING);
	assert_true(r->resource);
	assert_true(reload_id_eq(&r->node, &behind));
	return r->cookie;
}

static void without_the_table_of_the_admitting_peer(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ap = fake_id(0x40), second = fake_id(0x70), third = fake_id(0xa0);
	begin(&f);
	answer_attach(&f, fake_find(&f, 0, FAKE_ATTACH, 0), 0x40);
	assert_int_equal(fake_count(&f, 0, FAKE_PING, 0), 0);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 1);
	/* R-10.5-12: to n+1, then behind p0, and so on */
	ops->pinged(f.t, ping_behind(&f, 0x10), RELOAD_OK, &ap);
	ops->pinged(f.t, ping_behind(&f, 0x40), RELOAD_OK, &second);
	ops->pinged(f.t, ping_behind(&f, 0x70), RELOAD_OK, &third);
	ops->pinged(f.t, ping_behind(&f, 0xa0), RELOAD_OK, &ap); /* round */
	struct fake_row *r = fake_find(&f, 0, FAKE_ATTACH, 0x70);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0x40);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	answer_attach(&f, r, 0x70);
	assert_int_equal(fake_receive(&f, 0x70, true, NULL, NULL), RELOAD_OK);
	answer_attach(&f, fake_find(&f, 0, FAKE_ATTACH, 0xa0), 0xa0);
	assert_int_equal(fake_receive(&f, 0xa0, true, NULL, NULL), RELOAD_OK);
	/* the Join goes to who owns n+1, although it sent no Update */
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 1);
	assert_non_null(fake_find(&f, 0, FAKE_JOIN, 0x40));
	ops->join_answered(f.t, &ap, RELOAD_OK);
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0x10, 0xa0, 0x70, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0 }),
		RELOAD_OK);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINED));
	fake_end(&f);
	/* a Ping fails: with what is known */
	begin(&f);
	answer_attach(&f, fake_find(&f, 0, FAKE_ATTACH, 0), 0x40);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 1);
	ops->pinged(f.t, ping_behind(&f, 0x10), RELOAD_TIMEOUT, NULL);
	assert_non_null(fake_find(&f, 0, FAKE_JOIN, 0x40));
	fake_end(&f);
	/* its Update comes while we ask */
	begin(&f);
	answer_attach(&f, fake_find(&f, 0, FAKE_ATTACH, 0), 0x40);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 1);
	uint32_t cookie = ping_behind(&f, 0x10);
	assert_int_equal(fake_receive(&f, 0x40, true, (const uint8_t[]){ 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0 }),
		RELOAD_OK);
	size_t rows = f.count;
	ops->pinged(f.t, cookie, RELOAD_OK, &second);
	assert_int_equal(f.count, rows);
	fake_end(&f);
}

static void an_unanswered_join_is_sent_again(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ap = fake_id(0x40);
	attach_neighbours(&f);
	size_t mark = f.count;
	ops->join_answered(f.t, &ap, RELOAD_TIMEOUT);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_ATTACHING));
	fake_pass(&f, 1000);
	struct fake_row *r = fake_find(&f, mark, FAKE_ATTACH, 0);
	assert_true(r && r->resource);
	answer_attach(&f, r, 0x40);
	assert_int_equal(fake_count(&f, mark, FAKE_JOIN, 0x40), 1);
	/* answered, but no Update follows */
	ops->join_answered(f.t, &ap, RELOAD_OK);
	mark = f.count;
	fake_pass(&f, CHORD_JOIN_WAIT_MS + 10000);
	r = fake_find(&f, mark, FAKE_ATTACH, 0);
	assert_true(r && r->resource);
	fake_end(&f);
}

static void loss_of_the_admitting_peer_and_of_all(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id ap = fake_id(0x40), bootstrap = fake_id(0xd0);
	attach_neighbours(&f);
	size_t mark = f.count;
	ops->disconnected(f.t, &ap);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_ATTACHING));
	fake_pass(&f, 1000);
	assert_non_null(fake_find(&f, mark, FAKE_ATTACH, 0));
	fake_end(&f);
	begin(&f);
	ops->disconnected(f.t, &bootstrap);
	/* R-10.5-01: without the bootstrap node there is no way into the overlay */
	assert_true(state_is(&f, RELOAD_TOPOLOGY_FAILED));
	fake_end(&f);
}

static void fingers_are_set_up(void **state)
{
	(void)state;
	struct fake f;
	json_t *scalars = vector_json_file("scalars"), *one;
	struct reload_id self, nodes[7];
	uint8_t body[1024];
	assert_int_equal(reload_id_from_hex(&self, "101112131415161718191a1b1c1d1e1f"), RELOAD_OK);
	fake_start_as(&f, &self);
	/* six peers close by, three on each side: the rest of the ring is unknown */
	for (unsigned i = 0; i < 7; i++) {
		nodes[i] = self;
		nodes[i].at[1] = (uint8_t)(0x08 + 3 * i + (i > 2)); /* self has 11 there */
	}
	ops->connected(f.t, &nodes[3]);
	ops->join(f.t, &nodes[3]);
	ops->attached(f.t, fake_find(&f, 0, FAKE_ATTACH, 0)->cookie, RELOAD_OK, &nodes[3]);
	size_t mark = f.count;
	for (unsigned i = 0; i < 7; i++) {
		ops->connected(f.t, &nodes[i]);
		size_t len = fake_body(body, RELOAD_CHORD_PEER_READY, NULL, 0, NULL, 0);
		assert_int_equal(
			ops->update_received(f.t, &nodes[i], true, span_of(body, len)), RELOAD_OK);
	}
	ops->join_answered(f.t, &nodes[3], RELOAD_OK);
	size_t len = fake_body(body, RELOAD_CHORD_NEIGHBORS, &self, 1, &nodes[4], 1);
	assert_int_equal(ops->update_received(f.t, &nodes[3], true, span_of(body, len)), RELOAD_OK);
	assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINED));
	fake_pass(&f, 3000);
	/* R-10.5-13: Attach to Resource n+2^(128-i), i from 1 */
	size_t i;
	json_array_foreach (json_object_get(scalars, "finger_targets"), i, one) {
		struct reload_id target;
		unsigned index = (unsigned)json_integer_value(json_object_get(one, "i"));
		assert_int_equal(reload_id_from_hex(&target,
					 json_string_value(json_object_get(one, "target"))),
			RELOAD_OK);
		struct fake_row *found = NULL;
		for (size_t r = mark; r < f.count; r++)
			if (f.rows[r].what == FAKE_ATTACH && reload_id_eq(&f.rows[r].node, &target))
				found = &f.rows[r];
		if (index == 16) { /* lies among the neighbours */
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_true(found->resource && found->send_update);
		assert_int_equal(found->count, 1); /* R-10.6-02: routed normally */
	}
	json_decref(scalars);
	fake_end(&f);
}

static void small_rings_need_no_fingers(void **state)
{
	(void)state;
	struct fake f;
	become_member(&f);
	fake_pass(&f, 5000);
	for (size_t i = 2; i < f.count; i++) /* behind the Attach to n+1 */
		assert_false(f.rows[i].what == FAKE_ATTACH && f.rows[i].resource);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_for_n_plus_1),
		cmocka_unit_test(attaches_to_future_neighbours),
		cmocka_unit_test(is_admitted),
		cmocka_unit_test(what_others_gave_goes_to_the_admitting_peer),
		cmocka_unit_test(what_an_earlier_admitting_peer_gave),
		cmocka_unit_test(who_was_admitted_before_keeps_its_range),
		cmocka_unit_test(an_update_of_others_admits_nobody),
		cmocka_unit_test(what_is_said_before_the_answer_admits_nobody),
		cmocka_unit_test(waits_for_neighbours_before_it_speaks),
		cmocka_unit_test(lies_do_not_hold_up_a_join),
		cmocka_unit_test(moves_to_a_better_admitting_peer),
		cmocka_unit_test(joins_at_a_nearer_successor_it_hears_of),
		cmocka_unit_test(retries_and_gives_up),
		cmocka_unit_test(without_the_table_of_the_admitting_peer),
		cmocka_unit_test(an_unanswered_join_is_sent_again),
		cmocka_unit_test(loss_of_the_admitting_peer_and_of_all),
		cmocka_unit_test(fingers_are_set_up),
		cmocka_unit_test(small_rings_need_no_fingers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
