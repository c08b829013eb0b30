/* A peer whose quota is full: what it cannot take, it does not serve in an older version. */
#include "engine_expect.h"

/* A Store of a value that lies in the range of a, for which u is the first replica. */
static struct crafted_store *replica_for(struct ring *r, struct node **signer)
{
	for (unsigned first = 0x21; first < 0x7f; first++) {
		struct reload_id id = id_at((uint8_t)first), at;
		reload_chord_topology.resource_id(&at, reload_id_span(&id));
		if (!reload_id_between(&r->b->id, &at, &r->a->id))
			continue;
		*signer = node_new(r->net, (uint8_t)first);
		return store_of(*signer, K_NODE, "old", 1);
	}
	fail();
	return NULL;
}

static const struct reload_stored_entry *held(struct ring *r, const struct node *signer)
{
	struct reload_id at;
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	reload_chord_topology.resource_id(&at, reload_id_span(&signer->id));
	return r->u->storage->ops->find(
		r->u->storage, &at, K_NODE, &place, RELOAD_SIM_EPOCH + r->net->now);
}

/* Takes what is left of the quota of n, but for less than one value needs. */
static void fill(struct node *n)
{
	static uint8_t bytes[1 << 19];
	uint32_t index = 0;
	for (size_t len = sizeof(bytes); len; len /= 2) {
		struct reload_stored_entry e = { .received = RELOAD_SIM_EPOCH + n->net->now };
		e.data.lifetime = 3600;
		e.data.value = (struct reload_stored_value){ .model = RELOAD_MODEL_ARRAY,
			.exists = true,
			.index = index++,
			.value = span_of(bytes, len) };
		struct reload_store_change change = { K_LATE, 1, &e, 1 };
		struct reload_store_batch batch = { id_at(0x7f), &change, 1, e.received };
		(void)n->storage->ops->commit(n->storage, &batch, NULL, NULL);
	}
}

/* STO-12: refused for want of room; the version of before is gone with it, for this node may come to answer for the place */
static void a_newer_version_that_finds_no_room(void **state)
{
	struct ring *r = *state;
	struct node *s = NULL;
	struct crafted_store *store = replica_for(r, &s);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(s, &to); /* which makes the signer's certificate known */
	expect_answer(s, tell(&c, r->u), RELOAD_PING_ANS);
	store->req.replica_number = 1;
	c = craft_store(r->a, r->u, store);
	expect_answer(r->a, tell(&c, r->u), RELOAD_STORE_ANS);
	assert_non_null(held(r, s));

	fill(r->u);
	static char longer[1500];
	memset(longer, 'n', sizeof(longer) - 1);
	struct crafted_store *newer = store_of(s, K_NODE, longer, 2);
	newer->req.replica_number = 1;
	newer->data.storage_time = store->data.storage_time + 1000;
	store_sign(newer, s);
	c = craft_store(r->a, r->u, newer);
	expect_error(r->a, tell(&c, r->u), 8);
	assert_null(held(r, s));
	/* with room it takes it, and with the counter of the owner */
	r->u->storage->ops->drop_kind(r->u->storage, K_LATE);
	c = craft_store(r->a, r->u, newer);
	expect_answer(r->a, tell(&c, r->u), RELOAD_STORE_ANS);
	assert_non_null(held(r, s));
	assert_int_equal(held(r, s)->data.value.value.len, sizeof(longer) - 1);
}

/* STO-12: the same when it is refused for max-size (or max-count), which another document of the sender may allow */
static void a_newer_version_that_is_too_large(void **state)
{
	struct ring *r = *state;
	struct node *s = NULL;
	struct crafted_store *store = replica_for(r, &s);
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(s, &to);
	expect_answer(s, tell(&c, r->u), RELOAD_PING_ANS);
	store->req.replica_number = 1;
	c = craft_store(r->a, r->u, store);
	expect_answer(r->a, tell(&c, r->u), RELOAD_STORE_ANS);
	assert_non_null(held(r, s));

	static char larger[2002];
	memset(larger, 'n', sizeof(larger) - 1);
	struct crafted_store *newer = store_of(s, K_NODE, larger, 2);
	newer->req.replica_number = 1;
	newer->data.storage_time = store->data.storage_time + 1000;
	store_sign(newer, s);
	c = craft_store(r->a, r->u, newer);
	expect_error(r->a, tell(&c, r->u), 8);
	assert_null(held(r, s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(a_newer_version_that_finds_no_room),
		ring_test(a_newer_version_that_is_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
