/* The window and the pacing of Simple Reliability's sender (R-6.6.3-02). */
#include "link/congestion.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	FRAME = RELOAD_CONGESTION_FRAME,
	RTT_US = 100000,
	MANY = 1000
};

static struct reload_congestion limited(unsigned most)
{
	struct reload_congestion c;
	reload_congestion_init(&c, most);
	c.limited = true;
	return c;
}

static void slow_start_then_one_frame_a_round_trip(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	assert_int_equal(reload_congestion_frames(&c), 10);
	uint32_t next = 0;
	for (; next < 10; next++)
		reload_congestion_acked(&c, next);
	assert_int_equal(reload_congestion_frames(&c), 20);
	/* not used up: says nothing about more */
	c.limited = false;
	for (; next < 30; next++)
		reload_congestion_acked(&c, next);
	assert_int_equal(reload_congestion_frames(&c), 20);
	c.limited = true;
	reload_congestion_lost(&c, 25, 40);
	assert_int_equal(c.window, 10 * FRAME);
	/* what was sent before the loss was noticed neither reduces it again nor lets it grow */
	reload_congestion_lost(&c, 39, 41);
	for (next = 30; next < 40; next++)
		reload_congestion_acked(&c, next);
	assert_int_equal(c.window, 10 * FRAME);
	/* ten or eleven ACKs are a round trip */
	for (; next < 51; next++)
		reload_congestion_acked(&c, next);
	assert_in_range(c.window, 11 * FRAME, 11 * FRAME + FRAME / 10);
	reload_congestion_lost(&c, 50, 52);
	assert_int_equal(reload_congestion_frames(&c), 5);
	/* and it never grows above what an ACK names */
	for (; next < 5000; next++)
		reload_congestion_acked(&c, next);
	assert_int_equal(c.window, 32 * FRAME);
}

static void lowest_windows(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	for (uint32_t i = 0; i < 10; i++)
		reload_congestion_lost(&c, i, i + 1);
	assert_int_equal(c.window, 2 * FRAME);
	c = limited(1);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(c.window, FRAME);
		reload_congestion_acked(&c, 3 * i);
		reload_congestion_lost(&c, 3 * i + 1, 3 * i + 2);
		reload_congestion_timeout(&c, 1, true, 3 * i + 2, 0);
	}
}

static void a_timeout_starts_again(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	reload_congestion_timeout(&c, 10, true, 10, 0);
	/* RFC 9002 s7.6.2 and RFC 5681 s3.1: half of what was in flight ends slow start */
	assert_int_equal(c.window, 2 * FRAME);
	assert_int_equal(c.threshold, 5 * FRAME);
	reload_congestion_timeout(&c, 2, false, 12, 0);
	assert_int_equal(c.threshold, 5 * FRAME);
	uint32_t next = 12;
	for (int i = 0; i < 3; i++)
		reload_congestion_acked(&c, next++);
	assert_int_equal(c.window, 5 * FRAME);
	reload_congestion_acked(&c, next++);
	assert_int_equal(c.window, 5 * FRAME + FRAME / 5);
	/* its losses are known */
	reload_congestion_lost(&c, 11, next);
	assert_int_equal(c.window, 5 * FRAME + FRAME / 5);
}

static void numbers_wrap(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	reload_congestion_lost(&c, UINT32_MAX - 1, 1);
	assert_int_equal(reload_congestion_frames(&c), 5);
	reload_congestion_lost(&c, 0, 2);
	assert_int_equal(reload_congestion_frames(&c), 5);
	reload_congestion_lost(&c, 1, 2);
	assert_int_equal(reload_congestion_frames(&c), 2);
	/* an event of long ago is forgotten before its number means the future */
	reload_congestion_acked(&c, 2 + 64);
	reload_congestion_lost(&c, UINT32_C(0x80000010), UINT32_C(0x80000012));
	assert_int_equal(c.recovery, 0x80000012);
}

/* sends at times from `from` on until `to`: how many */
static unsigned sends(struct reload_congestion *c, reload_ms from, reload_ms to)
{
	unsigned n = 0;
	for (reload_ms at; n < MANY && (at = reload_congestion_pace(c, RTT_US, from)) < to; n++) {
		from = at > from ? at : from;
		reload_congestion_sent(c, RTT_US, from);
	}
	return n;
}

static void pacing(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	/* four at once, then, in slow start, two windows of 10 a round trip of 100 ms */
	assert_int_equal(sends(&c, 1000, 1001), 4);
	assert_int_equal(reload_congestion_pace(&c, RTT_US, 1000), 1005);
	assert_int_equal(sends(&c, 1000, 1101), 20);
	/* a pause saves four and no more */
	assert_int_equal(sends(&c, 900000, 900001), 4);
	/* later, five quarters of a window */
	reload_congestion_lost(&c, 1, 100);
	c.window = c.threshold = 8 * FRAME;
	assert_int_equal(sends(&c, 1000000, 1000001), 4);
	assert_int_equal(sends(&c, 1000001, 1001001), 100);
	/* one poll a second finds no more than a burst */
	assert_int_equal(sends(&c, 1002000, 1002001), 4);
	/* two may leave at once after a timeout */
	reload_congestion_timeout(&c, 8, true, 100, 1002001);
	assert_int_equal(sends(&c, 1002001, 1002002), 2);
	assert_int_equal(reload_congestion_pace(&c, RTT_US, 1002001), 1002026);
	/* no round trip, no pacing */
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(reload_congestion_pace(&c, 0, 1002001), 1002001);
		reload_congestion_sent(&c, 0, 1002001);
	}
}

static void pacing_of_long_and_of_short_round_trips(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	/* 60 s and two frames: one in 24 s, however often it is looked at */
	reload_congestion_timeout(&c, 2, true, 0, 1000);
	c.credit = 0;
	for (reload_ms t = 1000; t < 25000; t++)
		assert_int_equal(reload_congestion_pace(&c, 60000000, t), 25000);
	assert_int_equal(reload_congestion_pace(&c, 60000000, 25000), 25000);
	/* 1 ms and a window of 32: 40 in a millisecond, two of which may be made up for */
	c = limited(32);
	c.window = c.threshold = 32 * FRAME;
	unsigned n = 0;
	for (; n < MANY && reload_congestion_pace(&c, 1000, 5000) <= 5000; n++)
		reload_congestion_sent(&c, 1000, 5000);
	assert_int_equal(n, 80);
	assert_int_equal(reload_congestion_pace(&c, 1000, 5000), 5001);
}

static void idle(void **state)
{
	(void)state;
	struct reload_congestion c = limited(32);
	c.window = 30 * FRAME;
	reload_congestion_idle(&c);
	assert_int_equal(c.window, 10 * FRAME);
	c.window = 3 * FRAME;
	reload_congestion_idle(&c);
	assert_int_equal(c.window, 3 * FRAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_start_then_one_frame_a_round_trip),
		cmocka_unit_test(lowest_windows),
		cmocka_unit_test(a_timeout_starts_again),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(pacing),
		cmocka_unit_test(pacing_of_long_and_of_short_round_trips),
		cmocka_unit_test(idle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
