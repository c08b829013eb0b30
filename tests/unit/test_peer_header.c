/* What the engine does with the forwarding header of a message before anything else (RFC 6940 s6.1). */
#include "engine_expect.h"

static void token_overlay_version_length(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct craft good = craft_ping(r->a, &to), c;
	/* the message is fine before it is spoilt */
	expect_answer(r->a, tell(&good, r->u), RELOAD_PING_ANS);
	static const struct {
		size_t at;
		uint8_t change;
		enum reload_counter counter;
	} faults[] = {
		{ 0, 0x80, RELOAD_COUNT_DROP_NOT_RELOAD },
		{ 4, 0x01, RELOAD_COUNT_DROP_OVERLAY },    /* overlay */
		{ 10, 0x0b, RELOAD_COUNT_DROP_VERSION },   /* version 0x01 */
		{ 10, 0x01, RELOAD_COUNT_DROP_VERSION },   /* version 0x0b */
		{ 12, 0x80, RELOAD_COUNT_DROP_MALFORMED }, /* the bit that is always set */
		{ 19, 0x01, RELOAD_COUNT_DROP_MALFORMED }, /* length */
		{ 33, 0xff, RELOAD_COUNT_DROP_MALFORMED }, /* length of the Via List */
	};
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		c = craft_ping(r->a, &to);
		struct span bytes = craft_bytes(&c);
		((uint8_t *)bytes.at)[faults[i].at] ^= faults[i].change;
		uint64_t before = counted(r->u, faults[i].counter),
			 verified = counted(r->u, RELOAD_COUNT_VERIFIED);
		size_t heard_before = inbox_count(r->a);
		say(r->a, r->u, bytes);
		/* R-6.1-01 R-6.3.2-05 R-6.7-12 R-6.7-13: counted, discarded, and by default without a word */
		assert_int_equal(counted(r->u, faults[i].counter), before + 1);
		assert_int_equal(inbox_count(r->a), heard_before);
		assert_int_equal(counted(r->u, RELOAD_COUNT_VERIFIED), verified);
	}
}

static void report(struct reload_policy *policy)
{
	policy->report_header_errors = true;
}

static void policy_reports(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(report);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	c.h.overlay ^= 1;
	/* R-6.1-02 R-6.3.3.1-08: with the policy to report, a request of another overlay is answered */
	expect_error(r->a, tell(&c, r->u), 6);
	c = craft_ping(r->a, &to);
	c.h.version = 1;
	expect_error(r->a, tell(&c, r->u), 6);
	/* R-6.3.3.1-21: a response never is */
	struct reload_ping_ans ans = { 0 };
	c = craft(r->a, RELOAD_PING_ANS, &ans, &to);
	c.h.overlay ^= 1;
	expect_silence(r->a, tell(&c, r->u));
	ring_teardown((void **)&r);
}

static void ttl_above_initial(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u), beyond = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	c.h.ttl = r->net->config->initial_ttl + 1;
	uint64_t delivered = counted(r->u, RELOAD_COUNT_DELIVERED);
	/* R-6.3.2-11 R-6.3.3.1-12: at the destination and at a forwarder */
	expect_error(r->a, tell(&c, r->u), 10);
	assert_int_equal(counted(r->u, RELOAD_COUNT_DELIVERED), delivered);
	c = craft_ping(r->a, &beyond);
	c.h.ttl = 255;
	expect_error(r->a, tell(&c, r->u), 10);
	assert_int_equal(inbox_count(r->b), 0);
}

/* Otherwise nodes with two documents would never find out which is the newer one. */
static void ttl_of_another_document(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u), beyond = dest(r->b);
	uint8_t initial = r->net->config->initial_ttl;
	struct craft c = craft_ping(r->a, &to);
	c.h.ttl = 200;
	c.h.configuration_sequence = reload_sequence_next(r->net->config->sequence);
	/* R-6.3.2.1-04: the answer is that this node's document is older */
	expect_error(r->a, tell(&c, r->u), 16);
	/* a ConfigUpdate has no number */
	c = craft_ping(r->a, &beyond);
	c.h.ttl = 200;
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	struct reload_msg *m = heard(r->b, tell(&c, r->u));
	assert_non_null(m);
	/* R-6.3.2-11: and it goes no further than other messages */
	assert_int_equal(m->header.ttl, initial - 1);
	/* where the newer one has lowered it: whoever is behind still sends with the larger one */
	c = craft_ping(r->a, &to);
	c.h.ttl = 200;
	c.h.configuration_sequence = (uint16_t)(r->net->config->sequence - 1);
	expect_error(r->a, tell(&c, r->u), 15);
}

static void ttl_at_its_end(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b), here = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	c.h.ttl = 0;
	uint64_t id = tell(&c, r->u);
	/* R-6.3.2-07 R-6.3.2-08: not passed on, and the requester is told */
	assert_int_equal(inbox_count(r->b), 0);
	expect_error(r->a, id, 10);
	struct reload_ping_ans ans = { 0 };
	c = craft(r->a, RELOAD_PING_ANS, &ans, &to);
	c.h.ttl = 0;
	id = tell(&c, r->u);
	assert_int_equal(inbox_count(r->b), 0);
	expect_silence(r->a, id); /* R-6.3.3.1-21: a response causes no error */
	c = craft_ping(r->a, &here);
	c.h.ttl = 0;
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS); /* it has arrived */
	c = craft_ping(r->a, &to);
	c.h.ttl = 1;
	id = tell(&c, r->u);
	assert_int_equal(heard(r->b, id)->header.ttl, 0); /* HDR-07: sent with 0 */
}

static void own_messages(void **state)
{
	struct ring *r = *state;
	struct outcome *o = outcome_new(r->net);
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	uint64_t ids[2];
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
		net_settle(r->net);
		struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
		assert_non_null(m);
		ids[i] = m->header.transaction_id;
		/* R-6.3.2-09 R-6.3.2-10 R-6.3.2-22: ttl 100, empty Via List, whole, present sequence */
		assert_int_equal(m->header.ttl, 100);
		assert_int_equal(m->header.via_list.len, 0);
		/* R-6.7-11 */
		assert_int_equal(m->header.fragment, RELOAD_FRAGMENT_WHOLE);
		assert_int_equal(m->header.configuration_sequence, 7);
		/* R-6.2.1-01 R-6.2.1-04: the simplest list is the target alone, over its link */
		list_is(m->header.destination_list, LIST(&r->b->id), r->net);
		/* R-6.3-02: signed by its originator */
		assert_int_equal(m->security.signature.identity.type, RELOAD_CERT_HASH);
		assert_memory_equal(m->security.signature.identity.hash.at,
			r->u->credentials.cert->fingerprint, 32);
	}
	/* R-3-04 R-6.3.2-16: drawn anew for each request */
	assert_int_not_equal(ids[0], ids[1]);
	assert_int_not_equal(ids[0] >> 32, 0);
}

static void configured_ttl(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.initial_ttl = 20;
	net_configure(net, &d);
	struct node *u = node_new(net, 0x80), *a = node_new(net, 0x20);
	node_first(u);
	node_ready(a, u);
	struct outcome *o = outcome_new(net);
	struct reload_destination to = dest(a), back = dest(u);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	forget(a);
	assert_non_null(reload_peer_ping(u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(net);
	assert_int_equal(heard_code(a, RELOAD_PING_REQ)->header.ttl, 20);
	struct craft c = craft_ping(a, &back);
	c.h.ttl = 21;
	expect_error(a, tell(&c, u), 10); /* R-6.3.2-11 */
	net_free(net);
}

static void duplicate_entries(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_ping(r->a, &to);
	c.to[1] = dest(r->c);
	c.to[2] = dest(r->b);
	c.to_count = 3;
	uint64_t id = tell(&c, r->u);
	/* R-13.6-04 R-6.3.3.1-19: refused with words, not forwarded */
	struct reload_msg *m = expect_error(r->a, id, 20);
	assert_true(m->body.error.error_info.len > 0);
	assert_int_equal(inbox_count(r->b), 0);
	struct reload_ping_ans ans = { 0 };
	c = craft(r->a, RELOAD_PING_ANS, &ans, &to);
	c.to[1] = dest(r->b);
	c.to_count = 2;
	expect_silence(r->a, tell(&c, r->u)); /* HDR-10: a response is dropped */
	assert_int_equal(inbox_count(r->b), 0);
}

static void lists_without_use(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u), odd = { .type = 9, .raw = span_str("odd") };
	struct craft c = craft_ping(r->a, &to);
	c.to_count = 0;
	expect_silence(r->a, tell(&c, r->u)); /* HDR-12 */
	c = craft_ping(r->a, &odd);
	expect_silence(r->a, tell(&c, r->u)); /* HDR-11 */
	struct reload_destination resource = reload_dest_resource(&r->u->id);
	c = craft_ping(r->a, &to);
	c.via[0] = resource;
	c.via_count = 1;
	expect_silence(r->a, tell(&c, r->u)); /* a Resource-ID in a Via List */
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_NO_ROUTE), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(token_overlay_version_length),
		cmocka_unit_test(policy_reports),
		ring_test(ttl_above_initial),
		ring_test(ttl_of_another_document),
		ring_test(ttl_at_its_end),
		ring_test(own_messages),
		cmocka_unit_test(configured_ttl),
		ring_test(duplicate_entries),
		ring_test(lists_without_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
