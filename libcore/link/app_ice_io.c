/*
 * The stream of an application over ICE: made as a link over ICE is (link/ice_link_io.c), with the messages of link/ordered.h in place of those of RELOAD.
 *
 *   gather --> gathered --> check --> connected: HANDSHAKE --> UP (waits, taken, joined) --> finished --> (lingers) --> DEAD
 *
 * At most QUEUED messages wait in Simple Reliability, so that what the program wrote is held by its socket and not here.
 */
#include "link/app_stream.h"

#include <assert.h>

enum {
	QUEUED = 64
};

static struct reload_reliable *reliable(struct app_stream *s)
{
	return &s->ice.dtls.reliable;
}

/* There is room: of QUEUED, and much more for messages that are no data. */
static void queue(struct app_stream *s, const struct wr *w)
{
	bool queued = reload_reliable_queue(reliable(s), wr_done(w));
	assert(!w->err && (queued || reliable(s)->ended));
	reload_secure_link_look_first(&s->base);
}

static void send_controls(struct app_stream *s)
{
	uint8_t message[RELOAD_ORDERED_HEAD];
	struct wr w = wr_fixed(message, sizeof(message));
	while (reliable(s)->queued < RELOAD_DTLS_QUEUE && reload_ordered_control(&s->ordered, &w)) {
		queue(s, &w);
		w = wr_fixed(message, sizeof(message));
	}
}

/* -- the carrier --------------------------------------------------------------------------------------------------------------- */

static enum app_step read_bytes(struct app_stream *s, uint8_t *to, size_t size, size_t *n)
{
	struct span from = reload_ordered_readable(&s->ordered);
	s->in.ended = reload_ordered_at_end(&s->ordered);
	if (!from.len)
		return s->in.ended ? APP_OVER : APP_WAITS;
	*n = from.len < size ? from.len : size;
	memcpy(to, from.at, *n);
	reload_ordered_read(&s->ordered, *n);
	if (s->base.state == RELOAD_SECURE_UP)
		reload_secure_link_look(&s->base); /* a credit may be due */
	return APP_MORE;
}

static enum app_step write_bytes(struct app_stream *s, struct span from, size_t *n)
{
	uint8_t message[RELOAD_DTLS_MTU];
	size_t size = reload_dtls_mtu(&s->base);
	assert(size > RELOAD_ORDERED_HEAD && size <= sizeof(message));
	while (reliable(s)->queued < QUEUED && *n < from.len) {
		struct wr w = wr_fixed(message, size);
		size_t put =
			reload_ordered_put(&s->ordered, &w, span_of(from.at + *n, from.len - *n));
		if (!put)
			break;
		queue(s, &w);
		*n += put;
	}
	return *n ? APP_MORE : APP_WAITS;
}

/* All is acknowledged, the end too. */
static bool all_sent(struct app_stream *s)
{
	return s->ordered.end_sent && !reliable(s)->queued && !reliable(s)->ended;
}

static enum app_step end(struct app_stream *s)
{
	reload_ordered_end(&s->ordered);
	send_controls(s);
	return all_sent(s) ? APP_OVER : APP_WAITS;
}

static void finish(struct app_stream *s)
{
	s->finished = true; /* the pass goes on with it */
	reload_secure_link_look(&s->base);
}

const struct app_carrier reload_app_ice_carrier = {
	.read = read_bytes, .write = write_bytes, .end = end, .finish = finish
};

/* -- what the link is told ------------------------------------------------------------------------------------------------------ */

static void on_message(struct reload_secure_link *base, struct span message)
{
	const char *fault = reload_ordered_input(&reload_app_stream_of(base)->ordered, message);
	if (fault)
		reload_secure_link_fail(base, RELOAD_NOT_RELOAD, fault);
}

static const struct reload_link_sink sink = { .up = reload_app_stream_link_up,
	.message = on_message,
	.gathered = reload_app_stream_gathered,
	.pairs_failed = reload_app_stream_pairs_failed };

/* -- the transport --------------------------------------------------------------------------------------------------------------- */

/* Messages have their place in the stream: one that comes again does no harm, and two may be equal. */
static void handshake_done(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	if (!reload_secure_protocol_agreed(base)) {
		base->state =
			RELOAD_SECURE_UP; /* the other end takes it for that, and gets an alert */
		reload_secure_link_fail(base, RELOAD_NOT_RELOAD,
			"the other end does not speak " RELOAD_APP_STREAM_PROTOCOL
			" on the connection");
		return;
	}
	reliable(s)->setup.repeat_ms = 0;
	reliable(s)->setup.max_message = reliable(s)->framing.max_message = RELOAD_DTLS_MTU;
	reload_ordered_init(&s->ordered);
	reload_ice_handshake_done(base);
}

static void on_lingered(void *arg)
{
	reload_secure_link_fail(arg, RELOAD_OK, NULL);
}

/* Its program is not needed any more, the other end may still need acknowledgements. */
static void linger(struct app_stream *s)
{
	reload_app_flow_clear(s);
	reload_secure_link_arm(&s->base, reload_poll_now() + RELOAD_LINK_CLOSE_MS, on_lingered);
	reload_app_stream_report(s);
}

static void pass_end(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	if (base->state == RELOAD_SECURE_UP && s->local >= 0 && !s->finished)
		reload_app_flow_run(s);
	if (base->state == RELOAD_SECURE_UP && s->finished && !s->reported)
		linger(s);
	if (base->state == RELOAD_SECURE_UP)
		send_controls(s);
	reload_dtls_pass_end(base);
}

/* The other end may have finished, and not this one's program: then all is well. */
static void ended(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	const struct reload_ordered *o = &s->ordered;
	if (base->was_up && o->end_known && o->arrived == o->end && all_sent(s))
		base->err = RELOAD_OK;
	reload_app_stream_ended(base);
}

static void clear(struct reload_secure_link *base)
{
	reload_dtls_clear(base);
	reload_app_stream_clear(base);
}

const struct reload_link_transport reload_app_ice_transport = {
	.of_app = true,
	.type = RELOAD_DTLS_UDP_SR,
	.kind = RELOAD_SECURE_DATAGRAM,
	.name = "DTLS over ICE",
	.size = sizeof(struct app_stream),
	.sink = &sink,
	.alpn = RELOAD_APP_STREAM_PROTOCOL,
	.pass_end = pass_end,
	.disconnect = reload_ice_disconnect,
	.ended = ended,
	.clear = clear,
	.datagram = reload_ice_datagram,
	.handshake_done = handshake_done,
};
