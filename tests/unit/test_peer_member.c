/* A node's own way into the ring and out of it, as a peer and as a client (RFC 6940 s6.4.2, s10.5). */
#include "engine_expect.h"

/* -- a node's own life ------------------------------------------------------------------------------------------------------ */

static void first_and_second(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *second = node_new(net, 0x90);
	struct reload_status s;
	node_start(first, RELOAD_ROLE_PEER);
	reload_peer_status(first->peer, &s);
	assert_int_equal(s.state, RELOAD_STATE_ENROLLED);
	assert_int_equal(s.range_from.len, 0);
	/* R-6.4.2.1-09 R-4.5-03 R-10.1-03: declared to be the first, it owns the whole ring */
	assert_int_equal(reload_peer_first(first->peer), RELOAD_OK);
	assert_int_equal(reload_peer_first(first->peer), RELOAD_EXISTS);
	net_pass(net, RING_PAUSE_MS);
	reload_peer_status(first->peer, &s);
	assert_int_equal(s.state, RELOAD_STATE_JOINED);
	assert_int_equal(s.responsible_ppb, 1000000000);
	node_join(second, first, RELOAD_ROLE_PEER);
	reload_peer_status(second->peer, &s);
	/* R-4.5-02 R-10.5-01 R-11.4-01 */
	assert_int_equal(s.state, RELOAD_STATE_JOINED);
	assert_true(reload_id_eq(&s.bootstrap_peer, &first->id));
	assert_true(reload_id_eq(&s.admitting_peer, &first->id));
	assert_int_equal(s.responsible_ppb, 500000000);
	assert_true(reload_id_eq(&s.tables.successors[0], &first->id));
	reload_peer_status(first->peer, &s);
	assert_true(reload_id_eq(&s.range_from, &second->id));
	/* R-10.5-04: each is a member of the other's tables */
	assert_true(reload_id_eq(&s.tables.predecessors[0], &second->id));
	net_free(net);
}

struct order {
	uint16_t codes[64];
	size_t from[64], count;
	struct reload_msg *attach, *join;
};

static bool order_tap(struct net *net, struct packet *p)
{
	struct order *o = net->tap_arg;
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	if (o->count < COUNT_OF(o->codes)) {
		o->from[o->count] = p->from->index;
		o->codes[o->count++] = m->code;
	}
	if (m->code == RELOAD_ATTACH_REQ && !o->attach)
		o->attach = m;
	if (m->code == RELOAD_JOIN_REQ)
		o->join = m;
	return true;
}

static size_t first_sent(const struct order *o, size_t from, uint16_t code)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->codes[i] == code && o->from[i] == from)
			return i;
	return SIZE_MAX;
}

static void messages_of_a_join(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *ap = node_new(net, 0x10), *jn = node_new(net, 0x90);
	struct order o = { .count = 0 };
	node_first(ap);
	net->tap = order_tap;
	net->tap_arg = &o;
	node_join(jn, ap, RELOAD_ROLE_PEER);
	net->tap = NULL;
	/* R-4.4-04 R-11.4-03 R-10.5-02: the link needs no Attach; the first message is one to Resource-ID n + 1 */
	assert_non_null(o.attach);
	assert_int_equal(o.codes[0], RELOAD_ATTACH_REQ);
	assert_int_equal(o.from[0], jn->index);
	struct wire_ctx ctx = net_ctx(net);
	struct rd r = rd_of(o.attach->header.destination_list);
	struct reload_destination d;
	assert_true(reload_dest_next(&r, &ctx, &d));
	while (rd_more(&r))
		assert_true(reload_dest_next(&r, &ctx, &d));
	struct reload_id next = reload_id_add_power(&jn->id, 0);
	assert_int_equal(d.type, RELOAD_DEST_RESOURCE);
	assert_true(span_eq(d.resource, reload_id_span(&next)));
	assert_true(o.attach->body.attach.send_update);
	/* R-10.5-05 R-11.4-04: Join to who answered */
	assert_non_null(o.join);
	list_is(o.join->header.destination_list, LIST(&ap->id), net);
	assert_true(reload_id_eq(&o.join->body.join_req.joining_peer_id, &jn->id));
	size_t join = first_sent(&o, jn->index, RELOAD_JOIN_REQ),
	       answered = first_sent(&o, ap->index, RELOAD_JOIN_ANS),
	       update = first_sent(&o, jn->index, RELOAD_UPDATE_REQ);
	assert_true(first_sent(&o, jn->index, RELOAD_ATTACH_REQ) < join);
	assert_true(join < answered);
	/* R-10.5-14 R-10.5-10: JN's own Updates come last */
	assert_true(answered < update && update != SIZE_MAX);
	net_free(net);
}

static bool no_tap(struct net *net, struct packet *p)
{
	(void)net;
	(void)p;
	return false;
}

static void nobody_there(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *n = node_new(net, 0x90);
	node_start(first, RELOAD_ROLE_PEER); /* not part of a ring itself */
	first->deaf = true;
	node_join(n, first, RELOAD_ROLE_PEER);
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	/* R-4.5-03: it is not in the overlay; R-6.4.2.1-08: and says so, and tries again */
	assert_int_equal(s.state, RELOAD_STATE_BOOTSTRAPPING);
	assert_int_equal(s.last_error, RELOAD_UNREACHABLE);
	assert_true(n->events[RELOAD_EV_JOIN_FAILED] > 1);
	assert_true(n->opened > 1);
	first->deaf = false;
	assert_int_equal(reload_peer_first(first->peer), RELOAD_OK);
	net_pass(net, 30000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	/* a bootstrap node that takes the link and says nothing */
	struct node *late = node_new(net, 0x50);
	net->tap = no_tap;
	node_join(late, first, RELOAD_ROLE_PEER);
	assert_int_not_equal(late->state, RELOAD_STATE_JOINED);
	net->tap = NULL;
	net_pass(net, 60000);
	assert_int_equal(late->state, RELOAD_STATE_JOINED);
	net_free(net);
}

static void leaves_in_order(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *n = node_new(net, 0x90),
		    *third = node_new(net, 0xd0);
	struct order o = { .count = 0 };
	struct reload_status s;
	node_first(first);
	node_join(n, first, RELOAD_ROLE_PEER);
	node_join(third, first, RELOAD_ROLE_PEER);
	net->tap = order_tap;
	net->tap_arg = &o;
	reload_peer_leave(n->peer, false);
	assert_int_equal(n->state, RELOAD_STATE_LEAVING);
	net_pass(net, 3000);
	net->tap = NULL;
	/* R-6.4.2.2-01 R-10.9-01: to both neighbours */
	size_t leaves = 0;
	for (size_t i = 0; i < o.count; i++)
		leaves += o.codes[i] == RELOAD_LEAVE_REQ && o.from[i] == n->index;
	assert_int_equal(leaves, 2);
	assert_int_equal(n->state, RELOAD_STATE_ENROLLED);
	reload_peer_status(n->peer, &s);
	assert_int_equal(s.links, 0);
	/* who dials it by what was true before has no link to somebody who is nobody's peer */
	net_link(first, n);
	assert_null(net_link_between(first, n));
	reload_peer_status(first->peer, &s);
	assert_int_equal(s.tables.successors_count, 1);
	assert_true(reload_id_eq(&s.tables.successors[0], &third->id));
	/* and it may come back */
	net_pass(net, 40000);
	node_join(n, first, RELOAD_ROLE_PEER);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	reload_peer_leave(n->peer, true); /* without waiting */
	assert_int_equal(n->state, RELOAD_STATE_ENROLLED);
	net_free(net);
}

static void cut_off(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *n = node_new(net, 0x90);
	node_first(first);
	node_join(n, first, RELOAD_ROLE_PEER);
	struct net_link *l = net_link_between(first, n);
	uint32_t number = number_at(n, first), other = number_at(first, n);
	l->state = NET_LINK_NONE;
	reload_peer_link_down(n->peer, number, RELOAD_LINK_DOWN);
	/* R-10.7.1-07: all links lost; it joins again */
	assert_int_equal(n->state, RELOAD_STATE_ISOLATED);
	reload_peer_link_down(first->peer, other, RELOAD_LINK_DOWN);
	net_pass(net, 60000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	assert_non_null(net_link_between(first, n));
	net_free(net);
}

static void join_answer_of_another(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x50);
	/* n is an engine that joins through u; here the test plays the one it joins at */
	struct node *ap = r->a;
	node_start(n, RELOAD_ROLE_PEER);
	struct reload_ip_port address = node_address(ap);
	assert_int_equal(reload_peer_join(n->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_OK);
	net_settle(r->net);
	struct reload_msg *m = heard_code(ap, RELOAD_ATTACH_REQ);
	assert_non_null(m);
	struct reload_ice_candidate candidate = { .addr_port = node_address(ap),
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.type = RELOAD_CAND_HOST };
	struct reload_attach body = {
		.role = span_str("active"), .candidates = &candidate, .candidates_count = 1
	};
	struct craft c = reply(ap, m, RELOAD_ATTACH_ANS, &body);
	tell(&c, n);
	struct reload_chord_update update = { .uptime = 1, .type = RELOAD_CHORD_FULL };
	struct reload_destination to = dest(n);
	c = craft(ap, RELOAD_UPDATE_REQ, &update, &to);
	tell(&c, n);
	net_pass(r->net, 8000);
	m = heard_code(ap, RELOAD_JOIN_REQ);
	assert_non_null(m);
	struct reload_join_ans ans = { 0 };
	c = reply(r->c, m, RELOAD_JOIN_ANS, &ans);
	uint64_t dropped = counted(n, RELOAD_COUNT_DROP_WRONG_RESPONDER);
	say(ap, n, craft_bytes(&c));
	/* R-6.4.2.1-07: signed by somebody else */
	assert_int_equal(counted(n, RELOAD_COUNT_DROP_WRONG_RESPONDER), dropped + 1);
}

/* -- clients -------------------------------------------------------------------------------------------------------------------- */

static void client(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *second = node_new(net, 0x90),
		    *n = node_new(net, 0x40);
	struct order o = { .count = 0 };
	node_first(first);
	node_join(second, first, RELOAD_ROLE_PEER);
	net->tap = order_tap;
	net->tap_arg = &o;
	node_join(n, first, RELOAD_ROLE_CLIENT);
	net->tap = NULL;
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	/* R-4.2.1-01: it sits at the peer that is responsible for its Node-ID */
	assert_non_null(net_link_between(n, second));
	/* R-6.5.1-04: an Attach, neither Join nor Update */
	for (size_t i = 0; i < o.count; i++)
		if (o.from[i] == n->index) {
			assert_int_not_equal(o.codes[i], RELOAD_JOIN_REQ);
			assert_int_not_equal(o.codes[i], RELOAD_UPDATE_REQ);
		}
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	assert_int_equal(s.range_from.len, 0);
	reload_peer_status(second->peer, &s);
	assert_int_equal(s.tables.successors_count, 1); /* no peer for anybody */
	/* it reaches and is reached; R-4.2.2-01 */
	struct outcome *there = outcome_new(net), *back = outcome_new(net);
	struct reload_destination to = dest(first), from = dest(n);
	struct reload_request_target target = { .list = &to, .count = 1 },
				     way_back = { .list = &from, .count = 1 };
	enum reload_err err;
	assert_non_null(reload_peer_ping(n->peer, &target, 0, outcome_fn, there, &err));
	assert_non_null(reload_peer_ping(first->peer, &way_back, 0, outcome_fn, back, &err));
	net_pass(net, 100);
	assert_int_equal(there->err, RELOAD_OK);
	assert_int_equal(there->calls, 1);
	assert_int_equal(back->err, RELOAD_OK);
	assert_int_equal(back->calls, 1);
	/* R-4.2.1-03 R-6.4.1-02: a new peer takes its place over, the client is told and moves */
	struct node *third = node_new(net, 0x60);
	node_join(third, first, RELOAD_ROLE_PEER);
	net_pass(net, 10000);
	assert_int_equal(third->state, RELOAD_STATE_JOINED);
	assert_non_null(net_link_between(n, third));
	assert_int_equal(n->events[RELOAD_EV_CLIENT_MOVED], 1); /* not for the first peer */
	reload_peer_status(n->peer, &s);
	assert_true(reload_id_eq(&s.admitting_peer, &third->id));
	net_free(net);
}

static bool no_attach_passed_on(struct net *net, struct packet *p)
{
	const struct node *second = net->tap_arg;
	struct reload_msg *m = msg_of(net, span_copy_of(net, p));
	return !m || m->code != RELOAD_ATTACH_REQ || p->to != second;
}

/* The way to the peer that is responsible for a client leads through one that forwards nothing. */
static void a_client_stays_at_its_bootstrap_peer(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *second = node_new(net, 0x90),
		    *n = node_new(net, 0x40);
	node_first(first);
	node_join(second, first, RELOAD_ROLE_PEER);
	net->tap = no_attach_passed_on;
	net->tap_arg = second;
	node_join(n, first, RELOAD_ROLE_CLIENT);
	net_pass(net, 40000);
	assert_int_not_equal(n->state, RELOAD_STATE_JOINED); /* R-4.2.1-01 */
	net_pass(net, 60000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED); /* R-4.2.1-02 */
	net->tap = NULL;
	struct outcome *there = outcome_new(net);
	struct reload_destination to = dest(second);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	assert_non_null(reload_peer_ping(n->peer, &target, 0, outcome_fn, there, &err));
	net_pass(net, 100);
	assert_int_equal(there->err, RELOAD_OK);
	net_free(net);
}

static bool no_attach_of(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_copy_of(net, p));
	return !m || m->code != RELOAD_ATTACH_REQ || p->from != net->tap_arg;
}

/* The peer of a client dies, and for a while the ring does not know who is responsible for the client now. */
static void a_client_goes_on_when_its_peer_has_died(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x10), *second = node_new(net, 0x60),
		    *third = node_new(net, 0x90), *n = node_new(net, 0x40);
	struct reload_status s;
	node_first(first);
	node_join(second, first, RELOAD_ROLE_PEER);
	node_join(third, first, RELOAD_ROLE_PEER);
	node_join(n, first, RELOAD_ROLE_CLIENT);
	reload_peer_status(n->peer, &s);
	assert_true(reload_id_eq(&s.admitting_peer, &second->id));
	net->tap = no_attach_of;
	net->tap_arg = n;
	node_cut(second);
	node_stop(second);
	net_pass(net, 1000);
	/* R-4.2.1-02: any peer serves it meanwhile, and what it says of its way names that one */
	reload_peer_status(n->peer, &s);
	assert_int_equal(s.state, RELOAD_STATE_JOINED);
	assert_true(reload_id_eq(&s.admitting_peer, &first->id));
	assert_int_equal(n->events[RELOAD_EV_CLIENT_MOVED], 1);
	net_pass(net, 34000);
	net->tap = NULL;
	assert_null(net_link_between(n, third));
	net_pass(net, 25000);
	/* R-4.2.1-01: it has asked again */
	assert_non_null(net_link_between(n, third));
	reload_peer_status(n->peer, &s);
	assert_true(reload_id_eq(&s.admitting_peer, &third->id));
	assert_int_equal(n->events[RELOAD_EV_CLIENT_MOVED], 2);
	net_free(net);
}

/* A client that knows one bootstrap node, which is the peer responsible for it as well, goes on when that one has died. */
static void a_client_outlives_its_only_bootstrap_node(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *first = node_new(net, 0x90), *second = node_new(net, 0x10),
		    *third = node_new(net, 0x20), *n = node_new(net, 0x40);
	struct reload_status s;
	node_first(first);
	node_join(second, first, RELOAD_ROLE_PEER);
	node_join(third, first, RELOAD_ROLE_PEER);
	node_join(n, first, RELOAD_ROLE_CLIENT);
	reload_peer_status(n->peer, &s);
	assert_true(reload_id_eq(&s.admitting_peer, &first->id));
	net_pass(net, 5000);
	/* R-4.2.1-02: a further link, to the peer that is responsible when this one is gone; R-11.4-05: it is dialled, and remembered */
	assert_non_null(net_link_between(n, second));
	assert_true(has_reached(n, first));
	assert_true(has_reached(n, second));
	node_cut(first);
	node_stop(first);
	net_pass(net, 60000);
	reload_peer_status(n->peer, &s);
	assert_int_equal(s.state, RELOAD_STATE_JOINED);
	assert_true(reload_id_eq(&s.admitting_peer, &second->id));
	/* R-11.4-02: nor does it need that node when it was cut off from everybody */
	node_cut(n);
	n->deaf = false;
	assert_int_equal(n->state, RELOAD_STATE_ISOLATED);
	net_pass(net, 60000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	net_free(net);
}

static void clients_not_permitted(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.no_clients = true;
	net_configure(net, &d);
	struct node *n = node_new(net, 0x40);
	node_start(n, RELOAD_ROLE_CLIENT);
	assert_int_equal(reload_peer_join(n->peer, RELOAD_ROLE_CLIENT, NULL, 0), RELOAD_FORBIDDEN);
	net_free(net);
}

/* R-4.2.1-05: a node with several Node-IDs learns who is there by Ping and says who it is by Attach. */
static void joins_with_several_ids(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct reload_id many[] = { id_at(0x10), id_at(0x11) },
			 mine[] = { id_at(0x90), id_at(0x91) };
	struct node *first = node_new_of(
		net, &(struct reload_sim_cert_form){ .user = "first@" RELOAD_SIM_OVERLAY,
			     .overlay = RELOAD_SIM_OVERLAY,
			     .nodes = many,
			     .nodes_count = 2 });
	struct node *n =
		node_new_of(net, &(struct reload_sim_cert_form){ .user = "many@" RELOAD_SIM_OVERLAY,
					 .overlay = RELOAD_SIM_OVERLAY,
					 .nodes = mine,
					 .nodes_count = 2 });
	struct order o = { .count = 0 };
	node_first(first);
	net->tap = order_tap;
	net->tap_arg = &o;
	node_join(n, first, RELOAD_ROLE_PEER);
	net->tap = NULL;
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	assert_int_equal(o.codes[0], RELOAD_PING_REQ);
	assert_true(first_sent(&o, n->index, RELOAD_ATTACH_REQ) <
		    first_sent(&o, n->index, RELOAD_JOIN_REQ));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_and_second),
		cmocka_unit_test(messages_of_a_join),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(leaves_in_order),
		cmocka_unit_test(cut_off),
		ring_test(join_answer_of_another),
		cmocka_unit_test(client),
		cmocka_unit_test(a_client_stays_at_its_bootstrap_peer),
		cmocka_unit_test(a_client_goes_on_when_its_peer_has_died),
		cmocka_unit_test(a_client_outlives_its_only_bootstrap_node),
		cmocka_unit_test(clients_not_permitted),
		cmocka_unit_test(joins_with_several_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
