/* AppAttach in an overlay with ICE: what is gathered, asked, answered and checked, and who gets the connection. */
#include "engine_ice.h"

enum {
	APP = 4711
};

/* What the host of u was asked, the newest of each last. */
static struct {
	unsigned gathers, checks, takes, drops, ends, fails;
	uint32_t gathered, checked, taken, dropped, ended;
	bool controlling;
	char ufrag[64], password[64];
	struct reload_ice_candidate to[RELOAD_LIMIT_CANDIDATES];
	size_t to_count;
	struct reload_app_peer peer;
	enum reload_err err;
	struct reload_id responder;
	char reason[128];
} host;

static void host_gather(void *h, uint32_t app, uint16_t application, bool controlling)
{
	(void)h;
	assert_int_equal(application, APP);
	host.gathers++;
	host.gathered = app;
	host.controlling = controlling;
}

static void host_check(void *h, uint32_t app, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	(void)h;
	assert_true(count > 0 && count <= COUNT_OF(host.to));
	host.checks++;
	host.checked = app;
	ice_text(host.ufrag, ufrag);
	ice_text(host.password, password);
	memcpy(host.to, candidates, count * sizeof(*candidates));
	host.to_count = count;
}

static void host_take(void *h, uint32_t app, uint32_t stream, const struct reload_app_peer *peer)
{
	(void)h, (void)app;
	host.takes++;
	host.taken = stream;
	host.peer = *peer;
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

static const struct reload_app_ops app_ops = { .gather = host_gather,
	.check = host_check,
	.take = host_take,
	.drop = host_drop,
	.end = host_end,
	.failed = host_failed };

static int setup(void **state)
{
	memset(&host, 0, sizeof(host));
	*state = ice_ring_with(&app_ops);
	return 0;
}

#define app_test(f) cmocka_unit_test_setup_teardown(f, setup, ring_teardown)

/* The host has gathered for its newest connection. */
static void gathered(struct ring *r)
{
	struct reload_ice_candidate own[2] = { ice_candidate(r->u), ice_candidate(r->u) };
	own[1].type = RELOAD_CAND_SRFLX;
	own[1].addr_port.addr[0] = 192;
	own[1].rel_addr_port = own[0].addr_port;
	reload_peer_app_gathered(r->u->peer, host.gathered,
		&(struct reload_ice_gathered){ ice_ufrag, ice_password, own, 2 });
	net_settle(r->net);
}

/* What a node without engine sends. */
static struct reload_app_attach body_of(struct ice_form *f, const struct node *n, const char *role)
{
	ice_form(f, n, role);
	return (struct reload_app_attach){ .ufrag = f->body.ufrag,
		.password = f->body.password,
		.application = APP,
		.role = f->body.role,
		.candidates = f->candidates,
		.candidates_count = 1 };
}

/* -- answering ----------------------------------------------------------------------------------------------------------- */

static uint64_t asks(struct node *from, struct node *to, const struct reload_app_attach *body)
{
	struct reload_destination d = dest(to);
	struct craft c = craft(from, RELOAD_APP_ATTACH_REQ, body, &d);
	return tell(&c, to);
}

static uint64_t a_asks(struct ring *r)
{
	struct ice_form f;
	struct reload_app_attach body = body_of(&f, r->a, "passive");
	return asks(r->a, r->u, &body);
}

static void serve(struct ring *r, unsigned places)
{
	assert_int_equal(reload_peer_app_serve(r->u->peer, APP, places), RELOAD_OK);
}

static void answered_once_there_are_candidates(void **state)
{
	struct ring *r = *state;
	size_t links = ice_open(r->u);
	serve(r, 1);
	uint64_t transaction = a_asks(r);
	assert_int_equal(host.gathers, 1);
	assert_true(host.gathered >> 31);
	assert_false(host.controlling); /* R-6.5.1.9-01 */
	assert_null(heard(r->a, transaction));
	gathered(r);
	/* R-6.5.2-01 R-6.5.2-03 */
	struct reload_msg *m = expect_answer(r->a, transaction, RELOAD_APP_ATTACH_ANS);
	const struct reload_app_attach *ans = &m->body.app_attach;
	text_is(ans->role, "active");
	assert_true(span_eq(ans->ufrag, ice_ufrag));
	assert_true(span_eq(ans->password, ice_password));
	assert_int_equal(ans->application, APP);
	assert_int_equal(ans->candidates_count, 2);
	assert_int_equal(ans->candidates[0].overlay_link, RELOAD_DTLS_UDP_SR);
	/* then checks begin */
	assert_int_equal(host.checks, 1);
	assert_int_equal(host.checked, host.gathered);
	assert_string_equal(host.ufrag, "theirs");
	assert_string_equal(host.password, "theirpasswordtheirpassword");
	assert_int_equal(host.to_count, 1);
	reload_peer_app_up(r->u->peer, host.checked, 17, r->a->credentials.cert);
	assert_int_equal(host.takes, 1);
	assert_int_equal(host.taken, 17);
	assert_true(host.peer.incoming);
	assert_true(reload_id_eq(&host.peer.node, &r->a->id));
	/* R-5.4-01: it is no link */
	assert_int_equal(ice_open(r->u), links);
}

static void what_cannot_be_answered(void **state)
{
	struct ring *r = *state;
	struct ice_form f;
	struct reload_app_attach good = body_of(&f, r->a, "passive"), body = good;
	serve(r, 200);
	body.role = span_str("active");
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	body = good;
	body.candidates_count = 0;
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	body = good;
	body.ufrag = span_str("abc");
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	body = good;
	body.password = span_str("short");
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	body = good;
	/* R-6.5.1.1-04, R-6.5.1.5-02 */
	f.candidates[0].overlay_link = RELOAD_TLS_TCP_FH_NO_ICE;
	expect_error(r->a, asks(r->a, r->u, &body), 20);
	f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR;
	static const uint8_t nowhere[][4] = { { 224, 0, 0, 1 }, { 255, 255, 255, 255 }, { 0 },
		{ 127, 0, 0, 1 }, { 169, 254, 169, 254 } };
	for (size_t i = 0; i < COUNT_OF(nowhere); i++) {
		memcpy(f.candidates[0].addr_port.addr, nowhere[i], 4);
		expect_error(r->a, asks(r->a, r->u, &body), 20);
	}
	body = body_of(&f, r->a, "passive");
	body.application = APP + 1;
	/* R-6.5.2-05 */
	expect_error(r->a, asks(r->a, r->u, &body), 3);
	assert_int_equal(host.gathers, 0); /* nothing of it has cost anything */
}

static void candidates_are_not_found(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	uint64_t transaction = a_asks(r);
	reload_peer_app_down(r->u->peer, host.gathered, RELOAD_UNREACHABLE);
	net_settle(r->net);
	expect_error(r->a, transaction, 2);
	transaction = a_asks(r); /* the place is free, and nobody is blamed */
	net_pass(r->net, RELOAD_ICE_GATHER_LIMIT_MS + 100);
	expect_error(r->a, transaction, 2);
	assert_int_equal(host.ended, host.gathered);
	for (int i = 0; i < 4; i++) {
		transaction = a_asks(r);
		reload_peer_app_gathered(
			r->u->peer, host.gathered, &(struct reload_ice_gathered){ 0 });
		net_settle(r->net);
		expect_error(r->a, transaction, 2);
	}
	transaction = a_asks(r);
	gathered(r);
	expect_answer(r->a, transaction, RELOAD_APP_ATTACH_ANS);
	assert_int_equal(host.checks, 1);
	/* candidates of one that is not waited for any more */
	unsigned ends = host.ends;
	gathered(r);
	assert_int_equal(host.ends, ends + 1);
}

static void a_program_that_goes_meanwhile(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	uint64_t transaction = a_asks(r);
	reload_peer_app_serve_end(r->u->peer, APP);
	net_settle(r->net);
	expect_error(r->a, transaction, 3);
	assert_int_equal(host.ended, host.gathered);
	gathered(r);
	assert_int_equal(host.checks, 0);
}

static void a_socket_that_goes_while_the_answer_is_signed(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	uint64_t transaction = a_asks(r);
	r->net->hold_jobs = true;
	gathered(r);
	reload_peer_app_down(r->u->peer, host.gathered, RELOAD_LINK_DOWN);
	r->net->hold_jobs = false;
	net_settle(r->net);
	expect_answer(r->a, transaction, RELOAD_APP_ATTACH_ANS);
	assert_int_equal(host.checks, 0);
	assert_int_equal(host.ended, host.gathered);
	a_asks(r); /* the place is free */
	assert_int_equal(host.gathers, 2);
}

static void places_are_counted_from_the_request_on(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	a_asks(r);
	expect_error(r->a, a_asks(r), 2);
	gathered(r);
	expect_error(r->a, a_asks(r), 2);
	reload_peer_app_down(r->u->peer, host.gathered, RELOAD_UNREACHABLE);
	a_asks(r);
	assert_int_equal(host.gathers, 2);
}

static void one_certificate_has_a_share(void **state)
{
	struct ring *r = *state;
	serve(r, RELOAD_APP_PLACES_MAX);
	for (unsigned i = 0; i < RELOAD_APP_PER_SIGNER_MAX; i++)
		a_asks(r);
	assert_int_equal(host.gathers, RELOAD_APP_PER_SIGNER_MAX);
	expect_error(r->a, a_asks(r), 2);
	assert_int_equal(host.gathers, RELOAD_APP_PER_SIGNER_MAX);
}

static void another_node_at_the_other_end(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	a_asks(r);
	gathered(r);
	reload_peer_app_up(r->u->peer, host.checked, 3, r->b->credentials.cert);
	assert_int_equal(host.takes, 0);
	assert_int_equal(host.dropped, 3);
	assert_int_equal(r->u->events[RELOAD_EV_APP_REFUSED], 1);
}

static void who_names_addresses_where_nobody_is_waits(void **state)
{
	struct ring *r = *state;
	serve(r, 4);
	for (int i = 0; i < 3; i++) {
		a_asks(r);
		gathered(r);
		reload_peer_app_down(r->u->peer, host.checked, RELOAD_UNREACHABLE);
	}
	expect_error(r->a, a_asks(r), 2);
}

/* -- asking -------------------------------------------------------------------------------------------------------------- */

static void u_begins(struct ring *r, uint32_t app)
{
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	forget(r->b);
	assert_int_equal(reload_peer_app_ask(r->u->peer, app, APP, &target), RELOAD_OK);
	net_settle(r->net);
	assert_int_equal(host.gathered, app);
	assert_true(host.controlling); /* R-6.5.1.9-01 */
	assert_null(heard_code(r->b, RELOAD_APP_ATTACH_REQ));
}

static struct reload_msg *u_asks(struct ring *r, uint32_t app)
{
	u_begins(r, app);
	gathered(r);
	struct reload_msg *m = heard_code(r->b, RELOAD_APP_ATTACH_REQ);
	assert_non_null(m);
	return m;
}

static void b_answers_with(
	struct ring *r, const struct reload_msg *request, const struct reload_app_attach *body)
{
	struct craft c = reply(r->b, request, RELOAD_APP_ATTACH_ANS, body);
	tell(&c, r->u);
}

static void b_answers(struct ring *r, const struct reload_msg *request)
{
	struct ice_form f;
	struct reload_app_attach body = body_of(&f, r->b, "active");
	b_answers_with(r, request, &body);
}

static void asked_and_checked(void **state)
{
	struct ring *r = *state;
	struct reload_msg *m = u_asks(r, 1);
	const struct reload_app_attach *req = &m->body.app_attach;
	/* R-6.5.2-01 */
	text_is(req->role, "passive");
	assert_true(span_eq(req->ufrag, ice_ufrag));
	assert_true(span_eq(req->password, ice_password));
	assert_int_equal(req->candidates_count, 2);
	assert_int_equal(host.checks, 0);
	/* R-6.5.2-04 */
	b_answers(r, m);
	assert_int_equal(host.checks, 1);
	assert_int_equal(host.checked, 1);
	assert_string_equal(host.ufrag, "theirs");
	reload_peer_app_up(r->u->peer, 1, 8, r->b->credentials.cert);
	assert_int_equal(host.taken, 8);
	assert_false(host.peer.incoming);
	assert_true(reload_id_eq(&host.peer.node, &r->b->id));
	assert_int_equal(host.fails, 0);
}

static void answers_of_no_use(void **state)
{
	struct ring *r = *state;
	struct ice_form f;
	for (uint32_t i = 1; i <= 5; i++) {
		struct reload_msg *m = u_asks(r, i);
		struct reload_app_attach body = body_of(&f, r->b, "active");
		if (i == 1)
			body.application = APP + 1;
		else if (i == 2)
			body.role = span_str("passive");
		else if (i == 3)
			body.ufrag = span_str("");
		else if (i == 4)
			body.candidates_count = 0;
		else
			f.candidates[0].overlay_link = RELOAD_TLS_TCP_FH_NO_ICE;
		b_answers_with(r, m, &body);
		assert_int_equal(host.fails, i);
		assert_int_equal(host.err, RELOAD_BAD_ANSWER);
		assert_int_equal(host.ended, i);
	}
	assert_int_equal(host.checks, 0);
}

static void asked_in_vain(void **state)
{
	struct ring *r = *state;
	u_begins(r, 1);
	reload_peer_app_down(r->u->peer, 1, RELOAD_UNREACHABLE);
	net_settle(r->net);
	assert_int_equal(host.fails, 1);
	assert_int_equal(host.err, RELOAD_UNREACHABLE);
	assert_string_equal(host.reason, "the gathering of candidates failed");
	u_begins(r, 2);
	net_pass(r->net, RELOAD_ICE_GATHER_LIMIT_MS + 100);
	assert_int_equal(host.fails, 2);
	assert_int_equal(host.err, RELOAD_TIMEOUT);
	u_asks(r, 3);
	reload_peer_app_down(r->u->peer, 3, RELOAD_LINK_DOWN); /* while it waits for the answer */
	net_settle(r->net);
	assert_int_equal(host.fails, 3);
	b_answers(r, u_asks(r, 4));
	reload_peer_app_down(r->u->peer, 4, RELOAD_UNREACHABLE);
	assert_int_equal(host.fails, 4);
	assert_int_equal(host.err, RELOAD_UNREACHABLE);
	assert_string_equal(host.reason, "no pair of candidates connects");
	assert_true(reload_id_eq(&host.responder, &r->b->id));
	/* R-6.5.1.13-03 */
	b_answers(r, u_asks(r, 5));
	reload_peer_app_up(r->u->peer, 5, 9, r->a->credentials.cert);
	assert_int_equal(host.dropped, 9);
	assert_int_equal(host.fails, 5);
	assert_int_equal(host.err, RELOAD_FORBIDDEN);
	b_answers(r, u_asks(r, 6));
	net_pass(r->net, 16000);
	assert_int_equal(host.fails, 6);
	assert_int_equal(host.err, RELOAD_TIMEOUT);
	assert_int_equal(host.takes, 0);
	assert_int_equal(host.ended, 6);
}

/* Two that ask each other at once get two connections, as two programs have asked. */
static void both_ask_at_once(void **state)
{
	struct ring *r = *state;
	serve(r, 1);
	struct reload_msg *m = u_asks(r, 1);
	struct ice_form f;
	struct reload_app_attach body = body_of(&f, r->b, "passive");
	uint64_t transaction = asks(r->b, r->u, &body);
	gathered(r);
	expect_answer(r->b, transaction, RELOAD_APP_ATTACH_ANS);
	b_answers(r, m);
	assert_int_equal(host.checks, 2);
	reload_peer_app_up(r->u->peer, host.gathered, 1, r->b->credentials.cert);
	reload_peer_app_up(r->u->peer, 1, 2, r->b->credentials.cert);
	assert_int_equal(host.takes, 2);
}

static void cancelled_at_each_point(void **state)
{
	struct ring *r = *state;
	u_begins(r, 1);
	reload_peer_app_cancel(r->u->peer, 1);
	assert_int_equal(host.ended, 1);
	u_asks(r, 2);
	reload_peer_app_cancel(r->u->peer, 2);
	assert_int_equal(host.ended, 2);
	b_answers(r, u_asks(r, 3));
	reload_peer_app_cancel(r->u->peer, 3);
	assert_int_equal(host.ended, 3);
	assert_int_equal(host.fails, 0);
	u_begins(r, 4); /* these are under way when the peer ends */
	serve(r, 1);
	a_asks(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		app_test(answered_once_there_are_candidates),
		app_test(what_cannot_be_answered),
		app_test(candidates_are_not_found),
		app_test(a_program_that_goes_meanwhile),
		app_test(a_socket_that_goes_while_the_answer_is_signed),
		app_test(places_are_counted_from_the_request_on),
		app_test(one_certificate_has_a_share),
		app_test(another_node_at_the_other_end),
		app_test(who_names_addresses_where_nobody_is_waits),
		app_test(asked_and_checked),
		app_test(answers_of_no_use),
		app_test(asked_in_vain),
		app_test(both_ask_at_once),
		app_test(cancelled_at_each_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
