/* Replica Stores that fail: what is sent again is what failed, and no more. */
#include "engine_expect.h"

#include "peer/internal.h"

enum {
	FORBIDDEN = 2, /* codes of RFC 6940 s14.9 */
	CONFIG_TOO_OLD = 15,
	CONFIG_TOO_NEW = 16,
	VALUES = 100,
	VALUE_LEN = 1900,
	PER_STORE = 8 /* values in one own Store: a message of 20,000 bytes has room for as many */
};

/* Counts replica Stores of one resource to one node; a request that is repeated counts once. */
struct tally {
	struct reload_id resource;
	struct node *to;
	size_t stores, values, others;
	uint64_t seen[4096];
	uint16_t refuse; /* with this error; 0: not */
	bool lose;
};

static bool is_repeat(struct tally *t, uint64_t transaction)
{
	for (size_t i = 0; i < t->stores; i++)
		if (t->seen[i] == transaction)
			return true;
	return false;
}

static bool count(struct net *net, struct packet *p)
{
	struct tally *t = net->tap_arg;
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	const struct reload_store_req *req = &m->body.store_req;
	bool replica = p->to == t->to && m->code == RELOAD_STORE_REQ && req->replica_number,
	     hit = replica && span_eq(req->resource, reload_id_span(&t->resource));
	t->others += replica && !hit;
	if (hit && !is_repeat(t, m->header.transaction_id)) {
		assert_true(t->stores < COUNT_OF(t->seen));
		t->seen[t->stores++] = m->header.transaction_id;
		for (size_t i = 0; i < req->kind_data_count; i++)
			t->values += req->kind_data[i].values_count;
	}
	if (hit && t->refuse) {
		struct craft c = craft_error(p->to, m, t->refuse);
		packet_add(p->to, p->from, number_at(p->from, p->to), craft_bytes(&c));
	}
	net->messages_count--; /* there are too many of them to be kept */
	bool passes = !hit || !(t->refuse || t->lose);
	reload_msg_free(m);
	return passes;
}

static bool is_responsible(struct node *n, const struct reload_id *resource)
{
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	return reload_id_between(&s.range_from, resource, &s.range_to);
}

/* n stores VALUES entries of a dictionary under its own user name, `per` in a request. */
static void store_many(struct node *n, const struct reload_id *resource, size_t per)
{
	static uint8_t bytes[VALUE_LEN];
	static char keys[VALUES][8];
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	for (size_t done = 0; done < VALUES;) {
		struct reload_store_item items[PER_STORE];
		size_t k = 0;
		for (; k < per && done < VALUES; k++, done++) {
			snprintf(keys[done], sizeof(keys[done]), "key%03zu", done);
			items[k] = (struct reload_store_item){ .kind = K_MANY,
				.value = { .model = RELOAD_MODEL_DICTIONARY,
					.exists = true,
					.key = span_str(keys[done]),
					.value = span_of(bytes, sizeof(bytes)) },
				.lifetime_s = 20000 };
		}
		enum reload_err err;
		struct outcome *o = outcome_new(n->net);
		assert_non_null(reload_peer_store(
			n->peer, &target, resource, items, k, outcome_fn, o, &err));
		net_settle(n->net);
		assert_int_equal(o->err, RELOAD_OK);
	}
}

static size_t held(struct node *n, const struct reload_id *resource)
{
	return n->storage->ops->extent(n->storage, resource, K_MANY, host_wall(n), NULL);
}

/* Two engines; the one that is responsible for its own user's name is the owner. */
struct two {
	struct net *net;
	struct node *owner, *member;
	struct tally tally;
};

static struct two *two_new(size_t per, uint16_t refuse, bool lose)
{
	struct net *net = net_new();
	struct two *t = reload_arena_take(&net->arena, sizeof(*t));
	struct node *one = node_new(net, 0x20), *other = node_new(net, 0x80);
	t->net = net;
	node_first(one);
	node_join(other, one, RELOAD_ROLE_PEER);
	net_pass(net, 60000);
	reload_peer_resource_id(
		one->peer, &t->tally.resource, span_str(one->credentials.cert->user));
	t->owner = is_responsible(one, &t->tally.resource) ? one : other;
	t->member = t->owner == one ? other : one;
	t->tally.to = t->member;
	t->tally.refuse = refuse;
	t->tally.lose = lose;
	net->tap = count;
	net->tap_arg = &t->tally;
	store_many(one, &t->tally.resource, per);
	return t;
}

/* While a newer configuration spreads, one of two peers is behind the other: what it did not take goes again, for the answer is another one soon. */
static void refused_for_the_configuration_goes_again(void **state)
{
	static const uint16_t codes[] = { CONFIG_TOO_OLD, CONFIG_TOO_NEW };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		struct two *t = two_new(PER_STORE, codes[i], false);
		net_pass(t->net, 10000);
		assert_int_equal(held(t->member, &t->tally.resource), 0);
		t->tally.refuse = 0;
		net_pass(t->net, 60000);
		/* R-7.4.1.1-19, R-6.5.4-01 */
		assert_int_equal(held(t->member, &t->tally.resource), VALUES);
		net_free(t->net);
	}
}

/* R-7.4.1.1-19: a replica Store that fails is repeated; a resource of K messages costs K of them an attempt, not K to its power. */
static void refused_values_alone_go_again(void **state)
{
	(void)state;
	struct two *t = two_new(PER_STORE, FORBIDDEN, false);
	size_t messages = t->tally.stores;
	assert_in_range(messages, VALUES / PER_STORE, VALUES / PER_STORE + 1);
	net_pass(t->net, 235000);
	assert_in_range(t->tally.stores, 10 * messages, 12 * (messages + 1)); /* ATTEMPTS is 12 */
	assert_true(t->tally.values <= 12 * VALUES);
	size_t others = t->tally.others;
	net_pass(t->net,
		91000); /* a round sends what is missing once, and nothing of the range beside it */
	assert_true(t->tally.values <= 13 * VALUES);
	assert_int_equal(t->tally.others, others);
	t->tally.refuse = 0;
	net_pass(t->net, 181000);
	assert_int_equal(held(t->member, &t->tally.resource), VALUES);
	size_t stores = t->tally.stores;
	net_pass(t->net, 400000); /* and then it is over */
	assert_int_equal(t->tally.stores, stores);
	net_free(t->net);
}

/* Messages under way to one receiver are bounded, whatever waits for it; what waits is sent once it answers. */
static void silent_receiver_is_not_flooded(void **state)
{
	(void)state;
	struct two *t = two_new(1, 0, true);
	assert_in_range(t->tally.stores, 1, 32); /* WINDOW, of 100 Stores */
	net_pass(t->net, 10000);
	assert_in_range(t->tally.stores, 1, 32);
	net_pass(t->net, 30000);
	/* these were sent five times each, and half as many go next */
	assert_in_range(t->tally.stores, 33, 32 + 16 + 8);
	/* and no fewer than WINDOW_MIN in the 15 s that five of them take: a peer that is slow for good is not served one by one */
	net_pass(t->net, 60000);
	size_t before = t->tally.stores;
	net_pass(t->net, 60000);
	assert_in_range(t->tally.stores - before, 3 * 4, 5 * 4);
	t->tally.lose = false;
	net_pass(t->net, 120000);
	assert_int_equal(held(t->member, &t->tally.resource), VALUES);
	/* five times each of those that were lost */
	assert_true(t->tally.values <= 5 * VALUES);
	net_free(t->net);
}

/*
 * The hand-over to a Joining Node that refuses a resource of many messages ends, and has sent each value five times at most; what the
 * new predecessor is sent then is an order of its own with pauses of its own.
 */
static void hand_over_repeats_what_failed(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20);
	struct tally *t = reload_arena_take(&net->arena, sizeof(*t));
	node_first(one);
	reload_peer_resource_id(one->peer, &t->resource, span_str(one->credentials.cert->user));
	store_many(one, &t->resource, PER_STORE);
	struct node *two = node_new(net, (uint8_t)(t->resource.at[0] + 1));
	assert_true(reload_id_between(&one->id, &t->resource, &two->id));
	t->to = two;
	t->refuse = FORBIDDEN;
	net->tap = count;
	net->tap_arg = t;
	node_join(two, one, RELOAD_ROLE_PEER);
	net_pass(net, 40000);
	assert_in_range(t->values, 2 * VALUES, (5 + 5) * VALUES); /* ATTEMPTS_JOIN is 5 */
	net_free(net);
}

/* A node of the user x, whose certificate ends after that time. */
static struct node *node_of_x(struct net *net, uint8_t first, reload_ms ends)
{
	struct reload_id id = id_at(first);
	return node_new_of(net, &(struct reload_sim_cert_form){ .user = "x@" RELOAD_SIM_OVERLAY,
					.overlay = RELOAD_SIM_OVERLAY,
					.nodes = &id,
					.nodes_count = 1,
					.not_before = RELOAD_SIM_EPOCH - 1000,
					.not_after = RELOAD_SIM_EPOCH + (reload_utc)ends });
}

static void store_entry(struct node *from, struct node *to, const char *key)
{
	struct crafted_store *s = store_of(from, K_DICT, key, 0);
	s->data.value.key = span_str(key);
	store_sign(s, from);
	struct craft c = craft_store(from, to, s);
	expect_answer(from, tell(&c, to), RELOAD_STORE_ANS);
}

static const struct reload_stored_entry *entry(struct node *n, struct node *user, const char *key)
{
	struct reload_id resource;
	struct reload_stored_value at = { .model = RELOAD_MODEL_DICTIONARY, .key = span_str(key) };
	reload_peer_resource_id(n->peer, &resource, span_str(user->credentials.cert->user));
	return n->storage->ops->find(n->storage, &resource, K_DICT, &at, host_wall(n));
}

/* A value whose signer is trusted no longer does not take those with it that would share its message. */
static void lapsed_values_stay_behind(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20), *two = node_new(net, 0x80);
	struct node *ends = node_of_x(net, 0x33, 60000), *stays = node_of_x(net, 0x44, 6000000);
	node_first(one);
	store_entry(ends, one, "a");
	store_entry(stays, one, "b");
	store_entry(ends, one, "c");
	store_entry(stays, one, "d");
	net_pass(net, 70000);
	assert_non_null(entry(one, ends, "a")); /* its lifetime goes on */
	node_join(two, one, RELOAD_ROLE_PEER);
	net_pass(net, 10000);
	assert_null(entry(two, ends, "a"));
	assert_non_null(entry(two, ends, "b"));
	assert_null(entry(two, ends, "c"));
	assert_non_null(entry(two, ends, "d"));
	net_free(net);
}

static bool no_stores(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool passes = m->code != RELOAD_STORE_REQ;
	net->messages_count--;
	reload_msg_free(m);
	return passes;
}

/* R-6.2.1-07: a request is repeated until it is answered, also by this node itself, which is responsible by then. */
static void becomes_responsible_meanwhile(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20), *other = node_new(net, 0x80);
	node_first(one);
	node_join(other, one, RELOAD_ROLE_PEER);
	net_pass(net, 60000);
	struct reload_id resource;
	reload_peer_resource_id(one->peer, &resource, span_str(one->credentials.cert->user));
	struct node *asks = is_responsible(one, &resource) ? other : one,
		    *owner = asks == one ? other : one;
	reload_peer_resource_id(asks->peer, &resource, span_str(asks->credentials.cert->user));
	if (is_responsible(asks, &resource)) { /* both names are in one range: the other one asks */
		struct node *was = asks;
		asks = owner;
		owner = was;
		reload_peer_resource_id(
			asks->peer, &resource, span_str(asks->credentials.cert->user));
	}
	assert_true(is_responsible(owner, &resource));
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("in time") },
		.lifetime_s = 20000 };
	enum reload_err err;
	struct outcome *o = outcome_new(net);
	net->tap = no_stores;
	assert_non_null(
		reload_peer_store(asks->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
	net_pass(net, 1000);
	reload_peer_leave(owner->peer, true);
	net_pass(net, 1000);
	assert_true(is_responsible(asks, &resource));
	assert_int_equal(o->calls, 0);
	net_pass(net, 5000);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_for_the_configuration_goes_again),
		cmocka_unit_test(refused_values_alone_go_again),
		cmocka_unit_test(silent_receiver_is_not_flooded),
		cmocka_unit_test(hand_over_repeats_what_failed),
		cmocka_unit_test(lapsed_values_stay_behind),
		cmocka_unit_test(becomes_responsible_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
