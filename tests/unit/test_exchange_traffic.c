/* Counters of messages, and average rates that are brought up to date without a timer (RFC 7851 s5.3). */
#include "exchange/traffic.h"
#include "wire/codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void counts(void **state)
{
	struct reload_traffic t = { 0 };
	struct reload_traffic_count c[RELOAD_TRAFFIC_CODES + 1];
	(void)state;
	reload_traffic_begin(&t, 1000);
	assert_int_equal(reload_traffic_counts(&t, c, RELOAD_TRAFFIC_CODES + 1), 0);
	reload_traffic_sent(&t, RELOAD_PING_REQ, 100, 1000);
	reload_traffic_sent(&t, RELOAD_PING_REQ, 100, 1000);
	reload_traffic_received(&t, RELOAD_PING_ANS, 100, 1000);
	reload_traffic_received(&t, RELOAD_ERROR, 100, 1000);
	reload_traffic_received(&t, 0, 100, 1000);     /* a further fragment */
	reload_traffic_received(&t, 0x7777, 20, 1000); /* a code of nobody */
	reload_traffic_sent(&t, RELOAD_TRAFFIC_CODES, 1, 1000);
	assert_int_equal(reload_traffic_counts(&t, c, RELOAD_TRAFFIC_CODES + 1), 4);
	/* the bytes of further fragments and of unknown codes are not lost */
	assert_int_equal(c[0].code, 0);
	assert_int_equal(c[0].sent + c[0].received, 0);
	assert_int_equal(c[0].sent_bytes, 1);
	assert_int_equal(c[0].received_bytes, 120);
	assert_int_equal(c[1].code, RELOAD_PING_REQ);
	assert_int_equal(c[1].sent, 2);
	assert_int_equal(c[1].sent_bytes, 200);
	assert_int_equal(c[1].received, 0);
	assert_int_equal(c[2].code, RELOAD_PING_ANS);
	assert_int_equal(c[2].received, 1);
	assert_int_equal(c[2].received_bytes, 100);
	assert_int_equal(c[3].code, RELOAD_ERROR);
	assert_int_equal(c[3].received_bytes, 100);
	assert_int_equal(reload_traffic_counts(&t, c, 1), 1);
}

static void rates(void **state)
{
	struct reload_traffic t = { 0 };
	(void)state;
	reload_traffic_begin(&t, 1000);
	reload_traffic_sent(&t, 1, 4000, 1000);
	reload_traffic_sent(&t, 1, 1000, 5999);
	assert_int_equal(reload_rate_now(&t.out, 5999), 0); /* no period has ended */
	/* the first one is its own average: 5000 bytes in 5 s */
	assert_int_equal(reload_rate_now(&t.out, 6000), 1000);
	/* 0.8 of 0 and 0.2 of 1000, twice */
	assert_int_equal(reload_rate_now(&t.out, 10999), 1000);
	assert_int_equal(reload_rate_now(&t.out, 11000), 200);
	reload_traffic_sent(&t, 1, 500, 11500); /* of the period that ends at 16000 */
	assert_int_equal(reload_rate_now(&t.out, 16000), 120);
	assert_int_equal(reload_rate_now(&t.out, 21000), 24);
	/* long after, also by many periods at once, it is nothing */
	assert_int_equal(reload_rate_now(&t.out, 21000 + UINT64_C(86400000)), 0);
	assert_int_equal(reload_rate_now(&t.in, 21000), 0);
	/* no more than the field holds */
	reload_traffic_received(&t, 1, SIZE_MAX / 2, 21000);
	assert_int_equal(reload_rate_now(&t.in, 26000), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(rates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
