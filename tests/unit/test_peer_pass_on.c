/* Replicas that are passed on to a peer which their owner does not know yet. */
#include "engine_expect.h"

/* What n hears of a replica Store, with the version of s's value from that time, that `from` sends u. */
static struct reload_msg *passed_on(struct node *from, struct node *u, struct node *n,
	struct node *s, uint8_t number, uint64_t time)
{
	struct crafted_store *store = store_of(s, K_NODE, "copy", 6);
	store->data.storage_time = RELOAD_SIM_EPOCH + time;
	store_sign(store, s);
	store->req.replica_number = number;
	struct craft c = craft_store(from, u, store);
	forget(n);
	expect_answer(from, tell(&c, u), RELOAD_STORE_ANS);
	return heard_code(n, RELOAD_STORE_REQ);
}

/*
 * a takes u for its first successor, but n has just joined between the two, and does not announce itself before it has a link to all its
 * neighbours.  Should a go by then, n answers for what a stored.
 */
static void replica_for_who_joined_lately(void **state)
{
	struct ring *r = *state;
	struct node *s = node_storing_in(r->u, &r->b->id, &r->a->id), *n = node_new(r->net, 0x7f);
	node_ready(n, r->u);
	struct reload_msg *m = passed_on(r->a, r->u, n, s, 1, 1);
	assert_non_null(m);
	/* R-7.4.1.1-12: with its counter, as a replica */
	assert_int_equal(m->body.store_req.kind_data[0].generation_counter, 6);
	assert_int_equal(m->body.store_req.replica_number, 1);
	text_is(m->body.store_req.kind_data[0].values[0].value.value, "copy");
	/* once more the same too, as n may not have it; R-10.4-04: what comes from who knows n, or from n itself, goes no further */
	assert_non_null(passed_on(r->a, r->u, n, s, 1, 1));
	assert_null(passed_on(r->a, r->u, n, s, 2, 2));
	assert_null(passed_on(n, r->u, n, s, 1, 3));
}

/* R-10.4-04: only between an owner and this node there is one that the owner has passed over. */
static void replica_of_no_owner_goes_no_further(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *n = node_new(net, 0x50), *a = node_new(net, 0x20);
	node_first(u);
	node_ready(a, u);
	node_ready(n, u);
	struct node *of_n = node_storing_in(u, &a->id, &n->id),
		    *of_u = node_storing_in(u, &n->id, &u->id);
	assert_null(passed_on(a, u, n, of_n, 1, 1));
	/* of its own range u makes the replicas, and n is the second */
	struct reload_msg *m = passed_on(a, u, n, of_u, 1, 1);
	assert_non_null(m);
	assert_int_equal(m->body.store_req.replica_number, 2);
	assert_null(heard_code(n, RELOAD_STORE_REQ));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(replica_for_who_joined_lately),
		cmocka_unit_test(replica_of_no_owner_goes_no_further),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
