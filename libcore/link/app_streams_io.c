/*
 * Streams of applications: made, joined, ended.
 *
 *   CONNECTING --> HANDSHAKE --> UP (waits, taken, joined) --> DEAD
 *        ^             |
 *        +-- own: the next address
 *
 * One timer: the connection attempt, the handshake, then the next look whether the certificate is valid still.  A stream is freed at the end of a
 * pass of the loop, so a callback may drop any.
 */
#include "link/app_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAX_STREAMS = 256,
	HALF_OPEN_MAX =
		8, /* connections to one listener whose handshake is under way; the oldest makes room */
	SOCKETS_MAX = 8,   /* addresses of one listener */
	DEAD_AFTER_S = 60, /* a host that acknowledges nothing for so long is gone */
	PROBES_S = 15
};

struct app_listener {
	TAILQ_ENTRY(app_listener) entry;
	struct reload_app_streams *streams;
	uint32_t app;
	struct app_socket {
		struct app_listener *listener;
		int fd;
		uint64_t watch;
		struct reload_poll_pause pause;
	} sockets[SOCKETS_MAX];
	size_t count;
};

static reload_ms now_and(uint32_t ms)
{
	return reload_poll_now() + ms;
}

/* -- the transport: what the code of all secured links asks of a stream ---------------------------------------------------- */

static void disconnect(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	if (s->tls.fd < 0)
		return;
	reload_poll_remove(base->links->set.poll, s->watch);
	s->watch = 0;
	close(s->tls.fd);
	s->tls.fd = -1;
}

static void pass_end(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	if (s->local >= 0 && base->state == RELOAD_SECURE_UP)
		reload_app_flow_run(s);
}

static const char *start(struct reload_secure_link *base);

static const struct reload_link_transport transport = {
	.of_app = true,
	.type = RELOAD_TLS_TCP_FH_NO_ICE,
	.kind = RELOAD_SECURE_STREAM,
	.name = "TLS",
	.size = sizeof(struct app_stream),
	.connect = start,
	.pass_end = pass_end,
	.disconnect = disconnect,
	.clear = reload_app_stream_clear,
	.ended = reload_app_stream_ended,
};

static struct app_stream *stream_new(struct reload_app_streams *streams, uint32_t app)
{
	struct app_stream *s =
		reload_app_stream_new(streams, app, &transport, &reload_app_tls_carrier);
	s->tls.fd = -1;
	return s;
}

static struct app_stream *find(const struct reload_app_streams *streams, uint32_t number)
{
	struct app_stream *s;
	TAILQ_FOREACH (s, &streams->list, entry)
		if (s->number == number)
			return s;
	return NULL;
}

/* -- becoming a stream --------------------------------------------------------------------------------------------------- */

/* A host that vanished is noticed, also when nothing is sent. */
static void watch_peer(int fd)
{
	int on = 1, idle = DEAD_AFTER_S, probes = PROBES_S, unacked_ms = DEAD_AFTER_S * 1000;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probes, sizeof(probes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
}

static void up(struct app_stream *s)
{
	watch_peer(s->tls.fd);
	reload_app_tls_want(s, 0); /* until it is joined, the other end waits */
	reload_app_stream_up(s);
}

static void on_late(void *arg)
{
	struct app_stream *s = arg;
	bool handshake = s->base.state == RELOAD_SECURE_HANDSHAKE;
	reload_secure_link_fail(&s->base, RELOAD_TIMEOUT,
		handshake ? "no TLS handshake in time" : "no connection in time");
	reload_secure_link_try_next(&s->base);
}

static void handshake(struct app_stream *s)
{
	struct reload_secure_link *base = &s->base;
	ERR_clear_error();
	errno = 0;
	int n = SSL_do_handshake(base->ssl), err = errno;
	if (n == 1) {
		up(s);
		return;
	}
	int code = SSL_get_error(base->ssl, n);
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
		reload_app_tls_want(
			s, code == SSL_ERROR_WANT_READ ? RELOAD_POLL_IN : RELOAD_POLL_OUT);
		return;
	}
	reload_secure_link_fail_session(base, code, err);
	reload_secure_link_try_next(base);
}

static void start_handshake(struct app_stream *s)
{
	struct reload_secure_link *base = &s->base;
	base->ssl = reload_secure_session(base);
	if (!base->ssl) {
		reload_secure_link_fail(base, RELOAD_FAILED, "OpenSSL cannot make a session");
		return;
	}
	base->state = RELOAD_SECURE_HANDSHAKE;
	reload_secure_link_arm(base, now_and((uint32_t)base->links->set.handshake_ms), on_late);
	handshake(s);
}

static void on_connected(struct app_stream *s)
{
	int err = reload_socket_error(s->tls.fd);
	if (!err) {
		start_handshake(s);
		return;
	}
	reload_secure_link_fail(&s->base, RELOAD_LINK_DOWN, strerror(err));
	reload_secure_link_try_next(&s->base);
}

static void on_event(void *arg, unsigned events)
{
	struct app_stream *s = arg;
	switch (s->base.state) {
	case RELOAD_SECURE_CONNECTING:
		on_connected(s);
		break;
	case RELOAD_SECURE_HANDSHAKE:
		handshake(s);
		break;
	case RELOAD_SECURE_UP:
		reload_app_tls_event(s, events);
		break;
	case RELOAD_SECURE_CLOSING:
	case RELOAD_SECURE_LINGER:
	case RELOAD_SECURE_DEAD:
		break;
	}
}

/* takes fd; false when the loop cannot watch it */
static bool watch(struct app_stream *s, int fd, unsigned events)
{
	s->tls.fd = fd;
	s->wants = events;
	s->watch = reload_poll_add(s->streams->links->set.poll, fd, events, on_event, s);
	if (s->watch)
		return true;
	close(fd);
	s->tls.fd = -1;
	return false;
}

static const char *start(struct reload_secure_link *base)
{
	int fd = reload_socket_connect(&base->peer);
	if (fd < 0)
		return strerror(-fd);
	if (!watch(reload_app_stream_of(base), fd, RELOAD_POLL_OUT))
		return "the descriptor cannot be watched";
	reload_secure_link_arm(base, now_and((uint32_t)base->links->set.connect_ms), on_late);
	return NULL;
}

void reload_app_streams_connect(struct reload_app_streams *streams, uint32_t app,
	const struct reload_link_target *to, size_t count)
{
	struct app_stream *s = stream_new(streams, app);
	struct reload_secure_link *base = &s->base;
	count = count < RELOAD_LINK_ADDRS ? count : RELOAD_LINK_ADDRS;
	base->addrs = reload_alloc_array(count + 1, sizeof(*base->addrs));
	for (size_t i = 0; i < count; i++) {
		base->addrs[i] = to[i].at;
		base->addrs[i].raw = span_of(NULL, 0); /* borrowed bytes of a message */
	}
	base->addrs_count = count;
	if (streams->count > streams->max_streams)
		reload_secure_link_fail(base, RELOAD_LIMIT, "too many connections of applications");
	else
		reload_secure_link_connect(base);
}

/* -- listening ----------------------------------------------------------------------------------------------------------- */

/* Of those whose handshake is under way for this listener the oldest makes room. */
static void make_room(struct app_listener *l)
{
	struct app_stream *s, *oldest = NULL;
	size_t count = 0;
	TAILQ_FOREACH (s, &l->streams->list, entry)
		if (s->app == l->app && s->base.state == RELOAD_SECURE_HANDSHAKE) {
			oldest = oldest ? oldest : s;
			count++;
		}
	if (count >= HALF_OPEN_MAX)
		reload_secure_link_fail(
			&oldest->base, RELOAD_LIMIT, "too many handshakes at a time");
}

static void on_accept(void *arg, unsigned events)
{
	struct app_socket *at = arg;
	struct app_listener *l = at->listener;
	struct reload_app_streams *streams = l->streams;
	struct reload_ip_port peer;
	(void)events;
	int fd = reload_socket_accept(at->fd, &peer);
	if (fd < 0) {
		(void)reload_poll_pause(streams->links->set.poll, &at->pause, at->watch, -fd);
		return;
	}
	if (streams->count >= streams->max_streams ||
		!reload_admission_take(&streams->links->admission, &peer, reload_poll_now())) {
		close(fd);
		return;
	}
	make_room(l);
	struct app_stream *s = stream_new(streams, l->app);
	s->base.incoming = true;
	s->base.peer = peer;
	if (watch(s, fd, RELOAD_POLL_IN))
		start_handshake(s);
	else
		reload_secure_link_fail(&s->base, RELOAD_IO, "the descriptor cannot be watched");
}

size_t reload_app_streams_listen(struct reload_app_streams *streams, uint32_t app,
	const struct reload_ip_port *at, size_t count, struct reload_ip_port *out)
{
	struct app_listener *l = RELOAD_NEW(app_listener);
	l->streams = streams;
	l->app = app;
	for (size_t i = 0; i < count && l->count < SOCKETS_MAX; i++) {
		struct app_socket *s = &l->sockets[l->count];
		struct reload_ip_port bound = at[i];
		bound.port = 0;
		int fd = reload_socket_listen(&bound, &bound.port);
		if (fd < 0)
			continue;
		*s = (struct app_socket){ .listener = l, .fd = fd };
		s->watch =
			reload_poll_add(streams->links->set.poll, fd, RELOAD_POLL_IN, on_accept, s);
		if (!s->watch) {
			close(fd);
			continue;
		}
		out[l->count++] = bound;
	}
	if (!l->count) {
		free(l);
		return 0;
	}
	TAILQ_INSERT_TAIL(&streams->listeners, l, entry);
	return l->count;
}

static void listener_free(struct app_listener *l)
{
	for (size_t i = 0; i < l->count; i++) {
		reload_poll_pause_end(&l->sockets[i].pause);
		reload_poll_remove(l->streams->links->set.poll, l->sockets[i].watch);
		close(l->sockets[i].fd);
	}
	TAILQ_REMOVE(&l->streams->listeners, l, entry);
	free(l);
}

/* -- over ICE ------------------------------------------------------------------------------------------------------------ */

void reload_app_streams_gather(struct reload_app_streams *streams, uint32_t app, bool packets,
	const struct reload_ice_gather *how)
{
	bool full = streams->count >= streams->max_streams;
	struct app_stream *s = reload_app_stream_new(streams, app,
		packets ? &reload_app_packet_transport : &reload_app_ice_transport,
		packets ? &reload_app_packet_carrier : &reload_app_ice_carrier);
	if (full)
		reload_secure_link_fail(
			&s->base, RELOAD_LIMIT, "too many connections of applications");
	else
		reload_ice_link_begin(&s->ice, how);
}

void reload_app_streams_check(
	struct reload_app_streams *streams, uint32_t app, const struct reload_ice_remote *to)
{
	struct app_stream *s;
	TAILQ_FOREACH (s, &streams->list, entry)
		if (s->app == app && !s->taken && reload_app_stream_is_ice(s)) {
			reload_ice_link_check(&s->ice, to);
			return;
		}
}

const struct reload_ice_pair *reload_app_streams_pair(
	const struct reload_app_streams *streams, uint32_t stream)
{
	const struct app_stream *s = find(streams, stream);
	return s && reload_app_stream_is_ice(s) ? &s->ice.pair : NULL;
}

size_t reload_app_streams_packet_bytes(const struct reload_app_streams *streams, uint32_t stream)
{
	const struct app_stream *s = find(streams, stream);
	bool packets = s && s->base.transport == &reload_app_packet_transport;
	return packets && s->base.ssl ? DTLS_get_data_mtu(s->base.ssl) : 0;
}

/* -- orders -------------------------------------------------------------------------------------------------------------- */

/* Ends a stream so that the other end sees that it was cut off. */
static void cut_off(struct app_stream *s)
{
	const struct linger at_once = { .l_onoff = 1 };
	s->base.silent = true;
	if (!reload_app_stream_is_ice(s) && s->tls.fd >= 0)
		setsockopt(s->tls.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (s->base.state == RELOAD_SECURE_DEAD) {
		s->link_gone = true; /* nothing more is delivered */
		reload_secure_link_look(&s->base);
	}
	reload_secure_link_fail(&s->base, RELOAD_CANCELLED, "dropped");
	reload_app_flow_clear(s);
}

bool reload_app_streams_take(
	struct reload_app_streams *streams, uint32_t stream, struct reload_ip_port *peer)
{
	struct app_stream *s = find(streams, stream);
	if (!s || s->base.state != RELOAD_SECURE_UP)
		return false;
	s->taken = true;
	*peer = s->base.peer;
	return true;
}

void reload_app_streams_drop(struct reload_app_streams *streams, uint32_t stream)
{
	struct app_stream *s = find(streams, stream);
	if (s)
		cut_off(s);
}

void reload_app_streams_end(struct reload_app_streams *streams, uint32_t app)
{
	struct app_listener *l, *next;
	struct app_stream *s;
	for (l = TAILQ_FIRST(&streams->listeners); l; l = next) {
		next = TAILQ_NEXT(l, entry);
		if (l->app == app)
			listener_free(l);
	}
	TAILQ_FOREACH (s, &streams->list, entry)
		if (s->app == app && !s->taken)
			cut_off(s);
}

void reload_app_streams_join(struct reload_app_streams *streams, uint32_t stream, int fd)
{
	struct app_stream *s = find(streams, stream);
	if (s && s->taken && s->local < 0 && s->base.state == RELOAD_SECURE_UP)
		reload_app_flow_join(s, fd);
	else
		close(fd);
}

void reload_app_streams_check_trust(struct reload_app_streams *streams)
{
	struct app_stream *s;
	TAILQ_FOREACH (s, &streams->list, entry)
		if (s->base.state == RELOAD_SECURE_UP)
			reload_secure_link_check_trust(&s->base);
}

size_t reload_app_streams_count(const struct reload_app_streams *streams)
{
	return streams->count;
}

/* -- life ---------------------------------------------------------------------------------------------------------------- */

struct reload_app_streams *reload_app_streams_new(const struct reload_app_streams_setup *setup)
{
	struct reload_app_streams *s = RELOAD_NEW(reload_app_streams);
	s->links = setup->links;
	s->ops = setup->ops;
	s->arg = setup->arg;
	s->max_streams = setup->max_streams ? setup->max_streams : MAX_STREAMS;
	TAILQ_INIT(&s->list);
	TAILQ_INIT(&s->listeners);
	return s;
}

void reload_app_streams_free(struct reload_app_streams *s)
{
	if (!s)
		return;
	while (!TAILQ_EMPTY(&s->listeners))
		listener_free(TAILQ_FIRST(&s->listeners));
	while (!TAILQ_EMPTY(&s->list))
		reload_secure_link_free(&TAILQ_FIRST(&s->list)->base);
	free(s);
}
