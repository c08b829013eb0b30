/* A process that is stopped for a while: what its neighbour notices, and what it does when it runs again. */
#include "sim_net.h"

enum {
	SHORT_MS = 20000,
	LONG_MS = 50000
};

static void what_came_is_there_at_once(void **state)
{
	for (unsigned links = RELOAD_SIM_LINKS_TLS; links <= RELOAD_SIM_LINKS_DTLS; links++) {
		struct net r;
		(void)state;
		net_start(&r, (struct reload_sim_setup){ .links = links });
		reload_ms until = reload_sim_now(r.s) + 10000;
		reload_sim_freeze(r.s, B, until);
		assert_true(reload_sim_frozen(reload_sim_node(r.s, B)));
		for (uint64_t i = 1; i <= 3; i++) {
			mark_send(&r, A, i);
			later(&r, 1000);
		}
		assert_int_equal(r.seen[B].count, 0);
		assert_false(link_good(&r, A)); /* nothing is answered */
		later(&r, 7500);
		assert_false(reload_sim_frozen(reload_sim_node(r.s, B)));
		assert_in_order(&r.seen[B], 3);
		/* over a stream all are there; over datagrams those that the window let go */
		assert_int_equal(r.seen[B].at[0], until);
		assert_true(links == RELOAD_SIM_LINKS_DTLS || r.seen[B].at[2] == until);
		later(&r, 2000);
		assert_true(link_good(&r, A));
		mark_send(&r, A, 4);
		later(&r, 1000);
		assert_in_order(&r.seen[B], 4);
		assert_int_equal(r.seen[A].down, 0);
		assert_int_equal(r.seen[B].down, 0);
		net_end(&r);
	}
}

static void one_that_does_not_run_does_nothing(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .update_interval_s = 10 });
	struct reload_sim_node *b = reload_sim_node(r.s, B);
	reload_ms until = reload_sim_now(r.s) + SHORT_MS, since = reload_sim_now(r.s);
	reload_sim_freeze(r.s, B, until);
	reload_sim_freeze(r.s, B, until - 5000); /* a shorter stop within it changes nothing */
	uint64_t sent = b->sent_messages;
	mark_send(&r, B, 1);
	later(&r, SHORT_MS - 1);
	assert_int_equal(b->sent_messages, sent); /* not even an Update, though two were due */
	assert_int_equal(reload_sim_awake(b, since), 0);
	later(&r, 1 + BASE + 1000);
	bool came = false;
	for (size_t i = 0; i < r.seen[A].count; i++)
		came = came || (r.seen[A].mark[i] == 1 && r.seen[A].at[i] == until + BASE);
	assert_true(came);
	assert_int_equal(reload_sim_awake(b, since), BASE + 1000);
	net_end(&r);
}

static void a_long_stop_loses_its_links(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_ms from = reload_sim_now(r.s);
	reload_sim_freeze(r.s, B, from + LONG_MS);
	mark_send(&r, A, 1);
	later(&r, LONG_MS - 1);
	assert_in_range(r.seen[A].down, from + RELOAD_SIM_LOST_MS, from + RELOAD_SIM_LOST_MS + 1);
	assert_int_equal(r.seen[B].down, 0);
	assert_int_equal(
		reload_sim_node(r.s, B)->state, RELOAD_STATE_JOINED); /* it knows nothing */
	later(&r, 1);
	assert_int_equal(r.seen[B].down, from + LONG_MS);
	later(&r, 60000);
	assert_int_equal(reload_sim_node(r.s, B)->state, RELOAD_STATE_JOINED);
	uint32_t again;
	assert_int_equal(reload_sim_links(reload_sim_node(r.s, B), &again, 1), 1);
	assert_int_not_equal(again, r.link[B]);
	net_end(&r);
}

/* The system of the stopped process takes the connection: who dials gets no answer, but no refusal either. */
static void who_dials_waits(void **state)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		struct net r;
		(void)state;
		net_start(&r, (struct reload_sim_setup){ 0 });
		reload_sim_crash(r.s, B, RELOAD_SIM_PROCESS, false);
		later(&r, 1000);
		reload_ms from = reload_sim_now(r.s), until = from + (turn ? LONG_MS : 4000);
		reload_sim_freeze(r.s, A, until);
		reload_sim_start(r.s, B, false, RELOAD_ROLE_PEER, NULL, 0);
		later(&r, until - from - 1);
		assert_int_not_equal(reload_sim_node(r.s, B)->state, RELOAD_STATE_JOINED);
		later(&r, 120000);
		assert_int_equal(reload_sim_node(r.s, B)->state, RELOAD_STATE_JOINED);
		/* the first dial was kept, or given up and tried again */
		if (!turn)
			assert_in_range(reload_sim_node(r.s, B)->joined_at, until, until + 2000);
		net_end(&r);
	}
}

/* A process that is killed while it is stopped does not come back by itself. */
static void one_that_is_killed_meanwhile(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_sim_freeze(r.s, B, reload_sim_now(r.s) + SHORT_MS);
	mark_send(&r, A, 1);
	later(&r, 1000);
	reload_sim_crash(r.s, B, RELOAD_SIM_PROCESS, false);
	assert_false(reload_sim_frozen(reload_sim_node(r.s, B)));
	later(&r, 1000);
	assert_int_not_equal(r.seen[A].down, 0); /* its system resets the link */
	later(&r, SHORT_MS);
	assert_int_equal(r.seen[B].count, 0);
	net_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_is_there_at_once),
		cmocka_unit_test(one_that_does_not_run_does_nothing),
		cmocka_unit_test(a_long_stop_loses_its_links),
		cmocka_unit_test(who_dials_waits),
		cmocka_unit_test(one_that_is_killed_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
