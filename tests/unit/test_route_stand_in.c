/* Who answers for a peer that has fallen silent (RFC 6940 s10.3, s10.4). */
#include "route_links.h"

#include "route/stand_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	SELF = 0x80,
	NEXT = 0x70,  /* the peer before self */
	OWNER = 0x60, /* the one before that */
	BEFORE = 0x50,
	AFTER = 0x90,
	CLIENT = 0xc0,
	T0 = 100000
};

/* A plug-in with tables of the test's. */
struct reload_topology {
	struct reload_id predecessors[3];
	size_t predecessors_count;
	bool holds;
};

static void fake_tables(struct reload_topology *t, struct reload_topology_tables *out)
{
	*out = (struct reload_topology_tables){ .predecessors = t->predecessors,
		.predecessors_count = t->predecessors_count };
}

static bool fake_holds(struct reload_topology *t, const struct reload_id *resource)
{
	(void)resource;
	return t->holds;
}

static enum reload_topology_link_use fake_use(
	struct reload_topology *t, const struct reload_id *node)
{
	(void)t;
	return node->at[0] == CLIENT ? RELOAD_LINK_NO_PEER : RELOAD_LINK_USED;
}

static const struct reload_topology_ops fake_ops = {
	.tables = fake_tables, .holds = fake_holds, .link_use = fake_use
};

struct fixture {
	struct reload_id self;
	unsigned resource;
	struct reload_topology plugin;
	struct reload_connections *connections;
	struct reload_connection *next, *owner, *before, *after, *client;
	struct reload_route route;
	struct reload_decision d;
};

static struct reload_connection *link_to(struct fixture *x, unsigned first)
{
	struct reload_id node = id(first);
	return link_with(x->connections, first, &node, 1);
}

static int setup(void **state)
{
	struct fixture *x = RELOAD_NEW(fixture);
	x->self = id(SELF);
	x->resource = 0x58;
	x->connections = reload_connections_new(10, no_random, NULL);
	x->next = link_to(x, NEXT);
	x->owner = link_to(x, OWNER);
	x->before = link_to(x, BEFORE);
	x->after = link_to(x, AFTER);
	x->client = link_to(x, CLIENT);
	x->plugin = (struct reload_topology){ .predecessors = { id(NEXT), id(OWNER), id(BEFORE) },
		.predecessors_count = 3,
		.holds = true };
	x->route = (struct reload_route){ .ctx = &ctx,
		.self = &x->self,
		.connections = x->connections,
		.topology = &fake_ops,
		.plugin = &x->plugin };
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	reload_connections_free(x->connections);
	free(x);
	return 0;
}

static bool decides_list(struct fixture *x, const struct reload_connection *from,
	const struct reload_destination *to, size_t count, reload_ms now)
{
	struct wr w;
	wr_init(&w);
	reload_list_write(&w, &ctx, to, count);
	/* by s10.3 it goes to the last peer before the resource */
	x->d = (struct reload_decision){
		.action = RELOAD_FORWARD, .connection = x->before, .list = wr_done(&w)
	};
	bool changed = reload_route_stand_in(&x->route, from, wr_done(&w), now, &x->d);
	if (changed && x->d.action == RELOAD_FORWARD)
		assert_ptr_equal(x->d.list.at, wr_done(&w).at);
	wr_clear(&w);
	return changed;
}

/* Decides on a request for x->resource: 58.., which belongs to OWNER, at first. */
static bool decides(struct fixture *x, const struct reload_connection *from, reload_ms now)
{
	struct reload_id resource = id(x->resource);
	struct reload_destination to = reload_dest_resource(&resource);
	return decides_list(x, from, &to, 1, now);
}

static void falls_silent(struct reload_connection *con, reload_ms since)
{
	con->good = false;
	con->bad_since = since;
}

static bool goes_to(const struct fixture *x, const struct reload_connection *con)
{
	return x->d.action == RELOAD_FORWARD && x->d.connection == con && !x->d.stands_in;
}

static void one_that_acknowledges_gets_it(void **state)
{
	struct fixture *x = *state;
	/* R-10.3-03: whoever sent it here knows no nearer one, and this node does */
	assert_true(decides(x, x->before, T0));
	assert_true(goes_to(x, x->owner));
	assert_true(decides(x, x->after, T0));
	assert_true(goes_to(x, x->owner));
	falls_silent(x->next, 0);
	assert_true(decides(x, x->before, T0));
	assert_true(goes_to(x, x->owner));
}

/* R-10.4-03: this node answers for 68.., which belongs to NEXT, when that has been silent for long. */
static void then_this_one_answers(void **state)
{
	struct fixture *x = *state;
	x->resource = 0x68;
	falls_silent(x->owner, 0); /* before the resource: it does not matter */
	falls_silent(x->next, T0);
	assert_true(decides(x, x->before, T0 + RELOAD_STAND_IN_MS - 1));
	assert_true(goes_to(x, x->next)); /* late ACKs are no reason */
	x->next->heard = T0 + 1000;
	assert_true(decides(x, x->before, T0 + 1000 + RELOAD_STAND_IN_MS - 1));
	assert_true(goes_to(x, x->next)); /* nor is one silent who can be heard */
	assert_true(decides(x, x->before, T0 + 1000 + RELOAD_STAND_IN_MS));
	assert_int_equal(x->d.action, RELOAD_DELIVER);
	assert_true(x->d.stands_in);
	x->next->good = true;
	assert_true(decides(x, x->before, T0 + 60000));
	assert_true(goes_to(x, x->next));
}

static void the_second_one_asks_the_first(void **state)
{
	struct fixture *x = *state;
	falls_silent(x->owner, T0);
	assert_true(decides(x, x->before, T0 + 60000));
	assert_true(goes_to(x, x->next)); /* which may have a better link to it, or answer itself */
	falls_silent(x->next, T0 + 60000);
	assert_true(decides(x, x->before, T0 + 60000 + RELOAD_STAND_IN_SEVERAL_MS - 1));
	assert_true(goes_to(x, x->owner));
	/* R-10.4-03: both silent */
	assert_true(decides(x, x->before, T0 + 60000 + RELOAD_STAND_IN_SEVERAL_MS));
	assert_int_equal(x->d.action, RELOAD_DELIVER);
	assert_true(x->d.stands_in);
}

/* The answer of one that is no holder would be that of a peer with old data at best. */
static void one_that_holds_nothing_only_passes_on(void **state)
{
	struct fixture *x = *state;
	x->plugin.holds = false;
	assert_true(decides(x, x->before, T0));
	assert_true(goes_to(x, x->owner));
	falls_silent(x->owner, 0);
	falls_silent(x->next, 0);
	assert_false(decides(x, x->before, T0)); /* R-10.3-03 as ever */
	assert_true(goes_to(x, x->before));
}

static void what_was_not_passed_over_goes_its_way(void **state)
{
	struct fixture *x = *state;
	falls_silent(x->owner, 0);
	falls_silent(x->next, 0);
	/* one of the arc sent it, which knows more; a client sends all there is to its peer */
	assert_false(decides(x, x->owner, T0));
	assert_false(decides(x, x->next, T0));
	assert_false(decides(x, x->client, T0));
	/* a Node-ID or more than one destination: whoever asked wants that way */
	struct reload_id resource = id(0x58), self = id(SELF);
	struct reload_destination list[2] = { reload_dest_node(&resource) };
	assert_false(decides_list(x, x->before, list, 1, T0));
	list[0] = reload_dest_node(&self);
	list[1] = reload_dest_resource(&resource);
	assert_false(decides_list(x, x->before, list, 2, T0));
	assert_true(goes_to(x, x->before));
	/* no peer is known between this node and the resource */
	resource = id(0x78);
	list[0] = reload_dest_resource(&resource);
	assert_false(decides_list(x, x->before, list, 1, T0));
	/* an owner to which there is no link is not known to be silent */
	reload_connection_remove(x->connections, x->owner);
	assert_true(decides(x, x->before, T0));
	assert_true(goes_to(x, x->next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_acknowledges_gets_it, setup, teardown),
		cmocka_unit_test_setup_teardown(then_this_one_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(the_second_one_asks_the_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_that_holds_nothing_only_passes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_not_passed_over_goes_its_way, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
