/* Values on their way to where they belong: what was refused, who leaves, who is no holder any more (RFC 6940 s7.4.1.1, s10.7.3). */
#include "engine_expect.h"

#include "peer/internal.h"
#include "replica/internal.h"
#include "replica/push.h"

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

/* STO-17: of a stranger, the newer version of what is held; another value only shortly after rings may have merged */
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
	/* nothing is held: it may have expired here */
	c = craft_store(far, u, store);
	expect_error(far, tell(&c, u), 2);
	assert_int_equal(fetches_heard(far, &m), 0);
	/* the first version comes from its writer */
	store = store_of(s, K_NODE, "mine", 0);
	c = craft_store(s, u, store);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	struct crafted_store *newer = store_of(s, K_NODE, "newer", 9);
	newer->data.storage_time += 1000;
	store_sign(newer, s);
	newer->req.replica_number = 1;
	hint(u, far, newer, UINT64_MAX);
	assert_int_equal(
		u->storage->ops->generation(u->storage, &newer->resource, K_NODE, host_wall(u)), 2);
	net_free(net);
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
	struct reload_way way = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("kept") },
		.lifetime_s = 3600 };
	struct outcome *o = outcome_new(net);
	net->tap = no_replicas;
	assert_non_null(
		reload_peer_store(one->peer, &way, &resource, &item, 1, outcome_fn, o, &err));
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
		reload_peer_fetch(stays->peer, &way, &resource, &spec, 1, outcome_fn, o, &err));
	net_pass(net, 1000);
	assert_int_equal(o->err, RELOAD_OK);
	assert_string_equal(o->value, "kept");
	net_free(net);
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
	struct reload_way way = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = K_VALUE };
	struct outcome *o = outcome_new(net), *late = outcome_new(net), *lost = outcome_new(net);
	struct span kept = { .len = 0 };
	net->tap = answer_is_late;
	net->tap_arg = &kept;
	assert_non_null(
		reload_peer_fetch(leaves->peer, &way, &resource, &spec, 1, outcome_fn, o, &err));
	reload_peer_leave(leaves->peer, false);
	assert_null(
		reload_peer_fetch(leaves->peer, &way, &resource, &spec, 1, outcome_fn, late, &err));
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
	assert_non_null(
		reload_peer_fetch(leaves->peer, &way, &resource, &spec, 1, outcome_fn, lost, &err));
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

/* -- what is larger than a message ------------------------------------------------------------------------------------------ */

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
	struct reload_way way = { .list = &to, .count = 1 };
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
		assert_non_null(
			reload_peer_store(n->peer, &way, resource, items, k, outcome_fn, o, &err));
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
	struct reload_way way = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("kept") },
		.lifetime_s = 36000 };
	struct outcome *o = outcome_new(net);
	assert_non_null(
		reload_peer_store(owner->peer, &way, &resource, &item, 1, outcome_fn, o, &err));
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
	struct reload_way way = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("kept") },
		.lifetime_s = 3600 };
	struct outcome *o = outcome_new(net);
	assert_non_null(
		reload_peer_store(one->peer, &way, &resource, &item, 1, outcome_fn, o, &err));
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
		ring_test(refused_goes_out_again),
		ring_test(implausible_is_fetched),
		cmocka_unit_test(of_strangers_the_newer_version_only),
		ring_test(expired_here_is_no_news),
		ring_test(hints_bring_no_other_kinds),
		cmocka_unit_test(leaves_with_hand_over),
		cmocka_unit_test(leaves_with_its_answers),
		cmocka_unit_test(an_owner_is_asked_in_parts),
		cmocka_unit_test(an_owner_says_too_large),
		cmocka_unit_test(what_was_refused_is_fetched_in_parts),
		cmocka_unit_test(leaves_while_it_waits),
		cmocka_unit_test(forgets_what_the_owner_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
