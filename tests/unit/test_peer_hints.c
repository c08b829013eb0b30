/* Addresses that were heard on the local network: dialled few at a time, and the certificate decides. */
#include "engine_expect.h"

enum {
	FORGED = 50,
	LIMIT_MS = 10000
};

struct lan {
	struct net *net;
	struct node *first, *second, *n;
};

/* A ring of two, neither of them at the configured address, where nobody is; n knows no other. */
static int lan_new(void **state)
{
	struct lan *l = RELOAD_NEW(lan);
	l->net = net_new();
	node_new(l->net, 0xf0);
	l->first = node_new(l->net, 0x10);
	l->second = node_new(l->net, 0x90);
	l->n = node_new(l->net, 0x40);
	l->net->nodes[0].deaf = true;
	node_first(l->first);
	node_join(l->second, l->first, RELOAD_ROLE_PEER);
	node_start(l->n, RELOAD_ROLE_PEER);
	*state = l;
	return 0;
}

static int lan_free(void **state)
{
	struct lan *l = *state;
	net_free(l->net);
	free(l);
	return 0;
}

static size_t dials_of(const struct node *n)
{
	size_t count = 0;
	for (size_t i = 0; i < NET_LINKS; i++)
		count +=
			n->net->links[i].state == NET_LINK_DIALLED && n->net->links[i].ends[0] == n;
	return count;
}

static struct reload_ip_port forged(size_t i)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 10, 0, 1, (uint8_t)(100 + i) }, .port = 7000
	};
}

/* B22: 50 announcements of addresses where nothing answers, and a true one. */
static void the_true_one_is_found_among_forged_ones(void **state)
{
	struct lan *l = *state;
	struct reload_ip_port hints[FORGED + 1];
	size_t most = 0;
	reload_ms until = l->net->now + LIMIT_MS;
	l->net->black_holes = true;
	for (size_t i = 0; i < FORGED; i++)
		hints[i] = forged(i);
	hints[FORGED] = node_address(l->second);
	reload_peer_hint(l->n->peer, hints, COUNT_OF(hints));
	assert_int_equal(reload_peer_join(l->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	while (l->n->state != RELOAD_STATE_JOINED && l->net->now < until) {
		net_pass(l->net, 20);
		size_t now = dials_of(l->n);
		most = now > most ? now : most;
	}
	assert_int_equal(l->n->state, RELOAD_STATE_JOINED);
	/* 3 hints, and a candidate of the search itself */
	assert_in_range(most, 3, 4);
	/* nothing is left of the others */
	assert_int_equal(dials_of(l->n), 0);
}

/* More hints than are kept: the newest ones count, however many came before. */
static void the_newest_ones_are_kept(void **state)
{
	struct lan *l = *state;
	struct reload_ip_port hint = node_address(l->second);
	for (size_t i = 0; i < 1000; i++) {
		struct reload_ip_port at = forged(i % 100);
		at.port = (uint16_t)(7000 + i);
		reload_peer_hint(l->n->peer, &at, 1);
	}
	reload_peer_hint(l->n->peer, &hint, 1);
	assert_int_equal(reload_peer_join(l->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(l->net, LIMIT_MS);
	assert_int_equal(l->n->state, RELOAD_STATE_JOINED);
	assert_true(l->n->opened < 200);
}

/* A node that listens and is in no ring leads nowhere: the route is asked for first. */
static void a_node_outside_of_the_overlay_is_passed_over(void **state)
{
	struct lan *l = *state;
	struct node *outside = node_new(l->net, 0x60);
	node_start(outside, RELOAD_ROLE_PEER);
	struct reload_ip_port hints[] = { node_address(outside), node_address(l->second) };
	reload_peer_hint(l->n->peer, hints, 2);
	assert_int_equal(reload_peer_join(l->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(l->net, LIMIT_MS);
	assert_int_equal(l->n->state, RELOAD_STATE_JOINED);
	struct reload_status s;
	reload_peer_status(l->n->peer, &s);
	assert_true(reload_id_eq(&s.bootstrap_peer, &l->second->id));
}

/* A hint that comes while the node waits to try again ends the pause. */
static void a_hint_hastens_the_next_attempt(void **state)
{
	struct lan *l = *state;
	struct reload_ip_port hint = node_address(l->second);
	assert_int_equal(reload_peer_join(l->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(l->net, 300000);
	assert_int_not_equal(l->n->state, RELOAD_STATE_JOINED);
	reload_peer_hint(l->n->peer, &hint, 1);
	net_pass(l->net, 5000);
	assert_int_equal(l->n->state, RELOAD_STATE_JOINED);
}

/* B22: a new address every tenth of a second, where somebody refuses: third parties are not dialled without end. */
static void news_without_end_do_not_hasten_without_end(void **state)
{
	struct lan *l = *state;
	assert_int_equal(reload_peer_join(l->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(l->net, 300000);
	unsigned before = l->n->opened;
	for (size_t i = 0; i < 3000; i++) {
		struct reload_ip_port at = forged(i % 100);
		at.port = (uint16_t)(7000 + i);
		reload_peer_hint(l->n->peer, &at, 1);
		net_pass(l->net, 100);
	}
	/* 64 in each of about ten searches in 300 s */
	assert_in_range(l->n->opened - before, 64, 1000);
	/* and the true one is found all the same */
	struct reload_ip_port hint = node_address(l->second);
	reload_peer_hint(l->n->peer, &hint, 1);
	net_pass(l->net, 70000);
	assert_int_equal(l->n->state, RELOAD_STATE_JOINED);
}

/* What is no address of a node, or this node's own, is dialled by nobody. */
static void own_and_impossible_addresses_are_left_out(void **state)
{
	struct lan *l = *state;
	struct reload_ip_port hints[] = { node_address(l->n),
		{ .type = RELOAD_IPV4, .addr = { 224, 0, 0, 1 }, .port = 7000 },
		{ .type = RELOAD_IPV4, .addr = { 10, 0, 1, 100 }, .port = 0 } };
	unsigned before = l->n->opened;
	reload_peer_hint(l->n->peer, hints, COUNT_OF(hints));
	assert_int_equal(reload_peer_join(l->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_settle(l->net);
	assert_int_equal(l->n->opened, before + 1); /* the configured one */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_true_one_is_found_among_forged_ones, lan_new, lan_free),
		cmocka_unit_test_setup_teardown(the_newest_ones_are_kept, lan_new, lan_free),
		cmocka_unit_test_setup_teardown(
			a_node_outside_of_the_overlay_is_passed_over, lan_new, lan_free),
		cmocka_unit_test_setup_teardown(a_hint_hastens_the_next_attempt, lan_new, lan_free),
		cmocka_unit_test_setup_teardown(
			news_without_end_do_not_hasten_without_end, lan_new, lan_free),
		cmocka_unit_test_setup_teardown(
			own_and_impossible_addresses_are_left_out, lan_new, lan_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
