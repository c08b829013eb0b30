/* The ICE plug-in as an agent opens it: links over libnice on loopback. */
#include "link_cast.h"
#include "link_ice_ends.h"

#include "link/udp_socket_io.h"

#include <dirent.h>
#include <sys/resource.h>

static int setup(void **state)
{
	plugin_load();
	return cast_begin(state);
}

static void start_node(struct node *n, const struct identity *who)
{
	struct reload_error_text why;
	node_start(n, loop, who, root.trust, (struct reload_links_setup){ .repeat_ms = 60000 });
	assert_int_equal(reload_links_use_ice(n->links, plugin, &why), RELOAD_OK);
}

static void gather(struct node *n, uint32_t link, bool controlling)
{
	struct reload_ip_port at = loopback(0);
	reload_links_gather(n->links, link,
		&(struct reload_ice_gather){
			.controlling = controlling, .addresses = &at, .addresses_count = 1 });
}

static void check_from(struct node *from, uint32_t link, const struct node *to)
{
	reload_links_check(from->links, link,
		&(struct reload_ice_remote){
			to->ufrag, to->password, to->candidates, to->candidates_count });
}

static void start_pair(struct node *a, struct node *b)
{
	start_node(a, &alice);
	start_node(b, &bob);
	gather(a, 1, true);
	gather(b, 2, false);
	TURN_UNTIL(loop, a->gathers && b->gathers);
	assert_int_equal(a->candidates_count, 1);
	check_from(a, 1, b);
	check_from(b, 2, a);
	TURN_UNTIL(loop, a->ups && b->ups);
}

static void a_link_over_libnice(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct reload_link_info info;
	uint8_t bytes[4000] = { 1 };
	start_pair(&a, &b);
	assert_true(reload_links_info(a.links, 1, &info));
	assert_int_equal(info.type, RELOAD_DTLS_UDP_SR); /* R-6.6.4-01 */
	assert_true(info.datagrams);
	assert_int_equal(info.pair->local_type, RELOAD_ICE_HOST);
	assert_int_equal(info.peer.port, b.candidates[0].address.port);
	assert_true(reload_links_send(a.links, 1, span_of(bytes, sizeof(bytes))));
	TURN_UNTIL(loop, a.messages == 1);
	assert_int_equal(a.last_len, sizeof(bytes));
	reload_links_close(a.links, 1);
	TURN_UNTIL(loop, b.downs == 1);
	node_stop(&a);
	node_stop(&b);
}

/* links under way, at each step, when their node ends */
static void an_end_at_any_time(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b);
	gather(&a, 3, true);
	TURN_UNTIL(loop, a.gathers == 2);
	check_from(&a, 3, &b);
	gather(&a, 4, false);
	node_stop(&a);
	node_stop(&b);
}

/* a candidate of nobody: the link is closed long before libnice gives up */
static void a_link_is_closed_while_it_checks(void **state)
{
	(void)state;
	struct node a = { 0 };
	start_node(&a, &alice);
	gather(&a, 1, true);
	TURN_UNTIL(loop, a.gathers == 1);
	check_from(&a, 1, &a);
	reload_links_close(a.links, 1);
	gather(&a, 2, true);
	TURN_UNTIL(loop, a.gathers == 2);
	assert_int_equal(a.downs + a.ups, 0);
	node_stop(&a);
}

static void addresses_that_cannot_be_offered(void **state)
{
	(void)state;
	struct node a = { 0 };
	struct reload_ip_port linklocal = { .type = RELOAD_IPV6, .addr = { 0xfe, 0x80, [15] = 1 } };
	start_node(&a, &alice);
	reload_links_gather(a.links, 1,
		&(struct reload_ice_gather){ .addresses = &linklocal, .addresses_count = 1 });
	TURN_UNTIL(loop, a.downs == 1);
	assert_string_equal(a.down_why, "this host has no address that can be offered");
	node_stop(&a);
}

/* nobody answers at the discard port of this host: TCP is refused at once */
static void a_relay_alone_without_a_relay(void **state)
{
	(void)state;
	struct node a = { 0 };
	struct reload_ip_port at = loopback(0);
	start_node(&a, &alice);
	reload_links_gather(a.links, 1,
		&(struct reload_ice_gather){ .relay_only = true,
			.addresses = &at,
			.addresses_count = 1,
			.server = { RELOAD_ICE_TURN_TCP, loopback(9), "user", "password" } });
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(a.gathers, 0);
	assert_int_equal(a.down_err, RELOAD_UNREACHABLE);
	assert_non_null(strstr(a.down_why, "TURN server"));
	node_stop(&a);
}

static void where_packets_to_this_host_leave(void **state)
{
	(void)state;
	struct reload_ip_port to = loopback(1), from;
	assert_true(reload_udp_source(&from, &to));
	assert_true(reload_ip_port_is_loopback(&from));
	assert_false(reload_udp_source(&from, &(struct reload_ip_port){ 0 }));
}

static void what_is_no_plug_in(void **state)
{
	(void)state;
	const struct reload_ice_plugin *none = NULL;
	struct reload_error_text why = { 0 };
	assert_int_equal(reload_ice_load(&none, "/nowhere/reload-ice.so", &why), RELOAD_FAILED);
	assert_non_null(strstr(why.reason, "cannot be opened"));
	assert_int_equal(reload_ice_load(&none, "libm.so.6", &why), RELOAD_FAILED);
	assert_null(none);
}

static unsigned descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	unsigned n = 0;
	while (readdir(all))
		n++;
	closedir(all);
	return n - 3; /* but for that of the directory, and . and .. */
}

/* A13: links fail, and give back what they had; the process goes on */
static void without_descriptors(void **state)
{
	(void)state;
	enum {
		LINKS = 40
	};
	struct node a = { 0 };
	struct rlimit normal, low;
	start_node(&a, &alice);
	gather(&a, 1, true);
	TURN_UNTIL(loop, a.gathers == 1);
	reload_links_close(a.links, 1);
	unsigned before = descriptors();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &normal), 0);
	low = (struct rlimit){ before + 40, normal.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (uint32_t i = 2; i < 2 + LINKS; i++)
		gather(&a, i, true);
	TURN_UNTIL(loop, a.gathers - 1 + a.downs == LINKS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &normal), 0);
	assert_in_range(a.gathers, 2, LINKS);
	assert_string_equal(a.down_why, "this process has no descriptors left");
	for (uint32_t i = 2; i < 2 + LINKS; i++)
		reload_links_close(a.links, i);
	TURN_UNTIL(loop, descriptors() <= before);
	node_stop(&a);
}

/* the chosen pair carries what is sent meanwhile; the end that does not choose waits for the next check of the other one, of 4 to 6 s */
static void checks_are_made_again(void **state)
{
	(void)state;
	struct end e[2] = { 0 };
	gather_ends(e, 300);
	start_ends(e);
	while (!e[0].connected || !e[1].connected)
		look(e);
	reload_ms limit = reload_poll_now() + 10000;
	for (unsigned before = e[0].connected; e[0].connected < before + 3;) {
		unsigned arrived = e[1].datagrams;
		assert_true(plugin->send(e[0].ice, 1, span_str("\x40still here")));
		while (e[1].datagrams == arrived)
			look(e);
		assert_true(reload_poll_now() < limit);
	}
	for (unsigned before = e[1].connected; e[1].connected < before + 1;)
		look(e);
	assert_int_equal(e[0].failed + e[1].failed, 0);
	assert_int_equal(e[0].pair.remote.port, e[1].candidates[0].address.port);
	assert_int_equal(e[0].pair.base.port, e[0].candidates[0].address.port);
	end_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_over_libnice),
		cmocka_unit_test(an_end_at_any_time),
		cmocka_unit_test(a_link_is_closed_while_it_checks),
		cmocka_unit_test(addresses_that_cannot_be_offered),
		cmocka_unit_test(a_relay_alone_without_a_relay),
		cmocka_unit_test(where_packets_to_this_host_leave),
		cmocka_unit_test(what_is_no_plug_in),
		cmocka_unit_test(without_descriptors),
		cmocka_unit_test(checks_are_made_again),
	};
	return cmocka_run_group_tests(tests, setup, cast_end);
}
