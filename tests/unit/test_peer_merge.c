/* Values that find their way after failures: brought back, refused for minutes, stored on both sides of a partition. */
#include "engine_expect.h"

#include "peer/internal.h"
#include "replica/internal.h"
#include "topology/chord_past.h"

static const struct reload_stored_entry *held(
	struct node *n, const struct reload_id *resource, uint32_t kind)
{
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	return n->storage->ops->find(n->storage, resource, kind, &place, host_wall(n));
}

static bool holds(struct node *n, const struct reload_id *resource, const char *words)
{
	const struct reload_stored_entry *e = held(n, resource, K_VALUE);
	return e && span_eq(e->data.value.value, span_str(words));
}

static bool is_responsible(struct node *n, const struct reload_id *resource)
{
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	return reload_id_between(&s.range_from, resource, &s.range_to);
}

/* n stores under its own user name; returns where. */
static struct reload_id store_own(struct node *n, const char *words)
{
	struct reload_id resource;
	enum reload_err err;
	reload_peer_resource_id(n->peer, &resource, span_str(n->credentials.cert->user));
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.value = { .model = RELOAD_MODEL_SINGLE, .exists = true, .value = span_str(words) },
		.lifetime_s = 20000 };
	struct outcome *o = outcome_new(n->net);
	assert_non_null(
		reload_peer_store(n->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
	net_settle(n->net);
	assert_int_equal(o->err, RELOAD_OK);
	return resource;
}

enum {
	WATCHED_MAX = 1000
};

/* What of the messages under way a tap looks for: requests with a code about a resource, and those to one node. */
struct watch {
	uint16_t code;
	struct reload_id resource;
	struct node *from, *to; /* whose own it is, and where to; NULL: anybody */
	unsigned refused;       /* so many were, at most */
	unsigned most;
	uint64_t transactions[WATCHED_MAX]; /* of the refused */
	reload_ms last_at;
	bool lose; /* no answer instead of a refusal */
};

static bool watched(const struct watch *w, const struct reload_msg *m, const struct packet *p)
{
	struct span resource = reload_id_span(&w->resource);
	if (m->code != w->code || (w->to && p->to != w->to) ||
		(w->from && (p->from != w->from || m->header.via_list.len)))
		return false;
	return m->code == RELOAD_STORE_REQ ? m->body.store_req.replica_number > 0 &&
						     span_eq(m->body.store_req.resource, resource)
					   : span_eq(m->body.fetch_req.resource, resource);
}

/* A request that is repeated counts once. */
static void note(struct watch *w, uint64_t transaction)
{
	for (size_t i = 0; i < w->refused; i++)
		if (w->transactions[i] == transaction)
			return;
	w->transactions[w->refused++] = transaction;
}

/* Error_Forbidden in the name of who is asked, for the first `most` of what is watched. */
static bool refuse(struct net *net, struct packet *p)
{
	struct watch *w = net->tap_arg;
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool hit = watched(w, m, p) && w->refused < w->most;
	if (hit) {
		note(w, m->header.transaction_id);
		w->last_at = net->now;
	}
	if (hit && !w->lose) {
		struct craft c = craft_error(p->to, m, 2);
		packet_add(p->to, p->from, number_at(p->from, p->to), craft_bytes(&c));
	}
	net->messages_count--; /* there are too many of them to be kept */
	reload_msg_free(m);
	return !hit;
}

/* -- a peer comes back ------------------------------------------------------------------------------------------------------- */

/* The engine and its links end at once, the storage stays. */
static struct reload_storage *crash(struct node *n)
{
	reload_peer_free(TAKE(n->peer));
	for (size_t i = 0; i < NET_LINKS; i++) {
		struct net_link was = n->net->links[i];
		if (was.state == NET_LINK_NONE || (was.ends[0] != n && was.ends[1] != n))
			continue;
		int other = was.ends[0] == n;
		n->net->links[i].state = NET_LINK_NONE;
		if (was.ends[other]->peer)
			reload_peer_link_down(
				was.ends[other]->peer, was.numbers[other], RELOAD_LINK_DOWN);
	}
	return TAKE(n->storage);
}

static void starts_with(struct node *n, struct reload_storage *storage)
{
	struct reload_error_text why = { 0 };
	struct reload_peer_setup setup = { .ops = &net_ops,
		.host = n,
		.config = n->net->config,
		.credentials = &n->credentials,
		.storage = storage,
		.role = RELOAD_ROLE_PEER };
	n->storage = storage;
	assert_int_equal(reload_peer_new(&n->peer, &setup, &why), RELOAD_OK);
}

static void brings_what_it_has(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20), *two = node_new(net, 0x80);
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	struct node *owner = two, *other = one, *s = node_storing(net, owner, K_VALUE);
	struct crafted_store *store = store_of(s, K_VALUE, "only here", 0);
	struct watch w = { .code = RELOAD_STORE_REQ,
		.resource = store->resource,
		.to = other,
		.most = WATCHED_MAX,
		.lose = true };
	net->tap = refuse;
	net->tap_arg = &w;
	struct craft c = craft_store(s, owner, store);
	expect_answer(s, tell(&c, owner), RELOAD_STORE_ANS);
	net_settle(net);
	assert_int_equal(w.refused, 1);
	struct reload_storage *disk = crash(owner);
	net->tap = NULL;
	net_pass(net, 60000);
	assert_false(holds(other, &store->resource, "only here"));
	starts_with(owner, disk);
	node_join(owner, other, RELOAD_ROLE_PEER);
	net_pass(net, 5000);
	assert_int_equal(owner->state, RELOAD_STATE_JOINED);
	assert_true(is_responsible(owner, &store->resource));
	/* R-10.7.3-05: the Admitting Peer, its first successor, did not hand this over, and has it all the same */
	assert_true(holds(other, &store->resource, "only here"));
	net_free(net);
}

/* -- a member of the replica set that refuses ---------------------------------------------------------------------------------- */

struct three {
	struct net *net;
	struct node *owner, *member;
	struct reload_id resource;
	struct watch watch;
};

/* Three engines; the first successor of the owner of the watched value refuses it `most` times. */
static struct three *three_new(unsigned most)
{
	struct net *net = net_new();
	struct three *t = reload_arena_take(&net->arena, sizeof(*t));
	struct node *nodes[] = { node_new(net, 0x20), node_new(net, 0x80), node_new(net, 0xc0) };
	t->net = net;
	node_first(nodes[0]);
	node_join(nodes[1], nodes[0], RELOAD_ROLE_PEER);
	node_join(nodes[2], nodes[0], RELOAD_ROLE_PEER);
	net_pass(net, 60000);
	struct reload_id resource;
	reload_peer_resource_id(
		nodes[0]->peer, &resource, span_str(nodes[0]->credentials.cert->user));
	for (size_t i = 0; i < 3; i++)
		if (is_responsible(nodes[i], &resource)) {
			t->owner = nodes[i];
			t->member = nodes[(i + 1) % 3];
		}
	t->watch = (struct watch){
		.code = RELOAD_STORE_REQ, .resource = resource, .to = t->member, .most = most
	};
	net->tap = refuse;
	net->tap_arg = &t->watch;
	t->resource = store_own(nodes[0], "wanted");
	assert_true(reload_id_eq(&t->resource, &resource));
	return t;
}

static void pass_until_refused(struct three *t, unsigned count, reload_ms most)
{
	reload_ms until = t->net->now + most;
	while (t->watch.refused < count && t->net->now < until)
		net_pass(t->net, 500);
	assert_int_equal(t->watch.refused, count);
}

/*
 * What the member refused in all attempts is sent again in rounds, one attempt each, with pauses between them that grow; nothing else
 * of the range goes with it.
 */
static void given_up_goes_in_rounds(void **state)
{
	(void)state;
	struct three *t = three_new(15);
	static const reload_ms most[] = { 90000, 180000, 360000 };
	pass_until_refused(t, 12, 300000); /* ATTEMPTS */
	for (unsigned round = 0; round < COUNT_OF(most); round++) {
		reload_ms before = t->watch.last_at;
		pass_until_refused(t, 13 + round, most[round] + 1000);
		assert_in_range(t->watch.last_at - before, most[round] / 3, most[round]);
	}
	assert_false(holds(t->member, &t->resource, "wanted"));
	net_pass(t->net, 721000);
	/* R-10.7.3-05: it is in the replica set, and has it in the end */
	assert_true(holds(t->member, &t->resource, "wanted"));
	net_free(t->net);
}

/* A Joining Node that refuses a value does not wait for rounds. */
static void joining_waits_for_no_rounds(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20);
	node_first(one);
	struct reload_id resource = store_own(one, "wanted");
	struct node *two = node_new(net, (uint8_t)(resource.at[0] + 1));
	assert_true(reload_id_between(&one->id, &resource, &two->id));
	struct watch w = { .code = RELOAD_STORE_REQ, .resource = resource, .to = two, .most = 5 };
	net->tap = refuse;
	net->tap_arg = &w;
	node_join(two, one, RELOAD_ROLE_PEER);
	net_pass(net, 9000);
	assert_int_not_equal(two->state, RELOAD_STATE_JOINED);
	net_pass(net, 15000);
	assert_int_equal(w.refused, 5); /* ATTEMPTS_JOIN */
	/* R-10.5-07: the Update that lists it came */
	assert_int_equal(two->state, RELOAD_STATE_JOINED);
	net_free(net);
}

/* -- two rings become one ---------------------------------------------------------------------------------------------------------- */

enum {
	SIDE = 3
};

/* Rings x and y, their peers in turn around the circle; s stores on both sides, t on one each. */
struct two {
	struct net *net;
	struct node *x[SIDE], *y[SIDE], *s, *t;
};

static struct two two_rings(void)
{
	static const uint8_t xs[SIDE] = { 0x10, 0x60, 0xb0 }, ys[SIDE] = { 0x38, 0x88, 0xd8 };
	struct two w = { .net = net_new() };
	for (size_t i = 0; i < SIDE; i++)
		w.x[i] = node_new(w.net, xs[i]);
	for (size_t i = 0; i < SIDE; i++)
		w.y[i] = node_new(w.net, ys[i]);
	w.s = node_new(w.net, 0x45);
	w.t = node_new(w.net, 0x99);
	node_first(w.x[0]);
	node_join(w.x[1], w.x[0], RELOAD_ROLE_PEER);
	node_join(w.x[2], w.x[0], RELOAD_ROLE_PEER);
	w.x[0]->deaf = true; /* the configured bootstrap node: y does not get there */
	node_first(w.y[0]);
	node_join(w.y[1], w.y[0], RELOAD_ROLE_PEER);
	node_join(w.y[2], w.y[0], RELOAD_ROLE_PEER);
	return w;
}

/* from stores at the ring; returns the store. */
static struct crafted_store *store_at(
	struct node *const *ring, struct node *from, uint32_t kind, const char *words)
{
	struct crafted_store *store = store_of(from, kind, words, 0);
	for (size_t i = 0; i < SIDE; i++)
		if (is_responsible(ring[i], &store->resource)) {
			struct craft c = craft_store(from, ring[i], store);
			expect_answer(from, tell(&c, ring[i]), RELOAD_STORE_ANS);
			net_pass(from->net, 7000);
			return store;
		}
	abort();
}

/* The owner in the ring of all, and its two successors. */
static void holders_of(const struct two *w, const struct reload_id *resource, struct node **out)
{
	struct node *all[2 * SIDE];
	for (size_t i = 0; i < SIDE; i++) {
		all[2 * i] = w->x[i];
		all[2 * i + 1] = w->y[i];
	}
	size_t owner = 0;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (reload_id_between(&all[(i + COUNT_OF(all) - 1) % COUNT_OF(all)]->id, resource,
			    &all[i]->id))
			owner = i;
	for (size_t i = 0; i < 3; i++)
		out[i] = all[(owner + i) % COUNT_OF(all)];
}

static void merges(void **state)
{
	(void)state;
	struct two w = two_rings();
	struct crafted_store *newest[4];
	store_at(w.x, w.s, K_VALUE, "old");
	newest[0] = store_at(w.y, w.s, K_VALUE, "newer in y");
	store_at(w.y, w.s, K_NODE, "old");
	newest[1] = store_at(w.x, w.s, K_NODE, "newer in x");
	newest[2] = store_at(w.x, w.t, K_VALUE, "x alone");
	newest[3] = store_at(w.y, w.t, K_NODE, "y alone");
	w.x[0]->deaf = false;
	net_pass(w.net, 1800000);
	size_t wandered = 0, conflicts = 0;
	for (size_t i = 0; i < SIDE; i++)
		conflicts += w.x[i]->events[RELOAD_EV_VALUE_CONFLICT] +
			     w.y[i]->events[RELOAD_EV_VALUE_CONFLICT];
	/* the two of which there were two versions are told of, those of one ring alone are not */
	assert_in_range(conflicts, 2, 4);
	for (size_t i = 0; i < COUNT_OF(newest); i++) {
		struct node *holders[3];
		const struct crafted_store *n = newest[i];
		reload_utc ends = n->data.storage_time + n->data.lifetime * 1000ull;
		holders_of(&w, &n->resource, holders);
		assert_true(is_responsible(holders[0], &n->resource));
		for (size_t k = 0; k < 3; k++) {
			const struct reload_stored_entry *e =
				held(holders[k], &n->resource, n->kind.kind);
			/* R-6.4.2.3-03: whoever is responsible now has it */
			assert_non_null(e);
			/* of two versions the one that was stored later */
			assert_true(span_eq(e->data.value.value, n->data.value.value));
			assert_int_equal(e->data.storage_time, n->data.storage_time);
			/* R-7.4.1.1-21: it ends when it was to end, but for a second that had begun at each hop */
			assert_in_range(reload_entry_expires(e), ends - 3000, ends + 3000);
			wandered += e->received > n->data.storage_time + 60000;
		}
	}
	assert_in_range(wandered, 4, 12);
	net_free(w.net);
}

/* The certificate for a Node-ID that was changed. */
static void node_again(struct node *n)
{
	reload_key_free(n->credentials.key);
	reload_cert_free(n->credentials.cert);
	n->credentials.cert = reload_sim_cert_of(
		&(struct reload_sim_cert_form){ .user = "again@" RELOAD_SIM_OVERLAY,
			.overlay = RELOAD_SIM_OVERLAY,
			.nodes = &n->id,
			.nodes_count = 1 });
	n->credentials.key = reload_sim_key(n->credentials.cert);
	n->credentials.node = n->id;
}

static bool newer_is_not_sent(struct net *net, struct packet *p)
{
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool passes = true;
	for (size_t i = 0; m->code == RELOAD_STORE_REQ && i < m->body.store_req.kind_data_count;
		i++) {
		const struct reload_store_kind *k = &m->body.store_req.kind_data[i];
		for (size_t v = 0; v < k->values_count; v++)
			passes &= !span_eq(k->values[v].value.value, span_str("newer in y"));
	}
	net->messages_count--; /* there are too many of them to be kept */
	reload_msg_free(m);
	return passes;
}

/* Who stores what is older than what is there is told so, and fetches that; nobody sends it of his own accord. */
static void older_is_exchanged(void **state)
{
	(void)state;
	struct two w = two_rings();
	struct node *holders[3] = { 0 };
	struct reload_id resource;
	do { /* one whose values belong to a peer of x in the ring of all */
		w.t->id.at[0]++;
		reload_chord_topology.resource_id(&resource, reload_id_span(&w.t->id));
		holders_of(&w, &resource, holders);
	} while (holders[0] != w.x[0] && holders[0] != w.x[1] && holders[0] != w.x[2]);
	node_again(w.t);
	store_at(w.x, w.t, K_NODE, "old");
	store_at(w.y, w.t, K_NODE, "newer in y");
	w.net->tap = newer_is_not_sent;
	w.x[0]->deaf = false;
	net_pass(w.net, 1800000);
	assert_true(is_responsible(holders[0], &resource));
	const struct reload_stored_entry *e = held(holders[0], &resource, K_NODE);
	assert_non_null(e);
	/* R-7.4.1.1-22 R-7.4.1.1-23 */
	assert_true(span_eq(e->data.value.value, span_str("newer in y")));
	net_free(w.net);
}

/* -- offers: how many, how often -------------------------------------------------------------------------------------------------------------- */

static void offers_have_a_limit(void **state)
{
	struct ring *r = *state;
	size_t before = r->u->peer->replica->owner_checks_count;
	assert_true(before < 32);
	for (unsigned i = 0; i < 100; i++) {
		struct reload_id resource = id_at(0xa0);
		resource.at[1] = (uint8_t)(2 * i);
		reload_owner_check_resource(r->u->peer->replica, &resource);
	}
	/* whoever has stored so many replicas here leaves room for ranges whose owner has changed */
	assert_int_equal(r->u->peer->replica->owner_checks_count, 32);
	for (unsigned i = 0; i < 100; i++) {
		struct reload_id from = id_at(0x90), to = from;
		from.at[1] = (uint8_t)(2 * i);
		to.at[1] = (uint8_t)(2 * i + 1);
		reload_owner_check_range(r->u->peer->replica, &from, &to, false);
	}
	assert_int_equal(r->u->peer->replica->owner_checks_count, 64); /* CHECKS_MAX */
	/* there is nothing in them: all are over after a round */
	net_pass(r->net, 10000);
	assert_int_equal(r->u->peer->replica->owner_checks_count, before);
}

enum {
	OFFERED_MS = 210000 /* 60 to 180 s between two, and the time limit of the first */
};

/* An owner that says nothing is asked again, with pauses that grow to minutes, until it answers. */
static void silent_owner_is_asked_until_it_answers(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20), *two = node_new(net, 0x80);
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	struct reload_id resource = store_own(one, "kept");
	struct node *owner = is_responsible(one, &resource) ? one : two,
		    *former = owner == one ? two : one;
	struct watch w = { .code = RELOAD_STAT_REQ,
		.from = former,
		.resource = resource,
		.most = WATCHED_MAX,
		.lose = true };
	net->tap = refuse;
	net->tap_arg = &w;
	for (unsigned i = 1; i < 4; i++)
		node_join(node_new(net, (uint8_t)(owner->id.at[0] + i)), owner, RELOAD_ROLE_PEER);
	net_pass(net, 120000);
	assert_in_range(w.refused, 4, 16);
	unsigned early = w.refused;
	net_pass(net, 3600000);
	/* R-6.4.2.3-03: two ranges */
	assert_in_range(w.refused - early, 2 * 3600000 / OFFERED_MS, 2 * 3600 / 60);
	/* R-10.7.3-06: nor has the owner, for whom it is no replica any more, removed anything there */
	assert_true(holds(former, &resource, "kept"));
	w.most = 0;
	net_pass(net, OFFERED_MS);
	/* STO-17: a new owner takes the next one */
	assert_in_range(CHORD_UNSETTLED_MS, OFFERED_MS, 2 * OFFERED_MS);
	assert_false(holds(former, &resource, "kept"));
	assert_true(holds(owner, &resource, "kept"));
	net_free(net);
}

/* What the owner has not, as a Stat tells, is stored there by who holds it. */
static void owner_without_it_gets_it(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *one = node_new(net, 0x20), *two = node_new(net, 0x80);
	node_first(one);
	node_join(two, one, RELOAD_ROLE_PEER);
	struct reload_id resource = store_own(one, "kept");
	struct node *owner = is_responsible(one, &resource) ? one : two,
		    *former = owner == one ? two : one;
	owner->storage->ops->drop_range(owner->storage, &former->id, &owner->id);
	assert_false(holds(owner, &resource, "kept"));
	assert_true(holds(former, &resource, "kept"));
	for (unsigned i = 1; i < 4; i++)
		node_join(node_new(net, (uint8_t)(owner->id.at[0] + i)), owner, RELOAD_ROLE_PEER);
	net_pass(net, 60000);
	/* R-6.4.2.3-03 */
	assert_true(holds(owner, &resource, "kept"));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_what_it_has),
		cmocka_unit_test(given_up_goes_in_rounds),
		cmocka_unit_test(joining_waits_for_no_rounds),
		cmocka_unit_test(merges),
		cmocka_unit_test(older_is_exchanged),
		ring_test(offers_have_a_limit),
		cmocka_unit_test(silent_owner_is_asked_until_it_answers),
		cmocka_unit_test(owner_without_it_gets_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
