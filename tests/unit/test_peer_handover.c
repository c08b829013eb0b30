/* What is handed over to nodes that come, go and come again. */
#include "engine_expect.h"

/* -- hand-overs ----------------------------------------------------------------------------------------------------------- */

struct handing {
	struct net *net;
	struct node *u, *n, *s;
};

/* u is alone and holds a value of s; n will own it. */
static struct handing handing_new(void)
{
	struct handing h = { .net = net_new() };
	h.u = node_new(h.net, 0x80);
	node_first(h.u);
	h.n = node_new(h.net, 0x70);
	h.s = node_storing(h.net, h.u, K_NODE);
	struct crafted_store *store = store_of(h.s, K_NODE, "value", 0);
	assert_true(reload_id_between(&h.u->id, &store->resource, &h.n->id));
	struct craft c = craft_store(h.s, h.u, store);
	net_link(h.s, h.u);
	expect_answer(h.s, tell(&c, h.u), RELOAD_STORE_ANS);
	net_link(h.n, h.u);
	forget(h.n);
	return h;
}

static bool had_values_at_join(const struct reload_msg *m, const char *words)
{
	const struct reload_store_req *req = &m->body.store_req;
	for (size_t k = 0; k < req->kind_data_count; k++)
		for (size_t v = 0; v < req->kind_data[k].values_count; v++)
			if (span_eq(req->kind_data[k].values[v].value.value, span_str(words)))
				return true;
	return false;
}

/* CHORD-11: what is stored at the Admitting Peer after the walk has passed goes to the Joining Node as well */
static void stored_while_handing_over(void **state)
{
	(void)state;
	struct handing h = handing_new();
	struct craft c = craft_join(h.n, &h.n->id, h.u);
	expect_answer(h.n, tell(&c, h.u), RELOAD_JOIN_ANS);
	assert_non_null(heard_code(h.n, RELOAD_STORE_REQ));
	h.net->now++;
	c = craft_value(h.s, h.u, K_NODE, "newer", 0);
	expect_answer(h.s, tell(&c, h.u), RELOAD_STORE_ANS);
	struct reload_msg *m;
	bool found = false;
	while ((m = heard_code(h.n, RELOAD_STORE_REQ)))
		found |= had_values_at_join(m, "newer");
	assert_true(found);
	assert_null(
		heard_code(h.n, RELOAD_UPDATE_REQ)); /* n is not admitted before it has the data */
	net_free(h.net);
}

static void hand_over_to_who_is_gone(void **state)
{
	(void)state;
	struct handing h = handing_new();
	struct craft c = craft_join(h.n, &h.n->id, h.u);
	expect_answer(h.n, tell(&c, h.u), RELOAD_JOIN_ANS);
	net_link_between(h.n, h.u)->state = NET_LINK_NONE;
	reload_peer_link_down(h.u->peer, 0x80000001u, RELOAD_LINK_DOWN);
	net_pass(h.net, 120000);
	/* what was under way fails once and is not repeated */
	assert_in_range(h.u->events[RELOAD_EV_REPLICA_FAILED], 1, 3);
	net_free(h.net);
}

/* -- coming and going -------------------------------------------------------------------------------------------------------- */

static void leaves_while_it_asks_who_is_there(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct reload_id two[] = { id_at(0x20), id_at(0x21) };
	struct node *b =
		node_new_of(net, &(struct reload_sim_cert_form){ .user = "two@" RELOAD_SIM_OVERLAY,
					 .overlay = RELOAD_SIM_OVERLAY,
					 .nodes = two,
					 .nodes_count = 2 });
	struct node *u = node_new(net, 0x80);
	node_join(u, b, RELOAD_ROLE_PEER);
	assert_non_null(heard_code(b, RELOAD_PING_REQ));
	reload_peer_leave(u->peer, true);
	net_pass(net, 20000);
	assert_int_equal(u->state, RELOAD_STATE_ENROLLED);
	struct reload_ip_port address = node_address(b);
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_OK);
	net_free(net);
}

/* The links of before are forgotten with it: nothing is sent to a node that is no more. */
static void comes_back(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *b = node_new(net, 0xc0), *c = node_new(net, 0x20);
	node_first(u);
	node_join(b, u, RELOAD_ROLE_PEER);
	node_join(c, u, RELOAD_ROLE_PEER);
	reload_peer_leave(c->peer, true);
	net_pass(net, 4000);
	assert_int_equal(c->state, RELOAD_STATE_ENROLLED);
	reload_peer_leave(b->peer, false);
	net_pass(net, 20000);
	unsigned timeouts = c->events[RELOAD_EV_REQUEST_TIMEOUT];
	node_join(c, u, RELOAD_ROLE_PEER);
	assert_int_equal(c->state, RELOAD_STATE_JOINED);
	net_pass(net, 20000);
	/* but one Ping to b, which it may remember and which takes links still */
	assert_in_range(c->events[RELOAD_EV_REQUEST_TIMEOUT], timeouts, timeouts + 1);
	net_free(net);
}

static struct node *node_of_two(struct net *net, uint8_t own, uint8_t other)
{
	struct reload_id two[] = { id_at(own), id_at(other) };
	return node_new_of(net, &(struct reload_sim_cert_form){ .user = "two@" RELOAD_SIM_OVERLAY,
					.overlay = RELOAD_SIM_OVERLAY,
					.nodes = two,
					.nodes_count = 2 });
}

/* Two nodes of one user, each with one of the Node-IDs that stand in the certificates of both, are neighbours. */
static void neighbours_of_one_certificate(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_of_two(net, 0x80, 0x20), *v = node_of_two(net, 0x20, 0x80);
	node_first(u);
	node_join(v, u, RELOAD_ROLE_PEER);
	/* R-4.2.1-05 */
	assert_int_equal(v->state, RELOAD_STATE_JOINED);
	struct reload_status status;
	reload_peer_status(u->peer, &status);
	assert_int_equal(status.tables.successors_count, 1);
	assert_true(reload_id_eq(&status.tables.successors[0], &v->id));
	net_free(net);
}

struct shout {
	struct node *by;
	unsigned stores, updates;
	size_t bytes;      /* of Stores, each transaction once */
	uint64_t seen[64]; /* their transactions */
	size_t seen_count;
};

static bool is_repeated(struct shout *s, uint64_t transaction)
{
	for (size_t i = 0; i < s->seen_count; i++)
		if (s->seen[i] == transaction)
			return true;
	assert_true(s->seen_count < COUNT_OF(s->seen));
	s->seen[s->seen_count++] = transaction;
	return false;
}

static bool shout_tap(struct net *net, struct packet *p)
{
	struct shout *s = net->tap_arg;
	const struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	s->stores += p->from == s->by && m->code == RELOAD_STORE_REQ;
	if (p->from == s->by && m->code == RELOAD_STORE_REQ &&
		!is_repeated(s, m->header.transaction_id))
		s->bytes += p->len;
	s->updates += p->from == s->by && m->code == RELOAD_UPDATE_REQ;
	return true;
}

/* Two nodes of a ring between which another one joins. */
struct between {
	struct node *before, *joins;
};

static bool no_stores_from_before(struct net *net, struct packet *p)
{
	const struct between *b = net->tap_arg;
	return p->from != b->before || p->to != b->joins ||
	       msg_of(net, span_of(p->at, p->len))->code != RELOAD_STORE_REQ;
}

/*
 * Who joins is the first replica of its predecessor, which may fail before it sent anything; the Admitting Peer has all that as
 * well.
 */
static void replicas_come_from_the_admitting_peer(void **state)
{
	(void)state;
	static const uint8_t others[] = { 0xc0, 0xe0, 0x10 };
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *ring[COUNT_OF(others)];
	node_first(u);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		ring[i] = node_new(net, others[i]);
		node_join(ring[i], u, RELOAD_ROLE_PEER);
	}
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	assert_true(reload_id_between(&ring[2]->id, &store->resource, &u->id));
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	net_pass(net, 1000);
	struct node *n = node_new(net, 0xa0);
	struct between b = { .before = u, .joins = n };
	net->tap = no_stores_from_before;
	net->tap_arg = &b;
	node_join(n, u, RELOAD_ROLE_PEER);
	net_pass(net, 1000);
	net->tap = NULL;
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	assert_non_null(
		n->storage->ops->find(n->storage, &store->resource, K_NODE, &place, host_wall(n)));
	net_free(net);
}

/* The predecessor says again and again that it would join: it was given its range, and is told that it is in. */
static void joins_again_and_again(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *n = node_new(net, 0x70);
	node_first(u);
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	assert_true(reload_id_between(&u->id, &store->resource, &n->id));
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	node_join(n, u, RELOAD_ROLE_PEER);
	net_pass(net, 1000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	struct shout heard = { .by = u };
	unsigned tables = u->events[RELOAD_EV_ROUTING_CHANGED];
	net->tap = shout_tap;
	net->tap_arg = &heard;
	for (unsigned i = 1; i <= 5; i++) {
		c = craft_join(n, &n->id, u);
		tell(&c, u);
		net_pass(net, 100);
		assert_int_equal(heard.updates, i);
	}
	assert_int_equal(heard.stores, 0);
	assert_int_equal(u->events[RELOAD_EV_ROUTING_CHANGED], tables);
	/* much later it may have forgotten all */
	net_pass(net, 15000);
	c = craft_join(n, &n->id, u);
	tell(&c, u);
	net_pass(net, 1000);
	assert_true(heard.stores > 0);
	net->tap = NULL;
	net_free(net);
}

/* A node connects, asks to be admitted, goes and comes again: it is sent its range eight times, and then ever more seldom. */
static void comes_and_goes(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *n = node_new(net, 0x70);
	node_first(u);
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	struct shout heard = { .by = u };
	net->tap = shout_tap;
	net->tap_arg = &heard;
	size_t once = 0, stays = 0;
	for (int i = 0; i < 20; i++) {
		size_t before = heard.bytes;
		c = craft_join(n, &n->id, u);
		tell(&c, u);
		net_pass(net, 2000);
		stays += heard.bytes > before;
		once = once ? once : heard.bytes;
		struct net_link *l = net_link_between(n, u);
		uint32_t number = number_at(u, n);
		l->state = NET_LINK_NONE;
		reload_peer_link_down(u->peer, number, RELOAD_LINK_DOWN);
		net_pass(net, 1000);
		forget(n);
	}
	/* a minute: at once eight times, then after 4, 8, 16 and 32 s; and fewer, as it answers nothing */
	assert_in_range(stays, 4, 12);
	assert_in_range(heard.bytes, 4 * once, 12 * (once + 64));
	net->tap = NULL;
	net_free(net);
}

/* Its own address among the bootstrap nodes: it finds itself there and does not stay. */
static void bootstrap_is_itself(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_of_two(net, 0x80, 0x20);
	node_join(u, u, RELOAD_ROLE_PEER);
	net_pass(net, 1000);
	struct reload_peer_link links[8];
	assert_int_not_equal(u->state, RELOAD_STATE_JOINED);
	assert_int_not_equal(u->state, RELOAD_STATE_ATTACHING);
	net->hold_dials = true;
	net_pass(net, 100);
	assert_int_equal(reload_peer_links(u->peer, links, 8), 0);
	net_free(net);
}

static void updates_to_a_client(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *a = node_new(net, 0x20), *k = node_new(net, 0x80);
	node_join(k, a, RELOAD_ROLE_CLIENT);
	struct reload_msg *m = heard_code(a, RELOAD_ATTACH_REQ);
	assert_non_null(m);
	struct reload_ice_candidate candidate = { .addr_port = node_address(a),
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST };
	struct reload_attach body = {
		.role = span_str("active"), .candidates = &candidate, .candidates_count = 1
	};
	struct craft c = reply(a, m, RELOAD_ATTACH_ANS, &body);
	tell(&c, k);
	assert_int_equal(k->state, RELOAD_STATE_JOINED);
	forget(a);
	for (int i = 0; i < 30; i++)
		node_ready(a, k);
	assert_int_equal(heard_count(a, RELOAD_ATTACH_REQ), 1);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_while_handing_over),
		cmocka_unit_test(hand_over_to_who_is_gone),
		cmocka_unit_test(leaves_while_it_asks_who_is_there),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(updates_to_a_client),
		cmocka_unit_test(neighbours_of_one_certificate),
		cmocka_unit_test(replicas_come_from_the_admitting_peer),
		cmocka_unit_test(joins_again_and_again),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(bootstrap_is_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
