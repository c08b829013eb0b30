/* Messages are verified by several threads, while links come and go. */
#include "engine_expect.h"

/* The link between n and u ends, for u. */
static void link_lost(struct node *n, struct node *u)
{
	uint32_t number = number_at(u, n);
	net_link_between(n, u)->state = NET_LINK_NONE;
	reload_peer_link_down(u->peer, number, RELOAD_LINK_DOWN);
}

static bool in_tables(struct node *u, const struct reload_id *id)
{
	struct reload_status s;
	reload_peer_status(u->peer, &s);
	return reload_id_listed(s.tables.successors, s.tables.successors_count, id) ||
	       reload_id_listed(s.tables.predecessors, s.tables.predecessors_count, id);
}

static struct craft craft_update(struct node *from, struct node *to)
{
	struct reload_chord_update update = { .uptime = 1,
		.type = RELOAD_CHORD_NEIGHBORS,
		.predecessors = &to->id,
		.predecessors_count = 1,
		.successors = &to->id,
		.successors_count = 1 };
	struct reload_destination d = dest(to);
	return craft(from, RELOAD_UPDATE_REQ, &update, &d);
}

/* n says it to u; its signature is still to be verified when this returns. */
static void said(struct node *n, struct node *u, const struct craft *c)
{
	size_t before = n->net->jobs_count;
	say(n, u, craft_bytes(c));
	net_settle(n->net);
	assert_int_equal(n->net->jobs_count, before + 1);
}

/* Puts the newest of the waiting jobs in front of the others, as if its thread were the fastest. */
static void last_is_first(struct net *net)
{
	struct reload_job *last = net->jobs[net->jobs_count - 1];
	memmove(net->jobs + 1, net->jobs, (net->jobs_count - 1) * sizeof(struct reload_job *));
	net->jobs[0] = last;
}

static void verified(struct net *net)
{
	net->hold_jobs = false;
	net_settle(net);
}

static void an_update_makes_no_neighbour(void **state)
{
	struct ring *r = *state;
	struct craft c = craft_update(r->c, r->u);
	net_link(r->c, r->u);
	r->net->hold_jobs = true;
	said(r->c, r->u, &c);
	link_lost(r->c, r->u);
	verified(r->net);
	assert_false(in_tables(r->u, &r->c->id));
	/* over its link the same Update does */
	node_ready(r->c, r->u);
	assert_true(in_tables(r->u, &r->c->id));
}

/* b left, and is back before its Leave has been verified: several are at the same time, and the Update is done first. */
static void a_leave_does_not_end_the_next_stay(void **state)
{
	struct ring *r = *state;
	struct net *net = r->net;
	struct reload_leave_req leave = { .leaving_peer_id = r->b->id };
	struct reload_destination d = dest(r->u);
	struct craft c = craft(r->b, RELOAD_LEAVE_REQ, &leave, &d), back = craft_update(r->b, r->u);
	net->hold_jobs = true;
	said(r->b, r->u, &c);
	link_lost(r->b, r->u);
	net_link(r->b, r->u);
	said(r->b, r->u, &back);
	last_is_first(net);
	verified(net);
	assert_true(in_tables(r->u, &r->b->id));
}

/* Over one link they are served in the order in which they came, whichever signature is done first; three of them here. */
static void what_is_said_later_counts(void **state)
{
	struct ring *r = *state;
	struct net *net = r->net;
	struct reload_leave_req leave = { .leaving_peer_id = r->c->id };
	struct reload_destination d = dest(r->u);
	struct craft c = craft(r->c, RELOAD_LEAVE_REQ, &leave, &d),
		     update = craft_update(r->c, r->u), again = craft_update(r->c, r->u);
	net_link(r->c, r->u);
	net->hold_jobs = true;
	said(r->c, r->u, &update);
	said(r->c, r->u, &again);
	said(r->c, r->u, &c);
	last_is_first(net);
	verified(net);
	assert_false(in_tables(r->u, &r->c->id));
	struct reload_msg *first = heard_code(r->c, RELOAD_UPDATE_ANS);
	assert_non_null(first);
	assert_int_equal(first->header.transaction_id, update.h.transaction_id);
	expect_answer(r->c, again.h.transaction_id, RELOAD_UPDATE_ANS);
	expect_answer(r->c, c.h.transaction_id, RELOAD_LEAVE_ANS);
}

/* One whose signature does not hold is in nobody's way. */
static void what_is_false_keeps_nothing(void **state)
{
	struct ring *r = *state;
	struct net *net = r->net;
	struct craft wrong = craft_update(r->c, r->u), update = craft_update(r->c, r->u);
	net_link(r->c, r->u);
	wrong.bad_signature = true;
	net->hold_jobs = true;
	said(r->c, r->u, &wrong);
	said(r->c, r->u, &update);
	last_is_first(net);
	verified(net);
	assert_true(in_tables(r->u, &r->c->id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(an_update_makes_no_neighbour),
		ring_test(a_leave_does_not_end_the_next_stay),
		ring_test(what_is_said_later_counts),
		ring_test(what_is_false_keeps_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
