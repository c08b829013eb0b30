/* Fragments (RFC 6940 s6.7): a Ping in pieces. */
#include "reload-diag/conform.h"

enum {
	PADDING = 1500,
	PIECES_MAX = 4
};

struct piece {
	size_t from, to; /* of what follows the header; to is cut at its end */
	bool spoilt;     /* its first byte is another one */
};

/* One piece of message as a frame; false: the link has ended. */
static bool send_piece(struct conform *c, struct span message, size_t head, const struct piece *p)
{
	size_t payload = message.len - head, to = p->to < payload ? p->to : payload;
	uint32_t bits = RELOAD_FRAGMENT_ALWAYS | (uint32_t)p->from |
			(to == payload ? RELOAD_FRAGMENT_LAST : 0);
	struct wr w;
	wr_init(&w);
	wr_bytes(&w, message.at, 12);
	wr_u32(&w, bits);
	wr_u32(&w, (uint32_t)(head + to - p->from));
	wr_bytes(&w, message.at + 20, head - 20);
	wr_bytes(&w, message.at + head + p->from, to - p->from);
	if (p->spoilt)
		w.at[head] ^= 0xff;
	bool fine = conform_frame(c, &c->link, wr_done(&w));
	wr_clear(&w);
	return fine;
}

/* Sends a Ping in pieces, in their order; *transaction is its own.  False: the link has ended. */
static bool send_pieces(
	struct conform *c, const struct piece *pieces, size_t count, uint64_t *transaction)
{
	struct draft d;
	struct wr w;
	if (!conform_up(c))
		return false;
	draft_begin(c, &d, RELOAD_PING_REQ);
	size_t mark = wr_open(&d.body, 2);
	for (size_t n = 0; n < PADDING; n++)
		wr_u8(&d.body, (uint8_t)n);
	wr_close(&d.body, mark, 2);
	wr_init(&w);
	draft_write(c, &d, &w);
	*transaction = d.header.transaction_id;
	bool fine = true;
	for (size_t i = 0; i < count && fine; i++)
		fine = send_piece(c, wr_done(&w), reload_header_size(&d.header), &pieces[i]);
	wr_clear(&w);
	draft_end(&d);
	return fine;
}

static enum conform_verdict whole(
	struct conform *c, const struct piece *pieces, size_t count, const char *what)
{
	uint64_t transaction = 0;
	if (!send_pieces(c, pieces, count, &transaction) ||
		!conform_answer(c, transaction, c->wait_ms))
		return c->failed_dials ? UNJUDGED(c, "%s", c->fault)
				       : VIOLATED(c, "%s: %s", what, c->fault);
	return c->answer->code == RELOAD_PING_ANS
		       ? HOLDS(c, "%s are put together", what)
		       : VIOLATED(c, "%s: answered with %s", what, conform_answer_text(c));
}

static enum conform_verdict in_order(struct conform *c)
{
	static const struct piece p[] = { { 0, 600, false }, { 600, 1200, false },
		{ 1200, SIZE_MAX, false } };
	return whole(c, p, COUNT_OF(p), "fragments in order");
}

static enum conform_verdict backwards(struct conform *c)
{
	static const struct piece p[] = { { 1200, SIZE_MAX, false }, { 600, 1200, false },
		{ 0, 600, false } };
	return whole(c, p, COUNT_OF(p), "fragments from the last to the first");
}

/* Of pieces that are not to be answered: Pings behind them are. */
static enum conform_verdict unanswered(
	struct conform *c, const struct piece *pieces, size_t count, const char *what)
{
	uint64_t transaction = 0;
	struct draft d;
	if (!send_pieces(c, pieces, count, &transaction))
		return conform_no_answer(c);
	draft_ping(c, &d);
	bool up = conform_ask(c, &d) && conform_ask(c, &d); /* what comes behind the fragments */
	draft_end(&d);
	if (conform_stray(c, transaction))
		return VIOLATED(c, "%s were answered", what);
	if (!up && !*c->link.end)
		return conform_no_answer(c);
	return *c->link.end
		       ? VIOLATED(c, "%s: %.120s", what, c->link.end)
		       : HOLDS(c, "%s were not answered, and the Pings behind them were", what);
}

static enum conform_verdict contradiction(struct conform *c)
{
	static const struct piece p[] = { { 0, 700, false }, { 500, 1300, true },
		{ 1200, SIZE_MAX, false } };
	return unanswered(c, p, COUNT_OF(p), "fragments that contradict each other");
}

static enum conform_verdict missing(struct conform *c)
{
	static const struct piece p[] = { { 0, 600, false }, { 1200, SIZE_MAX, false } };
	return unanswered(c, p, COUNT_OF(p), "fragments with one missing");
}

const struct conform_check conform_fragments[] = {
	{ "R-6.7-01", "the destination puts fragments together", in_order },
	{ "R-6.7-07", "fragments may come in any order", backwards },
	{ "R-6.7-14", "fragments that contradict each other are not served", contradiction },
	{ "R-6.7-10", "a message of which a fragment is missing is not served", missing },
	{ 0 },
};
