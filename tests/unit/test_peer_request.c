/* Requests of this node: repetition, who may answer, what an answer must be (RFC 6940 s6.2.1, s6.3.3, s6.3.4). */
#include "engine_expect.h"

static struct outcome *ping(struct ring *r, const struct reload_destination *to, reload_ms timeout)
{
	struct outcome *o = outcome_new(r->net);
	struct reload_request_target target = { .list = to, .count = 1, .timeout_ms = timeout };
	enum reload_err err;
	if (!reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err))
		fail_msg("%s", reload_err_text(err));
	net_settle(r->net);
	return o;
}

static size_t pings(struct node *n)
{
	size_t count = 0;
	while (heard_code(n, RELOAD_PING_REQ))
		count++;
	return count;
}

static void five_copies(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct outcome *o = ping(r, &to, 0);
	uint64_t id = 0;
	for (unsigned i = 0; i < 5; i++) {
		/* R-6.2.1-07 R-6.2.1-08: at 0, 3, 6, 9 and 12 s, with the same transaction id */
		struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
		assert_non_null(m);
		if (i)
			assert_true(m->header.transaction_id == id);
		id = m->header.transaction_id;
		assert_int_equal(pings(r->b), 0);
		net_pass(r->net, 2999);
		assert_int_equal(pings(r->b), 0);
		/* R-6.2.1-09 R-3-03: failed when the fifth timer fires, at 15 s, not before */
		assert_int_equal(o->calls, 0);
		net_pass(r->net, 1);
	}
	assert_int_equal(pings(r->b), 0);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_TIMEOUT);
	assert_int_equal(o->result.transmissions, 5);
}

enum {
	IDS = 10000
};

struct ids {
	uint64_t at[IDS];
	size_t count;
};

/* Notes the transaction id of each Ping that leaves u, and loses the Ping. */
static bool note_id(struct net *net, struct packet *p)
{
	struct ids *ids = net->tap_arg;
	struct wire_ctx ctx = net_ctx(net);
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, span_of(p->at, p->len), &ctx), RELOAD_OK);
	if (ids->count < IDS)
		ids->at[ids->count++] = h.transaction_id;
	return false;
}

static int id_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void ids_are_random(void **state)
{
	struct ring *r = *state;
	static struct ids ids;
	static unsigned counts[8][256];
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	ids.count = 0;
	r->net->tap = note_id;
	r->net->tap_arg = &ids;
	for (size_t i = 0; i < IDS; i++) {
		enum reload_err err;
		struct reload_request *ping =
			reload_peer_ping(r->u->peer, &target, 0, outcome_fn, NULL, &err);
		assert_non_null(ping);
		net_settle(r->net);
		reload_request_cancel(r->u->peer, ping);
	}
	r->net->tap = NULL;
	assert_int_equal(ids.count, IDS);
	/* R-6.3.2-16: each byte of the 64 bits takes each value about IDS / 256 = 39 times */
	for (size_t i = 0; i < IDS; i++)
		for (unsigned byte = 0; byte < 8; byte++)
			counts[byte][ids.at[i] >> 8 * byte & 0xff]++;
	for (unsigned byte = 0; byte < 8; byte++)
		for (unsigned value = 0; value < 256; value++)
			assert_in_range(counts[byte][value], 10, 80);
	/* nor does one follow from the one before by a step */
	unsigned steps = 0;
	for (size_t i = 2; i < IDS; i++)
		steps += ids.at[i] - ids.at[i - 1] == ids.at[i - 1] - ids.at[i - 2];
	assert_int_equal(steps, 0);
	/* R-6.3.2-16: no repeats */
	qsort(ids.at, IDS, sizeof(ids.at[0]), id_order);
	for (size_t i = 1; i < IDS; i++)
		assert_true(ids.at[i - 1] != ids.at[i]);
}

static void shorter_limit(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct outcome *o = ping(r, &to, 4000);
	net_pass(r->net, 3999);
	assert_int_equal(o->calls, 0);
	net_pass(r->net, 1);
	assert_int_equal(o->err, RELOAD_TIMEOUT);
	assert_int_equal(o->result.transmissions, 2);
}

static void an_answer_ends_it(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct outcome *o = ping(r, &to, 0);
	net_pass(r->net, 3500);
	heard_code(r->b, RELOAD_PING_REQ);
	struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
	struct reload_ping_ans ans = { .response_id = 77 };
	struct craft c = reply(r->b, m, RELOAD_PING_ANS, &ans);
	tell(&c, r->u);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	assert_int_equal(o->result.transmissions, 2);
	assert_true(reload_id_eq(&o->result.responder, &r->b->id));
	net_pass(r->net, 20000);
	assert_int_equal(pings(r->b), 0);
	tell(&c, r->u); /* once more, and too late */
	assert_int_equal(o->calls, 1);
}

static void forwarders_do_not_repeat(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	tell(&c, r->u);
	net_pass(r->net, 20000);
	size_t copies = 0;
	while (heard(r->b, c.h.transaction_id))
		copies++;
	/* R-6.2.1-10 R-6.1.2-15: what is lost behind a forwarder is repaired by the requester alone */
	assert_int_equal(copies, 1);
}

/* -- who may answer --------------------------------------------------------------------------------------------------------- */

static void wrong_responder(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct outcome *o = ping(r, &to, 0);
	struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
	struct reload_ping_ans ans = { 0 };
	struct craft c = reply(r->a, m, RELOAD_PING_ANS, &ans);
	tell(&c, r->u);
	/* R-6.3.4-18: signed by another node than the one asked */
	assert_int_equal(o->calls, 0);
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_WRONG_RESPONDER), 1);
	c = reply(r->b, m, RELOAD_PING_ANS, &ans);
	c.bad_signature = true;
	tell(&c, r->u);
	assert_int_equal(o->calls, 0);
	c = reply(r->b, m, RELOAD_PROBE_ANS, &(struct reload_probe_ans){ 0 });
	tell(&c, r->u); /* an answer to something else */
	assert_int_equal(o->calls, 0);
	c = reply(r->b, m, RELOAD_PING_ANS, &ans);
	c.h.transaction_id ^= 1;
	tell(&c, r->u);
	/* R-3-04: ties an answer to its request */
	assert_int_equal(o->calls, 0);
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_UNKNOWN_TRANSACTION), 1);
	struct reload_extension e = { .type = 9, .critical = true };
	c = reply(r->b, m, RELOAD_PING_ANS, &ans);
	c.extensions = &e;
	c.extensions_count = 1;
	tell(&c, r->u); /* MSG-15 */
	assert_int_equal(o->calls, 0);
	/* the configuration sequence of a response is not looked at (HDR-08) */
	c = reply(r->b, m, RELOAD_PING_ANS, &ans);
	c.h.configuration_sequence = 3;
	tell(&c, r->u);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
}

static void whoever_is_there(void **state)
{
	struct ring *r = *state;
	struct reload_id any = reload_id_wildcard(16), point = id_at(0xa0);
	struct reload_destination to = reload_dest_resource(&point);
	struct outcome *o = ping(r, &to, 0);
	struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
	/* R-6.2.1-02 R-6.2.1-04: the next hop is that of the ring */
	assert_non_null(m);
	assert_int_equal(inbox_count(r->a), 0);
	struct reload_ping_ans ans = { 0 };
	struct craft c = reply(r->c, m, RELOAD_PING_ANS, &ans);
	say(r->b, r->u, craft_bytes(&c));
	/* R-6.3.4-19: c0.. is u's neighbour and closer to a0.. than e0.. */
	assert_int_equal(o->calls, 0);
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_WRONG_RESPONDER), 1);
	c = reply(r->b, m, RELOAD_PING_ANS, &ans);
	tell(&c, r->u);
	assert_int_equal(o->err, RELOAD_OK);
	assert_int_equal(o->calls, 1);
	/* a node closer than all neighbours of ours */
	struct node *near = node_new(r->net, 0xa8);
	o = ping(r, &to, 0);
	m = heard_code(r->b, RELOAD_PING_REQ);
	c = reply(near, m, RELOAD_PING_ANS, &ans);
	say(r->b, r->u, craft_bytes(&c));
	assert_int_equal(o->calls, 1);
	/* the wildcard alone is never sent by the routing: u answers itself */
	to = reload_dest_node(&any);
	o = ping(r, &to, 0);
	assert_int_equal(o->calls, 1);
	assert_true(reload_id_eq(&o->result.responder, &r->u->id));
	assert_int_equal(o->result.hops, 0);
}

static void errors_on_the_way(void **state)
{
	struct ring *r = *state;
	static const uint16_t anybody[] = { 2, 6, 7, 10, 11, 20, 21, 26 },
			      only_the_right_one[] = { 3, 4, 5, 8, 9, 12, 13, 14, 15, 16, 17 };
	struct reload_destination to = dest(r->b);
	for (size_t i = 0; i < COUNT_OF(anybody); i++) {
		struct outcome *o = ping(r, &to, 0);
		struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
		struct craft c = craft_error(r->a, m, anybody[i]);
		tell(&c, r->u);
		assert_int_equal(o->calls, 1); /* SEC-13: nodes on the way send these */
		assert_int_equal(o->result.overlay_code, anybody[i]);
		assert_int_equal(o->err, reload_err_from_overlay(anybody[i]));
	}
	for (size_t i = 0; i < COUNT_OF(only_the_right_one); i++) {
		struct outcome *o = ping(r, &to, 0);
		struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
		struct craft c = craft_error(r->a, m, only_the_right_one[i]);
		tell(&c, r->u);
		assert_int_equal(o->calls, 0);
		c = craft_error(r->b, m, only_the_right_one[i]);
		tell(&c, r->u);
		assert_int_equal(o->calls, 1);
		/* R-6.3.3.1-05 R-6.3.3.1-14 R-6.3.3.1-17 R-6.3.3.1-18: the code reaches the caller */
		assert_int_equal(o->result.overlay_code, only_the_right_one[i]);
		assert_int_not_equal(o->err, RELOAD_OK);
	}
}

static void codes_of_errors(void **state)
{
	(void)state;
	for (int err = 0; err <= RELOAD_INVALID_MESSAGE; err++) {
		uint16_t code = reload_err_overlay_code((enum reload_err)err);
		/* R-6.3.3.1-20: nothing that can be answered has an experimental code */
		assert_int_not_equal(code, 18);
		assert_int_not_equal(code, 19);
		assert_true(code <= 20);
		if (code)
			assert_int_equal(reload_err_from_overlay(code), err);
	}
}

/* -- repeats ------------------------------------------------------------------------------------------------------------------- */

static void repeated_store(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	struct reload_status before, after;
	struct craft c = craft_store(s, r->u, store);
	net_link(s, r->u);
	reload_peer_status(r->u->peer, &before);
	struct reload_msg *m = expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	uint64_t generation = m->body.store_ans.kind_responses[0].generation_counter;
	uint64_t verified = counted(r->u, RELOAD_COUNT_VERIFIED);
	reload_peer_status(r->u->peer, &after);
	assert_int_equal(after.values, before.values + 1);
	struct span first = m->contents;
	for (int i = 0; i < 3; i++) {
		net_pass(r->net, 3000);
		m = expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
		/* R-6.2.1-11: the same answer, and nothing is done or even verified again */
		assert_int_equal(
			m->body.store_ans.kind_responses[0].generation_counter, generation);
		assert_int_equal(m->contents.len, first.len);
		assert_memory_equal(m->contents.at, first.at, first.len);
		assert_int_equal(counted(r->u, RELOAD_COUNT_VERIFIED), verified);
	}
	/* R-6.2.1-05: a copy that comes over another neighbour is the same request */
	c.via[0] = dest(s);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	m = expect_answer(r->b, c.h.transaction_id, RELOAD_STORE_ANS);
	assert_int_equal(m->body.store_ans.kind_responses[0].generation_counter, generation);
	assert_int_equal(counted(r->u, RELOAD_COUNT_VERIFIED), verified);
	/* while it is in work there is no second one */
	c = craft_store(s, r->u, store_of(s, K_NODE, "other", 0));
	r->net->hold_jobs = true;
	tell(&c, r->u);
	tell(&c, r->u);
	r->net->hold_jobs = false;
	net_settle(r->net);
	expect_answer(s, c.h.transaction_id, RELOAD_STORE_ANS);
	expect_silence(s, c.h.transaction_id);
	/* R-6.2.1-11: another signature does not make another request of it */
	net_pass(r->net, 1);
	struct craft other = craft_store(s, r->u, store_of(s, K_NODE, "third", 0));
	other.h.transaction_id = c.h.transaction_id;
	m = expect_answer(s, tell(&other, r->u), RELOAD_STORE_ANS);
	assert_true(m->body.store_ans.kind_responses[0].generation_counter == generation + 1);
}

static void cancelled(void **state)
{
	struct ring *r = *state;
	struct outcome *o = outcome_new(r->net);
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	struct reload_request *request =
		reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err);
	reload_request_cancel(r->u->peer, request);
	reload_request_cancel(r->u->peer, NULL);
	net_settle(r->net);
	net_pass(r->net, 20000);
	assert_int_equal(o->calls, 0);
	request = reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err);
	net_settle(r->net);
	reload_request_cancel(r->u->peer, request);
	net_pass(r->net, 20000);
	assert_int_equal(o->calls, 0);
	/* a node that stops tells all that are under way */
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(r->net);
	node_stop(r->u);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_CANCELLED);
}

/* A result function that makes the next request, some times. */
struct again {
	struct ring *ring;
	unsigned left, calls;
};

static void again_fn(void *arg, const struct reload_result *result)
{
	struct again *a = arg;
	struct reload_destination to = dest(a->ring->u);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	a->calls++;
	assert_int_equal(result->err, RELOAD_OK);
	if (a->left-- > 0)
		assert_non_null(reload_peer_ping(a->ring->u->peer, &target, 0, again_fn, a, &err));
}

static void from_a_result(void **state)
{
	struct ring *r = *state;
	struct again a = { .ring = r, .left = 10 };
	struct reload_destination to = dest(r->u);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, again_fn, &a, &err));
	assert_int_equal(a.calls, 0); /* told later, never from inside the call */
	net_settle(r->net);
	assert_int_equal(a.calls, 11);
}

/* -- limits ---------------------------------------------------------------------------------------------------------------------- */

static void few(struct reload_policy *policy)
{
	policy->max_requests = 40;
	policy->max_work = 4;
	policy->max_links = 3;
}

static void limits(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(few);
	struct reload_destination to = dest(r->b), here = dest(r->u);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err = RELOAD_OK;
	struct reload_status s;
	struct outcome *o = outcome_new(r->net);
	size_t begun = 0;
	while (begun < 100 && reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err))
		begun++;
	assert_int_equal(err, RELOAD_LIMIT);
	reload_peer_status(r->u->peer, &s);
	assert_int_equal(s.requests, 40);
	net_settle(r->net);
	/* foreign requests whose signatures wait */
	r->net->hold_jobs = true;
	uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_LIMIT);
	for (int i = 0; i < 10; i++) {
		struct craft c = craft_ping(r->a, &here);
		tell(&c, r->u);
	}
	reload_peer_status(r->u->peer, &s);
	assert_int_equal(s.work, 4);
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_LIMIT), dropped + 6);
	r->net->hold_jobs = false;
	net_settle(r->net);
	/* links */
	net_link(r->c, r->u);
	struct node *last = node_new(r->net, 0xf0);
	struct net_link *l = net_link(last, r->u);
	assert_int_equal(l->state, NET_LINK_NONE);
	assert_int_equal(r->u->events[RELOAD_EV_LINK_LIMIT], 1);
	net_pass(r->net, 20000);
	assert_int_equal(o->calls, begun);
	ring_teardown((void **)&r);
}

static void misuse(void **state)
{
	struct ring *r = *state;
	struct outcome *o = outcome_new(r->net);
	struct reload_destination twice[] = { dest(r->b), dest(r->b) },
				  behind[] = { reload_dest_resource(&r->b->id), dest(r->b) };
	struct reload_request_target none = { .list = twice, .count = 0 },
				     doubled = { twice, 2, 0 }, after = { behind, 2, 0 };
	enum reload_err err;
	assert_null(reload_peer_ping(r->u->peer, &none, 0, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_USAGE);
	assert_null(reload_peer_ping(r->u->peer, &doubled, 0, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_USAGE);
	assert_null(reload_peer_ping(r->u->peer, &after, 0, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_USAGE);
	struct reload_request_target one = { twice, 1, 0 };
	/* max-message-size counts header and signature too: the next node would close the link */
	static const size_t paddings[] = { 30000, 20000, 19950 };
	for (unsigned i = 0; i < COUNT_OF(paddings); i++) {
		assert_non_null(
			reload_peer_ping(r->u->peer, &one, paddings[i], outcome_fn, o, &err));
		net_settle(r->net);
		assert_int_equal(o->calls, i + 1);
		assert_int_equal(o->err, RELOAD_MESSAGE_TOO_LARGE);
	}
	assert_null(heard_code(r->b, RELOAD_PING_REQ));
	assert_non_null(reload_peer_ping(r->u->peer, &one, 19000, outcome_fn, o, &err));
	net_settle(r->net);
	assert_non_null(heard_code(r->b, RELOAD_PING_REQ));
	node_start(r->c, RELOAD_ROLE_PEER);
	assert_null(reload_peer_ping(r->c->peer, &one, 0, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_NOT_JOINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(five_copies),
		ring_test(ids_are_random),
		ring_test(shorter_limit),
		ring_test(an_answer_ends_it),
		ring_test(forwarders_do_not_repeat),
		ring_test(wrong_responder),
		ring_test(whoever_is_there),
		ring_test(errors_on_the_way),
		cmocka_unit_test(codes_of_errors),
		ring_test(repeated_store),
		ring_test(cancelled),
		ring_test(from_a_result),
		cmocka_unit_test(limits),
		ring_test(misuse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
