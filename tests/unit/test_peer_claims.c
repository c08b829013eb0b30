/* Addresses that others claim: remembered is only what this node dialled itself and whose certificate fitted. */
#include "engine_expect.h"

#include "membership/cached_peers.h"
#include "peer/internal.h"

/*
 * Two rings: x, at the configured address, alone; u and liar.  The liar says that it listens where x does, as a node of another
 * site with the same private addresses would.
 */
struct two_rings {
	struct net *net;
	struct node *x, *u, *liar;
	struct reload_ip_port place;
};

static int rings_setup(void **state)
{
	struct two_rings *t = RELOAD_NEW(two_rings);
	t->net = net_new();
	t->x = node_new(t->net, 0x80);
	t->u = node_new(t->net, 0x40);
	t->liar = node_new(t->net, 0xc0);
	t->place = node_address(t->x);
	t->liar->claimed = &t->place;
	node_first(t->liar);
	t->x->deaf = true;
	node_join(t->u, t->liar, RELOAD_ROLE_PEER);
	assert_int_equal(t->u->state, RELOAD_STATE_JOINED);
	*state = t;
	return 0;
}

static int rings_teardown(void **state)
{
	struct two_rings *t = *state;
	net_free(t->net);
	free(t);
	return 0;
}

#define rings_test(f) cmocka_unit_test_setup_teardown(f, rings_setup, rings_teardown)

/* Nobody is there: nothing is remembered of it. */
static void nobody_at_the_claimed_address(void **state)
{
	struct two_rings *t = *state;
	const struct reload_ip_port truth = node_address(t->liar);
	net_pass(t->net, 60 * RELOAD_SECOND);
	assert_true(has_reached_at(t->u, &truth));
	/* R-11.4-05: only what this node was connected to may be cached */
	assert_false(has_reached_at(t->u, &t->place));
}

/* R-10.7.4-12: the configured bootstrap node is looked for, whoever claims to be it */
static void claimed_bootstrap_node_is_asked(void **state)
{
	struct two_rings *t = *state;
	node_first(t->x);
	t->x->deaf = false;
	net_pass(t->net, 1800 * RELOAD_SECOND);
	const struct node *const all[] = { t->x, t->u, t->liar };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct reload_status s;
		reload_peer_status(all[i]->peer, &s);
		assert_int_equal(s.tables.successors_count, 2);
	}
	assert_true(reload_cached_peers_has(t->u->peer->membership, &t->x->id));
}

/* Another node is there, with a certificate of its own. */
static void another_at_the_claimed_address(void **state)
{
	struct two_rings *t = *state;
	node_start(t->x, RELOAD_ROLE_PEER); /* it takes links and is in no ring */
	t->x->deaf = false;
	net_pass(t->net, 60 * RELOAD_SECOND);
	assert_false(has_reached_at(t->u, &t->place));
}

/* A neighbour b says in an Attach that a node listens at that address; returns the node, which has become a neighbour. */
static struct node *claims(struct ring *r, const struct reload_ip_port *at)
{
	struct node *n = node_new(r->net, 0x60);
	struct reload_ice_candidate candidate = { .addr_port = *at,
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST };
	struct reload_attach body = {
		.role = span_str("passive"), .candidates = &candidate, .candidates_count = 1
	};
	struct reload_destination to = dest(r->u);
	struct craft c = craft(n, RELOAD_ATTACH_REQ, &body, &to);
	c.via[0] = dest(n);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	node_ready(n, r->u);
	net_pass(r->net, 60 * RELOAD_SECOND);
	return n;
}

/* R-6.5.1.13-03: a peer claims the address of another one, whose certificate does not fit */
static void address_of_another_peer(void **state)
{
	struct ring *r = *state;
	const struct reload_ip_port theirs = node_address(r->c);
	unsigned opened = r->u->opened;
	struct node *n = claims(r, &theirs);
	/* once for the Attach, once for the claim */
	assert_int_equal(r->u->opened, opened + 2);
	assert_false(has_reached_at(r->u, &theirs));
	assert_false(reload_cached_peers_has(r->u->peer->membership, &n->id));
}

/* A claimed address where nobody can be is dialled neither for the Attach nor for the claim. */
static void address_of_a_group(void **state)
{
	struct ring *r = *state;
	const struct reload_ip_port group = {
		.type = RELOAD_IPV4, .addr = { 239, 0, 0, (uint8_t)r->c->index }, .port = 6084
	};
	unsigned opened = r->u->opened;
	(void)claims(r, &group);
	assert_int_equal(r->u->opened, opened);
}

/* R-4.5-04: the neighbours are remembered, whoever dialled */
static void neighbours_are_proven(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *b = node_new(net, 0xc0), *c = node_new(net, 0x20);
	node_first(u);
	node_join(b, u, RELOAD_ROLE_PEER);
	node_join(c, u, RELOAD_ROLE_PEER);
	net_pass(net, 5 * RELOAD_SECOND);
	/* one of them dialled at the join, the other makes a link for it */
	assert_true(reload_cached_peers_has(b->peer->membership, &u->id));
	assert_true(reload_cached_peers_has(c->peer->membership, &u->id));
	assert_true(reload_cached_peers_has(b->peer->membership, &c->id));
	assert_true(reload_cached_peers_has(c->peer->membership, &b->id));
	assert_false(reload_cached_peers_has(c->peer->membership, &c->id));
	/* and no link is left of that */
	struct reload_peer_link links[8];
	assert_int_equal(reload_peer_links(u->peer, links, 8), 2);
	net_free(net);
}

/* Who is in no table claims what it likes: its Attach has one dial, its claim none. */
static void claim_of_a_stranger(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x60);
	const struct reload_ip_port theirs = node_address(r->c);
	struct reload_ice_candidate candidate = { .addr_port = theirs,
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST };
	struct reload_attach body = {
		.role = span_str("passive"), .candidates = &candidate, .candidates_count = 1
	};
	struct reload_destination to = dest(r->u);
	struct craft c = craft(n, RELOAD_ATTACH_REQ, &body, &to);
	c.via[0] = dest(n);
	c.via_count = 1;
	unsigned opened = r->u->opened;
	say(r->b, r->u, craft_bytes(&c));
	net_pass(r->net, 60 * RELOAD_SECOND);
	assert_int_equal(r->u->opened, opened + 1);
	assert_false(has_reached_at(r->u, &theirs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rings_test(nobody_at_the_claimed_address),
		rings_test(claimed_bootstrap_node_is_asked),
		rings_test(another_at_the_claimed_address),
		ring_test(address_of_another_peer),
		ring_test(address_of_a_group),
		ring_test(claim_of_a_stranger),
		cmocka_unit_test(neighbours_are_proven),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
