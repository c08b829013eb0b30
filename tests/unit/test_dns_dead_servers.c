/* C19: dead SIP servers are tried last, for a time, and nobody else is. */
#include "dns/dead_servers.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_locate_server server(unsigned port)
{
	struct reload_locate_server s = { .transport = RELOAD_LOCATE_UDP };
	assert_int_equal(reload_ip_port_parse(&s.at, "192.0.2.1", (uint16_t)port), RELOAD_OK);
	return s;
}

/* The ports of servers 1, 2, 3 in the order in which they are tried. */
static unsigned order(const struct reload_dead_servers *d, reload_ms now)
{
	struct reload_locate_server s[] = { server(1), server(2), server(3) };
	reload_dead_order(d, s, 3, now);
	return s[0].at.port * 100u + s[1].at.port * 10u + s[2].at.port;
}

static void last_for_a_time(void **state)
{
	(void)state;
	struct reload_dead_servers *d = RELOAD_NEW(reload_dead_servers);
	struct reload_locate_server one = server(1), two = server(2), tcp = server(3);
	assert_int_equal(order(d, 0), 123);
	reload_dead_failed(d, &one, 1000, 0);
	assert_int_equal(order(d, 1000), 231);
	reload_dead_failed(d, &two, 2000, 0);
	assert_int_equal(order(d, 2000), 312);
	/* the same address over another transport is another server */
	tcp.transport = RELOAD_LOCATE_TCP;
	reload_dead_failed(d, &tcp, 2000, 0);
	assert_int_equal(order(d, 2000), 312);
	/* it is retried after its penalty, and its next penalty is longer */
	assert_int_equal(order(d, 1000 + RELOAD_DEAD_FIRST_MS - 1), 312);
	assert_int_equal(order(d, 1000 + RELOAD_DEAD_FIRST_MS), 132);
	reload_dead_failed(d, &one, 40000, 0);
	assert_int_equal(order(d, 40000 + 2 * RELOAD_DEAD_FIRST_MS - 1), 231);
	assert_int_equal(order(d, 40000 + 2 * RELOAD_DEAD_FIRST_MS), 123);
	/* one that answers has none, and begins anew */
	reload_dead_failed(d, &one, 200000, 0);
	reload_dead_answered(d, &one);
	assert_int_equal(order(d, 200000), 123);
	reload_dead_failed(d, &one, 200000, 0);
	assert_int_equal(order(d, 200000 + RELOAD_DEAD_FIRST_MS), 123);
	free(d);
}

/* What a server asks for itself counts, up to a limit. */
static void retry_after(void **state)
{
	(void)state;
	struct reload_dead_servers *d = RELOAD_NEW(reload_dead_servers);
	struct reload_locate_server one = server(1);
	reload_dead_failed(d, &one, 0, 100000);
	assert_int_equal(order(d, 99999), 231);
	assert_int_equal(order(d, 100000), 123);
	reload_dead_failed(d, &one, 0, UINT64_MAX);
	assert_int_equal(order(d, RELOAD_DEAD_MOST_MS - 1), 231);
	assert_int_equal(order(d, RELOAD_DEAD_MOST_MS), 123);
	for (int i = 0; i < 100; i++)
		reload_dead_failed(d, &one, 0, 0);
	assert_int_equal(order(d, RELOAD_DEAD_MOST_MS), 123);
	free(d);
}

static void bounded(void **state)
{
	(void)state;
	struct reload_dead_servers *d = RELOAD_NEW(reload_dead_servers);
	struct reload_locate_server s = server(2);
	reload_dead_failed(d, &s, 0, 0);
	for (unsigned i = 0; i < 2 * RELOAD_DEAD_MAX; i++) {
		s = server(1000 + i);
		reload_dead_failed(d, &s, i + 1, 0);
	}
	assert_int_equal(d->count, RELOAD_DEAD_MAX);
	assert_int_equal(order(d, 1000), 123); /* the oldest was forgotten */
	s = server(1000 + 2 * RELOAD_DEAD_MAX - 1);
	reload_dead_answered(d, &s);
	reload_dead_answered(d, &s);
	assert_int_equal(d->count, RELOAD_DEAD_MAX - 1);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_for_a_time),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
