/*
 * One TLS link.  An incoming one is CONNECTING until its first byte has come.
 *
 *   CONNECTING --> HANDSHAKE --> UP --> CLOSING --> LINGER --> (freed)
 *        |  ^          |         |         |
 *        |  +-- next --+         |         |
 *        +----- address -------> DEAD <----+
 *
 * Timers, one at a time: the connection attempt, the handshake, the ACK that is waited for (none on an idle link), the
 * time to close.  Nothing here frees a link but the end of a pass, so a callback may close any link, its own included.
 */
#include "link/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_link(struct reload_secure_link *base)
{
	struct reload_tls_link *l = (struct reload_tls_link *)base;
	if (l->base.state == RELOAD_SECURE_CONNECTING || l->base.state == RELOAD_SECURE_HANDSHAKE)
		reload_secure_link_fail(&l->base, RELOAD_CANCELLED, NULL);
	if (l->base.state != RELOAD_SECURE_UP)
		return;
	reload_framing_acks_write(&l->framing, reload_tls_link_queue(l));
	reload_tls_link_drop_acks(l);
	l->base.state = RELOAD_SECURE_CLOSING;
	reload_tls_link_want(l,
		l->wants &
			RELOAD_POLL_OUT); /* what still comes in is of no interest until all is sent */
	reload_secure_link_close_in_time(base);
}

/* -- becoming a link ----------------------------------------------------------------------------------------------------- */

static void up(struct reload_tls_link *l)
{
	struct reload_links *links = l->base.links;
	reload_framing_init(&l->framing, links->set.max_message);
	reload_rto_init(&l->rto, links->set.rto_floor_ms);
	reload_tls_link_want(l, RELOAD_POLL_IN);
	reload_secure_link_up(&l->base);
	if (l->base.state == RELOAD_SECURE_UP && SSL_has_pending(l->base.ssl))
		reload_tls_link_read(l);
}

static void on_attempt_late(void *arg)
{
	struct reload_tls_link *l = arg;
	reload_secure_link_fail(&l->base, RELOAD_TIMEOUT,
		l->base.state == RELOAD_SECURE_HANDSHAKE ? "no TLS handshake in time"
		: l->base.incoming                       ? "not a byte in time"
							 : "no connection in time");
	reload_secure_link_try_next(&l->base);
}

static void handshake(struct reload_tls_link *l)
{
	ERR_clear_error();
	errno = 0;
	int n = SSL_do_handshake(l->base.ssl);
	int err = errno;
	if (n == 1) {
		up(l);
		return;
	}
	int code = SSL_get_error(l->base.ssl, n);
	if (code == SSL_ERROR_WANT_READ) {
		reload_tls_link_want(l, RELOAD_POLL_IN);
	} else if (code == SSL_ERROR_WANT_WRITE) {
		reload_tls_link_want(l, RELOAD_POLL_IN | RELOAD_POLL_OUT);
	} else {
		reload_secure_link_fail_session(&l->base, code, err);
		reload_secure_link_try_next(&l->base);
	}
}

static void start_handshake(struct reload_tls_link *l)
{
	l->base.ssl = reload_secure_session(&l->base);
	if (!l->base.ssl) {
		reload_secure_link_fail(&l->base, RELOAD_FAILED, "OpenSSL cannot make a session");
		return;
	}
	l->base.state = RELOAD_SECURE_HANDSHAKE;
	reload_secure_link_arm(
		&l->base, reload_poll_now() + l->base.links->set.handshake_ms, on_attempt_late);
	handshake(l);
}

/* The other end is reached, or has sent its first byte: only then a handshake costs memory, and soon time. */
static void on_connected(struct reload_tls_link *l)
{
	int err = reload_socket_error(l->fd);
	if (!err && l->base.incoming &&
		!reload_admission_take(
			&l->base.links->admission, &l->base.peer, reload_poll_now())) {
		reload_secure_link_fail(&l->base, RELOAD_LIMIT, "too many handshakes a second");
		return;
	}
	if (!err) {
		start_handshake(l);
		return;
	}
	reload_secure_link_fail(&l->base, RELOAD_LINK_DOWN, strerror(err));
	reload_secure_link_try_next(&l->base);
}

/* the other end has all: what it still sends is read and forgotten until it closes too */
static void drain(struct reload_tls_link *l)
{
	ssize_t n = recv(l->fd, l->base.links->buffer, sizeof(l->base.links->buffer), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		reload_secure_link_fail(&l->base, RELOAD_LINK_DOWN, NULL);
}

static void on_event(void *arg, unsigned events)
{
	struct reload_tls_link *l = arg;
	unsigned ended = events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP);
	switch (l->base.state) {
	case RELOAD_SECURE_CONNECTING:
		on_connected(l);
		break;
	case RELOAD_SECURE_HANDSHAKE:
		handshake(l);
		break;
	case RELOAD_SECURE_UP:
		if (events & RELOAD_POLL_IN || ended)
			reload_tls_link_read(l);
		if (events & RELOAD_POLL_OUT && l->base.state == RELOAD_SECURE_UP)
			reload_tls_link_flush(l);
		break;
	case RELOAD_SECURE_CLOSING:
		if (ended)
			reload_secure_link_fail(&l->base, RELOAD_LINK_DOWN, NULL);
		else if (events & RELOAD_POLL_OUT)
			reload_tls_link_flush(l);
		break;
	case RELOAD_SECURE_LINGER:
		drain(l);
		break;
	case RELOAD_SECURE_DEAD:
		break;
	}
}

/* An idle connection is kept alive, by packets that the kernel of the other end answers. */
static void keep_alive(const struct reload_tls_link *l)
{
	int on = 1, idle = (int)(l->base.links->set.keepalive_ms / RELOAD_SECOND);
	if (!idle)
		return;
	setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
}

/* takes fd; false when the loop cannot watch it */
static bool watch(struct reload_tls_link *l, int fd, unsigned events)
{
	l->fd = fd;
	keep_alive(l);
	l->wants = events;
	l->watch = reload_poll_add(l->base.links->set.poll, fd, events, on_event, l);
	if (!l->watch)
		close(fd);
	return l->watch;
}

void reload_tls_link_accepted(struct reload_links *links, int fd, const struct reload_ip_port *peer)
{
	struct reload_tls_link *l =
		(struct reload_tls_link *)reload_secure_link_new(links, &reload_tls_transport);
	l->base.peer = *peer;
	reload_secure_link_accept(&l->base);
	if (watch(l, fd, RELOAD_POLL_IN))
		reload_secure_link_arm(
			&l->base, reload_poll_now() + links->set.handshake_ms, on_attempt_late);
	else
		reload_secure_link_fail(&l->base, RELOAD_IO, "the descriptor cannot be watched");
}

static const char *start(struct reload_secure_link *base)
{
	struct reload_tls_link *l = (struct reload_tls_link *)base;
	int fd = reload_socket_connect(&base->peer);
	if (fd < 0)
		return strerror(-fd);
	if (!watch(l, fd, RELOAD_POLL_OUT))
		return "the descriptor cannot be watched";
	reload_secure_link_arm(
		base, reload_poll_now() + base->links->set.connect_ms, on_attempt_late);
	return NULL;
}

/* -- the transport ----------------------------------------------------------------------------------------------------- */

static void pass_end(struct reload_secure_link *base)
{
	struct reload_tls_link *l = (struct reload_tls_link *)base;
	if (l->read_more && base->state == RELOAD_SECURE_UP)
		reload_tls_link_read(l);
	if (base->state == RELOAD_SECURE_UP)
		reload_tls_link_acknowledge(l);
	bool sends = base->state == RELOAD_SECURE_UP ? l->out.len > 0
						     : base->state == RELOAD_SECURE_CLOSING;
	if (sends && !(l->wants & RELOAD_POLL_OUT)) /* else the loop reports when there is room */
		reload_tls_link_flush(l);
}

static void disconnect(struct reload_secure_link *base)
{
	struct reload_tls_link *l = (struct reload_tls_link *)base;
	if (!l->watch)
		return;
	reload_tls_link_drop_acks(l);
	reload_poll_remove(base->links->set.poll, l->watch);
	l->watch = 0;
	close(l->fd);
}

static void clear(struct reload_secure_link *base)
{
	struct reload_tls_link *l = (struct reload_tls_link *)base;
	reload_framing_clear(&l->framing);
	wr_clear(&l->out);
}

static bool send_message(struct reload_secure_link *base, struct span message)
{
	struct reload_tls_link *l = (struct reload_tls_link *)base;
	struct reload_links *links = base->links;
	size_t queued = l->out.len - l->out_at;
	if (queued + message.len > reload_links_max_queue(links))
		return false;
	reload_ms now = reload_poll_now();
	reload_framing_data_write(&l->framing, reload_tls_link_queue(l), message, now);
	reload_health_sent(&l->health, now);
	reload_tls_link_watch_health(l, now);
	reload_secure_link_look_first(
		base); /* a send wakes the other end: who waits for a message before who only gets an ACK */
	return true;
}

static void set_limits(struct reload_secure_link *base)
{
	((struct reload_tls_link *)base)->framing.max_message = base->links->set.max_message;
}

static reload_ms heard(const struct reload_secure_link *base)
{
	const struct reload_tls_link *l = (const struct reload_tls_link *)base;
	struct tcp_info t = { 0 };
	socklen_t len = sizeof(t);
	reload_ms now = reload_poll_now();
	if (getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &t, &len))
		return 0;
	reload_ms ago = t.tcpi_last_ack_recv < t.tcpi_last_data_recv ? t.tcpi_last_ack_recv
								     : t.tcpi_last_data_recv;
	return ago < now ? now - ago : 0;
}

static void info(const struct reload_secure_link *base, struct reload_link_info *out)
{
	const struct reload_tls_link *l = (const struct reload_tls_link *)base;
	out->rto_ms = reload_rto_ms(&l->rto);
	out->sampled = l->rto.sampled;
	out->srtt_us = l->rto.srtt_us;
	out->queued = l->out.len - l->out_at;
	out->unacked = reload_framing_unacked(&l->framing);
	out->good = !l->health.bad;
}

const struct reload_link_transport reload_tls_transport = {
	.type = RELOAD_TLS_TCP_FH_NO_ICE,
	.kind = RELOAD_SECURE_STREAM,
	.name = "TLS",
	.size = sizeof(struct reload_tls_link),
	.bio_method = reload_tls_bio_method,
	.connect = start,
	.send = send_message,
	.close = close_link,
	.pass_end = pass_end,
	.disconnect = disconnect,
	.clear = clear,
	.set_limits = set_limits,
	.heard = heard,
	.info = info,
};
