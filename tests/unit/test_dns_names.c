/* What is taken for a host name where a person gives an address. */
#include "dns/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void taken(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		uint16_t port;
	} cases[] = { { "localhost", "localhost", 6084 },
		{ "peer.o.example:7001", "peer.o.example", 7001 },
		{ "peer.o.example.", "peer.o.example", 6084 },
		{ "_x.a-b.c:65535", "_x.a-b.c", 65535 }, { "1and1.de", "1and1.de", 6084 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *host = NULL;
		uint16_t port = 0;
		assert_int_equal(
			reload_host_port_parse(&host, &port, cases[i].text, 6084), RELOAD_OK);
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
		free(host);
	}
}

static void refused(void **state)
{
	(void)state;
	static const char *const cases[] = { "", ".", ":7001", "a:", "a:0", "a:65536", "a:-1",
		"a:1x", "a:0x10", "a b", "a..b", ".a", "127.1", "0177.0.0.1", "0x7f.1", "7001",
		"a:1:2", "::1:7001", "[::1", "*:7001", "a/b", "a\n", "\xc3\xa4.example", "a.127",
		"a:000001" };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *host = NULL;
		uint16_t port = 0;
		if (reload_host_port_parse(&host, &port, cases[i], 6084) != RELOAD_BAD_VALUE)
			fail_msg("taken: %s", cases[i]);
		assert_null(host);
	}
}

static void long_ones(void **state)
{
	(void)state;
	char text[300], *host = NULL;
	uint16_t port = 0;
	memset(text, 'a', sizeof(text));
	for (size_t i = 63; i < RELOAD_DNS_NAME_MAX; i += 64)
		text[i] = '.';
	text[RELOAD_DNS_NAME_MAX] = 0;
	assert_int_equal(reload_host_port_parse(&host, &port, text, 1), RELOAD_OK);
	free(host);
	text[RELOAD_DNS_NAME_MAX] = 'a';
	text[RELOAD_DNS_NAME_MAX + 1] = 0;
	assert_int_equal(reload_host_port_parse(&host, &port, text, 1), RELOAD_BAD_VALUE);
	memset(text, 'a', 64); /* a label has at most 63 characters */
	text[64] = 0;
	assert_int_equal(reload_host_port_parse(&host, &port, text, 1), RELOAD_BAD_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(long_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
