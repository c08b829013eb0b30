/* One end of a Simple Reliability link; the datagrams of the other end are made by hand. */
#pragma once

#include "link/reliable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	MAX = 1200,
	QUEUE_BYTES = 10000,
	QUEUE = 100,
	MANY = 64
};

/* starts r; rto_ms 0: measured */
static inline void start(
	struct reload_reliable *r, enum reload_reliable_policy policy, uint32_t rto_ms)
{
	struct reload_reliable_setup setup = { .policy = policy,
		.max_message = MAX,
		.max_queue_bytes = QUEUE_BYTES,
		.max_queue = QUEUE,
		.static_rto_ms = rto_ms };
	reload_reliable_init(r, &setup);
}

static inline void queue(struct reload_reliable *r, const char *message)
{
	assert_true(reload_reliable_queue(r, span_str(message)));
}

/* one DATA frame leaves at now: its number, and *text if not NULL is its message of one letter */
static inline uint32_t sent(struct reload_reliable *r, reload_ms now, char *text)
{
	struct span datagram;
	assert_true(reload_reliable_next(r, now, &datagram));
	struct rd in = rd_of(datagram);
	assert_int_equal(rd_u8(&in), RELOAD_FRAME_DATA);
	uint32_t sequence = rd_u32(&in);
	struct rd message = rd_open(&in, 3);
	if (text)
		*text = (char)rd_u8(&message);
	assert_false(in.err || message.err || rd_more(&in));
	return sequence;
}

static inline void nothing_sent(struct reload_reliable *r, reload_ms now)
{
	struct span datagram;
	assert_false(reload_reliable_next(r, now, &datagram));
}

/* all that may leave at now: how many DATA frames */
static inline unsigned sent_all(struct reload_reliable *r, reload_ms now)
{
	struct span datagram;
	unsigned n = 0;
	while (reload_reliable_next(r, now, &datagram))
		n += datagram.at[0] == RELOAD_FRAME_DATA;
	return n;
}

/* one frame arrives alone in a datagram: what it is for this end */
static inline enum reload_framing_step arrives(
	struct reload_reliable *r, struct wr *frame, reload_ms now)
{
	struct reload_framing_item item;
	struct span in = wr_done(frame);
	enum reload_framing_step step = reload_reliable_input(r, &in, now, &item);
	if (step == RELOAD_FRAMING_DATA)
		assert_int_equal(reload_reliable_input(r, &in, now, &item), RELOAD_FRAMING_MORE);
	frame->len = 0;
	return step;
}

static inline void ack_write(struct wr *w, uint32_t sequence, uint32_t mask)
{
	wr_u8(w, RELOAD_FRAME_ACK);
	wr_u32(w, sequence);
	wr_u32(w, mask);
}

static inline void acked(struct reload_reliable *r, uint32_t sequence, uint32_t mask, reload_ms now)
{
	uint8_t frame[RELOAD_FRAME_ACK_SIZE];
	struct wr w = wr_fixed(frame, sizeof(frame));
	ack_write(&w, sequence, mask);
	assert_int_equal(arrives(r, &w, now), RELOAD_FRAMING_MORE);
}

static inline void data_write(struct wr *w, uint32_t sequence, const char *message)
{
	wr_u8(w, RELOAD_FRAME_DATA);
	wr_u32(w, sequence);
	wr_int(w, strlen(message), 3);
	wr_span(w, span_str(message));
}

static inline enum reload_framing_step data(
	struct reload_reliable *r, uint32_t sequence, const char *message, reload_ms now)
{
	uint8_t frame[MANY];
	struct wr w = wr_fixed(frame, sizeof(frame));
	data_write(&w, sequence, message);
	return arrives(r, &w, now);
}
