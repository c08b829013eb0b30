/* RFC 6298 without the rounding to seconds, and the health of a link. */
#include "link/rto.h"
#include "util/alloc.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void estimator_follows_rfc_6298(void **state)
{
	(void)state;
	/* worked out by hand: SRTT and RTTVAR in ms behind each sample */
	static const struct {
		reload_ms sample, rto;
	} steps[] = {
		{ 100, 300 }, /* 100, 50 */
		{ 100, 250 }, /* 100, 37.5 */
		{ 200, 325 }, /* 112.5, 53.125: 325.0 */
	};
	struct reload_rto r;
	reload_rto_init(&r, 0);
	/* R-6.6.3.1-02 */
	assert_int_equal(reload_rto_ms(&r), 500);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		reload_rto_sample(&r, steps[i].sample);
		/* R-6.6.5-02 */
		assert_int_equal(reload_rto_ms(&r), steps[i].rto);
	}
	reload_rto_sample(&r, 50); /* 104.6875, 55.46875: 326.5625 */
	/* R-6.6.3.1-04: up to the next millisecond, not to a second */
	assert_int_equal(reload_rto_ms(&r), 327);
}

static void limits_of_the_estimator(void **state)
{
	(void)state;
	struct reload_rto r;
	reload_rto_init(&r, 0);
	for (int i = 0; i < 50; i++)
		reload_rto_sample(&r, 0);
	/* R-6.6.3.1-03: 20 ms in a local network (LINK-06) */
	assert_int_equal(reload_rto_ms(&r), 20);
	reload_rto_init(&r, 5);
	reload_rto_sample(&r, 1);
	assert_int_equal(reload_rto_ms(&r), 5);
	for (int i = 0; i < 50; i++)
		reload_rto_sample(&r, RELOAD_NEVER);
	assert_int_equal(reload_rto_ms(&r), 60000);
}

static void silence_makes_a_link_bad_then_lost(void **state)
{
	(void)state;
	struct reload_rto rto;
	struct reload_link_health h = { 0 };
	reload_ms next;
	reload_rto_init(&rto, 0);
	assert_int_equal(reload_health_check(&h, &rto, 100, &next), RELOAD_HEALTH_GOOD);
	assert_true(next == RELOAD_NEVER); /* an idle link needs no timer */
	reload_health_sent(&h, 1000);
	reload_health_sent(&h, 1400); /* the first one counts */
	assert_int_equal(reload_health_check(&h, &rto, 1499, &next), RELOAD_HEALTH_GOOD);
	assert_int_equal(next, 1500);
	/* R-6.6.5-03, R-6.6-04: one RTO without an ACK */
	assert_int_equal(reload_health_check(&h, &rto, 1500, &next), RELOAD_HEALTH_BAD);
	assert_int_equal(next, 31500);
	assert_int_equal(reload_health_check(&h, &rto, 31499, &next), RELOAD_HEALTH_BAD);
	/* R-6.6.5-04 */
	assert_int_equal(reload_health_check(&h, &rto, 31500, &next), RELOAD_HEALTH_LOST);
}

static void acks_restore_a_link(void **state)
{
	(void)state;
	struct reload_rto rto;
	struct reload_link_health h = { 0 };
	reload_ms next;
	reload_rto_init(&rto, 0);
	reload_health_sent(&h, 1000);
	assert_int_equal(reload_health_check(&h, &rto, 1500, &next), RELOAD_HEALTH_BAD);
	/* R-6.6.5-04: an ACK at 20 s restores it; others still wait */
	assert_true(reload_health_acked(&h, 21000, false));
	assert_int_equal(reload_health_check(&h, &rto, 21499, &next), RELOAD_HEALTH_GOOD);
	assert_int_equal(next, 21500);
	/* each ACK restarts the wait */
	assert_false(reload_health_acked(&h, 21400, false));
	assert_int_equal(reload_health_check(&h, &rto, 21899, &next), RELOAD_HEALTH_GOOD);
	assert_false(reload_health_acked(&h, 21899, true));
	assert_int_equal(reload_health_check(&h, &rto, 90000, &next), RELOAD_HEALTH_GOOD);
	assert_true(next == RELOAD_NEVER);
}

static void an_ack_is_slow_before_it_is_late(void **state)
{
	(void)state;
	struct reload_rto rto;
	struct reload_link_health h = { 0 };
	reload_ms at;
	reload_rto_init(&rto, 0);
	assert_false(reload_health_slow(&h, &rto, 5000, &at));
	assert_true(at == RELOAD_NEVER);
	reload_health_sent(&h, 1000);
	assert_false(reload_health_slow(&h, &rto, 1374, &at));
	assert_int_equal(at, 1375);
	assert_true(reload_health_slow(&h, &rto, 1375, &at));
	reload_health_acked(&h, 1380, true);
	assert_false(reload_health_slow(&h, &rto, 5000, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimator_follows_rfc_6298),
		cmocka_unit_test(limits_of_the_estimator),
		cmocka_unit_test(silence_makes_a_link_bad_then_lost),
		cmocka_unit_test(acks_restore_a_link),
		cmocka_unit_test(an_ack_is_slow_before_it_is_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
