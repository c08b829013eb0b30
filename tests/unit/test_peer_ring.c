/* Join, Leave, Update, Probe and RouteQuery at their receiver, and a node's own way into the ring and out of it. */
#include "engine_expect.h"

static void joining(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x50), *far = node_new(r->net, 0x90);
	net_link(n, r->u);
	net_link(far, r->u);
	forget(n);
	struct craft c = craft_join(n, &r->a->id, r->u);
	/* R-6.4.2.1-03 R-6.3.3.1-04: joining_peer_id is another's */
	expect_error(n, tell(&c, r->u), 2);
	c = craft_join(n, &n->id, r->u);
	c.via[0] = dest(n);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	/* R-6.4.2.1-04: u would admit n, but not over the link of b, with b in the Via List or without */
	expect_error(r->b, c.h.transaction_id, 2);
	c = craft_join(n, &n->id, r->u);
	say(r->b, r->u, craft_bytes(&c));
	expect_error(r->b, c.h.transaction_id, 2);
	c = craft_join(n, &n->id, r->u);
	c.via[0] = dest(r->b);
	c.via_count = 1;
	expect_error(n, tell(&c, r->u), 2);
	assert_int_equal(r->u->events[RELOAD_EV_JOIN_ADMITTED], 0);
	c = craft_join(far, &far->id, r->u);
	/* 90.. belongs to b */
	expect_error(far, tell(&c, r->u), 2);
	assert_int_equal(r->u->events[RELOAD_EV_JOIN_ADMITTED], 0);
	c = craft_join(n, &n->id, r->u);
	/* R-10.5-05 */
	expect_answer(n, tell(&c, r->u), RELOAD_JOIN_ANS);
	assert_int_equal(r->u->events[RELOAD_EV_JOIN_ADMITTED], 1);
}

static void hand_over_on_join(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80);
	node_first(u);
	/* every node stores under its own Node-ID; the one that joins owns what lies up to itself */
	struct node *n = node_new(net, 0x70), *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	assert_true(reload_id_between(&u->id, &store->resource, &n->id));
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	net_pass(net, 10000);
	net_link(n, u);
	forget(n);
	c = craft_join(n, &n->id, u);
	expect_answer(n, tell(&c, u), RELOAD_JOIN_ANS);
	net_pass(net, 100);
	struct reload_msg *m, *found = NULL;
	size_t stores = 0;
	while ((m = heard_code(n, RELOAD_STORE_REQ))) {
		struct reload_store_req *req = &m->body.store_req;
		stores++;
		/* R-7.4.1.1-03: replica Stores */
		assert_true(req->replica_number > 0);
		if (span_eq(req->resource, reload_id_span(&store->resource)))
			found = m;
		struct reload_store_ans ans = { 0 };
		struct craft answer = reply(n, m, RELOAD_STORE_ANS, &ans);
		tell(&answer, u);
	}
	/* R-10.5-06 R-6.4.2.1-06: what n will own comes by Store */
	assert_true(stores > 0);
	assert_non_null(found);
	struct reload_stored_data *d = &found->body.store_req.kind_data[0].values[0];
	text_is(d->value.value, "value");
	/* R-7.4.1.1-21: u has had it for ten seconds */
	assert_int_equal(d->lifetime, store->data.lifetime - 10);
	/* with the signature of who stored it, and that one's certificate */
	assert_memory_equal(d->signature.value.at, store->data.signature.value.at,
		store->data.signature.value.len);
	bool there = false, own = false;
	for (size_t i = 0; i < found->security.certificates_count; i++) {
		struct span der = found->security.certificates[i].certificate;
		there |= span_eq(der, s->credentials.cert->der);
		own |= span_eq(der, u->credentials.cert->der);
	}
	/* R-6.3.4-04 R-6.3.4-01 R-6.3.4-03: of who signed the value and of who signed the message */
	assert_true(there && own);
	net_pass(net, 100);
	m = heard_code(n, RELOAD_UPDATE_REQ);
	assert_non_null(m);
	/* R-10.5-07: an Update that lists n as predecessor ends it */
	assert_true(m->body.update.predecessors_count > 0);
	assert_true(reload_id_eq(&m->body.update.predecessors[0], &n->id));
	net_free(net);
}

static struct craft craft_leave(struct node *from, const struct reload_id *who, struct node *to)
{
	struct reload_leave_req req = { .leaving_peer_id = *who };
	struct reload_destination d = dest(to);
	return craft(from, RELOAD_LEAVE_REQ, &req, &d);
}

static size_t neighbours(struct node *u)
{
	struct reload_status s;
	reload_peer_status(u->peer, &s);
	return s.tables.successors_count;
}

static void leaving(void **state)
{
	struct ring *r = *state;
	assert_int_equal(neighbours(r->u), 2);
	struct craft c = craft_leave(r->a, &r->b->id, r->u);
	/* R-6.4.2.2-03 */
	expect_error(r->a, tell(&c, r->u), 2);
	c = craft_leave(r->b, &r->b->id, r->u);
	c.via[0] = dest(r->b);
	c.via_count = 1;
	say(r->a, r->u, craft_bytes(&c));
	/* R-6.4.2.2-04: b's Leave over a's link */
	expect_error(r->a, c.h.transaction_id, 2);
	assert_int_equal(neighbours(r->u), 2);
	c = craft_leave(r->b, &r->b->id, r->u);
	expect_answer(r->b, tell(&c, r->u), RELOAD_LEAVE_ANS);
	/* R-6.4.2.2-05 R-10.9-03 */
	assert_int_equal(neighbours(r->u), 1);
	assert_int_equal(r->u->events[RELOAD_EV_PEER_LEFT], 1);
	net_pass(r->net, 2000);
	struct reload_msg *m = heard_code(r->a, RELOAD_UPDATE_REQ);
	assert_non_null(m); /* R-10.7.1-02: the others are told */
	for (size_t i = 0; i < m->body.update.successors_count; i++)
		assert_false(reload_id_eq(&m->body.update.successors[i], &r->b->id));
}

static void updates(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_chord_update update = { .type = RELOAD_CHORD_PEER_READY };
	struct craft c = craft(r->c, RELOAD_UPDATE_REQ, &update, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	heard(r->b, c.h.transaction_id);
	/* SEC-18: over another's link it makes nobody a next hop */
	struct reload_id point = id_at(0xe8);
	struct reload_destination beyond = reload_dest_resource(&point);
	struct craft ping = craft_ping(r->a, &beyond);
	tell(&ping, r->u);
	assert_non_null(heard(r->b, ping.h.transaction_id));
	assert_int_equal(neighbours(r->u), 2);
	/* R-4.4-02: over its own link it does */
	node_ready(r->c, r->u);
	ping = craft_ping(r->a, &beyond);
	tell(&ping, r->u);
	assert_non_null(heard(r->c, ping.h.transaction_id));
	assert_int_equal(neighbours(r->u), 3);
	/* R-6.3.1.1-06: an unknown type is dropped without a word, a broken one is refused */
	c = craft_raw(r->a, RELOAD_UPDATE_REQ, span_of("\0\0\0\1\x63", 5), &to);
	expect_silence(r->a, tell(&c, r->u));
	c = craft_raw(r->a, RELOAD_UPDATE_REQ, span_of("\0\0\0\1\2\0\0", 7), &to);
	expect_error(r->a, tell(&c, r->u), 20);
	/* R-10.7.3-04: what it lists itself */
	forget(r->c);
	forget(r->a);
	struct reload_route_query_req query = { .send_update = true, .destination = to };
	c = craft(r->a, RELOAD_ROUTE_QUERY_REQ, &query, &to);
	expect_answer(r->a, tell(&c, r->u), RELOAD_ROUTE_QUERY_ANS);
	struct reload_msg *m = heard_code(r->a, RELOAD_UPDATE_REQ);
	/* R-10.8-02: directly after the answer */
	assert_non_null(m);
	for (size_t i = 0; i < m->body.update.predecessors_count; i++)
		assert_false(reload_id_eq(&m->body.update.predecessors[i], &r->u->id));
	for (size_t i = 0; i < m->body.update.successors_count; i++)
		assert_false(reload_id_eq(&m->body.update.successors[i], &r->u->id));
}

static void probing(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_probe_req req = { .requested_info = span_str("\3\x63\1\2\3") };
	struct reload_status s;
	reload_peer_status(r->u->peer, &s);
	struct craft c = craft(r->a, RELOAD_PROBE_REQ, &req, &to);
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_PROBE_ANS);
	struct reload_probe_ans *ans = &m->body.probe_ans;
	/* R-6.4.2.5-03: in the order of the request; unknown types are left out */
	assert_int_equal(ans->probe_info_count, 4);
	assert_int_equal(ans->probe_info[0].type, RELOAD_PROBE_UPTIME);
	assert_int_equal(ans->probe_info[1].type, RELOAD_PROBE_RESPONSIBLE_SET);
	assert_int_equal(ans->probe_info[2].type, RELOAD_PROBE_NUM_RESOURCES);
	/* R-6.4.2.5-02: seconds; (20.., 80..] are three eighths of the ring; resources, not values */
	assert_int_equal(ans->probe_info[0].value, RING_PAUSE_MS / 1000);
	assert_in_range(ans->probe_info[1].value, 374999998, 375000002);
	assert_int_equal(ans->probe_info[2].value, s.resources);
	req.requested_info = span_of("\2", 1);
	c = craft(r->a, RELOAD_PROBE_REQ, &req, &to);
	m = expect_answer(r->a, tell(&c, r->u), RELOAD_PROBE_ANS);
	/* R-6.4.2.5-04 */
	assert_int_equal(m->body.probe_ans.probe_info_count, 1);
	assert_int_equal(m->body.probe_ans.probe_info[0].type, RELOAD_PROBE_NUM_RESOURCES);
}

static void private_queries(struct reload_policy *policy)
{
	policy->refuse_opaque_queries = true;
}

static void compress(struct reload_policy *policy)
{
	policy->via = RELOAD_VIA_COMPRESS;
}

static struct reload_id next_of(
	struct node *from, struct node *u, const struct reload_destination *d)
{
	struct reload_route_query_req query = { .destination = *d };
	struct reload_destination to = dest(u);
	struct craft c = craft(from, RELOAD_ROUTE_QUERY_REQ, &query, &to);
	struct reload_msg *m = expect_answer(from, tell(&c, u), RELOAD_ROUTE_QUERY_ANS);
	assert_null(heard_code(from, RELOAD_UPDATE_REQ)); /* none was wanted */
	return m->body.route_query_ans.next_peer;
}

static void route_queries(void **state)
{
	struct ring *r = *state;
	struct reload_id beyond = id_at(0xa0), mine = id_at(0x50), next;
	struct reload_destination d = reload_dest_resource(&beyond);
	/* R-6.4.2.4-04: Resource-ID, Node-ID, opaque id */
	next = next_of(r->a, r->u, &d);
	assert_true(reload_id_eq(&next, &r->b->id));
	d = reload_dest_node(&beyond);
	next = next_of(r->a, r->u, &d);
	assert_true(reload_id_eq(&next, &r->b->id));
	d = reload_dest_resource(&mine);
	next = next_of(r->a, r->u, &d);
	/* the responsible peer names itself */
	assert_true(reload_id_eq(&next, &r->u->id));
	/* an opaque id that u made: the Via entry of a forwarded request under the compressing policy */
	struct ring *short_vias = ring_new_with(compress);
	struct reload_destination through = dest(short_vias->b);
	struct craft passed = craft_ping(short_vias->a, &through);
	tell(&passed, short_vias->u);
	struct span name = heard(short_vias->b, passed.h.transaction_id)->header.via_list;
	assert_int_equal(name.len, 2);
	d = (struct reload_destination){
		.type = RELOAD_DEST_OPAQUE, .short_form = true, .opaque = name
	};
	next = next_of(short_vias->b, short_vias->u, &d);
	assert_true(
		reload_id_eq(&next, &short_vias->a->id) || reload_id_eq(&next, &short_vias->b->id));
	ring_teardown((void **)&short_vias);
	struct ring *other = ring_new_with(private_queries);
	struct reload_route_query_req query = { .destination = { .type = RELOAD_DEST_OPAQUE,
							.short_form = true,
							.opaque = span_of("\x80\x01", 2) } };
	struct reload_destination to = dest(r->u);
	struct craft c = craft(other->a, RELOAD_ROUTE_QUERY_REQ, &query, &to);
	/* R-6.4.2.4-05: refused by policy */
	expect_error(other->a, tell(&c, other->u), 2);
	ring_teardown((void **)&other);
	c = craft(r->a, RELOAD_ROUTE_QUERY_REQ, &query, &to);
	expect_error(r->a, tell(&c, r->u), 3);
	query.destination = (struct reload_destination){ .type = 77, .raw = span_str("x") };
	c = craft(r->a, RELOAD_ROUTE_QUERY_REQ, &query, &to);
	uint64_t id = tell(&c, r->u);
	struct reload_msg *m = heard(r->a, id);
	assert_true(!m || m->code == RELOAD_ERROR);
}

static void updates_are_wanted_or_not(void **state)
{
	struct ring *r = *state;
	struct reload_id beyond = id_at(0xa0);
	struct reload_destination to = dest(r->b), wanted = reload_dest_resource(&beyond);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	for (int update = 0; update < 2; update++) {
		struct outcome *o = outcome_new(r->net);
		assert_non_null(reload_peer_route_query(
			r->u->peer, &target, &wanted, update, outcome_fn, o, &err));
		net_settle(r->net);
		struct reload_msg *m = heard_code(r->b, RELOAD_ROUTE_QUERY_REQ);
		assert_non_null(m);
		/* R-6.4.2.4-03 */
		assert_int_equal(m->body.route_query_req.send_update, update);
	}
}

struct hop {
	unsigned calls;
	struct reload_id next;
};

static void hop_fn(void *arg, const struct reload_result *result)
{
	struct hop *h = arg;
	assert_int_equal(result->err, RELOAD_OK);
	h->calls++;
	h->next = result->answer->body.route_query_ans.next_peer;
}

static void step_by_step(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *n[5];
	static const uint8_t places[] = { 0x10, 0x40, 0x70, 0xa0, 0xd0 };
	for (size_t i = 0; i < 5; i++) {
		n[i] = node_new(net, places[i]);
		if (i)
			node_join(n[i], n[0], RELOAD_ROLE_PEER);
		else
			node_first(n[i]);
	}
	struct reload_id point = id_at(0x9f), at = n[1]->id;
	struct reload_destination wanted = reload_dest_resource(&point);
	struct hop h = { .calls = 0 };
	for (unsigned i = 1; i < 8; i++) {
		struct reload_destination to = reload_dest_node(&at);
		struct reload_request_target target = { .list = &to, .count = 1 };
		enum reload_err err;
		assert_non_null(reload_peer_route_query(
			n[0]->peer, &target, &wanted, false, hop_fn, &h, &err));
		net_pass(net, 100);
		assert_int_equal(h.calls, i);
		if (reload_id_eq(&h.next, &at))
			break;
		at = h.next;
	}
	/* R-4.3-02 R-6.4.2.4-01: the requester alone walks from answer to answer, up to who names itself */
	assert_true(reload_id_eq(&at, &n[3]->id));
	assert_true(h.calls > 1);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(joining),
		cmocka_unit_test(hand_over_on_join),
		ring_test(leaving),
		ring_test(updates),
		ring_test(probing),
		ring_test(route_queries),
		ring_test(updates_are_wanted_or_not),
		cmocka_unit_test(step_by_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
