/* When certificates and documents are replaced before they end. */
#include "ident/renewal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const reload_ms day = 86400000;

static void a_certificate_is_renewed_in_the_fifth_sixth_of_its_validity(void **state)
{
	(void)state;
	reload_utc begin = 1700000000000, end = begin + 90 * day;
	assert_int_equal(reload_renewal_time(begin, end, 0), begin + 60 * day);
	assert_in_range(reload_renewal_time(begin, end, UINT32_MAX), begin + 75 * day - 1000,
		begin + 75 * day);
	/* the same number gives the same time: it does not move away (B07) */
	assert_int_equal(
		reload_renewal_time(begin, end, 12345), reload_renewal_time(begin, end, 12345));
	assert_in_range(
		reload_renewal_time(begin, end, 1u << 31), begin + 67 * day, begin + 68 * day);
	assert_int_equal(reload_renewal_time(end, begin, 7), begin); /* no validity at all */
}

static void a_document_is_fetched_before_it_expires(void **state)
{
	(void)state;
	reload_utc now = 1700000000000;
	/* R-11.1-09 */
	assert_int_equal(reload_fetch_time(now, now + 100 * day, 0), now + 50 * day);
	assert_in_range(reload_fetch_time(now, now + 100 * day, UINT32_MAX), now + 89 * day,
		now + 90 * day);
	assert_int_equal(reload_fetch_time(now, now - 1, UINT32_MAX), now);
	assert_int_equal(reload_fetch_time(now, 0, 5), RELOAD_NEVER);
}

static void pauses_grow_with_failures_and_end_before_the_end(void **state)
{
	(void)state;
	assert_int_equal(reload_retry_pause(1, 0, 0), 60000);
	assert_int_equal(reload_retry_pause(3, 0, 0), 240000);
	assert_int_equal(reload_retry_pause(1000, 0, 0), 3600000);
	assert_in_range(reload_retry_pause(3, 0, UINT32_MAX), 120000, 120001);
	assert_int_equal(
		reload_retry_pause(9, 400000, 0), 100000); /* there is time for three more */
	assert_int_equal(reload_retry_pause(9, 1, UINT32_MAX), RELOAD_RETRY_MIN_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_renewed_in_the_fifth_sixth_of_its_validity),
		cmocka_unit_test(a_document_is_fetched_before_it_expires),
		cmocka_unit_test(pauses_grow_with_failures_and_end_before_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
