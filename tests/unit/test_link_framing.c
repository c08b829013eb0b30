/* The framing header: vectors, pieces, limits, numbers and masks. */
#include "link/framing.h"
#include "vectors.h"

#include <string.h>

enum {
	MAX = 5000
};

static struct vector load(const char *name)
{
	struct vector v;
	vector_load(&v, name);
	return v;
}

static void drop(struct vector *v)
{
	json_decref(v->fields);
	free(v->at);
}

/* appends the ACK of the DATA frame sequence, which arrives now */
static void ack_write(struct reload_framing *f, struct wr *w, uint32_t sequence)
{
	reload_framing_received(f, sequence, 0);
	reload_framing_acks_write(f, w);
}

/* steps over all of in and expects nothing */
static void expect_more(struct reload_framing *f, struct span in)
{
	struct reload_framing_item item;
	assert_int_equal(reload_framing_next(f, &in, &item), RELOAD_FRAMING_MORE);
	assert_int_equal(in.len, 0);
}

static void data_of_the_vector(void **state)
{
	(void)state;
	struct vector v = load("frame-data");
	struct reload_framing f;
	struct reload_framing_item item;
	reload_framing_init(&f, MAX);
	struct span in = vector_span(&v);
	/* R-6.6.2-01: type, sequence, 3-byte length */
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_DATA);
	assert_int_equal(item.sequence, 0);
	assert_int_equal(item.message.len, 1166);
	assert_ptr_equal(item.message.at, v.at + 8); /* a whole frame is not copied */
	assert_int_equal(in.len, 0);
	expect_more(&f, in);

	/* and written again */
	struct wr w;
	wr_init(&w);
	reload_framing_data_write(&f, &w, item.message, 1);
	assert_true(span_eq(wr_done(&w), vector_span(&v)));
	wr_clear(&w);
	reload_framing_clear(&f);
	drop(&v);
}

static void ack_of_the_vectors(void **state)
{
	(void)state;
	struct vector first = load("frame-ack"), mask = load("frame-ack-mask");
	struct reload_framing f;
	struct wr w;
	reload_framing_init(&f, MAX);
	wr_init(&w);
	/* R-6.6.2-02: the ACK of the first frame */
	ack_write(&f, &w, 0);
	assert_true(span_eq(wr_done(&w), vector_span(&first)));

	static const uint32_t received[] = { 9, 36, 38, 39 };
	reload_framing_init(&f, MAX);
	for (size_t i = 0; i < COUNT_OF(received); i++)
		ack_write(&f, &w, received[i]);
	w.len = 0;
	/* R-6.6.2-06: bits N - M of 39, 38, 36 and 9 */
	ack_write(&f, &w, 40);
	assert_true(span_eq(wr_done(&w), vector_span(&mask)));

	struct reload_framing_item item;
	struct span in = vector_span(&mask);
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_ACK);
	assert_int_equal(item.sequence, 40);
	assert_int_equal(item.received, 0x80000016);
	wr_clear(&w);
	drop(&first);
	drop(&mask);
}

static uint32_t mask_of(struct reload_framing *f, uint32_t sequence)
{
	struct wr w;
	wr_init(&w);
	ack_write(f, &w, sequence);
	struct rd r = rd_of(span_of(w.at + 5, 4));
	uint32_t mask = rd_u32(&r);
	wr_clear(&w);
	return mask;
}

static void mask_remembers_the_last_32(void **state)
{
	(void)state;
	struct reload_framing f;
	reload_framing_init(&f, MAX);
	mask_of(&f, 100);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(mask_of(&f, 101 + i) & 2, 2); /* the one before */
	/* R-6.6.2-05: 131 has all 31 before it; bit 0 is never set (LINK-01) */
	assert_int_equal(mask_of(&f, 131), 0xfffffffe);
	/* a number that comes late sees only smaller ones, and at most 31 back */
	assert_int_equal(mask_of(&f, 132 + 31), UINT32_C(0));
	assert_int_equal(mask_of(&f, 90), 0);
	assert_int_equal(mask_of(&f, 90),
		0); /* R-6.6.2-06: the mask tells of those before it, never of itself */
	/* 32 others push 131 out of memory: its bit is clear although it was received */
	reload_framing_init(&f, MAX);
	mask_of(&f, 131);
	for (uint32_t i = 0; i < 32; i++)
		mask_of(&f, 1000 + i);
	assert_int_equal(mask_of(&f, 132), 0);
	/* numbers wrap */
	reload_framing_init(&f, MAX);
	mask_of(&f, UINT32_MAX);
	assert_int_equal(mask_of(&f, 1), 1 << 2);
}

static void numbers_count_from_zero(void **state)
{
	(void)state;
	struct reload_framing f, g;
	struct reload_framing_item item;
	struct wr w;
	wr_init(&w);
	reload_framing_init(&f, MAX);
	reload_framing_init(&g, MAX);
	for (int i = 0; i < 3; i++)
		reload_framing_data_write(&f, &w, span_str("x"), 0);
	struct span in = wr_done(&w);
	/* R-6.6.2-03 */
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(reload_framing_next(&g, &in, &item), RELOAD_FRAMING_DATA);
		assert_int_equal(item.sequence, i);
	}
	assert_int_equal(reload_framing_unacked(&f), 3);
	wr_clear(&w);
}

/* takes one frame from bytes, which is one record */
static enum reload_framing_step record(
	struct reload_framing *f, struct wr *bytes, struct reload_framing_item *item)
{
	struct span in = wr_done(bytes);
	reload_framing_record(f);
	return reload_framing_next(f, &in, item);
}

static void an_ack_waits_for_a_message(void **state)
{
	(void)state;
	struct reload_framing f;
	struct wr w;
	wr_init(&w);
	reload_framing_init(&f, MAX);
	assert_true(reload_framing_ack_due(&f) == RELOAD_NEVER);
	/* R-6.6.2-04, a SHOULD: within 5 ms, with a clock of one; the later frame does not put it off */
	reload_framing_received(&f, 7, 1000);
	assert_int_equal(reload_framing_ack_due(&f), 1004);
	reload_framing_received(&f, 8, 1003);
	assert_int_equal(reload_framing_ack_due(&f), 1004);
	/* it goes before the message that it travels with; each frame has an ACK of its own (R-6.6.3-01) */
	reload_framing_data_write(&f, &w, span_str("hi"), 1003);
	static const char want[] = "\x81\0\0\0\7\0\0\0\0"
				   "\x81\0\0\0\10\0\0\0\2"
				   "\x80\0\0\0\0\0\0\2hi";
	assert_true(span_eq(wr_done(&w), span_of(want, sizeof(want) - 1)));
	assert_true(reload_framing_ack_due(&f) == RELOAD_NEVER);
	w.len = 0;
	reload_framing_acks_write(&f, &w);
	assert_int_equal(w.len, 0);
	wr_clear(&w);
}

static void the_eighth_ack_does_not_wait(void **state)
{
	(void)state;
	struct reload_framing f;
	struct wr w;
	wr_init(&w);
	reload_framing_init(&f, MAX);
	for (uint32_t i = 0; i < 8; i++) {
		assert_true(i == 0 || reload_framing_ack_due(&f) == 104);
		reload_framing_received(&f, i, 100);
	}
	assert_int_equal(reload_framing_ack_due(&f), 0);
	reload_framing_acks_write(&f, &w);
	assert_int_equal(w.len, 8 * RELOAD_FRAME_ACK_SIZE);
	/* R-6.6.2-06: the mask is that of the moment when the frame came */
	assert_memory_equal(w.at + 7 * RELOAD_FRAME_ACK_SIZE, "\x81\0\0\0\7\0\0\0\xfe", 9);
	wr_clear(&w);
}

static void pieces_for_datagrams(void **state)
{
	(void)state;
	struct reload_framing f;
	struct reload_framing_item item;
	struct wr w;
	wr_init(&w);
	reload_framing_init(&f, MAX);
	/* R-6.6.2-05: a number that comes twice takes one place of the 32; its ACK is that of any */
	static const uint32_t order[] = { 7, 8, 7 }, masks[] = { 0, 2, 0 };
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		struct reload_framing_ack ack;
		assert_int_equal(reload_framing_remember(&f, order[i], &ack), i < 2);
		assert_int_equal(ack.sequence, order[i]);
		assert_int_equal(ack.received, masks[i]);
		w.len = 0;
		reload_framing_ack_write(&w, ack);
		assert_int_equal(w.len, RELOAD_FRAME_ACK_SIZE);
		assert_int_equal(w.at[4], order[i]);
	}
	assert_int_equal(f.received_ever, 2);
	assert_true(reload_framing_ack_due(&f) == RELOAD_NEVER);
	/* R-6.6.2-03: a head takes the next number */
	w.len = 0;
	reload_framing_head_write(&f, &w, 258, 100);
	reload_framing_head_write(&f, &w, 0, 100);
	static const char want[] = "\x80\0\0\0\0\0\1\2"
				   "\x80\0\0\0\1\0\0\0";
	assert_true(span_eq(wr_done(&w), span_of(want, sizeof(want) - 1)));
	/* LINK-03: no frame goes on in the next datagram */
	assert_false(reload_framing_cut(&f));
	expect_more(&f, span_of(want, 8));
	assert_true(reload_framing_cut(&f));
	assert_null(f.partial.at);
	struct span next = span_of(want + 8, 8);
	assert_int_equal(reload_framing_next(&f, &next, &item), RELOAD_FRAMING_DATA);
	assert_int_equal(item.sequence, 1);
	wr_clear(&w);
	reload_framing_clear(&f);
}

static void the_ack_of_a_response_does_not_wait(void **state)
{
	(void)state;
	struct reload_framing f, g;
	struct reload_framing_item item;
	struct wr request, response;
	reload_ms rtt;
	wr_init(&request);
	wr_init(&response);
	reload_framing_init(&f, MAX);
	reload_framing_init(&g, MAX);
	reload_framing_data_write(&f, &request, span_str("request"), 100);
	assert_int_equal(record(&g, &request, &item), RELOAD_FRAMING_DATA);
	reload_framing_received(&g, item.sequence, 100);
	assert_int_equal(reload_framing_ack_due(&g), 104);
	reload_framing_data_write(&g, &response, span_str("response"), 101);
	/* one record with the ACK of the request and the response */
	struct span in = wr_done(&response);
	reload_framing_record(&f);
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_ACK);
	assert_true(reload_framing_acked(&f, item.sequence, 101, &rtt));
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_DATA);
	reload_framing_received(&f, item.sequence, 101);
	assert_int_equal(reload_framing_ack_due(&f), 0);
	request.len = 0;
	reload_framing_acks_write(&f, &request);
	/* in a record of its own a message is a request again, also when an ACK of what is known comes with it */
	reload_framing_record(&f);
	assert_false(reload_framing_acked(&f, 0, 102, &rtt));
	reload_framing_received(&f, 1, 102);
	assert_int_equal(reload_framing_ack_due(&f), 106);
	wr_clear(&request);
	wr_clear(&response);
}

static void any_first_number_and_any_gap(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 0x80, 0, 0, 0, 1, 0, 0, 0, 0x80, 0xff, 0, 0, 0, 0, 0, 1,
		'm' };
	struct reload_framing f;
	struct reload_framing_item item;
	struct span in = span_of(bytes, sizeof(bytes));
	reload_framing_init(&f, MAX);
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_DATA);
	assert_int_equal(item.sequence, 1);
	assert_int_equal(item.message.len, 0); /* empty is legal here; the engine refuses it */
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_DATA);
	assert_int_equal(item.sequence, 0xff000000);
	assert_int_equal(item.message.len, 1);
}

static void byte_by_byte(void **state)
{
	(void)state;
	struct vector data = load("frame-data"), ack = load("frame-ack-mask");
	struct reload_framing f;
	struct reload_framing_item item;
	struct wr w;
	wr_init(&w);
	wr_span(&w, vector_span(&ack));
	wr_span(&w, vector_span(&data));
	wr_span(&w, vector_span(&ack));
	for (size_t piece = 1; piece < 20; piece += 3) {
		unsigned acks = 0, datas = 0;
		reload_framing_init(&f, MAX);
		for (size_t at = 0; at < w.len; at += piece) {
			size_t n = w.len - at < piece ? w.len - at : piece;
			uint8_t *copy = reload_memdup(
				w.at + at, n); /* of exact size: one byte too far is seen */
			struct span in = span_of(copy, n);
			enum reload_framing_step step;
			while ((step = reload_framing_next(&f, &in, &item)) !=
				RELOAD_FRAMING_MORE) {
				if (step == RELOAD_FRAMING_ACK)
					acks++;
				assert_true(
					step == RELOAD_FRAMING_ACK || step == RELOAD_FRAMING_DATA);
				if (step != RELOAD_FRAMING_DATA)
					continue;
				datas++;
				assert_true(
					span_eq(item.message, span_of(data.at + 8, data.len - 8)));
			}
			free(copy);
		}
		assert_int_equal(acks, 2);
		assert_int_equal(datas, 1);
		expect_more(&f, span_of(NULL, 0));
		assert_null(f.partial.at); /* no memory between frames */
		reload_framing_clear(&f);
	}
	wr_clear(&w);
	drop(&data);
	drop(&ack);
}

static void unknown_type_breaks_the_framing(void **state)
{
	(void)state;
	static const uint8_t types[] = { 0, 1, 0x16, 'G', 127, 130, 255 };
	for (size_t i = 0; i < sizeof(types); i++) {
		uint8_t bytes[] = { 0x81, 0, 0, 0, 0, 0, 0, 0, 0, types[i], 0x80, 0 };
		struct reload_framing f;
		struct reload_framing_item item;
		struct span in = span_of(bytes, sizeof(bytes));
		reload_framing_init(&f, MAX);
		assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_ACK);
		/* R-6.6.2-09, and nothing behind it is believed */
		assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_BROKEN);
		expect_more(&f, in);
		expect_more(&f, span_of("\x81\0\0\0\0\0\0\0", 9));
	}
}

/* a forwarding header with lists of the given lengths, and more behind it */
static void write_oversized(
	struct wr *w, uint32_t announced, uint16_t via, uint16_t dest, size_t arrived)
{
	size_t start = w->len + 8;
	wr_u8(w, RELOAD_FRAME_DATA);
	wr_u32(w, 5);
	wr_int(w, announced, 3);
	wr_u32(w, 0xd2454c4f);
	for (int i = 0; i < 28; i++)
		wr_u8(w, (uint8_t)i);
	wr_u16(w, via);
	wr_u16(w, dest);
	wr_u16(w, 0);
	while (w->len < start + arrived)
		wr_u8(w, 0xaa);
	w->len = start + arrived;
}

static void oversized_is_told_with_its_header(void **state)
{
	(void)state;
	struct reload_framing f;
	struct reload_framing_item item;
	struct wr w;
	wr_init(&w);
	write_oversized(&w, MAX + 1, 20, 30, 38 + 50);
	reload_framing_init(&f, MAX);
	/* R-6.6-03: before all of it is there, but not before the header is (LINK-18) */
	expect_more(&f, span_of(w.at, w.len - 1));
	struct span in = span_of(w.at + w.len - 1, 1);
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_OVERSIZED);
	assert_int_equal(item.sequence, 5);
	assert_int_equal(item.message.len, 88);
	assert_memory_equal(item.message.at, "\xd2\x45\x4c\x4f", 4);
	expect_more(&f, span_of("\x81\0\0\0\0\0\0\0", 9));
	reload_framing_clear(&f);

	/* a header that alone is too long is told with max bytes of it, and no more memory is taken */
	w.len = 0;
	write_oversized(&w, 0xffffff, 60000, 60000, 20000);
	reload_framing_init(&f, MAX);
	size_t fed = 0;
	enum reload_framing_step step = RELOAD_FRAMING_MORE;
	for (; step == RELOAD_FRAMING_MORE && fed < w.len; fed += 100) {
		in = span_of(w.at + fed, 100);
		step = reload_framing_next(&f, &in, &item);
		assert_true(f.partial.cap <= 4 * MAX);
	}
	assert_int_equal(step, RELOAD_FRAMING_OVERSIZED);
	assert_int_equal(item.message.len, MAX);
	reload_framing_clear(&f);

	/* the limit itself is legal */
	w.len = 0;
	write_oversized(&w, MAX, 0, 0, MAX);
	reload_framing_init(&f, MAX);
	in = wr_done(&w);
	assert_int_equal(reload_framing_next(&f, &in, &item), RELOAD_FRAMING_DATA);
	assert_int_equal(item.message.len, MAX);
	wr_clear(&w);
}

static void acks_give_samples(void **state)
{
	(void)state;
	struct reload_framing f;
	struct wr w;
	reload_ms rtt;
	wr_init(&w);
	reload_framing_init(&f, MAX);
	/* nothing was sent: nothing can be acknowledged */
	assert_false(reload_framing_acked(&f, 0, 10, &rtt));
	assert_false(reload_framing_acked(&f, UINT32_MAX, 10, &rtt));
	for (uint64_t i = 0; i < 4; i++)
		reload_framing_data_write(&f, &w, span_str("m"), 1000 + i);
	/* every ACK adds a sample */
	assert_true(reload_framing_acked(&f, 0, 1010, &rtt));
	assert_int_equal(rtt, 10);
	assert_int_equal(reload_framing_unacked(&f), 3);
	assert_true(reload_framing_acked(&f, 2, 1010, &rtt));
	assert_int_equal(rtt, 8);
	assert_int_equal(reload_framing_unacked(&f), 1);
	/* R-6.6.2-07: 1 was passed over, which says nothing about it: it is not lost, and its own ACK counts when it comes */
	/* one that comes late is a sample, but no progress; twice it is nothing */
	assert_true(reload_framing_acked(&f, 1, 1021, &rtt));
	assert_int_equal(rtt, 20);
	assert_int_equal(reload_framing_unacked(&f), 1);
	assert_false(reload_framing_acked(&f, 1, 1022, &rtt));
	assert_false(reload_framing_acked(&f, 4, 1022, &rtt));
	/* 3 stays unacknowledged */
	assert_int_equal(reload_framing_unacked(&f), 1);

	/* the time of a frame is forgotten after 64 others, its ACK is progress all the same */
	for (unsigned i = 0; i < RELOAD_FRAMING_SENT; i++)
		reload_framing_data_write(&f, &w, span_str("m"), 2000);
	assert_true(reload_framing_acked(&f, 3, 2001, &rtt));
	assert_true(rtt == RELOAD_NEVER);
	assert_int_equal(reload_framing_unacked(&f), RELOAD_FRAMING_SENT);
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_of_the_vector),
		cmocka_unit_test(ack_of_the_vectors),
		cmocka_unit_test(mask_remembers_the_last_32),
		cmocka_unit_test(numbers_count_from_zero),
		cmocka_unit_test(an_ack_waits_for_a_message),
		cmocka_unit_test(the_eighth_ack_does_not_wait),
		cmocka_unit_test(pieces_for_datagrams),
		cmocka_unit_test(the_ack_of_a_response_does_not_wait),
		cmocka_unit_test(any_first_number_and_any_gap),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(unknown_type_breaks_the_framing),
		cmocka_unit_test(oversized_is_told_with_its_header),
		cmocka_unit_test(acks_give_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
