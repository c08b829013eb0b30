/* Coming back: remembered peers, isolation, nodes that start again, links in doubt (RFC 6940 s4.5, s10.7.4, s11.4). */
#include "engine_expect.h"

#include "membership/internal.h"
#include "peer/internal.h"

/* Four engines: the first is the configured bootstrap node. */
struct four {
	struct net *net;
	struct node *u, *b, *c, *d;
};

static int four_setup(void **state)
{
	struct four *t = RELOAD_NEW(four);
	t->net = net_new();
	t->u = node_new(t->net, 0x80);
	t->b = node_new(t->net, 0xc0);
	t->c = node_new(t->net, 0x20);
	t->d = node_new(t->net, 0xe0);
	node_first(t->u);
	node_join(t->b, t->u, RELOAD_ROLE_PEER);
	node_join(t->c, t->u, RELOAD_ROLE_PEER);
	node_join(t->d, t->u, RELOAD_ROLE_PEER);
	*state = t;
	return 0;
}

static int four_teardown(void **state)
{
	struct four *t = *state;
	net_free(t->net);
	free(t);
	return 0;
}

#define four_test(f) cmocka_unit_test_setup_teardown(f, four_setup, four_teardown)

static struct reload_status status_of(struct node *n)
{
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	return s;
}

/* A machine that stops: the others do not know yet. */
static void vanish(struct net *net, struct node *n)
{
	node_stop(n);
	n->deaf = true;
	for (size_t i = 0; i < NET_LINKS; i++)
		if (net->links[i].ends[0] == n || net->links[i].ends[1] == n)
			net->links[i].state = NET_LINK_NONE;
}

/* -- bootstrap nodes -------------------------------------------------------------------------------------------------- */

/* b is in the ring, and passes on no Attach. */
static bool no_attach_through_b(struct net *net, struct packet *p)
{
	const struct four *t = net->tap_arg;
	return p->from != t->b || msg_of(net, span_of(p->at, p->len))->code != RELOAD_ATTACH_REQ;
}

static void a_bootstrap_node_that_forwards_nothing(void **state)
{
	struct four *t = *state;
	struct node *n = node_new(t->net, 0x30); /* its place is at u */
	struct reload_ip_port known[] = { node_address(t->b), node_address(t->u) };
	t->net->tap = no_attach_through_b;
	t->net->tap_arg = t;
	node_start(n, RELOAD_ROLE_CLIENT);
	assert_int_equal(
		reload_peer_join(n->peer, RELOAD_ROLE_CLIENT, known, COUNT_OF(known)), RELOAD_OK);
	net_pass(t->net, 20000);
	/* R-11.4-01: the first is asked, and once more */
	assert_int_equal(n->events[RELOAD_EV_JOIN_FAILED], 1);
	assert_int_equal(n->opened, 1);
	for (int i = 0; i < 20 && n->state != RELOAD_STATE_JOINED; i++)
		net_pass(t->net, 20000);
	/* then the others before that one again */
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	assert_true(n->events[RELOAD_EV_JOIN_FAILED] >= 2);
	struct reload_status s = status_of(n);
	assert_true(reload_id_eq(&s.bootstrap_peer, &t->u->id));
}

/* -- remembered peers ------------------------------------------------------------------------------------------------ */

static void second_start(void **state)
{
	struct four *t = *state;
	/* R-4.5-04: neighbours are worth keeping, whoever dialled */
	assert_true(has_reached(t->c, t->b));
	assert_true(has_reached(t->b, t->c));
	assert_true(has_reached(t->c, t->u));
	node_cut(t->c);
	node_stop(t->c);
	t->c->deaf = false;
	unsigned failed = t->c->events[RELOAD_EV_JOIN_FAILED];
	node_cut(t->u);
	node_stop(t->u);
	net_pass(t->net, 1000);
	node_start(t->c, RELOAD_ROLE_PEER);
	struct reload_ip_port known = node_address(t->b);
	reload_peer_remember(t->c->peer, &known, 1);
	assert_int_equal(reload_peer_join(t->c->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(t->net, 500);
	/* R-11.4-02 R-4.5-04: all configured bootstrap nodes are down, and are not asked first */
	assert_int_equal(t->c->events[RELOAD_EV_BOOTSTRAP_FROM_CACHE], 1);
	assert_int_equal(t->c->events[RELOAD_EV_JOIN_FAILED], failed);
	net_pass(t->net, 60000);
	assert_int_equal(t->c->state, RELOAD_STATE_JOINED);
	struct reload_status s = status_of(t->c);
	assert_true(reload_id_eq(&s.bootstrap_peer, &t->b->id));
}

static void clients_are_not_remembered(void **state)
{
	struct four *t = *state;
	struct node *client = node_new(t->net, 0xa0);
	node_join(client, t->u, RELOAD_ROLE_CLIENT);
	assert_int_equal(client->state, RELOAD_STATE_JOINED);
	/* R-4.5-04 */
	assert_false(has_reached(t->u, client));
	assert_false(has_reached(t->b, client));
}

static void remembered_are_bounded(void **state)
{
	struct four *t = *state;
	struct reload_ip_port many[100];
	struct node *n = node_new(t->net, 0x40);
	node_start(n, RELOAD_ROLE_PEER);
	t->u->deaf = false;
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct reload_ip_port){
			.type = RELOAD_IPV4, .addr = { 10, 0, 0, (uint8_t)(100 + i) }, .port = 1
		};
	many[0].port = 0; /* none that could be used */
	reload_peer_remember(n->peer, many, COUNT_OF(many));
	assert_int_equal(reload_peer_join(n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(t->net, RING_PAUSE_MS);
	/* some dead addresses are tried, then the configured one: it joins at once */
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	assert_int_equal(n->events[RELOAD_EV_JOIN_FAILED], 0);
	assert_true(n->opened < 10);
}

/* What was kept is judged as what is heard: nobody is asked where nobody can be. */
static void remembered_addresses_are_judged(void **state)
{
	struct four *t = *state;
	static const char *const texts[] = { "224.0.0.1:7001", "255.255.255.255:7001",
		"0.0.0.0:7001", "[ff02::1]:7001", "[::]:7001", "[::ffff:224.0.0.1]:7001" };
	struct reload_ip_port bad[COUNT_OF(texts)];
	struct node *n = node_new(t->net, 0x40);
	node_start(n, RELOAD_ROLE_PEER);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_int_equal(reload_ip_port_parse(&bad[i], texts[i], 0), RELOAD_OK);
	reload_peer_remember(n->peer, bad, COUNT_OF(bad));
	t->net->hold_dials = true;
	assert_int_equal(
		reload_peer_join(n->peer, RELOAD_ROLE_PEER, bad, COUNT_OF(bad)), RELOAD_OK);
	net_pass(t->net, 5000);
	for (size_t i = 0; i < NET_LINKS; i++)
		assert_int_not_equal(t->net->links[i].state, NET_LINK_DIALLED);
	assert_int_equal(n->opened, 0);
}

/* -- isolation ------------------------------------------------------------------------------------------------------- */

static void isolated_and_back(void **state)
{
	struct four *t = *state;
	node_cut(t->c);
	assert_int_equal(t->c->state, RELOAD_STATE_ISOLATED);
	assert_int_equal(t->c->events[RELOAD_EV_ISOLATED], 1);
	assert_true(t->b->events[RELOAD_EV_NEIGHBOUR_LOST] > 0);
	node_cut(t->u); /* the configured bootstrap node is gone as well */
	node_stop(t->u);
	for (struct net_link *l = t->net->links; l < t->net->links + NET_LINKS; l++)
		assert_false(l->state == NET_LINK_UP && l->ends[0] == t->c);
	/* for as long as it takes */
	t->b->deaf = t->d->deaf = true;
	net_pass(t->net, 3600 * RELOAD_SECOND);
	assert_int_equal(t->c->state, RELOAD_STATE_ISOLATED);
	unsigned tried = t->c->opened;
	net_pass(t->net, 600 * RELOAD_SECOND);
	assert_true(t->c->opened > tried + 5 && t->c->opened < tried + 200);
	/* R-4.5-04: and comes back through a peer that it had reached */
	t->b->deaf = t->d->deaf = t->c->deaf = false;
	net_pass(t->net, 180 * RELOAD_SECOND);
	assert_int_equal(t->c->state, RELOAD_STATE_JOINED);
	assert_int_equal(t->c->events[RELOAD_EV_REJOINED], 1);
	assert_int_equal(t->b->state, RELOAD_STATE_JOINED);
}

/* All neighbours are doubted for long, or only clients are left: none that answers. */
static void doubted_neighbours(void **state)
{
	struct four *t = *state;
	struct node *client = node_new(t->net, 0x1f);
	node_join(client, t->c, RELOAD_ROLE_CLIENT);
	assert_non_null(net_link_between(client, t->c));
	reload_peer_link_health(t->c->peer, number_at(t->c, t->b), false);
	reload_peer_link_health(t->c->peer, number_at(t->c, t->d), false);
	net_pass(t->net, 20000);
	reload_peer_link_health(t->c->peer, number_at(t->c, t->u), false);
	net_pass(t->net, 20000);
	reload_peer_link_health(t->c->peer, number_at(t->c, t->u), true);
	net_pass(t->net, 20000);
	assert_int_equal(t->c->events[RELOAD_EV_ISOLATED], 0); /* one of them answers again */
	reload_peer_link_health(t->c->peer, number_at(t->c, t->u), false);
	net_pass(t->net, 29000);
	assert_int_equal(t->c->events[RELOAD_EV_ISOLATED], 0);
	net_pass(t->net, 2000);
	assert_int_equal(t->c->events[RELOAD_EV_ISOLATED], 1);
	net_pass(t->net, 60000);
	assert_int_equal(t->c->state, RELOAD_STATE_JOINED);
	assert_non_null(net_link_between(client, t->c));
}

/* A first node that lost everybody is the overlay, and finds the others again. */
static void first_node_alone(void **state)
{
	struct four *t = *state;
	node_cut(t->u);
	net_pass(t->net, 120 * RELOAD_SECOND);
	/* R-4.5-03: it alone may form an overlay */
	assert_int_equal(t->u->state, RELOAD_STATE_JOINED);
	assert_int_equal(status_of(t->u).responsible_ppb, 1000000000);
	assert_int_equal(t->b->state, RELOAD_STATE_JOINED);
	t->u->deaf = false;
	net_pass(t->net, 400 * RELOAD_SECOND); /* its checks for others come ever more rarely */
	/* R-10.7.4-12: the two rings have become one */
	assert_int_equal(t->u->state, RELOAD_STATE_JOINED);
	struct reload_status s = status_of(t->u);
	assert_int_equal(s.tables.successors_count, 3);
	assert_true(reload_id_eq(&s.tables.successors[0], &t->b->id));
	assert_true(reload_id_eq(&s.tables.successors[1], &t->d->id));
	s = status_of(t->b);
	assert_int_equal(s.tables.successors_count, 3);
}

/* The same a second time, while its next search is due already. */
static void first_node_alone_again(void **state)
{
	struct four *t = *state;
	node_cut(t->u);
	struct node *others[] = { t->b, t->c, t->d };
	for (size_t i = 0; i < COUNT_OF(others); i++)
		node_stop(others[i]);
	t->b->deaf = t->c->deaf = t->d->deaf = true;
	net_pass(t->net, 400 * RELOAD_SECOND); /* until the pauses are long */
	while (!t->u->peer->membership->retry.armed ||
		t->u->peer->membership->retry.due < t->net->now + 25000)
		net_pass(t->net, 1000);
	t->u->deaf = false;
	node_join(node_new(t->net, 0x10), t->u, RELOAD_ROLE_PEER);
	node_join(node_new(t->net, 0x40), t->u, RELOAD_ROLE_PEER);
	assert_int_equal(status_of(t->u).tables.successors_count, 2);
	assert_true(t->u->peer->membership->retry.armed);
	node_cut(t->u);
	net_pass(t->net, 1000);
	/* R-4.5-03 */
	assert_int_equal(t->u->state, RELOAD_STATE_JOINED);
	assert_int_equal(status_of(t->u).responsible_ppb, 1000000000);
}

/* -- a node starts again ----------------------------------------------------------------------------------------------- */

static void joins_again(void **state)
{
	struct ring *r = *state;
	struct reload_join_req req = { .joining_peer_id = r->a->id };
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->a, RELOAD_JOIN_REQ, &req, &to);
	uint32_t old = number_at(r->u, r->a);
	net_pass(r->net, 1000);
	struct net_link *was = net_link_between(r->a, r->u);
	net_link(r->a, r->u);
	was->state = NET_LINK_NONE; /* nobody reads there any more, and u does not know */
	uint64_t id = tell(&c, r->u);
	/* R-10.5-05 (its Node-ID is still in the tables of the Admitting Peer) */
	expect_answer(r->a, id, RELOAD_JOIN_ANS);
	struct reload_peer_link links[8];
	size_t count = reload_peer_links(r->u->peer, links, COUNT_OF(links));
	for (size_t i = 0; i < count; i++)
		assert_true(links[i].link != old);
}

static void restarts(void **state)
{
	struct four *t = *state;
	vanish(t->net, t->c);
	node_start(t->c, RELOAD_ROLE_PEER);
	t->c->deaf = false;
	assert_int_equal(reload_peer_join(t->c->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_pass(t->net, 40000);
	/* u and b still believe in their links to its earlier life */
	assert_int_equal(t->c->state, RELOAD_STATE_JOINED);
	assert_int_equal(status_of(t->c).tables.successors_count, 3);
}

/* -- links in doubt -------------------------------------------------------------------------------------------------------- */

static uint32_t used;

static bool note_link(struct net *net, struct packet *p)
{
	(void)net;
	used = p->link;
	return true;
}

static void good_link_carries(void **state)
{
	struct ring *r = *state;
	struct net_link *first = net_link_between(r->a, r->u), *second = net_link(r->a, r->u);
	bool dialler = first->ends[0] == r->a;
	struct reload_destination to = dest(r->a);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	r->net->tap = note_link;
	reload_peer_link_health(r->u->peer, first->numbers[dialler], false);
	assert_non_null(
		reload_peer_ping(r->u->peer, &target, 0, outcome_fn, outcome_new(r->net), &err));
	net_settle(r->net);
	/* R-6.6-05 */
	assert_int_equal(used, second->numbers[second->ends[0] != r->a]);
	reload_peer_link_health(r->u->peer, first->numbers[dialler], true);
	assert_non_null(
		reload_peer_ping(r->u->peer, &target, 0, outcome_fn, outcome_new(r->net), &err));
	net_settle(r->net);
	assert_int_equal(used, first->numbers[!dialler]);
	r->net->tap = NULL;
}

static bool route_good; /* as the plug-in was told last */

static void on_health(struct reload_topology *t, const struct reload_id *node, bool good)
{
	(void)t, (void)node;
	route_good = good;
}

static uint32_t number_of(const struct net_link *link, const struct node *at)
{
	return link->numbers[link->ends[1] == at];
}

/* R-6.6-05: a node is routed through as long as one of the links to it is good, whichever comes or goes. */
static void the_best_link_counts(void **state)
{
	struct ring *r = *state;
	struct reload_topology_ops ops = reload_chord_topology;
	ops.link_health = on_health;
	r->u->peer->route.topology = &ops;
	uint32_t first = number_of(net_link_between(r->a, r->u), r->u);
	reload_peer_link_health(r->u->peer, first, false);
	assert_false(route_good);
	uint32_t second = number_of(net_link(r->a, r->u), r->u);
	assert_true(route_good);
	uint32_t third = number_of(net_link(r->a, r->u), r->u);
	reload_peer_link_health(r->u->peer, third, false);
	assert_true(route_good);
	reload_peer_link_down(r->u->peer, second, RELOAD_LINK_DOWN);
	assert_false(route_good); /* both that remain are in doubt */
	reload_peer_link_health(r->u->peer, third, true);
	assert_true(route_good);
	route_good = false;
	reload_peer_link_down(r->u->peer, first, RELOAD_LINK_DOWN);
	assert_true(route_good); /* the one that was in doubt is gone */
	r->u->peer->route.topology = &reload_chord_topology;
}

/* -- what the plug-in asks for ------------------------------------------------------------------------------------------------ */

static struct {
	unsigned pinged, located;
	uint32_t cookie;
	enum reload_err err;
	struct reload_id node;
} heard_of;

static void on_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	(void)t;
	heard_of.pinged++;
	heard_of.cookie = cookie;
	heard_of.err = err;
	heard_of.node = responder ? *responder : (struct reload_id){ .len = 0 };
}

static void on_located(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	(void)t;
	heard_of.located++;
	heard_of.cookie = cookie;
	heard_of.err = err;
	heard_of.node = node ? *node : (struct reload_id){ .len = 0 };
}

static struct reload_topology_ops asking;

static void listen_in(struct node *n)
{
	asking = reload_chord_topology;
	asking.pinged = on_pinged;
	asking.relocated = on_located;
	n->peer->route.topology = &asking;
	memset(&heard_of, 0, sizeof(heard_of));
}

static void ping(
	struct node *n, uint32_t cookie, const struct reload_destination *list, size_t count)
{
	struct reload_topology_host host = reload_membership_topology_host(n->peer->membership);
	reload_engine_enter(n->peer->engine);
	host.ping(host.arg, cookie, list, count);
	unsigned inside = heard_of.pinged;
	reload_engine_exit(n->peer->engine);
	assert_int_equal(inside, 0); /* never from inside the call */
	net_pass(n->net, 100);
}

static void plug_in_pings(void **state)
{
	struct four *t = *state;
	struct reload_id behind = reload_id_add_power(&t->u->id, 0);
	struct reload_destination list[] = { reload_dest_node(&t->c->id),
		reload_dest_resource(&behind) };
	listen_in(t->u);
	ping(t->u, 7, list, 2);
	/* CHORD-02, R-10.7.4-13: along the list, and whoever answers */
	assert_int_equal(heard_of.pinged, 1);
	assert_int_equal(heard_of.cookie, 7);
	assert_int_equal(heard_of.err, RELOAD_OK);
	assert_true(reload_id_eq(&heard_of.node, &t->b->id));
	listen_in(t->u);
	list[0] = reload_dest_resource(&t->u->id);
	ping(t->u, 8, list, 1);
	assert_int_equal(heard_of.pinged, 1);
	assert_true(reload_id_eq(&heard_of.node, &t->u->id));
	listen_in(t->u);
	t->c->deaf = true;
	struct reload_id nobody = id_at(0xc1);
	list[0] = reload_dest_node(&nobody);
	ping(t->u, 9, list, 1);
	assert_int_equal(heard_of.pinged, 0);
	net_pass(t->net, 20000);
	assert_int_equal(heard_of.pinged, 1);
	assert_int_equal(heard_of.err, RELOAD_TIMEOUT);
}

static void locate(struct node *n, uint32_t cookie)
{
	listen_in(n);
	struct reload_topology_host host = reload_membership_topology_host(n->peer->membership);
	reload_engine_enter(n->peer->engine);
	host.relocate(host.arg, cookie);
	assert_int_equal(heard_of.located, 0);
	reload_engine_exit(n->peer->engine);
	net_settle(n->net);
}

static void plug_in_looks(void **state)
{
	struct four *t = *state;
	locate(t->c, 3);
	/* R-10.7.4-12: the configured node, to which a link stands */
	assert_int_equal(heard_of.located, 1);
	assert_int_equal(heard_of.cookie, 3);
	assert_int_equal(heard_of.err, RELOAD_OK);
	assert_true(reload_id_eq(&heard_of.node, &t->u->id));
	/* another ring, of which c knows a member */
	struct node *other = node_new(t->net, 0x60);
	node_first(other);
	struct reload_ip_port at = node_address(other);
	reload_peer_remember(t->c->peer, &at, 1);
	locate(t->c, 4);
	assert_int_equal(heard_of.err, RELOAD_OK);
	assert_true(reload_id_eq(&heard_of.node, &other->id));
	assert_non_null(net_link_between(t->c, other));
	/* nobody came to need the link */
	net_pass(t->net, 130000);
	assert_null(net_link_between(t->c, other));
	/* u is the configured bootstrap node itself */
	locate(t->u, 5);
	assert_int_equal(heard_of.located, 1);
	assert_int_equal(heard_of.err, RELOAD_UNREACHABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		four_test(second_start),
		four_test(clients_are_not_remembered),
		four_test(remembered_are_bounded),
		four_test(remembered_addresses_are_judged),
		four_test(isolated_and_back),
		four_test(doubted_neighbours),
		four_test(first_node_alone),
		four_test(a_bootstrap_node_that_forwards_nothing),
		four_test(first_node_alone_again),
		ring_test(joins_again),
		four_test(restarts),
		ring_test(good_link_carries),
		ring_test(the_best_link_counts),
		four_test(plug_in_pings),
		four_test(plug_in_looks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
