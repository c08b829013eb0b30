/* Which peers are asked what this node's address is. */
#include "link/stun_servers.h"
#include "util/alloc.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_ip_port server(uint8_t number)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 192, 0, 2, number }, .port = 6084
	};
}

static struct reload_ip_port mapped(uint8_t nat, uint16_t port)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 203, 0, 113, nat }, .port = port
	};
}

static bool seen(struct reload_stun_servers *s, uint8_t number, uint8_t nat)
{
	struct reload_ip_port at = server(number), me = mapped(nat, 1000 + number);
	return reload_stun_servers_seen(s, number, &at, nat ? &me : NULL);
}

/* The last bytes of the addresses of those that are chosen. */
static void chosen(const struct reload_stun_servers *s, size_t max, const char *numbers)
{
	struct reload_ip_port out[RELOAD_STUN_PEERS_MAX];
	size_t count = reload_stun_servers_choose(s, out, max);
	assert_int_equal(count, strlen(numbers));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(out[i].addr[3], numbers[i] - '0');
}

static void one_of_each_group(void **state)
{
	(void)state;
	struct reload_stun_servers s = { 0 };
	chosen(&s, 9, "");
	/* bootstrap nodes are a beginning, before anything is measured */
	assert_true(seen(&s, 1, 0));
	assert_true(seen(&s, 2, 0));
	chosen(&s, 9, "1");
	/* R-6.5.1.4-01: three views give three servers; ports do not matter */
	assert_true(seen(&s, 2, 1));
	assert_true(seen(&s, 3, 1));
	assert_true(seen(&s, 4, 2));
	assert_true(seen(&s, 5, 3));
	assert_true(seen(&s, 6, 2));
	chosen(&s, 9, "2451");
	chosen(&s, 2, "24");
	/* measured again: in its place, or in another group */
	assert_true(seen(&s, 2, 1));
	chosen(&s, 9, "2451");
	assert_true(seen(&s, 2, 3));
	chosen(&s, 9, "3451");
}

static void a_lost_server_is_replaced(void **state)
{
	(void)state;
	struct reload_stun_servers s = { 0 };
	assert_true(seen(&s, 1, 1));
	assert_true(seen(&s, 2, 2));
	assert_true(seen(&s, 3, 1));
	chosen(&s, 9, "12");
	/* R-6.5.1.4-02: by another of its group */
	reload_stun_servers_lost(&s, 1);
	chosen(&s, 9, "23");
	reload_stun_servers_lost(&s, 1);
	chosen(&s, 9, "23");
	/* R-6.5.1.4-03: the group is empty, those of others stay */
	reload_stun_servers_lost(&s, 2);
	chosen(&s, 9, "3");
	reload_stun_servers_lost(&s, 3);
	chosen(&s, 9, "");
}

static void families_are_groups(void **state)
{
	(void)state;
	struct reload_stun_servers s = { 0 };
	struct reload_ip_port at = server(2),
			      six = { .type = RELOAD_IPV6, .addr = { 203, 0, 113, 1 }, .port = 1 };
	assert_true(seen(&s, 1, 1));
	assert_true(reload_stun_servers_seen(&s, 2, &at, &six));
	chosen(&s, 9, "12");
}

static void there_is_room_for_new_groups(void **state)
{
	(void)state;
	struct reload_stun_servers s = { 0 };
	struct reload_ip_port out[RELOAD_STUN_PEERS_MAX];
	for (uint8_t i = 1; i <= RELOAD_STUN_PEERS_MAX; i++)
		assert_true(seen(&s, i, 1));
	assert_false(seen(&s, 100, 1)); /* its group is large enough */
	assert_true(seen(&s, 101, 2));
	assert_int_equal(s.count, RELOAD_STUN_PEERS_MAX);
	assert_int_equal(reload_stun_servers_choose(&s, out, RELOAD_STUN_PEERS_MAX), 2);
	assert_int_equal(out[0].addr[3], 1);
	assert_int_equal(out[1].addr[3], 101);
	for (uint8_t i = 3; i <= RELOAD_STUN_PEERS_MAX; i++)
		assert_true(seen(&s, 100 + i, i));
	assert_int_equal(
		reload_stun_servers_choose(&s, out, RELOAD_STUN_PEERS_MAX), RELOAD_STUN_PEERS_MAX);
	assert_false(seen(&s, 200, 200)); /* each is alone in its group */
	assert_int_equal(s.count, RELOAD_STUN_PEERS_MAX);
}

/* A16: of three requests the last is answered in time, if the way is as long as it was */
static void how_long_a_server_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(reload_stun_wait(0), 200);
	assert_int_equal(reload_stun_wait(50), 200);
	for (reload_ms rtt = 1; rtt < 3000; rtt++) {
		reload_ms wait = reload_stun_wait(rtt);
		assert_true(wait * 3 / 4 + rtt <= wait);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_each_group),
		cmocka_unit_test(a_lost_server_is_replaced),
		cmocka_unit_test(families_are_groups),
		cmocka_unit_test(there_is_room_for_new_groups),
		cmocka_unit_test(how_long_a_server_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
