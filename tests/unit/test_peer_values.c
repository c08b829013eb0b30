/* Stored values as they come and go: their signers' chains, what was verified before, what is too large, what is sent again. */
#include "engine_expect.h"

static struct outcome *ask(
	struct ring *r, const struct node *owner, uint32_t kind, struct reload_msg **request)
{
	struct outcome *o = outcome_new(r->net);
	struct reload_id resource;
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = kind };
	enum reload_err err;
	reload_peer_resource_id(r->u->peer, &resource, span_str(owner->credentials.cert->user));
	assert_non_null(
		reload_peer_fetch(r->u->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	net_settle(r->net);
	*request = heard_code(r->b, RELOAD_FETCH_REQ);
	assert_non_null(*request);
	return o;
}

/* What u makes of the value when b brings it, with the certificate in the message. */
static enum reload_err brought(struct ring *r, const struct node *owner,
	struct reload_stored_data *value, struct reload_cert *certificate)
{
	struct reload_msg *request;
	struct outcome *o = ask(r, owner, K_VALUE, &request);
	struct reload_fetch_kind_response k = {
		.kind = K_VALUE, .generation = 1, .values = value, .values_count = 1
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct craft c = reply(r->b, request, RELOAD_FETCH_ANS, &ans);
	c.certificate = certificate; /* that of b is known */
	tell(&c, r->u);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->values_count, 1);
	return o->value_errs[0];
}

static struct node *foreign_node(struct ring *r, uint8_t flags)
{
	struct reload_id id = id_at(0x33);
	return node_new_of(r->net, &(struct reload_sim_cert_form){ .flags = flags,
					   .user = "somebody@" RELOAD_SIM_OVERLAY,
					   .overlay = RELOAD_SIM_OVERLAY,
					   .nodes = &id,
					   .nodes_count = 1 });
}

/* R-7.4.2.2-04 R-13.2-02: the signature of a value is worth what the chain of its signer's certificate is worth */
static void chain_of_a_value(void **state)
{
	struct ring *r = *state;
	struct node *good = foreign_node(r, 0), *foreign = foreign_node(r, RELOAD_SIM_CERT_FOREIGN);
	struct reload_stored_data value = store_of(foreign, K_VALUE, "value", 0)->data;
	assert_int_equal(
		brought(r, foreign, &value, foreign->credentials.cert), RELOAD_CERT_UNTRUSTED);
	/* nor is it known from then on */
	assert_int_equal(
		brought(r, foreign, &value, foreign->credentials.cert), RELOAD_CERT_UNTRUSTED);
	assert_int_equal(brought(r, foreign, &value, NULL), RELOAD_NO_SIGNER);
	value = store_of(good, K_VALUE, "value", 0)->data;
	assert_int_equal(brought(r, good, &value, good->credentials.cert), RELOAD_OK);
	assert_int_equal(brought(r, good, &value, NULL), RELOAD_OK);
}

/* R-7.4.1.1-10: and so is that of a value that is to be stored */
static void chain_of_a_stored_value(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_VALUE);
	struct reload_sim_cert_form form = { .flags = RELOAD_SIM_CERT_FOREIGN,
		.user = s->credentials.cert->user,
		.overlay = RELOAD_SIM_OVERLAY,
		.nodes = &s->id,
		.nodes_count = 1 };
	struct node *twin = node_new_of(r->net, &form); /* the same names, of another authority */
	struct crafted_store *store = store_of(twin, K_VALUE, "value", 0);
	struct reload_destination to = dest(r->u);
	struct craft ping = craft_ping(s, &to);
	net_link(s, r->u);
	expect_answer(s, tell(&ping, r->u), RELOAD_PING_ANS);
	struct craft c = craft_store(s, r->u, store);
	c.certificate = twin->credentials.cert;
	expect_error(s, tell(&c, r->u), 2);
	store = store_of(s, K_VALUE, "value", 0);
	c = craft_store(s, r->u, store);
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
}

/* A signature that was good once is good for what it was made over: the resource, the Kind, the time and the value. */
static void verified_is_what_was_signed(void **state)
{
	struct ring *r = *state;
	struct node *owner = foreign_node(r, 0);
	struct reload_stored_data good = store_of(owner, K_VALUE, "value", 0)->data, other = good;
	assert_int_equal(brought(r, owner, &good, owner->credentials.cert), RELOAD_OK);
	other.value.value = span_str("VALUE");
	assert_int_equal(brought(r, owner, &other, NULL), RELOAD_BAD_SIGNATURE);
	other = good;
	other.storage_time++;
	assert_int_equal(brought(r, owner, &other, NULL), RELOAD_BAD_SIGNATURE);
	other = good;
	other.value.exists = false;
	other.value.value = span_of(NULL, 0);
	assert_int_equal(brought(r, owner, &other, NULL), RELOAD_BAD_SIGNATURE);
	other = good; /* at another resource */
	assert_int_equal(brought(r, r->c, &other, NULL), RELOAD_BAD_SIGNATURE);
	assert_int_equal(brought(r, owner, &good, NULL), RELOAD_OK);
}

/* -- sent again ---------------------------------------------------------------------------------------------------------- */

static uint64_t stored_count(struct ring *r)
{
	return r->u->events[RELOAD_EV_STORED];
}

/* R-6.2.1-11: the same transaction of the same originator is one request, whatever its signature looks like */
static void signed_once_more(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_VALUE);
	net_link(s, r->u);
	struct craft first = craft_value(s, r->u, K_VALUE, "first", 0);
	uint64_t before = stored_count(r);
	expect_answer(s, tell(&first, r->u), RELOAD_STORE_ANS);
	r->net->now++;
	/* other contents make another signature, as another random number would */
	struct craft again = craft_value(s, r->u, K_VALUE, "again", 0);
	again.h.transaction_id = first.h.transaction_id;
	expect_answer(s, tell(&again, r->u), RELOAD_STORE_ANS);
	assert_int_equal(stored_count(r), before + 1);
	/* somebody else may have drawn the number as well */
	struct craft ping = craft_ping(r->a, &first.to[0]);
	ping.h.transaction_id = first.h.transaction_id;
	expect_answer(r->a, tell(&ping, r->u), RELOAD_PING_ANS);
}

/* Who cannot sign for the originator does not keep its request out. */
static void forged_before(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_VALUE);
	net_link(s, r->u);
	struct craft c = craft_value(s, r->u, K_VALUE, "value", 0), forged = c;
	forged.bad_signature = true;
	expect_silence(s, tell(&forged, r->u));
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
}

/* -- too large ------------------------------------------------------------------------------------------------------------ */

enum {
	LARGE = 1000000,
	LARGE_COUNT = 18
};

static struct net *large_net(void)
{
	struct net *net = net_new();
	struct net_document d = net_document(net);
	struct reload_kind kind = *reload_config_kind(net->config, K_DICT);
	kind.max_size = LARGE;
	kind.max_count = LARGE_COUNT;
	char *element = reload_kind_element(&kind);
	const char *elements[] = { element };
	d.draft.kind_elements = elements;
	d.draft.kind_elements_count = 1;
	d.draft.max_message_size = 2 * LARGE;
	net_configure(net, &d);
	free(element);
	return net;
}

/* HDR-06: this node holds more than fits a message, and asks itself for all of it */
static void own_answer_too_large(void **state)
{
	(void)state;
	struct net *net = large_net();
	struct node *u = node_new(net, 0x80);
	u->storage_bytes = 64 * 1024 * 1024;
	node_first(u);
	uint8_t *bytes = reload_arena_take(&net->arena, LARGE);
	struct reload_id resource;
	reload_peer_resource_id(u->peer, &resource, span_str(u->credentials.cert->user));
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	for (uint8_t i = 0; i < LARGE_COUNT; i++) {
		struct outcome *o = outcome_new(net);
		struct reload_store_item item = { .kind = K_DICT,
			.lifetime_s = 3600,
			.value = { .exists = true,
				.key = span_of(&i, 1),
				.value = span_of(bytes, LARGE) } };
		assert_non_null(reload_peer_store(
			u->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
		net_settle(net);
		assert_int_equal(o->err, RELOAD_OK);
	}
	struct outcome *o = outcome_new(net);
	struct reload_specifier spec = { .kind = K_DICT };
	assert_non_null(
		reload_peer_fetch(u->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	net_settle(net);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_RESPONSE_TOO_LARGE);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(chain_of_a_value),
		ring_test(chain_of_a_stored_value),
		ring_test(verified_is_what_was_signed),
		ring_test(signed_once_more),
		ring_test(forged_before),
		cmocka_unit_test(own_answer_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
