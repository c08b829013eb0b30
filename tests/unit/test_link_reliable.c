/* When a Simple Reliability link sends, repeats, and gives up: exact times. */
#include "link_reliable.h"

#include "util/alloc.h"

static const enum reload_reliable_policy policies[] = { RELOAD_RELIABLE_WINDOWED,
	RELOAD_RELIABLE_STOP_AND_WAIT };

static void copies_on_a_silent_link(void **state)
{
	(void)state;
	static const reload_ms at[] = { 0, 500, 1500, 3500, 7500 };
	for (size_t p = 0; p < COUNT_OF(policies); p++) {
		struct reload_reliable r;
		start(&r, policies[p], 0);
		assert_true(reload_reliable_due(&r, 1000) == RELOAD_NEVER);
		queue(&r, "m");
		for (size_t i = 0; i < COUNT_OF(at); i++) {
			reload_ms now = 1000 + at[i];
			if (i) {
				/* R-6.6.3.1-02, R-6.6.3.1-06, R-6.6.3.1-07: 500 ms, and twice as long each time */
				assert_int_equal(reload_reliable_due(&r, now - 1), now);
				nothing_sent(&r, now - 1);
			}
			/* R-6.6.3.1-11, LINK-10: bad with the third retransmission */
			assert_int_equal(reload_reliable_health(&r),
				i > 3 ? RELOAD_HEALTH_BAD : RELOAD_HEALTH_GOOD);
			/* R-6.6.3.1-08: each copy has the next number */
			assert_int_equal(sent(&r, now, NULL), i);
			nothing_sent(&r, now);
		}
		assert_int_equal(reload_reliable_due(&r, 8500), 16500);
		nothing_sent(&r, 16499);
		assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_BAD);
		/* R-6.6.3.1-09, -10: five copies, then the link is lost */
		nothing_sent(&r, 16500);
		assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
		assert_true(reload_reliable_due(&r, 16500) == RELOAD_NEVER);
		assert_int_equal(r.queued, 0);
		assert_false(reload_reliable_queue(&r, span_str("m")));
		assert_int_equal(r.counts.sent, 1);
		assert_int_equal(r.counts.resent, 4);
		reload_reliable_clear(&r);
	}
}

static void bad_and_good_again(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT_OF(policies); p++) {
		struct reload_reliable r;
		start(&r, policies[p], 500);
		queue(&r, "m");
		static const reload_ms at[] = { 0, 500, 1500, 3500 };
		for (size_t i = 0; i < COUNT_OF(at); i++)
			sent(&r, at[i], NULL);
		/* R-6.6-04, R-6.6.3.1-11 */
		assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_BAD);
		/* R-6.6.3.1-12, -09: the ACK of any copy ends it */
		acked(&r, 1, 0, 3600);
		assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_GOOD);
		assert_int_equal(r.queued, 0);
		assert_true(reload_reliable_due(&r, 3600) == RELOAD_NEVER);
		nothing_sent(&r, 60000);
		/* and the wait is short again */
		queue(&r, "n");
		assert_int_equal(sent(&r, 60000, NULL), 4);
		assert_int_equal(reload_reliable_due(&r, 60000), 60500);
		reload_reliable_clear(&r);
	}
}

static void the_ack_of_each_copy_ends_it(void **state)
{
	(void)state;
	static const reload_ms at[] = { 0, 500, 1500, 3500, 7500 };
	for (size_t p = 0; p < COUNT_OF(policies); p++)
		for (size_t copies = 1; copies <= COUNT_OF(at); copies++)
			for (uint32_t copy = 0; copy < copies; copy++) {
				struct reload_reliable r;
				start(&r, policies[p], 500);
				queue(&r, "m");
				for (size_t i = 0; i < copies; i++)
					sent(&r, at[i], NULL);
				/* R-6.6.3.1-09 */
				acked(&r, copy, 0, at[copies - 1] + 400);
				assert_int_equal(r.queued, 0);
				assert_int_equal(r.counts.acked, 1);
				nothing_sent(&r, 20000);
				assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_GOOD);
				reload_reliable_clear(&r);
			}
}

static void a_hard_icmp_error_ends_it(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	/* one about a datagram of before: nothing is unacknowledged now */
	reload_reliable_icmp(&r, true);
	queue(&r, "m");
	reload_reliable_icmp(&r, true);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_GOOD);
	sent(&r, 0, NULL);
	reload_reliable_icmp(&r, false);
	assert_int_equal(sent(&r, 500, NULL), 1);
	/* R-6.6.3.1-09 */
	reload_reliable_icmp(&r, true);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
	nothing_sent(&r, 1500);
	assert_true(reload_reliable_due(&r, 1500) == RELOAD_NEVER);
	reload_reliable_clear(&r);
}

static void a_closing_alert_ends_it(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	queue(&r, "m");
	queue(&r, "n");
	data(&r, 7, "x", 0);
	assert_int_equal(sent_all(&r, 0), 2);
	data(&r, 8, "y", 0);
	/* R-6.6.3.1-09: what the transport calls when an alert came or left */
	reload_reliable_clear(&r);
	nothing_sent(&r, 500);
	assert_true(reload_reliable_due(&r, 500) == RELOAD_NEVER);
	assert_int_equal(r.queued, 0);
	assert_int_equal(r.queued_bytes, 0);
	reload_reliable_clear(&r);
	struct reload_reliable zeroed = { 0 };
	reload_reliable_clear(&zeroed);
}

static void stop_and_wait(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_STOP_AND_WAIT, 500);
	char text;
	for (int i = 0; i < 10; i++)
		queue(&r, (char[]){ (char)('a' + i), '\0' });
	reload_ms now = 100;
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(sent(&r, now, &text), i);
		assert_int_equal(text, 'a' + i);
		/* R-6.6.3.1-01: strictly one at a time */
		nothing_sent(&r, now + 1);
		acked(&r, i, 0, now + 2);
		/* R-6.6.3.1-13: 10 ms from the ACK to the next message */
		nothing_sent(&r, now + 2);
		nothing_sent(&r, now + 11);
		assert_true(reload_reliable_due(&r, now + 2) == (i < 9 ? now + 12 : RELOAD_NEVER));
		now += 12;
	}
	assert_int_equal(r.counts.acked, 10);
	/* but an ACK is not kept from leaving (LINK-07), nor is a copy */
	queue(&r, "k");
	sent(&r, now, NULL);
	acked(&r, 9, 0, now + 499); /* of before, again: no news */
	assert_int_equal(sent(&r, now + 500, NULL), 11);
	reload_reliable_clear(&r);
}

static void windowed_sends_many(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 0);
	reload_reliable_rtt_seed(&r, 0);
	for (int i = 0; i < 100; i++)
		queue(&r, "m");
	assert_false(reload_reliable_queue(&r, span_str("m"))); /* by their number */
	/* the initial window of RFC 9002 */
	assert_int_equal(sent_all(&r, 0), 10);
	assert_int_equal(reload_reliable_due(&r, 0), 20); /* nothing but a timeout */
	/* one more for each ACK while in slow start */
	for (uint32_t i = 0; i < 30; i++) {
		acked(&r, i, 0, 1);
		assert_int_equal(sent_all(&r, 1), i < 22 ? 2 : 1);
		/* R-6.6.3-02: never more than an ACK can name */
		assert_true(r.flight <= 32);
	}
	assert_int_equal(r.flight, 32);
	assert_int_equal(reload_reliable_window(&r), 32);
	reload_reliable_clear(&r);
	assert_int_equal(r.queued_bytes, 0);
}

static void the_queue_is_bounded(void **state)
{
	(void)state;
	struct reload_reliable r;
	static const uint8_t half[QUEUE_BYTES / 2];
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	assert_true(reload_reliable_queue(&r, span_of(half, sizeof(half))));
	assert_false(reload_reliable_queue(&r, span_of(half, sizeof(half) + 1)) ||
		     r.queued_bytes != sizeof(half));
	assert_true(reload_reliable_queue(&r, span_of(half, sizeof(half))));
	assert_false(reload_reliable_queue(&r, span_str("m")));
	assert_true(reload_reliable_queue(&r, span_of(NULL, 0)));
	/* what is sent but not acknowledged counts */
	assert_int_equal(sent_all(&r, 0), 3);
	assert_false(reload_reliable_queue(&r, span_str("m")));
	acked(&r, 0, 0, 1);
	assert_true(reload_reliable_queue(&r, span_of(half, sizeof(half))));
	assert_int_equal(r.queued, 3);
	reload_reliable_clear(&r);
}

static void rto_of_samples(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 0);
	assert_int_equal(reload_reliable_rto(&r), 500);
	/* R-6.6.3.1-05: the round trip of STUN is the first sample */
	reload_reliable_rtt_seed(&r, 100);
	assert_int_equal(reload_reliable_rto(&r), 300);
	reload_reliable_rtt_seed(&r, 900); /* only the first */
	queue(&r, "m");
	sent(&r, 1000, NULL);
	acked(&r, 0, 0, 1100);
	assert_int_equal(reload_reliable_rto(&r), 250);
	/* R-6.6.3.1-05: the ACKs of a retransmission and of its original are samples, each once */
	queue(&r, "m");
	sent(&r, 2000, NULL);
	sent(&r, 2250, NULL);
	acked(&r, 2, 0, 2450);
	/* R-6.6.3.1-04: 112.5 and 53.125 */
	assert_int_equal(reload_reliable_rto(&r), 325);
	acked(&r, 2, 0, 2900);
	assert_int_equal(reload_reliable_rto(&r), 325);
	assert_int_equal(r.counts.stray_acks, 1);
	acked(&r, 1, 0, 2460); /* 460 ms: 155.9375 and 126.71875 */
	assert_int_equal(reload_reliable_rto(&r), 663);
	reload_reliable_clear(&r);
	/* R-6.6.3.1-02, -03: a static one does not move */
	start(&r, RELOAD_RELIABLE_WINDOWED, 700);
	reload_reliable_rtt_seed(&r, 10);
	assert_int_equal(reload_reliable_rto(&r), 700);
	reload_reliable_clear(&r);
}

static void silence_counts_from_the_last_ack(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	for (int i = 0; i < 4; i++)
		queue(&r, (char[]){ (char)('a' + i), '\0' });
	assert_int_equal(sent_all(&r, 0), 4);
	acked(&r, 0, 0, 300);
	/* 1 is overtaken by none; the last ACK came at 300 */
	assert_int_equal(reload_reliable_due(&r, 300), 800);
	nothing_sent(&r, 799);
	/* RFC 9002 s7.6.2: two are repeated, the oldest, until an ACK shows that the link lives */
	char text;
	assert_int_equal(sent(&r, 800, &text), 4);
	assert_int_equal(text, 'b');
	sent(&r, 800, &text);
	assert_int_equal(text, 'c');
	nothing_sent(&r, 800);
	assert_int_equal(reload_reliable_due(&r, 800), 1800);
	sent(&r, 1800, &text);
	assert_int_equal(text, 'b');
	sent(&r, 1800, NULL);
	nothing_sent(&r, 3799);
	/* LINK-10 by the oldest: others that are repeated beside it do not make the link bad sooner */
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_GOOD);
	assert_int_equal(sent_all(&r, 3800), 2);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_BAD);
	assert_int_equal(sent_all(&r, 7800), 2);
	nothing_sent(&r, 15799);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_BAD);
	nothing_sent(&r, 15800);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
	reload_reliable_clear(&r);
}

static void a_low_rto_does_not_lose_a_link_in_a_moment(void **state)
{
	(void)state;
	static const reload_ms at[] = { 0, 20, 60, 140, 300, 620, 1260, 2540, 5100, 10220 };
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 20);
	queue(&r, "m");
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		assert_int_equal(sent(&r, at[i], NULL), i);
		/* R-6.6.3.1-11 */
		assert_int_equal(
			reload_reliable_health(&r), i < 3 ? RELOAD_HEALTH_GOOD : RELOAD_HEALTH_BAD);
		assert_int_equal(reload_reliable_due(&r, at[i]), i < 9 ? at[i + 1] : 15500);
	}
	nothing_sent(&r, 15499);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_BAD);
	nothing_sent(&r, 15500);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
	reload_reliable_clear(&r);
	/* stop and wait keeps to five copies */
	start(&r, RELOAD_RELIABLE_STOP_AND_WAIT, 20);
	queue(&r, "m");
	for (size_t i = 0; i < 5; i++)
		sent(&r, at[i], NULL);
	assert_int_equal(reload_reliable_due(&r, 300), 620);
	nothing_sent(&r, 620);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
	reload_reliable_clear(&r);
	/* a long RTO gives five copies more time */
	start(&r, RELOAD_RELIABLE_WINDOWED, 1000);
	queue(&r, "m");
	for (reload_ms t = 0; t < 31000; t = reload_reliable_due(&r, t))
		sent(&r, t, NULL);
	assert_int_equal(r.counts.resent, 4);
	nothing_sent(&r, 31000);
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
	reload_reliable_clear(&r);
}

static void an_idle_link_starts_with_a_small_window(void **state)
{
	(void)state;
	struct reload_reliable r;
	uint32_t next = 0;
	start(&r, RELOAD_RELIABLE_WINDOWED, 0);
	reload_reliable_rtt_seed(&r, 0);
	for (int i = 0; i < 60; i++)
		queue(&r, "m");
	for (sent_all(&r, 0); next < 60; sent_all(&r, 1))
		acked(&r, next++, 0, 1);
	assert_int_equal(r.queued, 0);
	assert_int_equal(reload_reliable_window(&r), 32);
	/* within an RTO nothing changes */
	queue(&r, "m");
	sent(&r, 20, NULL);
	acked(&r, next++, 0, 20);
	assert_int_equal(reload_reliable_window(&r), 32);
	/* RFC 5681 s4.1 */
	queue(&r, "m");
	sent(&r, 40, NULL);
	assert_int_equal(reload_reliable_window(&r), 10);
	/* one message at a time says nothing about more */
	for (reload_ms t = 41; t < 60; t++) {
		acked(&r, next++, 0, t);
		queue(&r, "m");
		sent(&r, t, NULL);
	}
	assert_int_equal(reload_reliable_window(&r), 10);
	reload_reliable_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_on_a_silent_link),
		cmocka_unit_test(bad_and_good_again),
		cmocka_unit_test(the_ack_of_each_copy_ends_it),
		cmocka_unit_test(a_hard_icmp_error_ends_it),
		cmocka_unit_test(a_closing_alert_ends_it),
		cmocka_unit_test(stop_and_wait),
		cmocka_unit_test(windowed_sends_many),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(rto_of_samples),
		cmocka_unit_test(silence_counts_from_the_last_ack),
		cmocka_unit_test(a_low_rto_does_not_lose_a_link_in_a_moment),
		cmocka_unit_test(an_idle_link_starts_with_a_small_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
