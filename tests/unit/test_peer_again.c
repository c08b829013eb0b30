/* Requests that meet a peer which is not responsible just now (RFC 6940 s7.4.1.1, STO-10). */
#include "engine_expect.h"

/* What each test asks is b's. */
struct asked {
	struct ring *ring;
	struct reload_id at;
	struct reload_destination to;
	struct reload_request_target target;
	struct outcome *o;
};

static struct asked ask_of(struct ring *r, reload_ms timeout_ms)
{
	return (struct asked){ .ring = r,
		.at = id_at(0xb0),
		.target = { .count = 1, .timeout_ms = timeout_ms },
		.o = outcome_new(r->net) };
}

static void ask_way(struct asked *a)
{
	a->to = reload_dest_resource(&a->at);
	a->target.list = &a->to;
}

static void store(struct asked *a)
{
	struct reload_store_item item = { .kind = K_VALUE,
		.lifetime_s = 60,
		.value = { .exists = true, .value = span_str("words") } };
	enum reload_err err;
	ask_way(a);
	assert_non_null(reload_peer_store(
		a->ring->u->peer, &a->target, &a->at, &item, 1, outcome_fn, a->o, &err));
	net_settle(a->ring->net);
}

static void fetch(struct asked *a, bool stat)
{
	struct reload_specifier spec = { .kind = K_VALUE, .model = RELOAD_MODEL_SINGLE };
	enum reload_err err;
	ask_way(a);
	assert_non_null((stat ? reload_peer_stat : reload_peer_fetch)(
		a->ring->u->peer, &a->target, &a->at, &spec, 1, outcome_fn, a->o, &err));
	net_settle(a->ring->net);
}

/* b answers the request that it was told with an error. */
static uint64_t refuse(struct ring *r, uint16_t request, uint16_t error, const char *words)
{
	struct reload_msg *m = heard_code(r->b, request);
	struct reload_error_response e = { .error_code = error, .error_info = span_str(words) };
	assert_non_null(m);
	uint64_t id = m->header.transaction_id;
	struct craft c = reply(r->b, m, RELOAD_ERROR, &e);
	tell(&c, r->u);
	net_settle(r->net);
	return id;
}

static void a_store_is_sent_again(void **state)
{
	struct ring *r = *state;
	struct asked a = ask_of(r, 0);
	store(&a);
	uint64_t first = refuse(r, RELOAD_STORE_REQ, 2, "not responsible");
	/* STO-10: the ring moved; that is no word on who may write */
	assert_int_equal(a.o->calls, 0);
	net_pass(r->net, 299);
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	net_pass(r->net, 1);
	struct reload_msg *m = heard_code(r->b, RELOAD_STORE_REQ);
	assert_non_null(m);
	/* R-6.2.1-08: another request, the same value */
	assert_true(m->header.transaction_id != first);
	text_is(m->body.store_req.kind_data[0].values[0].value.value, "words");
	struct reload_store_kind_response k = { .kind = K_VALUE, .generation_counter = 1 };
	struct reload_store_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct craft c = reply(r->b, m, RELOAD_STORE_ANS, &ans);
	tell(&c, r->u);
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_OK);
	assert_int_equal(a.o->result.overlay_code, 0);
	net_pass(r->net, 20000);
	assert_int_equal(a.o->calls, 1);
}

static void a_question_is_asked_again(void **state)
{
	struct ring *r = *state;
	for (int stat = 0; stat < 2; stat++) {
		uint16_t code = stat ? RELOAD_STAT_REQ : RELOAD_FETCH_REQ;
		struct asked a = ask_of(r, 0);
		fetch(&a, stat);
		refuse(r, code, 3, "not responsible, and nothing is held");
		assert_int_equal(a.o->calls, 0);
		net_pass(r->net, 300);
		refuse(r, code, 3, "not responsible, and nothing is held");
		/* each rest is twice the one before */
		net_pass(r->net, 599);
		assert_null(heard_code(r->b, code));
		net_pass(r->net, 1);
		refuse(r, code, 3, "there is nothing");
		/* and what is no more than "nothing there" ends it */
		assert_int_equal(a.o->calls, 1);
		assert_int_equal(a.o->err, RELOAD_NOT_FOUND);
	}
}

static void access_control_is_final(void **state)
{
	struct ring *r = *state;
	struct asked a = ask_of(r, 0);
	store(&a);
	refuse(r, RELOAD_STORE_REQ, 2, "the signer may not write this Kind here");
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_FORBIDDEN);
	/* nor is another error made into that by its words */
	a = ask_of(r, 0);
	store(&a);
	refuse(r, RELOAD_STORE_REQ, 9, "not responsible");
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_DATA_TOO_OLD);
	/* who is asked for what he holds himself has answered */
	a = ask_of(r, 0);
	struct reload_specifier spec = { .kind = K_VALUE, .model = RELOAD_MODEL_SINGLE };
	enum reload_err err;
	a.to = dest(r->b);
	a.target.list = &a.to;
	assert_non_null(
		reload_peer_fetch(r->u->peer, &a.target, &a.at, &spec, 1, outcome_fn, a.o, &err));
	net_settle(r->net);
	refuse(r, RELOAD_FETCH_REQ, 3, "not responsible, and nothing is held");
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_NOT_FOUND);
}

static void who_always_says_so_costs_the_time_alone(void **state)
{
	struct ring *r = *state;
	struct asked a = ask_of(r, 4000);
	const reload_ms rests[] = { 300, 600, 1200 };
	store(&a);
	for (size_t i = 0; i <= COUNT_OF(rests); i++) {
		/* few, however fast the answer comes */
		refuse(r, RELOAD_STORE_REQ, 2, "not responsible");
		assert_int_equal(a.o->calls, 0);
		if (i < COUNT_OF(rests))
			net_pass(r->net, rests[i]);
	}
	net_pass(r->net, 4000 - 2100 - 1);
	assert_int_equal(a.o->calls, 0);
	net_pass(r->net, 1);
	/* the limit of the caller holds */
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_TIMEOUT);
	/* with the cause */
	assert_int_equal(a.o->result.overlay_code, 2);
	assert_true(reload_id_eq(&a.o->result.responder, &r->b->id));
}

static void cancelled_while_it_rests(void **state)
{
	struct ring *r = *state;
	struct reload_destination to;
	struct asked a = ask_of(r, 0);
	struct reload_specifier spec = { .kind = K_VALUE, .model = RELOAD_MODEL_SINGLE };
	enum reload_err err;
	to = reload_dest_resource(&a.at);
	a.target.list = &to;
	struct reload_request *q =
		reload_peer_fetch(r->u->peer, &a.target, &a.at, &spec, 1, outcome_fn, a.o, &err);
	assert_non_null(q);
	net_settle(r->net);
	refuse(r, RELOAD_FETCH_REQ, 3, "not responsible");
	reload_request_cancel(r->u->peer, q);
	net_pass(r->net, 20000);
	assert_int_equal(a.o->calls, 0);
	assert_null(heard_code(r->b, RELOAD_FETCH_REQ));
}

static void a_rehearsal_sends_nothing(void **state)
{
	struct ring *r = *state;
	static char large[20000];
	struct asked a = ask_of(r, 0);
	memset(large, 'x', sizeof(large) - 1);
	a.target.dry_run = true;
	store(&a);
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_OK);
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	/* nor is anything stored where this node itself would store it */
	a = ask_of(r, 0);
	a.at = id_at(0x70);
	a.target.dry_run = true;
	struct reload_status before, after;
	reload_peer_status(r->u->peer, &before);
	store(&a);
	reload_peer_status(r->u->peer, &after);
	assert_int_equal(a.o->calls, 1);
	assert_int_equal(a.o->err, RELOAD_OK);
	assert_int_equal(after.values, before.values);
	/* and what is larger than max-message-size is found */
	struct reload_store_item item = { .kind = K_VALUE,
		.lifetime_s = 60,
		.value = { .exists = true, .value = span_str(large) } };
	enum reload_err err;
	a = ask_of(r, 0);
	a.target.dry_run = true;
	ask_way(&a);
	assert_non_null(
		reload_peer_store(r->u->peer, &a.target, &a.at, &item, 1, outcome_fn, a.o, &err));
	net_settle(r->net);
	assert_int_equal(a.o->err, RELOAD_MESSAGE_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(a_store_is_sent_again),
		ring_test(a_question_is_asked_again),
		ring_test(access_control_is_final),
		ring_test(who_always_says_so_costs_the_time_alone),
		ring_test(cancelled_while_it_rests),
		ring_test(a_rehearsal_sends_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
