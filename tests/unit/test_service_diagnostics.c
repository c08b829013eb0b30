/* Diagnostic requests: who gets which values, what is refused, and what this node asks (RFC 7851 s6.1, s6.3, s7). */
#include "engine_diagnostics.h"

/* -- what is answered ----------------------------------------------------------------------------------------------------- */

static void ping_with_values(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct asked q = asked(r, flag(STATUS_INFO) | flag(APP_UPTIME) | flag(SOFTWARE_VERSION));
	net_pass(r->net, 90000);
	asked_now(r, &q);
	struct craft c = diagnostic_ping(r->a, &q, &to);
	c.h.ttl = 42;
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	struct reload_diagnostics_response s = response_of(r, m);
	/* R7851-16, R7851-17 */
	assert_int_equal(s.timestamp_initiated, q.q.timestamp_initiated);
	assert_int_equal(s.hop_counter, 42);
	assert_int_equal(s.timestamp_received, wall(r));
	/* R7851-42: the header is that of any answer, back to who asked */
	assert_int_equal(m->header.transaction_id, c.h.transaction_id);
	assert_int_equal(m->header.ttl, r->net->config->initial_ttl);
	/* R7851-15, R7851-48: between 1 and 600 s from now */
	assert_in_range(s.expiration, wall(r) + 1000, wall(r) + 600000);
	/* R7851-46: in ascending order, what was asked for and no more */
	assert_int_equal(s.info_count, 3);
	value_is(&s, 0, RELOAD_DIAGNOSTIC_STATUS_INFO, "7");
	value_is(&s, 1, RELOAD_DIAGNOSTIC_SOFTWARE_VERSION, "\"test/1.0\"");
	assert_int_equal(s.info[2].kind, RELOAD_DIAGNOSTIC_APP_UPTIME);
	json_t *up = reload_diagnostic_value(s.info[2].kind, s.info[2].contents);
	assert_in_range(strtoull(json_string_value(up), NULL, 10), 90, 200);
	json_decref(up);
	/* R7851-30 */
	assert_int_equal(m->extensions_count, 1);
	assert_false(m->extensions[0].critical);
}

static void ping_without_values(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct asked q = asked(r, 0);
	/* R7851-26, R7851-47: nothing is asked for, which needs no permission */
	struct craft c = diagnostic_ping(r->c, &q, &to);
	struct reload_msg *m = expect_answer(r->c, tell(&c, r->u), RELOAD_PING_ANS);
	assert_int_equal(response_of(r, m).info_count, 0);
	/* R7851-7: a Ping without the extension has an answer without */
	c = craft_ping(r->c, &to);
	m = expect_answer(r->c, tell(&c, r->u), RELOAD_PING_ANS);
	assert_int_equal(m->extensions_count, 0);
	/* R7851-31: for the wildcard it is a plain Ping */
	struct reload_id any = reload_id_wildcard(16);
	to = reload_dest_node(&any);
	q = asked(r, flag(STATUS_INFO));
	c = diagnostic_ping(r->c, &q, &to);
	m = expect_answer(r->c, tell(&c, r->u), RELOAD_PING_ANS);
	assert_int_equal(m->extensions_count, 0);
}

static void extension_elsewhere(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct reload_probe_req probe = { span_of("\1", 1) };
	struct asked q = asked(r, flag(STATUS_INFO));
	q.extension.critical = true;
	struct craft c = craft(r->c, RELOAD_PROBE_REQ, &probe, &to);
	c.extensions = &q.extension;
	c.extensions_count = 1;
	/* R7851-3, R7851-6: ignored in another method, whatever its critical flag says */
	struct reload_msg *m = expect_answer(r->c, tell(&c, r->u), RELOAD_PROBE_ANS);
	assert_int_equal(m->extensions_count, 0);
}

static void who_may_read(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct asked q = asked(r, flag(STATUS_INFO));
	/* b may read the status and nothing else */
	struct craft c = diagnostic_ping(r->b, &q, &to);
	expect_answer(r->b, tell(&c, r->u), RELOAD_PING_ANS);
	/* R7851-50: one Kind that is not permitted refuses them all, and says which */
	q = asked(r, flag(STATUS_INFO) | flag(SOFTWARE_VERSION) | flag(BATTERY_STATUS));
	c = diagnostic_ping(r->b, &q, &to);
	struct reload_msg *m = expect_error(r->b, tell(&c, r->u), 2);
	text_is(m->body.error.error_info, "kinds=6,10");
	/* R7851-1: c is on no list */
	q = asked(r, flag(STATUS_INFO));
	c = diagnostic_ping(r->c, &q, &to);
	text_is(expect_error(r->c, tell(&c, r->u), 2)->body.error.error_info, "kinds=1");
	/* R7851-12: all flags are all Kinds */
	q = asked(r, RELOAD_DIAGNOSTICS_ALL);
	c = diagnostic_ping(r->b, &q, &to);
	text_is(expect_error(r->b, tell(&c, r->u), 2)->body.error.error_info,
		"kinds=2,3,4,5,6,7,8,9,a,b,c,d,e,f,10");
	c = diagnostic_ping(r->a, &q, &to);
	m = expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	/* a Ping has no next hop (UNDERLAY_HOP), and the host does not know DOWNSTREAM_BANDWIDTH */
	struct reload_diagnostics_response s = response_of(r, m);
	assert_int_equal(s.info_count, 14);
	value_is_of(&s, RELOAD_DIAGNOSTIC_ROUTING_TABLE_SIZE, "2"); /* a and b, each once */
	/* R7851-18, R7851-14: what has no meaning is passed over: reserved flags, flags without a Kind, Kinds that are not known */
	q = asked(r, 0x8000000000020001);
	q.list[0].kind = 0xf001;
	q.list[1].kind = RELOAD_DIAGNOSTIC_SOFTWARE_VERSION;
	q.q.extensions_count = 2;
	c = diagnostic_ping(r->c, &q, &to);
	m = expect_answer(r->c, tell(&c, r->u), RELOAD_PING_ANS);
	assert_int_equal(response_of(r, m).info_count, 0);
}

static void values_of_this_node(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct node *s = node_storing(r->net, r->u, K_VALUE);
	struct craft store = craft_value(s, r->u, K_VALUE, "words", 0);
	expect_answer(s, tell(&store, r->u), RELOAD_STORE_ANS);
	net_pass(r->net, 20000); /* rates of whole periods */
	forget(r->a);
	struct asked q = asked(r, RELOAD_DIAGNOSTICS_ALL);
	struct craft c = diagnostic_ping(r->a, &q, &to);
	struct reload_diagnostics_response v =
		response_of(r, expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS));
	struct reload_status status;
	reload_peer_status(r->u->peer, &status);
	json_t *bytes = kind_value(&v, RELOAD_DIAGNOSTIC_DATASIZE_STORED),
	       *kinds = kind_value(&v, RELOAD_DIAGNOSTIC_INSTANCES_STORED),
	       *messages = kind_value(&v, RELOAD_DIAGNOSTIC_MESSAGES_SENT_RCVD);
	assert_int_equal(strtoull(json_string_value(bytes), NULL, 10), status.value_bytes);
	json_t *one = entry_of(kinds, "kind_id", K_VALUE);
	assert_string_equal(json_string_value(json_object_get(one, "count")), "1");
	/* what has arrived and left so far: one Store and its answer */
	json_t *req = entry_of(messages, "message_code", RELOAD_STORE_REQ),
	       *ans = entry_of(messages, "message_code", RELOAD_STORE_ANS);
	assert_string_equal(json_string_value(json_object_get(req, "received")), "1");
	assert_string_equal(json_string_value(json_object_get(ans, "sent")), "1");
	assert_null(entry_of(messages, "message_code", RELOAD_FETCH_REQ));
	json_decref(bytes);
	json_decref(kinds);
	json_decref(messages);
	value_is_of(&v, RELOAD_DIAGNOSTIC_PROCESS_POWER, "\"4000\"");
	value_is_of(&v, RELOAD_DIAGNOSTIC_UPSTREAM_BANDWIDTH, "\"1000000\"");
	value_is_of(&v, RELOAD_DIAGNOSTIC_MACHINE_UPTIME, "\"86400\"");
	value_is_of(&v, RELOAD_DIAGNOSTIC_MEMORY_FOOTPRINT, "\"3\""); /* R7851-21: 2049 bytes */
	value_is_of(&v, RELOAD_DIAGNOSTIC_BATTERY_STATUS, "\"mains\"");
	assert_null(
		kind_value(&v, RELOAD_DIAGNOSTIC_DOWNSTREAM_BANDWIDTH)); /* not known: left out */
}

/* -- what is refused ------------------------------------------------------------------------------------------------------ */

static void times(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	static const struct {
		int64_t ends_in_ms;
		uint16_t error; /* 0: answered */
	} rows[] = {
		{ -2001, 23 }, /* R7851-44: expired, also by clocks that differ by 2 s */
		{ -2000, 0 }, { 602000, 0 }, { 602001, 20 }, /* R7851-11: too far in the future */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct asked q = asked(r, 0);
		q.q.expiration = (uint64_t)((int64_t)wall(r) + rows[i].ends_in_ms);
		struct craft c = diagnostic_ping(r->a, &q, &to);
		uint64_t id = tell(&c, r->u);
		if (rows[i].error)
			expect_error(r->a, id, rows[i].error);
		else
			expect_answer(r->a, id, RELOAD_PING_ANS);
	}
}

static void malformed(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct asked q = asked(r, 0);
	struct craft c = diagnostic_ping(r->a, &q, &to);
	q.extension.contents.len -= 1;
	/* R7851-49 */
	expect_error(r->a, tell(&c, r->u), 20);
}

static void too_often(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	struct asked q = asked(r, 0);
	for (int i = 0; i < 10; i++) {
		struct craft c = diagnostic_ping(r->a, &q, &to);
		expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	}
	/* the eleventh within a second; it is told once */
	struct craft c = diagnostic_ping(r->a, &q, &to);
	text_is(expect_error(r->a, tell(&c, r->u), 2)->body.error.error_info, "reason=rate");
	c = diagnostic_ping(r->a, &q, &to);
	expect_silence(r->a, tell(&c, r->u));
	/* others may ask, and a plain Ping is answered */
	c = diagnostic_ping(r->b, &q, &to);
	expect_answer(r->b, tell(&c, r->u), RELOAD_PING_ANS);
	c = craft_ping(r->a, &to);
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	/* a tenth of a second gives one more */
	net_pass(r->net, 100);
	c = diagnostic_ping(r->a, &q, &to);
	expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	c = diagnostic_ping(r->a, &q, &to);
	expect_silence(r->a, tell(&c, r->u));
	net_pass(r->net, 1000); /* and it is told again after a second */
	for (int i = 0; i < 10; i++) {
		c = diagnostic_ping(r->a, &q, &to);
		expect_answer(r->a, tell(&c, r->u), RELOAD_PING_ANS);
	}
	c = diagnostic_ping(r->a, &q, &to);
	expect_error(r->a, tell(&c, r->u), 2);
}

/* -- PathTrack ------------------------------------------------------------------------------------------------------------ */

static void next_hops(void **state)
{
	struct ring *r = *state;
	struct node *client = node_new(r->net, 0x50);
	struct reload_id mine = id_at(0x40), behind_b = id_at(0xd0);
	const struct {
		struct reload_destination to;
		const struct reload_id *next;
	} rows[] = {
		{ reload_dest_resource(&mine), &r->u->id }, /* R7851-9: u itself is responsible */
		{ reload_dest_node(&mine), &r->u->id },     /* and for a Node-ID that nobody has */
		{ dest(r->u), &r->u->id }, { dest(r->b), &r->b->id },
		{ reload_dest_resource(&behind_b), &r->b->id },
		{ reload_dest_node(&behind_b), &r->b->id },
		{ dest(client), &client->id }, /* in u's range: the client is one hop more */
	};
	net_link(client, r->u);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct asked q = asked(r, 0);
		net_pass(r->net, 1000);
		asked_now(r, &q);
		struct craft c = path_track(r->a, &q, &rows[i].to, r->u);
		struct reload_msg *m =
			expect_answer(r->a, tell(&c, r->u), RELOAD_PATH_TRACK_ANS); /* R7851-43 */
		const struct reload_path_track_ans *ans = &m->body.path_track_ans;
		assert_int_equal(ans->next_hop.type, RELOAD_DEST_NODE);
		assert_true(reload_id_eq(&ans->next_hop.node, rows[i].next));
		/* R7851-45 */
		assert_int_equal(ans->response.timestamp_initiated, q.q.timestamp_initiated);
		assert_int_equal(ans->response.hop_counter, 100);
	}
}

static void path_track_values(void **state)
{
	struct ring *r = *state;
	struct reload_destination far = dest(r->b), own = dest(r->u);
	struct asked q = asked(r, flag(UNDERLAY_HOP));
	struct craft c = path_track(r->a, &q, &far, r->u);
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_PATH_TRACK_ANS);
	struct reload_diagnostics_response *s = &m->body.path_track_ans.response;
	assert_int_equal(s->info_count, 1);
	value_is(s, 0, RELOAD_DIAGNOSTIC_UNDERLAY_HOP, "5");
	/* at its end there is no next hop */
	c = path_track(r->a, &q, &own, r->u);
	m = expect_answer(r->a, tell(&c, r->u), RELOAD_PATH_TRACK_ANS);
	assert_int_equal(m->body.path_track_ans.response.info_count, 0);
	/* the rules are those of the Ping */
	c = path_track(r->c, &q, &far, r->u);
	text_is(expect_error(r->c, tell(&c, r->u), 2)->body.error.error_info, "kinds=f");
	q.q.expiration = wall(r) - 2001;
	c = path_track(r->a, &q, &far, r->u);
	expect_error(r->a, tell(&c, r->u), 23);
}

static void no_way(void **state)
{
	struct ring *r = *state;
	struct reload_destination opaque = { .type = RELOAD_DEST_OPAQUE,
		.opaque = span_str("xyz") },
				  strange = { .type = 9, .raw = span_str("x") },
				  small = { .type = RELOAD_DEST_RESOURCE,
					  .resource = span_str("x") };
	struct asked q = asked(r, 0);
	struct craft c = path_track(r->a, &q, &opaque, r->u);
	expect_error(r->a, tell(&c, r->u), 2);
	c = path_track(r->a, &q, &strange, r->u);
	expect_error(r->a, tell(&c, r->u), 3);
	c = path_track(r->a, &q, &small, r->u);
	expect_error(r->a, tell(&c, r->u), 3);
}

/* -- what this node asks --------------------------------------------------------------------------------------------------- */

static void own_path_track(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->a), traced = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	static const uint16_t local = 0xf001, flagged = 0x3f;
	struct reload_diagnostics_wish wish = {
		.flags = flag(STATUS_INFO), .kinds = &local, .kinds_count = 1
	};
	struct outcome *o = outcome_new(r->net);
	enum reload_err err;
	assert_non_null(
		reload_peer_path_track(r->u->peer, &target, &traced, &wish, outcome_fn, o, &err));
	net_settle(r->net);
	struct reload_msg *m = heard_code(r->a, RELOAD_PATH_TRACK_REQ); /* R7851-32 */
	assert_non_null(m);
	const struct reload_diagnostics_request *q = &m->body.path_track_req.request;
	/* R7851-25, R7851-29, R7851-11 */
	assert_int_equal(q->timestamp_initiated, wall(r));
	assert_in_range(q->expiration, wall(r) + 1000, wall(r) + 600000);
	assert_int_equal(q->flags, flag(STATUS_INFO));
	assert_int_equal(q->extensions_count, 1);
	assert_int_equal(q->extensions[0].kind, local);
	assert_true(reload_dest_eq(&m->body.path_track_req.destination, &traced));
	struct reload_path_track_ans ans = { .next_hop = dest(r->b),
		.response = { .expiration = wall(r) + 60000,
			.timestamp_initiated = q->timestamp_initiated } };
	struct craft c = reply(r->a, m, RELOAD_PATH_TRACK_ANS, &ans);
	tell(&c, r->u);
	net_settle(r->net);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	/* R7851-14: a Kind that has a flag is in no list; R7851-33: and nothing is traced to everybody */
	wish.kinds = &flagged;
	assert_null(
		reload_peer_path_track(r->u->peer, &target, &traced, &wish, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_USAGE);
	struct reload_id any = reload_id_wildcard(16);
	traced = reload_dest_node(&any);
	wish.kinds_count = 0;
	assert_null(
		reload_peer_path_track(r->u->peer, &target, &traced, &wish, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_USAGE);
	assert_null(reload_peer_diagnostic_ping(r->u->peer,
		&(struct reload_request_target){ .list = &traced, .count = 1 }, &wish, outcome_fn,
		o, &err));
	assert_int_equal(err, RELOAD_USAGE);
}

static void answers_that_do_not_fit(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->a), traced = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_diagnostics_wish wish = { 0 };
	enum reload_err err;
	for (int i = 0; i < 3; i++) {
		struct outcome *o = outcome_new(r->net);
		assert_non_null(reload_peer_path_track(
			r->u->peer, &target, &traced, &wish, outcome_fn, o, &err));
		net_settle(r->net);
		struct reload_msg *m = heard_code(r->a, RELOAD_PATH_TRACK_REQ);
		struct reload_path_track_ans ans = { .next_hop = dest(r->b),
			.response = {
				.expiration = wall(r) + 60000, .timestamp_initiated = wall(r) } };
		if (i == 0) /* a next hop is a node */
			ans.next_hop = reload_dest_resource(&r->b->id);
		else if (i == 1) /* R7851-16: that of another request */
			ans.response.timestamp_initiated--;
		else /* it has expired on its way */
			ans.response.expiration = wall(r) - 2001;
		struct craft c = reply(r->a, m, RELOAD_PATH_TRACK_ANS, &ans);
		tell(&c, r->u);
		net_settle(r->net);
		assert_int_equal(o->err, RELOAD_BAD_ANSWER);
	}
}

static void own_ping(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->a);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_diagnostics_wish wish = { .flags = flag(STATUS_INFO) };
	struct outcome *o = outcome_new(r->net);
	enum reload_err err;
	assert_non_null(
		reload_peer_diagnostic_ping(r->u->peer, &target, &wish, outcome_fn, o, &err));
	net_settle(r->net);
	struct reload_msg *m = heard_code(r->a, RELOAD_PING_REQ);
	struct reload_diagnostics_request q;
	struct wire_ctx ctx = net_ctx(r->net);
	assert_int_equal(reload_msg_diagnostics_request(m, &ctx, &q), RELOAD_OK); /* R7851-2 */
	assert_int_equal(q.flags, flag(STATUS_INFO));
	assert_false(m->extensions[0].critical);
	/* R7851-4: an answer without values is one; R7851-5: and nothing more is sent */
	struct reload_ping_ans ans = { .response_id = 1 };
	struct craft c = reply(r->a, m, RELOAD_PING_ANS, &ans);
	tell(&c, r->u);
	net_pass(r->net, 20000);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	assert_null(heard_code(r->a, RELOAD_PING_REQ));
}

/* A node may ask itself for all that it knows, without a permission. */
static void of_itself(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u), far = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_diagnostics_wish wish = { .flags = RELOAD_DIAGNOSTICS_ALL };
	struct outcome *o = outcome_new(r->net);
	enum reload_err err;
	assert_non_null(
		reload_peer_path_track(r->u->peer, &target, &far, &wish, outcome_fn, o, &err));
	net_pass(r->net, 1);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		diagnostics_test(ping_with_values),
		diagnostics_test(ping_without_values),
		diagnostics_test(extension_elsewhere),
		diagnostics_test(who_may_read),
		diagnostics_test(values_of_this_node),
		diagnostics_test(times),
		diagnostics_test(malformed),
		diagnostics_test(too_often),
		diagnostics_test(next_hops),
		diagnostics_test(path_track_values),
		diagnostics_test(no_way),
		diagnostics_test(own_path_track),
		diagnostics_test(answers_that_do_not_fit),
		diagnostics_test(own_ping),
		diagnostics_test(of_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
