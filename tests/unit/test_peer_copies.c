/* An Update that was overtaken by its receiver's Join is not repeated. */
#include "engine_expect.h"

enum {
	REPEATED_MS = 3500 /* by then an unanswered request has been repeated */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(who_joins_hears_nothing_of_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
