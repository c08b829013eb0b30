/* Links of an overlay with a shared secret: who is at their other end is learned from what it signs (RFC 6940 s13.4, CFG-14). */
#include "engine_expect.h"

#include "peer/internal.h"

struct trio {
	struct net *net;
	struct node *a, *b, *c;
};

static int trio_new(void **state)
{
	struct trio *t = RELOAD_NEW(trio);
	t->net = net_new();
	struct net_document d = net_document(t->net);
	d.draft.shared_secret = "correct horse battery staple";
	net_configure(t->net, &d);
	t->a = node_new(t->net, 0x10);
	t->b = node_new(t->net, 0x50);
	t->c = node_new(t->net, 0x90);
	node_first(t->a);
	*state = t;
	return 0;
}

static int trio_free(void **state)
{
	struct trio *t = *state;
	net_free(t->net);
	free(t);
	return 0;
}

static struct reload_connection *connection(struct node *n, struct node *other)
{
	return reload_connection_by_node(n->peer->connections, &other->id);
}

static void a_ring_forms(void **state)
{
	struct trio *t = *state;
	node_join(t->b, t->a, RELOAD_ROLE_PEER);
	node_join(t->c, t->a, RELOAD_ROLE_CLIENT);
	assert_int_equal(t->b->state, RELOAD_STATE_JOINED);
	assert_int_equal(t->c->state, RELOAD_STATE_JOINED);
	/* R-13.4-01: the link came up without a certificate, and both ends know whose it is */
	assert_ptr_equal(connection(t->a, t->b)->cert->ops, t->b->credentials.cert->ops);
	assert_true(span_eq(connection(t->a, t->b)->cert->der, t->b->credentials.cert->der));
	assert_true(span_eq(connection(t->b, t->a)->cert->der, t->a->credentials.cert->der));
	struct reload_destination to = dest(t->c);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct outcome *o = outcome_new(t->net);
	enum reload_err err;
	assert_non_null(reload_peer_ping(t->b->peer, &target, 0, outcome_fn, o, &err));
	net_pass(t->net, 1000);
	assert_int_equal(o->err, RELOAD_OK);
}

static bool no_ping_answer_of(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_copy_of(net, p));
	return !m || p->from != net->tap_arg ||
	       (m->code != RELOAD_PING_ANS && m->code != RELOAD_PING_REQ);
}

/* A member that connects and does not say who it is. */
static void who_says_nothing_loses_the_link(void **state)
{
	struct trio *t = *state;
	t->net->tap = no_ping_answer_of;
	t->net->tap_arg = t->b;
	node_start(t->b, RELOAD_ROLE_PEER);
	net_link(t->b, t->a);
	net_settle(t->net);
	assert_non_null(net_link_between(t->a, t->b));
	assert_null(connection(t->a, t->b));
	net_pass(t->net, 10000);
	assert_null(net_link_between(t->a, t->b));
}

/* Before it has said that, nothing that it brings from others is taken. */
static void nothing_is_passed_on_for_it(void **state)
{
	struct trio *t = *state;
	struct reload_ping_req ping = { 0 };
	struct reload_destination to = dest(t->a), via = dest(t->c);
	t->net->tap = no_ping_answer_of;
	t->net->tap_arg = t->b;
	node_start(t->b, RELOAD_ROLE_PEER);
	net_link(t->b, t->a);
	net_settle(t->net);
	t->net->tap = NULL;
	struct craft c = craft(t->c, RELOAD_PING_REQ, &ping, &to);
	c.via[0] = via;
	c.via_count = 1;
	uint64_t before = counted(t->a, RELOAD_COUNT_DROP_NO_NODE_ID);
	say(t->b, t->a, craft_bytes(&c));
	assert_int_equal(counted(t->a, RELOAD_COUNT_DROP_NO_NODE_ID), before + 1);
	assert_null(connection(t->a, t->b));
	assert_null(connection(t->a, t->c));
}

/* A link without a certificate is none where the document has no secret. */
static void it_takes_a_secret(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *n = node_new(net, 0x10);
	node_first(n);
	reload_peer_link_up(n->peer, 0x80000005u, NULL);
	net_settle(net);
	assert_int_equal(n->events[RELOAD_EV_LINK_REFUSED], 1);
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	assert_int_equal(s.links, 0);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_ring_forms, trio_new, trio_free),
		cmocka_unit_test_setup_teardown(
			who_says_nothing_loses_the_link, trio_new, trio_free),
		cmocka_unit_test_setup_teardown(nothing_is_passed_on_for_it, trio_new, trio_free),
		cmocka_unit_test(it_takes_a_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
