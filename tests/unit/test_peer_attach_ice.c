/* Attach by ICE: what is gathered, sent, checked and closed, and when (RFC 6940 s6.5.1). */
#include "engine_ice.h"

static void answered_once_candidates_are_there(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	uint64_t id = ice_asks(r, r->c);
	struct ice_link *l = ice_newest(r->u);
	/* R-6.5.1.5-01 R-6.5.1.9-01: the answerer gathers, and is controlled */
	assert_non_null(l);
	assert_false(l->controlling);
	expect_silence(r->b, id);
	net_pass(r->net, 1000);
	expect_silence(r->b, id);
	ice_gathered(l);
	struct reload_msg *m = expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	/* R-6.5.1.1-01 R-6.5.1.2-01 R-6.5.1.7-01: what ICE needs is in the message */
	text_is(m->body.attach.role, "active");
	text_is(m->body.attach.ufrag, "ufr4");
	text_is(m->body.attach.password, "passwordpasswordpassword");
	assert_int_equal(m->body.attach.candidates_count, 2);
	/* R-6.5.1.1-04 R-6.5.1.1-05 R-6.5.1.1-06 */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(m->body.attach.candidates[i].overlay_link, RELOAD_DTLS_UDP_SR);
	assert_int_equal(m->body.attach.candidates[1].rel_addr_port.addr[3], r->u->index);
	/* R-6.5.1.10-01: it connects to what the other end sent */
	assert_true(l->checked);
	assert_string_equal(l->ufrag, "theirs");
	assert_string_equal(l->password, "theirpasswordtheirpassword");
	assert_int_equal(l->to_count, 1);
	assert_int_equal(l->to[0].addr_port.addr[3], r->c->index);
	ice_up(l, r->c);
	assert_int_equal(r->u->opened, opened); /* nothing is dialled */
	struct reload_destination to = dest(r->c);
	struct craft ping = craft_ping(r->a, &to);
	tell(&ping, r->u);
	assert_non_null(heard(r->c, ping.h.transaction_id));
	/* R-6.5.1.10-02 R-6.5.1.12-01: what was agreed upon is not offered again */
	net_pass(r->net, 20000);
	assert_int_equal(ice_open(r->u), 1);
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 0);
}

static void asked_once_candidates_are_there(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	struct ice_link *l = ice_starts_to(r, &o, r->c);
	/* R-6.5.1.9-01: who asks is controlling */
	assert_true(l->controlling);
	net_pass(r->net, 1000);
	assert_null(heard_code(r->b, RELOAD_ATTACH_REQ));
	ice_gathered(l);
	struct reload_msg *m = heard_code(r->b, RELOAD_ATTACH_REQ);
	assert_non_null(m);
	text_is(m->body.attach.role, "passive");
	text_is(m->body.attach.ufrag, "ufr4");
	assert_int_equal(m->body.attach.candidates_count, 2);
	assert_false(l->checked);
	struct ice_form f;
	ice_form(&f, r->c, "active");
	struct craft c = reply(r->c, m, RELOAD_ATTACH_ANS, &f.body);
	unsigned opened = r->u->opened;
	say(r->b, r->u, craft_bytes(&c));
	/* R-6.5.1.2-07 R-6.5.1.13-01: checks begin, and the answerer is the client of DTLS */
	assert_true(l->checked);
	assert_int_equal(r->u->opened, opened);
	assert_int_equal(o.ended, 0);
	ice_up(l, r->c);
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.err, RELOAD_OK);
	assert_true(reload_id_eq(&o.node, &r->c->id));
	assert_false(l->closed);
}

/* Sends u an Attach of c and returns what b hears at once. */
static struct reload_msg *c_asks(struct ring *r, const struct ice_form *f)
{
	struct craft c = ice_craft(r->c, r->u, f);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	return heard(r->b, c.h.transaction_id);
}

static void refused(struct ring *r, const struct ice_form *f)
{
	size_t before = ice_links_count;
	struct reload_msg *m = c_asks(r, f);
	assert_non_null(m);
	assert_int_equal(m->code, RELOAD_ERROR);
	assert_int_equal(m->body.error.error_code, 20);
	assert_int_equal(ice_links_count, before); /* nothing is gathered for it */
}

static void the_two_kinds_do_not_mix(void **state)
{
	struct ring *r = *state;
	struct ice_form f;
	/* R-6.5.1.1-04 R-6.5.1.5-02 */
	ice_form(&f, r->c, "passive");
	f.candidates[1] = f.candidates[0];
	f.candidates[1].overlay_link = RELOAD_TLS_TCP_FH_NO_ICE;
	f.body.candidates_count = 2;
	refused(r, &f);
	ice_form(&f, r->c, "passive");
	f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR_NO_ICE;
	refused(r, &f);
	/* R-6.5.1.1-01 R-6.5.1.1-02 */
	ice_form(&f, r->c, "active");
	refused(r, &f);
	ice_form(&f, r->c, "passive");
	f.body.candidates_count = 0;
	refused(r, &f);
}

static void credentials_that_ice_cannot_have(void **state)
{
	struct ring *r = *state;
	static const char *const ufrags[] = { "", "abc", "ab\ncd", "ab cd",
		"ab\x01"
		"cd",
		"ab:cd" };
	static const char *const passwords[] = { "", "short", "passwordpasswordpassw\x02rd",
		"password password password" };
	struct ice_form f;
	for (size_t i = 0; i < COUNT_OF(ufrags); i++) {
		ice_form(&f, r->c, "passive");
		f.body.ufrag = span_str(ufrags[i]);
		refused(r, &f);
	}
	for (size_t i = 0; i < COUNT_OF(passwords); i++) {
		ice_form(&f, r->c, "passive");
		f.body.password = span_str(passwords[i]);
		refused(r, &f);
	}
}

/* R-6.5.1.1-05: none of these may be what a host sends checks to. */
static void candidates_that_are_of_no_use(void **state)
{
	struct ring *r = *state;
	static const char *const places[] = { "224.0.0.1:6084", "255.255.255.255:6084",
		"0.0.0.0:6084", "127.0.0.1:6084", "169.254.169.254:80", "[::ffff:127.0.0.1]:6084",
		"[::127.0.0.1]:6084", "[64:ff9b::169.254.169.254]:80", "[2002:a9fe:a9fe::]:80",
		"[fe80::1]:6084", "[ff02::1]:6084", "[2001:db8::1]:0" };
	struct ice_form f;
	for (size_t i = 0; i < COUNT_OF(places) + 5; i++) {
		ice_form(&f, r->c, "passive");
		struct reload_ice_candidate *c = &f.candidates[0];
		if (i < COUNT_OF(places))
			assert_int_equal(reload_ip_port_parse(&c->addr_port, places[i], 0), 0);
		else if (i == COUNT_OF(places))
			c->foundation = span_of(NULL, 0);
		else if (i == COUNT_OF(places) + 1)
			c->foundation = span_str("a\nb");
		else if (i == COUNT_OF(places) + 2)
			c->priority = 0;
		else if (i == COUNT_OF(places) + 3)
			c->priority = 0x80000000u;
		else
			c->type = RELOAD_CAND_RESERVED;
		refused(r, &f);
		/* beside a good one it is passed over */
		f.candidates[1] = ice_candidate(r->c);
		f.body.candidates_count = 2;
		assert_null(c_asks(r, &f));
		struct ice_link *l = ice_newest(r->u);
		ice_gathered(l);
		assert_int_equal(l->to_count, 1);
		assert_int_equal(l->to[0].addr_port.addr[3], r->c->index);
		ice_up(l, r->c);
		struct net_link *link = net_link_between(r->u, r->c);
		link->state = NET_LINK_NONE;
		ice_down(l, RELOAD_LINK_DOWN);
		forget(r->b);
		forget(r->c);
	}
}

static void of_many_candidates_some_are_used(void **state)
{
	struct ring *r = *state;
	struct ice_form f;
	ice_form(&f, r->c, "passive");
	for (size_t i = 0; i < RELOAD_LIMIT_CANDIDATES; i++) {
		f.candidates[i] = f.candidates[0];
		f.candidates[i].addr_port.port = (uint16_t)(1000 + i);
	}
	f.body.candidates_count = RELOAD_LIMIT_CANDIDATES;
	assert_null(c_asks(r, &f));
	ice_gathered(ice_newest(r->u));
	assert_int_equal(ice_newest(r->u)->to_count, 25);
	/* a thousand are no message: the body is not even read */
	struct wire_ctx ctx = net_ctx(r->net);
	struct wr one, body;
	wr_init(&one);
	wr_init(&body);
	reload_wire_write(&one, &reload_ice_candidate_wire, &ctx, &f.candidates[0]);
	wr_u8(&body, 4);
	wr_bytes(&body, "abcd", 4);
	wr_u8(&body, 24);
	wr_span(&body, ice_password);
	wr_u8(&body, 7);
	wr_bytes(&body, "passive", 7);
	wr_u16(&body, (uint16_t)(1000 * one.len));
	for (int i = 0; i < 1000; i++)
		wr_span(&body, wr_done(&one));
	wr_u8(&body, 0);
	struct reload_destination to = dest(r->u);
	struct node *other = node_new(r->net, 0xe8);
	struct craft c = craft_raw(
		other, RELOAD_ATTACH_REQ, reload_arena_copy(&r->net->arena, wr_done(&body)), &to);
	c.via[0] = dest(other);
	c.via_count = 1;
	size_t before = ice_links_count;
	say(r->b, r->u, craft_bytes(&c));
	assert_int_equal(ice_links_count, before);
	wr_clear(&one);
	wr_clear(&body);
}

/* -- limits ------------------------------------------------------------------------------------------------------------------ */

static void gathers_have_a_limit(void **state)
{
	struct ring *r = *state;
	/* the same certificate: a third Attach waits */
	struct reload_id ids[] = { id_at(0x60), id_at(0x61), id_at(0x62) };
	struct node *n = node_new_of(
		r->net, &(struct reload_sim_cert_form){ .user = "many@" RELOAD_SIM_OVERLAY,
				.overlay = RELOAD_SIM_OVERLAY,
				.nodes = ids,
				.nodes_count = COUNT_OF(ids) });
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		n->id = ids[i];
		uint64_t id = ice_asks(r, n);
		if (i < 2)
			expect_silence(r->b, id);
		else
			expect_error(r->b, id, 2);
	}
	assert_int_equal(ice_open(r->u), 2);
	/* R-6.5.1.2-06: and so does the one too many of all */
	for (unsigned i = 0; i < 31; i++) {
		struct node from = { .net = r->net, .index = 100 };
		char user[64];
		from.id = id_at((uint8_t)(0x90 + i));
		snprintf(user, sizeof(user), "one%u@" RELOAD_SIM_OVERLAY, i);
		from.credentials.cert = reload_sim_cert(user, RELOAD_SIM_OVERLAY, &from.id);
		from.credentials.key = reload_sim_key(from.credentials.cert);
		uint64_t id = ice_asks(r, &from);
		if (i < 30)
			expect_silence(r->b, id);
		else
			expect_error(r->b, id, 2);
		reload_key_free(from.credentials.key);
		reload_cert_free(from.credentials.cert);
	}
	assert_int_equal(ice_open(r->u), 32);
	net_pass(r->net, 6000);
	assert_int_equal(ice_open(r->u), 0);
}

static void no_candidates(void **state)
{
	struct ring *r = *state;
	/* gathering takes too long, fails, or finds nothing: the other end is told, and no link is left */
	for (int i = 0; i < 3; i++) {
		uint64_t id = ice_asks(r, r->c);
		struct ice_link *l = ice_newest(r->u);
		if (i == 0)
			net_pass(r->net, 5000);
		else if (i == 1)
			ice_down(l, RELOAD_LINK_DOWN);
		else
			reload_peer_gathered(r->u->peer, l->number,
				&(struct reload_ice_gathered){ ice_ufrag, ice_password, NULL, 0 });
		net_settle(r->net);
		expect_error(r->b, id, 2);
		assert_true(l->closed);
	}
	for (int i = 0; i < 3; i++) {
		struct ice_attach o;
		struct ice_link *l = ice_starts_to(r, &o, r->c);
		if (i == 0)
			net_pass(r->net, 5000);
		else if (i == 1)
			ice_down(l, RELOAD_LINK_DOWN);
		else
			reload_peer_gathered(r->u->peer, l->number,
				&(struct reload_ice_gathered){ ice_ufrag, ice_password, NULL, 0 });
		assert_int_equal(o.ended, 1);
		assert_int_not_equal(o.err, RELOAD_OK);
		assert_true(l->closed);
	}
	assert_int_equal(ice_open(r->u), 0);
	/* what nobody waits for any more is closed */
	struct ice_link late = { .node = r->u, .number = 77 };
	ice_links[ice_links_count++] = late;
	ice_gathered(&ice_links[ice_links_count - 1]);
	assert_true(ice_links[ice_links_count - 1].closed);
}

/* A host without ICE in an overlay with ICE. */
static void no_ice_at_all(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	struct reload_destination to = dest(r->c);
	((struct reload_host_ops *)r->net->ops)->link_gather = NULL;
	ice_starts(r->u, &o, &to, 1);
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.err, RELOAD_TIMEOUT);
	expect_error(r->b, ice_asks(r, r->c), 2);
	assert_int_equal(ice_open(r->u), 0);
}

static void checks_that_fail(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	struct ice_link *l = ice_starts_to(r, &o, r->c);
	ice_gathered(l);
	struct ice_form f;
	ice_form(&f, r->c, "active");
	struct craft c =
		reply(r->c, heard_code(r->b, RELOAD_ATTACH_REQ), RELOAD_ATTACH_ANS, &f.body);
	say(r->b, r->u, craft_bytes(&c));
	ice_down(l, RELOAD_TIMEOUT);
	assert_int_equal(o.err, RELOAD_TIMEOUT);
	assert_non_null(r->u->last[RELOAD_EV_ATTACH_FAILED].reason);
	/* neither end comes up: the link ends with the attempt */
	ice_asks(r, r->c);
	l = ice_newest(r->u);
	ice_gathered(l);
	net_pass(r->net, 14000);
	assert_false(l->closed);
	net_pass(r->net, 2000);
	assert_true(l->closed);
	assert_int_equal(ice_open(r->u), 0);
}

/* An answer that is none, or of the other kind. */
static void answers_that_do_not_fit(void **state)
{
	struct ring *r = *state;
	for (int i = 0; i < 4; i++) {
		struct ice_attach o;
		struct ice_link *l = ice_starts_to(r, &o, r->c);
		ice_gathered(l);
		struct ice_form f;
		ice_form(&f, r->c, i == 0 ? "passive" : "active");
		if (i == 1) /* R-6.5.1.1-04 R-6.5.1.11-01 */
			f.candidates[0].overlay_link = RELOAD_TLS_TCP_FH_NO_ICE;
		if (i == 2)
			f.body.ufrag = span_of(NULL, 0);
		if (i == 3)
			f.candidates[0].addr_port.addr[0] = 127;
		struct craft c = reply(
			r->c, heard_code(r->b, RELOAD_ATTACH_REQ), RELOAD_ATTACH_ANS, &f.body);
		say(r->b, r->u, craft_bytes(&c));
		assert_int_equal(o.err, RELOAD_BAD_ANSWER);
		assert_false(l->checked);
		assert_true(l->closed);
		forget(r->b);
	}
}

/* -- who is at the other end ------------------------------------------------------------------------------------------------ */

static void another_node_is_there(void **state)
{
	struct ring *r = *state;
	ice_asks(r, r->c);
	struct ice_link *l = ice_newest(r->u);
	ice_gathered(l);
	struct node *other = node_new(r->net, 0xe8);
	/* R-6.5.1.13-03 R-6.5.1.11-02 */
	reload_peer_link_up(r->u->peer, l->number, other->credentials.cert);
	assert_true(l->closed);
	assert_int_equal(r->u->events[RELOAD_EV_LINK_REFUSED], 1);
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 1);
	/* the same at the other end, and before the answer nobody can be known to be there */
	struct ice_attach o;
	l = ice_starts_to(r, &o, r->c);
	ice_gathered(l);
	reload_peer_link_up(r->u->peer, l->number, other->credentials.cert);
	assert_true(l->closed);
	assert_int_equal(o.ended, 1);
	assert_int_not_equal(o.err, RELOAD_OK);
}

static void a_node_that_is_linked(void **state)
{
	struct ring *r = *state;
	/* over its link: to be sent an Update, or to say which node it is; no second link is made */
	struct ice_form f;
	ice_form(&f, r->b, "passive");
	f.body.send_update = true;
	struct craft c = ice_craft(r->b, r->u, &f);
	uint64_t id = tell(&c, r->u);
	struct ice_link *l = ice_newest(r->u);
	ice_gathered(l);
	expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	assert_non_null(heard_code(r->b, RELOAD_UPDATE_REQ)); /* R-6.5.1.1-07 */
	assert_false(l->checked);
	assert_true(l->closed);
	/* two at once and no more: a link entitles nobody to have sockets made */
	for (int i = 0; i < 3; i++) {
		c = ice_craft(r->b, r->u, &f);
		id = tell(&c, r->u);
	}
	expect_error(r->b, id, 2);
	assert_int_equal(ice_open(r->u), 2);
	net_pass(r->net, 5000);
	assert_int_equal(ice_open(r->u), 0);
	forget(r->b);
	/* this node's own ends with the answer */
	struct ice_attach o;
	struct reload_destination to = dest(r->b);
	l = ice_starts(r->u, &o, &to, 1);
	ice_gathered(l);
	ice_form(&f, r->b, "active");
	c = reply(r->b, heard_code(r->b, RELOAD_ATTACH_REQ), RELOAD_ATTACH_ANS, &f.body);
	say(r->b, r->u, craft_bytes(&c));
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.err, RELOAD_OK);
	assert_false(l->checked);
	assert_true(l->closed);
}

/* A linked node asks by another way: only if its link is silent there is another one. */
static void a_link_that_is_probed(void **state)
{
	struct ring *r = *state;
	for (int silent = 0; silent < 2; silent++) {
		struct ice_form f;
		ice_form(&f, r->b, "passive");
		struct craft c = ice_craft(r->b, r->u, &f);
		c.via[0] = dest(r->b);
		c.via_count = 1;
		say(r->a, r->u, craft_bytes(&c));
		struct ice_link *l = ice_newest(r->u);
		ice_gathered(l);
		expect_answer(r->a, c.h.transaction_id, RELOAD_ATTACH_ANS);
		struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
		assert_non_null(m);
		assert_false(l->checked);
		if (silent) {
			net_pass(r->net, 3000);
			assert_true(l->checked);
			assert_int_equal(r->u->events[RELOAD_EV_LINK_DOWN], 0);
			continue;
		}
		struct reload_ping_ans ans = { .response_id = 1, .time = RELOAD_SIM_EPOCH };
		c = reply(r->b, m, RELOAD_PING_ANS, &ans);
		tell(&c, r->u);
		assert_false(l->checked);
		assert_true(l->closed);
	}
}

/* -- the rest ---------------------------------------------------------------------------------------------------------------- */

static void itself(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	/* R-6.5.1-01: u is responsible for the place that it asks for */
	struct reload_destination to = reload_dest_resource(&r->u->id);
	struct ice_link *l = ice_starts(r->u, &o, &to, 1);
	ice_gathered(l);
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.err, RELOAD_OK);
	assert_true(reload_id_eq(&o.node, &r->u->id));
	assert_int_equal(ice_open(r->u), 0);
	/* nor for an Attach with its own name that comes from elsewhere */
	size_t before = ice_links_count;
	ice_asks(r, r->u);
	assert_int_equal(ice_links_count, before);
}

/* The node ends while requests wait for candidates. */
static void the_end(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	ice_asks(r, r->c);
	ice_starts_to(r, &o, node_new(r->net, 0xe8));
	node_stop(r->u);
	assert_int_equal(ice_open(r->u), 0);
	assert_int_equal(o.ended, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ice_test(answered_once_candidates_are_there),
		ice_test(asked_once_candidates_are_there),
		ice_test(the_two_kinds_do_not_mix),
		ice_test(credentials_that_ice_cannot_have),
		ice_test(candidates_that_are_of_no_use),
		ice_test(of_many_candidates_some_are_used),
		ice_test(gathers_have_a_limit),
		ice_test(no_candidates),
		ice_test(no_ice_at_all),
		ice_test(checks_that_fail),
		ice_test(answers_that_do_not_fit),
		ice_test(another_node_is_there),
		ice_test(a_node_that_is_linked),
		ice_test(a_link_that_is_probed),
		ice_test(itself),
		ice_test(the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
