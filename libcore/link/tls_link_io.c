/*
 * One TLS link.  An incoming one is CONNECTING until its first byte has come.
 *
 *   CONNECTING --> HANDSHAKE --> UP --> CLOSING --> LINGER --> (freed)
 *        |  ^          |         |         |
 *        |  +-- next --+         |         |
 *        +----- address -------> DEAD <----+
 *
 * Timers, one at a time: the connection attempt, the handshake, the ACK that is waited for (none on an idle link), the
 * time to close.  Nothing here frees a link but the end of a turn, so a callback may close any link, its own included.
 */
#include "link/internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

static void on_close_late(void *arg)
{
	reload_tls_link_fail(arg, RELOAD_TIMEOUT, NULL);
}

void reload_tls_link_close(struct reload_tls_link *l)
{
	if (l->state == RELOAD_TLS_CONNECTING || l->state == RELOAD_TLS_HANDSHAKE)
		reload_tls_link_fail(l, RELOAD_CANCELLED, NULL);
	if (l->state != RELOAD_TLS_UP)
		return;
	reload_framing_acks_write(&l->framing, reload_tls_link_queue(l));
	reload_tls_link_drop_acks(l);
	l->state = RELOAD_TLS_CLOSING;
	reload_tls_link_want(l,
		l->wants &
			RELOAD_POLL_OUT); /* what still comes in is of no interest until all is sent */
	reload_tls_link_arm(l, reload_poll_now() + RELOAD_LINK_CLOSE_MS, on_close_late);
	reload_tls_link_turn(l);
}

/* -- becoming a link ----------------------------------------------------------------------------------------------------- */

static void up(struct reload_tls_link *l)
{
	struct reload_links *links = l->links;
	reload_tls_link_leave_half_open(l);
	reload_timer_cancel(links->timers, &l->timer);
	free(l->addrs);
	free(l->why);
	l->addrs = NULL;
	l->why = NULL;
	l->state = RELOAD_TLS_UP;
	l->was_up = true;
	reload_framing_init(&l->framing, links->set.max_message);
	reload_rto_init(&l->rto, links->set.rto_floor_ms);
	if (l->incoming)
		links->counters.accepted++;
	else
		links->counters.opened++;
	reload_tls_link_want(l, RELOAD_POLL_IN);
	reload_links_validity(links, l->cert->not_after);
	links->set.ops->up(links->set.arg, l->id, l->cert, &l->peer, l->incoming);
	if (l->state == RELOAD_TLS_UP && SSL_has_pending(l->ssl))
		reload_tls_link_read(l);
}

/* an attempt failed: the next address of an own link, if there is one */
static void attempt_failed(struct reload_tls_link *l)
{
	if (l->incoming || l->addrs_next == l->addrs_count)
		return;
	l->state = RELOAD_TLS_CONNECTING;
	reload_tls_link_forget_peer(l);
	reload_tls_link_connect(l);
}

static void on_attempt_late(void *arg)
{
	struct reload_tls_link *l = arg;
	reload_tls_link_fail(l, RELOAD_TIMEOUT,
		l->state == RELOAD_TLS_HANDSHAKE ? "no TLS handshake in time"
		: l->incoming                    ? "not a byte in time"
						 : "no connection in time");
	attempt_failed(l);
}

static void handshake(struct reload_tls_link *l)
{
	ERR_clear_error();
	errno = 0;
	int n = SSL_do_handshake(l->ssl);
	int err = errno;
	if (n == 1) {
		up(l);
		return;
	}
	int code = SSL_get_error(l->ssl, n);
	if (code == SSL_ERROR_WANT_READ) {
		reload_tls_link_want(l, RELOAD_POLL_IN);
	} else if (code == SSL_ERROR_WANT_WRITE) {
		reload_tls_link_want(l, RELOAD_POLL_IN | RELOAD_POLL_OUT);
	} else {
		reload_tls_link_fail_tls(l, code, err);
		attempt_failed(l);
	}
}

static void start_handshake(struct reload_tls_link *l)
{
	l->ssl = reload_tls_session(l);
	if (!l->ssl) {
		reload_tls_link_fail(l, RELOAD_FAILED, "OpenSSL cannot make a session");
		return;
	}
	l->state = RELOAD_TLS_HANDSHAKE;
	reload_tls_link_arm(l, reload_poll_now() + l->links->set.handshake_ms, on_attempt_late);
	handshake(l);
}

/* The other end is reached, or has sent its first byte: only then a handshake costs memory, and soon time. */
static void on_connected(struct reload_tls_link *l)
{
	int err = reload_socket_error(l->fd);
	if (!err && l->incoming &&
		!reload_admission_take(&l->links->admission, &l->peer, reload_poll_now())) {
		reload_tls_link_fail(l, RELOAD_LIMIT, "too many handshakes a second");
		return;
	}
	if (!err) {
		start_handshake(l);
		return;
	}
	reload_tls_link_fail(l, RELOAD_LINK_DOWN, strerror(err));
	attempt_failed(l);
}

/* the other end has all: what it still sends is read and forgotten until it closes too */
static void drain(struct reload_tls_link *l)
{
	ssize_t n = recv(l->fd, l->links->buffer, sizeof(l->links->buffer), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		reload_tls_link_fail(l, RELOAD_LINK_DOWN, NULL);
}

static void on_event(void *arg, unsigned events)
{
	struct reload_tls_link *l = arg;
	unsigned ended = events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP);
	switch (l->state) {
	case RELOAD_TLS_CONNECTING:
		on_connected(l);
		break;
	case RELOAD_TLS_HANDSHAKE:
		handshake(l);
		break;
	case RELOAD_TLS_UP:
		if (events & RELOAD_POLL_IN || ended)
			reload_tls_link_read(l);
		if (events & RELOAD_POLL_OUT && l->state == RELOAD_TLS_UP)
			reload_tls_link_flush(l);
		break;
	case RELOAD_TLS_CLOSING:
		if (ended)
			reload_tls_link_fail(l, RELOAD_LINK_DOWN, NULL);
		else if (events & RELOAD_POLL_OUT)
			reload_tls_link_flush(l);
		break;
	case RELOAD_TLS_LINGER:
		drain(l);
		break;
	case RELOAD_TLS_DEAD:
		break;
	}
}

/* takes fd; false when the loop cannot watch it */
static bool watch(struct reload_tls_link *l, int fd, unsigned events)
{
	l->fd = fd;
	l->wants = events;
	l->watch = reload_poll_add(l->links->set.poll, fd, events, on_event, l);
	return l->watch;
}

void reload_tls_link_accepted(struct reload_links *links, int fd, const struct reload_ip_port *peer)
{
	while (reload_tls_link_find(links, links->next_incoming)) /* of 2^31 links ago */
		links->next_incoming = (links->next_incoming + 1) | UINT32_C(1) << 31;
	struct reload_tls_link *l = reload_tls_link_new(links, links->next_incoming);
	links->next_incoming = (links->next_incoming + 1) | UINT32_C(1) << 31;
	l->peer = *peer;
	l->incoming = l->is_half_open = true;
	TAILQ_INSERT_TAIL(&links->half_open, l, half);
	links->counters.half_open++;
	if (watch(l, fd, RELOAD_POLL_IN))
		reload_tls_link_arm(
			l, reload_poll_now() + links->set.handshake_ms, on_attempt_late);
	else
		reload_tls_link_fail(l, RELOAD_IO, "the descriptor cannot be watched");
}

void reload_tls_link_connect(struct reload_tls_link *l)
{
	while (l->addrs_next < l->addrs_count) {
		l->peer = l->addrs[l->addrs_next++];
		int fd = reload_socket_connect(&l->peer);
		if (fd >= 0 && watch(l, fd, RELOAD_POLL_OUT)) {
			l->err = RELOAD_OK;
			reload_tls_link_arm(
				l, reload_poll_now() + l->links->set.connect_ms, on_attempt_late);
			return;
		}
		reload_tls_link_fail(l, RELOAD_LINK_DOWN,
			fd < 0 ? strerror(-fd) : "the descriptor cannot be watched");
		if (l->addrs_next < l->addrs_count)
			l->state = RELOAD_TLS_CONNECTING;
	}
	if (l->state != RELOAD_TLS_DEAD)
		reload_tls_link_fail(l, RELOAD_UNREACHABLE, "no address to connect to");
}

/* -- the end of a turn ----------------------------------------------------------------------------------------------------- */

void reload_tls_link_turn_end(struct reload_tls_link *l)
{
	if (l->recheck && l->state == RELOAD_TLS_UP)
		reload_tls_link_check_trust(l);
	if (l->read_more && l->state == RELOAD_TLS_UP)
		reload_tls_link_read(l);
	if (l->state == RELOAD_TLS_UP)
		reload_tls_link_acknowledge(l);
	bool sends = l->state == RELOAD_TLS_UP ? l->out.len > 0 : l->state == RELOAD_TLS_CLOSING;
	if (sends && !(l->wants & RELOAD_POLL_OUT)) /* else the loop tells when there is room */
		reload_tls_link_flush(l);
	if (l->state == RELOAD_TLS_DEAD)
		reload_tls_link_bury(l);
}
