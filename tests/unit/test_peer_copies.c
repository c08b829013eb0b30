/* Updates that are overtaken by what their receiver does: it joins, or goes and comes back. */
#include "engine_expect.h"

enum {
	REPEATED_MS = 3500,   /* by then an unanswered request has been repeated */
	UNANSWERED_MS = 20000 /* by then it has failed */
};

static bool hears_again(struct node *n, uint64_t id, reload_ms within)
{
	forget(n);
	net_pass(n->net, within);
	return heard(n, id) != NULL;
}

/* What is handed over is taken; returns the Update that n hears then. */
static struct reload_msg *update_behind_stores(struct node *n, struct node *u)
{
	struct reload_msg *m;
	do {
		net_pass(n->net, 100);
		if ((m = heard_code(n, RELOAD_STORE_REQ))) {
			struct reload_store_ans ans = { 0 };
			struct craft c = reply(n, m, RELOAD_STORE_ANS, &ans);
			tell(&c, u);
		}
	} while (m);
	m = heard_code(n, RELOAD_UPDATE_REQ);
	assert_non_null(m);
	return m;
}

static void who_joins_hears_nothing_of_before(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x50);
	struct reload_join_req join = { .joining_peer_id = n->id };
	struct reload_destination to = dest(r->u);
	net_link(n, r->u);
	struct craft c = craft(n, RELOAD_JOIN_REQ, &join, &to);
	expect_answer(n, tell(&c, r->u), RELOAD_JOIN_ANS);
	struct reload_msg *m = update_behind_stores(n, r->u);
	assert_true(reload_id_eq(&m->body.update.predecessors[0], &n->id));
	uint64_t id = m->header.transaction_id;
	/* repeated, as long as n does not answer, */
	assert_true(hears_again(n, id, REPEATED_MS));
	/* but its next Join begins anew: what u says then comes behind the answer (CHORD-11) */
	forget(n);
	c = craft(n, RELOAD_JOIN_REQ, &join, &to);
	expect_answer(n, tell(&c, r->u), RELOAD_JOIN_ANS);
	assert_non_null(heard_code(n, RELOAD_UPDATE_REQ));
	assert_false(hears_again(n, id, REPEATED_MS));
}

/* n answers the Updates that it hears, but not the one from before. */
static void answers_updates(struct node *n, struct node *u, uint64_t before, reload_ms time)
{
	for (reload_ms passed = 0; passed < time; passed += 500) {
		struct reload_msg *m;
		net_pass(n->net, 500);
		while ((m = heard_code(n, RELOAD_UPDATE_REQ))) {
			struct craft c = reply(n, m, RELOAD_UPDATE_ANS, NULL);
			if (m->header.transaction_id != before)
				tell(&c, u);
		}
	}
}

static void leaves(struct node *n, struct node *u)
{
	struct reload_leave_req req = { .leaving_peer_id = n->id };
	struct reload_destination to = dest(u);
	struct craft c = craft(n, RELOAD_LEAVE_REQ, &req, &to);
	expect_answer(n, tell(&c, u), RELOAD_LEAVE_ANS);
}

static void closes(struct node *n, struct node *u)
{
	host_link_close(n, number_at(n, u));
	net_settle(n->net);
}

/* An Update that nobody was there to answer says nothing about the link that its receiver makes when it is back. */
static void who_is_back_is_not_lost(void **state)
{
	(void)state;
	static void (*const ways[])(struct node * n, struct node * u) = { leaves, closes };
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct net *net = net_new();
		struct node *u = node_new(net, 0x80), *n = node_new(net, 0x50);
		node_first(u);
		node_ready(n, u);
		struct reload_msg *m = heard_code(n, RELOAD_UPDATE_REQ);
		assert_non_null(m);
		ways[i](n, u);
		assert_null(net_link_between(n, u));
		net_pass(net, 1000);
		node_ready(n, u);
		struct net_link *l = net_link_between(n, u);
		assert_non_null(l);
		answers_updates(n, u, m->header.transaction_id, UNANSWERED_MS);
		assert_ptr_equal(net_link_between(n, u), l);
		net_free(net);
	}
}

/* s10.7.4.1: this is how one that stopped silently is found */
static void who_does_not_answer_is_lost(void **state)
{
	struct ring *r = *state;
	struct node *n = node_new(r->net, 0x50);
	node_ready(n, r->u);
	assert_non_null(heard_code(n, RELOAD_UPDATE_REQ));
	net_pass(r->net, UNANSWERED_MS);
	assert_null(net_link_between(n, r->u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(who_joins_hears_nothing_of_before),
		cmocka_unit_test(who_is_back_is_not_lost),
		ring_test(who_does_not_answer_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
