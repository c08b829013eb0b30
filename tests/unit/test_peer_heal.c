/* Links by ICE that went bad: another one is made beside them, and takes their place (RFC 6940 s6.5.1, s6.6). */
#include "engine_ice.h"

/* Makes n a peer in the eyes of u, over a link by ICE. */
static struct ice_link *linked(struct ring *r, struct node *n)
{
	uint64_t id = ice_asks(r, n);
	struct ice_link *l = ice_newest(r->u);
	ice_gathered(l);
	expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	ice_up(l, n);
	node_ready(n, r->u);
	forget(n);
	forget(r->a);
	forget(r->b);
	return l;
}

static size_t gathers_after(const struct node *n, size_t before)
{
	size_t count = 0;
	for (size_t i = before; i < ice_links_count; i++)
		count += ice_links[i].node == n;
	return count;
}

static bool is_for(const struct net *net, struct span list, const struct node *n)
{
	struct wire_ctx ctx = reload_config_wire_ctx(net->config);
	struct rd rd = rd_of(list);
	struct reload_destination d = { 0 };
	while (reload_dest_next(&rd, &ctx, &d))
		;
	return d.type == RELOAD_DEST_NODE && reload_id_eq(&d.node, &n->id);
}

/* The Attach of u to `to` that another node was to pass on; others are forgotten. */
static struct reload_msg *passed_on(struct ring *r, struct node *to, struct node **through)
{
	struct node *all[] = { r->a, r->b };
	struct reload_msg *m;
	for (size_t i = 0; i < 2; i++)
		while ((m = heard_code(all[i], RELOAD_ATTACH_REQ)))
			if (is_for(r->net, m->header.destination_list, to)) {
				list_is(m->header.destination_list, LIST(&all[i]->id, &to->id),
					r->net);
				*through = all[i];
				return m;
			}
	return NULL;
}

/* Of the Attaches of u that are under way the one to n is answered, and its link comes up. */
static struct ice_link *succeeded(struct ring *r, struct node *n)
{
	for (size_t i = 0; i < ice_links_count; i++) {
		struct ice_link *l = &ice_links[i];
		struct node *through = NULL;
		if (l->node != r->u || l->gathered || l->closed)
			continue;
		assert_true(l->controlling);
		ice_gathered(l);
		struct reload_msg *m = passed_on(r, n, &through);
		if (!m)
			continue;
		struct ice_form f;
		ice_form(&f, n, "active");
		struct craft c = reply(n, m, RELOAD_ATTACH_ANS, &f.body);
		say(through, r->u, craft_bytes(&c));
		assert_true(l->checked);
		ice_up(l, n);
		return l;
	}
	fail_msg("no Attach");
	return NULL;
}

/* n answers over its newest link for how long it has run. */
static void says_uptime(struct ring *r, struct node *n, struct ice_link *l, uint32_t seconds)
{
	struct reload_msg *m = heard_code(n, RELOAD_PROBE_REQ);
	assert_non_null(m);
	struct reload_probe_info info = { .type = RELOAD_PROBE_UPTIME, .value = seconds };
	struct reload_probe_ans ans = { .probe_info = &info, .probe_info_count = 1 };
	struct craft c = reply(n, m, RELOAD_PROBE_ANS, &ans);
	packet_add(n, r->u, l->number, craft_bytes(&c));
	net_settle(r->net);
}

static void goes_bad(struct ring *r, struct ice_link *l)
{
	reload_peer_link_health(r->u->peer, l->number, false);
	net_pass(r->net, 1000);
}

/* Time passes, and the nodes of the test answer what keeps their links. */
static void pass(struct ring *r, reload_ms ms)
{
	struct reload_ping_ans ping = { .response_id = 1, .time = RELOAD_SIM_EPOCH };
	for (reload_ms t = 0; t < ms; t += 250) {
		net_pass(r->net, 250);
		for (size_t i = 0; i < r->net->nodes_count; i++) {
			struct node *n = &r->net->nodes[i];
			struct reload_msg *m;
			while (!n->peer && (m = heard_code(n, RELOAD_UPDATE_REQ))) {
				struct craft c = reply(n, m, RELOAD_UPDATE_ANS, NULL);
				tell(&c, r->u);
			}
			while (!n->peer && (m = heard_code(n, RELOAD_PING_REQ))) {
				struct craft c = reply(n, m, RELOAD_PING_ANS, &ping);
				tell(&c, r->u);
			}
		}
	}
}

static bool lists(struct node *u, const struct node *other)
{
	struct reload_status st;
	reload_peer_status(u->peer, &st);
	return reload_id_listed(st.tables.successors, st.tables.successors_count, &other->id);
}

static void a_successor(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	pass(r, 5000);
	assert_true(lists(r->u, r->c));
	size_t before = ice_links_count;
	goes_bad(r, old);
	/* R-6.6-05 A03: the node is asked for through another one, while the link stands */
	assert_int_equal(gathers_after(r->u, before), 1);
	assert_false(old->closed);
	struct ice_link *l = succeeded(r, r->c);
	assert_false(old->closed);
	says_uptime(r, r->c, l, 3600);
	assert_true(old->closed);
	assert_false(l->closed);
	/* nobody was lost meanwhile */
	assert_int_equal(r->u->events[RELOAD_EV_NEIGHBOUR_LOST], 0);
	assert_true(lists(r->u, r->c));
	struct reload_peer_link links[8];
	assert_int_equal(reload_peer_links(r->u->peer, links, 8), 3);
	/* the successor is good: nothing more is done */
	before = ice_links_count;
	pass(r, 300000);
	assert_int_equal(gathers_after(r->u, before), 0);
}

/* It is at the same address, but of another run: the plug-in has to forget it, as when it makes a second link. */
static void another_run_of_the_node(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	pass(r, 10000);
	forget(r->c);
	goes_bad(r, old);
	struct ice_link *l = succeeded(r, r->c);
	says_uptime(r, r->c, l, 1);
	assert_false(old->closed);
	net_pass(r->net, 12000); /* no Ping over it is answered; the node was slow before */
	assert_true(old->closed);
	assert_false(lists(r->u, r->c));
}

static void other_addresses(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	pass(r, 5000);
	size_t before = ice_links_count;
	reload_peer_addresses_changed(r->u->peer);
	reload_peer_addresses_changed(r->u->peer);
	pass(r, 3000);
	/* a, b and c: a link without ICE stands on the same addresses */
	assert_int_equal(gathers_after(r->u, before), 3);
	struct ice_link *l = succeeded(r, r->c);
	says_uptime(r, r->c, l, 3600);
	assert_true(old->closed);
	before = ice_links_count;
	/* the other end sees no reason: the link carries, and it is left alone after some tries */
	reload_peer_addresses_changed(r->u->peer);
	pass(r, 300000);
	assert_in_range(gathers_after(r->u, before), 3, 9);
	assert_false(l->closed);
}

static void tries_are_damped(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	pass(r, 5000);
	size_t before = ice_links_count;
	for (int i = 0; i < 300; i++) { /* the health of a link may change as often as it likes */
		reload_peer_link_health(r->u->peer, old->number, i % 2);
		if (i % 20 == 0)
			reload_peer_addresses_changed(r->u->peer);
		pass(r, 1000);
		forget(r->a);
		forget(r->b);
	}
	assert_in_range(gathers_after(r->u, before), 4, 16);
	assert_false(old->closed);
}

static void only_what_is_needed(void **state)
{
	struct ring *r = *state;
	/* a client, whose link is its own to mend: it has sent no Update */
	uint64_t id = ice_asks(r, r->c);
	struct ice_link *l = ice_newest(r->u);
	ice_gathered(l);
	expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	ice_up(l, r->c);
	size_t before = ice_links_count;
	goes_bad(r, l);
	pass(r, 10000);
	assert_int_equal(gathers_after(r->u, before), 0);
}

static void few_at_once(void **state)
{
	struct ring *r = *state;
	struct ice_link *l[12];
	for (size_t i = 0; i < COUNT_OF(l); i++)
		l[i] = linked(r, node_new(r->net, (uint8_t)(0x84 + 2 * i)));
	pass(r, 4000);
	size_t before = ice_links_count;
	reload_peer_addresses_changed(r->u->peer);
	pass(r, 3000);
	assert_int_equal(gathers_after(r->u, before), 8);
	/* the others follow, within the time in which a change is to be over */
	pass(r, 27000);
	assert_true(gathers_after(r->u, before) >= 12);
}

/* A15: over the link that is bad nothing is asked: without another node there is no way. */
static void no_other_way(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	struct node *others[] = { r->a, r->b };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		uint32_t number = number_at(r->u, others[i]);
		net_link_between(r->u, others[i])->state = NET_LINK_NONE;
		reload_peer_link_down(r->u->peer, number, RELOAD_LINK_DOWN);
	}
	pass(r, 1000);
	size_t before = ice_links_count;
	unsigned opened = r->u->opened;
	goes_bad(r, old);
	assert_int_equal(gathers_after(r->u, before), 0);
	/* u is itself the bootstrap node of the document */
	assert_int_equal(r->u->opened, opened);
}

/* All links are of the time before: what leads on is a new one, to a bootstrap node. */
static void through_a_bootstrap_node(void **state)
{
	struct ring *r = *state;
	struct node *v = node_new(r->net, 0x50), *d = node_new(r->net, 0x58);
	struct ring at_v = { .net = r->net, .u = v, .a = r->u, .b = r->u, .c = d };
	node_join(v, r->u, RELOAD_ROLE_PEER);
	for (int i = 0; i < 240 && v->state != RELOAD_STATE_JOINED; i++) {
		for (size_t k = 0; k < ice_links_count; k++)
			if (!ice_links[k].gathered && !ice_links[k].closed)
				ice_gathered(&ice_links[k]);
		pass(&at_v, 250);
	}
	assert_int_equal(v->state, RELOAD_STATE_JOINED);
	struct ice_form f;
	ice_form(&f, d, "passive");
	struct craft c = ice_craft(d, v, &f);
	say(d, r->u, craft_bytes(&c));
	struct ice_link *old = ice_newest(v);
	assert_non_null(old);
	ice_gathered(old);
	ice_up(old, d);
	node_ready(d, v);
	pass(&at_v, 6000);
	unsigned opened = v->opened;
	size_t before = ice_links_count;
	reload_peer_addresses_changed(v->peer);
	pass(&at_v, 1000);
	/* R-11.4-02 LINK-16: dialled, although there is a link */
	assert_int_equal(v->opened, opened + 1);
	pass(&at_v, 1000);
	assert_true(gathers_after(v, before) >= 1);
	/* it takes the place of the one that there was, at both ends */
	size_t links = 0;
	for (size_t i = 0; i < NET_LINKS; i++) {
		const struct net_link *l = &r->net->links[i];
		links += l->state == NET_LINK_UP && l->ends[0] == v && l->ends[1] == r->u;
	}
	assert_int_equal(links, 1);
	assert_int_equal(v->events[RELOAD_EV_NEIGHBOUR_LOST], 0);
	assert_int_equal(r->u->events[RELOAD_EV_NEIGHBOUR_LOST], 0);
	assert_true(lists(r->u, v));
}

/* The link of the next Attach of u; it comes within a minute. */
static struct ice_link *next_try(struct ring *r, size_t before)
{
	for (int i = 0; i < 240 && !gathers_after(r->u, before); i++)
		pass(r, 250);
	assert_int_equal(gathers_after(r->u, before), 1);
	return ice_newest(r->u);
}

/* A15: a node that is not reached is tried again, each time through another one, and each try says why it failed */
static void tries_and_their_reasons(void **state)
{
	static const struct {
		const char *role, *reason;
		enum reload_err err;
	} tries[] = {
		{ NULL, "no answer", RELOAD_TIMEOUT },
		{ "active", "no pair of candidates connects", RELOAD_UNREACHABLE },
		{ "passive", "the role is not the one of this message", RELOAD_BAD_ANSWER },
		{ "active", "no link came up in time", RELOAD_TIMEOUT },
	};
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	struct node *through = NULL, *last = NULL;
	pass(r, 5000);
	size_t before = ice_links_count;
	goes_bad(r, old);
	for (unsigned i = 0; i < COUNT_OF(tries); i++) {
		struct ice_link *l = next_try(r, before);
		forget(r->a); /* copies of the last one */
		forget(r->b);
		ice_gathered(l);
		struct reload_msg *m = passed_on(r, r->c, &through);
		assert_non_null(m);
		assert_ptr_not_equal(through, last);
		last = through;
		before = ice_links_count;
		if (tries[i].role) {
			struct ice_form f;
			ice_form(&f, r->c, tries[i].role);
			struct craft c = reply(r->c, m, RELOAD_ATTACH_ANS, &f.body);
			say(through, r->u, craft_bytes(&c));
		}
		if (tries[i].err == RELOAD_UNREACHABLE)
			ice_down(l, RELOAD_UNREACHABLE);
		for (int k = 0; k < 240 && r->u->events[RELOAD_EV_ATTACH_FAILED] == i; k++)
			pass(r, 250);
		const struct reload_event *ev = &r->u->last[RELOAD_EV_ATTACH_FAILED];
		assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], i + 1);
		assert_int_equal(ev->err, tries[i].err);
		assert_int_equal(ev->link, l->number);
		assert_string_equal(ev->reason, tries[i].reason);
	}
	assert_false(old->closed);
}

/* Both ends noticed: of the two Attaches one goes on. */
static void both_ends_heal(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	pass(r, 5000);
	goes_bad(r, old);
	struct ice_link *own = ice_newest(r->u);
	ice_gathered(own);
	/* R-6.5.1.2-04: c is the larger one */
	uint64_t id = ice_asks(r, r->c);
	assert_true(own->closed);
	struct ice_link *l = ice_newest(r->u);
	ice_gathered(l);
	expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	/* this end knows that the link is bad: nothing is to be probed */
	assert_true(l->checked);
	ice_up(l, r->c);
	says_uptime(r, r->c, l, 3600);
	assert_true(old->closed);
	assert_false(l->closed);
	assert_int_equal(r->u->events[RELOAD_EV_NEIGHBOUR_LOST], 0);
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 0);
}

/* The old link ends at the other end first: that is no loss. */
static void the_other_end_closes_first(void **state)
{
	struct ring *r = *state;
	struct ice_link *old = linked(r, r->c);
	pass(r, 5000);
	goes_bad(r, old);
	struct ice_link *l = succeeded(r, r->c);
	ice_down(old, RELOAD_LINK_DOWN);
	assert_true(lists(r->u, r->c));
	says_uptime(r, r->c, l, 3600);
	assert_true(lists(r->u, r->c));
	assert_int_equal(r->u->events[RELOAD_EV_NEIGHBOUR_LOST], 0);
}

/* A node that waits to join again does not wait for long when its network is another one. */
static void a_pause_ends(void **state)
{
	struct ring *r = *state;
	struct node *v = node_new(r->net, 0x50);
	r->b->deaf = true;
	node_join(v, r->b, RELOAD_ROLE_PEER);
	pass(r, 200000);
	net_pass(r->net, v->wake - r->net->now);
	unsigned opened = v->opened;
	pass(r, 3000);
	assert_int_equal(v->opened, opened);
	reload_peer_addresses_changed(v->peer);
	pass(r, 2000);
	assert_true(v->opened > opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ice_test(a_successor),
		ice_test(another_run_of_the_node),
		ice_test(other_addresses),
		ice_test(tries_are_damped),
		ice_test(only_what_is_needed),
		ice_test(few_at_once),
		ice_test(no_other_way),
		ice_test(through_a_bootstrap_node),
		ice_test(tries_and_their_reasons),
		ice_test(both_ends_heal),
		ice_test(the_other_end_closes_first),
		ice_test(a_pause_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
