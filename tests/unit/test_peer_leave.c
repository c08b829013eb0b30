/* What a peer that leaves hands over, and to whom, while others leave and come. */
#include "engine_expect.h"

/* The replica that n heard with these words, and with the Stores before it taken out of its inbox. */
static struct reload_msg *copy_heard(struct node *n, const char *words)
{
	struct reload_msg *m;
	while ((m = heard_code(n, RELOAD_STORE_REQ)))
		if (span_eq(m->body.store_req.kind_data[0].values[0].value.value, span_str(words)))
			return m;
	return NULL;
}

/* u holds these words of s: its own, or with a number as a replica that `from` sent it. */
static uint64_t stores(struct ring *r, struct node *from, struct node *s, const char *words,
	uint8_t replica_number)
{
	struct crafted_store *store = store_of(s, K_NODE, words, replica_number ? 6 : 0);
	store->req.replica_number = replica_number;
	struct craft c = craft_store(from, r->u, store);
	return tell(&c, r->u);
}

static struct node *of_u(struct ring *r)
{
	return node_storing_in(r->u, &r->a->id, &r->u->id);
}

static struct node *of_a(struct ring *r)
{
	return node_storing_in(r->u, &r->b->id, &r->a->id);
}

/* Both neighbours hear nothing of before; b does not answer, so that the hand-over goes on. */
static void begin_to_leave(struct ring *r)
{
	net_pass(r->net, 100);
	forget(r->a);
	forget(r->b);
	reload_peer_leave(r->u->peer, false);
	net_settle(r->net);
}

/* R-7.4.1.1-20: a counter that the next owner may not hear of before u has gone is given to nobody; the writer asks again (STO-10). */
static void takes_no_more_stores(void **state)
{
	struct ring *r = *state;
	struct node *s = of_u(r);
	expect_answer(s, stores(r, s, s, "kept", 0), RELOAD_STORE_ANS);
	begin_to_leave(r);
	assert_non_null(copy_heard(r->b, "kept"));
	r->net->now++;
	struct reload_msg *m = expect_error(s, stores(r, s, s, "later", 0), 2);
	text_is(m->body.error.error_info, "not responsible");
	assert_null(copy_heard(r->b, "later"));
	net_pass(r->net, 5000);
	assert_int_equal(r->u->state, RELOAD_STATE_ENROLLED);
}

/*
 * R-7.4.1.1-12: a, which leaves as well, hands its range to u; b, who comes after both, gets it from u, with its counter.  A second replica it
 * has from a itself.
 */
static void passes_on_what_a_leaving_one_gives(void **state)
{
	struct ring *r = *state;
	struct node *s = of_a(r), *own = of_u(r);
	expect_answer(own, stores(r, own, own, "own", 0), RELOAD_STORE_ANS);
	begin_to_leave(r);
	expect_answer(r->a, stores(r, r->a, s, "given", 1), RELOAD_STORE_ANS);
	struct reload_msg *m = copy_heard(r->b, "given");
	assert_non_null(m);
	assert_int_equal(m->body.store_req.kind_data[0].generation_counter, 6);
	assert_int_equal(m->body.store_req.replica_number, 1);
	r->net->now++;
	expect_answer(r->a, stores(r, r->a, s, "second", 2), RELOAD_STORE_ANS);
	assert_null(copy_heard(r->b, "second"));
}

/* R-10.9-03: with the Leave of a the range of u grows, and what it held of that before it began to leave is handed over too. */
static void hands_over_the_range_of_who_leaves_meanwhile(void **state)
{
	struct ring *r = *state;
	struct node *s = of_a(r), *own = of_u(r);
	node_ready(r->c, r->u);
	expect_answer(own, stores(r, own, own, "own", 0), RELOAD_STORE_ANS);
	expect_answer(r->a, stores(r, r->a, s, "held", 1), RELOAD_STORE_ANS);
	net_pass(r->net, 6000);
	begin_to_leave(r);
	assert_non_null(copy_heard(r->b, "own"));
	assert_null(copy_heard(r->b, "held"));
	struct reload_leave_req leave = { .leaving_peer_id = r->a->id };
	struct reload_destination d = dest(r->u);
	struct craft c = craft(r->a, RELOAD_LEAVE_REQ, &leave, &d);
	tell(&c, r->u);
	net_settle(r->net);
	struct reload_status status;
	reload_peer_status(r->u->peer, &status);
	assert_true(reload_id_between(&status.range_from, &r->a->id, &r->u->id));
	net_pass(r->net, 100);
	struct reload_msg *m = heard_code(r->b, RELOAD_STORE_REQ);
	assert_non_null(m);
	text_is(m->body.store_req.kind_data[0].values[0].value.value, "held");
	assert_null(copy_heard(r->b, "own")); /* which b is being given already */
}

/* R-10.9-03: a may have left just after it gave that, and its Leave be on its way.  What changes nothing here is handed over as well. */
static void hands_over_what_it_was_given_lately(void **state)
{
	struct ring *r = *state;
	struct node *s = of_a(r);
	node_ready(r->c, r->u);
	expect_answer(r->a, stores(r, r->a, s, "held", 1), RELOAD_STORE_ANS);
	net_pass(r->net, 6000);
	expect_answer(r->a, stores(r, r->a, s, "held", 1), RELOAD_STORE_ANS);
	begin_to_leave(r);
	assert_non_null(copy_heard(r->b, "held"));
}

/* R-6.4.2.2-05: once its Leaves are sent it is no holder: who did not get one yet is to try the next peer. */
static void takes_no_replicas_when_it_has_left(void **state)
{
	struct ring *r = *state;
	struct node *s = of_a(r);
	begin_to_leave(r);
	net_pass(r->net, 2200);
	assert_non_null(heard_code(r->b, RELOAD_LEAVE_REQ));
	expect_error(r->a, stores(r, r->a, s, "given", 1), 2);
}

/* R-6.4.2.2-05: who comes in between while u leaves is the next owner, and so is the one behind when the link to it is lost. */
static void hands_over_to_who_is_next_by_now(void **state)
{
	struct ring *r = *state;
	struct node *s = of_u(r), *n = node_new(r->net, 0xa0);
	expect_answer(s, stores(r, s, s, "kept", 0), RELOAD_STORE_ANS);
	begin_to_leave(r);
	assert_non_null(copy_heard(r->b, "kept"));
	node_ready(n, r->u);
	net_pass(r->net, 100);
	assert_non_null(copy_heard(n, "kept"));
	forget(r->b);
	uint32_t number = number_at(r->u, n);
	net_link_between(n, r->u)->state = NET_LINK_NONE;
	reload_peer_link_down(r->u->peer, number, RELOAD_LINK_DOWN);
	net_pass(r->net, 100);
	assert_int_equal(r->u->state, RELOAD_STATE_LEAVING);
	assert_non_null(copy_heard(r->b, "kept"));
	/* it ends in time all the same */
	net_pass(r->net, 5000);
	assert_int_equal(r->u->state, RELOAD_STATE_ENROLLED);
}

/* What the next owner refuses at first is sent again within the time that a Leave takes. */
static void a_refusal_is_asked_again_in_time(void **state)
{
	struct ring *r = *state;
	struct node *s = of_u(r);
	expect_answer(s, stores(r, s, s, "kept", 0), RELOAD_STORE_ANS);
	begin_to_leave(r);
	struct reload_msg *m = copy_heard(r->b, "kept");
	assert_non_null(m);
	struct reload_error_response no = { .error_code = 2 };
	struct reload_destination d = dest(r->u);
	struct craft c = craft(r->b, RELOAD_ERROR, &no, &d);
	c.h.transaction_id = m->header.transaction_id;
	tell(&c, r->u);
	net_pass(r->net, 500);
	assert_non_null(copy_heard(r->b, "kept"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(takes_no_more_stores),
		ring_test(passes_on_what_a_leaving_one_gives),
		ring_test(hands_over_the_range_of_who_leaves_meanwhile),
		ring_test(hands_over_what_it_was_given_lately),
		ring_test(takes_no_replicas_when_it_has_left),
		ring_test(hands_over_to_who_is_next_by_now),
		ring_test(a_refusal_is_asked_again_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
