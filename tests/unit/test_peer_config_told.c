/* What a node sends to whom it asked something and who answers that its configuration is old, or that it lacks a Kind (RFC 6940 s6.5.4). */
#include "engine_expect.h"

static void the_other_is_behind(void **state)
{
	struct ring *r = *state;
	struct outcome *o = outcome_new(r->net);
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(r->net);
	struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
	struct craft c = craft_error(r->b, m, 16);
	tell(&c, r->u);
	assert_int_equal(o->err, RELOAD_CONFIG_TOO_NEW);
	/* R-6.5.4-01: whose configuration is old is sent ours */
	m = heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ);
	assert_non_null(m);
	assert_true(span_eq(m->body.config_update.config, r->net->config->document));
	assert_int_equal(m->header.configuration_sequence, 65535);
	/* an error about that ConfigUpdate does not lead to another one */
	c = craft_error(r->b, m, 16);
	tell(&c, r->u);
	assert_null(heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ));
}

static void a_kind_is_unknown_there(void **state)
{
	struct ring *r = *state;
	struct outcome *o = outcome_new(r->net);
	struct reload_id resource = id_at(0xa0);
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = K_VALUE };
	enum reload_err err;
	assert_non_null(
		reload_peer_fetch(r->u->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	net_settle(r->net);
	struct reload_msg *m = heard_code(r->b, RELOAD_FETCH_REQ);
	struct reload_error_response e = { .error_code = 12,
		.error_info = span_of("\x08\xf0\x00\x00\x01\xf0\x00\x00\x05", 9) };
	struct craft c = reply(r->b, m, RELOAD_ERROR, &e);
	tell(&c, r->u);
	assert_int_equal(o->err, RELOAD_UNKNOWN_KIND);
	m = heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ);
	/* R-7.4.1.2-09: the definition of what the document has */
	assert_non_null(m);
	assert_int_equal(m->body.config_update.type, RELOAD_CONFIG_UPDATE_KIND);
	assert_int_equal(m->body.config_update.kinds_count, 1);
	assert_true(span_eq(m->body.config_update.kinds[0].kind_block,
		reload_config_kind(r->net->config, K_VALUE)->block));
	/* MSG-09: error_info that does not parse counts as empty */
	assert_non_null(
		reload_peer_fetch(r->u->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	net_settle(r->net);
	m = heard_code(r->b, RELOAD_FETCH_REQ);
	e.error_info = span_of("\xff\xf0\x00", 3);
	c = reply(r->b, m, RELOAD_ERROR, &e);
	tell(&c, r->u);
	assert_null(heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ));
	assert_int_equal(o->calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(the_other_is_behind),
		ring_test(a_kind_is_unknown_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
