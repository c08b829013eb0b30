/* Which messages are for this node, and what their signatures must be (RFC 6940 s6.1.1, s6.3.4). */
#include "engine_expect.h"

static void for_this_node(void **state)
{
	struct ring *r = *state;
	struct reload_id any = reload_id_wildcard(16), mine = id_at(0x50);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	/* R-6.1.1-03 R-6.3.3.1-01: own Node-ID alone; the answer's code is one more */
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_PING_REQ + 1);
	list_is(m->header.destination_list, LIST(&r->a->id), r->net);
	to = reload_dest_node(&any);
	c = craft_ping(r->a, &to);
	/* R-3-02 R-6.5.3-01: the wildcard */
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	c = craft_ping(r->a, &to);
	c.to[1] = dest(r->b);
	c.to_count = 2;
	uint64_t id = tell(&c, r->u);
	/* R-6.1.1-06 R-6.1-04: whatever follows, and never passed on */
	expect_answer(r->a, id, RELOAD_PING_ANS);
	assert_int_equal(inbox_count(r->b), 0);
	to = reload_dest_resource(&mine);
	c = craft_ping(r->a, &to);
	/* R-6.1.1-09 R-6.5.3-01: a point that u is responsible for */
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
}

static void not_for_anybody(void **state)
{
	struct ring *r = *state;
	struct reload_id mine = id_at(0x50);
	struct reload_destination to = reload_dest_resource(&mine);
	/* R-6.1.1-01: entries behind a Resource-ID; such a list does not even decode */
	struct craft c = craft_ping(r->a, &to);
	c.to[1] = dest(r->b);
	c.to_count = 2;
	uint64_t id = tell(&c, r->u);
	expect_silence(r->a, id);
	assert_int_equal(inbox_count(r->b), 0);
	to = reload_dest_node(&mine);
	c = craft_ping(r->a, &to);
	uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_NO_ROUTE);
	/* R-6.1.1-07: a Node-ID in the own range that is not connected */
	expect_silence(r->a, tell(&c, r->u));
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_NO_ROUTE), dropped + 1);
	assert_int_equal(inbox_count(r->b), 0);
}

static void client_in_range(void **state)
{
	struct ring *r = *state;
	struct node *client = node_new(r->net, 0x50);
	struct reload_destination to = dest(client);
	net_link(client, r->u);
	forget(client);
	struct craft c = craft_ping(r->b, &to);
	tell(&c, r->u);
	/* R-6.1.1-08 R-10.3-01 R-4.2.1-01 R-4.2.1-04 R-6.1.2-12: it goes to the client, which only has a link */
	struct reload_msg *m = heard(client, c.h.transaction_id);
	assert_non_null(m);
	list_is(m->header.via_list, LIST(&r->b->id), r->net);
	struct reload_id beyond = id_at(0x51);
	to = reload_dest_node(&beyond);
	c = craft_ping(r->b, &to);
	tell(&c, r->u);
	/* R-6.5.1-02 R-3-05: nothing for others goes through a node that sent no Update */
	assert_int_equal(inbox_count(client), 0);
	/* R-6.1.2-14 R-6.5.1-03: its own requests are answered over its link */
	to = dest(r->u);
	c = craft_ping(client, &to);
	expect_answer(client, tell(&c, r->u), RELOAD_PING_ANS);
}

static void through_a_client_peer(void **state)
{
	struct ring *r = *state;
	struct node *client = node_new(r->net, 0x50);
	struct reload_destination to = dest(r->u);
	net_link(client, r->u);
	/* R-4.2.1-02: reached by a Destination List that ends with its Node-ID */
	struct craft c = craft_ping(r->a, &to);
	c.to[1] = dest(client);
	c.to_count = 2;
	tell(&c, r->u);
	assert_non_null(heard(client, c.h.transaction_id));
}

/* -- signatures -------------------------------------------------------------------------------------------------------- */

/* A lone u, which is responsible for everything, and a neighbour that is no peer. */
static void alone(struct net *net, struct node **u)
{
	*u = node_new(net, 0x80);
	node_first(*u);
}

static size_t values_of(struct node *u)
{
	struct reload_status s;
	reload_peer_status(u->peer, &s);
	return s.values;
}

struct stranger {
	const char *what;
	struct reload_sim_cert_form form;
	bool no_certificate, nobody, bad_signature, other_identity, accepted;
};

static void signers(void **state)
{
	(void)state;
	struct reload_id id = id_at(0x33), bad = id_at(0x44);
	const struct reload_sim_cert_form good = { .user = "s@" RELOAD_SIM_OVERLAY,
		.overlay = RELOAD_SIM_OVERLAY,
		.nodes = &id,
		.nodes_count = 1 };
	struct reload_sim_cert_form expired = good, foreign = good, other = good, revoked = good,
				    future = good;
	expired.not_before = RELOAD_SIM_EPOCH - 10000;
	expired.not_after = RELOAD_SIM_EPOCH - 1;
	foreign.flags = RELOAD_SIM_CERT_FOREIGN;
	other.overlay = "other.example";
	revoked.nodes = &bad;
	future.not_before = RELOAD_SIM_EPOCH + 1000000;
	const struct stranger strangers[] = {
		{ "good", good, .accepted = true },
		{ "no certificate", good, .no_certificate = true },
		{ "nobody", good, .nobody = true },
		{ "bad signature", good, .bad_signature = true },
		{ "expired", expired },
		{ "not yet valid", future },
		{ "another authority", foreign },
		{ "another overlay", other },
		{ "bad-node", revoked },
	};
	for (size_t i = 0; i < COUNT_OF(strangers); i++) {
		const struct stranger *s = &strangers[i];
		struct net *net = net_new();
		struct net_document d = net_document(net);
		d.draft.bad_nodes = &bad;
		d.draft.bad_nodes_count = 1;
		net_configure(net, &d);
		struct node *u, *via;
		alone(net, &u);
		via = node_new(net, 0x66); /* the messages come over a good node's link */
		net_link(via, u);
		struct node *n = node_new_of(net, &s->form);
		struct craft c = craft_value(n, u, K_VALUE, "value", 0);
		if (s->no_certificate)
			c.certificate = NULL;
		c.nobody = s->nobody;
		c.bad_signature = s->bad_signature;
		c.via[0] = dest(n);
		c.via_count = 1;
		size_t before = values_of(u);
		uint64_t dropped = counted(u, RELOAD_COUNT_DROP_SIGNATURE);
		say(via, u, craft_bytes(&c));
		/* R-6.1.1-02 R-6.3.4-15 R-6.3.4-17: processed only when the signature holds and the signer is to be believed */
		assert_int_equal(values_of(u), before + s->accepted);
		if (s->accepted) {
			expect_answer(via, c.h.transaction_id, RELOAD_STORE_ANS);
		} else {
			/* R-6.3.4-16: no answer, not even an error */
			expect_silence(via, c.h.transaction_id);
			assert_int_equal(counted(u, RELOAD_COUNT_DROP_SIGNATURE), dropped + 1);
		}
		net_free(net);
	}
}

static void known_certificate_may_be_left_out(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	c.certificate = NULL;
	/* R-6.3.4-02: u has it from an earlier message */
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	c = craft_ping(r->c, &to);
	c.certificate = NULL;
	say(r->a, r->u, craft_bytes(&c));
	expect_silence(r->a, c.h.transaction_id);
}

static void every_flipped_bit(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u;
	alone(net, &u);
	struct node *via = node_new(net, 0x66);
	net_link(via, u);
	/* of a node that u has no link with: else its certificate is known, and those of the message of no interest */
	struct craft c = craft_value(node_new(net, 0x44), u, K_VALUE, "value", 0);
	struct span good = craft_bytes(&c);
	struct wire_ctx ctx = net_ctx(net);
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, good, &ctx), RELOAD_OK);
	size_t head = reload_header_size(&h), before = values_of(u);
	uint8_t *bad = reload_alloc(good.len);
	size_t stride = 3; /* a prime to the 8 bits: every byte, and every bit in turn */
	for (size_t bit = head * 8; bit < good.len * 8; bit += stride) {
		memcpy(bad, good.at, good.len);
		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		say(via, u, span_of(bad, good.len));
	}
	/* R-6.3.4-17: not one of them changed anything; certificates of the message are no part of what is signed, but
	 * then do not fit the identity */
	assert_int_equal(values_of(u), before);
	while (heard_bytes(via, c.h.transaction_id).len)
		fail_msg("a message with a flipped bit was answered");
	/* the fields of the header that are signed: overlay and transaction id */
	for (size_t at = 20; at < 28; at++) {
		memcpy(bad, good.at, good.len);
		bad[at] ^= 1;
		say(via, u, span_of(bad, good.len));
	}
	assert_int_equal(values_of(u), before);
	say(via, u, good);
	assert_int_equal(values_of(u), before + 1); /* it was good */
	free(bad);
	net_free(net);
}

/* -- what a request looks like inside ------------------------------------------------------------------------------------ */

static void unknown_codes(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct craft c = craft_raw(r->a, 0x7ff1, span_str("body"), &to);
	/* R-6.3.3-07 R-6.3.3.1-02 R-6.3.3.1-03 R-6.3.3.1-19 */
	struct reload_msg *m = expect_error(r->a, tell(&c, r->u), 20);
	text_is(m->body.error.error_info, "unknown message code");
	c = craft_raw(r->a, 0x7ff2, span_str("body"), &to);
	expect_silence(r->a, tell(&c, r->u)); /* MSG-11: an answer to nothing */
	c = craft_raw(r->a, RELOAD_PROBE_REQ, span_str("\x40too short"), &to);
	expect_error(r->a, tell(&c, r->u), 20);
	struct reload_error_response e = { .error_code = 2 };
	c = craft(r->a, RELOAD_ERROR, &e, &to);
	expect_silence(r->a, tell(&c, r->u)); /* R-6.3.3.1-21 */
}

static void extensions(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_extension e = { .type = 0x4242, .contents = span_str("x") };
	struct craft c = craft_ping(r->a, &to);
	c.extensions = &e;
	c.extensions_count = 1;
	/* R-6.3.3-05 */
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	e.critical = true;
	c = craft_ping(r->a, &to);
	c.extensions = &e;
	c.extensions_count = 1;
	/* R-6.3.3-04 R-6.3.3.1-15 */
	expect_error(r->a, tell(&c, r->u), 13);
	struct reload_extension two[] = { { .type = 0x4242 },
		{ .type = 0x4243, .critical = true } };
	c = craft_ping(r->a, &to);
	c.extensions = two;
	c.extensions_count = 2;
	/* R-6.3.3-04: the second as the first */
	expect_error(r->a, tell(&c, r->u), 13);
}

static void longest_answer(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	struct span whole;
	tell(&c, r->u);
	whole = heard_bytes(r->a, c.h.transaction_id);
	c = craft_ping(r->a, &to);
	c.h.max_response_length = (uint32_t)whole.len;
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	c = craft_ping(r->a, &to);
	c.h.max_response_length = (uint32_t)whole.len - 1;
	/* R-6.3.2-18 R-6.3.3.1-16: one byte less than the answer has */
	expect_error(r->a, tell(&c, r->u), 14);
}

static void too_large_messages(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	struct span bytes = craft_bytes(&c);
	reload_peer_oversized(r->u->peer, number_at(r->u, r->a), span_of(bytes.at, 100));
	struct net_link *l = net_link_between(r->a, r->u);
	net_settle(r->net);
	/* R-6.3.3.1-13 R-6.6-01: answered from its header, then the link goes */
	expect_error(r->a, c.h.transaction_id, 11);
	assert_int_equal(l->state, NET_LINK_NONE);
	struct reload_ping_ans ans = { 0 };
	c = craft(r->b, RELOAD_PING_ANS, &ans, &to);
	bytes = craft_bytes(&c);
	l = net_link_between(r->b, r->u);
	reload_peer_oversized(r->u->peer, number_at(r->u, r->b), span_of(bytes.at, 100));
	net_settle(r->net);
	expect_silence(r->b, c.h.transaction_id); /* LINK-18: a response only ends the link */
	assert_int_equal(l->state, NET_LINK_NONE);
	l = net_link(r->c, r->u);
	c = craft_ping(r->c, &to);
	bytes = craft_bytes(&c);
	reload_peer_oversized(r->u->peer, number_at(r->u, r->c), span_of(bytes.at, 50));
	net_settle(r->net);
	/* R-6.6-02: not even the header is there */
	expect_silence(r->c, c.h.transaction_id);
	assert_int_equal(l->state, NET_LINK_NONE);
}

/* A copy of this node's key is in use: the answers to its requests come here, once for each repetition; so do some requests. */
static void two_with_one_key(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_ping_ans ans = { 0 };
	struct craft c = craft(r->a, RELOAD_PING_ANS, &ans, &to);
	unsigned before = r->u->events[RELOAD_EV_NODE_ID_TAKEN];
	tell(&c, r->u);
	tell(&c, r->u); /* late, or sent twice: that happens */
	assert_int_equal(r->u->events[RELOAD_EV_NODE_ID_TAKEN], before);
	net_pass(r->net, 3000);
	tell(&c, r->u);
	assert_int_equal(r->u->events[RELOAD_EV_NODE_ID_TAKEN], before + 1);
	struct reload_id mine = id_at(0x50);
	to = reload_dest_resource(&mine);
	c = craft_ping(r->u, &to); /* with u's own signature, over the link to a */
	net_settle(r->net);
	struct span bytes = craft_bytes(&c);
	reload_peer_message(r->u->peer, number_at(r->u, r->a), bytes);
	net_settle(r->net);
	assert_int_equal(r->u->events[RELOAD_EV_NODE_ID_TAKEN], before + 2);
}

/* A slow peer answers each copy of a request after the first answer has come: nobody has a copy of the key. */
static void late_answers_to_copies(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->a);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	struct outcome *o = outcome_new(r->net);
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_pass(r->net, 7000);
	struct reload_ping_ans ans = { 0 };
	struct craft c = reply(r->a, heard_code(r->a, RELOAD_PING_REQ), RELOAD_PING_ANS, &ans);
	for (unsigned copy = 0; copy < 3; copy++) {
		tell(&c, r->u);
		assert_int_equal(o->calls, 1);
		net_pass(r->net, 3000);
	}
	/* R-6.2.1-07 */
	assert_int_equal(r->u->events[RELOAD_EV_NODE_ID_TAKEN], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(for_this_node),
		ring_test(not_for_anybody),
		ring_test(client_in_range),
		ring_test(through_a_client_peer),
		cmocka_unit_test(signers),
		ring_test(known_certificate_may_be_left_out),
		cmocka_unit_test(every_flipped_bit),
		ring_test(unknown_codes),
		ring_test(extensions),
		ring_test(longest_answer),
		ring_test(too_large_messages),
		ring_test(two_with_one_key),
		ring_test(late_answers_to_copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
