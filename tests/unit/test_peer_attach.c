/* Attach without ICE, links and their certificates, nodes with several Node-IDs (RFC 6940 s6.5.1, s6.1.2). */
#include "engine_attach.h"

static void answered_and_dialled(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	struct craft c = craft_attach(r->c, r->u);
	r->net->hold_dials = true;
	r->u->asked_addresses = 0;
	struct reload_msg *m = expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->asked_addresses, 1);
	r->net->hold_dials = false;
	net_settle(r->net);
	/* R-6.5.1.1-01 R-6.5.1.2-01: role active, own listening address, both secrets empty */
	text_is(m->body.attach.role, "active");
	/* R-6.5.1.1-02 R-6.6.5-05 R-6.5.1.1-04 */
	assert_int_equal(m->body.attach.candidates_count, 1);
	struct reload_ice_candidate *own = &m->body.attach.candidates[0];
	assert_int_equal(own->overlay_link, RELOAD_TLS_TCP_FH_NO_ICE);
	assert_int_equal(own->type, RELOAD_CAND_HOST);
	assert_int_equal(own->addr_port.addr[3], r->u->index);
	assert_int_equal(own->priority, 2130706431);
	text_is(own->foundation, "1");
	assert_int_equal(m->body.attach.ufrag.len + m->body.attach.password.len, 0);
	assert_int_equal(m->body.attach.send_update, 0);
	/* R-6.5.1.11-01 R-6.5.1.13-01: the answerer connects, and the link is there */
	assert_int_equal(r->u->opened, opened + 1);
	assert_non_null(net_link_between(r->u, r->c));
	struct reload_destination to = dest(r->c);
	struct craft ping = craft_ping(r->a, &to);
	tell(&ping, r->u);
	/* R-4.4-01: messages for it take the link at once */
	assert_non_null(heard(r->c, ping.h.transaction_id));
	/* R-6.5.1.12-01 R-6.5.1.10-02: what was agreed upon is not offered again */
	net_pass(r->net, 10000);
	assert_null(heard_code(r->b, RELOAD_ATTACH_REQ));
	assert_null(heard_code(r->c, RELOAD_ATTACH_REQ));
	/* a second Attach makes no second link */
	c = craft_attach(r->c, r->u);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 1);
}

static void an_update_was_wanted(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_destination to = dest(r->u);
	attach_of(&f, r->c, "passive");
	f.body.send_update = true;
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	r->net->hold_dials = true;
	through_b(r, &c);
	assert_null(heard_code(r->c, RELOAD_UPDATE_REQ));
	r->net->hold_dials = false;
	net_settle(r->net);
	/* R-6.4.2.3-02 R-6.5.1.1-07: once the link is up */
	struct reload_msg *m = heard_code(r->c, RELOAD_UPDATE_REQ);
	assert_non_null(m);
	assert_int_equal(m->body.update.type, RELOAD_CHORD_FULL);
	forget(r->c);
	/* linked already: the Update follows the answer */
	c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	tell(&c, r->u);
	assert_int_equal(heard(r->c, c.h.transaction_id)->code, RELOAD_ATTACH_ANS);
	assert_non_null(heard_code(r->c, RELOAD_UPDATE_REQ));
}

static void faulty_requests(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	unsigned opened = r->u->opened;
	for (int i = 0; i < 6; i++) {
		struct attach_form f;
		attach_of(&f, r->c, i == 0 ? "active" : i == 1 ? "actpass" : "passive");
		if (i == 2)
			f.body.candidates_count = 0;
		if (i == 3) {
			f.body.candidates_count = 2;
			f.candidates[1].overlay_link = RELOAD_DTLS_UDP_SR;
		}
		if (i == 4)
			f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR;
		if (i == 5)
			f.candidates[0].addr_port.port = 0;
		struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
		/* R-6.5.1.1-01 R-6.5.1.1-04 R-6.5.1.5-02: wrong role, no candidate, ICE here or mixed, of no use */
		struct reload_msg *m = expect_error(r->b, through_b(r, &c), 20);
		assert_true(m->body.error.error_info.len > 0);
	}
	assert_int_equal(r->u->opened, opened);
}

static struct reload_ip_port place(const char *text)
{
	struct reload_ip_port a;
	assert_int_equal(reload_ip_port_parse(&a, text, 0), RELOAD_OK);
	return a;
}

/* No node is made to knock where no single node can be. */
static void only_addresses_of_one_node_are_dialled(void **state)
{
	struct ring *r = *state;
	static const char *const groups[] = { "224.0.0.1:6084", "255.255.255.255:6084",
		"0.0.0.0:6084", "[ff02::1]:6084", "[::]:6084", "[::ffff:224.0.0.1]:6084",
		"[::ffff:255.255.255.255]:6084", "[::ffff:0.0.0.0]:6084", "[2001:db8::1]:0",
		"127.0.0.1:6084", "[::1]:6084", "169.254.169.254:80", "[fe80::1]:6084",
		"[64:ff9b::169.254.169.254]:80", "[2002:a9fe:a9fe::]:80", "[::127.0.0.1]:6084" };
	struct reload_destination to = dest(r->u);
	unsigned opened = r->u->opened;
	struct attach_form f;
	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		attach_of(&f, r->c, "passive");
		f.candidates[0].addr_port = place(groups[i]);
		struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
		expect_error(r->b, through_b(r, &c), 20);
	}
	assert_int_equal(r->u->opened, opened);
	/* beside one where somebody can be, it is passed over */
	attach_of(&f, r->c, "passive");
	f.body.candidates_count = 2;
	f.candidates[0].addr_port = place(groups[0]);
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 1);
	assert_non_null(net_link_between(r->u, r->c));
}

/* Where this node itself has an address of its host alone, so may the others. */
static void loopback_in_an_overlay_on_loopback(void **state)
{
	struct ring *r = *state;
	struct reload_ip_port own = place("127.0.0.1:6084");
	struct reload_destination to = dest(r->u);
	unsigned opened = r->u->opened;
	struct attach_form f;
	attach_of(&f, r->c, "passive");
	f.candidates[0].addr_port = place("127.0.0.1:6085");
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	expect_error(r->b, through_b(r, &c), 20);
	r->u->claimed = &own;
	c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 1);
	r->u->claimed = NULL;
}

static void of_many_candidates_some_are_looked_at(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_ice_candidate many[RELOAD_LIMIT_CANDIDATES];
	unsigned opened = r->u->opened;
	struct attach_form f;
	attach_of(&f, r->c, "passive");
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		many[i] = f.candidates[0];
		if (i < 25)
			many[i].addr_port = place("224.0.0.1:6084");
	}
	f.body.candidates = many;
	f.body.candidates_count = COUNT_OF(many);
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	expect_error(r->b, through_b(r, &c), 20);
	assert_int_equal(r->u->opened, opened);
	many[24] = f.candidates[0];
	c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 1);
}

static void no_room_for_links(struct reload_policy *policy)
{
	policy->max_links = 2;
}

static void overloaded(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(no_room_for_links);
	struct craft c = craft_attach(r->c, r->u);
	/* R-6.5.1.2-06 R-6.3.3.1-04 */
	expect_error(r->b, through_b(r, &c), 2);
	ring_teardown((void **)&r);
}

/* A node of which nobody knows more than what it sends; nobody is at its address. */
static uint64_t stranger_attaches(struct ring *r, struct node *by, unsigned number)
{
	struct node from = { .net = r->net, .index = 200 };
	from.id = id_at(0x40);
	from.id.at[1] = (uint8_t)(number >> 8);
	from.id.at[2] = (uint8_t)number;
	char user[64];
	snprintf(user, sizeof(user), "stranger%u@" RELOAD_SIM_OVERLAY, number);
	from.credentials.cert = reload_sim_cert(user, RELOAD_SIM_OVERLAY, &from.id);
	from.credentials.key = reload_sim_key(from.credentials.cert);
	struct craft c = craft_attach(&from, r->u);
	c.via[0] = dest(&from);
	c.via_count = 1;
	say(by, r->u, craft_bytes(&c));
	reload_key_free(from.credentials.key);
	reload_cert_free(from.credentials.cert);
	return c.h.transaction_id;
}

enum {
	ATTEMPTS = 512
};

static void attempts_have_a_limit(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	r->net->hold_dials = true;
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		stranger_attaches(r, r->b, i);
		forget(r->b);
	}
	assert_int_equal(r->u->opened, opened + ATTEMPTS);
	/* R-6.5.1.2-06 R-6.3.3.1-04: one more is refused, and nothing is dialled for it */
	struct craft c = craft_attach(r->c, r->u);
	expect_error(r->b, through_b(r, &c), 2);
	assert_int_equal(r->u->opened, opened + ATTEMPTS);
	/* who is linked is answered all the same */
	c = craft_attach(r->a, r->u);
	expect_answer(r->a, tell(&c, r->u), RELOAD_ATTACH_ANS);
}

static void attempts_that_were_signed_at_once(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	r->net->hold_dials = r->net->hold_jobs = true;
	for (unsigned i = 0; i < ATTEMPTS + 100; i++)
		stranger_attaches(r, i % 2 ? r->a : r->b, i);
	assert_int_equal(r->u->opened, opened);
	r->net->hold_jobs = false;
	net_settle(r->net);
	/* R-6.5.1.2-06: all were let in before the first one was dialled */
	assert_int_equal(r->u->opened, opened + ATTEMPTS);
}

/* -- both at once -------------------------------------------------------------------------------------------------------- */

static void requester(void **state)
{
	struct ring *r = *state;
	struct reload_msg *m = u_attaches(r, r->c);
	/* R-10.7.3-01: who belongs into the Neighbor Table is attached to; R-10.6-01: through the one who told */
	list_is(m->header.destination_list, LIST(&r->b->id, &r->c->id), r->net);
	text_is(m->body.attach.role, "passive");
	assert_int_equal(m->body.attach.candidates_count, 1);
	assert_int_equal(m->body.attach.candidates[0].addr_port.addr[3], r->u->index);
	unsigned opened = r->u->opened;
	struct attach_form f;
	attach_of(&f, r->c, "active");
	struct craft c = reply(r->c, m, RELOAD_ATTACH_ANS, &f.body);
	say(r->b, r->u, craft_bytes(&c));
	/* R-6.5.1.2-07 R-6.5.1.13-01: the answerer dials, the requester waits */
	assert_int_equal(r->u->opened, opened);
	net_link(r->c, r->u);
	struct reload_peer_link links[8];
	assert_int_equal(reload_peer_links(r->u->peer, links, 8), 3);
}

static void tie_the_larger_goes_on(void **state)
{
	struct ring *r = *state;
	/* 10.. is smaller than u, and in the range of a: it would have to yield */
	struct node *small = node_new(r->net, 0x10);
	u_attaches(r, small);
	unsigned opened = r->u->opened;
	struct craft c = craft_attach(small, r->u);
	/* R-6.5.1.2-05 R-6.5.1.2-03 R-6.3.3.1-18 */
	expect_error(r->b, through_b(r, &c), 17);
	assert_int_equal(r->u->opened, opened);
	net_pass(r->net, 3000);
	/* its own request goes on */
	assert_non_null(heard_code(r->b, RELOAD_ATTACH_REQ));
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 0);
	net_pass(r->net, 15000);
	/* R-6.5.1-01: nobody answers for a Node-ID that is not reached */
	assert_true(r->u->events[RELOAD_EV_ATTACH_FAILED] > 0);
}

/* A node comes back while u, which others have told of it, still asks for a link: that request would end at u itself. */
static void no_tie_with_who_joins(void **state)
{
	struct ring *r = *state;
	struct node *joining = node_new(r->net, 0x70);
	uint64_t own = u_attaches(r, joining)->header.transaction_id;
	unsigned opened = r->u->opened;
	struct craft c = craft_attach(joining, r->u);
	/* R-6.5.1.2-04, LINK-11: u is the larger one, and yields all the same */
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 1);
	net_pass(r->net, 4000);
	expect_silence(r->b, own);
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 0);
}

static void tie_the_smaller_yields(void **state)
{
	struct ring *r = *state;
	struct reload_msg *m = u_attaches(r, r->c);
	uint64_t own = m->header.transaction_id;
	unsigned opened = r->u->opened;
	struct craft c = craft_attach(r->c, r->u);
	/* R-6.5.1.2-04: the other's request is processed, the own one is not repeated */
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 1);
	net_pass(r->net, 4000);
	expect_silence(r->b, own);
	/* LINK-11: and u's own attempt is satisfied by that link */
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 0);
	struct reload_peer_link links[8];
	assert_int_equal(reload_peer_links(r->u->peer, links, 8), 3);
}

static void in_progress(void **state)
{
	struct ring *r = *state;
	struct node *small = node_new(r->net, 0x70);
	struct reload_msg *m = u_attaches(r, small);
	struct attach_form f;
	attach_of(&f, small, "active");
	struct craft c = reply(small, m, RELOAD_ATTACH_ANS, &f.body);
	say(r->b, r->u, craft_bytes(&c));
	c = craft_attach(small, r->u);
	/* R-6.5.1.2-02: u's own was answered, the link is on its way */
	expect_error(r->b, through_b(r, &c), 17);
	net_pass(r->net, 16000);
	/* it never came: the attempt has ended */
	assert_true(r->u->events[RELOAD_EV_ATTACH_FAILED] > 0);
}

/* -- who is at the other end ------------------------------------------------------------------------------------------------- */

/* Who tells many addresses, and then becomes a peer, is dialled at few of them: they may be anybody's. */
static void addresses_of_one_are_few(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x60);
	struct reload_destination to = dest(r->u);
	size_t before = r->u->reached_count;
	unsigned opened = r->u->opened;
	for (uint8_t i = 0; i < 12; i++) {
		struct attach_form f;
		attach_of(&f, n, "passive");
		f.candidates[0].addr_port.addr[3] = (uint8_t)(100 + i);
		struct craft c = craft(n, RELOAD_ATTACH_REQ, &f.body, &to);
		if (i < 3)
			expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
		else
			expect_error(r->b, through_b(r, &c), 2);
	}
	assert_int_equal(r->u->opened, opened + 3);
	opened = r->u->opened;
	node_ready(n, r->u);
	net_pass(r->net, 60 * RELOAD_SECOND);
	/* R-4.5-04: nobody was there, so nothing is remembered, and it is not asked again */
	assert_int_equal(r->u->opened, opened + 1);
	assert_int_equal(r->u->reached_count, before);
}

/* Anybody's address can be named: after two dials that failed each further one is followed by a longer pause. */
static void dead_addresses_are_dialled_seldom(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	for (int i = 0; i < 120; i++) {
		stranger_attaches(r, r->b, 1);
		forget(r->b);
		net_pass(r->net, 500);
	}
	/* within a minute: three at once, then after 2, 4, 8 and 16 s */
	assert_int_equal(r->u->opened, opened + 7);
	expect_error(r->b, stranger_attaches(r, r->b, 1), 2);
	/* of others nothing is known */
	struct craft c = craft_attach(r->c, r->u);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened + 8);
	assert_non_null(net_link_between(r->u, r->c));
	/* the pause has an end, and is the longest one in the end */
	for (int i = 0; i < 1200; i++) {
		stranger_attaches(r, r->b, 1);
		forget(r->b);
		net_pass(r->net, 500);
	}
	assert_in_range(r->u->opened, opened + 8 + 4, opened + 8 + 7);
}

/* Nobody answers at all: what is under way counts, too. */
static void silent_addresses_are_dialled_seldom(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	r->net->hold_dials = true;
	for (int i = 0; i < 120; i++) {
		stranger_attaches(r, r->b, 1);
		forget(r->b);
		net_pass(r->net, 500);
	}
	assert_in_range(r->u->opened, opened + 3, opened + 4);
}

/* A certificate with many Node-IDs is dialled no more often than one with a single one. */
static void many_nodes_of_one_certificate_are_one(void **state)
{
	struct ring *r = *state;
	struct reload_id ids[6];
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		ids[i] = id_at((uint8_t)(0x60 + i));
	struct node *n = node_new_of(
		r->net, &(struct reload_sim_cert_form){ .user = "many@" RELOAD_SIM_OVERLAY,
				.overlay = RELOAD_SIM_OVERLAY,
				.nodes = ids,
				.nodes_count = COUNT_OF(ids) });
	unsigned opened = r->u->opened;
	r->net->hold_dials = true;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		n->id = ids[i];
		struct craft c = craft_attach(n, r->u);
		uint64_t id = through_b(r, &c);
		if (i < 2)
			expect_answer(r->b, id, RELOAD_ATTACH_ANS);
		else
			expect_error(r->b, id, 2);
	}
	assert_int_equal(r->u->opened, opened + 2);
}

static void who_was_found_begins_anew(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x60);
	for (int round = 0; round < 3; round++) {
		struct reload_destination to = dest(r->u);
		struct attach_form f;
		for (int i = 0; i < 2; i++) {
			attach_of(&f, n, "passive");
			f.candidates[0].addr_port.addr[3] = 200;
			struct craft c = craft(n, RELOAD_ATTACH_REQ, &f.body, &to);
			expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
		}
		struct craft c = craft_attach(n, r->u);
		expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
		struct net_link *l = net_link_between(r->u, n);
		assert_non_null(l);
		uint32_t number = number_at(r->u, n);
		l->state = NET_LINK_NONE;
		reload_peer_link_down(r->u->peer, number, RELOAD_LINK_DOWN);
		net_settle(r->net);
	}
}

/* The limit of links of this node itself is nobody's fault. */
static void own_limits_are_no_failures(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	r->net->hold_dials = true;
	for (int i = 0; i < 6; i++) {
		expect_answer(r->b, stranger_attaches(r, r->b, 1), RELOAD_ATTACH_ANS);
		for (size_t at = 0; at < NET_LINKS; at++) {
			struct net_link *l = &r->net->links[at];
			if (l->state != NET_LINK_DIALLED)
				continue;
			l->state = NET_LINK_NONE;
			reload_peer_link_down(r->u->peer, l->numbers[0], RELOAD_LIMIT);
		}
	}
	assert_int_equal(r->u->opened, opened + 6);
}

static void application(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_destination to = dest(r->u);
	attach_of(&f, r->a, "passive");
	struct reload_app_attach app = { .application = 5060,
		.role = span_str("passive"),
		.candidates = f.candidates,
		.candidates_count = 1 };
	struct craft c = craft(r->a, RELOAD_APP_ATTACH_REQ, &app, &to);
	/* R-6.5.2-05 R-6.3.3.1-05 */
	expect_error(r->a, tell(&c, r->u), 3);
	static const uint16_t others[] = { 0, 5061, 61441, 65534, 65535 };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		app.application = others[i];
		c = craft(r->a, RELOAD_APP_ATTACH_REQ, &app, &to);
		/* R-14-03: neither those that are never used nor private ones mean anything here */
		expect_error(r->a, tell(&c, r->u), 3);
	}
}

static void links_that_fail(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	struct reload_peer_link links[8];
	reload_peer_link_health(r->u->peer, number_at(r->u, r->b), false);
	assert_int_equal(r->u->events[RELOAD_EV_LINK_UNRESPONSIVE], 1);
	assert_int_equal(reload_peer_links(r->u->peer, links, 8), 2);
	struct reload_id point = id_at(0xa0);
	struct reload_destination there = reload_dest_resource(&point);
	c = craft_ping(r->b, &there);
	tell(&c, r->u);
	/* R-6.6-05: out of the Routing Table at once */
	assert_null(heard(r->b, c.h.transaction_id));
	reload_peer_link_health(r->u->peer, number_at(r->u, r->b), true);
	c = craft_ping(r->a, &there);
	tell(&c, r->u);
	assert_non_null(heard(r->b, c.h.transaction_id)); /* and back */
	struct net_link *l = net_link_between(r->u, r->b);
	uint32_t number = number_at(r->u, r->b);
	l->state = NET_LINK_NONE;
	reload_peer_link_down(r->u->peer, number, RELOAD_LINK_DOWN);
	assert_int_equal(reload_peer_links(r->u->peer, links, 8), 1);
	assert_int_equal(r->u->events[RELOAD_EV_LINK_DOWN], 1);
	c = craft_ping(r->a, &to);
	tell(&c, r->u);
	assert_int_equal(inbox_count(r->b), 0);
}

/* who asks for a link by another way does without the one that stands: while that is checked, silence ends it */
static void a_link_under_check_is_lost_when_it_is_silent(void **state)
{
	struct ring *r = *state;
	struct craft c = craft_attach(r->c, r->u);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	unsigned opened = r->u->opened;
	reload_peer_link_health(r->u->peer, number_at(r->u, r->c), false);
	reload_peer_link_health(r->u->peer, number_at(r->u, r->c), true);
	assert_int_equal(r->u->opened, opened); /* nobody asked */
	c = craft_attach(r->c, r->u);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(r->u->opened, opened);
	reload_peer_link_health(r->u->peer, number_at(r->u, r->c), false);
	assert_int_equal(r->u->opened, opened + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(answered_and_dialled),
		ring_test(an_update_was_wanted),
		ring_test(faulty_requests),
		ring_test(only_addresses_of_one_node_are_dialled),
		ring_test(loopback_in_an_overlay_on_loopback),
		ring_test(of_many_candidates_some_are_looked_at),
		cmocka_unit_test(overloaded),
		ring_test(attempts_have_a_limit),
		ring_test(attempts_that_were_signed_at_once),
		ring_test(requester),
		ring_test(tie_the_larger_goes_on),
		ring_test(tie_the_smaller_yields),
		ring_test(no_tie_with_who_joins),
		ring_test(in_progress),
		ring_test(addresses_of_one_are_few),
		ring_test(dead_addresses_are_dialled_seldom),
		ring_test(silent_addresses_are_dialled_seldom),
		ring_test(many_nodes_of_one_certificate_are_one),
		ring_test(who_was_found_begins_anew),
		ring_test(own_limits_are_no_failures),
		ring_test(application),
		ring_test(links_that_fail),
		ring_test(a_link_under_check_is_lost_when_it_is_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
