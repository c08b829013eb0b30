/* Simple Reliability: what arrives.  DATA and its ACKs; ACKs good, forged, repeated and out of the past; masks; losses. */
#include "link_reliable.h"
#include "vectors.h"

#include "util/alloc.h"

/* the ACK that leaves next: its number */
static uint32_t ack_sent(struct reload_reliable *r, reload_ms now, uint32_t *mask)
{
	struct span datagram;
	assert_true(reload_reliable_next(r, now, &datagram));
	struct rd in = rd_of(datagram);
	assert_int_equal(rd_u8(&in), RELOAD_FRAME_ACK);
	uint32_t sequence = rd_u32(&in);
	*mask = rd_u32(&in);
	assert_false(in.err || rd_more(&in));
	return sequence;
}

/* a windowed sender that has sent n messages "a", "b", ... at 0 */
static void start_sent(struct reload_reliable *r, unsigned n)
{
	start(r, RELOAD_RELIABLE_WINDOWED, 500);
	reload_reliable_rtt_seed(r, 0); /* no pacing */
	r->congestion.window = r->congestion.threshold = 32 * RELOAD_CONGESTION_FRAME;
	for (unsigned i = 0; i < n; i++)
		queue(r, (char[]){ (char)('a' + i), '\0' });
	assert_int_equal(sent_all(r, 0), n);
}

static void each_frame_is_acknowledged_at_once(void **state)
{
	(void)state;
	struct reload_reliable r;
	uint32_t mask;
	start(&r, RELOAD_RELIABLE_STOP_AND_WAIT, 500);
	queue(&r, "m");
	static const uint32_t received[] = { 9, 36, 38, 39, 40 };
	for (size_t i = 0; i < COUNT_OF(received); i++) {
		assert_int_equal(data(&r, received[i], "x", 5), RELOAD_FRAMING_DATA);
		/* R-6.6.2-04, R-6.6.3-01: before anything else, in a datagram of its own */
		assert_int_equal(reload_reliable_due(&r, 5), 5);
		assert_int_equal(ack_sent(&r, 5, &mask), received[i]);
	}
	/* R-6.6.2-06, LINK-01: as the vector frame-ack-mask */
	assert_int_equal(mask, 0x80000016);
	/* R-6.6.2-03: ACKs have no number */
	assert_int_equal(sent(&r, 5, NULL), 0);
	reload_reliable_clear(&r);
}

static void bytes_of_the_vectors(void **state)
{
	(void)state;
	struct vector v, ack;
	struct reload_reliable r;
	struct reload_framing_item item;
	struct span out;
	vector_load(&v, "frame-data");
	vector_load(&ack, "frame-ack");
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	struct span in = vector_span(&v);
	/* R-6.6.2-01 */
	assert_int_equal(reload_reliable_input(&r, &in, 0, &item), RELOAD_FRAMING_DATA);
	assert_true(span_eq(item.message, span_of(v.at + 8, v.len - 8)));
	assert_true(reload_reliable_queue(&r, item.message));
	/* R-6.6.2-02 */
	assert_true(reload_reliable_next(&r, 0, &out));
	assert_true(span_eq(out, vector_span(&ack)));
	assert_true(reload_reliable_next(&r, 0, &out));
	assert_true(span_eq(out, vector_span(&v)));
	reload_reliable_clear(&r);
	json_decref(v.fields);
	json_decref(ack.fields);
	free(v.at);
	free(ack.at);
}

static void a_number_that_comes_twice(void **state)
{
	(void)state;
	struct reload_reliable r;
	uint32_t mask;
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(data(&r, i, "x", 0), RELOAD_FRAMING_DATA);
		ack_sent(&r, 0, &mask);
	}
	/* R-6.6.2-05: 8 to 39 are remembered; delivered once, acknowledged again */
	for (uint32_t i = 8; i < 40; i++) {
		assert_int_equal(data(&r, i, "x", 0), RELOAD_FRAMING_MORE);
		assert_int_equal(ack_sent(&r, 0, &mask), i);
	}
	assert_int_equal(r.counts.duplicates, 32);
	assert_int_equal(r.counts.received, 40);
	/* what is older is for the filters above (LINK-05) */
	assert_int_equal(data(&r, 7, "x", 0), RELOAD_FRAMING_DATA);
	/* LINK-02: any gap */
	assert_int_equal(data(&r, 4000000000, "x", 0), RELOAD_FRAMING_DATA);
	reload_reliable_clear(&r);
}

static void a_message_that_comes_again(void **state)
{
	(void)state;
	struct reload_reliable r;
	uint32_t mask;
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	r.setup.repeat_ms = 1500;
	assert_int_equal(data(&r, 0, "message", 1000), RELOAD_FRAMING_DATA);
	assert_int_equal(ack_sent(&r, 1000, &mask), 0);
	/* R-6.6.2-08, LINK-05: a retransmission is acknowledged and not delivered */
	assert_int_equal(data(&r, 1, "message", 1500), RELOAD_FRAMING_MORE);
	assert_int_equal(ack_sent(&r, 1500, &mask), 1);
	assert_int_equal(mask, 2);
	assert_int_equal(r.counts.repeats, 1);
	/* another one is, and so is an end-to-end retransmission */
	assert_int_equal(data(&r, 2, "massage", 1500), RELOAD_FRAMING_DATA);
	assert_int_equal(data(&r, 3, "message", 4000), RELOAD_FRAMING_DATA);
	assert_int_equal(r.counts.received, 3);
	assert_int_equal(r.counts.duplicates, 0);
	/* a frame that comes twice is no news of the message */
	assert_int_equal(data(&r, 3, "message", 5000), RELOAD_FRAMING_MORE);
	assert_int_equal(r.counts.repeats, 1);
	reload_reliable_clear(&r);
}

static void several_frames_in_a_datagram(void **state)
{
	(void)state;
	struct reload_reliable r;
	struct reload_framing_item item;
	uint32_t mask;
	struct wr w;
	wr_init(&w);
	start_sent(&r, 1);
	data_write(&w, 1, "one");
	ack_write(&w, 0, 0);
	data_write(&w, 2, "two");
	data_write(&w, 3, "cut off");
	struct span in = span_of(w.at, w.len - 1);
	/* LINK-03 */
	assert_int_equal(reload_reliable_input(&r, &in, 9, &item), RELOAD_FRAMING_DATA);
	assert_true(span_eq(item.message, span_str("one")));
	assert_int_equal(reload_reliable_input(&r, &in, 9, &item), RELOAD_FRAMING_DATA);
	assert_true(span_eq(item.message, span_str("two")));
	assert_int_equal(r.counts.acked, 1);
	assert_int_equal(reload_reliable_input(&r, &in, 9, &item), RELOAD_FRAMING_MORE);
	assert_int_equal(r.counts.cut, 1);
	assert_null(r.framing.partial.at);
	assert_int_equal(ack_sent(&r, 9, &mask), 1);
	assert_int_equal(ack_sent(&r, 9, &mask), 2);
	nothing_sent(&r, 9);
	/* the next datagram begins with a frame */
	assert_int_equal(data(&r, 4, "four", 9), RELOAD_FRAMING_DATA);
	ack_sent(&r, 9, &mask);
	/* more frames than ACKs may wait: the rest is as if lost */
	w.len = 0;
	for (uint32_t i = 10; i < 110; i++)
		data_write(&w, i, "m");
	in = wr_done(&w);
	unsigned delivered = 0;
	while (reload_reliable_input(&r, &in, 9, &item) == RELOAD_FRAMING_DATA)
		delivered++;
	assert_int_equal(delivered, RELOAD_RELIABLE_ACKS);
	assert_int_equal(r.counts.cut, 2);
	for (uint32_t i = 10; i < 10 + RELOAD_RELIABLE_ACKS; i++)
		assert_int_equal(ack_sent(&r, 9, &mask), i);
	nothing_sent(&r, 9);
	wr_clear(&w);
	reload_reliable_clear(&r);
}

static void bad_framing(void **state)
{
	(void)state;
	struct reload_reliable r;
	struct reload_framing_item item;
	/* R-6.6.2-09 */
	for (unsigned type = 0; type < 256; type++) {
		uint8_t bytes[] = { (uint8_t)type, 0, 0, 0, 0, 0, 0, 0, 0 };
		struct span in = span_of(bytes, sizeof(bytes));
		start(&r, RELOAD_RELIABLE_WINDOWED, 500);
		enum reload_framing_step step = reload_reliable_input(&r, &in, 0, &item);
		assert_int_equal(step == RELOAD_FRAMING_BROKEN, type != 128 && type != 129);
		reload_reliable_clear(&r);
	}
	/* longer than allowed, and longer than any datagram */
	static const uint8_t head[] = { 128, 0, 0, 0, 0, 0, 4, 177 };
	static uint8_t bytes[8 + 1201];
	memcpy(bytes, head, sizeof(head));
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	struct span in = span_of(bytes, sizeof(bytes));
	assert_int_equal(reload_reliable_input(&r, &in, 0, &item), RELOAD_FRAMING_OVERSIZED);
	assert_true(item.message.len <= MAX);
	reload_reliable_clear(&r);
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	bytes[5] = 255;
	in = span_of(bytes, sizeof(bytes));
	assert_int_equal(reload_reliable_input(&r, &in, 0, &item), RELOAD_FRAMING_OVERSIZED);
	/* no datagram at all */
	reload_reliable_clear(&r);
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	in = span_of(NULL, 0);
	assert_int_equal(reload_reliable_input(&r, &in, 0, &item), RELOAD_FRAMING_MORE);
	assert_int_equal(r.counts.cut, 0);
	reload_reliable_clear(&r);
}

static void acks_of_what_was_never_sent(void **state)
{
	(void)state;
	static const uint32_t forged[] = { 3, 4, 100, 0x7fffffff, 0x80000000, 0x80000002,
		UINT32_MAX };
	struct reload_reliable r;
	start_sent(&r, 3);
	for (size_t i = 0; i < COUNT_OF(forged); i++)
		acked(&r, forged[i], 0xfffffffe, 10);
	assert_int_equal(r.counts.stray_acks, COUNT_OF(forged));
	assert_int_equal(r.flight, 3);
	assert_int_equal(r.unacked_count, 3);
	assert_false(r.acked_ever);
	/* nor do they keep a link alive */
	assert_int_equal(reload_reliable_due(&r, 10), 500);
	/* an ACK that comes again is no news */
	acked(&r, 0, 0, 400);
	for (int i = 0; i < 100; i++)
		acked(&r, 0, 0, 490);
	assert_int_equal(reload_reliable_due(&r, 490), 900);
	assert_int_equal(r.counts.acked, 1);
	assert_int_equal(r.counts.stray_acks, COUNT_OF(forged) + 100);
	reload_reliable_clear(&r);
}

static void an_ack_after_many_other_frames(void **state)
{
	(void)state;
	struct reload_reliable r;
	start_sent(&r, 1);
	/* as after a hundred others, all of them acknowledged */
	r.framing.next_sequence = r.framing.acked = 101;
	r.framing.unsampled = 0;
	/* R-6.6.3.1-09: no sample any more, but it ends the message */
	acked(&r, 0, 0, 499);
	assert_int_equal(r.counts.stray_acks, 0);
	assert_int_equal(r.counts.acked, 1);
	assert_int_equal(r.queued, 0);
	assert_int_equal(r.rto.srtt_us, 0);
	reload_reliable_clear(&r);
}

static void numbers_wrap(void **state)
{
	(void)state;
	struct reload_reliable r;
	start(&r, RELOAD_RELIABLE_WINDOWED, 500);
	reload_reliable_rtt_seed(&r, 0);
	r.congestion.window = r.congestion.threshold = 32 * RELOAD_CONGESTION_FRAME;
	/* as after 2^32 - 5 frames, all of them acknowledged */
	r.framing.next_sequence = r.framing.acked = UINT32_MAX - 4;
	r.counts.sent = UINT32_MAX - 4;
	for (int i = 0; i < 10; i++)
		queue(&r, (char[]){ (char)('a' + i), '\0' });
	assert_int_equal(sent_all(&r, 0), 10);
	assert_int_equal(r.framing.next_sequence, 5);
	/* LINK-02, R-6.6.2-03: behind 2^32 - 1 comes 0 */
	acked(&r, UINT32_MAX, 0, 1);
	assert_int_equal(r.unacked_count, 9);
	/* the one three behind is lost, and the one four behind; others are overtaken */
	char text;
	assert_int_equal(r.counts.losses, 2);
	assert_int_equal(sent(&r, 1, &text), 5);
	assert_int_equal(text, 'a');
	assert_int_equal(sent(&r, 1, &text), 6);
	assert_int_equal(text, 'b');
	/* masks and later losses look over the edge as well */
	acked(&r, 2, 1 << 3 | 1 << 5, 1); /* 2^32 - 1 and 2^32 - 3 */
	assert_int_equal(r.counts.losses, 3);
	assert_int_equal(sent(&r, 1, &text), 7);
	assert_int_equal(text, 'd');
	assert_false(r.distrust);
	/* of before: not sent in the last half of the numbers */
	acked(&r, UINT32_MAX - 5, 0, 1);
	assert_int_equal(r.counts.stray_acks, 1);
	for (uint32_t i = 0; i < 8; i++)
		acked(&r, i, 0, 1);
	assert_int_equal(r.queued, 1); /* 'c' had its number before the edge, and a hint */
	acked(&r, UINT32_MAX - 2, 0, 1);
	assert_int_equal(r.queued, 0);
	reload_reliable_clear(&r);
}

static void three_later_acks_are_a_loss(void **state)
{
	(void)state;
	struct reload_reliable r;
	char text;
	start_sent(&r, 20);
	acked(&r, 1, 0, 100);
	acked(&r, 2, 0, 100);
	/* R-6.6.2-07: a clear bit alone says nothing */
	assert_int_equal(r.counts.losses, 0);
	nothing_sent(&r, 100);
	acked(&r, 3, 0, 100);
	assert_int_equal(r.counts.losses, 1);
	/* R-6.6.3-02: the window is halved, once for all that was lost before */
	assert_int_equal(reload_reliable_window(&r), 16);
	assert_int_equal(r.flight, 16);
	nothing_sent(&r, 100);
	acked(&r, 5, 0, 100);
	/* R-6.6.3.1-08 */
	assert_int_equal(sent(&r, 100, &text), 20);
	assert_int_equal(text, 'a');
	acked(&r, 7, 0, 100);
	assert_int_equal(r.counts.losses, 2); /* 4 */
	assert_int_equal(reload_reliable_window(&r), 16);
	assert_int_equal(sent(&r, 100, &text), 21);
	assert_int_equal(text, 'e');
	/* R-6.6.2-08, R-6.6.3.1-09: the ACK of the old copy ends the message */
	acked(&r, 0, 0, 110);
	assert_int_equal(r.counts.acked, 6);
	/* the new copy's ACK later changes nothing, but is a sample */
	acked(&r, 20, 0, 200);
	assert_int_equal(r.counts.stray_acks, 0);
	assert_int_equal(r.counts.acked, 6);
	reload_reliable_clear(&r);
}

static void a_later_ack_and_time_are_a_loss(void **state)
{
	(void)state;
	struct reload_reliable r;
	char text;
	start_sent(&r, 3);
	acked(&r, 1, 0, 80);
	/* RFC 9002 s6.1.2: 9/8 of 80 ms since it left */
	assert_int_equal(reload_reliable_due(&r, 80), 91);
	nothing_sent(&r, 90);
	assert_int_equal(sent(&r, 91, &text), 3);
	assert_int_equal(text, 'a');
	/* 2 was sent behind 1: only silence repeats it */
	assert_int_equal(reload_reliable_due(&r, 91), 580);
	reload_reliable_clear(&r);
}

static void a_mask_is_a_hint(void **state)
{
	(void)state;
	struct reload_reliable r;
	char text;
	start_sent(&r, 10);
	/* 4 arrived, and 0 to 2 before it: three of these ACKs were lost, or come late */
	acked(&r, 4, 1 << 4 | 1 << 3 | 1 << 2, 100);
	acked(&r, 7, 0, 100);
	/* 3 is lost, 5 and 6 may be late, the others have arrived: no loss */
	assert_int_equal(r.counts.losses, 1);
	assert_int_equal(sent(&r, 100, &text), 10);
	assert_int_equal(text, 'd');
	nothing_sent(&r, 100);
	/* LINK-01: ack_sequence alone ends the repetition */
	assert_int_equal(r.counts.acked, 2);
	acked(&r, 1, 0, 120);
	assert_int_equal(r.counts.acked, 3);
	for (uint32_t i = 5; i < 10; i++)
		if (i != 7)
			acked(&r, i, 0, 120);
	/* when its own ACK is late by the clock it is sent again, without harm to the window */
	unsigned window = reload_reliable_window(&r);
	assert_int_equal(reload_reliable_due(&r, 120), 120 + 16); /* 9/8 of the last sample */
	nothing_sent(&r, 135);
	sent(&r, 136, &text);
	assert_int_equal(text, 'a');
	sent(&r, 136, &text);
	assert_int_equal(text, 'c');
	nothing_sent(&r, 136);
	assert_int_equal(reload_reliable_window(&r), window);
	assert_int_equal(r.counts.losses, 1);
	/* and their copies are watched as others */
	acked(&r, 12, 0, 140);
	acked(&r, 10, 0, 140);
	sent(&r, 660, &text);
	assert_int_equal(text, 'a');
	reload_reliable_clear(&r);
}

static void a_hint_stops_a_repetition(void **state)
{
	(void)state;
	struct reload_reliable r;
	start_sent(&r, 32);
	r.congestion.window = 2 * RELOAD_CONGESTION_FRAME; /* what is lost waits */
	acked(&r, 4, 0, 100);
	assert_int_equal(r.due, 2);
	acked(&r, 5, 1 << 5 | 1 << 1, 100);
	assert_int_equal(r.due, 2); /* 0 not any more, 1, and 2 */
	reload_reliable_clear(&r);
}

static void hinted_messages_are_bounded(void **state)
{
	(void)state;
	struct reload_reliable r;
	start_sent(&r, 32);
	for (int i = 0; i < 40; i++)
		queue(&r, "m");
	/* nothing is in flight, but 31 are unacknowledged: there is room for one more, and then for none */
	acked(&r, 31, 0xfffffffe, 100);
	assert_int_equal(sent_all(&r, 100), 1);
	assert_int_equal(r.unacked_count, 32);
	reload_reliable_clear(&r);
}

static void masks_of_others(void **state)
{
	(void)state;
	/* LINK-01: python; .NET, which calls N-1 bit 0; bits of frames that were never sent */
	static const uint32_t masks[] = { UINT32_MAX, 1, 1 << 5, UINT32_C(1) << 31 };
	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		struct reload_reliable r;
		start_sent(&r, 10);
		acked(&r, 4, masks[i], 100);
		assert_true(r.distrust);
		/* from now on a mask that would be good is not believed either */
		acked(&r, 5, 1 << 5 | 1 << 4, 100);
		assert_int_equal(r.counts.losses, 3);
		assert_int_equal(sent_all(&r, 100), 3);
		reload_reliable_clear(&r);
	}
	/* all that was sent may be named */
	struct reload_reliable r;
	start_sent(&r, 32);
	acked(&r, 31, 0xfffffffe, 100);
	assert_false(r.distrust);
	assert_int_equal(r.flight, 0);
	assert_int_equal(r.unacked_count, 31);
	reload_reliable_clear(&r);
	start_sent(&r, 4);
	acked(&r, 3, 1 << 3, 100);
	assert_false(r.distrust);
	reload_reliable_clear(&r);
}

static void a_mask_that_lies_delays_and_no_more(void **state)
{
	(void)state;
	struct reload_reliable r;
	start_sent(&r, 2);
	/* says at each turn that 'a' arrived, and never acknowledges it */
	unsigned copies = 0;
	reload_ms now = 0;
	acked(&r, 1, 1 << 1, 10);
	for (int i = 0; i < 100 && reload_reliable_health(&r) != RELOAD_HEALTH_LOST; i++) {
		reload_ms due = reload_reliable_due(&r, now);
		assert_true(due != RELOAD_NEVER);
		now = due > now ? due : now;
		copies += sent_all(&r, now);
		/* another message is acknowledged, with a mask that names the last copy of 'a' */
		if (reload_reliable_queue(&r, span_str("z"))) {
			unsigned more = sent_all(&r, now);
			copies += more ? more - 1 : 0;
			uint32_t last = r.framing.next_sequence - 1;
			acked(&r, last, 1 << 1, now);
		}
	}
	/* 32 copies, one each round trip, and the link is given up */
	assert_int_equal(reload_reliable_health(&r), RELOAD_HEALTH_LOST);
	assert_int_equal(copies, 31);
	reload_reliable_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_is_acknowledged_at_once),
		cmocka_unit_test(bytes_of_the_vectors),
		cmocka_unit_test(a_number_that_comes_twice),
		cmocka_unit_test(a_message_that_comes_again),
		cmocka_unit_test(several_frames_in_a_datagram),
		cmocka_unit_test(bad_framing),
		cmocka_unit_test(acks_of_what_was_never_sent),
		cmocka_unit_test(an_ack_after_many_other_frames),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(three_later_acks_are_a_loss),
		cmocka_unit_test(a_later_ack_and_time_are_a_loss),
		cmocka_unit_test(a_mask_is_a_hint),
		cmocka_unit_test(a_hint_stops_a_repetition),
		cmocka_unit_test(hinted_messages_are_bounded),
		cmocka_unit_test(masks_of_others),
		cmocka_unit_test(a_mask_that_lies_delays_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
