/* What goes through a TLS link that is up: frames out, frames in, and the ACKs that show its health. */
#include "link/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

/* -- out ----------------------------------------------------------------------------------------------------------------- */

static void linger(struct reload_tls_link *l)
{
	ERR_clear_error();
	SSL_shutdown(l->base.ssl);
	shutdown(l->fd, SHUT_WR);
	l->base.state = RELOAD_SECURE_LINGER;
	reload_tls_link_want(l, RELOAD_POLL_IN);
}

void reload_tls_link_flush(struct reload_tls_link *l)
{
	while (l->out_at < l->out.len) {
		ERR_clear_error();
		errno = 0;
		int n = SSL_write(
			l->base.ssl, l->out.at + l->out_at, (int)(l->out.len - l->out_at));
		int err = errno;
		l->base.links->counters.writes++;
		if (n <= 0) {
			int code = SSL_get_error(l->base.ssl, n);
			if (code == SSL_ERROR_WANT_WRITE || code == SSL_ERROR_WANT_READ)
				break;
			reload_secure_link_fail_session(&l->base, code, err);
			return;
		}
		l->out_at += (size_t)n;
		l->base.links->counters.bytes_out += (uint64_t)n;
	}
	if (l->out_at < l->out.len) {
		reload_tls_link_want(l, l->base.state == RELOAD_SECURE_UP
						? RELOAD_POLL_IN | RELOAD_POLL_OUT
						: RELOAD_POLL_OUT);
		memmove(l->out.at, l->out.at + l->out_at, l->out.len - l->out_at);
		l->out.len -= l->out_at;
		l->out_at = 0;
		return;
	}
	reload_tls_link_queue_done(l);
	if (l->base.state == RELOAD_SECURE_CLOSING)
		linger(l);
	else
		reload_tls_link_want(l, RELOAD_POLL_IN);
}

/* -- the wait for ACKs ------------------------------------------------------------------------------------------------------ */

static void set_quiet(struct reload_tls_link *l, bool quiet)
{
	if (l->quiet == quiet)
		return;
	l->quiet = quiet;
	reload_socket_wake_at(l->fd, quiet ? RELOAD_LINK_WAKE_BYTES : 1);
}

static bool waits_long(const struct reload_tls_link *l)
{
	reload_ms at;
	return l->health.bad || reload_health_slow(&l->health, &l->rto, reload_poll_now(), &at);
}

/*
 * Between frames an ACK alone wakes nobody.  Within a record or a frame each byte does, and so does an ACK that is slow: it
 * is measured when it arrives, so that the RTO grows with the round trip.
 */
static void choose_quiet(struct reload_tls_link *l)
{
	set_quiet(l, SSL_version(l->base.ssl) == TLS1_3_VERSION && !l->framing.partial.len &&
			     !SSL_has_pending(l->base.ssl) && !waits_long(l));
}

static void read_records(struct reload_tls_link *l, bool woken);

/*
 * Runs first when the ACK is slow: on a quiet link it mostly has arrived and lies unread.  What the socket has is read before
 * the link is judged, so that a delay of this end is not taken for one of the other.
 */
static void check_health(void *arg)
{
	struct reload_tls_link *l = arg;
	if (waits_long(l))
		read_records(l, false);
	if (l->base.state != RELOAD_SECURE_UP)
		return;
	reload_ms now = reload_poll_now(), next, slow_at;
	bool was_bad = l->health.bad, slow = reload_health_slow(&l->health, &l->rto, now, &slow_at);
	enum reload_health health = reload_health_check(&l->health, &l->rto, now, &next);
	if (health == RELOAD_HEALTH_LOST) {
		reload_secure_link_fail(
			&l->base, RELOAD_LINK_DOWN, "no acknowledgement for 30 seconds");
		return;
	}
	if (next != RELOAD_NEVER)
		reload_secure_link_arm(&l->base, slow ? next : slow_at, check_health);
	if (health == RELOAD_HEALTH_BAD && !was_bad)
		l->base.links->set.ops->health(l->base.links->set.arg, l->base.id, false);
}

void reload_tls_link_watch_health(struct reload_tls_link *l, reload_ms now)
{
	reload_ms slow_at;
	reload_health_slow(&l->health, &l->rto, now, &slow_at);
	if (!l->base.timer.armed)
		reload_secure_link_arm(&l->base, slow_at, check_health);
}

/* -- in ------------------------------------------------------------------------------------------------------------------ */

static void on_data(struct reload_tls_link *l, const struct reload_framing_item *item)
{
	struct reload_links *links = l->base.links;
	size_t queued = l->out.len - l->out_at + l->framing.acks_count * RELOAD_FRAME_ACK_SIZE;
	links->counters.messages_in++;
	if (queued < links->set.max_queue + RELOAD_LINK_ACK_ROOM)
		reload_framing_received(&l->framing, item->sequence, reload_poll_now());
	else /* the other end does not read; later ACKs cover what this one would have said */
		links->counters.dropped_acks++;
	if (!reload_framing_ack_due(&l->framing))
		reload_framing_acks_write(&l->framing, reload_tls_link_queue(l));
	reload_secure_link_look(&l->base);
	links->set.ops->message(links->set.arg, l->base.id, item->message);
}

/* prompt: it was read when it arrived, so that it measures the round trip */
static void on_ack(struct reload_tls_link *l, const struct reload_framing_item *item, bool prompt)
{
	reload_ms now = reload_poll_now(), rtt;
	if (!reload_framing_acked(&l->framing, item->sequence, now, &rtt))
		return;
	if (rtt != RELOAD_NEVER && prompt)
		reload_rto_sample(&l->rto, rtt);
	bool all = !reload_framing_unacked(&l->framing);
	bool again = reload_health_acked(&l->health, now, all);
	if (all) /* else the timer stays, and looks at what is due when it runs */
		reload_timer_cancel(l->base.links->timers, &l->base.timer);
	if (again)
		l->base.links->set.ops->health(l->base.links->set.arg, l->base.id, true);
}

static void feed(struct reload_tls_link *l, struct span in, bool prompt)
{
	struct reload_framing_item item;
	reload_framing_record(&l->framing);
	while (l->base.state == RELOAD_SECURE_UP) {
		switch (reload_framing_next(&l->framing, &in, &item)) {
		case RELOAD_FRAMING_MORE:
			return;
		case RELOAD_FRAMING_DATA:
			on_data(l, &item);
			break;
		case RELOAD_FRAMING_ACK:
			on_ack(l, &item, prompt);
			break;
		case RELOAD_FRAMING_OVERSIZED:
			l->base.links->set.ops->oversized(
				l->base.links->set.arg, l->base.id, item.message);
			break;
		case RELOAD_FRAMING_BROKEN:
			reload_secure_link_fail(
				&l->base, RELOAD_NOT_RELOAD, "a frame of unknown type");
			break;
		}
	}
}

/*
 * Takes what has arrived.  woken: the loop reported that there is something; of what a quiet link holds, the last record is then
 * known to have just arrived.  Else it is called for an ACK that is slow, and goes on until it has it.
 */
static void read_records(struct reload_tls_link *l, bool woken)
{
	struct reload_links *links = l->base.links;
	bool was_quiet = l->quiet;
	l->read_more = false;
	for (int i = 0; i < RELOAD_LINK_READS; i++) {
		ERR_clear_error();
		errno = 0;
		int n = SSL_read(l->base.ssl, links->buffer, sizeof(links->buffer));
		int err = errno;
		if (n <= 0) {
			int code = SSL_get_error(l->base.ssl, n);
			if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
				choose_quiet(l);
			else
				reload_secure_link_fail_session(&l->base, code, err);
			return;
		}
		links->counters.bytes_in += (uint64_t)n;
		bool last = !SSL_has_pending(l->base.ssl);
		feed(l, span_of(links->buffer, (size_t)n), !was_quiet || (woken && last));
		if (l->base.state != RELOAD_SECURE_UP)
			return;
		if (last && (woken || !waits_long(l))) {
			choose_quiet(l); /* what the kernel still holds, the loop will report */
			return;
		}
	}
	l->read_more = true;
	reload_secure_link_look(&l->base);
}

void reload_tls_link_read(struct reload_tls_link *l)
{
	read_records(l, true);
}
