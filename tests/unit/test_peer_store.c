/* Stored data through the engine: requests of its own, those of others, replicas, certificates (RFC 6940 s7.4, s8). */
#include "engine_expect.h"

/* -- as storer ---------------------------------------------------------------------------------------------------------- */

static void stores_and_answers(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	struct craft c = craft_store(s, r->u, store);
	struct reload_msg *m = expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	/* R-7.4.1.2-01: per Kind the counter and the peers that get replicas */
	assert_int_equal(m->body.store_ans.kind_responses_count, 1);
	assert_int_equal(m->body.store_ans.kind_responses[0].kind, K_NODE);
	assert_int_equal(m->body.store_ans.kind_responses[0].generation_counter, 1);
	assert_int_equal(m->body.store_ans.kind_responses[0].replicas_count, 2);
	assert_true(reload_id_eq(&m->body.store_ans.kind_responses[0].replicas[0], &r->b->id));
	assert_true(reload_id_eq(&m->body.store_ans.kind_responses[0].replicas[1], &r->a->id));
	/* R-10.4-01 R-7.4.1.1-03: a Store to each successor, numbers from 1 */
	struct node *const successors[] = { r->b, r->a };
	for (uint8_t i = 0; i < 2; i++) {
		m = heard_code(successors[i], RELOAD_STORE_REQ);
		assert_non_null(m);
		assert_int_equal(m->body.store_req.replica_number, i + 1);
		assert_true(span_eq(m->body.store_req.resource, reload_id_span(&store->resource)));
		/* R-7.4.1.1-14 */
		assert_int_equal(m->body.store_req.kind_data[0].generation_counter, 1);
		struct reload_stored_data *d = &m->body.store_req.kind_data[0].values[0];
		text_is(d->value.value, "value");
		assert_true(d->storage_time == store->data.storage_time);
		assert_true(span_eq(d->signature.value, store->data.signature.value));
	}
	forget(r->a);
	forget(r->b);
	net_pass(r->net, 1000);
	store = store_of(s, K_NODE, "next", 5);
	c = craft_store(s, r->u, store);
	m = heard(s, tell(&c, r->u));
	assert_int_equal(m->code, RELOAD_ERROR);
	assert_int_equal(m->body.error.error_code, 5);
	struct wire_ctx ctx = net_ctx(r->net);
	struct reload_store_ans ans;
	ctx.arena = &r->net->arena;
	/* the counters are told; nothing was stored and nothing went to replicas */
	assert_int_equal(
		reload_wire_decode(m->body.error.error_info, &reload_store_ans_wire, &ctx, &ans),
		RELOAD_OK);
	assert_int_equal(ans.kind_responses[0].generation_counter, 1);
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	store = store_of(s, K_NODE, "older", 0);
	store->data.storage_time -= 5000;
	store_sign(store, s);
	c = craft_store(s, r->u, store);
	expect_error(s, tell(&c, r->u), 9);
}

static void refused_at_the_storer(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct reload_status before, after;
	net_link(s, r->u);
	reload_peer_status(r->u->peer, &before);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	((uint8_t *)store->data.signature.value.at)[0] ^= 1;
	struct craft c = craft_store(s, r->u, store);
	/* R-7.4.1.1-07: the value's signature, the message's is good */
	expect_error(s, tell(&c, r->u), 2);
	struct node *thief = node_new(r->net, 0x21); /* the last on the ring from there */
	store = store_of(s, K_NODE, "value", 0);
	store_sign(store, thief);
	c = craft_store(thief, r->u, store);
	expect_error(thief, tell(&c, r->u), 2); /* access control */
	store = store_of(s, K_NODE, "value", 0);
	store->req.replica_number = 1;
	store->kind.generation_counter = 1;
	c = craft_store(thief, r->u, store);
	struct reload_msg *m = heard(thief, tell(&c, r->u));
	/* R-7.4.1.1-10 R-10.4-02: a replica from a node that is not in the replica set */
	assert_int_equal(m->code, RELOAD_ERROR);
	assert_int_equal(m->body.error.error_code, 2);
	reload_peer_status(r->u->peer, &after);
	assert_int_equal(after.values, before.values);
	c = craft_raw(s, RELOAD_STORE_REQ,
		span_of("\x03"
			"abc\0\0\0\0\0",
			9),
		&c.to[0]);
	expect_error(s, tell(&c, r->u), 20); /* a Resource-ID of another length */
}

static void replica(void **state)
{
	struct ring *r = *state;
	/* a's range is (c0.., 20..]; u is its first successor */
	/* the value's signer is not the message's: its certificate must come along, here it is known */
	struct node *s = node_storing_in(r->u, &r->b->id, &r->a->id);
	struct crafted_store *store = store_of(s, K_NODE, "copy", 1);
	store->req.replica_number = 1;
	struct craft c = craft_store(r->a, r->u, store);
	struct reload_status before, after;
	reload_peer_status(r->u->peer, &before);
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_STORE_ANS);
	reload_peer_status(r->u->peer, &after);
	/* R-10.4-03 */
	assert_int_equal(after.values, before.values + 1);
	assert_int_equal(m->body.store_ans.kind_responses[0].replicas_count, 0);
	/* R-10.4-04: and goes no further */
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	/* STO-20: a replica that reaches the owner goes further, but its sender is told of no replicas */
	struct node *own = node_storing(r->net, r->u, K_NODE);
	struct crafted_store *home = store_of(own, K_NODE, "home", 5);
	home->req.replica_number = 1;
	struct craft back = craft_store(r->b, r->u, home);
	struct reload_destination to = dest(r->u);
	struct craft ping = craft_ping(own, &to);
	expect_answer(own, tell(&ping, r->u), RELOAD_PING_ANS);
	m = expect_answer(r->b, tell(&back, r->u), RELOAD_STORE_ANS);
	assert_int_equal(m->body.store_ans.kind_responses[0].replicas_count, 0);
	assert_non_null(heard_code(r->b, RELOAD_STORE_REQ));
	/* an original for a place that is not u's */
	store->req.replica_number = 0;
	c = craft_store(s, r->u, store);
	m = heard(s, tell(&c, r->u));
	assert_int_equal(m->code, RELOAD_ERROR);
}

/* The answer of b to the replica Store that u owes it. */
static void newer_elsewhere(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "mine", 0), *newer, *forged;
	struct craft c = craft_store(s, r->u, store);
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	struct reload_msg *m = heard_code(r->b, RELOAD_STORE_REQ);
	c = craft_error(r->b, m, 9);
	tell(&c, r->u);
	m = heard_code(r->b, RELOAD_FETCH_REQ);
	/* R-7.4.1.1-22: the newer data is fetched from who has it */
	assert_non_null(m);
	list_is(m->header.destination_list, LIST(&r->b->id), r->net);
	assert_true(span_eq(m->body.fetch_req.resource, reload_id_span(&store->resource)));
	newer = store_of(s, K_NODE, "newer", 0);
	newer->data.storage_time += 1000;
	store_sign(newer, s);
	forged = store_of(s, K_NODE, "forged", 0);
	forged->data.storage_time += 5000; /* and not signed again */
	struct reload_fetch_kind_response k = {
		.kind = K_NODE, .generation = 40, .values = &newer->data, .values_count = 1
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	c = reply(r->b, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	struct outcome *o = outcome_new(r->net);
	struct reload_destination to = reload_dest_resource(&store->resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = K_NODE };
	enum reload_err err;
	assert_non_null(reload_peer_fetch(
		r->u->peer, &target, &store->resource, &spec, 1, outcome_fn, o, &err));
	net_settle(r->net);
	/* R-7.4.1.1-22 R-7.4.1.1-23: and takes the place of the own */
	assert_int_equal(o->err, RELOAD_OK);
	assert_string_equal(o->value, "newer");
	/* the counter too, which the Stores missed here have raised, and one step more: the data need not be the same */
	assert_int_equal(o->generation, 41);
	/* a's replica is brought up to date; its answer "too old" leads to no loop, what it did not sign well counts for nothing */
	heard_code(r->a, RELOAD_STORE_REQ);
	m = heard_code(r->a, RELOAD_STORE_REQ);
	assert_non_null(m);
	text_is(m->body.store_req.kind_data[0].values[0].value.value, "newer");
	c = craft_error(r->a, m, 9);
	tell(&c, r->u);
	m = heard_code(r->a, RELOAD_FETCH_REQ);
	k.values = &forged->data;
	c = reply(r->a, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	assert_null(heard_code(r->a, RELOAD_STORE_REQ));
	assert_null(heard_code(r->a, RELOAD_FETCH_REQ));
}

/* -- two engines --------------------------------------------------------------------------------------------------------------- */

struct pair {
	struct net *net;
	struct node *one, *two;
	struct reload_id resource; /* of one's user name */
	struct reload_destination to;
};

static int pair_setup(void **state)
{
	struct pair *p = RELOAD_NEW(pair);
	p->net = net_new();
	p->one = node_new(p->net, 0x10);
	p->two = node_new(p->net, 0x90);
	node_first(p->one);
	node_join(p->two, p->one, RELOAD_ROLE_PEER);
	reload_peer_resource_id(
		p->one->peer, &p->resource, span_str(p->one->credentials.cert->user));
	p->to = reload_dest_resource(&p->resource);
	*state = p;
	return 0;
}

static int pair_teardown(void **state)
{
	struct pair *p = *state;
	net_free(p->net);
	free(p);
	return 0;
}

#define pair_test(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

static struct outcome *put(
	struct pair *p, struct node *by, const struct reload_store_item *items, size_t count)
{
	struct outcome *o = outcome_new(p->net);
	struct reload_request_target target = { .list = &p->to, .count = 1 };
	enum reload_err err;
	if (!reload_peer_store(by->peer, &target, &p->resource, items, count, outcome_fn, o, &err))
		fail_msg("%s", reload_err_text(err));
	net_pass(p->net, 100);
	assert_int_equal(o->calls, 1);
	return o;
}

static struct outcome *get(
	struct pair *p, struct node *by, const struct reload_specifier *specs, size_t count)
{
	struct outcome *o = outcome_new(p->net);
	struct reload_request_target target = { .list = &p->to, .count = 1 };
	enum reload_err err;
	if (!reload_peer_fetch(by->peer, &target, &p->resource, specs, count, outcome_fn, o, &err))
		fail_msg("%s", reload_err_text(err));
	net_pass(p->net, 100);
	assert_int_equal(o->calls, 1);
	return o;
}

static struct reload_store_item single(const char *words)
{
	return (struct reload_store_item){ .kind = K_VALUE,
		.lifetime_s = 3600,
		.value = { .exists = true, .value = span_str(words) } };
}

static void there_and_back(void **state)
{
	struct pair *p = *state;
	struct reload_store_item item = single("hello");
	struct reload_specifier spec = { .kind = K_VALUE };
	uint64_t before = host_wall(p->one);
	struct outcome *o = put(p, p->one, &item, 1);
	uint64_t after = host_wall(p->one);
	assert_int_equal(o->err, RELOAD_OK);
	uint64_t generation = o->generation;
	assert_true(generation > 0);
	struct node *const readers[] = { p->one, p->two };
	for (size_t i = 0; i < 2; i++) {
		o = get(p, readers[i], &spec, 1);
		assert_int_equal(o->err, RELOAD_OK);
		assert_int_equal(o->values_count, 1);
		/* R-7.4.2.2-04 R-6.3.4-06 R-13.2-02 R-13.5-01: its writer signed it; verified, and the signer is told */
		assert_int_equal(o->value_errs[0], RELOAD_OK);
		assert_string_equal(o->value, "hello");
		/* R-7-03: the storage time is that of the host's clock */
		assert_in_range(o->storage_time, before, after);
		assert_true(reload_id_eq(&o->value_signer, &p->one->id));
		assert_int_equal(o->generation, generation);
	}
	/* without a pause between them the storage times still grow */
	item = single("again");
	struct outcome *first = outcome_new(p->net), *second = outcome_new(p->net);
	struct reload_request_target target = { .list = &p->to, .count = 1 };
	enum reload_err err;
	struct reload_store_item next = single("and again");
	assert_non_null(reload_peer_store(
		p->one->peer, &target, &p->resource, &item, 1, outcome_fn, first, &err));
	assert_non_null(reload_peer_store(
		p->one->peer, &target, &p->resource, &next, 1, outcome_fn, second, &err));
	net_pass(p->net, 100);
	/* R-13.5-04: the second is newer, or the storer would refuse it as too old */
	assert_int_equal(first->err, RELOAD_OK);
	assert_int_equal(second->err, RELOAD_OK);
	o = get(p, p->two, &spec, 1);
	assert_string_equal(o->value, "and again");
}

static void only_its_own(void **state)
{
	struct pair *p = *state;
	struct reload_store_item item = single("not mine");
	struct outcome *o = put(p, p->two, &item, 1);
	assert_int_equal(o->err, RELOAD_FORBIDDEN);
	assert_int_equal(o->result.overlay_code, 2);
	item = single("mine");
	item.kind = K_ABROAD;
	struct reload_request_target target = { .list = &p->to, .count = 1 };
	enum reload_err err;
	assert_null(reload_peer_store(
		p->one->peer, &target, &p->resource, &item, 1, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_UNKNOWN_KIND);
	item = single("mine");
	item.generation = 77; /* nothing is there yet */
	o = put(p, p->one, &item, 1);
	assert_int_equal(o->err, RELOAD_GENERATION_TOO_LOW);
	item.generation = 0;
	assert_int_equal(put(p, p->one, &item, 1)->err, RELOAD_OK);
	item.generation = 1;
	assert_int_equal(put(p, p->one, &item, 1)->err, RELOAD_OK);
	assert_int_equal(put(p, p->one, &item, 1)->err, RELOAD_GENERATION_TOO_LOW);
}

static void several_kinds_and_values(void **state)
{
	struct pair *p = *state;
	struct reload_store_item items[4];
	for (int i = 0; i < 3; i++)
		items[i] = (struct reload_store_item){ .kind = K_DICT,
			.lifetime_s = 3600,
			.value = { .exists = true,
				.key = span_of("abc" + i, 1),
				.value = span_str("in the dictionary") } };
	items[3] = single("alone");
	struct outcome *o = put(p, p->one, items, 4);
	/* R-5.1-01: several Kinds at one Resource-ID, several values of a Kind */
	assert_int_equal(o->err, RELOAD_OK);
	struct reload_specifier specs[] = { { .kind = K_DICT }, { .kind = K_VALUE } };
	o = get(p, p->two, specs, 2);
	assert_int_equal(o->values_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(o->value_errs[i], RELOAD_OK);
	struct reload_vec16_bytes keys[] = { { span_str("b") }, { span_str("zz") } };
	specs[0].keys = keys;
	specs[0].keys_count = 2;
	o = get(p, p->two, specs, 1);
	assert_int_equal(o->err, RELOAD_OK);
	assert_int_equal(o->value_errs[0], RELOAD_OK);
	/* a key that is not there is told by a value of nobody */
	for (size_t i = 1; i < o->values_count; i++)
		assert_true(o->synthetic[i]);
	/* Stat and Find over the same way */
	struct outcome *stat = outcome_new(p->net), *find = outcome_new(p->net);
	struct reload_request_target target = { .list = &p->to, .count = 1 };
	enum reload_err err;
	uint32_t kinds[] = { K_VALUE, K_DICT, RELOAD_KIND_CERT_BY_USER };
	assert_non_null(reload_peer_stat(
		p->two->peer, &target, &p->resource, &specs[1], 1, outcome_fn, stat, &err));
	assert_non_null(reload_peer_find(
		p->two->peer, &target, &p->resource, kinds, 3, outcome_fn, find, &err));
	net_pass(p->net, 100);
	assert_int_equal(stat->err, RELOAD_OK);
	assert_int_equal(find->err, RELOAD_OK);
	kinds[1] = K_VALUE;
	/* R-7.4.4-01: a Kind twice is not even sent */
	assert_null(reload_peer_find(
		p->two->peer, &target, &p->resource, kinds, 3, outcome_fn, find, &err));
	assert_int_equal(err, RELOAD_USAGE);
	struct reload_array_range overlap[] = { { 0, 5 }, { 5, 9 } };
	struct reload_specifier bad = {
		.kind = RELOAD_KIND_CERT_BY_USER, .ranges = overlap, .ranges_count = 2
	};
	/* R-7.4.2.1-06 */
	assert_null(reload_peer_fetch(
		p->two->peer, &target, &p->resource, &bad, 1, outcome_fn, find, &err));
	assert_int_equal(err, RELOAD_USAGE);
}

static void replicas_can_be_looked_at(void **state)
{
	struct pair *p = *state;
	struct reload_store_item item = single("here and there");
	struct reload_specifier spec = { .kind = K_VALUE };
	struct node *const nodes[] = { p->one, p->two };
	uint8_t hashes[2][32];
	assert_int_equal(put(p, p->one, &item, 1)->err, RELOAD_OK);
	for (size_t i = 0; i < 2; i++) {
		struct reload_destination to = dest(nodes[i]);
		struct reload_stat_ans stat;
		struct reload_fetch_req req = { .resource = reload_id_span(&p->resource),
			.specifiers = &spec,
			.specifiers_count = 1 };
		struct node *asker = node_new(p->net, (uint8_t)(0xe0 + i));
		spec.model = RELOAD_MODEL_SINGLE;
		struct craft c = craft(asker, RELOAD_STAT_REQ, &req, &to);
		struct reload_msg *m = expect_answer(asker, tell(&c, nodes[i]), RELOAD_STAT_ANS);
		stat = m->body.stat_ans;
		/* R-7.4.1.2-02 R-10.4-01: the owner and its successor hold the same */
		assert_int_equal(stat.kind_responses[0].values_count, 1);
		assert_true(stat.kind_responses[0].values[0].metadata.exists);
		assert_int_equal(stat.kind_responses[0].values[0].metadata.hash_value.len, 32);
		memcpy(hashes[i], stat.kind_responses[0].values[0].metadata.hash_value.at, 32);
	}
	assert_memory_equal(hashes[0], hashes[1], 32);
}

static void answers_keep_to_the_limit(void **state)
{
	struct pair *p = *state;
	static char words[1900];
	struct reload_store_item items[5];
	memset(words, 'x', sizeof(words) - 1);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5; i++)
			items[i] = (struct reload_store_item){ .kind = K_DICT,
				.lifetime_s = 3600,
				.value = { .exists = true,
					.key = span_of("0123456789" + 5 * round + i, 1),
					.value = span_str(words) } };
		assert_int_equal(put(p, p->one, items, 5)->err, RELOAD_OK);
	}
	/* ten values of 1900 bytes do not fit max-message-size, though each half does: the link would be closed */
	struct reload_specifier spec = { .kind = K_DICT };
	struct node *reader =
		reload_id_between(&p->two->id, &p->resource, &p->one->id) ? p->two : p->one;
	struct outcome *o = get(p, reader, &spec, 1);
	assert_int_equal(o->err, RELOAD_RESPONSE_TOO_LARGE);
	assert_int_equal(o->result.overlay_code, 14);
}

/* -- certificates ------------------------------------------------------------------------------------------------------------------ */

static void certificates_are_stored(void **state)
{
	struct pair *p = *state;
	struct node *const nodes[] = { p->one, p->two };
	for (size_t i = 0; i < 2; i++) {
		const struct reload_cert *cert = nodes[i]->credentials.cert;
		struct reload_array_range all = { 0, RELOAD_ARRAY_END };
		static const uint32_t kinds[] = { RELOAD_KIND_CERT_BY_USER,
			RELOAD_KIND_CERT_BY_NODE };
		for (size_t k = 0; k < 2; k++) {
			struct reload_specifier spec = {
				.kind = kinds[k], .ranges = &all, .ranges_count = 1
			};
			reload_peer_resource_id(p->one->peer, &p->resource,
				k ? reload_id_span(&nodes[i]->id) : span_str(cert->user));
			p->to = reload_dest_resource(&p->resource);
			struct outcome *o = get(p, nodes[!i], &spec, 1);
			/* R-8-01 R-8-02: under the user name and under the Node-ID, once */
			assert_int_equal(o->err, RELOAD_OK);
			assert_int_equal(o->values_count, 1);
			assert_int_equal(o->value_errs[0], RELOAD_OK);
			assert_memory_equal(o->value, cert->der.at, 4);
			assert_true(reload_id_eq(&o->value_signer, &nodes[i]->id));
		}
		assert_int_equal(nodes[i]->events[RELOAD_EV_CERTIFICATE_STORED], 2);
	}
}

/* -- expiry ---------------------------------------------------------------------------------------------------------------------------- */

static void values_expire(void **state)
{
	struct pair *p = *state;
	struct reload_store_item item = single("short");
	struct reload_specifier spec = { .kind = K_VALUE };
	item.lifetime_s = 10;
	assert_int_equal(put(p, p->one, &item, 1)->err, RELOAD_OK);
	struct reload_status before, after;
	reload_peer_status(p->one->peer, &before);
	net_pass(p->net, 12000);
	struct outcome *o = get(p, p->two, &spec, 1);
	for (size_t i = 0; i < o->values_count; i++)
		assert_true(o->synthetic[i]);
	net_pass(p->net, 60000);
	reload_peer_status(p->one->peer, &after);
	assert_int_equal(after.values, before.values - 1); /* both held it: replica and original */
}

/* -- fragments through engines ---------------------------------------------------------------------------------------------------------- */

enum {
	PIECE = 900 /* an answer fits in one */
};

static void small_pieces(struct reload_policy *policy)
{
	policy->fragment_size = PIECE;
}

static void fragments(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(small_pieces);
	struct reload_destination to = dest(r->b), here = dest(r->u);
	uint8_t padding[2000] = { 0 };
	struct reload_ping_req ping = { .padding = span_of(padding, sizeof(padding)) };
	struct craft c = craft(r->a, RELOAD_PING_REQ, &ping, &to);
	tell(&c, r->u);
	size_t pieces = 0;
	struct span piece;
	struct wire_ctx ctx = net_ctx(r->net);
	while ((piece = heard_bytes(r->b, c.h.transaction_id)).len) {
		struct reload_header h;
		assert_int_equal(reload_header_read(&h, piece, &ctx), RELOAD_OK);
		/* R-6.7-01 R-6.7-05 R-6.7-06: any node on the way may fragment */
		assert_true(piece.len <= PIECE);
		assert_int_equal(h.length, piece.len);
		list_is(h.via_list, LIST(&r->a->id), r->net);
		pieces++;
	}
	assert_true(pieces > 2);
	/* two pieces towards u, last one first: the destination puts them together */
	c = craft(r->a, RELOAD_PING_REQ, &ping, &here);
	struct span whole = craft_bytes(&c);
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, whole, &ctx), RELOAD_OK);
	size_t head = reload_header_size(&h), half = (whole.len - head) / 2;
	for (int i = 1; i >= 0; i--) {
		struct wr w;
		wr_init(&w);
		struct reload_header f = h;
		size_t len = i ? whole.len - head - half : half;
		f.fragment =
			RELOAD_FRAGMENT_ALWAYS | (i ? RELOAD_FRAGMENT_LAST | (uint32_t)half : 0);
		f.length = (uint32_t)(head + len);
		reload_header_write(&w, &f);
		wr_bytes(&w, whole.at + head + (i ? half : 0), len);
		say(r->a, r->u, wr_done(&w));
		wr_clear(&w);
	}
	/* R-6.7-07: offsets count from the end of the header */
	expect_answer(r->a, c.h.transaction_id, RELOAD_PING_ANS);
	ring_teardown((void **)&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(stores_and_answers),
		ring_test(refused_at_the_storer),
		ring_test(replica),
		ring_test(newer_elsewhere),
		pair_test(there_and_back),
		pair_test(only_its_own),
		pair_test(several_kinds_and_values),
		pair_test(replicas_can_be_looked_at),
		pair_test(answers_keep_to_the_limit),
		pair_test(certificates_are_stored),
		pair_test(values_expire),
		cmocka_unit_test(fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
