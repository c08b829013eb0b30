/* Links and frames (RFC 6940 s6.5.1.13, s6.6). */
#include "reload-diag/conform.h"

#include "wire/frame.h"

#include <string.h>

/* A Ping over a link that should never have come up; the link is ended. */
static enum conform_verdict refused(struct conform *c, enum conform_shown how)
{
	struct conform_link link;
	struct draft d;
	struct wr w;
	if (!conform_dial(c, &link, how))
		return HOLDS(c, "refused: %.120s", link.end);
	draft_ping(c, &d);
	wr_init(&w);
	draft_write(c, &d, &w);
	(void)conform_frame(c, &link, wr_done(&w));
	wr_clear(&w);
	draft_end(&d);
	struct span message;
	bool answered = conform_read(c, &link, cli_monotonic() + c->wait_ms, &message);
	bool closed = *link.end;
	conform_hang_up(&link);
	if (answered)
		return VIOLATED(c, "the link came up, and a Ping over it was answered");
	return closed ? HOLDS(c, "the link was closed before a Ping was answered")
		      : VIOLATED(c, "the link stays up");
}

static enum conform_verdict no_certificate(struct conform *c)
{
	return refused(c, CONFORM_SHOW_NOTHING);
}

static enum conform_verdict stranger(struct conform *c)
{
	return refused(c, CONFORM_SHOW_STRANGER);
}

static enum conform_verdict weak(struct conform *c)
{
	return refused(c, CONFORM_SHOW_WEAK);
}

static bool pinged(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	bool answered = conform_ask(c, &d);
	draft_end(&d);
	return answered;
}

/* A link of its own: its numbers begin anew. */
static bool fresh(struct conform *c, unsigned pings)
{
	conform_hang_up(&c->link);
	while (pings--)
		if (!pinged(c))
			return false;
	return conform_up(c);
}

static enum conform_verdict numbers(struct conform *c)
{
	if (!fresh(c, 4))
		return conform_no_answer(c);
	if (c->link.jumped)
		return VIOLATED(c, "the DATA frames of the node are not numbered 0, 1, 2 ...");
	return HOLDS(c, "%u DATA frames, numbered from 0", (unsigned)c->link.received);
}

static enum conform_verdict acknowledged(struct conform *c)
{
	if (!fresh(c, 4))
		return conform_no_answer(c);
	/* the ACK of the last one may come behind its answer */
	for (reload_ms until = cli_monotonic() + c->wait_ms;
		c->link.acked != 0xf && cli_monotonic() < until && !*c->link.end;) {
		struct span message;
		(void)conform_read(c, &c->link, cli_monotonic() + 50, &message);
	}
	if (c->link.acked != 0xf)
		return VIOLATED(c, "of DATA frames 0 to 3 these were acknowledged (bits): %#llx",
			(unsigned long long)c->link.acked);
	return HOLDS(c, "DATA frames 0 to 3 were acknowledged");
}

static enum conform_verdict mask(struct conform *c)
{
	enum conform_verdict v = acknowledged(c);
	if (v != CONFORM_HOLDS)
		return v;
	/* bit N-M for each remembered M < N: of 3 these are 1, 2 and 3 */
	uint32_t wanted = ((UINT32_C(1) << (c->link.mask_of + 1)) - 1) & ~UINT32_C(1);
	if (c->link.mask != wanted)
		return VIOLATED(c, "the ACK of frame %u has the mask %#x, not %#x",
			(unsigned)c->link.mask_of, (unsigned)c->link.mask, (unsigned)wanted);
	return HOLDS(c, "the ACK of frame %u has the mask %#x", (unsigned)c->link.mask_of,
		(unsigned)c->link.mask);
}

/* Writes the next DATA frame, with a Ping, to w, which is begun here and cleared by the caller; returns the transaction of the Ping. */
static uint64_t framed_ping(struct conform *c, struct wr *w)
{
	struct draft d;
	struct wr message;
	wr_init(&message);
	draft_ping(c, &d);
	draft_write(c, &d, &message);
	uint64_t transaction = d.header.transaction_id;
	draft_end(&d);
	wr_init(w);
	conform_frame_head(&c->link, w, message.len);
	wr_span(w, wr_done(&message));
	wr_clear(&message);
	return transaction;
}

static enum conform_verdict unknown_frame(struct conform *c)
{
	static const uint8_t types[] = { 0, 127, 130, 255 };
	for (size_t i = 0; i < sizeof(types); i++) {
		struct wr w;
		if (!fresh(c, 1))
			return conform_no_answer(c);
		(void)framed_ping(c, &w);
		w.at[0] = types[i];
		(void)conform_bytes(c, &c->link, wr_done(&w));
		wr_clear(&w);
		bool closed = conform_closed(c, &c->link);
		conform_hang_up(&c->link);
		if (!closed)
			return VIOLATED(c, "the link stays up behind a frame of type %u", types[i]);
	}
	return HOLDS(c, "the link is closed behind frames of the types 0, 127, 130 and 255");
}

/* The beginning of a frame that announces more than a message may have; via is what its header says of its Via List. */
static bool oversized(
	struct conform *c, size_t announced, size_t sent, uint64_t via, uint64_t *transaction)
{
	struct draft d;
	struct wr w;
	if (!fresh(c, 1))
		return false;
	draft_ping(c, &d);
	d.patch.offset = 32;
	d.patch.width = via ? 2 : 0;
	d.patch.value = via;
	*transaction = d.header.transaction_id;
	wr_init(&w);
	conform_frame_head(&c->link, &w, announced);
	draft_write(c, &d, &w);
	uint32_t length = (uint32_t)announced;
	for (unsigned i = 0; i < 4; i++) /* the length in the header */
		w.at[RELOAD_FRAME_DATA_HEAD + 16 + i] = (uint8_t)(length >> (24 - 8 * i));
	while (w.len < sent)
		wr_u8(&w, 0);
	bool fine = conform_bytes(c, &c->link, wr_done(&w)) || *c->link.end;
	wr_clear(&w);
	draft_end(&d);
	return fine;
}

static enum conform_verdict too_large(struct conform *c)
{
	uint64_t transaction;
	if (!oversized(c, c->me.config->max_message_size + 1, 0, 0, &transaction))
		return conform_no_answer(c);
	bool answered = conform_answer(c, transaction, c->wait_ms);
	bool fits = answered && conform_error(c) == 11;
	if (!fits && answered)
		return VIOLATED(c, "answered with %s", conform_answer_text(c));
	bool closed = conform_closed(c, &c->link);
	conform_hang_up(&c->link);
	if (!closed)
		return VIOLATED(c, "the link stays up");
	return fits ? HOLDS(c, "Error_Message_Too_Large (11), and the link was closed")
		    : VIOLATED(c, "the link was closed, and nothing said why");
}

static enum conform_verdict header_too_large(struct conform *c)
{
	uint64_t transaction;
	size_t most = c->me.config->max_message_size;
	if (most >= 65535)
		return UNJUDGED(c, "max-message-size %zu: no header alone is larger", most);
	if (!oversized(c, most + 65535, most + 64, 65535, &transaction))
		return conform_no_answer(c);
	bool answered = conform_answer(c, transaction, c->wait_ms), closed = *c->link.end;
	conform_hang_up(&c->link);
	if (answered)
		return VIOLATED(c, "answered with %s", conform_answer_text(c));
	return closed ? HOLDS(c, "the link was closed without an error")
		      : VIOLATED(c, "the link stays up");
}

static enum conform_verdict in_single_bytes(struct conform *c)
{
	struct wr w;
	if (!fresh(c, 1))
		return conform_no_answer(c);
	uint64_t transaction = framed_ping(c, &w);
	size_t count = w.len;
	bool sent = true;
	for (size_t i = 0; i < count && sent; i++)
		sent = conform_bytes(c, &c->link, span_of(w.at + i, 1));
	wr_clear(&w);
	bool answered = sent && conform_answer(c, transaction, c->wait_ms);
	if (!answered)
		conform_hang_up(&c->link);
	return answered ? HOLDS(c, "a frame of %zu records is read", count)
			: VIOLATED(c, "a frame that came in single bytes is not answered");
}

const struct conform_check conform_links[] = {
	{ "R-6.5.1.13-02", "who shows no certificate gets no link", no_certificate },
	{ "R-4.1-01", "who shows a certificate of no authority of the overlay gets no link",
		stranger },
	{ "R-6.6.1-01", "no link without encryption or authentication", weak },
	{ "R-6.6.2-01", "a DATA frame is read in whatever parts it comes", in_single_bytes },
	{ "R-6.6.2-03", "DATA frames are numbered from zero, one by one", numbers },
	{ "R-6.6.2-04", "each DATA frame is acknowledged", acknowledged },
	{ "R-6.6.2-06", "an ACK has a bit for each frame that was received before it", mask },
	{ "R-6.6.2-09", "a frame of another type breaks the connection", unknown_frame },
	{ "R-6.6-01", "a message above max-message-size: an error, and the link is closed",
		too_large },
	{ "R-6.6-02", "a header above max-message-size: the link is closed without an error",
		header_too_large },
	{ 0 },
};
