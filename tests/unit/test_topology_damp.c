/* Ranges for nodes that come and go: interop CHORD-11, RFC 6940 s10.5, s13.5.2. */
#include "chord_fake.h"
#include "vectors.h"

enum {
	CYCLES = 20,
	CYCLE_MS = 10000,
	AT_ONCE = 1 + CHORD_RETURNS /* the first time and CHORD_RETURNS times after that */
};

/* How a node becomes known to us. */
enum shows {
	BY_JOIN,
	BY_UPDATE
};

static void come(struct fake *f, unsigned node, enum shows how)
{
	struct reload_id id = fake_id(node);
	if (how == BY_UPDATE) {
		fake_peer(f, node);
		return;
	}
	size_t mark = f->count;
	ops->connected(f->t, &id);
	ops->join_received(f->t, &id);
	if (fake_count(f, mark, FAKE_STORES, node))
		ops->handed_over(f->t, &id);
}

static void go(struct fake *f, unsigned node)
{
	struct reload_id id = fake_id(node);
	ops->disconnected(f->t, &id);
}

/* The number of orders about data for node: ranges, and checks of it as an owner. */
static size_t grants(struct fake *f, unsigned node)
{
	struct reload_id id = fake_id(node);
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++)
		n += (f->rows[i].what == FAKE_STORES && reload_id_eq(&f->rows[i].node, &id)) ||
		     (f->rows[i].what == FAKE_OWNER_CHECK && reload_id_eq(&f->rows[i].to, &id));
	f->count = 0;
	return n;
}

/* Lets the node come and go; returns in how many of its stays it got data. */
static size_t stays_with_grants(struct fake *f, unsigned node, enum shows how, int cycles)
{
	size_t n = 0;
	for (int i = 0; i < cycles; i++) {
		f->count = 0;
		come(f, node, how);
		fake_pass(f, CYCLE_MS - 1000);
		n += grants(f, node) > 0;
		go(f, node);
		fake_pass(f, 1000);
	}
	return n;
}

static void start(struct fake *f)
{
	static const uint8_t peers[] = { 0x70, 0xa0, 0xd0 };
	struct reload_id self = fake_id(0x40);
	fake_start_as(f, &self);
	ops->first(f->t);
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		fake_peer(f, peers[i]);
	fake_pass(f, 60000);
	f->count = 0;
}

/* The stays with data in 200 s: those at once, and then six at most, with pauses of 4, 8, 16, 32, 40, 40 s after it went. */
static void few(size_t stays)
{
	assert_in_range(stays, AT_ONCE, AT_ONCE + 6);
}

static void a_predecessor_that_comes_and_goes(void **state)
{
	(void)state;
	struct fake f;
	start(&f);
	few(stays_with_grants(&f, 0x10, BY_JOIN, CYCLES));
	fake_end(&f);
	start(&f);
	few(stays_with_grants(&f, 0x10, BY_UPDATE, CYCLES));
	fake_end(&f);
}

static void a_successor_that_comes_and_goes(void **state)
{
	(void)state;
	struct fake f;
	start(&f);
	few(stays_with_grants(&f, 0x50, BY_UPDATE, CYCLES));
	fake_end(&f);
}

/* Lets the node come and go; returns after how many of its stays other nodes got data because it went. */
static size_t goings_that_cost(struct fake *f, unsigned node)
{
	size_t n = 0;
	for (int i = 0; i < CYCLES; i++) {
		come(f, node, BY_UPDATE);
		fake_pass(f, 1000);
		f->count = 0;
		go(f, node);
		fake_pass(f, CYCLE_MS - 1000);
		n += fake_count(f, 0, FAKE_STORES, 0) + fake_count(f, 0, FAKE_OWNER_CHECK, 0) > 0;
	}
	return n;
}

/* A range that shrinks and grows with it is not sent to the replica set, nor checked at its owner, each time. */
static void what_its_going_causes(void **state)
{
	(void)state;
	struct fake f;
	start(&f);                       /* 70 and a0 are our replica set, d0 is our predecessor */
	few(goings_that_cost(&f, 0x10)); /* our own range grows */
	fake_end(&f);
	start(&f);
	few(goings_that_cost(&f, 0xc0)); /* the range of d0 grows */
	fake_end(&f);
}

/* Leaves and Joins, or Joins alone, over a link that stays are counted in the same way. */
static void joins_over_one_link(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id id = fake_id(0x10);
	size_t n = 0;
	start(&f);
	ops->connected(f.t, &id);
	for (int i = 0; i < CYCLES; i++) {
		ops->join_received(f.t, &id);
		if (fake_count(&f, 0, FAKE_STORES, 0x10))
			ops->handed_over(f.t, &id);
		fake_pass(&f, CHORD_HAND_OVER_INTERVAL_MS);
		n += grants(&f, 0x10) > 0;
	}
	few(n);
	fake_end(&f);
	/* it goes and comes again before the hand-over has ended */
	start(&f);
	ops->connected(f.t, &id);
	n = 0;
	for (int i = 0; i < CYCLES; i++) {
		ops->join_received(f.t, &id);
		n += grants(&f, 0x10) > 0;
		ops->leave_received(f.t, &id, span_of(NULL, 0));
		fake_pass(&f, CYCLE_MS);
	}
	few(n);
	fake_end(&f);
}

/* A machine that crashes and restarts with an empty disk gets its range at once, and within CHORD_DAMP_MAX_MS whatever it did before. */
static void who_crashed_is_not_forgotten(void **state)
{
	(void)state;
	struct fake f;
	start(&f);
	for (int i = 0; i < AT_ONCE; i++) {
		come(&f, 0x10, BY_JOIN);
		assert_true(grants(&f, 0x10) > 0);
		fake_pass(&f, 5000);
		go(&f, 0x10);
		f.count = 0;
	}
	stays_with_grants(&f, 0x10, BY_JOIN, CYCLES);
	struct reload_id id = fake_id(0x10);
	f.count = 0;
	ops->connected(f.t, &id);
	ops->join_received(f.t, &id);
	fake_pass(&f, CHORD_DAMP_MAX_MS);
	/* no second Join is needed: the first one has waited */
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0x10), 1);
	ops->handed_over(f.t, &id);
	struct reload_id theirs = fake_point(0x08, 0);
	assert_false(ops->responsible(f.t, &theirs));
	/* a long time later it starts anew */
	fake_pass(&f, 3600000);
	for (int i = 0; i < CHORD_RETURNS; i++) {
		go(&f, 0x10);
		f.count = 0;
		come(&f, 0x10, BY_JOIN);
		assert_true(grants(&f, 0x10) > 0);
	}
	fake_end(&f);
}

/* A Join that waits is dropped with its link. */
static void who_waits_may_go(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id id = fake_id(0x10);
	start(&f);
	stays_with_grants(&f, 0x10, BY_JOIN, CYCLES);
	ops->connected(f.t, &id);
	ops->join_received(f.t, &id);
	ops->disconnected(f.t, &id);
	f.count = 0;
	fake_pass(&f, 60000);
	assert_int_equal(grants(&f, 0x10), 0);
	ops->connected(f.t, &id);
	ops->join_received(f.t, &id);
	ops->leave(f.t);
	f.count = 0;
	fake_pass(&f, 60000);
	assert_int_equal(grants(&f, 0x10), 0);
	fake_end(&f);
}

/* Nodes that return often share one token bucket, so that many Node-IDs of one attacker gain little. */
static void many_that_come_and_go(void **state)
{
	(void)state;
	struct fake f;
	size_t stays = 0;
	enum {
		MANY = 40,
		ROUNDS = 30
	};
	start(&f);
	reload_ms begin = f.now;
	for (int round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < MANY; i++) {
			f.count = 0;
			come(&f, 0x10 + i, BY_JOIN);
			fake_pass(&f, 100);
			stays += grants(&f, 0x10 + i) > 0;
			go(&f, 0x10 + i);
		}
	size_t earned = (size_t)((f.now - begin) / CHORD_GRANT_MS);
	assert_in_range(stays, MANY * AT_ONCE, MANY * AT_ONCE + CHORD_GRANTS + earned + 1);
	/* a node that was not here before gets its range at once, although the others wait */
	come(&f, 0x3f, BY_JOIN);
	assert_true(grants(&f, 0x3f) > 0);
	go(&f, 0x3f);
	fake_end(&f);
}

/* More nodes than rows: then all nodes share the token bucket. */
static void more_than_are_remembered(void **state)
{
	(void)state;
	struct fake f;
	size_t stays = 0;
	enum {
		MANY = 200,
		ROUNDS = 5
	};
	start(&f);
	reload_ms begin = f.now;
	for (int round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < MANY; i++) {
			struct reload_id id = fake_point(0x10, i + 2);
			f.count = 0;
			ops->connected(f.t, &id);
			ops->join_received(f.t, &id);
			for (size_t r = 0; r < f.count; r++)
				stays += f.rows[r].what == FAKE_STORES;
			fake_pass(&f, 100);
			ops->disconnected(f.t, &id);
		}
	size_t earned = (size_t)((f.now - begin) / CHORD_GRANT_MS);
	assert_in_range(
		stays, CHORD_DAMP_MAX, CHORD_DAMP_MAX * AT_ONCE + CHORD_GRANTS + earned + 1);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_predecessor_that_comes_and_goes),
		cmocka_unit_test(a_successor_that_comes_and_goes),
		cmocka_unit_test(what_its_going_causes),
		cmocka_unit_test(joins_over_one_link),
		cmocka_unit_test(who_crashed_is_not_forgotten),
		cmocka_unit_test(who_waits_may_go),
		cmocka_unit_test(many_that_come_and_go),
		cmocka_unit_test(more_than_are_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
