/* AppAttach: what is asked, what is answered, and who gets the connection. */
#include "engine_attach.h"

enum {
	APP = 4711,
	CALLS_MAX = 256
};

/* What the host of u was asked, the newest of each last. */
static struct {
	unsigned listens, connects, takes, drops, ends, fails;
	uint32_t listened, connected, ended;
	struct reload_link_target to[8];
	size_t to_count;
	uint32_t taken, dropped;
	struct reload_app_peer peer;
	char user[64];
	enum reload_err err;
	struct reload_id responder;
	char reason[128];
	bool no_address;
} host;

static size_t host_listen(void *h, uint32_t app, struct reload_link_target *out, size_t max)
{
	(void)h;
	assert_true(max > 0);
	host.listens++;
	host.listened = app;
	out[0] = (struct reload_link_target){
		.at = { .type = RELOAD_IPV4, .addr = { 10, 9, 8, 7 }, .port = 40001 },
		.types = RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE)
	};
	return host.no_address ? 0 : 1;
}

static void host_connect(void *h, uint32_t app, const struct reload_link_target *to, size_t count)
{
	(void)h;
	assert_true(count > 0 && count <= COUNT_OF(host.to));
	host.connects++;
	host.connected = app;
	memcpy(host.to, to, count * sizeof(*to));
	host.to_count = count;
}

static void host_take(void *h, uint32_t app, uint32_t stream, const struct reload_app_peer *peer)
{
	(void)h, (void)app;
	host.takes++;
	host.taken = stream;
	host.peer = *peer;
	snprintf(host.user, sizeof(host.user), "%s", peer->cert->user);
}

static void host_drop(void *h, uint32_t app, uint32_t stream)
{
	(void)h, (void)app;
	host.drops++;
	host.dropped = stream;
}

static void host_end(void *h, uint32_t app)
{
	(void)h;
	host.ends++;
	host.ended = app;
}

static void host_failed(void *h, uint32_t app, const struct reload_result *result)
{
	(void)h, (void)app;
	host.fails++;
	host.err = result->err;
	host.responder = result->responder;
	snprintf(host.reason, sizeof(host.reason), "%s", result->reason ? result->reason : "");
}

static const struct reload_app_ops app_ops = { .listen = host_listen,
	.connect = host_connect,
	.take = host_take,
	.drop = host_drop,
	.end = host_end,
	.failed = host_failed };

static int setup(void **state)
{
	struct net *net = net_new();
	memset(&host, 0, sizeof(host));
	net->app_ops = &app_ops;
	*state = ring_new_in(net, NULL);
	return 0;
}

#define app_test(f) cmocka_unit_test_setup_teardown(f, setup, ring_teardown)

/* -- answering ----------------------------------------------------------------------------------------------------------- */

static struct reload_app_attach body_of(struct attach_form *f, const struct node *n)
{
	attach_of(f, n, "passive");
	return (struct reload_app_attach){ .application = APP,
		.role = span_str("passive"),
		.candidates = f->candidates,
		.candidates_count = 1 };
}

static uint64_t asks(struct node *from, struct node *to, const struct reload_app_attach *body)
{
	struct reload_destination d = dest(to);
	struct craft c = craft(from, RELOAD_APP_ATTACH_REQ, body, &d);
	return tell(&c, to);
}

static uint64_t a_asks(struct ring *r)
{
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->a);
	return asks(r->a, r->u, &body);
}

static void serve(struct ring *r, unsigned places)
{
	assert_int_equal(reload_peer_app_serve(r->u->peer, APP, places), RELOAD_OK);
}

static size_t links_of(struct node *n)
{
	struct reload_peer_link links[16];
	return reload_peer_links(n->peer, links, COUNT_OF(links));
}

static void answered_and_connected(void **state)
{
	struct ring *r = *state;
	size_t links = links_of(r->u);
	serve(r, 1);
	/* R-6.5.2-03 */
	struct reload_msg *m = expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	const struct reload_app_attach *ans = &m->body.app_attach;
	text_is(ans->role, "active");
	assert_int_equal(ans->application, APP);
	assert_int_equal(ans->candidates_count, 1);
	assert_int_equal(ans->candidates[0].addr_port.port, 9);
	assert_int_equal(host.connects, 1);
	assert_true(host.connected >> 31);
	assert_int_equal(host.to_count, 1);
	struct reload_ip_port at = node_address(r->a);
	assert_memory_equal(host.to[0].at.addr, at.addr, 4);
	assert_int_equal(host.to[0].at.port, at.port);
	assert_int_equal(host.takes, 0);
	reload_peer_app_up(r->u->peer, host.connected, 17, r->a->credentials.cert);
	assert_int_equal(host.takes, 1);
	assert_int_equal(host.taken, 17);
	assert_true(reload_id_eq(&host.peer.node, &r->a->id));
	assert_true(host.peer.incoming);
	assert_int_equal(host.peer.application, APP);
	assert_string_equal(host.user, r->a->credentials.cert->user);
	assert_int_equal(host.drops, 0);
	/* R-5.4-01: it is no link */
	assert_int_equal(links_of(r->u), links);
	assert_int_equal(r->u->opened, 0);
}

static void actpass_leaves_the_choice_here(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->a);
	serve(r, 1);
	body.role = span_str("actpass");
	expect_answer(r->a, asks(r->a, r->u, &body), RELOAD_APP_ATTACH_ANS);
	assert_int_equal(host.connects, 1);
}

/* Which links it makes is another matter. */
static void a_node_whose_links_are_dtls_answers_too(void **state)
{
	struct ring *r = *state;
	r->u->types = RELOAD_LINK_BIT(RELOAD_DTLS_UDP_SR_NO_ICE);
	serve(r, 1);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	assert_int_equal(host.connects, 1);
}

static void what_cannot_be_answered(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_app_attach good = body_of(&f, r->a), body = good;
	serve(r, 200);
	static const char *const roles[] = { "active", "", "holdconn", "passive " };
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		body.role = span_str(roles[i]);
		expect_error(r->a, asks(r->a, r->u, &body), 20);
	}
	body = good;
	body.candidates_count = 0;
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	body = good;
	f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR_NO_ICE;
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR;
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	f.candidates[0].overlay_link = RELOAD_TLS_TCP_FH_NO_ICE;
	static const uint8_t nowhere[][4] = { { 224, 0, 0, 1 }, { 255, 255, 255, 255 }, { 0 },
		{ 127, 0, 0, 1 }, { 169, 254, 169, 254 } };
	for (size_t i = 0; i < COUNT_OF(nowhere); i++) {
		memcpy(f.candidates[0].addr_port.addr, nowhere[i], 4);
		expect_error(r->a, asks(r->a, r->u, &body), 20);
	}
	assert_int_equal(host.connects, 0);
	body = body_of(&f, r->a);
	expect_answer(r->a, asks(r->a, r->u, &body), RELOAD_APP_ATTACH_ANS);
}

static void applications_are_apart(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->a);
	serve(r, 1);
	assert_int_equal(reload_peer_app_serve(r->u->peer, APP, 1), RELOAD_EXISTS);
	body.application = APP + 1;
	/* R-6.5.2-05 */
	expect_error(r->a, asks(r->a, r->u, &body), 3);
	assert_int_equal(reload_peer_app_serve(r->u->peer, APP + 1, 1), RELOAD_OK);
	expect_answer(r->a, asks(r->a, r->u, &body), RELOAD_APP_ATTACH_ANS);
	reload_peer_app_serve_end(r->u->peer, APP);
	expect_error(r->a, a_asks(r), 3);
	assert_int_equal(
		reload_peer_app_serve(r->u->peer, 9, RELOAD_APP_PLACES_MAX + 1), RELOAD_LIMIT);
	for (unsigned i = 1; i < RELOAD_APPS_MAX; i++)
		assert_int_equal(
			reload_peer_app_serve(r->u->peer, (uint16_t)(10000 + i), 1), RELOAD_OK);
	assert_int_equal(reload_peer_app_serve(r->u->peer, 9, 1), RELOAD_LIMIT);
}

static void places_are_counted(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	expect_error(r->a, a_asks(r), 2); /* it is being connected */
	reload_peer_app_up(r->u->peer, host.connected, 1, r->a->credentials.cert);
	expect_error(r->a, a_asks(r), 2); /* it was handed over */
	reload_peer_app_place_free(r->u->peer, APP);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	reload_peer_app_down(r->u->peer, host.connected, RELOAD_LINK_DOWN);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	net_pass(r->net, 16000); /* neither up nor down */
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
}

/* AppAttaches that are signed at the same time take no more places than there are. */
static void places_are_taken_before_the_answer(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	r->net->hold_jobs = true;
	uint64_t first = a_asks(r), second = a_asks(r);
	r->net->hold_jobs = false;
	net_settle(r->net);
	expect_answer(r->a, first, RELOAD_APP_ATTACH_ANS);
	expect_error(r->a, second, 2);
	assert_int_equal(host.connects, 1);
}

static void a_program_that_goes_meanwhile(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->a);
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->a, RELOAD_APP_ATTACH_REQ, &body, &to);
	r->net->hold_jobs = true;
	tell(&c, r->u);
	r->net->hold_jobs = false;
	run_job(r->net); /* its signature is verified, that of the answer not made */
	reload_peer_app_serve_end(r->u->peer, APP);
	net_settle(r->net);
	assert_int_equal(host.connects, 0);
	serve(r, 1);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	unsigned ends = host.ends;
	reload_peer_app_serve_end(r->u->peer, APP);
	assert_int_equal(host.ends, ends + 1);
	assert_int_equal(host.ended, host.connected);
	/* it comes up all the same: nobody wants it */
	reload_peer_app_up(r->u->peer, host.connected, 5, r->a->credentials.cert);
	assert_int_equal(host.takes, 0);
	assert_int_equal(host.dropped, 5);
}

static void one_certificate_has_a_share(void **state)
{
	struct ring *r = *state;
	serve(r, RELOAD_APP_PLACES_MAX);
	for (unsigned i = 0; i < RELOAD_APP_PER_SIGNER_MAX; i++)
		expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	expect_error(r->a, a_asks(r), 2);
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->b);
	expect_answer(r->b, asks(r->b, r->u, &body), RELOAD_APP_ATTACH_ANS);
}

static void answered_and_taken(struct ring *r)
{
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	reload_peer_app_up(r->u->peer, host.connected, 5, r->a->credentials.cert);
}

/* RFC 7904 s8.2.2: whom many call because of what somebody else has registered is not overrun. */
static void one_certificate_asks_so_often(void **state)
{
	struct ring *r = *state;
	serve(r, RELOAD_APP_PLACES_MAX);
	for (unsigned i = 0; i < RELOAD_APP_BURST; i++)
		answered_and_taken(r);
	expect_error(r->a, a_asks(r), 2);
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->b);
	expect_answer(r->b, asks(r->b, r->u, &body), RELOAD_APP_ATTACH_ANS);
	net_pass(r->net, RELOAD_APP_EVERY_MS);
	answered_and_taken(r);
	expect_error(r->a, a_asks(r), 2);
}

/* A node that nobody has a link to, by way of b. */
static uint64_t stranger_asks(struct ring *r, unsigned number)
{
	struct node from = { .net = r->net, .index = 200, .id = id_at(0x40) };
	struct attach_form f;
	char user[64];
	from.id.at[1] = (uint8_t)number;
	snprintf(user, sizeof(user), "stranger%u@" RELOAD_SIM_OVERLAY, number);
	from.credentials.cert = reload_sim_cert(user, RELOAD_SIM_OVERLAY, &from.id);
	from.credentials.key = reload_sim_key(from.credentials.cert);
	struct reload_app_attach body = body_of(&f, &from);
	struct reload_destination to = dest(r->u);
	struct craft c = craft(&from, RELOAD_APP_ATTACH_REQ, &body, &to);
	c.via[0] = dest(&from);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	reload_key_free(from.credentials.key);
	reload_cert_free(from.credentials.cert);
	return c.h.transaction_id;
}

static void a_flood_is_bounded(void **state)
{
	struct ring *r = *state;
	serve(r, RELOAD_APP_PLACES_MAX);
	for (unsigned i = 0; i < RELOAD_APP_ANSWERED_MAX; i++)
		expect_answer(r->b, stranger_asks(r, i), RELOAD_APP_ATTACH_ANS);
	expect_error(r->b, stranger_asks(r, 100), 2);
	assert_int_equal(host.connects, RELOAD_APP_ANSWERED_MAX);
	net_pass(r->net, 16000);
	expect_answer(r->b, stranger_asks(r, 101), RELOAD_APP_ATTACH_ANS);
}

static void who_names_addresses_where_nobody_is_waits(void **state)
{
	struct ring *r = *state;
	serve(r, 4);
	for (int i = 0; i < 3; i++) {
		expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
		reload_peer_app_down(r->u->peer, host.connected, RELOAD_LINK_DOWN);
	}
	expect_error(r->a, a_asks(r), 2);
	net_pass(r->net, 3000);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	/* a limit of this node is nobody's fault */
	for (int i = 0; i < 6; i++) {
		reload_peer_app_down(r->u->peer, host.connected, RELOAD_LIMIT);
		net_pass(r->net, i ? 0 : 3000);
		expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	}
}

static void another_node_at_the_address(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS);
	reload_peer_app_up(r->u->peer, host.connected, 3, r->b->credentials.cert);
	assert_int_equal(host.takes, 0);
	assert_int_equal(host.dropped, 3);
	assert_int_equal(r->u->events[RELOAD_EV_APP_REFUSED], 1);
	expect_answer(r->a, a_asks(r), RELOAD_APP_ATTACH_ANS); /* the place is free again */
}

static void not_to_itself(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_request_target target = { .list = &to, .count = 1 };
	serve(r, 1);
	assert_int_equal(reload_peer_app_ask(r->u->peer, 1, APP, &target), RELOAD_OK);
	net_settle(r->net);
	assert_int_equal(host.fails, 1);
	assert_int_equal(host.err, RELOAD_FORBIDDEN);
	assert_int_equal(host.connects, 0);
}

/* -- asking -------------------------------------------------------------------------------------------------------------- */

/* u asks b; returns the request as b heard it. */
static struct reload_msg *u_asks(struct ring *r, uint32_t app)
{
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	forget(r->b);
	assert_int_equal(reload_peer_app_ask(r->u->peer, app, APP, &target), RELOAD_OK);
	net_settle(r->net);
	struct reload_msg *m = heard_code(r->b, RELOAD_APP_ATTACH_REQ);
	assert_non_null(m);
	return m;
}

static void b_answers_as(
	struct ring *r, const struct reload_msg *request, uint16_t application, const char *role)
{
	struct attach_form f;
	struct reload_app_attach body = body_of(&f, r->b);
	body.application = application;
	body.role = span_str(role);
	struct craft c = reply(r->b, request, RELOAD_APP_ATTACH_ANS, &body);
	tell(&c, r->u);
}

static void asked_and_awaited(void **state)
{
	struct ring *r = *state;
	struct reload_msg *m = u_asks(r, 1);
	const struct reload_app_attach *req = &m->body.app_attach;
	/* R-6.5.2-01 */
	text_is(req->role, "passive");
	assert_int_equal(req->application, APP);
	assert_int_equal(req->candidates_count, 1);
	assert_int_equal(req->candidates[0].addr_port.port, 40001);
	assert_int_equal(req->candidates[0].overlay_link, RELOAD_TLS_TCP_FH_NO_ICE);
	assert_int_equal(host.listened, 1);
	/* R-6.5.2-04 */
	b_answers_as(r, m, APP, "active");
	/* R7904-20, R7904-21: somebody else is quicker */
	reload_peer_app_up(r->u->peer, 1, 7, r->a->credentials.cert);
	assert_int_equal(host.dropped, 7);
	assert_int_equal(r->u->events[RELOAD_EV_APP_REFUSED], 1);
	assert_int_equal(host.takes, 0);
	reload_peer_app_up(r->u->peer, 1, 8, r->b->credentials.cert);
	assert_int_equal(host.taken, 8);
	assert_false(host.peer.incoming);
	assert_true(reload_id_eq(&host.peer.node, &r->b->id));
	assert_int_equal(host.ended, 1);
	assert_int_equal(host.fails, 0);
	reload_peer_app_up(r->u->peer, 1, 9, r->b->credentials.cert);
	assert_int_equal(host.takes, 1);
	assert_int_equal(host.dropped, 9);
}

static void a_connection_that_is_quicker_than_the_answer(void **state)
{
	struct ring *r = *state;
	struct reload_msg *m = u_asks(r, 1);
	reload_peer_app_up(r->u->peer, 1, 1, r->a->credentials.cert);
	reload_peer_app_up(r->u->peer, 1, 2, r->b->credentials.cert);
	assert_int_equal(host.takes, 0);
	for (uint32_t i = 3; i <= 5; i++)
		reload_peer_app_up(r->u->peer, 1, i, r->c->credentials.cert);
	assert_int_equal(host.drops, 1); /* the oldest of five made room */
	assert_int_equal(host.dropped, 1);
	b_answers_as(r, m, APP, "active");
	assert_int_equal(host.takes, 1);
	assert_int_equal(host.taken, 2);
	/* of nobody who is there */
	m = u_asks(r, 2);
	reload_peer_app_up(r->u->peer, 2, 10, r->a->credentials.cert);
	b_answers_as(r, m, APP, "active");
	assert_int_equal(host.takes, 1);
	assert_int_equal(host.dropped, 10);
}

static void asked_in_vain(void **state)
{
	struct ring *r = *state;
	struct craft c = craft_error(r->b, u_asks(r, 1), 3);
	tell(&c, r->u);
	assert_int_equal(host.fails, 1);
	assert_int_equal(host.err, RELOAD_NOT_FOUND);
	assert_int_equal(host.ended, 1);
	b_answers_as(r, u_asks(r, 2), APP + 1, "active");
	assert_int_equal(host.fails, 2);
	assert_int_equal(host.err, RELOAD_BAD_ANSWER);
	b_answers_as(r, u_asks(r, 3), APP, "passive");
	assert_int_equal(host.fails, 3);
	assert_int_equal(host.err, RELOAD_BAD_ANSWER);
	b_answers_as(r, u_asks(r, 4), APP, "active");
	net_pass(r->net, 16000);
	assert_int_equal(host.fails, 4);
	assert_int_equal(host.err, RELOAD_TIMEOUT);
	assert_true(reload_id_eq(&host.responder, &r->b->id));
}

static void nobody_answers(void **state)
{
	struct ring *r = *state;
	u_asks(r, 1);
	net_pass(r->net, 40000);
	assert_int_equal(host.fails, 1);
	assert_int_equal(host.err, RELOAD_TIMEOUT);
	assert_int_equal(host.responder.len, 0);
	assert_int_equal(host.ended, 1);
}

static void not_asked(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 }, none = { 0 };
	assert_int_equal(reload_peer_app_ask(r->u->peer, 1, APP, &none), RELOAD_USAGE);
	host.no_address = true;
	assert_int_equal(reload_peer_app_ask(r->u->peer, 1, APP, &target), RELOAD_IO);
	assert_int_equal(host.ended, 1);
	host.no_address = false;
	for (uint32_t i = 1; i <= RELOAD_APP_ASKED_MAX; i++)
		assert_int_equal(reload_peer_app_ask(r->u->peer, i, APP, &target), RELOAD_OK);
	assert_int_equal(reload_peer_app_ask(r->u->peer, 999, APP, &target), RELOAD_LIMIT);
	unsigned ends = host.ends;
	reload_peer_app_cancel(r->u->peer, 7);
	assert_int_equal(host.ends, ends + 1);
	assert_int_equal(host.ended, 7);
	assert_int_equal(host.fails, 0);
	assert_int_equal(reload_peer_app_ask(r->u->peer, 999, APP, &target), RELOAD_OK);
	reload_peer_app_cancel(r->u->peer, 12345);
} /* the others are under way when the peer ends */

static void a_host_without_applications(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	assert_int_equal(reload_peer_app_serve(r->u->peer, APP, 1), RELOAD_LIMIT);
	assert_int_equal(reload_peer_app_ask(r->u->peer, 1, APP, &target), RELOAD_LIMIT);
	expect_error(r->a, a_asks(r), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		app_test(answered_and_connected),
		app_test(actpass_leaves_the_choice_here),
		app_test(a_node_whose_links_are_dtls_answers_too),
		app_test(what_cannot_be_answered),
		app_test(applications_are_apart),
		app_test(places_are_counted),
		app_test(places_are_taken_before_the_answer),
		app_test(a_program_that_goes_meanwhile),
		app_test(one_certificate_has_a_share),
		app_test(one_certificate_asks_so_often),
		app_test(a_flood_is_bounded),
		app_test(who_names_addresses_where_nobody_is_waits),
		app_test(another_node_at_the_address),
		app_test(not_to_itself),
		app_test(asked_and_awaited),
		app_test(a_connection_that_is_quicker_than_the_answer),
		app_test(asked_in_vain),
		app_test(nobody_answers),
		app_test(not_asked),
		ring_test(a_host_without_applications),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
