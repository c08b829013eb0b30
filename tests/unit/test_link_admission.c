/* What strangers may ask for: how often a second, for each address and for all. */
#include "link/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct reload_ip_port v4(uint8_t last)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 192, 0, 2, last }, .port = 1
	};
}

static struct reload_ip_port v6(uint8_t net, uint8_t host)
{
	return (struct reload_ip_port){ .type = RELOAD_IPV6,
		.addr = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, net, 9, 9, 9, 9, 9, 9, 9, host },
		.port = 1 };
}

static unsigned taken(
	struct reload_admission *a, struct reload_ip_port peer, reload_ms now, int tries)
{
	unsigned n = 0;
	for (int i = 0; i < tries; i++)
		n += reload_admission_take(a, &peer, now);
	return n;
}

static void one_address(void **state)
{
	(void)state;
	static struct reload_admission a;
	reload_admission_init(&a, 10, 80, 5000);
	assert_int_equal(taken(&a, v4(1), 5000, 100), 20);
	assert_int_equal(taken(&a, v4(2), 5000, 100), 20); /* another one is not concerned */
	assert_int_equal(taken(&a, v4(1), 5500, 100), 5);
	assert_int_equal(taken(&a, v4(1), 6500, 100), 10);
	assert_int_equal(taken(&a, v4(1), 1000000, 100), 20); /* a long time saves nothing up */
}

static void a_network_is_one(void **state)
{
	(void)state;
	static struct reload_admission a;
	reload_admission_init(&a, 10, 80, 0);
	assert_int_equal(taken(&a, v6(1, 1), 0, 15), 15);
	assert_int_equal(taken(&a, v6(1, 2), 0, 15), 5);
	assert_int_equal(taken(&a, v6(2, 1), 0, 15), 15);
}

static void all_together(void **state)
{
	(void)state;
	static struct reload_admission a;
	unsigned n = 0;
	reload_admission_init(&a, 10, 80, 0);
	for (int i = 0; i < 250; i++)
		n += taken(&a, v4((uint8_t)i), 0, 2);
	assert_int_equal(n, 160);
	for (int i = 0; i < 1000; i++) /* more addresses than are remembered */
		n += taken(&a, v6((uint8_t)(i % 250), (uint8_t)(i / 250)), 1000, 1);
	assert_int_equal(n, 160 + 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address),
		cmocka_unit_test(a_network_is_one),
		cmocka_unit_test(all_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
