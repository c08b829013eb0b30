/* What goes through a DTLS link that is up: datagrams in, frames out, and how it is. */
#include "link/dtls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

/* SSL_get_error() asks whether there is an error; to clear an empty queue costs as much as a tenth of a record. */
static void no_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
	errno = 0;
}

/* -- out ------------------------------------------------------------------------------------------------------------------ */

static void on_due(void *arg)
{
	reload_dtls_link_pump(arg);
}

/* Its queue has left, or will not: the other end gets an alert, and this is its end. */
static void closed(struct reload_dtls_link *l)
{
	reload_secure_link_fail(&l->base, RELOAD_LINK_DOWN, NULL);
}

static void look_at_health(struct reload_dtls_link *l)
{
	struct reload_links *links = l->base.links;
	enum reload_health health = reload_reliable_health(&l->reliable);
	if (health == RELOAD_HEALTH_LOST) {
		reload_secure_link_fail(
			&l->base, RELOAD_LINK_DOWN, "no acknowledgement of any copy");
		return;
	}
	bool bad = health == RELOAD_HEALTH_BAD || l->no_path;
	if (bad == l->reported_bad || l->base.state != RELOAD_SECURE_UP)
		return;
	l->reported_bad = bad;
	if (l->base.transport->sink)
		return; /* no route depends on it */
	links->set.ops->health(links->set.arg, l->base.id, !bad);
}

bool reload_dtls_link_record(struct reload_dtls_link *l, struct span record)
{
	no_errors();
	int n = SSL_write(l->base.ssl, record.at, (int)record.len), err = errno;
	if (n > 0)
		return true;
	int code = SSL_get_error(l->base.ssl, n);
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
		return true; /* lost, like others */
	reload_dtls_flush(l->base.links);
	reload_secure_link_fail_session(&l->base, code, err);
	return false;
}

static bool write_frames(struct reload_dtls_link *l, reload_ms now)
{
	struct span frame;
	while (reload_reliable_next(&l->reliable, now, &frame))
		if (!reload_dtls_link_record(l, frame))
			return false;
	reload_dtls_flush(l->base.links);
	return true;
}

void reload_dtls_link_pump(struct reload_dtls_link *l)
{
	struct reload_links *links = l->base.links;
	reload_ms now = reload_poll_now();
	if (l->base.state != RELOAD_SECURE_UP && l->base.state != RELOAD_SECURE_CLOSING)
		return;
	if (!write_frames(l, now))
		return;
	look_at_health(l);
	if (l->base.state == RELOAD_SECURE_CLOSING && !l->reliable.queued) {
		closed(l);
		return;
	}
	if (l->base.state == RELOAD_SECURE_DEAD)
		return;
	reload_ms due = reload_reliable_due(&l->reliable, now);
	if (due == RELOAD_NEVER)
		reload_timer_cancel(links->timers, &l->again);
	else if (!l->again.armed || l->again.due != due)
		reload_timer_arm(links->timers, &l->again, due > now ? due : now + 1, on_due, l);
}

/* -- in ------------------------------------------------------------------------------------------------------------------- */

static bool alive(const struct reload_dtls_link *l)
{
	return l->base.state == RELOAD_SECURE_UP || l->base.state == RELOAD_SECURE_CLOSING;
}

/* A link that closes takes ACKs and delivers nothing; an empty message only asks for an ACK. */
static void deliver(struct reload_dtls_link *l, struct span message)
{
	struct reload_links *links = l->base.links;
	if (l->base.state != RELOAD_SECURE_UP || !message.len)
		return;
	if (l->base.transport->sink) {
		l->base.transport->sink->message(&l->base, message);
		return;
	}
	links->counters.messages_in++;
	links->set.ops->message(links->set.arg, l->base.id, message);
}

static void oversized(struct reload_dtls_link *l, struct span head)
{
	struct reload_links *links = l->base.links;
	if (l->base.transport->sink)
		reload_secure_link_fail(&l->base, RELOAD_NOT_RELOAD, "a message that is too long");
	else if (l->base.state == RELOAD_SECURE_UP)
		links->set.ops->oversized(links->set.arg, l->base.id, head);
}

static void feed(struct reload_dtls_link *l, struct span in)
{
	struct reload_framing_item item;
	while (alive(l)) {
		switch (reload_reliable_input(&l->reliable, &in, reload_poll_now(), &item)) {
		case RELOAD_FRAMING_DATA:
			deliver(l, item.message);
			break;
		case RELOAD_FRAMING_OVERSIZED:
			oversized(l, item.message);
			return;
		case RELOAD_FRAMING_BROKEN:
			reload_secure_link_fail(
				&l->base, RELOAD_NOT_RELOAD, "a frame of unknown type");
			return;
		case RELOAD_FRAMING_ACK:
		case RELOAD_FRAMING_MORE:
			return;
		}
	}
}

static void take(struct reload_dtls_link *l, struct span record)
{
	const struct reload_link_sink *sink = l->base.transport->sink;
	if (sink && sink->record)
		sink->record(&l->base, record);
	else
		feed(l, record);
}

void reload_dtls_link_read(struct reload_dtls_link *l)
{
	struct reload_links *links = l->base.links;
	while (alive(l)) {
		no_errors();
		int n = SSL_read(l->base.ssl, links->buffer, sizeof(links->buffer)), err = errno;
		if (n > 0) {
			links->counters.bytes_in += (uint64_t)n;
			take(l, span_of(links->buffer, (size_t)n));
			if (l->datagram.len || !alive(l) || SSL_has_pending(l->base.ssl))
				continue;
			reload_dtls_flush(links);
			break;
		}
		int code = SSL_get_error(l->base.ssl, n);
		reload_dtls_flush(
			links); /* the last flight of a handshake may have been repeated */
		l->peer_closed = code == SSL_ERROR_ZERO_RETURN;
		if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE)
			reload_secure_link_fail_session(&l->base, code, err);
		break;
	}
	if (alive(l))
		reload_secure_link_look(&l->base);
}

void reload_dtls_link_icmp(struct reload_dtls_link *l, const struct reload_udp_error *error)
{
	const struct reload_links *links = l->base.links;
	if (error->expired && links->set.ops->expired)
		links->set.ops->expired(links->set.arg, l->base.id);
	reload_reliable_icmp(&l->reliable, error->hard);
	if (reload_reliable_health(&l->reliable) == RELOAD_HEALTH_LOST)
		reload_secure_link_fail(&l->base, RELOAD_LINK_DOWN, strerror(error->err));
}
