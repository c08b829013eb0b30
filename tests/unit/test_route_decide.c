/* Where a message goes, from its Destination List alone (RFC 6940 s6.1.1 to s6.1.3). */
#include "route_links.h"

#include "ident/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A plug-in that answers for 40.. to 80.. and sends all else to the node that test says. */
struct reload_topology {
	struct reload_id next; /* len 0: none */
};

static bool fake_responsible(struct reload_topology *t, const struct reload_id *k)
{
	(void)t;
	return k->at[0] > 0x40 && k->at[0] <= 0x80;
}

static enum reload_err fake_next_hop(
	struct reload_topology *t, const struct reload_id *k, struct reload_id *next)
{
	(void)k;
	*next = t->next;
	return t->next.len ? RELOAD_OK : RELOAD_NO_NODE;
}

static const struct reload_topology_ops fake_ops = { .responsible = fake_responsible,
	.next_hop = fake_next_hop };

struct fixture {
	struct reload_id self;
	struct reload_topology plugin;
	struct reload_connections *connections;
	struct reload_connection *a, *b, *unknown;
	struct reload_route route;
};

static int setup(void **state)
{
	struct fixture *x = RELOAD_NEW(fixture);
	struct reload_id a = id(0xa0), b = id(0xb0), several[] = { id(0xc0), id(0xc1) };
	x->self = id(0x80);
	x->connections = reload_connections_new(10, no_random, NULL);
	x->a = link_with(x->connections, 1, &a, 1);
	x->b = link_with(x->connections, 2, &b, 1);
	x->unknown = link_with(x->connections, 3, several, 2);
	x->plugin.next = b;
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

static struct reload_decision decide(
	struct fixture *x, const struct reload_destination *d, size_t count, struct wr *w)
{
	wr_init(w);
	reload_list_write(w, &ctx, d, count);
	return reload_route_decide(&x->route, wr_done(w));
}

#define DECIDE(...)                                                                                \
	decide(x, (struct reload_destination[]){ __VA_ARGS__ },                                    \
		sizeof((struct reload_destination[]){ __VA_ARGS__ }) /                             \
			sizeof(struct reload_destination),                                         \
		&w)

static struct reload_destination node(uint8_t first)
{
	struct reload_id i = id(first);
	return reload_dest_node(&i);
}

static struct reload_destination any(void)
{
	struct reload_id i = reload_id_wildcard(16);
	return reload_dest_node(&i);
}

static void mine(void **state)
{
	struct fixture *x = *state;
	struct wr w;
	struct reload_id in = id(0x50);
	struct reload_destination r = reload_dest_resource(&in);
	/* R-6.1.1-03 R-6.1.1-06 R-3-02 */
	assert_int_equal(DECIDE(node(0x80)).action, RELOAD_DELIVER);
	wr_clear(&w);
	assert_int_equal(DECIDE(any()).action, RELOAD_DELIVER);
	wr_clear(&w);
	assert_int_equal(DECIDE(any(), node(0xa0)).action, RELOAD_DELIVER);
	wr_clear(&w);
	assert_int_equal(DECIDE(r).action, RELOAD_DELIVER);
	wr_clear(&w);
	assert_int_equal(DECIDE(node(0x80), r).action, RELOAD_DELIVER);
	wr_clear(&w);
	/* R-6.1.1-01 */
	assert_int_equal(DECIDE(r, node(0xa0)).action, RELOAD_DROP);
	wr_clear(&w);
}

static void others(void **state)
{
	struct fixture *x = *state;
	struct wr w;
	struct reload_id out = id(0x90);
	struct reload_destination r = reload_dest_resource(&out);
	struct reload_decision d = DECIDE(node(0xa0), node(0xd0));
	/* R-6.1.2-02: directly connected, whatever the plug-in thinks */
	assert_int_equal(d.action, RELOAD_FORWARD);
	assert_ptr_equal(d.connection, x->a);
	assert_int_equal(d.list.len, w.len);
	assert_false(d.head_replaced);
	wr_clear(&w);
	d = DECIDE(node(0xd0));
	/* R-6.1.2-01 R-6.2.1-04 */
	assert_ptr_equal(d.connection, x->b);
	wr_clear(&w);
	d = DECIDE(r);
	assert_ptr_equal(d.connection, x->b);
	wr_clear(&w);
	d = DECIDE(node(0x80), node(0xa0), node(0xd0));
	/* R-6.1.1-04: the own entry is gone from the list */
	assert_ptr_equal(d.connection, x->a);
	assert_int_equal(d.list.len, w.len - 18);
	wr_clear(&w);
	/* R-6.1.1-07: in the own range, not connected */
	d = DECIDE(node(0x50));
	assert_int_equal(d.action, RELOAD_DROP);
	assert_false(d.opaque);
	wr_clear(&w);
	struct reload_id client = id(0x50);
	struct reload_connection *c = link_with(x->connections, 9, &client, 1);
	/* R-6.1.1-08 */
	d = DECIDE(node(0x50));
	assert_ptr_equal(d.connection, c);
	wr_clear(&w);
}

static void nowhere(void **state)
{
	struct fixture *x = *state;
	struct wr w;
	struct reload_id none = { .len = 0 };
	x->plugin.next = none;
	assert_int_equal(DECIDE(node(0xd0)).action, RELOAD_DROP);
	wr_clear(&w);
	x->plugin.next = id(0xee); /* there is no link to it */
	assert_int_equal(DECIDE(node(0xd0)).action, RELOAD_DROP);
	wr_clear(&w);
	x->connections->default_connection = x->a; /* of a node that has not joined */
	struct reload_decision d = DECIDE(node(0xd0));
	assert_ptr_equal(d.connection, x->a);
	wr_clear(&w);
	x->connections->default_connection = NULL;
	assert_int_equal(reload_route_decide(&x->route, span_of(NULL, 0)).action, RELOAD_DROP);
	struct reload_destination odd = { .type = 100, .raw = span_str("odd") };
	assert_int_equal(DECIDE(odd, node(0xa0)).action, RELOAD_DROP); /* HDR-11 */
	wr_clear(&w);
	assert_int_equal(DECIDE(node(0xa0), odd).action, RELOAD_FORWARD);
	wr_clear(&w);
	struct reload_destination bent = { .type = RELOAD_DEST_RESOURCE,
		.resource = span_str("short") };
	assert_int_equal(
		DECIDE(bent).action, RELOAD_DROP); /* of another length than the overlay's */
	wr_clear(&w);
	assert_null(reload_route_next(&x->route, &bent));
}

static void opaque(void **state)
{
	struct fixture *x = *state;
	struct wr w;
	uint8_t name[2];
	struct reload_destination o = reload_connection_opaque(x->connections, x->a, name);
	struct reload_decision d = DECIDE(o, node(0xd0));
	/* R-6.1.3-01: what it stands for takes its place */
	assert_int_equal(d.action, RELOAD_FORWARD);
	assert_ptr_equal(d.connection, x->a);
	assert_true(d.head_replaced);
	assert_true(reload_id_eq(&d.head.node, &x->a->node));
	assert_int_equal(d.list.len, 18);
	wr_clear(&w);
	d = DECIDE(node(0x80), o);
	assert_ptr_equal(d.connection, x->a);
	assert_int_equal(d.list.len, 0);
	wr_clear(&w);
	o = reload_connection_opaque(x->connections, x->unknown, name);
	d = DECIDE(o);
	assert_ptr_equal(d.connection, x->unknown);
	assert_true(reload_id_is_wildcard(&d.head.node)); /* its Node-ID is not known here */
	wr_clear(&w);
	name[1] ^= 1;
	d = DECIDE(o, node(0xa0));
	/* R-6.1.3-02 */
	assert_int_equal(d.action, RELOAD_DROP);
	assert_true(d.opaque);
	wr_clear(&w);
}

#define fixture_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(mine),
		fixture_test(others),
		fixture_test(nowhere),
		fixture_test(opaque),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
