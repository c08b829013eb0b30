/*
 * Packets of an application over ICE: made as a stream is (link/app_ice_io.c), but each packet is a record of DTLS.
 *
 * At most WAITING packets wait for the program; others are dropped, as packets are on their way.
 */
#include "link/app_stream.h"

enum {
	WAITING = 64
};

/* -- the carrier --------------------------------------------------------------------------------------------------------------- */

static void drop_first(struct app_stream *s)
{
	struct app_packet *p = STAILQ_FIRST(&s->packets);
	STAILQ_REMOVE_HEAD(&s->packets, entry);
	s->packets_count--;
	free(p);
}

static enum app_step read_packet(struct app_stream *s, uint8_t *to, size_t size, size_t *n)
{
	if (!s->packets_count)
		return APP_WAITS;
	const struct app_packet *p = STAILQ_FIRST(&s->packets);
	*n = p->len < size ? p->len : size;
	memcpy(to, p->at, *n);
	drop_first(s);
	return APP_MORE;
}

static enum app_step write_packet(struct app_stream *s, struct span from, size_t *n)
{
	char why[96];
	size_t most = DTLS_get_data_mtu(s->base.ssl);
	if (from.len > most) {
		snprintf(
			why, sizeof(why), "the program sent a packet of more than %zu bytes", most);
		reload_secure_link_fail(&s->base, RELOAD_LIMIT, why);
		return APP_OVER;
	}
	if (!reload_dtls_link_record(&s->ice.dtls, from))
		return APP_OVER;
	reload_dtls_flush(s->base.links);
	*n = from.len;
	return APP_MORE;
}

/* The other end gets a close_notify: there are no halves. */
static enum app_step end(struct app_stream *s)
{
	reload_secure_link_fail(&s->base, RELOAD_OK, NULL);
	return APP_OVER;
}

static void finish(struct app_stream *s)
{
	(void)end(s);
}

const struct app_carrier reload_app_packet_carrier = {
	.read = read_packet, .write = write_packet, .end = end, .finish = finish
};

/* -- the transport --------------------------------------------------------------------------------------------------------------- */

static void on_record(struct reload_secure_link *base, struct span record)
{
	struct app_stream *s = reload_app_stream_of(base);
	if (s->packets_count == WAITING)
		return;
	struct app_packet *p = reload_alloc(sizeof(*p) + record.len);
	p->len = record.len;
	memcpy(p->at, record.at, record.len);
	STAILQ_INSERT_TAIL(&s->packets, p, entry);
	s->packets_count++;
}

static void handshake_done(struct reload_secure_link *base)
{
	STAILQ_INIT(&reload_app_stream_of(base)->packets);
}

static void pass_end(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	if (base->state == RELOAD_SECURE_UP && s->local >= 0)
		reload_app_flow_run(s);
}

static void ended(struct reload_secure_link *base)
{
	if (base->was_up && reload_app_stream_of(base)->ice.dtls.peer_closed)
		base->err = RELOAD_OK;
	reload_app_stream_ended(base);
}

static void clear(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	while (s->packets_count)
		drop_first(s);
	reload_dtls_clear(base);
	reload_app_stream_clear(base);
}

static const struct reload_link_sink sink = { .up = reload_app_stream_link_up,
	.record = on_record,
	.gathered = reload_app_stream_gathered,
	.pairs_failed = reload_app_stream_pairs_failed };

const struct reload_link_transport reload_app_packet_transport = {
	.of_app = true,
	.type = RELOAD_DTLS_UDP_SR,
	.kind = RELOAD_SECURE_DATAGRAM,
	.name = "DTLS over ICE",
	.size = sizeof(struct app_stream),
	.sink = &sink,
	.pass_end = pass_end,
	.disconnect = reload_ice_disconnect,
	.ended = ended,
	.clear = clear,
	.datagram = reload_ice_datagram,
	.handshake_done = handshake_done,
};
