/* Commits of a storage that is durable later (RFC 6940 s7.4.1.1). */
#include "engine_expect.h"

/* The memory storage, whose commits are durable when the test says so. */
static struct {
	struct reload_storage_ops ops, memory;
	struct {
		reload_committed_fn done;
		void *arg;
		struct reload_id resource;
	} waiting[16];
	size_t count;
} slow;

static enum reload_err slow_commit(struct reload_storage *s, const struct reload_store_batch *batch,
	reload_committed_fn done, void *arg)
{
	enum reload_err err = slow.memory.commit(s, batch, NULL, NULL);
	if (err)
		return err;
	assert_true(slow.count < COUNT_OF(slow.waiting));
	slow.waiting[slow.count].done = done;
	slow.waiting[slow.count].arg = arg;
	slow.waiting[slow.count++].resource = batch->resource;
	return RELOAD_OK;
}

static void slow_down(struct node *n)
{
	slow.count = 0;
	slow.memory = slow.ops = *n->storage->ops;
	slow.ops.commit = slow_commit;
	n->storage->ops = &slow.ops;
}

/* Ends all that waits; an error takes it back. */
static void slow_end(struct node *n, enum reload_err err)
{
	size_t count = slow.count;
	slow.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct reload_id before = slow.waiting[i].resource;
		for (size_t b = before.len; b-- > 0 && before.at[b]-- == 0;)
			;
		if (err)
			slow.memory.drop_range(n->storage, &before, &slow.waiting[i].resource);
		slow.waiting[i].done(slow.waiting[i].arg, err);
	}
	net_settle(n->net);
}

static void durable_later(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	slow_down(r->u);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	struct craft c = craft_store(s, r->u, store);
	uint64_t id = tell(&c, r->u);
	net_pass(r->net, 2000);
	/* R-7.4.1.1-18 R-7.4.1.2-01: neither answer nor replicas before it is durable */
	expect_silence(s, id);
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	assert_int_equal(slow.count, 1);
	slow_end(r->u, RELOAD_OK);
	expect_answer(s, id, RELOAD_STORE_ANS);
	assert_non_null(heard_code(r->b, RELOAD_STORE_REQ));
	assert_non_null(heard_code(r->a, RELOAD_STORE_REQ));
}

static void never_durable(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct reload_status before, after;
	slow_down(r->u);
	reload_peer_status(r->u->peer, &before);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	struct craft c = craft_store(s, r->u, store);
	uint64_t id = tell(&c, r->u);
	slow_end(r->u, RELOAD_IO);
	/* R-7.4.1.1-18: Error_Request_Timeout, after which a node may send it again later */
	expect_error(s, id, 4);
	assert_null(heard_code(r->b, RELOAD_STORE_REQ));
	reload_peer_status(r->u->peer, &after);
	assert_int_equal(after.values, before.values);
	/* and it can be */
	c = craft_store(s, r->u, store);
	id = tell(&c, r->u);
	slow_end(r->u, RELOAD_OK);
	expect_answer(s, id, RELOAD_STORE_ANS);
}

/*
 * Another peer has become responsible while the disk wrote, and does not know of the Store: an answer would give a counter that it gives again
 * (R-7.4.1.1-20).  Repeated, the request goes to that peer.
 */
static void handed_over_before_it_is_durable(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE), *before = node_new(r->net, 0x7f);
	struct reload_status status;
	slow_down(r->u);
	struct craft c = craft_store(s, r->u, store_of(s, K_NODE, "value", 0));
	uint64_t id = tell(&c, r->u);
	assert_int_equal(slow.count, 1);
	node_ready(before, r->u);
	reload_peer_status(r->u->peer, &status);
	assert_true(reload_id_eq(&status.range_from, &before->id));
	slow_end(r->u, RELOAD_OK);
	expect_silence(s, id);
}

/* The same when this node began to leave while the disk wrote: the next owner gets it, and the writer asks that one (R-7.4.1.1-20). */
static void leaves_before_it_is_durable(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	slow_down(r->u);
	struct craft c = craft_store(s, r->u, store_of(s, K_NODE, "kept", 0));
	uint64_t id = tell(&c, r->u);
	reload_peer_leave(r->u->peer, false);
	net_settle(r->net);
	forget(r->b); /* it does not answer: the hand-over goes on */
	slow_end(r->u, RELOAD_OK);
	expect_silence(s, id);
	assert_non_null(heard_code(r->b, RELOAD_STORE_REQ));
}

/* A replica that comes a second time changes nothing, but is answered no earlier than the first one. */
static void a_repeat_waits_too(void **state)
{
	struct ring *r = *state;
	struct node *s = NULL; /* its place is in a's range; u is a's first successor */
	struct crafted_store *store = NULL;
	for (unsigned first = 0x21; !store && first < 0x7f; first++) {
		struct reload_id id = id_at((uint8_t)first), at;
		reload_chord_topology.resource_id(&at, reload_id_span(&id));
		if (!reload_id_between(&r->b->id, &at, &r->a->id))
			continue;
		s = node_new(r->net, (uint8_t)first);
		store = store_of(s, K_NODE, "copy", 1);
	}
	assert_non_null(store);
	struct reload_destination to = dest(r->u);
	struct craft ping = craft_ping(s, &to); /* which makes the signer's certificate known */
	expect_answer(s, tell(&ping, r->u), RELOAD_PING_ANS);
	slow_down(r->u);
	store->req.replica_number = 1;
	struct craft c = craft_store(r->a, r->u, store);
	uint64_t first = tell(&c, r->u);
	c = craft_store(r->a, r->u, store);
	uint64_t second = tell(&c, r->u);
	/* STO-01 R-7.4.1.1-18 */
	expect_silence(r->a, first);
	expect_silence(r->a, second);
	slow_end(r->u, RELOAD_OK);
	expect_answer(r->a, first, RELOAD_STORE_ANS);
	expect_answer(r->a, second, RELOAD_STORE_ANS);
}

/* This node's own Store, at itself: nobody signs or sends anything. */
static void own_store_durable_later(void **state)
{
	struct net *net = net_new();
	struct node *n = node_new(net, 0x80);
	struct reload_id resource;
	struct reload_store_item item = { .kind = K_NODE,
		.lifetime_s = 60,
		.value = { .exists = true, .value = span_str("own") } };
	struct outcome *o = outcome_new(net);
	enum reload_err err;
	(void)state;
	node_first(n);
	reload_peer_resource_id(n->peer, &resource, reload_id_span(&n->id));
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	slow_down(n);
	assert_non_null(
		reload_peer_store(n->peer, &target, &resource, &item, 1, outcome_fn, o, &err));
	net_settle(net);
	assert_int_equal(slow.count, 1);
	assert_int_equal(o->calls, 0);
	slow_end(n, RELOAD_OK);
	/* R-7.4.1.1-18 */
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	net_free(net);
}

/* It ends while the disk is at work: what comes afterwards finds nobody, and hurts nobody. */
static void ends_before_it_is_durable(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing(r->net, r->u, K_NODE);
	slow_down(r->u);
	struct craft c = craft_store(s, r->u, store_of(s, K_NODE, "value", 0));
	uint64_t id = tell(&c, r->u);
	assert_int_equal(slow.count, 1);
	reload_peer_free(TAKE(r->u->peer));
	slow.waiting[0].done(slow.waiting[0].arg, RELOAD_OK);
	expect_silence(s, id);
	reload_storage_free(TAKE(r->u->storage));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(durable_later),
		ring_test(never_durable),
		ring_test(handed_over_before_it_is_durable),
		ring_test(leaves_before_it_is_durable),
		ring_test(a_repeat_waits_too),
		cmocka_unit_test(own_store_durable_later),
		ring_test(ends_before_it_is_durable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
