/* TLS links between nodes of one process: who may be linked, and what a link carries. */
#include "link_fixture.h"

static struct authority root;
static struct identity alice, bob;
static struct reload_poll *loop;

static int setup(void **state)
{
	(void)state;
	loop = reload_poll_new();
	authority_init(&root, "root");
	identity_init(&alice, &root, 1, OVERLAY, 3600 * 1000);
	identity_init(&bob, &root, 2, OVERLAY, 3600 * 1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	identity_clear(&bob);
	identity_clear(&alice);
	authority_clear(&root);
	reload_poll_free(loop);
	return 0;
}

static void connect_nodes(struct node *from, struct node *to, uint32_t link)
{
	struct reload_ip_port at = loopback(to->port);
	reload_links_open(from->links, link, &at, 1);
	TURN_UNTIL(loop, (from->ups && to->ups) || from->downs || to->refusals);
}

static void both_ends_know_each_other(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	node_start(&a, loop, &alice, root.trust, (struct reload_links_setup){ 0 });
	node_start(&b, loop, &bob, root.trust, (struct reload_links_setup){ 0 });
	connect_nodes(&a, &b, 7);
	/* R-6.6.1-01, R-6.5.1.13-02, R-13.6-02: each end holds the verified certificate of the other */
	assert_int_equal(a.ups, 1);
	assert_int_equal(b.ups, 1);
	assert_true(reload_id_eq(&a.up_node, &bob.node));
	assert_true(reload_id_eq(&b.up_node, &alice.node));
	assert_int_equal(a.up_link, 7);
	assert_int_equal(b.up_link >> 31, 1);
	struct reload_link_info info;
	assert_true(reload_links_info(a.links, 7, &info));
	assert_string_equal(info.version, "TLSv1.3");

	/* R-6.6.5-01: DATA there and back */
	assert_true(reload_links_send(a.links, 7, span_str("hello")));
	TURN_UNTIL(loop, a.messages == 1);
	assert_int_equal(a.last_len, 5);
	assert_memory_equal(a.last, "hello", 5);
	node_stop(&a);
	node_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_know_each_other),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
