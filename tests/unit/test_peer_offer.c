/* Values on their way to where they belong: what was refused, who leaves, who is no holder any more (RFC 6940 s7.4.1.1, s10.7.3). */
#include "engine_expect.h"

/* R-7.4.1.1-22: what was refused together with an older value goes out again, after the newer one was asked for */
static void refused_goes_out_again(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "mine", 0);
	struct craft c = craft_store(s, r->u, store);
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	struct reload_msg *m = heard_code(r->b, RELOAD_STORE_REQ);
	c = craft_error(r->b, m, 9);
	tell(&c, r->u);
	m = heard_code(r->b, RELOAD_FETCH_REQ);
	assert_non_null(m);
	struct reload_fetch_kind_response k = { .kind = K_NODE, .generation = 1 };
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	c = reply(r->b, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	net_pass(r->net, 2500);
	m = heard_code(r->b, RELOAD_STORE_REQ);
	assert_non_null(m);
	text_is(m->body.store_req.kind_data[0].values[0].value.value, "mine");
}

static size_t fetches_heard(struct node *n, struct reload_msg **last)
{
	struct reload_msg *m;
	size_t count = 0;
	while ((m = heard_code(n, RELOAD_FETCH_REQ))) {
		*last = m;
		count++;
	}
	return count;
}

/* How often u asks who is responsible whether it has what `signer` has just stored as a replica in the range of a. */
static size_t owner_asked(struct ring *r, struct node *signer)
{
	struct reload_msg *m;
	struct node *s = node_storing_in(r->u, &r->b->id, &r->a->id);
	struct crafted_store *store = store_of(s, K_NODE, "copy", 1);
	struct reload_id resource = store->resource;
	size_t asked = 0;
	net_pass(r->net, 10000); /* what u asks because a and b are new is asked */
	forget(r->a);
	store->req.replica_number = 1;
	struct craft c = craft_store(signer, r->u, store);
	expect_answer(signer, tell(&c, r->u), RELOAD_STORE_ANS);
	net_pass(r->net, 6000);
	while ((m = heard_code(r->a, RELOAD_STAT_REQ)))
		asked += span_eq(m->body.fetch_req.resource, reload_id_span(&resource));
	return asked;
}

/*
 * R-6.4.2.3-03: rings have merged and u has compared what it holds with a, the owner.  Then b, which took itself for the owner, stores a
 * replica here; it may be gone before it meets a, which has to have it as well.
 */
static void a_replica_of_another_owner_is_compared(void **state)
{
	struct ring *r = *state;
	assert_int_equal(owner_asked(r, r->b), 1);
}

static void a_replica_of_the_owner_is_not(void **state)
{
	struct ring *r = *state;
	assert_int_equal(owner_asked(r, r->a), 0);
}

/* An implausible replica is refused whatever it brings; the owner asks its sender for it, and that with a limit. */
static void implausible_is_fetched(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE), *far = node_new(r->net, 0x21);
	struct crafted_store *store = store_of(s, K_NODE, "newer", 1);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(s, &to);
	struct reload_msg *m = NULL;
	expect_answer(s, tell(&c, r->u), RELOAD_PING_ANS); /* its certificate is known */
	store->req.replica_number = 1;
	for (int i = 0; i < 20; i++) {
		c = craft_store(far, r->u, store);
		expect_error(far, tell(&c, r->u), 2); /* R-7.4.1.1-05 R-7.4.1.1-10 */
	}
	assert_int_equal(fetches_heard(far, &m), 1); /* one for a resource */
	struct reload_id at = store->resource;
	struct reload_msg *other;
	for (unsigned char i = 1; i <= 20; i++) {
		at.at[15] = store->resource.at[15] ^ i;
		store->req.resource = reload_id_span(&at);
		c = craft_store(far, r->u, store);
		expect_error(far, tell(&c, r->u), 2);
	}
	assert_int_equal(fetches_heard(far, &other), 7); /* HINTS_OF_ONE is 8 */
	store->req.resource = reload_id_span(&store->resource);
	forget(r->a);
	forget(r->b);
	struct reload_fetch_kind_response k = {
		.kind = K_NODE, .generation = 7, .values = &store->data, .values_count = 1
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	c = reply(far, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	/* R-7.4.1.1-23: the owner has it now, and its replicas get it */
	struct node *const successors[] = { r->b, r->a };
	for (size_t i = 0; i < 2; i++) {
		m = heard_code(successors[i], RELOAD_STORE_REQ);
		assert_non_null(m);
		text_is(m->body.store_req.kind_data[0].values[0].value.value, "newer");
	}
	/* what is held already is no news */
	c = craft_store(far, r->u, store);
	expect_error(far, tell(&c, r->u), 2);
	assert_int_equal(fetches_heard(far, &m), 0);
}

/* What far answers to the one Fetch that a refused replica Store of it leads to. */
static void hint(struct node *u, struct node *far, struct crafted_store *store, uint64_t generation)
{
	struct reload_msg *m = NULL;
	struct craft c = craft_store(far, u, store);
	expect_error(far, tell(&c, u), 2);
	assert_int_equal(fetches_heard(far, &m), 1);
	struct reload_fetch_kind_response k = {
		.kind = K_NODE, .generation = generation, .values = &store->data, .values_count = 1
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	c = reply(far, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, u);
}

enum {
	DAY_MS = 86400000 /* LACKING_MS */
};

/* STO-17: of a stranger, the newer version of what is held, however old it is; of what was written long ago, no other value */
static void of_strangers_the_newer_version_only(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *far = node_new(net, 0x21);
	node_first(u);
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "gone", 1);
	struct reload_destination to = dest(u);
	struct craft c = craft_ping(s, &to);
	struct reload_msg *m = NULL;
	expect_answer(s, tell(&c, u), RELOAD_PING_ANS); /* its certificate is known */
	store->req.replica_number = 1;
	store->data.storage_time = host_wall(u) - DAY_MS;
	store_sign(store, s);
	/* nothing is held: it may have expired before this node was responsible */
	c = craft_store(far, u, store);
	expect_error(far, tell(&c, u), 2);
	assert_int_equal(fetches_heard(far, &m), 0);
	/* the first version comes from its writer */
	store = store_of(s, K_NODE, "mine", 0);
	store->data.storage_time = host_wall(u) - 2 * DAY_MS;
	store_sign(store, s);
	c = craft_store(s, u, store);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	/* R-7.4.1.1-12: its counter, which writers may have seen, is believed as far as Stores can have been made meanwhile, one in a millisecond */
	static const struct {
		uint64_t later, counter, is;
	} rows[] = { { 50, 77, 51 }, { DAY_MS, 77, 78 }, { DAY_MS + 1, UINT64_MAX, 79 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crafted_store *newer = store_of(s, K_NODE, "newer", 9);
		newer->data.storage_time = host_wall(u) - 2 * DAY_MS + rows[i].later;
		store_sign(newer, s);
		newer->req.replica_number = 1;
		hint(u, far, newer, rows[i].counter);
		assert_int_equal(u->storage->ops->generation(
					 u->storage, &newer->resource, K_NODE, host_wall(u)),
			rows[i].is);
		net_pass(net, 60000);
	}
	net_free(net);
}

/* A peer that has been responsible for everything for two seconds, near whom nothing changed; s writes there, far is a stranger. */
struct quiet {
	struct net *net;
	struct node *u, *s, *far;
};

static struct quiet quiet_new(void)
{
	struct quiet q = { .net = net_new() };
	q.u = node_new(q.net, 0x80);
	q.far = node_new(q.net, 0x21);
	node_first(q.u);
	q.s = node_storing(q.net, q.u, K_NODE);
	struct reload_destination to = dest(q.u);
	struct craft c = craft_ping(q.s, &to);
	expect_answer(q.s, tell(&c, q.u), RELOAD_PING_ANS); /* its certificate is known */
	net_pass(q.net, 2000);
	return q;
}

/* STO-17: nor does who held nothing of the Kind begin at 1, below what writers have seen */
static void of_strangers_the_counter_as_well(void **state)
{
	(void)state;
	struct quiet q = quiet_new();
	struct crafted_store *store = store_of(q.s, K_NODE, "first", 1);
	struct reload_storage *storage = q.u->storage;
	store->req.replica_number = 1;
	hint(q.u, q.far, store, 7);
	assert_int_equal(
		storage->ops->generation(storage, &store->resource, K_NODE, host_wall(q.u)), 8);
	net_free(q.net);
}

/* How often the value is asked for after a replica Store of it from far. */
static size_t asked_for(const struct quiet *q, struct crafted_store *store, uint64_t time)
{
	struct reload_msg *m;
	store->data.storage_time = time;
	store->req.replica_number = 1;
	store_sign(store, q->s);
	struct craft c = craft_store(q->far, q->u, store);
	expect_error(q->far, tell(&c, q->u), 2);
	return fetches_heard(q->far, &m);
}

/*
 * STO-17: a value that is not held and did not expire here may have been stored in another ring, also before this node was responsible.  It is
 * taken, even if nothing changed near this node when the rings merged; but not for ever.
 */
static void stored_in_another_ring(void **state)
{
	(void)state;
	struct quiet q = quiet_new();
	struct crafted_store *store = store_of(q.s, K_NODE, "elsewhere", 1);
	/* also not unsettled, or it would be asked for */
	assert_int_equal(asked_for(&q, store, host_wall(q.u) - DAY_MS), 0);
	/* written long before this node was responsible */
	store->data.storage_time = host_wall(q.u) - DAY_MS + 1000;
	store_sign(store, q.s);
	hint(q.u, q.far, store, 1);
	assert_non_null(q.u->storage->ops->find(
		q.u->storage, &store->resource, K_NODE, &store->data.value, host_wall(q.u)));
	net_free(q.net);
}

static void ignored(void *arg, enum reload_err err)
{
	(void)arg;
	(void)err;
}

/* STO-17: where more has expired than is remembered, the value may be among it */
static void of_many_that_expired_none_comes_back(void **state)
{
	(void)state;
	enum {
		MANY = 16384, /* four times as many as are remembered */
		AT_ONCE = 64
	};
	struct quiet q = quiet_new();
	struct crafted_store *store = store_of(q.s, K_NODE, "elsewhere", 1);
	struct reload_stored_entry entries[AT_ONCE];
	struct reload_store_change change = {
		.kind = K_DICT, .generation = 1, .entries = entries, .entries_count = AT_ONCE
	};
	struct reload_storage *held = q.u->storage;
	uint64_t time = host_wall(q.u);
	for (uint32_t i = 0; i < MANY; i += AT_ONCE) {
		struct reload_store_batch batch = { .resource = store->resource,
			.changes = &change,
			.changes_count = 1,
			.now = time };
		uint32_t keys[AT_ONCE];
		for (uint32_t k = 0; k < AT_ONCE; k++) {
			keys[k] = i + k;
			entries[k] = (struct reload_stored_entry){ .data = store->data,
				.received = time };
			entries[k].data.lifetime = 1;
			entries[k].data.value.model = RELOAD_MODEL_DICTIONARY;
			entries[k].data.value.key = span_of((uint8_t *)&keys[k], sizeof(*keys));
		}
		assert_int_equal(held->ops->commit(held, &batch, ignored, NULL), RELOAD_OK);
		held->ops->expire(held, time + 2000);
	}
	net_pass(q.net, 2000);
	assert_int_equal(asked_for(&q, store, time), 0);
	assert_int_equal(asked_for(&q, store, time + 1), 1);
	net_free(q.net);
}

/* STO-17: what has expired here is no news, also while rings may have merged; what is newer is. */
static void expired_here_is_no_news(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE), *far = node_new(r->net, 0x21);
	struct crafted_store *store = store_of(s, K_NODE, "short", 0);
	struct reload_msg *m = NULL;
	store->data.lifetime = 1;
	struct craft c = craft_store(s, r->u, store);
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	net_pass(r->net, 2000);
	/* no signature covers the lifetime, so a replica Store may name a longer one */
	store->data.lifetime = 3600;
	store->req.replica_number = 1;
	store->kind.generation_counter = 1;
	c = craft_store(far, r->u, store);
	expect_error(far, tell(&c, r->u), 2);
	assert_int_equal(fetches_heard(far, &m), 0);
	/* nor is it taken from a neighbour */
	c = craft_store(r->b, r->u, store);
	tell(&c, r->u);
	assert_null(r->u->storage->ops->find(
		r->u->storage, &store->resource, K_NODE, &store->data.value, host_wall(r->u)));
	store->data.storage_time++;
	store_sign(store, s);
	hint(r->u, far, store, 1);
	assert_non_null(r->u->storage->ops->find(
		r->u->storage, &store->resource, K_NODE, &store->data.value, host_wall(r->u)));
}

/* STO-17: of the answer to such a Fetch, Kinds that were not asked for are none of it. */
static void hints_bring_no_other_kinds(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_VALUE), *far = node_new(r->net, 0x21);
	struct crafted_store *asked = store_of(s, K_VALUE, "asked", 1),
			     *other = store_of(s, K_DICT, "other", 1);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(s, &to);
	struct reload_msg *m = NULL;
	expect_answer(s, tell(&c, r->u), RELOAD_PING_ANS); /* its certificate is known */
	asked->req.replica_number = other->req.replica_number = 1;
	c = craft_store(far, r->u, asked);
	expect_error(far, tell(&c, r->u), 2);
	assert_int_equal(fetches_heard(far, &m), 1);
	struct reload_fetch_kind_response k[] = {
		{ .kind = K_DICT, .generation = 1, .values = &other->data, .values_count = 1 },
		{ .kind = K_VALUE, .generation = 1, .values = &asked->data, .values_count = 1 },
	};
	struct reload_fetch_ans ans = { .kind_responses = k, .kind_responses_count = 2 };
	c = reply(far, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	struct reload_storage *held = r->u->storage;
	assert_null(held->ops->find(
		held, &other->resource, K_DICT, &other->data.value, host_wall(r->u)));
	/* it would have been taken as an answer to its own question */
	c = craft_store(far, r->u, other);
	expect_error(far, tell(&c, r->u), 2);
	assert_int_equal(fetches_heard(far, &m), 1);
	ans.kind_responses_count = 1;
	c = reply(far, m, RELOAD_FETCH_ANS, &ans);
	tell(&c, r->u);
	assert_non_null(held->ops->find(
		held, &other->resource, K_DICT, &other->data.value, host_wall(r->u)));
}

static bool no_replicas(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_copy_of(net, p));
	return !m || m->code != RELOAD_STORE_REQ || !m->body.store_req.replica_number;
}

/* R-6.4.2.2-05: what only the leaving peer has is at its successor before the link is closed */
static void leaves_with_hand_over(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x10), *two = node_new(net, 0x90);
	struct reload_id resource;
	enum reload_err err;
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	reload_peer_resource_id(one->peer, &resource, span_str(one->credentials.cert->user));
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("kept") },
		.lifetime_s = 3600 };
	struct outcome *o = outcome_new(net);
	net->tap = no_replicas;
	assert_non_null(
		reload_peer_store(one->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
	net_settle(net);
	assert_int_equal(o->err, RELOAD_OK);
	net->tap = NULL;
	bool ones = !reload_id_between(&one->id, &resource, &two->id);
	struct node *owner = ones ? one : two, *stays = ones ? two : one;
	reload_peer_leave(owner->peer, false);
	net_pass(net, 5000);
	assert_int_equal(owner->state, RELOAD_STATE_ENROLLED);
	struct reload_specifier spec = { .kind = K_VALUE };
	o = outcome_new(net);
	assert_non_null(
		reload_peer_fetch(stays->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	net_pass(net, 1000);
	assert_int_equal(o->err, RELOAD_OK);
	assert_string_equal(o->value, "kept");
	net_free(net);
}

/* Who leaves gives its values to the first successor that has not fallen silent, before or while they are given. */
static bool silent_node(struct net *net, struct packet *p)
{
	const struct node *silent = net->tap_arg;
	return no_replicas(net, p) && p->to != silent && p->from != silent;
}

static bool not_from_silent_node(struct net *net, struct packet *p)
{
	const struct node *silent = net->tap_arg;
	return p->to != silent && p->from != silent;
}

static void leaves_beside_a_silent_successor(void **state)
{
	(void)state;
	for (int while_it_leaves = 0; while_it_leaves < 2; while_it_leaves++) {
		struct net *net = net_new();
		struct node *at[4];
		for (unsigned i = 0; i < COUNT_OF(at); i++) {
			at[i] = node_new(net, 0x10 + 0x40 * i);
			if (i)
				node_join(at[i], at[0], RELOAD_ROLE_PEER);
			else
				node_first(at[0]);
		}
		net_pass(net, 60000);
		struct reload_id resource;
		reload_peer_resource_id(
			at[0]->peer, &resource, span_str(at[0]->credentials.cert->user));
		unsigned own = 0;
		while (!reload_id_between(&at[(own + 3) % 4]->id, &resource, &at[own]->id))
			own++;
		struct node *owner = at[own], *silent = at[(own + 1) % 4],
			    *next = at[(own + 2) % 4];
		struct reload_destination to = reload_dest_resource(&resource);
		struct reload_request_target target = { .list = &to, .count = 1 };
		struct reload_store_item item = { .kind = K_VALUE,
			.value = { .model = RELOAD_MODEL_SINGLE,
				.exists = true,
				.value = span_str("kept") },
			.lifetime_s = 3600 };
		struct outcome *o = outcome_new(net);
		enum reload_err err;
		net->tap = silent_node;
		net->tap_arg = silent;
		if (silent == at[0])
			net->tap = no_replicas;
		assert_non_null(reload_peer_store(
			at[0]->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
		net_settle(net);
		assert_int_equal(o->err, RELOAD_OK);
		net->tap = not_from_silent_node;
		if (!while_it_leaves)
			reload_peer_link_health(owner->peer, number_at(owner, silent), false);
		reload_peer_leave(owner->peer, false);
		net_pass(net, 100);
		if (while_it_leaves)
			reload_peer_link_health(owner->peer, number_at(owner, silent), false);
		net_pass(net, 5000);
		assert_int_equal(owner->state, RELOAD_STATE_ENROLLED);
		struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
		assert_non_null(next->storage->ops->find(
			next->storage, &resource, K_VALUE, &place, host_wall(next)));
		net_free(net);
	}
}

/* Keeps the first FetchAns back. */
static bool answer_is_late(struct net *net, struct packet *p)
{
	struct span *kept = net->tap_arg, bytes = span_copy_of(net, p);
	struct reload_msg *m = msg_of(net, bytes);
	bool passes = !m || m->code != RELOAD_FETCH_ANS || kept->len;
	if (!passes)
		*kept = bytes;
	return passes;
}

/* What a program asked for before the end was told is answered; what it asks for afterwards is refused. */
static void leaves_with_its_answers(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x10), *two = node_new(net, 0x90);
	struct reload_id resource;
	enum reload_err err;
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	reload_peer_resource_id(one->peer, &resource, span_str(one->credentials.cert->user));
	if (!reload_id_between(&one->id, &resource, &two->id)) /* it is to go over the link */
		reload_peer_resource_id(
			one->peer, &resource, span_str(two->credentials.cert->user));
	struct node *leaves = reload_id_between(&one->id, &resource, &two->id) ? one : two;
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = K_VALUE };
	struct outcome *o = outcome_new(net), *late = outcome_new(net), *lost = outcome_new(net);
	struct span kept = { .len = 0 };
	net->tap = answer_is_late;
	net->tap_arg = &kept;
	assert_non_null(
		reload_peer_fetch(leaves->peer, &target, &resource, &spec, 1, outcome_fn, o, &err));
	reload_peer_leave(leaves->peer, false);
	assert_null(reload_peer_fetch(
		leaves->peer, &target, &resource, &spec, 1, outcome_fn, late, &err));
	assert_int_equal(err, RELOAD_NOT_JOINED);
	net_pass(net, 1000);
	assert_int_equal(o->calls, 0);
	assert_true(kept.len > 0);
	struct node *stays = leaves == one ? two : one;
	packet_add(stays, leaves, number_at(leaves, stays), kept);
	net_pass(net, 4000);
	assert_int_equal(leaves->state, RELOAD_STATE_ENROLLED);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	assert_int_equal(late->calls, 0);
	/* what nobody answers ends with the membership, not later */
	net_pass(net, 10000);
	node_join(leaves, stays, RELOAD_ROLE_PEER);
	kept.len = 0;
	assert_non_null(reload_peer_fetch(
		leaves->peer, &target, &resource, &spec, 1, outcome_fn, lost, &err));
	net_settle(net);
	assert_int_equal(lost->calls, 0);
	kept.len = 0;
	reload_peer_leave(leaves->peer, false);
	net_pass(net, 5000);
	assert_int_equal(leaves->state, RELOAD_STATE_ENROLLED);
	assert_int_equal(lost->calls, 1);
	assert_int_equal(lost->err, RELOAD_NOT_JOINED);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(refused_goes_out_again),
		ring_test(implausible_is_fetched),
		cmocka_unit_test(of_strangers_the_newer_version_only),
		cmocka_unit_test(of_strangers_the_counter_as_well),
		ring_test(a_replica_of_another_owner_is_compared),
		ring_test(a_replica_of_the_owner_is_not),
		cmocka_unit_test(stored_in_another_ring),
		cmocka_unit_test(of_many_that_expired_none_comes_back),
		ring_test(expired_here_is_no_news),
		ring_test(hints_bring_no_other_kinds),
		cmocka_unit_test(leaves_with_hand_over),
		cmocka_unit_test(leaves_beside_a_silent_successor),
		cmocka_unit_test(leaves_with_its_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
