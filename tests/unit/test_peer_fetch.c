/* What a node makes of the answers to its Fetches (RFC 6940 s7.4.2). */
#include "engine_expect.h"

/* A Fetch of u to b's place is answered by the test. */
static struct outcome *asked(struct ring *r, struct node *owner, struct reload_msg **request)
{
	struct outcome *o = outcome_new(r->net);
	struct reload_id resource;
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = K_VALUE };
	enum reload_err err;
	reload_peer_resource_id(r->u->peer, &resource, span_str(owner->credentials.cert->user));
	assert_non_null(
		reload_peer_fetch(r->u->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	net_settle(r->net);
	*request = heard_code(r->b, RELOAD_FETCH_REQ);
	assert_non_null(*request);
	return o;
}

static void tell_values(
	struct ring *r, struct reload_msg *request, struct reload_stored_data *values, size_t count)
{
	struct reload_fetch_kind_response k = {
		.kind = K_VALUE, .generation = 1, .values = values, .values_count = count
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct craft c = reply(r->b, request, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
}

static void values_are_checked(void **state)
{
	struct ring *r = *state;
	struct node *owner = node_new(r->net, 0x33), *other = node_new(r->net, 0x44);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(owner, &to);
	struct reload_msg *request;
	tell(&c, r->u); /* their certificates are known */
	c = craft_ping(other, &to);
	tell(&c, r->u);
	struct reload_stored_data values[5];
	values[0] = store_of(owner, K_VALUE, "good", 0)->data;
	values[1] = store_of(owner, K_VALUE, "changed", 0)->data;
	values[1].value.value = span_str("CHANGED");
	struct crafted_store *theirs = store_of(owner, K_VALUE, "somebody else's", 0);
	store_sign(theirs, other);
	values[2] = theirs->data;
	values[3] = store_of(owner, K_VALUE, "nobody's", 0)->data;
	values[3].signature =
		(struct reload_signature){ .identity = { .type = RELOAD_IDENTITY_NONE } };
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	values[4] = reload_stored_synthetic(&place);
	static const enum reload_err errs[] = { RELOAD_OK, RELOAD_BAD_SIGNATURE, RELOAD_FORBIDDEN,
		RELOAD_BAD_SIGNATURE /* a value must not come from nobody */, RELOAD_OK };
	struct outcome *o;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		o = asked(r, owner, &request);
		tell_values(r, request, &values[i], 1);
		assert_int_equal(o->calls, 1);
		assert_int_equal(o->values_count, 1);
		/* R-7.4.2.2-05 */
		assert_int_equal(o->value_errs[0], errs[i]);
		assert_int_equal(o->synthetic[0], i >= 3);
		if (!i)
			assert_string_equal(o->value, "good");
	}
	/* the same values again cost no verification */
	uint64_t hits = counted(r->u, RELOAD_COUNT_CACHE_HITS);
	o = asked(r, owner, &request);
	tell_values(r, request, &values[0], 1);
	assert_int_equal(o->value_errs[0], RELOAD_OK);
	assert_true(counted(r->u, RELOAD_COUNT_CACHE_HITS) > hits);
}

static void expired_signer(void **state)
{
	struct ring *r = *state;
	struct reload_id id = id_at(0x33);
	struct node *owner = node_new_of(
		r->net, &(struct reload_sim_cert_form){ .user = "short@" RELOAD_SIM_OVERLAY,
				.overlay = RELOAD_SIM_OVERLAY,
				.nodes = &id,
				.nodes_count = 1,
				.not_before = RELOAD_SIM_EPOCH - 1000,
				.not_after = RELOAD_SIM_EPOCH + 60000 });
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(owner, &to);
	struct reload_msg *request;
	expect_answer(owner, tell(&c, r->u), RELOAD_PING_ANS);
	struct reload_stored_data value = store_of(owner, K_VALUE, "value", 0)->data;
	struct outcome *o = asked(r, owner, &request);
	tell_values(r, request, &value, 1);
	assert_int_equal(o->value_errs[0], RELOAD_OK);
	r->net->now += 70000;
	o = asked(r, owner, &request);
	tell_values(r, request, &value, 1);
	/* R-5.1-02 R-7.1-03 R-7.1-04: verified before, but its signer has expired meanwhile */
	assert_int_equal(o->calls, 1);
	assert_int_not_equal(o->value_errs[0], RELOAD_OK);
}

static void rolled_back(void **state)
{
	struct ring *r = *state;
	struct node *owner = node_new(r->net, 0x33);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(owner, &to);
	struct reload_msg *request;
	tell(&c, r->u);
	struct crafted_store *old = store_of(owner, K_VALUE, "old", 0),
			     *new = store_of(owner, K_VALUE, "new", 0);
	new->data.storage_time += 1000;
	store_sign(new, owner);
	struct outcome *o = asked(r, owner, &request);
	tell_values(r, request, &new->data, 1);
	assert_false(o->rolled_back);
	o = asked(r, owner, &request);
	tell_values(r, request, &old->data, 1);
	/* R-13.5-06: older than what was fetched before; told, and left to the caller */
	assert_true(o->rolled_back);
	assert_int_equal(o->value_errs[0], RELOAD_OK);
	assert_int_equal(r->u->events[RELOAD_EV_ROLLBACK], 1);
	o = asked(r, owner, &request);
	tell_values(r, request, &new->data, 1);
	assert_false(o->rolled_back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(values_are_checked),
		ring_test(expired_signer),
		ring_test(rolled_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
