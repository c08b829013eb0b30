#include "link/framing.h"

#include "wire/header.h"

#include <assert.h>

enum {
	HEAD = RELOAD_FRAME_DATA_HEAD
};

void reload_framing_init(struct reload_framing *f, size_t max_message)
{
	assert(max_message <= RELOAD_FRAMING_MAX);
	*f = (struct reload_framing){ .max_message = max_message };
}

void reload_framing_clear(struct reload_framing *f)
{
	wr_clear(&f->partial);
}

/* how many bytes of the message are wanted before a message that is too long is reported */
static size_t oversized_wants(const struct reload_framing *f, struct span message)
{
	struct reload_header h;
	size_t want =
		reload_header_peek(&h, message) ? RELOAD_HEADER_FIXED : reload_header_size(&h);
	return want < f->max_message ? want : f->max_message;
}

/*
 * Looks at the frame that starts at bytes: how many bytes are wanted until it can be handed out, and what it is then.
 * want <= bytes.len says that it can be now.
 */
static enum reload_framing_step look(const struct reload_framing *f, struct span bytes,
	size_t *want, struct reload_framing_item *out)
{
	struct reload_frame frame;
	enum reload_err err = reload_frame_peek(&frame, want, bytes);
	if (err == RELOAD_UNKNOWN_TYPE)
		return RELOAD_FRAMING_BROKEN;
	bool ack = frame.type == RELOAD_FRAME_ACK;
	*out = (struct reload_framing_item){ .sequence = ack ? frame.ack_sequence : frame.sequence,
		.received = frame.received,
		.message = frame.message };
	if (ack)
		return RELOAD_FRAMING_ACK;
	if (err || *want <= HEAD + f->max_message)
		return RELOAD_FRAMING_DATA;
	*want = HEAD + oversized_wants(f, frame.message);
	if (out->message.len > f->max_message)
		out->message.len = f->max_message;
	return RELOAD_FRAMING_OVERSIZED;
}

/* copies bytes from the input until partial has want of them; false when the input ends before */
static bool fill(struct reload_framing *f, struct span *in, size_t want)
{
	size_t n = want - f->partial.len;
	if (n > in->len)
		n = in->len;
	wr_span(&f->partial, span_of(in->at, n));
	*in = span_of(in->at + n, in->len - n);
	return f->partial.len == want;
}

static enum reload_framing_step next_buffered(
	struct reload_framing *f, struct span *in, struct reload_framing_item *out)
{
	size_t want;
	for (;;) { /* ends: want grows at most three times, then what it asks for is there */
		enum reload_framing_step step = look(f, wr_done(&f->partial), &want, out);
		if (want <= f->partial.len) {
			f->state = RELOAD_FRAMING_DRAINED;
			return step;
		}
		if (!fill(f, in, want))
			return RELOAD_FRAMING_MORE;
	}
}

enum reload_framing_step reload_framing_next(
	struct reload_framing *f, struct span *in, struct reload_framing_item *out)
{
	if (f->state == RELOAD_FRAMING_ENDED)
		*in = span_of(NULL, 0);
	if (f->state == RELOAD_FRAMING_DRAINED) {
		wr_clear(&f->partial);
		f->state = RELOAD_FRAMING_OPEN;
	}
	if (!in->len)
		return RELOAD_FRAMING_MORE;
	*out = (struct reload_framing_item){ 0 };
	enum reload_framing_step step;
	if (f->partial.len) {
		step = next_buffered(f, in, out);
	} else {
		size_t want;
		step = look(f, *in, &want, out);
		if (want > in->len) {
			wr_span(&f->partial, *in);
			*in = span_of(NULL, 0);
			return RELOAD_FRAMING_MORE;
		}
		*in = span_of(in->at + want, in->len - want);
	}
	if (step == RELOAD_FRAMING_BROKEN || step == RELOAD_FRAMING_OVERSIZED) {
		f->state = RELOAD_FRAMING_ENDED;
		*in = span_of(NULL, 0);
	}
	return step;
}

bool reload_framing_cut(struct reload_framing *f)
{
	bool cut = f->partial.len && f->state == RELOAD_FRAMING_OPEN;
	if (cut)
		wr_clear(&f->partial);
	return cut;
}

void reload_framing_record(struct reload_framing *f)
{
	f->answered = false;
}

bool reload_framing_remember(
	struct reload_framing *f, uint32_t sequence, struct reload_framing_ack *ack)
{
	size_t known = f->received_ever < RELOAD_FRAMING_RECENT ? (size_t)f->received_ever
								: RELOAD_FRAMING_RECENT;
	uint32_t mask = 0;
	bool news = true;
	for (size_t i = 0; i < known; i++) {
		uint32_t behind = sequence - f->recent[i]; /* N - M modulo 2^32: numbers wrap */
		if (behind > 0 && behind < 32)
			mask |= UINT32_C(1) << behind;
		news &= behind > 0;
	}
	if (news)
		f->recent[f->received_ever++ % RELOAD_FRAMING_RECENT] = sequence;
	*ack = (struct reload_framing_ack){ sequence, mask };
	return news;
}

void reload_framing_received(struct reload_framing *f, uint32_t sequence, reload_ms now)
{
	assert(f->acks_count < RELOAD_FRAMING_ACKS);
	if (!f->acks_count)
		f->ack_due = now + RELOAD_FRAMING_ACK_MS;
	(void)reload_framing_remember(f, sequence, &f->acks[f->acks_count++]);
	if (f->answered || f->acks_count == RELOAD_FRAMING_ACKS)
		f->ack_due = 0;
}

reload_ms reload_framing_ack_due(const struct reload_framing *f)
{
	return f->acks_count ? f->ack_due : RELOAD_NEVER;
}

void reload_framing_ack_write(struct wr *w, struct reload_framing_ack ack)
{
	wr_u8(w, RELOAD_FRAME_ACK);
	wr_u32(w, ack.sequence);
	wr_u32(w, ack.received);
}

void reload_framing_acks_write(struct reload_framing *f, struct wr *w)
{
	for (size_t i = 0; i < f->acks_count; i++)
		reload_framing_ack_write(w, f->acks[i]);
	f->acks_count = 0;
}

void reload_framing_head_write(struct reload_framing *f, struct wr *w, size_t len, reload_ms now)
{
	assert(len <= RELOAD_FRAMING_MAX);
	size_t slot = f->next_sequence % RELOAD_FRAMING_SENT;
	f->sent_at[slot] = (uint32_t)now;
	f->unsampled |= UINT64_C(1) << slot;
	wr_u8(w, RELOAD_FRAME_DATA);
	wr_u32(w, f->next_sequence++);
	wr_int(w, len, 3);
}

void reload_framing_data_write(
	struct reload_framing *f, struct wr *w, struct span message, reload_ms now)
{
	reload_framing_acks_write(f, w);
	reload_framing_head_write(f, w, message.len, now);
	wr_span(w, message);
}

bool reload_framing_acked(
	struct reload_framing *f, uint32_t sequence, reload_ms now, reload_ms *rtt_ms)
{
	uint32_t behind = f->next_sequence - sequence; /* 1: the frame sent last */
	uint64_t bit = UINT64_C(1) << sequence % RELOAD_FRAMING_SENT;
	bool sample = behind > 0 && behind <= RELOAD_FRAMING_SENT && f->unsampled & bit;
	bool progress = behind > 0 && behind <= reload_framing_unacked(f);
	*rtt_ms = RELOAD_NEVER;
	if (sample) {
		f->unsampled &= ~bit;
		*rtt_ms = (uint32_t)now - f->sent_at[sequence % RELOAD_FRAMING_SENT];
	}
	if (progress)
		f->acked = sequence + 1;
	f->answered |= sample || progress;
	return sample || progress;
}
