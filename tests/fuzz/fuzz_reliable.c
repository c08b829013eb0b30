/*
 * One end of a Simple Reliability link on hostile datagrams.  The first byte chooses the policy and the RTO; then each byte is a step,
 * whose argument is the next one: a message, time, a datagram of the bytes that follow, an ACK of a frame near those sent, an
 * ICMP error.  What leaves must be frames, all bounds hold, and what is due comes to an end.
 */
#include "link/reliable.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MAX = 100,
	QUEUE = 40,
	QUEUE_BYTES = 2000
};

static void check(const struct reload_reliable *r)
{
	unsigned most = r->setup.policy == RELOAD_RELIABLE_STOP_AND_WAIT ? 1 : 32;
	const struct reload_reliable_counts *n = &r->counts;
	assert(r->queued <= QUEUE && r->queued_bytes <= QUEUE_BYTES);
	assert(r->unacked_count <= most && r->flight + r->due <= r->unacked_count);
	assert(r->unacked_count <= r->queued && r->acks_count <= RELOAD_RELIABLE_ACKS);
	assert(reload_reliable_window(r) >= 1 && reload_reliable_window(r) <= most);
	assert(n->acked <= n->sent && n->resent <= 31 * n->sent);
	assert(r->framing.partial.cap <= 2 * (MAX + 8) + 256);
}

/* takes all that leaves at now */
static void take(struct reload_reliable *r, reload_ms now)
{
	struct span datagram;
	unsigned frames = 0;
	while (reload_reliable_next(r, now, &datagram)) {
		struct reload_frame frame;
		size_t want;
		assert(reload_frame_peek(&frame, &want, datagram) == RELOAD_OK);
		assert(want == datagram.len && frame.message.len <= MAX);
		assert(++frames <= RELOAD_RELIABLE_ACKS + 32);
		check(r);
	}
	assert(reload_reliable_due(r, now) > now);
}

static void input(struct reload_reliable *r, struct span bytes, reload_ms now)
{
	uint8_t *copy = reload_memdup(bytes.at, bytes.len); /* one byte too far is seen */
	struct span in = span_of(copy, bytes.len);
	struct reload_framing_item item;
	enum reload_framing_step step;
	do {
		step = reload_reliable_input(r, &in, now, &item);
		assert(step != RELOAD_FRAMING_ACK);
		assert(step == RELOAD_FRAMING_MORE || item.message.len <= MAX);
		check(r);
	} while (step == RELOAD_FRAMING_DATA);
	assert(!in.len);
	free(copy);
	if (step != RELOAD_FRAMING_MORE)
		reload_reliable_clear(r); /* the transport closes the link */
}

static void ack(struct reload_reliable *r, uint8_t which, uint32_t mask, reload_ms now)
{
	uint8_t frame[RELOAD_FRAME_ACK_SIZE];
	struct wr w = wr_fixed(frame, sizeof(frame));
	wr_u8(&w, RELOAD_FRAME_ACK);
	wr_u32(&w, r->framing.next_sequence + 4 - which);
	wr_u32(&w, mask);
	input(r, wr_done(&w), now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t message[MAX];
	struct rd in = rd_of(span_of(data, size));
	uint8_t how = rd_u8(&in);
	struct reload_reliable r;
	struct reload_reliable_setup setup = { .policy = how & 1,
		.max_message = MAX,
		.max_queue_bytes = QUEUE_BYTES,
		.max_queue = QUEUE,
		.static_rto_ms = how & 2 ? 500 : 0,
		.repeat_ms = how & 16 ? 1500 : 0 };
	reload_ms now = how & 4 ? UINT32_MAX - 1000 : 0; /* the low bits of times wrap as well */
	reload_reliable_init(&r, &setup);
	r.framing.next_sequence = r.framing.acked = how & 8 ? UINT32_MAX - 20 : 0;
	while (rd_more(&in)) {
		uint8_t step = rd_u8(&in), with = rd_u8(&in);
		bool queued =
			r.queued < QUEUE && r.queued_bytes + with % MAX <= QUEUE_BYTES && !r.ended;
		switch (step % 8) {
		case 0:
			assert(reload_reliable_queue(&r, span_of(message, with % MAX)) == queued);
			break;
		case 1:
			now += with;
			break;
		case 2:
			if (reload_reliable_due(&r, now) != RELOAD_NEVER &&
				reload_reliable_due(&r, now) > now)
				now = reload_reliable_due(&r, now);
			break;
		case 3:
			input(&r, rd_span(&in, with < rd_left(&in) ? with : rd_left(&in)), now);
			break;
		case 4:
			ack(&r, with, rd_u32(&in), now);
			break;
		case 5:
			ack(&r, with, 0, now);
			break;
		case 6:
			reload_reliable_icmp(&r, with == 255);
			break;
		case 7:
			reload_reliable_rtt_seed(&r, with);
			break;
		}
		if (step & 8)
			take(&r, now);
		check(&r);
	}
	for (take(&r, now); reload_reliable_due(&r, now) != RELOAD_NEVER; take(&r, now)) {
		now = reload_reliable_due(&r, now);
		assert(now <
			UINT32_MAX + UINT64_C(100000000)); /* timeouts are no longer than that */
	}
	assert(!r.queued); /* acknowledged, or lost with the link */
	reload_reliable_clear(&r);
	return 0;
}
