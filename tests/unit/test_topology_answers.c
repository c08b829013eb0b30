#include "chord_fake.h"
#include "vectors.h"

static void found_by_name(void **state)
{
	(void)state;
	/* R-10-01, R-4.5-01 */
	assert_ptr_equal(reload_topology_find("CHORD-RELOAD"), &reload_chord_topology);
	assert_null(reload_topology_find("chord-reload"));
	assert_null(reload_topology_find(NULL));
}

static void refuses_other_lengths(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10);
	fake_start_as(&f, &self);
	fake_end(&f);
	const struct reload_topology_host host = { .timers = &f.timers };
	f.config.node_id_len = 20; /* CHORD-05 */
	assert_null(ops->new (&f.config, &self, &host));
	f.config.node_id_len = 16;
	self.len = 20;
	assert_null(ops->new (&f.config, &self, &host));
}

static void next_hop(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	struct reload_id client = fake_id(0x55);
	ops->connected(f.t, &client);
	static const struct {
		unsigned k, last, next;
	} table[] = {
		/* R-10.3-01: connected to the peer k itself */
		{ 0x40, 1, 0x40 },
		{ 0x70, 1, 0x70 },
		/* a point that is a client's Node-ID has an owner like all others */
		{ 0x55, 1, 0x40 },
		/* R-10.3-02: the largest Node-ID between self and k */
		{ 0x40, 2, 0x40 },
		{ 0x6f, 0, 0x40 },
		{ 0x70, 0, 0x40 },
		{ 0x70, 2, 0x70 },
		{ 0xff, 0, 0xd0 },
		/* R-10.1-01: and round the end of the numbers */
		{ 0x00, 0, 0xd0 },
		{ 0x0f, 0, 0xd0 },
		/* R-3-05, R-6.5.1-02: never through a node that sent no Update */
		{ 0x56, 0, 0x40 },
		/* R-10.3-03: nobody between self and k */
		{ 0x10, 2, 0x40 },
		{ 0x40, 0, 0x40 },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct reload_id k = fake_point(table[i].k, table[i].last), next,
				 want = fake_id(table[i].next);
		assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
		assert_memory_equal(next.at, want.at, 16);
	}
	fake_end(&f);
}

static void next_hop_leaves_doubtful_links_out(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	struct reload_id doubtful = fake_id(0x70), k = fake_point(0x90, 0), next,
			 at_it = fake_id(0x70);
	struct reload_topology_tables tables;
	ops->link_health(f.t, &doubtful, false);
	/* R-6.6-05 */
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x40);
	assert_int_equal(ops->next_hop(f.t, &at_it, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x40);
	ops->tables(f.t, &tables); /* responsibility does not move for that */
	assert_int_equal(tables.successors[1].at[0], 0x70);
	ops->link_health(f.t, &doubtful, true);
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_int_equal(next.at[0], 0x70);
	fake_end(&f);
}

static void next_hop_without_peers(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), bootstrap = fake_id(0x40), k = fake_point(0x80, 0),
			 next;
	fake_start_as(&f, &self);
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_NO_NODE);
	ops->connected(f.t, &bootstrap);
	/* R-6.5.1-02: connected, no Update yet */
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_NO_NODE);
	ops->join(f.t, &bootstrap);
	/* R-11.4-03: the Attach to n+1 itself goes over the link to the bootstrap node */
	assert_int_equal(ops->next_hop(f.t, &k, &next), RELOAD_OK);
	assert_true(reload_id_eq(&next, &bootstrap));
	fake_end(&f);
}

static void responsible(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), k, from, to;
	fake_start_as(&f, &self);
	k = fake_point(0x10, 1);
	/* R-4.5-03, R-6.4.2.1-09: a node owns nothing before it has joined or is the first */
	assert_false(ops->responsible(f.t, &k));
	assert_false(ops->range(f.t, &from, &to));
	assert_int_equal(ops->responsible_ppb(f.t), 0);
	ops->first(f.t);
	assert_int_equal(ops->get_state(f.t), RELOAD_TOPOLOGY_JOINED);
	/* R-10.1-03: a lone peer owns everything */
	for (unsigned b = 0; b < 256; b += 5) {
		k = fake_point(b, 7);
		assert_true(ops->responsible(f.t, &k));
	}
	assert_int_equal(ops->responsible_ppb(f.t), 1000000000);
	fake_peer(&f, 0xd0);
	static const struct {
		unsigned b, last;
		bool ours;
	} table[] = {
		/* R-10.1-03: k = x, k = p, and both sides of them; the range wraps */
		{ 0x10, 1, true },
		{ 0x10, 2, false },
		{ 0x10, 0, true },
		{ 0xd0, 1, false },
		{ 0xd0, 2, true },
		{ 0xd0, 0, false },
		{ 0xff, 0, true },
		{ 0x00, 0, true },
		{ 0x80, 0, false },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		k = fake_point(table[i].b, table[i].last);
		assert_int_equal(ops->responsible(f.t, &k), table[i].ours);
	}
	assert_true(ops->range(f.t, &from, &to));
	assert_int_equal(from.at[0], 0xd0);
	assert_true(reload_id_eq(&to, &self));
	/* R-6.4.2.5-02: 40../100.. of the ring, in parts per billion */
	assert_int_equal(ops->responsible_ppb(f.t), 250000000);
	fake_end(&f);
}

static void tables_of_small_rings(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), out[2];
	struct reload_topology_tables tb;
	fake_start_as(&f, &self);
	ops->first(f.t);
	assert_int_equal(ops->replicas(f.t, out), 0);
	fake_peer(&f, 0x40);
	ops->tables(f.t, &tb);
	/* CHORD-09: two peers; R-10.7.3-04: never ourselves */
	assert_int_equal(tb.predecessors_count, 1);
	assert_int_equal(tb.successors_count, 1);
	assert_int_equal(tb.predecessors[0].at[0], 0x40);
	assert_int_equal(tb.successors[0].at[0], 0x40);
	assert_int_equal(ops->replicas(f.t, out), 1);
	fake_end(&f);
}

static void tables_of_the_ring(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id out[2];
	struct reload_topology_tables tb;
	fake_ring(&f);
	ops->tables(f.t, &tb);
	/* R-10.1-02, R-10.7-06: three on each side, nearest first */
	static const uint8_t preds[] = { 0xd0, 0xa0, 0x70 }, succs[] = { 0x40, 0x70, 0xa0 };
	assert_int_equal(tb.predecessors_count, 3);
	assert_int_equal(tb.successors_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(tb.predecessors[i].at[0], preds[i]);
		assert_int_equal(tb.successors[i].at[0], succs[i]);
	}
	/* R-10.1-02: 40 lies in the third interval, 70 in the second, a0 and d0 in the first: a0 starts it */
	static const uint8_t fingers[] = { 0x40, 0x70, 0xa0 };
	assert_int_equal(tb.fingers_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(tb.fingers[i].at[0], fingers[i]);
	/* R-10.4-01: replicas go to the two successors */
	assert_int_equal(ops->replicas(f.t, out), 2);
	assert_int_equal(out[0].at[0], 0x40);
	assert_int_equal(out[1].at[0], 0x70);
	fake_end(&f);
}

static void finger_intervals(void **state)
{
	(void)state;
	struct reload_id self = fake_id(0xf0);
	for (unsigned i = 1; i <= 128; i++) {
		/* first and last point of entry i, with wrap */
		struct reload_id start = reload_id_add_power(&self, 128 - i), end = self;
		assert_int_equal(reload_chord_finger_index(&self, &start), i);
		for (unsigned bit = 0; bit <= 128 - i; bit++)
			end = reload_id_add_power(&end, bit); /* self + 2^(129-i) - 1 */
		assert_int_equal(reload_chord_finger_index(&self, &end), i);
	}
	/* R-10.7.4-11: the table can hold one of each */
	struct chord_set set = { 0 };
	struct reload_id out[CHORD_FINGERS_MAX];
	for (unsigned i = 1; i <= 128; i++) {
		struct reload_id start = reload_id_add_power(&self, 128 - i);
		reload_chord_set_add(&set, &start);
	}
	assert_int_equal(reload_chord_set_fingers(&set, &self, out), 128);
	for (unsigned i = 1; i < 128; i++) /* R-10.7-04 */
		assert_true(reload_id_cmp(&out[i - 1], &out[i]) < 0);
	reload_chord_set_clear(&set);
}

static void neighbours_grow_with_the_ring(void **state)
{
	(void)state;
	struct reload_id self = fake_id(0x80);
	size_t before = 0;
	for (unsigned log2n = 4; log2n <= 24; log2n++) {
		/* a ring of 2^log2n peers, evenly spread: here are the nearest ones */
		struct chord_set set = { 0 };
		struct reload_id a = self, b = self;
		for (int i = 0; i < 6; i++) {
			a = reload_id_add_power(&a, 128 - log2n);
			reload_chord_set_add(&set, &a);
			struct reload_id step = { .len = 16 };
			step = reload_id_add_power(&step, 128 - log2n);
			b = reload_id_distance(&step, &b);
			reload_chord_set_add(&set, &b);
		}
		size_t goal = reload_chord_goal(&set, &self);
		/* R-10.7-06, R-10.7-07 */
		assert_true(goal >= 3 && goal >= before && goal <= CHORD_GOAL_MAX);
		before = goal;
		reload_chord_set_clear(&set);
	}
	assert_int_equal(before, CHORD_GOAL_MAX);
}

static void holds(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	static const struct {
		unsigned b, last;
		bool held;
	} table[] = {
		/* R-10.7.3-07, CHORD-14: the three predecessors d0, a0, 70 are between us and what is behind 70 */
		{ 0x70, 1, false },
		{ 0x70, 2, true },
		{ 0xa0, 0, true },
		{ 0x10, 1, true },
		{ 0x10, 2, false },
		{ 0x40, 0, false },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct reload_id r = fake_point(table[i].b, table[i].last);
		assert_int_equal(ops->holds(f.t, &r), table[i].held);
	}
	fake_end(&f);
}

static void plausible(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	static const struct {
		unsigned resource, signer;
		bool yes;
	} table[] = {
		/* R-10.4-02, STO-17: 90 belongs to a0, d0, 10 */
		{ 0x90, 0xa0, true },
		{ 0x90, 0xd0, true },
		/* STO-17: a fitting Node-ID is not enough */
		{ 0x90, 0x95, false },
		{ 0x90, 0xf0, false },
		{ 0x90, 0x40, false },
		{ 0x90, 0x70, false },
		{ 0x90, 0x10, false }, /* ourselves */
		{ 0xb0, 0xd0, true },  /* d0, 10, 40 */
		{ 0xb0, 0x40, true },
		{ 0xb0, 0x70, false },
		{ 0x08, 0x40, true }, /* 10, 40, 70 */
		{ 0x08, 0x70, true },
		{ 0x08, 0xa0, false },
		{ 0x60, 0x70, false }, /* 70, a0, d0: not ours */
		{ 0x20, 0x40, false },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct reload_id r = fake_point(table[i].resource, 0), s = fake_id(table[i].signer);
		assert_int_equal(ops->may_store_replica(f.t, &r, &s), table[i].yes);
	}
	fake_end(&f);
	/* the Admitting Peer stores at the node that joins */
	struct reload_id self = fake_id(0x10), ap = fake_id(0x40), r = fake_point(0x08, 0);
	fake_start_as(&f, &self);
	ops->connected(f.t, &ap);
	ops->join(f.t, &ap);
	assert_false(ops->may_store_replica(f.t, &r, &ap));
	fake_peer(&f, 0x40);
	assert_true(ops->may_store_replica(f.t, &r, &ap));
	fake_end(&f);
}

/* A peer that has fallen silent is not counted as a holder: who leaves would have nobody to give its values to. */
static void silent_peers_do_not_keep_replicas_away(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	struct reload_id r = fake_point(0x60, 0), signer = fake_id(0x70), silent = fake_id(0xa0),
			 other = fake_id(0x95);
	assert_false(ops->may_store_replica(f.t, &r, &signer)); /* 70, a0, d0 */
	ops->link_health(f.t, &silent, false);
	assert_true(ops->may_store_replica(f.t, &r, &signer)); /* 70, d0, 10 */
	assert_false(ops->may_store_replica(f.t, &r, &other)); /* STO-17 */
	r = fake_point(0x20, 0);
	signer = fake_id(0x40);
	assert_false(ops->may_store_replica(f.t, &r, &signer)); /* 40, 70, d0 */
	ops->link_health(f.t, &silent, true);
	r = fake_point(0x60, 0);
	signer = fake_id(0x70);
	assert_false(ops->may_store_replica(f.t, &r, &signer));
	fake_end(&f);
}

/* STO-17: only nodes that we know as neighbours store replicas here, however well a Node-ID fits */
static void ours(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	struct reload_id r = fake_point(0x90, 0), stranger = fake_id(0x95), joins = fake_id(0x05),
			 gone = fake_id(0xd0), low = fake_point(0x02, 0);
	/* a node with a link is not yet a neighbour */
	ops->connected(f.t, &stranger);
	assert_false(ops->may_store_replica(f.t, &r, &stranger));
	/* a joining node during its hand-over, and later as a neighbour */
	ops->connected(f.t, &joins);
	assert_false(ops->may_store_replica(f.t, &low, &joins));
	ops->join_received(f.t, &joins);
	assert_true(ops->may_store_replica(f.t, &low, &joins));
	ops->handed_over(f.t, &joins);
	assert_true(ops->may_store_replica(f.t, &low, &joins));
	ops->disconnected(f.t, &stranger);
	/* a lost neighbour counts for a while; a lost node that was only connected does not */
	r = fake_point(0xb0, 0);
	assert_true(ops->may_store_replica(f.t, &r, &gone));
	ops->disconnected(f.t, &gone);
	fake_pass(&f, CHORD_PAST_MS - 1);
	assert_true(ops->may_store_replica(f.t, &r, &gone));
	assert_false(ops->may_store_replica(f.t, &r, &stranger));
	fake_pass(&f, 1);
	assert_false(ops->may_store_replica(f.t, &r, &gone));
	fake_end(&f);
}

/* A neighbour that nearer ones displaced counts for a while too; of many the last ones are remembered. */
static void crowded_out(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x80), r = fake_point(0x70, 0);
	fake_start_as(&f, &self);
	ops->first(f.t);
	fake_pass(&f, 1);
	for (unsigned i = 0; i < 0x30; i++) {
		fake_peer(&f, 0xc0 - i);
		fake_pass(&f, 1);
	}
	struct reload_id near = fake_id(0x91), lately = fake_id(0x94 + CHORD_PAST_MAX - 8),
			 once = fake_id(0xb8);
	assert_true(reload_chord_is_ours(f.t, &near));
	assert_true(reload_chord_is_ours(f.t, &lately));
	assert_false(reload_chord_is_ours(f.t, &once)); /* CHORD_PAST_MAX */
	assert_true(ops->may_store_replica(f.t, &r, &near));
	fake_pass(&f, CHORD_PAST_MS);
	assert_true(reload_chord_is_ours(f.t, &near));
	assert_false(reload_chord_is_ours(f.t, &lately));
	fake_end(&f);
}

static void unsettled(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), first = fake_id(0x40);
	fake_start_as(&f, &self);
	ops->first(f.t);
	assert_false(ops->unsettled(f.t));
	ops->connected(f.t, &first);
	assert_false(ops->unsettled(f.t)); /* a mere link */
	fake_peer(&f, 0x40);
	assert_true(ops->unsettled(f.t));
	fake_pass(&f, CHORD_UNSETTLED_MS - 1);
	fake_receive(&f, 0x40, true, NULL, NULL); /* nobody new */
	assert_true(ops->unsettled(f.t));
	fake_pass(&f, 1);
	assert_false(ops->unsettled(f.t));
	fake_end(&f);
}

/* STO-17: rings may merge without a new neighbour here, but then fingers change */
static void unsettled_by_fingers(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10);
	fake_start_as(&f, &self);
	ops->first(f.t);
	for (uint8_t near = 1; near <= 4; near++) {
		fake_peer(&f, (uint8_t)(0x10 + near));
		fake_peer(&f, (uint8_t)(0x10 - near));
	}
	fake_pass(&f, CHORD_UNSETTLED_MS);
	assert_false(ops->unsettled(f.t));
	fake_peer(&f, 0x90);
	struct reload_topology_tables t;
	reload_chord_tables_list(f.t, &t);
	for (size_t i = 0; i < t.successors_count; i++)
		assert_int_not_equal(t.successors[i].at[0], 0x90);
	assert_true(ops->unsettled(f.t));
	fake_end(&f);
}

/* STO-17: the peers because of which a replica was refused are checked at once; one that is gone leaves the tables */
static void doubted(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	struct reload_id r = fake_point(0xb0, 0), signer = fake_id(0x70), dead = fake_id(0xd0);
	fake_pass(&f, 60000);
	size_t start = f.count;
	assert_false(ops->may_store_replica(f.t, &r, &signer));
	ops->replica_store_refused(f.t, &r, &signer);
	assert_int_equal(fake_count(&f, start, FAKE_UPDATE, 0xd0), 1);
	assert_int_equal(fake_count(&f, start, FAKE_UPDATE, 0x40), 1);
	assert_int_equal(fake_count(&f, start, FAKE_UPDATE, 0), 2);
	/* however often a replica is refused, one Update per peer and CHORD_DOUBT_MS */
	for (int i = 0; i < 100; i++) {
		ops->replica_store_refused(f.t, &r, &signer);
		fake_pass(&f, 90);
	}
	assert_int_equal(fake_count(&f, start, FAKE_UPDATE, 0), 2);
	fake_pass(&f, CHORD_DOUBT_MS);
	ops->replica_store_refused(f.t, &r, &signer);
	assert_int_equal(fake_count(&f, start, FAKE_UPDATE, 0), 4);
	/* R-7.4.1.1-05: the peer without an answer is out, and the repeated replica is accepted */
	ops->update_ended(f.t, &dead, RELOAD_TIMEOUT);
	assert_true(ops->may_store_replica(f.t, &r, &signer));
	fake_end(&f);
}

static void close_enough(void **state)
{
	(void)state;
	struct fake f;
	fake_ring(&f);
	static const struct {
		unsigned resource, signer;
		bool yes;
	} table[] = {
		/* R-6.3.4-19, SEC-14: not farther behind the target than any neighbour */
		{ 0x60, 0x70, true },
		{ 0x60, 0x65, true },
		{ 0x60, 0xa0, false },
		{ 0x60, 0x50, false },
		{ 0xe0, 0x20, true },
		{ 0xe0, 0x50, false },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct reload_id r = fake_point(table[i].resource, 0), s = fake_id(table[i].signer);
		assert_int_equal(ops->close_enough(f.t, &r, &s), table[i].yes);
	}
	fake_end(&f);
	struct reload_id self = fake_id(0x10), r = fake_point(0x60, 0), s = fake_id(0x50);
	fake_start_as(&f, &self); /* a node without a Neighbor Table accepts any */
	assert_true(ops->close_enough(f.t, &r, &s));
	fake_end(&f);
}

static void resource_ids(void **state)
{
	(void)state;
	json_t *scalars = vector_json_file("scalars");
	json_t *user = json_object_get(scalars, "resource_id_of_user");
	struct reload_id id;
	char hex[RELOAD_ID_HEX];
	ops->resource_id(&id, span_str(json_string_value(json_object_get(user, "user"))));
	/* R-10.2-01 */
	assert_string_equal(
		reload_id_hex(hex, &id), json_string_value(json_object_get(user, "resource_id")));
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(scalars, "node_multiple"), i, one) {
		uint8_t in[17];
		assert_int_equal(
			reload_unhex(in, json_string_value(json_object_get(one, "input")), 34),
			RELOAD_OK);
		ops->resource_id(&id, span_of(in, sizeof(in)));
		assert_string_equal(reload_id_hex(hex, &id),
			json_string_value(json_object_get(one, "resource_id")));
	}
	json_decref(scalars);
}

static void route_query(void **state)
{
	(void)state;
	struct vector v;
	struct fake f;
	struct reload_id self, k;
	struct wr w;
	vector_load(&v, "route-query-ans");
	struct span next = vector_field(&v, "next_peer");
	/* R-10.8-01: one bare Node-ID; the answer of 40 for a point that goes to 70 */
	self = fake_id(0x40);
	fake_start_as(&f, &self);
	ops->first(f.t);
	struct reload_id peer;
	assert_int_equal(reload_id_from(&peer, next), RELOAD_OK);
	uint8_t body[5] = { 0, 0, 0, 0, RELOAD_CHORD_PEER_READY };
	ops->connected(f.t, &peer);
	assert_int_equal(ops->update_received(f.t, &peer, true, span_of(body, 5)), RELOAD_OK);
	wr_init(&w);
	k = fake_point(0x50, 0);
	assert_false(ops->responsible(f.t, &k));
	ops->route_query_write(f.t, &w, &k);
	assert_int_equal(w.len, next.len);
	assert_memory_equal(w.at, next.at, next.len);
	wr_clear(&w);
	/* and itself for what it is responsible for */
	k = fake_point(0x90, 0);
	assert_true(ops->responsible(f.t, &k));
	ops->route_query_write(f.t, &w, &k);
	assert_int_equal(w.len, 16);
	assert_memory_equal(w.at, self.at, 16);
	wr_clear(&w);
	vector_clear(&v);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name),
		cmocka_unit_test(refuses_other_lengths),
		cmocka_unit_test(next_hop),
		cmocka_unit_test(next_hop_leaves_doubtful_links_out),
		cmocka_unit_test(next_hop_without_peers),
		cmocka_unit_test(responsible),
		cmocka_unit_test(tables_of_small_rings),
		cmocka_unit_test(tables_of_the_ring),
		cmocka_unit_test(finger_intervals),
		cmocka_unit_test(neighbours_grow_with_the_ring),
		cmocka_unit_test(holds),
		cmocka_unit_test(plausible),
		cmocka_unit_test(ours),
		cmocka_unit_test(silent_peers_do_not_keep_replicas_away),
		cmocka_unit_test(crowded_out),
		cmocka_unit_test(unsettled),
		cmocka_unit_test(unsettled_by_fingers),
		cmocka_unit_test(doubted),
		cmocka_unit_test(close_enough),
		cmocka_unit_test(resource_ids),
		cmocka_unit_test(route_query),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
