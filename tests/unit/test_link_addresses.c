/* The addresses of a host, in a network namespace of this process, and links over ICE that lose theirs. */
#include "link_fixture.h"

#include "link/addresses_io.h"
#include "link/ice_load_io.h"
#include "link/reliable.h"

#include <libgen.h>
#include <sched.h>
#include <unistd.h>

static struct reload_poll *loop;
static bool in_namespace;

/* What the watch has told. */
static struct {
	unsigned calls;
	struct reload_addresses now;
	reload_ms at;
} told;

static void ip(const char *arguments)
{
	char command[256];
	snprintf(command, sizeof(command), "ip %s", arguments);
	if (system(command))
		fail_msg("%s", command);
}

static struct reload_ip_port at(uint8_t host)
{
	return (struct reload_ip_port){ .type = RELOAD_IPV4, .addr = { 192, 0, 2, host } };
}

/* the kernel notices in its own time that an interface has a carrier, or none */
static void wait_for(size_t count)
{
	struct reload_addresses all;
	reload_ms limit = reload_poll_now() + 10000;
	do
		assert_int_equal(reload_addresses_read(&all), 0);
	while (all.count != count && reload_poll_now() < limit);
	assert_int_equal(all.count, count);
}

/* a pair of interfaces, both with a carrier; the addresses are of the first one */
static int setup(void **state)
{
	(void)state;
	if (!in_namespace)
		return 0;
	loop = reload_poll_new();
	ip("link set lo up");
	ip("link add v0 type veth peer name v1");
	ip("link set v0 up");
	ip("link set v1 up");
	ip("address add 192.0.2.1/24 dev v0");
	ip("address add 169.254.1.1/16 dev v0");
	ip("address add 2001:db8::1/64 dev v0 nodad");
	wait_for(2); /* neither loopback nor link-local ones */
	memset(&told, 0, sizeof(told));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!in_namespace)
		return 0;
	ip("link delete v0");
	reload_poll_free(loop);
	return 0;
}

#define NEEDS_NAMESPACE                                                                            \
	if (!in_namespace)                                                                         \
	skip()

static void on_change(void *arg, const struct reload_addresses *now)
{
	(void)arg;
	told.calls++;
	told.now = *now;
	told.at = reload_poll_now();
}

/* -- tests ------------------------------------------------------------------------------------------------------------------------ */

static void which_addresses_count(void **state)
{
	(void)state;
	NEEDS_NAMESPACE;
	struct reload_addresses all;
	struct reload_ip_port one = at(1), two = at(2);
	assert_int_equal(reload_addresses_read(&all), 0);
	one.port = 7;
	assert_true(reload_addresses_have(&all, &one));
	assert_false(reload_addresses_have(&all, &two));
	ip("link set v1 down"); /* v0 has no carrier then */
	wait_for(0);
}

static void many_changes_are_one(void **state)
{
	(void)state;
	NEEDS_NAMESPACE;
	int err;
	struct reload_addresses_watch *w = reload_addresses_watch(loop, on_change, NULL, &err);
	struct reload_ip_port four = at(4);
	assert_non_null(w);
	ip("address add 192.0.2.2/24 dev v0");
	ip("address add 192.0.2.3/24 dev v0");
	ip("address add 192.0.2.4/24 dev v0");
	TURN_UNTIL(loop, told.calls == 1);
	assert_int_equal(told.now.count, 5);
	assert_true(reload_addresses_have(&told.now, &four));
	reload_addresses_unwatch(w);
}

/* one that comes and goes between two looks is none, and the next report is not before its time */
static void what_changes_back_is_not_told(void **state)
{
	(void)state;
	NEEDS_NAMESPACE;
	int err;
	struct reload_addresses_watch *w = reload_addresses_watch(loop, on_change, NULL, &err);
	ip("address add 192.0.2.2/24 dev v0");
	ip("address delete 192.0.2.2/24 dev v0");
	turn_for(loop, RELOAD_ADDRESSES_QUIET_MS + 200);
	assert_int_equal(told.calls, 0);
	ip("address add 192.0.2.2/24 dev v0");
	TURN_UNTIL(loop, told.calls == 1);
	reload_ms first = told.at;
	ip("address delete 192.0.2.2/24 dev v0");
	TURN_UNTIL(loop, told.calls == 2);
	assert_true(told.at - first >= RELOAD_ADDRESSES_APART_MS);
	assert_int_equal(told.now.count, 2);
	reload_addresses_unwatch(w);
}

/* -- links ------------------------------------------------------------------------------------------------------------------------ */

static struct authority root;
static struct identity alice, bob;
static const struct reload_ice_plugin *plugin;

static void start_node(struct node *n, const struct identity *who)
{
	struct reload_error_text why;
	node_start(n, loop, who, root.trust, (struct reload_links_setup){ .repeat_ms = 60000 });
	assert_int_equal(reload_links_use_ice(n->links, plugin, &why), RELOAD_OK);
}

static void gather(struct node *n, uint32_t link, bool controlling, uint8_t host)
{
	struct reload_ip_port from = at(host);
	unsigned before = n->gathers;
	reload_links_gather(n->links, link,
		&(struct reload_ice_gather){
			.controlling = controlling, .addresses = &from, .addresses_count = 1 });
	TURN_UNTIL(loop, n->gathers > before);
}

static void check(struct node *from, uint32_t link, const struct node *to)
{
	reload_links_check(from->links, link,
		&(struct reload_ice_remote){
			to->ufrag, to->password, to->candidates, to->candidates_count });
}

/* link number n of both, from host n of a to host 9 of b */
static void connect_from(struct node *a, struct node *b, uint8_t n)
{
	unsigned before = a->ups;
	gather(a, n, true, n);
	gather(b, n, false, 9);
	check(a, n, b);
	check(b, n, a);
	TURN_UNTIL(loop, a->ups > before && b->ups > before);
}

static void load(void)
{
	char self[512] = "", path[600];
	struct reload_error_text why = { 0 };
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/../reload-ice.so", dirname(self));
	if (reload_ice_load(&plugin, path, &why))
		fail_msg("%s: %s", why.what, why.reason);
	authority_init(&root, "Root");
	identity_init(&alice, &root, 1, OVERLAY, 3600 * 1000);
	identity_init(&bob, &root, 2, OVERLAY, 3600 * 1000);
}

/* R-6.6-05: both links are bad at once; one gets its address back, the other one ends */
static void a_link_whose_address_goes(void **state)
{
	(void)state;
	NEEDS_NAMESPACE;
	struct node a = { 0 }, b = { 0 };
	struct reload_link_info info;
	load();
	ip("address add 192.0.2.2/32 dev v0");
	ip("address add 192.0.2.9/32 dev v0");
	start_node(&a, &alice);
	start_node(&b, &bob);
	connect_from(&a, &b, 1);
	connect_from(&a, &b, 2);
	reload_ms start = reload_poll_now();
	ip("address delete 192.0.2.1/24 dev v0");
	ip("address delete 192.0.2.2/32 dev v0");
	TURN_UNTIL(loop, a.bads == 2);
	assert_int_equal(a.address_changes, 1);
	assert_true(reload_poll_now() - start < RELOAD_ADDRESSES_APART_MS);
	ip("address add 192.0.2.2/32 dev v0");
	TURN_UNTIL(loop, a.goods == 1);
	assert_int_equal(a.address_changes, 2);
	TURN_UNTIL(loop, reload_poll_now() - start > 10000 || a.downs);
	TURN_UNTIL(loop, a.downs == 1);
	assert_non_null(strstr(a.down_why, "does not have the address 192.0.2.1"));
	assert_true(reload_poll_now() - start >= RELOAD_RELIABLE_LOST_MS);
	assert_true(reload_links_info(a.links, 2, &info) && info.good);
	assert_true(reload_links_send(a.links, 2, span_str("hello")));
	TURN_UNTIL(loop, b.messages == 1);
	node_stop(&a);
	node_stop(&b);
	identity_clear(&bob);
	identity_clear(&alice);
	authority_clear(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(which_addresses_count, setup, teardown),
		cmocka_unit_test_setup_teardown(many_changes_are_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_changes_back_is_not_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_whose_address_goes, setup, teardown),
	};
	in_namespace = !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
