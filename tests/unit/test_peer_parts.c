/* Values that are too many for one message: owners are asked, and missing values fetched, in parts (RFC 6940 s7.4.1.1). */
#include "engine_expect.h"

#include "peer/internal.h"
#include "replica/internal.h"
#include "replica/push.h"

enum {
	PIECES = 450 /* of a dictionary: a StatAns about all of them does not fit 20,000 bytes */
};

struct parts {
	size_t stats, fetches, stores, values;
	struct node *counted; /* values on their way there */
	struct node *replica; /* refuses replica Stores as too old */
	size_t most;          /* keys that a FetchAns of the replica has room for */
	size_t stat_most;     /* and a StatAns of who is counted; 0: as many as there are */
	size_t asked[128];    /* keys in each Fetch */
};

static bool parts_count(struct net *net, struct packet *p)
{
	struct parts *t = net->tap_arg;
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool passes = true;
	uint16_t error = 0;
	if (m->code == RELOAD_STAT_REQ) {
		size_t last = m->body.fetch_req.specifiers_count - 1,
		       keys = m->body.fetch_req.specifiers[last].keys_count;
		t->stats++;
		if (t->stat_most && p->to == t->counted && (!keys || keys > t->stat_most))
			error = 14;
	}
	if (m->code == RELOAD_STORE_REQ && m->body.store_req.replica_number) {
		t->stores++;
		for (size_t i = 0; i < m->body.store_req.kind_data_count; i++)
			if (p->to == t->counted && m->body.store_req.kind_data[i].kind == K_MANY)
				t->values += m->body.store_req.kind_data[i].values_count;
		if (p->to == t->replica)
			error = 9;
	}
	if (m->code == RELOAD_FETCH_REQ && p->to == t->replica) {
		size_t keys = m->body.fetch_req.specifiers[0].keys_count;
		assert_int_equal(m->body.fetch_req.specifiers_count, 1);
		assert_true(t->fetches < COUNT_OF(t->asked));
		t->asked[t->fetches++] = keys;
		if (keys > t->most)
			error = 14;
	}
	if (error) {
		struct craft c = craft_error(p->to, m, error);
		packet_add(p->to, p->from, number_at(p->from, p->to), craft_bytes(&c));
		passes = false;
	}
	net->messages_count--; /* there are too many of them to be kept */
	reload_msg_free(m);
	return passes;
}

/* A dictionary of many small values at the name of the node's user. */
static void pieces_store(struct node *n, const struct reload_id *resource, size_t first,
	size_t count, const char *text)
{
	static char keys[PIECES][24];
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	for (size_t i = first; i < first + count;) {
		struct reload_store_item items[30];
		size_t k = 0;
		for (; k < COUNT_OF(items) && i < first + count; k++, i++) {
			snprintf(keys[i], sizeof(keys[i]), "key%03zu", i);
			items[k] = (struct reload_store_item){ .kind = K_MANY,
				.value = { .model = RELOAD_MODEL_DICTIONARY,
					.exists = true,
					.key = span_str(keys[i]),
					.value = span_str(text) },
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

struct owned {
	struct net *net;
	struct node *owner, *other, *user;
	struct reload_id resource;
	struct parts parts;
};

/* Two peers; the user's name belongs to the owner. */
static struct owned *owned_new(void)
{
	struct net *net = net_new();
	struct owned *w = reload_arena_take(&net->arena, sizeof(*w));
	struct node *one = node_new(net, 0x10), *two = node_new(net, 0x90);
	*w = (struct owned){ .net = net, .user = one };
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	reload_peer_resource_id(one->peer, &w->resource, span_str(one->credentials.cert->user));
	bool ones = !reload_id_between(&one->id, &w->resource, &two->id);
	w->owner = ones ? one : two;
	w->other = ones ? two : one;
	net->tap = parts_count;
	net->tap_arg = &w->parts;
	return w;
}

static const struct reload_stored_entry *piece(struct owned *w, struct node *n, const char *key)
{
	struct reload_stored_value at = { .model = RELOAD_MODEL_DICTIONARY, .key = span_str(key) };
	return n->storage->ops->find(n->storage, &w->resource, K_MANY, &at, host_wall(n));
}

/* R-6.4.2.3-03: an owner is asked in parts about a resource that fits no answer, and is sent what it lacks, no more */
static void an_owner_is_asked_in_parts(void **state)
{
	(void)state;
	struct owned *w = owned_new();
	struct node *owner = w->owner, *other = w->other;
	pieces_store(w->user, &w->resource, 0, PIECES, "first");
	net_pass(w->net, 60000);
	assert_non_null(piece(w, other, "key449"));
	/* three places of the owner's are gone, as if rings had merged */
	struct reload_id before = reload_id_before(&w->resource);
	owner->storage->ops->drop_range(owner->storage, &before, &w->resource);
	struct reload_push_to back = { .node = owner->id, .replica_number = 1, .once = true };
	struct reload_places some = { .count = 0 };
	for (size_t i = 0; i < PIECES; i++) {
		char key[24];
		snprintf(key, sizeof(key), "key%03zu", i);
		if (i != 7 && i != 200 && i != 449)
			reload_places_add(&some, K_MANY, &piece(w, other, key)->data.value);
	}
	reload_engine_enter(other->peer->engine);
	assert_true(reload_push_places(other->peer->replica, &back, &w->resource, &some));
	reload_engine_exit(other->peer->engine);
	net_pass(w->net, 60000);
	assert_null(piece(w, owner, "key200"));
	assert_non_null(piece(w, owner, "key448"));
	w->parts = (struct parts){ .counted = owner };
	reload_engine_enter(other->peer->engine);
	reload_owner_check_range(other->peer->replica, &before, &w->resource, false);
	reload_engine_exit(other->peer->engine);
	net_pass(w->net, 60000);
	assert_non_null(piece(w, owner, "key007"));
	assert_non_null(piece(w, owner, "key200"));
	assert_non_null(piece(w, owner, "key449"));
	assert_int_equal(w->parts.values, 3);
	/* two rounds, the second of which finds nothing: 64 places, then 128 */
	assert_in_range(w->parts.stats, 4, 2 * (PIECES / 64 + 2));
	net_free(w->net);
}

/* R-6.4.2.3-03: the owner says that an answer would be too large: for all at once, for 64 places, 32, and 16 fit */
static void an_owner_says_too_large(void **state)
{
	(void)state;
	struct owned *w = owned_new();
	pieces_store(w->user, &w->resource, 0, 200, "first");
	net_pass(w->net, 60000);
	struct reload_id before = reload_id_before(&w->resource);
	w->owner->storage->ops->drop_range(w->owner->storage, &before, &w->resource);
	w->parts = (struct parts){ .counted = w->owner, .stat_most = 20 };
	reload_engine_enter(w->other->peer->engine);
	reload_owner_check_range(w->other->peer->replica, &before, &w->resource, false);
	reload_engine_exit(w->other->peer->engine);
	net_pass(w->net, 5500); /* one round */
	assert_non_null(piece(w, w->owner, "key000"));
	assert_non_null(piece(w, w->owner, "key199"));
	assert_int_equal(w->parts.values, 200);
	assert_in_range(w->parts.stats, 3 + 200 / 16, 3 + 200 / 16 + 3);
	net_free(w->net);
}

/* R-7.4.1.1-22: of a replica that holds newer values is fetched what it refused, in as many parts as fit */
static void what_was_refused_is_fetched_in_parts(void **state)
{
	(void)state;
	struct owned *w = owned_new();
	pieces_store(w->user, &w->resource, 0, 200, "first");
	net_pass(w->net, 60000);
	w->parts = (struct parts){ .replica = w->other, .most = 5 };
	pieces_store(w->user, &w->resource, 100, 30, "second"); /* in one message */
	net_pass(w->net, 500);
	/* 30 are too many, 15 too, 7 too; then 3 at once */
	assert_int_equal(w->parts.stores, 1);
	assert_int_equal(w->parts.fetches, 3 + 10);
	assert_int_equal(w->parts.asked[0], 30);
	assert_int_equal(w->parts.asked[3], 3);
	w->parts = (struct parts){ .replica = w->other, .most = 0 };
	pieces_store(w->user, &w->resource, 130, 30, "third");
	net_pass(w->net, 500);
	/* not even one fits: 30, 15, 7, 3, and then four alone are enough */
	assert_int_equal(w->parts.fetches, 4 + 4);
	net_free(w->net);
}

static unsigned leaves_seen;

static bool no_stores(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool passes = m->code != RELOAD_STORE_REQ;
	leaves_seen += m->code == RELOAD_LEAVE_REQ;
	net->messages_count--; /* there are too many of them to be kept */
	reload_msg_free(m);
	return passes;
}

/* A value waits for its next round, as the member took nothing for minutes: who leaves hands it over at once, and first. */
static void leaves_while_it_waits(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x10), *two = node_new(net, 0x90);
	struct reload_id resource;
	enum reload_err err;
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	net_pass(net, 60000);
	reload_peer_resource_id(one->peer, &resource, span_str(one->credentials.cert->user));
	struct node *owner = reload_id_between(&one->id, &resource, &two->id) ? two : one;
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("kept") },
		.lifetime_s = 36000 };
	struct outcome *o = outcome_new(net);
	assert_non_null(
		reload_peer_store(owner->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
	net->tap = no_stores;
	const struct reload_event *failed = &owner->last[RELOAD_EV_REPLICA_FAILED];
	for (unsigned i = 0; i < 2000 && failed->count < 11; i++)
		net_pass(net, 1000);
	assert_int_equal(failed->count, 11); /* of ATTEMPTS */
	net_pass(net, 15000);                /* the pause is half a minute and more */
	assert_int_equal(owner->state, RELOAD_STATE_JOINED);
	leaves_seen = 0;
	reload_peer_leave(owner->peer, false);
	net_pass(net, 1000);
	assert_int_equal(leaves_seen, 0); /* R-6.4.2.2-05 */
	net_pass(net, 4000);
	assert_true(leaves_seen > 0);
	assert_int_equal(owner->state, RELOAD_STATE_ENROLLED);
	net_free(net);
}

static bool no_stats(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool passes = m->code != RELOAD_STAT_REQ;
	net->messages_count--; /* there are too many of them to be kept */
	reload_msg_free(m);
	return passes;
}

static bool holds(struct node *n, const struct reload_id *resource)
{
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	return n->storage->ops->find(n->storage, resource, K_VALUE, &place, host_wall(n));
}

/* R-10.7.3-07: who is no replica any more forgets, but not before the owner has said that it has the value */
static void forgets_what_the_owner_has(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20), *two = node_new(net, 0x80);
	struct reload_id resource;
	enum reload_err err;
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	reload_peer_resource_id(one->peer, &resource, span_str(one->credentials.cert->user));
	bool ones = !reload_id_between(&one->id, &resource, &two->id);
	struct node *owner = ones ? one : two, *former = ones ? two : one;
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("kept") },
		.lifetime_s = 3600 };
	struct outcome *o = outcome_new(net);
	assert_non_null(
		reload_peer_store(one->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
	net_pass(net, 1000);
	assert_int_equal(o->err, RELOAD_OK);
	assert_true(holds(former, &resource));
	net->tap = no_stats;
	for (unsigned i = 1; i < 4; i++)
		node_join(node_new(net, (uint8_t)(owner->id.at[0] + i)), owner, RELOAD_ROLE_PEER);
	net_pass(net, 60000);
	assert_true(holds(former, &resource));
	net->tap = NULL;
	net_pass(net, 120000);
	assert_false(holds(former, &resource));
	assert_true(holds(owner, &resource));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_is_asked_in_parts),
		cmocka_unit_test(an_owner_says_too_large),
		cmocka_unit_test(what_was_refused_is_fetched_in_parts),
		cmocka_unit_test(leaves_while_it_waits),
		cmocka_unit_test(forgets_what_the_owner_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
