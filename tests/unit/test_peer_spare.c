/* Links that nobody needs are closed, all others stay (membership/spare.c; RFC 6940 s6.5.1, s10.7). */
#include "engine_expect.h"

#include "connection/table.h"
#include "membership/internal.h"
#include "peer/internal.h"
#include "topology/chord_pending.h"

enum {
	PEERS = 14,
	MINUTE_MS = 60000,
	OVER_MS = 40 * MINUTE_MS, /* a link that nobody needs is closed by then */
	PAIRS = 128
};

/* Fourteen engines that have joined through the first one, which has a link to each of them. */
struct town {
	struct net *net;
	struct node *peers[PEERS];
};

static bool lists(struct node *n, const struct node *other)
{
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	return reload_id_listed(s.tables.predecessors, s.tables.predecessors_count, &other->id) ||
	       reload_id_listed(s.tables.successors, s.tables.successors_count, &other->id) ||
	       reload_id_listed(s.tables.fingers, s.tables.fingers_count, &other->id);
}

struct pair {
	struct node *a, *b; /* a lists b */
	uint32_t number;    /* of the link at a */
};

/* The links of which that many ends have the other one in their tables; of one end it is a. */
static size_t pairs(struct town *t, unsigned ends, struct pair out[PAIRS])
{
	size_t count = 0;
	for (size_t i = 0; i < PEERS; i++)
		for (size_t k = i + 1; k < PEERS; k++) {
			struct node *a = t->peers[i], *b = t->peers[k];
			bool ab = lists(a, b), ba = lists(b, a);
			if (!net_link_between(a, b) || (unsigned)ab + ba != ends)
				continue;
			assert_true(count < PAIRS);
			out[count++] = ba && !ab ? (struct pair){ b, a, number_at(b, a) }
						 : (struct pair){ a, b, number_at(a, b) };
		}
	return count;
}

static unsigned events(struct town *t, enum reload_event_type type)
{
	unsigned count = 0;
	for (size_t i = 0; i < PEERS; i++)
		count += t->peers[i]->events[type];
	return count;
}

static int town_setup(void **state)
{
	struct town *t = RELOAD_NEW(town);
	t->net = net_new();
	for (size_t i = 0; i < PEERS; i++) {
		t->peers[i] = node_new(t->net, (uint8_t)(0x07 + 0x12 * i));
		if (i)
			node_join(t->peers[i], t->peers[0], RELOAD_ROLE_PEER);
		else
			node_first(t->peers[i]);
		assert_int_equal(t->peers[i]->state, RELOAD_STATE_JOINED);
	}
	net_pass(t->net, MINUTE_MS);
	*state = t;
	return 0;
}

static int town_teardown(void **state)
{
	struct town *t = *state;
	net_free(t->net);
	free(t);
	return 0;
}

#define town_test(f) cmocka_unit_test_setup_teardown(f, town_setup, town_teardown)

static struct reload_connection *link_of_node(struct node *n, const struct node *other)
{
	return reload_connection_by_node(n->peer->connections, &other->id);
}

/* A link that no end lists and nothing else uses: over others searches for fingers and other rings pass now and then. */
static struct pair spare_pair(struct town *t)
{
	struct pair all[PAIRS];
	assert_true(pairs(t, 0, all) > 3);
	return all[3];
}

static void ping(struct node *from, const struct node *to)
{
	struct reload_destination list = dest(to);
	struct reload_request_target target = { .list = &list, .count = 1 };
	struct outcome *o = outcome_new(from->net);
	enum reload_err err;
	assert_non_null(reload_peer_ping(from->peer, &target, 0, outcome_fn, o, &err));
	net_settle(from->net);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
}

/* -- what is closed, and what stays ------------------------------------------------------------------------------------ */

static void what_nobody_lists_is_closed(void **state)
{
	struct town *t = *state;
	struct pair spare[PAIRS];
	size_t before = pairs(t, 0, spare);
	assert_true(before > 3);
	unsigned down = events(t, RELOAD_EV_LINK_DOWN), lost = events(t, RELOAD_EV_NEIGHBOUR_LOST);
	net_pass(t->net, 10 * MINUTE_MS);
	/* not while it may be a pause only */
	assert_int_equal(events(t, RELOAD_EV_LINK_DOWN), down);
	net_pass(t->net, OVER_MS);
	size_t left = pairs(t, 0, spare);
	/* one is used: over it a peer asks now and then whether there is another ring */
	assert_true(left <= 1);
	assert_true(events(t, RELOAD_EV_LINK_DOWN) >= down + 2 * (before - left));
	assert_int_equal(events(t, RELOAD_EV_NEIGHBOUR_LOST), lost);
	assert_int_equal(t->peers[0]->last[RELOAD_EV_LINK_DOWN].err, RELOAD_OK);
}

static void neighbours_and_fingers_keep_their_links(void **state)
{
	struct town *t = *state;
	struct pair mutual[PAIRS], one_sided[PAIRS];
	net_pass(t->net, OVER_MS);
	size_t both = pairs(t, 2, mutual), one = pairs(t, 1, one_sided);
	assert_true(both > PEERS && one > 3);
	unsigned lost = events(t, RELOAD_EV_NEIGHBOUR_LOST);
	/* what a node once said of its tables is not believed for ever, and it is asked again */
	for (int hour = 0; hour < 15; hour++)
		net_pass(t->net, 60 * MINUTE_MS);
	for (size_t i = 0; i < both; i++)
		assert_int_equal(number_at(mutual[i].a, mutual[i].b), mutual[i].number);
	/* b does not have a in its tables, and its link stays all the same: it is a finger of a */
	for (size_t i = 0; i < one; i++)
		assert_int_equal(number_at(one_sided[i].a, one_sided[i].b), one_sided[i].number);
	assert_int_equal(events(t, RELOAD_EV_NEIGHBOUR_LOST), lost);
	for (size_t i = 0; i < PEERS; i++)
		assert_int_equal(t->peers[i]->state, RELOAD_STATE_JOINED);
}

static void what_is_used_stays(void **state)
{
	struct town *t = *state;
	struct pair p = spare_pair(t);
	for (int i = 0; i < 6; i++) {
		net_pass(t->net, 15 * MINUTE_MS);
		assert_int_equal(number_at(p.a, p.b), p.number);
		ping(p.a, p.b);
	}
	net_pass(t->net, OVER_MS);
	assert_null(net_link_between(p.a, p.b));
}

/* What passes over the link to somebody else is use too, at both ends of each link. */
static void what_is_passed_on_is_use(void **state)
{
	struct town *t = *state;
	struct pair p = spare_pair(t);
	struct node *client = node_new(t->net, 0x99);
	struct reload_destination by[2] = { dest(p.a), dest(p.b) };
	net_link(client, p.a);
	for (int i = 0; i < 6; i++) {
		net_pass(t->net, 15 * MINUTE_MS);
		assert_int_equal(number_at(p.a, p.b), p.number);
		struct craft c = craft_ping(client, &by[1]);
		tell(&c, p.a);
		struct reload_connection *here = link_of_node(p.a, p.b),
					 *there = link_of_node(p.b, p.a);
		assert_int_equal(here->used, t->net->now);
		assert_int_equal(there->used, t->net->now);
		assert_int_equal(link_of_node(p.a, client)->used, t->net->now);
		forget(client);
	}
}

static void update_over(struct pair *p)
{
	struct reload_destination to = dest(p->b);
	reload_engine_enter(p->a->peer->engine);
	reload_update_send(p->a->peer->membership, &p->b->id, &to, 1);
	reload_engine_exit(p->a->peer->engine);
	net_settle(p->a->net);
}

static void updates_are_no_use(void **state)
{
	struct town *t = *state;
	struct pair p = spare_pair(t);
	reload_ms used = link_of_node(p.a, p.b)->used, there = link_of_node(p.b, p.a)->used;
	update_over(&p);
	assert_int_equal(link_of_node(p.a, p.b)->used, used);
	assert_int_equal(link_of_node(p.b, p.a)->used, there);
	assert_int_equal(link_of_node(p.b, p.a)->active, t->net->now);
	/* twice as long as it takes to close it: an Update that passes right after the other end was asked keeps the link once more */
	for (int i = 0; i < 16 && net_link_between(p.a, p.b); i++) {
		net_pass(t->net, 5 * MINUTE_MS);
		if (net_link_between(p.a, p.b))
			update_over(&p);
	}
	assert_null(net_link_between(p.a, p.b));
}

/* -- asking the other end ------------------------------------------------------------------------------------------------ */

/* Passes time until one of the ends has asked the other; returns which. */
static struct pair until_asked(struct town *t, const struct pair *p)
{
	struct pair back = { p->b, p->a, number_at(p->b, p->a) };
	for (int s = 0; s < 3000 && !link_of_node(p->a, p->b)->asked_at &&
			!link_of_node(p->b, p->a)->asked_at;
		s++)
		net_pass(t->net, 1000);
	bool a = link_of_node(p->a, p->b)->asked_at;
	assert_true(a || link_of_node(p->b, p->a)->asked_at);
	return a ? *p : back;
}

static void what_passes_after_the_question_is_use(void **state)
{
	struct town *t = *state;
	struct pair p = spare_pair(t);
	p = until_asked(t, &p);
	net_pass(t->net, 20000);
	ping(p.a, p.b);
	net_pass(t->net, 15 * MINUTE_MS);
	assert_int_equal(number_at(p.a, p.b), p.number);
	net_pass(t->net, OVER_MS);
	assert_null(net_link_between(p.a, p.b));
}

static bool no_update_to_a(struct net *net, struct packet *packet)
{
	const struct pair *p = net->tap_arg;
	return packet->from != p->b || packet->to != p->a ||
	       msg_of(net, span_of(packet->at, packet->len))->code != RELOAD_UPDATE_REQ;
}

static void who_does_not_say_keeps_the_link(void **state)
{
	struct town *t = *state;
	struct pair p = spare_pair(t);
	p = until_asked(t, &p);
	struct pair back = { p.b, p.a, number_at(p.b, p.a) };
	reload_ms asked = link_of_node(p.a, p.b)->asked_at;
	/* that answer was on time; from here on none comes, in either direction */
	ping(p.a, p.b);
	net_pass(t->net, 20000);
	ping(p.a, p.b);
	t->net->tap = no_update_to_a;
	t->net->tap_arg = &p;
	while (link_of_node(p.a, p.b)->asked_at == asked && !link_of_node(p.b, p.a)->asked_at)
		net_pass(t->net, 1000);
	if (link_of_node(p.a, p.b)->asked_at == asked)
		t->net->tap_arg = &back;
	net_pass(t->net, 2 * MINUTE_MS);
	assert_int_equal(number_at(p.a, p.b), p.number);
}

/* Both ends go on at once: no failure of the other one, and nothing changes in the ring. */
static void a_closed_link_is_no_failure(void **state)
{
	struct town *t = *state;
	struct pair p = spare_pair(t);
	p = until_asked(t, &p);
	struct reload_status before, after;
	reload_peer_status(p.a->peer, &before);
	struct reload_id from = before.range_from;
	unsigned moved = events(t, RELOAD_EV_TRANSFER_STARTED);
	struct reload_topology *chord = p.a->peer->route.plugin;
	size_t pending = reload_chord_pending_count(chord);
	while (net_link_between(p.a, p.b)) {
		pending = reload_chord_pending_count(chord);
		net_pass(t->net, 1000);
	}
	/* who fails is kept in mind, with a pause */
	assert_int_equal(reload_chord_pending_count(chord), pending);
	net_pass(t->net, MINUTE_MS);
	/* it is not made again either */
	assert_null(net_link_between(p.a, p.b));
	reload_peer_status(p.a->peer, &after);
	assert_true(reload_id_eq(&from, &after.range_from));
	assert_int_equal(events(t, RELOAD_EV_TRANSFER_STARTED), moved);
	/* it is reached by way of others */
	ping(p.a, p.b);
}

/* -- nodes that are no peers --------------------------------------------------------------------------------------------- */

static void a_client_is_left_alone(void **state)
{
	struct town *t = *state;
	struct node *client = node_new(t->net, 0x65), *silent = node_new(t->net, 0x66);
	node_join(client, t->peers[3], RELOAD_ROLE_CLIENT);
	net_link(silent, t->peers[9]); /* R-6.5.1-02: it has sent no Update */
	uint32_t number = number_at(silent, t->peers[9]);
	net_pass(t->net, 5 * OVER_MS);
	assert_int_equal(number_at(silent, t->peers[9]), number);
	assert_int_equal(client->state, RELOAD_STATE_JOINED);
	/* R-4.2.1-01: it is reached at its peer */
	ping(t->peers[11], client);
	assert_int_equal(client->events[RELOAD_EV_ISOLATED], 0);
}

static void a_client_keeps_its_peer_and_one_more(void **state)
{
	struct town *t = *state;
	struct node *client = node_new(t->net, 0x65);
	node_join(client, t->peers[0], RELOAD_ROLE_CLIENT);
	assert_int_equal(client->state, RELOAD_STATE_JOINED);
	for (size_t i = 8; i < 11; i++)
		net_link(client, t->peers[i]);
	assert_true(client->peer->connections->count > 3);
	struct reload_id at = client->peer->connections->default_connection->node;
	net_pass(t->net, OVER_MS);
	assert_int_equal(client->peer->connections->count, 2);
	assert_true(reload_id_eq(&client->peer->connections->default_connection->node, &at));
	net_pass(t->net, 5 * OVER_MS);
	assert_int_equal(client->peer->connections->count, 2);
	assert_int_equal(client->state, RELOAD_STATE_JOINED);
}

static void links_say_what_they_are(void **state)
{
	struct town *t = *state;
	struct node *client = node_new(t->net, 0x65), *n = spare_pair(t).a;
	struct reload_peer_link links[32];
	net_link(client, n);
	net_pass(t->net, 2 * MINUTE_MS); /* who was a neighbour a minute ago is one of them still */
	size_t count = reload_peer_links(n->peer, links, COUNT_OF(links));
	unsigned clients = 0, spare = 0;
	for (size_t i = 0; i < count; i++) {
		clients += links[i].client;
		spare += link_of_node(n, spare_pair(t).b)->link == links[i].link;
		assert_int_equal(links[i].client, reload_id_eq(&links[i].node, &client->id));
	}
	assert_int_equal(clients, 1);
	assert_int_equal(spare, 1); /* to a peer, though neither neighbour nor finger */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		town_test(what_nobody_lists_is_closed),
		town_test(neighbours_and_fingers_keep_their_links),
		town_test(what_is_used_stays),
		town_test(what_is_passed_on_is_use),
		town_test(updates_are_no_use),
		town_test(what_passes_after_the_question_is_use),
		town_test(who_does_not_say_keeps_the_link),
		town_test(a_closed_link_is_no_failure),
		town_test(a_client_is_left_alone),
		town_test(a_client_keeps_its_peer_and_one_more),
		town_test(links_say_what_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
