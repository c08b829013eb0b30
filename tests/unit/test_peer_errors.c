/* What each function of the engine refuses, in each state of a node: which error, and that nothing was begun. */
#include "engine_expect.h"

/* -- requests, by function ------------------------------------------------------------------------------------------------- */

/* The arguments that a row may spoil. */
struct call {
	struct reload_peer *peer;
	struct reload_request_target target;
	struct reload_id resource;
	struct reload_store_item *items;
	struct reload_specifier *specifiers;
	uint32_t *kinds;
	size_t count;
	struct outcome *outcome;
	enum reload_err err;
};

static struct reload_request *ping(struct call *c)
{
	return reload_peer_ping(c->peer, &c->target, 4, outcome_fn, c->outcome, &c->err);
}

static struct reload_request *store(struct call *c)
{
	return reload_peer_store(c->peer, &c->target, &c->resource, c->items, c->count, outcome_fn,
		c->outcome, &c->err);
}

static struct reload_request *fetch(struct call *c)
{
	return reload_peer_fetch(c->peer, &c->target, &c->resource, c->specifiers, c->count,
		outcome_fn, c->outcome, &c->err);
}

static struct reload_request *stat(struct call *c)
{
	return reload_peer_stat(c->peer, &c->target, &c->resource, c->specifiers, c->count,
		outcome_fn, c->outcome, &c->err);
}

static struct reload_request *find(struct call *c)
{
	return reload_peer_find(c->peer, &c->target, &c->resource, c->kinds, c->count, outcome_fn,
		c->outcome, &c->err);
}

static struct reload_request *probe(struct call *c)
{
	return reload_peer_probe(
		c->peer, &c->target, span_of("\1\2\3", 3), outcome_fn, c->outcome, &c->err);
}

static struct reload_request *route_query(struct call *c)
{
	struct reload_destination to = reload_dest_resource(&c->resource);
	return reload_peer_route_query(
		c->peer, &c->target, &to, false, outcome_fn, c->outcome, &c->err);
}

static struct reload_request *config_update(struct call *c)
{
	struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
		.config = span_str("<x/>") };
	return reload_peer_config_update(
		c->peer, &c->target, &update, outcome_fn, c->outcome, &c->err);
}

static const struct method {
	const char *name;
	struct reload_request *(*begin)(struct call *c);
	uint16_t code;
} methods[] = {
	{ "ping", ping, RELOAD_PING_REQ },
	{ "store", store, RELOAD_STORE_REQ },
	{ "fetch", fetch, RELOAD_FETCH_REQ },
	{ "stat", stat, RELOAD_STAT_REQ },
	{ "find", find, RELOAD_FIND_REQ },
	{ "probe", probe, RELOAD_PROBE_REQ },
	{ "route_query", route_query, RELOAD_ROUTE_QUERY_REQ },
	{ "config_update", config_update, RELOAD_CONFIG_UPDATE_REQ },
};

/* A good call of u's to b; the way and the lists are those of the net. */
static struct call call_good(struct net *net, struct node *u, const struct node *b)
{
	struct call c = { .peer = u->peer, .resource = b->id, .count = 1 };
	struct reload_destination to = dest(b);
	c.outcome = outcome_new(net);
	c.target.list = (const struct reload_destination *)reload_arena_copy(
		&net->arena, span_of(&to, sizeof(to)))
				.at;
	c.target.count = 1;
	c.items = reload_arena_take(&net->arena, 2 * sizeof(*c.items));
	c.specifiers = reload_arena_take(&net->arena, 2 * sizeof(*c.specifiers));
	c.kinds = reload_arena_take(&net->arena, 2 * sizeof(*c.kinds));
	for (size_t i = 0; i < 2; i++) {
		c.items[i] = (struct reload_store_item){ .kind = K_DICT,
			.lifetime_s = 60,
			.value = { .key = span_str(i ? "b" : "a"),
				.exists = true,
				.value = span_str("value") } };
		c.specifiers[i] = (struct reload_specifier){ .kind = i ? K_DICT : K_VALUE };
		c.kinds[i] = i ? K_DICT : K_VALUE;
	}
	return c;
}

static void refused(const struct method *m, struct call *c, enum reload_err err)
{
	size_t before = reload_peer_requests(c->peer, NULL);
	c->err = RELOAD_OK;
	assert_null(m->begin(c));
	if (c->err != err)
		fail_msg("%s: %s, not %s", m->name, reload_err_text(c->err), reload_err_text(err));
	/* nothing was begun, and nobody is called */
	assert_int_equal(reload_peer_requests(c->peer, NULL), before);
	assert_int_equal(c->outcome->calls, 0);
}

static void each_request_can_be_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct ring *r = ring_new_with(NULL);
		struct call c = call_good(r->net, r->u, r->b);
		size_t before = reload_peer_requests(r->u->peer, NULL);
		assert_non_null(methods[i].begin(&c));
		assert_int_equal(c.err, RELOAD_OK);
		assert_int_equal(reload_peer_requests(r->u->peer, NULL), before + 1);
		net_settle(r->net);
		if (!heard_code(r->b, methods[i].code))
			fail_msg("%s was not heard", methods[i].name);
		/* it has an end, once, and not before */
		assert_int_equal(c.outcome->calls, 0);
		net_pass(r->net, 16000);
		assert_int_equal(c.outcome->calls, 1);
		assert_int_equal(c.outcome->err, RELOAD_TIMEOUT);
		ring_teardown((void **)&r);
	}
}

static void a_rehearsal_sends_nothing(void **state)
{
	struct ring *r = *state;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct call c = call_good(r->net, r->u, r->b);
		c.target.dry_run = true;
		assert_non_null(methods[i].begin(&c));
		net_settle(r->net);
		assert_int_equal(c.outcome->calls, 1);
		assert_int_equal(c.outcome->err, RELOAD_OK);
		assert_int_equal(c.outcome->result.responder.len, 0);
		assert_null(heard_code(r->b, methods[i].code));
	}
}

/* R-6.3.2-19, R-6.3.2.2-05: lists that no message may have */
static void ways_that_lead_nowhere(void **state)
{
	struct ring *r = *state;
	struct reload_id zero = { .len = 16 }, longer = { .len = 20, .at = { 1 } };
	struct reload_destination b = dest(r->b), a = dest(r->a),
				  resource = reload_dest_resource(&r->b->id);
	const struct {
		struct reload_destination list[3];
		size_t count;
	} rows[] = {
		{ { b }, 0 },
		{ { b, b }, 2 },
		{ { a, b, a }, 3 },
		{ { resource, b }, 2 },
		{ { a, resource, b }, 3 },
		{ { reload_dest_node(&zero) }, 1 },
		{ { reload_dest_node(&longer) }, 1 },
		{ { { .type = 0x80 } }, 1 },
		{ { b, { .type = 0xff } }, 2 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t m = 0; m < COUNT_OF(methods); m++) {
			struct call c = call_good(r->net, r->u, r->b);
			c.target.list = rows[i].list;
			c.target.count = rows[i].count;
			refused(&methods[m], &c, RELOAD_USAGE);
		}
}

static void contents_that_cannot_be(void **state)
{
	struct ring *r = *state;
	struct call c = call_good(r->net, r->u, r->b);
	/* a Kind that no document knows: what its values look like, nobody can tell */
	c.items[0].kind = c.specifiers[0].kind = K_ABROAD;
	refused(&methods[1], &c, RELOAD_UNKNOWN_KIND);
	refused(&methods[2], &c, RELOAD_UNKNOWN_KIND);
	refused(&methods[3], &c, RELOAD_UNKNOWN_KIND);
	/* also when it is the second one */
	c = call_good(r->net, r->u, r->b);
	c.count = 2;
	c.items[1].kind = c.specifiers[1].kind = K_ABROAD;
	refused(&methods[1], &c, RELOAD_UNKNOWN_KIND);
	refused(&methods[2], &c, RELOAD_UNKNOWN_KIND);
	refused(&methods[3], &c, RELOAD_UNKNOWN_KIND);
	/* R-7.4.4-01: a Kind stands once in a Find */
	c = call_good(r->net, r->u, r->b);
	c.count = 2;
	c.kinds[1] = c.kinds[0];
	refused(&methods[4], &c, RELOAD_USAGE);
	/* no value, or more than a request may have */
	c.count = 0;
	refused(&methods[1], &c, RELOAD_USAGE);
	c.items =
		reload_arena_take(&r->net->arena, (RELOAD_STORE_ITEMS_MAX + 1) * sizeof(*c.items));
	for (size_t i = 0; i <= RELOAD_STORE_ITEMS_MAX; i++)
		c.items[i] = (struct reload_store_item){ .kind = K_MANY,
			.lifetime_s = 60,
			.value = { .key = span_str("k"), .exists = true } };
	c.count = RELOAD_STORE_ITEMS_MAX + 1;
	refused(&methods[1], &c, RELOAD_USAGE);
	c.count = RELOAD_STORE_ITEMS_MAX;
	assert_non_null(store(&c));
	assert_int_equal(c.err, RELOAD_OK);
}

/* R-7.4.2.1-04, R-7.4.2.1-06: ranges of indexes in order and apart */
static void ranges_that_cannot_be(void **state)
{
	struct ring *r = *state;
	static const struct {
		struct reload_array_range ranges[3];
		size_t count;
		enum reload_err err;
	} rows[] = {
		{ { { 0, 0 } }, 1, RELOAD_OK },
		{ { { 0, RELOAD_ARRAY_END } }, 1, RELOAD_OK },
		{ { { 0, 1 }, { 2, 3 } }, 2, RELOAD_OK },
		{ { { 2, 3 }, { 0, 1 } }, 2, RELOAD_OK },
		{ { { 1, 0 } }, 1, RELOAD_USAGE },
		{ { { RELOAD_ARRAY_END, 0 } }, 1, RELOAD_USAGE },
		{ { { 0, 1 }, { 1, 2 } }, 2, RELOAD_USAGE },
		{ { { 1, 2 }, { 0, 1 } }, 2, RELOAD_USAGE },
		{ { { 0, 9 }, { 3, 4 } }, 2, RELOAD_USAGE },
		{ { { 3, 4 }, { 0, 9 } }, 2, RELOAD_USAGE },
		{ { { 0, 0 }, { 5, 5 }, { 0, 0 } }, 3, RELOAD_USAGE },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t m = 2; m <= 3; m++) { /* Fetch and Stat */
			struct call c = call_good(r->net, r->u, r->b);
			c.specifiers[0].ranges = (struct reload_array_range *)rows[i].ranges;
			c.specifiers[0].ranges_count = rows[i].count;
			if (rows[i].err) {
				refused(&methods[m], &c, rows[i].err);
				continue;
			}
			struct reload_request *q = methods[m].begin(&c);
			assert_non_null(q);
			reload_request_cancel(r->u->peer, q);
		}
}

/* -- states --------------------------------------------------------------------------------------------------------------- */

/* Nobody can be asked: no request is begun. */
static void nobody_to_ask(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *b = node_new(net, 0xc0);
	node_start(u, RELOAD_ROLE_PEER);
	for (size_t m = 0; m < COUNT_OF(methods); m++) {
		struct call c = call_good(net, u, b);
		refused(&methods[m], &c, RELOAD_NOT_JOINED);
	}
	/* on its way, without a link */
	net->hold_dials = true;
	struct reload_ip_port address = node_address(b);
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_OK);
	for (size_t m = 0; m < COUNT_OF(methods); m++) {
		struct call c = call_good(net, u, b);
		refused(&methods[m], &c, RELOAD_NOT_JOINED);
	}
	net_free(net);
}

static void alone_it_answers_itself(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80);
	node_first(u);
	/* a Store by this node at a place that is not its own is refused by itself, the others are answered */
	for (size_t m = 0; m < COUNT_OF(methods); m++) {
		struct call c = call_good(net, u, u);
		struct reload_destination here = reload_dest_resource(&c.resource);
		bool by_resource = methods[m].begin != probe && methods[m].begin != config_update;
		if (by_resource)
			c.target.list = &here;
		assert_non_null(methods[m].begin(&c));
		net_pass(net, 1000);
		assert_int_equal(c.outcome->calls, 1);
		assert_int_equal(c.outcome->err, methods[m].begin == store ? RELOAD_FORBIDDEN
						 : methods[m].begin == config_update
							 ? RELOAD_INVALID_MESSAGE
							 : RELOAD_OK);
		assert_int_equal(c.outcome->result.hops, 0);
	}
	net_free(net);
}

/* From the call of leave on no request is taken; those under way end. */
static void none_while_it_leaves(void **state)
{
	struct ring *r = *state;
	struct call under_way = call_good(r->net, r->u, r->b);
	assert_non_null(ping(&under_way));
	reload_peer_leave(r->u->peer, false);
	for (size_t m = 0; m < COUNT_OF(methods); m++) {
		struct call c = call_good(r->net, r->u, r->b);
		refused(&methods[m], &c, RELOAD_NOT_JOINED);
	}
	net_pass(r->net, 20000);
	assert_int_equal(under_way.outcome->calls, 1);
	assert_int_equal(under_way.outcome->err, RELOAD_NOT_JOINED);
	for (size_t m = 0; m < COUNT_OF(methods); m++) {
		struct call c = call_good(r->net, r->u, r->b);
		refused(&methods[m], &c, RELOAD_NOT_JOINED);
	}
}

static void a_node_begins_once(void **state)
{
	struct ring *r = *state;
	struct reload_ip_port address = node_address(r->b);
	/* in the ring */
	assert_int_equal(reload_peer_first(r->u->peer), RELOAD_EXISTS);
	assert_int_equal(
		reload_peer_join(r->u->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_EXISTS);
	assert_int_equal(
		reload_peer_join(r->u->peer, RELOAD_ROLE_CLIENT, &address, 1), RELOAD_EXISTS);
	/* leaving */
	reload_peer_leave(r->u->peer, false);
	assert_int_equal(reload_peer_first(r->u->peer), RELOAD_EXISTS);
	assert_int_equal(
		reload_peer_join(r->u->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_EXISTS);
	net_pass(r->net, 20000);
	assert_false(reload_peer_wants_overlay(r->u->peer));
	/* and again */
	assert_int_equal(reload_peer_first(r->u->peer), RELOAD_OK);
	assert_true(reload_peer_wants_overlay(r->u->peer));
	reload_peer_leave(r->u->peer, true);
	net_settle(r->net);
	reload_peer_leave(r->u->peer, true); /* nothing to leave */
	assert_int_equal(r->u->state, RELOAD_STATE_ENROLLED);
}

static void who_may_come_in(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.bootstrap_count = 0;
	net_configure(net, &d);
	struct node *u = node_new(net, 0x80);
	node_start(u, RELOAD_ROLE_PEER);
	/* nobody is named, nowhere */
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_UNREACHABLE);
	assert_false(reload_peer_wants_overlay(u->peer));
	/* a bootstrap node for a node that does not join is no beginning either */
	struct reload_ip_port address = node_address(u);
	reload_peer_bootstrap(u->peer, &address, 1);
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_UNREACHABLE);
	/* one that was remembered is */
	address.addr[3] = 7;
	reload_peer_remember(u->peer, &address, 1);
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	net_free(net);
}

/* A search that goes on takes the addresses that are known now; none, or those for a node that does not join, change nothing. */
static void other_bootstrap_nodes(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *gone = node_new(net, 0x10), *there = node_new(net, 0x20),
		    *u = node_new(net, 0x80);
	gone->deaf = true;
	node_first(there);
	node_start(u, RELOAD_ROLE_PEER);
	struct reload_ip_port old = node_address(gone), newer = node_address(there);
	reload_peer_bootstrap(u->peer, &newer, 1);
	assert_false(reload_peer_wants_overlay(u->peer));
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, &old, 1), RELOAD_OK);
	net_pass(net, 120000);
	assert_int_not_equal(u->state, RELOAD_STATE_JOINED);
	reload_peer_bootstrap(u->peer, NULL, 0);
	net_pass(net, 120000);
	assert_int_not_equal(u->state, RELOAD_STATE_JOINED);
	reload_peer_bootstrap(u->peer, &newer, 1);
	net_pass(net, 120000);
	assert_int_equal(u->state, RELOAD_STATE_JOINED);
	/* by the newer one */
	struct reload_status s;
	reload_peer_status(u->peer, &s);
	assert_true(reload_id_eq(&s.bootstrap_peer, &there->id));
	net_free(net);
}

/* -- questions ------------------------------------------------------------------------------------------------------------ */

static void nodes_by_their_first_digits(void **state)
{
	struct ring *r = *state;
	static const struct {
		const char *prefix;
		size_t count;
	} rows[] = {
		{ "", 3 }, /* itself, and two peers that are links and neighbours: each once */
		{ "8", 1 },
		{ "80", 1 },
		{ "80000000000000000000000000000001", 1 },
		{ "80000000000000000000000000000002", 0 },
		{ "2", 1 },
		{ "c0", 1 },
		{ "e0", 0 }, /* no link */
		{ "g", 0 },
		{ "800000000000000000000000000000010", 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_id out[4];
		if (reload_peer_known_nodes(r->u->peer, rows[i].prefix, out, 4) != rows[i].count)
			fail_msg("\"%s\"", rows[i].prefix);
	}
	struct reload_id one[1];
	assert_int_equal(reload_peer_known_nodes(r->u->peer, "", one, 1), 1);
}

static void links_are_listed(void **state)
{
	struct ring *r = *state;
	struct reload_peer_link links[4];
	assert_int_equal(reload_peer_links(r->u->peer, links, 0), 0);
	assert_int_equal(reload_peer_links(r->u->peer, links, 1), 1);
	assert_int_equal(reload_peer_links(r->u->peer, links, 4), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(links[i].incoming && links[i].good && !links[i].client);
		assert_true(reload_id_eq(&links[i].node, &r->a->id) ||
			    reload_id_eq(&links[i].node, &r->b->id));
		assert_non_null(strstr(links[i].user, RELOAD_SIM_OVERLAY));
		assert_true(links[i].received > 0);
	}
	/* how many requests are under way, and since when */
	reload_ms oldest = 1;
	size_t before = reload_peer_requests(r->u->peer, &oldest);
	assert_int_equal(oldest == RELOAD_NEVER, !before);
	struct call c = call_good(r->net, r->u, r->b);
	assert_non_null(ping(&c));
	assert_int_equal(reload_peer_requests(r->u->peer, &oldest), before + 1);
	assert_true(oldest <= r->net->now);
	for (int phase = 0; phase < RELOAD_PHASES; phase++)
		assert_true(reload_phase_name((enum reload_phase)phase)[0]);
	for (int s = RELOAD_STATE_INIT; s <= RELOAD_STATE_STOPPED; s++)
		assert_true(reload_state_name((enum reload_state)s)[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_can_be_made),
		ring_test(a_rehearsal_sends_nothing),
		ring_test(ways_that_lead_nowhere),
		ring_test(contents_that_cannot_be),
		ring_test(ranges_that_cannot_be),
		cmocka_unit_test(nobody_to_ask),
		cmocka_unit_test(alone_it_answers_itself),
		ring_test(none_while_it_leaves),
		ring_test(a_node_begins_once),
		cmocka_unit_test(who_may_come_in),
		cmocka_unit_test(other_bootstrap_nodes),
		ring_test(nodes_by_their_first_digits),
		ring_test(links_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
