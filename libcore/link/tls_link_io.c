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

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_timer(void *arg);

void reload_tls_link_arm(struct reload_tls_link *l, reload_ms due)
{
	reload_timer_arm(l->links->timers, &l->timer, due, on_timer, l);
}

void reload_tls_link_turn(struct reload_tls_link *l)
{
	if (l->is_in_turn)
		return;
	l->is_in_turn = true;
	l->links->hook.due = true;
	TAILQ_INSERT_TAIL(&l->links->turn, l, turn);
}

void reload_tls_link_turn_first(struct reload_tls_link *l)
{
	if (l->is_in_turn)
		TAILQ_REMOVE(&l->links->turn, l, turn);
	l->is_in_turn = true;
	l->links->hook.due = true;
	TAILQ_INSERT_HEAD(&l->links->turn, l, turn);
}

void reload_tls_link_want(struct reload_tls_link *l, unsigned events)
{
	if (l->wants == events)
		return;
	l->wants = events;
	reload_poll_change(l->links->set.poll, l->watch, events);
}

/* -- the end of a connection ------------------------------------------------------------------------------------------- */

static void forget_peer(struct reload_tls_link *l)
{
	reload_cert_free(l->cert);
	for (size_t i = 0; i < l->others_count; i++)
		reload_cert_free(l->others[i]);
	free(l->others);
	l->cert = NULL;
	l->others = NULL;
	l->others_count = 0;
}

static void disconnect(struct reload_tls_link *l)
{
	reload_timer_cancel(l->links->timers, &l->timer);
	reload_tls_link_drop_acks(l);
	reload_poll_remove(l->links->set.poll, l->watch);
	l->watch = 0;
	SSL_free(l->ssl);
	l->ssl = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void leave_half_open(struct reload_tls_link *l)
{
	if (!l->is_half_open)
		return;
	TAILQ_REMOVE(&l->links->half_open, l, half);
	l->links->counters.half_open--;
	l->is_half_open = false;
}

void reload_tls_link_fail(struct reload_tls_link *l, enum reload_err err, const char *reason)
{
	if (l->state == RELOAD_TLS_DEAD)
		return;
	if (l->state == RELOAD_TLS_CLOSING || l->state == RELOAD_TLS_LINGER)
		l->silent = true;
	if (!l->why)
		l->why = RELOAD_NEW(reload_why);
	if (reason) {
		char peer[64];
		l->err = reload_why_set(
			l->why, err, reload_ip_port_text(peer, &l->peer), "%s", reason);
	}
	leave_half_open(l);
	disconnect(l);
	l->state = RELOAD_TLS_DEAD;
	reload_tls_link_turn(l);
}

void reload_tls_link_free(struct reload_tls_link *l)
{
	leave_half_open(l);
	disconnect(l);
	if (l->is_in_turn)
		TAILQ_REMOVE(&l->links->turn, l, turn);
	l->links->counters.links--;
	forget_peer(l);
	reload_framing_clear(&l->framing);
	wr_clear(&l->out);
	free(l->addrs);
	free(l->why);
	free(l);
}

/* what OpenSSL's queue of errors says in words; NULL when it says nothing */
static const char *tls_reason(void)
{
	unsigned long e = ERR_peek_error();
	return e ? ERR_reason_error_string(e) : NULL;
}

/* what the alert says by which the other end refuses a certificate (RFC 5246 s7.2.2, RFC 8446 s6.2); NULL: it did not */
static const char *refused_by_peer(void)
{
	unsigned long e = ERR_peek_error();
	int alert = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) - SSL_AD_REASON_OFFSET : 0;
	if (alert == SSL_AD_CERTIFICATE_REVOKED)
		return "it is revoked there";
	if (alert == SSL_AD_CERTIFICATE_EXPIRED)
		return "by the clock there it has expired or is not valid yet";
	if (alert == SSL_AD_UNKNOWN_CA)
		return "its authority is unknown there";
	if ((alert >= SSL_AD_NO_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
		alert == SSL_AD_CERTIFICATE_REQUIRED)
		return tls_reason();
	return NULL;
}

/* a call into OpenSSL failed for good: err_saved is errno behind it */
void reload_tls_link_fail_tls(struct reload_tls_link *l, int code, int err_saved)
{
	if (l->err) { /* the certificate: judge() has said why */
		reload_tls_link_fail(l, l->err, NULL);
		return;
	}
	char text[192];
	const char *reason = tls_reason();
	if (code == SSL_ERROR_ZERO_RETURN || (code == SSL_ERROR_SYSCALL && !err_saved && !reason))
		reason = "the other end closed the connection";
	else if (code == SSL_ERROR_SYSCALL && !reason)
		reason = strerror(err_saved);
	const char *refused = refused_by_peer();
	snprintf(text, sizeof(text), "%s%s",
		refused ? "the other end refused our certificate: " : "",
		refused  ? refused
		: reason ? reason
			 : "TLS failed");
	reload_tls_link_fail(l, refused ? RELOAD_BAD_CERT : RELOAD_LINK_DOWN, text);
}

void reload_tls_link_close(struct reload_tls_link *l)
{
	if (l->state == RELOAD_TLS_CONNECTING || l->state == RELOAD_TLS_HANDSHAKE)
		reload_tls_link_fail(l, RELOAD_CANCELLED, NULL);
	if (l->state != RELOAD_TLS_UP)
		return;
	reload_framing_acks_write(&l->framing, &l->out);
	reload_tls_link_drop_acks(l);
	l->state = RELOAD_TLS_CLOSING;
	reload_tls_link_want(l,
		l->wants &
			RELOAD_POLL_OUT); /* what still comes in is of no interest until all is sent */
	reload_tls_link_arm(l, reload_poll_now() + RELOAD_LINK_CLOSE_MS);
	reload_tls_link_turn(l);
}

/* -- becoming a link ----------------------------------------------------------------------------------------------------- */

static void up(struct reload_tls_link *l)
{
	struct reload_links *links = l->links;
	leave_half_open(l);
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
	forget_peer(l);
	reload_tls_link_connect(l);
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
	reload_tls_link_arm(l, reload_poll_now() + l->links->set.handshake_ms);
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

static void on_timer(void *arg)
{
	struct reload_tls_link *l = arg;
	switch (l->state) {
	case RELOAD_TLS_CONNECTING:
	case RELOAD_TLS_HANDSHAKE:
		reload_tls_link_fail(l, RELOAD_TIMEOUT,
			l->state == RELOAD_TLS_HANDSHAKE ? "no TLS handshake in time"
			: l->incoming                    ? "not a byte in time"
							 : "no connection in time");
		attempt_failed(l);
		break;
	case RELOAD_TLS_UP:
		reload_tls_link_check_health(l);
		break;
	case RELOAD_TLS_CLOSING:
	case RELOAD_TLS_LINGER:
		reload_tls_link_fail(l, RELOAD_TIMEOUT, NULL);
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
		reload_tls_link_arm(l, reload_poll_now() + links->set.handshake_ms);
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
			reload_tls_link_arm(l, reload_poll_now() + l->links->set.connect_ms);
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

static void bury(struct reload_tls_link *l)
{
	struct reload_links *links = l->links;
	const struct reload_links_ops *ops = links->set.ops;
	reload_tls_link_forget(l);
	if (l->was_up && !l->silent)
		links->counters.lost++;
	if (!l->was_up && l->err)
		links->counters.refused++;
	if (!l->silent && (l->was_up || !l->incoming))
		ops->down(links->set.arg, l->id, l->err, l->why);
	else if (!l->silent && ops->refused)
		ops->refused(links->set.arg, &l->peer, l->err, l->why);
	reload_tls_link_free(l);
}

static void check_trust(struct reload_tls_link *l)
{
	struct reload_why why;
	enum reload_err err = reload_trust_check(
		l->links->trust, l->cert, l->others, l->others_count, reload_poll_wall(), &why);
	l->recheck = false;
	if (err)
		reload_tls_link_fail(l, err, why.why);
}

void reload_tls_link_turn_end(struct reload_tls_link *l)
{
	if (l->recheck && l->state == RELOAD_TLS_UP)
		check_trust(l);
	if (l->read_more && l->state == RELOAD_TLS_UP)
		reload_tls_link_read(l);
	if (l->state == RELOAD_TLS_UP)
		reload_tls_link_acknowledge(l);
	bool sends = l->state == RELOAD_TLS_UP ? l->out.len > 0 : l->state == RELOAD_TLS_CLOSING;
	if (sends && !(l->wants & RELOAD_POLL_OUT)) /* else the loop tells when there is room */
		reload_tls_link_flush(l);
	if (l->state == RELOAD_TLS_DEAD)
		bury(l);
}
