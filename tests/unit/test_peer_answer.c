/* Answers are judged by their questions: who may answer can tell only of what it was asked for, and of each place once. */
#include "engine_expect.h"

/* What u asks b for, and how it ended. */
struct asking {
	struct outcome *o;
	struct reload_msg *request;
};

static struct asking sent(struct ring *r, struct outcome *o, uint16_t code)
{
	net_settle(r->net);
	struct asking a = { o, heard_code(r->b, code) };
	assert_non_null(a.request);
	assert_int_equal(o->calls, 0);
	return a;
}

static struct asking ask(struct ring *r, uint16_t code, const struct reload_specifier *spec)
{
	struct outcome *o = outcome_new(r->net);
	struct reload_id resource;
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	reload_peer_resource_id(r->u->peer, &resource, span_str(r->c->credentials.cert->user));
	if (code == RELOAD_FETCH_REQ)
		assert_non_null(reload_peer_fetch(
			r->u->peer, &target, &resource, spec, 1, outcome_fn, o, &err));
	else if (code == RELOAD_STAT_REQ)
		assert_non_null(reload_peer_stat(
			r->u->peer, &target, &resource, spec, 1, outcome_fn, o, &err));
	else
		assert_non_null(reload_peer_find(
			r->u->peer, &target, &resource, &spec->kind, 1, outcome_fn, o, &err));
	return sent(r, o, code);
}

static void answer(struct ring *r, const struct asking *a, const void *body)
{
	struct craft c = reply(r->b, a->request, a->request->code + 1, body);
	tell(&c, r->u);
	assert_int_equal(a->o->calls, 1);
}

/* R-7.4.2.2-04: nothing of it is shown, and no signature of it is looked at */
static void expect_unfit(struct ring *r, const struct asking *a, const void *body)
{
	r->net->hold_jobs = true;
	struct craft c = reply(r->b, a->request, a->request->code + 1, body);
	tell(&c, r->u);
	assert_int_equal(r->net->jobs_count, 1);
	r->net->hold_jobs = false;
	net_settle(r->net);
	assert_int_equal(a->o->calls, 1);
	assert_int_equal(a->o->err, RELOAD_BAD_ANSWER);
	assert_int_equal(a->o->values_count, 0);
}

static void know(struct ring *r, struct node *n)
{
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(n, &to);
	tell(&c, r->u);
}

/* A good value of c with that key. */
static struct reload_stored_data keyed(struct ring *r, const char *key)
{
	struct crafted_store *s = store_of(r->c, K_DICT, key, 0);
	s->data.value.key = span_str(key);
	store_sign(s, r->c);
	return s->data;
}

static struct asking ask_keys(struct ring *r, uint16_t code, size_t count)
{
	static struct reload_vec16_bytes keys[] = { { { (const uint8_t *)"one", 3 } },
		{ { (const uint8_t *)"two", 3 } } };
	const struct reload_specifier spec = { .kind = K_DICT, .keys = keys, .keys_count = count };
	return ask(r, code, &spec);
}

static void other_keys(void **state)
{
	struct ring *r = *state;
	know(r, r->c);
	struct reload_stored_data values[] = { keyed(r, "two"), keyed(r, "one"),
		keyed(r, "three") };
	struct reload_fetch_kind_response k = { .kind = K_DICT, .generation = 1, .values = values };
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	k.values_count = 2;
	struct asking a = ask_keys(r, RELOAD_FETCH_REQ, 2);
	answer(r, &a, &ans);
	assert_int_equal(a.o->err, RELOAD_OK);
	assert_int_equal(a.o->values_count, 2);
	assert_int_equal(a.o->value_errs[0], RELOAD_OK);
	/* another key, well signed */
	k.values_count = 3;
	a = ask_keys(r, RELOAD_FETCH_REQ, 2);
	expect_unfit(r, &a, &ans);
	/* the whole dictionary */
	a = ask_keys(r, RELOAD_FETCH_REQ, 0);
	answer(r, &a, &ans);
	assert_int_equal(a.o->values_count, 3);
	/* of it one twice */
	values[2] = values[0];
	a = ask_keys(r, RELOAD_FETCH_REQ, 0);
	expect_unfit(r, &a, &ans);
}

/* R-7.4.2.2-06: of values that are not good the others are of use */
static void some_are_good(void **state)
{
	struct ring *r = *state;
	know(r, r->c);
	struct reload_stored_data values[] = { keyed(r, "one"), keyed(r, "two") };
	values[1].storage_time++;
	struct reload_fetch_kind_response k = {
		.kind = K_DICT, .generation = 1, .values = values, .values_count = 2
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct asking a = ask_keys(r, RELOAD_FETCH_REQ, 2);
	answer(r, &a, &ans);
	assert_int_equal(a.o->values_count, 2);
	assert_int_equal(a.o->value_errs[0], RELOAD_OK);
	assert_int_equal(a.o->value_errs[1], RELOAD_BAD_SIGNATURE);
}

static void several_of_a_single(void **state)
{
	struct ring *r = *state;
	know(r, r->c);
	const struct reload_specifier spec = { .kind = K_VALUE };
	struct reload_stored_data values[] = { store_of(r->c, K_VALUE, "first", 0)->data,
		store_of(r->c, K_VALUE, "second", 0)->data };
	struct reload_fetch_kind_response k = {
		.kind = K_VALUE, .generation = 1, .values = values, .values_count = 2
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct asking a = ask(r, RELOAD_FETCH_REQ, &spec);
	expect_unfit(r, &a, &ans);
}

/* R-7.4.2.2-01: the Kind that was asked for, once */
static void other_kinds(void **state)
{
	struct ring *r = *state;
	know(r, r->c);
	const struct reload_specifier spec = { .kind = K_VALUE };
	struct reload_stored_data value = store_of(r->c, K_VALUE, "value", 0)->data,
				  other = keyed(r, "one");
	struct reload_fetch_kind_response k[] = {
		{ .kind = K_VALUE, .generation = 1, .values = &value, .values_count = 1 },
		{ .kind = K_DICT, .generation = 1, .values = &other, .values_count = 1 },
	};
	struct reload_fetch_ans ans = { .kind_responses = k, .kind_responses_count = 2 };
	struct asking a = ask(r, RELOAD_FETCH_REQ, &spec);
	expect_unfit(r, &a, &ans);
	k[1] = k[0];
	a = ask(r, RELOAD_FETCH_REQ, &spec);
	expect_unfit(r, &a, &ans);
	k[0] = (struct reload_fetch_kind_response){
		.kind = K_DICT, .generation = 1, .values = &other, .values_count = 1
	};
	ans.kind_responses_count = 1;
	a = ask(r, RELOAD_FETCH_REQ, &spec);
	expect_unfit(r, &a, &ans);
	k[0] = k[1];
	a = ask(r, RELOAD_FETCH_REQ, &spec);
	answer(r, &a, &ans);
	assert_int_equal(a.o->err, RELOAD_OK);
	assert_string_equal(a.o->value, "value");
}

static void statistics(void **state)
{
	struct ring *r = *state;
	struct reload_stored_metadata values[] = {
		{ .model = RELOAD_MODEL_DICTIONARY, .key = span_str("one"), .storage_time = 1 },
		{ .model = RELOAD_MODEL_DICTIONARY, .key = span_str("three"), .storage_time = 1 },
	};
	struct reload_stat_kind_response k = {
		.kind = K_DICT, .generation = 1, .values = values, .values_count = 1
	};
	struct reload_stat_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct asking a = ask_keys(r, RELOAD_STAT_REQ, 2);
	answer(r, &a, &ans);
	assert_int_equal(a.o->err, RELOAD_OK);
	k.values_count = 2;
	a = ask_keys(r, RELOAD_STAT_REQ, 2);
	expect_unfit(r, &a, &ans);
	values[1] = values[0];
	a = ask_keys(r, RELOAD_STAT_REQ, 0);
	expect_unfit(r, &a, &ans);
	struct reload_stat_kind_response other = { .kind = K_VALUE, .generation = 1 };
	ans.kind_responses = &other;
	a = ask_keys(r, RELOAD_STAT_REQ, 0);
	expect_unfit(r, &a, &ans);
}

static void found(void **state)
{
	struct ring *r = *state;
	const struct reload_specifier spec = { .kind = K_VALUE };
	static const uint8_t id[17] = { 1 }, none[16] = { 0 };
	struct reload_find_kind k[] = { { K_VALUE, span_of(id, 16) }, { K_DICT, span_of(id, 16) } };
	struct reload_find_ans ans = { .results = k, .results_count = 1 };
	struct asking a = ask(r, RELOAD_FIND_REQ, &spec);
	answer(r, &a, &ans);
	assert_int_equal(a.o->err, RELOAD_OK);
	k[0].closest = span_of(none, 16);
	a = ask(r, RELOAD_FIND_REQ, &spec);
	answer(r, &a, &ans);
	assert_int_equal(a.o->err, RELOAD_OK);
	k[0].closest = span_of(id, 17); /* what cannot be a Resource-ID here */
	a = ask(r, RELOAD_FIND_REQ, &spec);
	expect_unfit(r, &a, &ans);
	k[0].closest = span_of(id, 16);
	ans.results_count = 2;
	a = ask(r, RELOAD_FIND_REQ, &spec);
	expect_unfit(r, &a, &ans);
}

/* Whoever may not answer cannot end a request either, fit or not. */
static void unfit_of_a_stranger(void **state)
{
	struct ring *r = *state;
	const struct reload_specifier spec = { .kind = K_VALUE };
	struct reload_fetch_kind_response k = { .kind = K_DICT, .generation = 1 };
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	struct asking a = ask(r, RELOAD_FETCH_REQ, &spec);
	struct craft c = reply(r->a, a.request, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	assert_int_equal(a.o->calls, 0);
	k.kind = K_VALUE;
	answer(r, &a, &ans);
	assert_int_equal(a.o->err, RELOAD_OK);
}

/* R-7.4.1.2-01: a StoreAns tells of what was stored */
static void stored(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.lifetime_s = 60,
		.value = { .exists = true, .value = span_str("value") } };
	struct reload_store_kind_response k[] = { { .kind = K_DICT, .generation_counter = 9 },
		{ .kind = K_VALUE, .generation_counter = 1 },
		{ .kind = K_VALUE, .generation_counter = 2 } };
	const struct reload_store_ans answers[] = { { k, 1 }, { k, 2 }, { k + 1, 2 },
		{ k + 1, 1 } };
	struct reload_id resource;
	enum reload_err err;
	reload_peer_resource_id(r->u->peer, &resource, span_str(r->u->credentials.cert->user));
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct outcome *o = outcome_new(r->net);
		assert_non_null(reload_peer_store(
			r->u->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
		struct asking a = sent(r, o, RELOAD_STORE_REQ);
		answer(r, &a, &answers[i]);
		assert_int_equal(o->err, i < 3 ? RELOAD_BAD_ANSWER : RELOAD_OK);
	}
}

/* -- Error_Unknown_Kind ------------------------------------------------------------------------------------------------- */

static struct craft unknown_kinds(
	struct ring *r, const struct asking *a, const uint32_t *kinds, size_t count)
{
	uint8_t *info = reload_arena_take(&r->net->arena, 1 + 4 * count);
	struct wr w = wr_fixed(info, 1 + 4 * count);
	wr_u8(&w, (uint8_t)(4 * count));
	for (size_t i = 0; i < count; i++)
		wr_u32(&w, kinds[i]);
	struct reload_error_response e = { .error_code = 12, .error_info = wr_done(&w) };
	return reply(r->b, a->request, RELOAD_ERROR, &e);
}

/* R-7.4.1.2-09: who does not know a Kind is sent it; of what was not asked for nothing, and nothing twice */
static void kinds_that_were_asked_for(void **state)
{
	struct ring *r = *state;
	const struct reload_specifier spec = { .kind = K_VALUE };
	const uint32_t others[] = { K_DICT, K_NODE, K_ABROAD },
		       some[] = { K_DICT, K_VALUE, K_VALUE, K_NODE };
	struct asking a = ask(r, RELOAD_FETCH_REQ, &spec);
	struct craft c = unknown_kinds(r, &a, others, COUNT_OF(others));
	tell(&c, r->u);
	assert_int_equal(a.o->err, RELOAD_UNKNOWN_KIND);
	assert_null(heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ));
	a = ask(r, RELOAD_FETCH_REQ, &spec);
	c = unknown_kinds(r, &a, some, COUNT_OF(some));
	tell(&c, r->u);
	struct reload_msg *m = heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ);
	assert_non_null(m);
	assert_int_equal(m->body.config_update.kinds_count, 1);
	assert_true(span_eq(m->body.config_update.kinds[0].kind_block,
		reload_config_kind(r->net->config, K_VALUE)->block));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(other_keys),
		ring_test(some_are_good),
		ring_test(several_of_a_single),
		ring_test(other_kinds),
		ring_test(statistics),
		ring_test(found),
		ring_test(unfit_of_a_stranger),
		ring_test(stored),
		ring_test(kinds_that_were_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
