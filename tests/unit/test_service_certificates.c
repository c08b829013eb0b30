/* A node keeps its certificate in the overlay (RFC 6940 s8): once, for as long as it is there. */
#include "engine_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct pair {
	struct net *net;
	struct node *one, *two;
};

static int pair_new(void **state)
{
	struct pair *p = RELOAD_NEW(pair);
	p->net = net_new();
	p->one = node_new(p->net, 0x20);
	p->two = node_new(p->net, 0x80);
	node_first(p->one);
	node_join(p->two, p->one, RELOAD_ROLE_PEER);
	*state = p;
	return 0;
}

static int pair_free(void **state)
{
	struct pair *p = *state;
	net_free(p->net);
	free(p);
	return 0;
}

/* STO-14: who comes back finds its certificate there, and appends no second one */
static void who_comes_back_finds_it_there(void **state)
{
	struct pair *p = *state;
	/* R-8-01 R-8-02: under the user name and under the Node-ID */
	assert_int_equal(p->two->events[RELOAD_EV_CERTIFICATE_STORED], 2);
	reload_peer_leave(p->two->peer, false);
	net_pass(p->net, RING_PAUSE_MS);
	assert_int_equal(p->two->state, RELOAD_STATE_ENROLLED);
	node_join(p->two, p->one, RELOAD_ROLE_PEER);
	assert_int_equal(p->two->state, RELOAD_STATE_JOINED);
	assert_int_equal(p->two->events[RELOAD_EV_CERTIFICATE_STORED], 2);
}

/* Nothing is stored by a node that has left before it was time. */
static void who_leaves_stores_nothing(void **state)
{
	struct pair *p = *state;
	struct node *late = node_new(p->net, 0x50);
	struct reload_ip_port address = node_address(p->one);
	node_start(late, RELOAD_ROLE_PEER);
	assert_int_equal(reload_peer_join(late->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_OK);
	for (int i = 0; i < 100 && late->state != RELOAD_STATE_JOINED; i++)
		net_pass(p->net, 10);
	assert_int_equal(late->state, RELOAD_STATE_JOINED);
	assert_int_equal(late->events[RELOAD_EV_CERTIFICATE_STORED], 0);
	reload_peer_leave(late->peer, true);
	net_pass(p->net, 2 * RING_PAUSE_MS);
	assert_int_equal(late->events[RELOAD_EV_CERTIFICATE_STORED], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_comes_back_finds_it_there, pair_new, pair_free),
		cmocka_unit_test_setup_teardown(who_leaves_stores_nothing, pair_new, pair_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
