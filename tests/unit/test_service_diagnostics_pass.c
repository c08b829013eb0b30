/* What a peer does with diagnostic messages that it forwards (RFC 7851 s6.2). */
#include "engine_diagnostics.h"

static void info_is(const struct reload_msg *m, const struct node *n, const char *reason)
{
	char hex[RELOAD_ID_HEX], text[128];
	snprintf(text, sizeof(text), "node=%s%s", reload_id_hex(hex, &n->id), reason);
	text_is(m->body.error.error_info, text);
}

/* A request of c for b, that a sends to u. */
static struct craft passing(struct ring *r, struct asked *q, bool path)
{
	struct reload_destination to = dest(r->b);
	struct craft c = path ? path_track(r->a, q, &to, r->b) : diagnostic_ping(r->a, q, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	return c;
}

static void passes(void **state)
{
	struct ring *r = *state;
	for (int path = 0; path < 2; path++) {
		struct asked q = asked(r, flag(STATUS_INFO));
		struct craft c = passing(r, &q, path);
		uint64_t id = tell(&c, r->u);
		/* R7851-34: forwarded as any other message */
		struct reload_msg *m = heard(r->b, id);
		assert_non_null(m);
		assert_int_equal(m->header.ttl, 99);
		expect_silence(r->a, id);
	}
}

static void expired(void **state)
{
	struct ring *r = *state;
	for (int path = 0; path < 2; path++) {
		struct asked q = asked(r, 0);
		q.q.expiration = wall(r) - 2001;
		struct craft c = passing(r, &q, path);
		uint64_t id = tell(&c, r->u);
		/* R7851-36: an error to the initiator, along the way back; and it goes no further */
		struct reload_msg *m = expect_error(r->a, id, 23);
		info_is(m, r->u, ";reason=expired");
		list_is(m->header.destination_list, LIST(&r->a->id, &r->c->id), r->net);
		expect_silence(r->b, id);
		q.q.expiration = wall(r) - 2000;
		c = passing(r, &q, path);
		assert_non_null(heard(r->b, tell(&c, r->u)));
	}
}

static void expired_answer(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	for (int late = 0; late < 2; late++) {
		struct reload_path_track_ans ans = { .next_hop = dest(r->a),
			.response = { .expiration = wall(r) - 2000 - (unsigned)late } };
		struct craft c = craft(r->a, RELOAD_PATH_TRACK_ANS, &ans, &to);
		uint64_t id = tell(&c, r->u);
		/* R7851-36: never an error in reply to a response */
		expect_silence(r->a, id);
		assert_int_equal(heard(r->b, id) == NULL, late);
	}
}

static void no_ttl_left(void **state)
{
	struct ring *r = *state;
	struct asked q = asked(r, 0);
	struct craft c = passing(r, &q, true);
	c.h.ttl = 0;
	/* R7851-41 */
	info_is(expect_error(r->a, tell(&c, r->u), 26), r->u, ";reason=ttl");
	/* of any other message it is the error of RFC 6940 */
	struct reload_destination to = dest(r->b);
	c = craft_ping(r->a, &to);
	c.h.ttl = 0;
	expect_error(r->a, tell(&c, r->u), 10);
}

static void circle(void **state)
{
	struct ring *r = *state;
	struct asked q = asked(r, 0);
	q.q.expiration = wall(r) - 5000;
	struct craft c = passing(r, &q, false);
	c.via[1] = dest(r->u);
	c.via_count = 2;
	c.h.ttl = 0;
	/* R7851-40: u has forwarded it before; told rather than that it has expired and no ttl */
	info_is(expect_error(r->a, tell(&c, r->u), 25), r->a, "");
	expect_silence(r->b, c.h.transaction_id);
}

static void misrouted(void **state)
{
	struct ring *r = *state;
	struct reload_id of_a = id_at(0x10), of_b = id_at(0xd0);
	/* a is at 20.., b at c0.., u at 80..: what lies between c0.. and 20.. is a's */
	struct reload_destination to = reload_dest_resource(&of_a);
	struct asked q = asked(r, 0);
	struct craft c = diagnostic_ping(r->a, &q, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	/* R7851-39: the upstream peer is named */
	info_is(expect_error(r->a, tell(&c, r->u), 24), r->a, "");
	/* who made a request may send it anywhere */
	c = diagnostic_ping(r->a, &q, &to);
	uint64_t id = tell(&c, r->u);
	expect_silence(r->a, id);
	/* and a list of several entries says the way itself */
	c = diagnostic_ping(r->a, &q, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	c.to[0] = dest(r->b);
	c.to[1] = to;
	c.to_count = 2;
	assert_non_null(heard(r->b, tell(&c, r->u)));
	/* a plain Ping is forwarded, wherever it came from */
	c = craft_ping(r->a, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	expect_silence(r->a, tell(&c, r->u));
	/* what is not the sender's goes on */
	to = reload_dest_resource(&of_b);
	c = diagnostic_ping(r->b, &q, &to);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	expect_silence(r->b, tell(&c, r->u));
}

static void link_fails(void **state)
{
	struct ring *r = *state;
	struct asked q = asked(r, 0);
	struct craft c = passing(r, &q, true), early = passing(r, &q, true);
	tell(&early, r->u);
	net_pass(r->net, 3001); /* longer ago than the overlay-reliability-timer */
	asked_now(r, &q);
	c = passing(r, &q, true);
	tell(&c, r->u);
	struct net_link *l = net_link_between(r->b, r->u);
	l->state = NET_LINK_CLOSED;
	l->by = l->ends[0] == r->b ? 0 : 1;
	net_settle(r->net);
	/* R7851-37: the node that cannot be reached is named, once */
	struct reload_msg *m = expect_error(r->a, c.h.transaction_id, 21);
	info_is(m, r->b, ";reason=link-down");
	list_is(m->header.destination_list, LIST(&r->a->id, &r->c->id), r->net);
	expect_silence(r->a, c.h.transaction_id);
	expect_silence(r->a, early.h.transaction_id);
}

static void datagrams_expire(void **state)
{
	struct ring *r = *state;
	struct asked q = asked(r, 0);
	struct craft c = passing(r, &q, true);
	tell(&c, r->u);
	struct net_link *l = net_link_between(r->b, r->u);
	reload_peer_link_expired(r->u->peer, l->numbers[l->ends[0] == r->u ? 0 : 1]);
	net_settle(r->net);
	/* R7851-38, R7851-35: its own code, once; the link stays */
	struct reload_msg *m = expect_error(r->a, c.h.transaction_id, 22);
	info_is(m, r->b, ";reason=ttl");
	expect_silence(r->a, c.h.transaction_id);
	assert_ptr_equal(net_link_between(r->b, r->u), l);
	reload_peer_link_expired(r->u->peer, 12345); /* a link that has gone */
}

static void not_too_many_errors(void **state)
{
	struct ring *r = *state;
	struct asked q = asked(r, 0);
	size_t errors = 0;
	for (int i = 0; i < 20; i++) {
		struct craft c = passing(r, &q, true);
		c.h.ttl = 0;
		errors += heard(r->a, tell(&c, r->u)) != NULL;
	}
	assert_int_equal(errors, 10); /* in a second, for one neighbour */
}

/* What cannot be read is for the destination to refuse. */
static void unreadable(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_raw(r->a, RELOAD_PATH_TRACK_REQ, span_str("\1"), &to);
	say(r->a, r->u, craft_bytes(&c));
	assert_true(heard_bytes(r->b, c.h.transaction_id).len > 0);
	struct reload_extension e = { .type = RELOAD_EXTENSION_DIAGNOSTIC_PING,
		.contents = span_str("short") };
	c = craft_ping(r->a, &to);
	c.extensions = &e;
	c.extensions_count = 1;
	say(r->a, r->u, craft_bytes(&c));
	assert_true(heard_bytes(r->b, c.h.transaction_id).len > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		diagnostics_test(passes),
		diagnostics_test(expired),
		diagnostics_test(expired_answer),
		diagnostics_test(no_ttl_left),
		diagnostics_test(circle),
		diagnostics_test(misrouted),
		diagnostics_test(link_fails),
		diagnostics_test(datagrams_expire),
		diagnostics_test(not_too_many_errors),
		diagnostics_test(unreadable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
