/*
 * The session of a DTLS link: the handshake, whose flights are repeated, and what is the same whatever carries the datagrams.
 *
 * Two timers: that of the state (the handshake, the time to close) and `again` for what is repeated: a flight of the handshake, then
 * frames.  Neither is armed on an idle link.
 */
#include "link/dtls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

static struct reload_dtls_link *dtls(struct reload_secure_link *base)
{
	return (struct reload_dtls_link *)base;
}

/* -- the handshake ---------------------------------------------------------------------------------------------------------- */

/* RFC 6347 s4.2.4.1 begins with a second and permits less: a lost flight should not be noticed by a person. */
static unsigned next_wait_us(SSL *ssl, unsigned wait_us)
{
	(void)ssl;
	if (!wait_us)
		return RELOAD_DTLS_FIRST_MS * 1000;
	return wait_us < RELOAD_DTLS_LAST_MS * 500 ? 2 * wait_us : RELOAD_DTLS_LAST_MS * 1000;
}

bool reload_dtls_session(struct reload_dtls_link *l)
{
	SSL *ssl = l->base.ssl = reload_secure_session(&l->base);
	if (!ssl)
		return false;
	DTLS_set_timer_cb(ssl, next_wait_us);
	return DTLS_set_link_mtu(ssl, RELOAD_DTLS_MTU) == 1;
}

static void on_attempt_late(void *arg)
{
	struct reload_dtls_link *l = arg;
	reload_secure_link_fail(&l->base, RELOAD_TIMEOUT, "no DTLS handshake in time");
	reload_secure_link_try_next(&l->base);
}

static void repeat_later(struct reload_dtls_link *l);

static void on_again(void *arg)
{
	struct reload_dtls_link *l = arg;
	ERR_clear_error();
	int n = DTLSv1_handle_timeout(l->base.ssl);
	reload_dtls_flush(l->base.links);
	if (n >= 0) {
		repeat_later(l);
		return;
	}
	reload_secure_link_fail(&l->base, RELOAD_TIMEOUT, "no answer to the DTLS handshake");
	reload_secure_link_try_next(&l->base);
}

static void repeat_later(struct reload_dtls_link *l)
{
	struct timeval left;
	if (DTLSv1_get_timeout(l->base.ssl, &left) != 1) {
		reload_timer_cancel(l->base.links->timers, &l->again);
		return;
	}
	reload_ms ms = (reload_ms)left.tv_sec * 1000 + ((reload_ms)left.tv_usec + 999) / 1000;
	reload_timer_arm(l->base.links->timers, &l->again, reload_poll_now() + ms, on_again, l);
}

static void up(struct reload_dtls_link *l)
{
	struct reload_links *links = l->base.links;
	reload_timer_cancel(links->timers, &l->again);
	reload_reliable_init(&l->reliable,
		&(struct reload_reliable_setup){ .policy = RELOAD_RELIABLE_WINDOWED,
			.max_message = links->set.max_message,
			.max_queue_bytes = reload_links_max_queue(links),
			.max_queue = RELOAD_DTLS_QUEUE,
			.floor_ms = RELOAD_DTLS_RTO_FLOOR_MS,
			.repeat_ms = links->set.repeat_ms,
			.repeat_key = { links->dtls->repeat_key[0], links->dtls->repeat_key[1] } });
	if (l->base.transport->handshake_done)
		l->base.transport->handshake_done(&l->base);
	if (l->base.state != RELOAD_SECURE_HANDSHAKE) /* the owner wants no link any more */
		return;
	reload_secure_link_up(&l->base);
	if (l->base.state == RELOAD_SECURE_UP)
		reload_dtls_link_read(l); /* the datagram may go on with messages */
}

static void handshake(struct reload_dtls_link *l)
{
	ERR_clear_error();
	errno = 0;
	int n = SSL_do_handshake(l->base.ssl), err = errno;
	reload_dtls_flush(l->base.links);
	if (n == 1) {
		up(l);
		return;
	}
	int code = SSL_get_error(l->base.ssl, n);
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
		repeat_later(l);
		return;
	}
	reload_secure_link_fail_session(&l->base, code, err);
	reload_secure_link_try_next(&l->base);
}

void reload_dtls_handshake(struct reload_dtls_link *l, reload_ms limit_ms)
{
	l->base.err = RELOAD_OK;
	l->base.state = RELOAD_SECURE_HANDSHAKE;
	reload_secure_link_arm(&l->base, reload_poll_now() + limit_ms, on_attempt_late);
	handshake(l);
}

void reload_dtls_link_input(struct reload_dtls_link *l, struct span datagram)
{
	l->base.heard = reload_poll_now();
	l->datagram = reload_dtls_well_formed(l->base.ssl, datagram);
	if (l->base.state == RELOAD_SECURE_HANDSHAKE)
		handshake(l);
	else
		reload_dtls_link_read(l);
	l->datagram = span_of(NULL, 0);
}

/* -- what is the same in each transport ------------------------------------------------------------------------------------ */

void reload_dtls_close(struct reload_secure_link *base)
{
	if (base->state == RELOAD_SECURE_CONNECTING || base->state == RELOAD_SECURE_HANDSHAKE)
		reload_secure_link_fail(base, RELOAD_CANCELLED, NULL);
	if (base->state != RELOAD_SECURE_UP)
		return;
	base->state = RELOAD_SECURE_CLOSING;
	reload_secure_link_close_in_time(base);
}

bool reload_dtls_send(struct reload_secure_link *base, struct span message)
{
	if (message.len > SSL3_RT_MAX_PLAIN_LENGTH - RELOAD_FRAME_DATA_HEAD ||
		!reload_reliable_queue(&dtls(base)->reliable, message))
		return false; /* no record holds it, or the queue does not */
	reload_secure_link_look_first(base);
	return true;
}

void reload_dtls_pass_end(struct reload_secure_link *base)
{
	reload_dtls_link_pump(dtls(base));
}

/* An alert tells the other end, as nothing else would; of a handshake that failed OpenSSL has sent one. */
void reload_dtls_link_end(struct reload_dtls_link *l)
{
	struct reload_secure_link *base = &l->base;
	bool is_up = base->state == RELOAD_SECURE_UP || base->state == RELOAD_SECURE_CLOSING;
	if (base->ssl && is_up && !SSL_get_shutdown(base->ssl)) {
		ERR_clear_error();
		SSL_shutdown(base->ssl);
	}
	reload_dtls_flush(base->links);
	reload_timer_cancel(base->links->timers, &l->again);
}

void reload_dtls_clear(struct reload_secure_link *base)
{
	reload_reliable_clear(&dtls(base)->reliable);
}

void reload_dtls_set_limits(struct reload_secure_link *base)
{
	struct reload_reliable *r = &dtls(base)->reliable;
	r->setup.max_message = r->framing.max_message = base->links->set.max_message;
	r->setup.repeat_ms = base->links->set.repeat_ms;
}

void reload_dtls_info(const struct reload_secure_link *base, struct reload_link_info *out)
{
	const struct reload_dtls_link *l = (const struct reload_dtls_link *)base;
	out->rto_ms = reload_reliable_rto(&l->reliable);
	out->sampled = l->reliable.rto.sampled;
	out->srtt_us = l->reliable.rto.srtt_us;
	out->queued = l->reliable.queued_bytes;
	out->unacked = l->reliable.unacked_count;
	out->good = !l->reported_bad;
	out->datagrams = true;
	out->sent = l->reliable.counts.sent;
	out->repeated = l->reliable.counts.resent;
	out->lost = l->reliable.counts.losses;
	out->window = reload_reliable_window(&l->reliable);
}

size_t reload_dtls_mtu(const struct reload_secure_link *base)
{
	size_t record = DTLS_get_data_mtu(base->ssl);
	return record > RELOAD_FRAME_DATA_HEAD ? record - RELOAD_FRAME_DATA_HEAD : 0;
}
