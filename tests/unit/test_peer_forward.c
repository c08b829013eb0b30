/* Messages for others: lists, ttl, options, via modes, what a forwarder does not look at (RFC 6940 s6.1.2, s6.1.3). */
#include "engine_expect.h"

static void request_passes(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	c.h.configuration_sequence = 3; /* not looked at on the way */
	uint64_t verified = counted(r->u, RELOAD_COUNT_VERIFIED);
	struct span sent = craft_bytes(&c);
	say(r->a, r->u, sent);
	struct span got = heard_bytes(r->b, c.h.transaction_id);
	assert_true(got.len > 0);
	struct reload_msg *m = msg_of(r->net, got);
	/* R-6.3.2-06: one less */
	assert_int_equal(m->header.ttl, 99);
	/* R-6.1.2-04: the node it came from stands at the end of the Via List */
	list_is(m->header.via_list, LIST(&r->c->id, &r->a->id), r->net);
	/* R-6.1.2-02: straight to the node in the Connection Table */
	list_is(m->header.destination_list, LIST(&r->b->id), r->net);
	assert_int_equal(m->header.length, got.len);
	assert_int_equal(m->header.configuration_sequence, 3);
	/* behind the header not a byte has changed */
	struct wire_ctx ctx = net_ctx(r->net);
	struct reload_header before;
	assert_int_equal(reload_header_read(&before, sent, &ctx), RELOAD_OK);
	size_t head = reload_header_size(&before);
	assert_int_equal(got.len - reload_header_size(&m->header), sent.len - head);
	assert_memory_equal(
		got.at + reload_header_size(&m->header), sent.at + head, sent.len - head);
	/* R-6.3.4-14: no signature was verified here */
	assert_int_equal(counted(r->u, RELOAD_COUNT_VERIFIED), verified);
}

static void response_passes(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct reload_ping_ans ans = { .response_id = 1 };
	struct craft c = craft(r->a, RELOAD_PING_ANS, &ans, &to);
	c.to[1] = dest(r->c);
	c.to_count = 2;
	struct reload_msg *m;
	tell(&c, r->u);
	m = heard(r->b, c.h.transaction_id);
	assert_non_null(m);
	/* R-6.1.2-10: neither Via entry nor state */
	assert_int_equal(m->header.via_list.len, 0);
	list_is(m->header.destination_list, LIST(&r->b->id, &r->c->id), r->net);
	assert_int_equal(m->header.ttl, 99);
}

static void own_id_with_more(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	c.to[1] = dest(r->b);
	c.to[2] = dest(r->c);
	c.to_count = 3;
	tell(&c, r->u);
	struct reload_msg *m = heard(r->b, c.h.transaction_id);
	assert_non_null(m);
	/* R-6.1.1-04 R-6.2.1-03: removed, and routed on the next one */
	list_is(m->header.destination_list, LIST(&r->b->id, &r->c->id), r->net);
	list_is(m->header.via_list, LIST(&r->a->id), r->net);
}

static void towards_the_closest(void **state)
{
	struct ring *r = *state;
	struct reload_id far = id_at(0xd0), near = id_at(0x10);
	struct reload_destination to = reload_dest_node(&far);
	struct craft c = craft_ping(r->a, &to);
	tell(&c, r->u);
	/* R-6.1.2-01 R-10.3-02: d0.. lies behind b, the peer with the largest Node-ID before it */
	assert_non_null(heard(r->b, c.h.transaction_id));
	to = reload_dest_resource(&near);
	c = craft_ping(r->a, &to);
	tell(&c, r->u);
	struct reload_msg *m = heard(r->b, c.h.transaction_id);
	assert_non_null(m); /* between u and 10.. (clockwise) the last peer is b itself */
	near = id_at(0xa0);
	to = reload_dest_resource(&near);
	c = craft_ping(r->a, &to);
	tell(&c, r->u);
	/* R-10.3-03: no peer between u and a0..: the first one behind it */
	assert_non_null(heard(r->b, c.h.transaction_id));
	assert_int_equal(inbox_count(r->a), 0);
}

/* b's tables say u, u's say b: what would go back at once waits until they may have changed, and is not lost. */
static void in_a_circle(void **state)
{
	struct ring *r = *state;
	struct reload_id near = id_at(0x10);
	struct reload_destination to = reload_dest_resource(&near);
	struct craft c = craft_ping(r->b, &to);
	tell(&c, r->u);
	assert_null(heard(r->b, c.h.transaction_id));
	net_pass(r->net, 50);
	struct reload_msg *m = heard(r->b, c.h.transaction_id);
	assert_non_null(m);
	/* with the Node-ID of b, by which b counts how often it was there */
	list_is(m->header.via_list, LIST(&r->b->id), r->net);
	/* over another link, but u is in the Via List */
	c = craft_ping(r->a, &to);
	c.via[c.via_count++] = dest(r->u);
	tell(&c, r->u);
	assert_null(heard(r->b, c.h.transaction_id));
	net_pass(r->net, 50);
	assert_non_null(heard(r->b, c.h.transaction_id));
	/* for the third time it waits longer, and then it has gone round often enough */
	c = craft_ping(r->a, &to);
	while (c.via_count < 3)
		c.via[c.via_count++] = dest(r->u);
	tell(&c, r->u);
	net_pass(r->net, 500);
	assert_null(heard(r->b, c.h.transaction_id));
	net_pass(r->net, 1000);
	assert_non_null(heard(r->b, c.h.transaction_id));
	c = craft_ping(r->a, &to);
	while (c.via_count < 4)
		c.via[c.via_count++] = dest(r->u);
	expect_silence(r->a, tell(&c, r->u));
	net_pass(r->net, 10000);
	assert_null(heard(r->b, c.h.transaction_id));
}

static void unknown_things_pass(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	/* a code that nobody knows, contents at random, no good signature */
	struct craft c = craft_raw(r->a, 0x7eef, span_str("any bytes at all"), &to);
	c.bad_signature = true;
	tell(&c, r->u);
	struct span got = heard_bytes(r->b, c.h.transaction_id);
	assert_true(got.len > 0);
	/* R-6.1-03 R-6.3-03: forwarded without a look at contents or signature */
	c = craft_ping(r->a, &to);
	struct span bytes = craft_bytes(&c);
	for (size_t i = 0; i < 60; i++)
		((uint8_t *)bytes.at)[bytes.len - 1 - i] = (uint8_t)net_random(r->net);
	say(r->a, r->u, bytes);
	got = heard_bytes(r->b, c.h.transaction_id);
	assert_true(got.len > 0);
	assert_memory_equal(got.at + got.len - 60, bytes.at + bytes.len - 60, 60);
	/* but the same is not delivered */
	struct reload_destination here = dest(r->u);
	c = craft_ping(r->a, &here);
	c.bad_signature = true;
	expect_silence(r->a, tell(&c, r->u));
}

static struct span option(struct net *net, uint8_t type, uint8_t flags, const char *value)
{
	struct wr w;
	struct wire_ctx ctx = net_ctx(net);
	struct reload_option o = { .type = type, .flags = flags, .value = span_str(value) };
	wr_init(&w);
	reload_wire_write(&w, &reload_option_wire, &ctx, &o);
	struct span s = reload_arena_copy(&net->arena, wr_done(&w));
	wr_clear(&w);
	return s;
}

static void options(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b), here = dest(r->u);
	static const uint8_t pass[] = { 0, RELOAD_DESTINATION_CRITICAL, RELOAD_RESPONSE_COPY, 0x08,
		0x80 };
	for (size_t i = 0; i < COUNT_OF(pass); i++) {
		struct craft c = craft_ping(r->a, &to);
		c.options = option(r->net, 200, pass[i], "value");
		tell(&c, r->u);
		struct reload_msg *m = heard(r->b, c.h.transaction_id);
		assert_non_null(m);
		/* R-6.3.2.3-07: forwarded unchanged */
		assert_int_equal(m->header.options.len, c.options.len);
		assert_memory_equal(m->header.options.at, c.options.at, c.options.len);
	}
	struct craft c = craft_ping(r->a, &to);
	c.options = option(r->net, 200, RELOAD_FORWARD_CRITICAL, "value");
	uint64_t id = tell(&c, r->u);
	/* R-6.3.2.3-04 R-6.3.3.1-09: not forwarded, and told */
	expect_error(r->a, id, 7);
	assert_int_equal(inbox_count(r->b), 0);
	c = craft_ping(r->a, &here); /* the destination does not forward */
	c.options = option(r->net, 200, RELOAD_FORWARD_CRITICAL, "value");
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	c = craft_ping(r->a, &here);
	c.options = option(r->net, 200, RELOAD_DESTINATION_CRITICAL, "value");
	/* R-6.3.2.3-05 */
	expect_error(r->a, tell(&c, r->u), 7);
	struct wr two;
	wr_init(&two);
	wr_span(&two, option(r->net, 201, 0, "harmless"));
	wr_span(&two, c.options);
	struct craft second = craft_ping(r->a, &here);
	second.options = wr_done(&two);
	expect_error(r->a, tell(&second, r->u), 7); /* wherever it stands */
	wr_clear(&two);
	c.bad_signature = true;
	c.h.transaction_id++;
	expect_silence(r->a, tell(&c, r->u)); /* HDR-19: only once the signature holds */
}

static void options_come_back(void **state)
{
	struct ring *r = *state;
	struct reload_destination here = dest(r->u);
	struct craft c = craft_ping(r->a, &here);
	struct wr w;
	wr_init(&w);
	wr_span(&w, option(r->net, 200, RELOAD_RESPONSE_COPY | RELOAD_FORWARD_CRITICAL, "back"));
	wr_span(&w, option(r->net, 201, 0, "not back"));
	c.options = wr_done(&w);
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	struct span expected = option(r->net, 200, 0, "back");
	/* R-6.3.2.3-03 R-6.3.2.3-06: copied, with no flag left */
	assert_int_equal(m->header.options.len, expected.len);
	assert_memory_equal(m->header.options.at, expected.at, expected.len);
	wr_clear(&w);
}

static void error_on_the_way(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	c.h.ttl = 0;
	c.via[0] = dest(r->c);
	c.via_count = 1;
	struct reload_msg *m = expect_error(r->a, tell(&c, r->u), 10);
	/* R-6.2.2-01: previous hop, then the Via List reversed */
	list_is(m->header.destination_list, LIST(&r->a->id, &r->c->id), r->net);
	/* R-6.3.2-17 R-6.3.2-19 */
	assert_int_equal(m->header.transaction_id, c.h.transaction_id);
	assert_int_equal(m->header.max_response_length, 0);
	assert_int_equal(m->header.ttl, 100);
}

/* -- opaque ids ------------------------------------------------------------------------------------------------------ */

static void compress(struct reload_policy *policy)
{
	policy->via = RELOAD_VIA_COMPRESS;
}

static struct reload_destination first_of(struct net *net, struct span list)
{
	struct reload_destination d = { 0 };
	struct wire_ctx ctx = net_ctx(net);
	struct rd r = rd_of(list);
	assert_true(reload_dest_next(&r, &ctx, &d));
	return d;
}

static void compressed(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(compress);
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	tell(&c, r->u);
	struct reload_msg *m = heard(r->b, c.h.transaction_id);
	struct reload_destination name = first_of(r->net, m->header.via_list);
	assert_int_equal(name.type, RELOAD_DEST_OPAQUE);
	assert_int_equal(
		m->header.via_list.len, 2); /* R-6.3.2.2-07: 16 bits with slot and generation */
	/* the answer comes back to u's own name, without u's Node-ID in front */
	struct reload_ping_ans body = { .response_id = 1 };
	struct craft ans = craft(r->b, RELOAD_PING_ANS, &body, &name);
	ans.h.transaction_id = c.h.transaction_id;
	tell(&ans, r->u);
	/* R-6.1.3-01 R-6.1.1-05 R-6.1.2-06 R-6.1.2-07: replaced by what it stands for, then forwarded */
	m = expect_answer(r->a, c.h.transaction_id, RELOAD_PING_ANS);
	list_is(m->header.destination_list, LIST(&r->a->id), r->net);
	ans.to[0] = dest(r->u);
	ans.to[1] = name;
	ans.to_count = 2;
	tell(&ans, r->u);
	expect_answer(r->a, c.h.transaction_id, RELOAD_PING_ANS);
	/* the link goes and another takes its place: the name is void */
	uint8_t bytes[2] = { name.opaque.at[0], name.opaque.at[1] };
	struct net_link *l = net_link_between(r->a, r->u);
	reload_peer_link_down(r->u->peer, number_at(r->u, r->a), RELOAD_LINK_DOWN);
	l->state = NET_LINK_NONE;
	net_link(r->a, r->u);
	name.opaque = span_of(bytes, 2);
	ans.to[0] = name;
	ans.to_count = 1;
	uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_OPAQUE);
	tell(&ans, r->u);
	/* R-6.1.3-02 R-6.3.2.2-11: without a word */
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_OPAQUE), dropped + 1);
	expect_silence(r->a, c.h.transaction_id);
	expect_silence(r->b, c.h.transaction_id);
	struct craft ping = craft_ping(r->b, &name);
	ping.to[0] = (struct reload_destination){ .type = RELOAD_DEST_OPAQUE,
		.opaque = span_str("foreign") };
	expect_silence(r->b, tell(&ping, r->u));
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_OPAQUE), dropped + 2);
	ring_teardown((void **)&r);
}

/* Under any policy: a, whose list leads by way of u back to a, learns by which opaque ID u names it (R7904-32). */
static void who_asks_for_itself_is_compressed(void **state)
{
	struct ring *r = *state;
	struct reload_destination here = dest(r->u), gruu[2];
	struct craft c = craft_ping(r->a, &here);
	c.to[1] = dest(r->a);
	c.to_count = 2;
	tell(&c, r->u);
	net_pass(r->net, 50);
	struct reload_msg *m = heard(r->a, c.h.transaction_id);
	assert_non_null(m);
	list_is(m->header.destination_list, LIST(&r->a->id), r->net);
	/* R-4.3-01 R-6.3.2.2-07: it stands in place of the Node-ID */
	assert_int_equal(m->header.via_list.len, 2);
	gruu[0] = here;
	gruu[1] = first_of(r->net, m->header.via_list);
	assert_int_equal(gruu[1].type, RELOAD_DEST_OPAQUE);
	/* R-6.1.3-01: whoever has that list reaches a, and is told no more than u's Node-ID */
	struct craft from_b = craft_ping(r->b, &gruu[0]);
	from_b.to[1] = gruu[1];
	from_b.to_count = 2;
	tell(&from_b, r->u);
	m = heard(r->a, from_b.h.transaction_id);
	assert_non_null(m);
	list_is(m->header.destination_list, LIST(&r->a->id), r->net);
	/* u itself as well */
	struct outcome *o = outcome_new(r->net);
	struct reload_request_target target = { .list = gruu, .count = 2 };
	enum reload_err err;
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(r->net);
	m = heard_code(r->a, RELOAD_PING_REQ);
	assert_non_null(m);
	list_is(m->header.destination_list, LIST(&r->a->id), r->net);
}

/* What b has heard of u, as b passes it back to u: with that Via List. */
static struct span passed_back(struct ring *r, struct span heard, struct span via)
{
	struct wire_ctx ctx = net_ctx(r->net);
	struct reload_header h;
	struct reload_destination to = dest(r->u);
	struct wr list, w;
	wr_init(&list);
	wr_init(&w);
	assert_int_equal(reload_header_read(&h, heard, &ctx), RELOAD_OK);
	size_t head = reload_header_size(&h);
	reload_wire_write(&list, &reload_destination_wire, &ctx, &to);
	h.destination_list = wr_done(&list);
	h.via_list = via;
	h.ttl--;
	h.length = (uint32_t)(reload_header_size(&h) + heard.len - head);
	reload_header_write(&w, &h);
	wr_span(&w, span_of(heard.at + head, heard.len - head));
	struct span bytes = reload_arena_copy(&r->net->arena, wr_done(&w));
	wr_clear(&list);
	wr_clear(&w);
	return bytes;
}

/* u sends a Ping to itself by way of b, which names u by an opaque ID. */
static void own_request_tells_the_way_here(void **state)
{
	struct ring *r = *state;
	const struct span name = span_of("\x80\x2a", 2), none = span_of(NULL, 0);
	struct reload_destination list[] = { dest(r->b), dest(r->u) };
	struct outcome *o = outcome_new(r->net);
	struct reload_request_target target = { .list = list, .count = 2 };
	enum reload_err err;
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(r->net);
	struct span sent = heard_bytes(r->b, 0);
	list_is(msg_of(r->net, sent)->header.destination_list, LIST(&r->b->id, &r->u->id), r->net);
	say(r->b, r->u, passed_back(r, sent, name));
	/* R-6.1.2-11: the answer leaves by the way that the request has come */
	struct span answer = heard_bytes(r->b, 0), way;
	way = msg_of(r->net, answer)->header.destination_list;
	assert_int_equal(way.len, 18 + 2);
	assert_memory_equal(way.at + 18, name.at, 2);
	assert_int_equal(o->calls, 0);
	say(r->b, r->u, passed_back(r, answer, none));
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	/* R7904-32: the same list leads others here */
	assert_int_equal(o->way_here_len, way.len);
	assert_memory_equal(o->way_here, way.at, way.len);
	/* one that did not come back tells nothing */
	o = outcome_new(r->net);
	target.count = 1;
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(r->net);
	struct reload_ping_ans body = { .response_id = 1 };
	struct craft c = reply(r->b, heard(r->b, 0), RELOAD_PING_ANS, &body);
	tell(&c, r->u);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->way_here_len, 0);
}

/* -- state instead of a Via entry --------------------------------------------------------------------------------------- */

static void stateful(struct reload_policy *policy)
{
	policy->via = RELOAD_VIA_STATEFUL;
}

static void with_state(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(stateful);
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	tell(&c, r->u);
	struct reload_msg *m = heard(r->b, c.h.transaction_id);
	/* R-6.1.2-05: the Via List is sent unchanged */
	list_is(m->header.via_list, LIST(&r->c->id), r->net);
	struct reload_ping_ans body = { .response_id = 1 };
	struct reload_destination here = dest(r->u);
	struct craft ans = craft(r->b, RELOAD_PING_ANS, &body, &here);
	ans.h.transaction_id = c.h.transaction_id;
	ans.to[1] = dest(r->c);
	ans.to_count = 2;
	tell(&ans, r->u);
	m = expect_answer(r->a, c.h.transaction_id, RELOAD_PING_ANS);
	/* HDR-02: the previous hop is put in front of what is left */
	list_is(m->header.destination_list, LIST(&r->a->id, &r->c->id), r->net);
	/* R-6.1.2-03: also when the list names the previous hop already */
	ans.to[1] = dest(r->a);
	tell(&ans, r->u);
	m = expect_answer(r->a, c.h.transaction_id, RELOAD_PING_ANS);
	list_is(m->header.destination_list, LIST(&r->a->id), r->net);
	/* R-6.1.2-08: the state outlives the reliability timer */
	net_pass(r->net, r->net->config->overlay_reliability_timer_ms);
	ans.to[1] = dest(r->c);
	tell(&ans, r->u);
	expect_answer(r->a, c.h.transaction_id, RELOAD_PING_ANS);
	/* R-6.1.2-09: and ends at some point */
	net_pass(r->net, 60000);
	node_ready(r->a, r->u);
	node_ready(r->b, r->u);
	tell(&ans, r->u);
	expect_silence(r->a, c.h.transaction_id);
	ring_teardown((void **)&r);
}

/* -- a chain of engines --------------------------------------------------------------------------------------------------- */

struct trace {
	struct {
		size_t from, to;
		uint8_t ttl;
		size_t via, destinations;
		bool response;
	} hops[32];
	size_t count;
	uint64_t id;
};

static size_t entries(struct net *net, struct span list)
{
	struct wire_ctx ctx = net_ctx(net);
	struct rd r = rd_of(list);
	struct reload_destination d;
	size_t count = 0;
	while (reload_dest_next(&r, &ctx, &d))
		count++;
	return count;
}

static bool trace_tap(struct net *net, struct packet *p)
{
	struct trace *t = net->tap_arg;
	struct wire_ctx ctx = net_ctx(net);
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, span_of(p->at, p->len), &ctx), RELOAD_OK);
	const uint8_t *body = p->at + reload_header_size(&h);
	uint16_t code = (uint16_t)(body[0] << 8 | body[1]);
	if (code != RELOAD_PING_REQ && code != RELOAD_PING_ANS)
		return true;
	assert_true(t->count < COUNT_OF(t->hops));
	t->hops[t->count].from = p->from->index;
	t->hops[t->count].to = p->to->index;
	t->hops[t->count].ttl = h.ttl;
	t->hops[t->count].via = entries(net, h.via_list);
	t->hops[t->count].response = code == RELOAD_PING_ANS;
	t->hops[t->count++].destinations = entries(net, h.destination_list);
	return true;
}

static void chain_of(const int via[4], const size_t vias[3])
{
	struct net *net = net_new();
	struct node *n[4];
	static const uint8_t places[] = { 0x10, 0x50, 0x90, 0xd0 };
	for (size_t i = 0; i < 4; i++) {
		n[i] = node_new(net, places[i]);
		n[i]->policy.via = via[i];
	}
	node_first(n[0]);
	for (size_t i = 1; i < 4; i++)
		node_join(n[i], n[0], RELOAD_ROLE_PEER);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(n[i]->state, RELOAD_STATE_JOINED);
	net_pass(net, 5000);
	struct trace t = { .count = 0 };
	struct outcome *o = outcome_new(net);
	struct reload_destination list[] = { dest(n[1]), dest(n[2]), dest(n[3]) };
	struct reload_request_target target = { .list = list, .count = 3 };
	enum reload_err err;
	net->tap_arg = &t;
	net->tap = trace_tap;
	assert_non_null(reload_peer_ping(n[0]->peer, &target, 0, outcome_fn, o, &err));
	net_settle(net);
	net->tap = NULL;
	/* R-4.3-01: whatever each node on the path does with the Via List, the answer comes back */
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	/* R-6.2-01: the same way there and back */
	assert_int_equal(t.count, 6);
	assert_int_equal(o->result.hops, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(t.hops[i].from, i);
		assert_int_equal(t.hops[i].to, i + 1);
		assert_int_equal(t.hops[i].ttl, 100 - i);
		assert_int_equal(t.hops[i].destinations, 3 - i);
		assert_int_equal(t.hops[i].via, vias[i]);
		assert_false(t.hops[i].response);
		assert_int_equal(t.hops[3 + i].from, 3 - i);
		assert_int_equal(t.hops[3 + i].to, 2 - i);
		assert_int_equal(t.hops[3 + i].ttl, 100 - i);
		assert_int_equal(t.hops[3 + i].via, 0);
		assert_true(t.hops[3 + i].response);
	}
	net_free(net);
}

static void chain(void **state)
{
	(void)state;
	static const size_t growing[] = { 0, 1, 2 }, none[] = { 0, 0, 0 }, last[] = { 0, 0, 1 },
			    first[] = { 0, 1, 1 };
	chain_of((int[4]){ RELOAD_VIA_STATELESS }, growing);
	chain_of((int[4]){ 0, RELOAD_VIA_COMPRESS, RELOAD_VIA_COMPRESS }, growing);
	chain_of((int[4]){ 0, RELOAD_VIA_STATEFUL, RELOAD_VIA_STATEFUL }, none);
	chain_of((int[4]){ 0, RELOAD_VIA_STATEFUL, RELOAD_VIA_COMPRESS }, last);
	chain_of((int[4]){ 0, RELOAD_VIA_COMPRESS, RELOAD_VIA_STATEFUL }, first);
	chain_of((int[4]){ 0, RELOAD_VIA_STATEFUL, RELOAD_VIA_STATELESS }, last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(request_passes),
		ring_test(response_passes),
		ring_test(own_id_with_more),
		ring_test(towards_the_closest),
		ring_test(in_a_circle),
		ring_test(unknown_things_pass),
		ring_test(options),
		ring_test(options_come_back),
		ring_test(error_on_the_way),
		cmocka_unit_test(compressed),
		ring_test(who_asks_for_itself_is_compressed),
		ring_test(own_request_tells_the_way_here),
		cmocka_unit_test(with_state),
		cmocka_unit_test(chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
