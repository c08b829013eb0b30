/* Connections: what comes is taken apart into messages, what is sent waits until the other end takes it. */
#include "reload-sip-adapter/transport.h"

#include "link/sockaddr_io.h"
#include "usage/sip_frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_CHUNK = 32 * 1024,
	READS_PER_PASS = 4
};

static int cmp(const struct connection *a, const struct connection *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RELOAD_TREE(connection_tree, connection, entry, cmp)

static void on_ready(void *arg, unsigned events);

/* -- shares of hosts --------------------------------------------------------------------------------------------------------- */

static int cmp_hosts(const struct transport_host *a, const struct transport_host *b)
{
	int type = a->at.type - b->at.type;
	return type ? type : memcmp(a->at.addr, b->at.addr, sizeof(a->at.addr));
}

RELOAD_TREE(transport_host_tree, transport_host, entry, cmp_hosts)

/* The host, with a connection more; NULL: it has as many as it may. */
static struct transport_host *take_share(struct transport *t, const struct reload_ip_port *remote)
{
	struct transport_host like = { .at = *remote };
	struct transport_host *h = RB_FIND(transport_host_tree, &t->hosts, &like);
	if (h && h->count >= t->of_host_max)
		return NULL;
	if (!h) {
		h = RELOAD_NEW(transport_host);
		h->at = *remote;
		RB_INSERT(transport_host_tree, &t->hosts, h);
	}
	h->count++;
	return h;
}

static void leave_share(struct transport *t, struct transport_host *h)
{
	if (!h || --h->count)
		return;
	RB_REMOVE(transport_host_tree, &t->hosts, h);
	free(h);
}

/* -- the life of a connection ------------------------------------------------------------------------------------------------ */

void connection_free(struct connection *c)
{
	reload_timer_cancel(reload_poll_timers(c->all->poll), &c->timer);
	reload_poll_remove(c->all->poll, c->watch);
	SSL_free(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	wr_clear(&c->in);
	wr_clear(&c->out);
	c->all->held -= c->held;
	c->all->connections--;
	leave_share(c->all, c->host);
	free(c->user);
	free(c);
}

static void report_ended(void *arg)
{
	struct transport *t = arg;
	while (!TAILQ_EMPTY(&t->ended)) {
		struct connection *c = TAILQ_FIRST(&t->ended);
		TAILQ_REMOVE(&t->ended, c, ended);
		RB_REMOVE(connection_tree, &t->tree, c);
		t->ops->lost(t->arg, c);
		connection_free(c);
	}
}

/* Half of the descriptors are left for everything else, such as audio. */
static size_t connections_max(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r))
		return TRANSPORT_CONNECTIONS_MAX;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur / 2 < TRANSPORT_CONNECTIONS_MAX ? r.rlim_cur / 2
							  : TRANSPORT_CONNECTIONS_MAX;
}

void connections_init(struct transport *t)
{
	t->connections_max = connections_max();
	TAILQ_INIT(&t->ended);
	t->hook = (struct reload_poll_hook){
		.fn = report_ended, .arg = t, .order = RELOAD_HOOK_WORK
	};
	reload_poll_hook_add(t->poll, &t->hook);
}

void connections_clear(struct transport *t)
{
	while (!RB_EMPTY(&t->tree)) {
		struct connection *c = RB_MIN(connection_tree, &t->tree);
		RB_REMOVE(connection_tree, &t->tree, c);
		connection_free(c);
	}
	TAILQ_INIT(&t->ended);
	reload_poll_hook_remove(t->poll, &t->hook);
}

struct connection *transport_find(struct transport *t, uint64_t id)
{
	struct connection like = { .id = id };
	struct connection *c = id ? RB_FIND(connection_tree, &t->tree, &like) : NULL;
	return c && !c->closed ? c : NULL;
}

struct connection *transport_any_overlay(const struct transport *t)
{
	struct connection *c;
	RB_FOREACH (c, connection_tree, (struct connection_tree *)&t->tree)
		if (c->transport == RELOAD_SIP_OVERLAY && c->owner)
			return c;
	return NULL;
}

void connection_end(struct connection *c)
{
	if (c->closed)
		return;
	c->closed = true;
	reload_poll_remove(c->all->poll, c->watch);
	c->watch = 0;
	reload_timer_cancel(reload_poll_timers(c->all->poll), &c->timer);
	TAILQ_INSERT_TAIL(&c->all->ended, c, ended);
	c->all->hook.due = true;
}

void transport_distrust(
	struct transport *t, bool (*changed)(const void *arg, const char *user), const void *arg)
{
	struct connection *c;
	RB_FOREACH (c, connection_tree, &t->tree) /* those that end stay in it */
		if (c->user && changed(arg, c->user))
			connection_end(c);
}

static reload_ms idle_of(const struct connection *c)
{
	return c->transport == RELOAD_SIP_OVERLAY ? TRANSPORT_IDLE_OVERLAY_MS : c->all->idle_ms;
}

/*
 * Not connected in time, or unused for too long: that a device has told its password on it is no reason to keep it, but that it is the only way to a device
 * that has registered.
 */
static void on_time(void *arg)
{
	struct connection *c = arg;
	reload_ms now = reload_poll_now(), idle_to = c->used + idle_of(c);
	bool late = c->connecting || c->handshaking || c->shut;
	bool idle = !late && now >= idle_to && !c->uses && LIST_EMPTY(&c->branches) &&
		    !c->all->ops->needed(c->all->arg, c);
	c->all->idle += idle;
	if (late || idle) {
		connection_end(c);
		return;
	}
	reload_timer_arm(reload_poll_timers(c->all->poll), &c->timer,
		idle_to <= now ? now + idle_of(c) : idle_to, on_time, c);
}

static void wait_for(struct connection *c, reload_ms ms)
{
	reload_timer_arm(
		reload_poll_timers(c->all->poll), &c->timer, reload_poll_now() + ms, on_time, c);
}

static void want(struct connection *c)
{
	bool out = c->connecting || c->out.len || (c->tls && SSL_want_write(c->tls));
	if (!c->closed)
		reload_poll_change(
			c->all->poll, c->watch, RELOAD_POLL_IN | (out ? RELOAD_POLL_OUT : 0));
}

/* Whether there is room for a connection that was opened by remote (NULL: here), in whose share it is then. */
static bool has_room(
	struct transport *t, const struct reload_ip_port *remote, struct transport_host **host)
{
	*host = NULL;
	if (t->connections >= t->connections_max) {
		t->refused++;
		return false;
	}
	*host = remote ? take_share(t, remote) : NULL;
	t->refused_of_host += remote && !*host;
	return !remote || *host;
}

struct connection *connection_new(struct transport *t, int fd, enum reload_sip_transport transport,
	const struct reload_ip_port *remote)
{
	int one = 1;
	bool tls = transport == RELOAD_SIP_TLS;
	struct transport_host *host;
	if ((tls && !t->tls) || !has_room(t, remote, &host)) {
		close(fd);
		return NULL;
	}
	struct connection *c = RELOAD_NEW(connection);
	c->all = t;
	c->host = host;
	if (remote)
		c->remote = *remote;
	c->id = ++t->last;
	c->fd = fd;
	c->transport = (uint8_t)transport;
	c->used = reload_poll_now();
	wr_init(&c->in);
	wr_init(&c->out);
	LIST_INIT(&c->branches);
	if (transport != RELOAD_SIP_OVERLAY) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	if (tls) {
		c->tls = SSL_new(t->tls);
		SSL_set_fd(c->tls, fd);
		if (remote)
			SSL_set_accept_state(c->tls);
		else
			SSL_set_connect_state(c->tls);
		c->handshaking = true;
	}
	c->watch = reload_poll_add(t->poll, fd, RELOAD_POLL_IN, on_ready, c);
	wait_for(c, tls ? TRANSPORT_CONNECT_MS : idle_of(c));
	RB_INSERT(connection_tree, &t->tree, c);
	t->connections++;
	return c;
}

/* Only a server whose certificate is for that name, and from somebody who is trusted, gets a byte (RFC 5922 s7). */
static void expect_name(struct connection *c, const char *name)
{
	struct reload_ip_port address;
	bool numeric = !reload_ip_port_parse(&address, name, 1);
	X509_VERIFY_PARAM *how = SSL_get0_param(c->tls);
	char bare[64];
	if (numeric) {
		snprintf(bare, sizeof(bare), "%s", *name == '[' ? name + 1 : name);
		bare[strcspn(bare, "]")] = 0;
		(void)X509_VERIFY_PARAM_set1_ip_asc(how, bare);
	} else {
		(void)SSL_set1_host(c->tls, name);
		(void)SSL_set_tlsext_host_name(c->tls, name);
	}
	SSL_set_verify(c->tls, SSL_VERIFY_PEER, NULL);
}

struct connection *connection_open(
	struct transport *t, const struct reload_sip_hop *hop, const char *name)
{
	struct sockaddr_storage to;
	if (hop->transport == RELOAD_SIP_TLS && !name)
		return NULL;
	socklen_t len = reload_sockaddr_to(&to, &hop->remote);
	int fd = len ? socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS) {
		close(fd);
		return NULL;
	}
	struct connection *c = connection_new(t, fd, hop->transport, NULL);
	if (!c)
		return NULL;
	c->remote = hop->remote;
	c->connecting = true;
	if (c->tls)
		expect_name(c, name);
	wait_for(c, TRANSPORT_CONNECT_MS);
	want(c);
	return c;
}

/* -- bytes ------------------------------------------------------------------------------------------------------------------- */

/* Reads or writes; returns the number of bytes, 0: not now, negative: it has ended. */
static ssize_t move(struct connection *c, void *to, const void *from, size_t n)
{
	if (!c->tls) {
		ssize_t moved = to ? recv(c->fd, to, n, 0) : send(c->fd, from, n, MSG_NOSIGNAL);
		if (moved < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		return moved ? moved : -1;
	}
	ERR_clear_error();
	int moved = to ? SSL_read(c->tls, to, (int)n) : SSL_write(c->tls, from, (int)n);
	if (moved > 0)
		return moved;
	int e = SSL_get_error(c->tls, moved);
	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Counts what waits on it; it is ended when that is too much for all. */
static void count_held(struct connection *c)
{
	struct transport *t = c->all;
	size_t now = c->in.len + c->out.len;
	bool more = now > c->held;
	t->held += now - c->held;
	c->held = now;
	if (!more || t->held <= TRANSPORT_HELD_MAX || c->closed)
		return;
	t->overfull++;
	connection_end(c);
}

static void flush(struct connection *c)
{
	size_t done = 0;
	while (!c->connecting && !c->handshaking && done < c->out.len) {
		ssize_t n = move(c, NULL, c->out.at + done, c->out.len - done);
		if (n < 0) {
			connection_end(c);
			return;
		}
		if (!n)
			break;
		done += (size_t)n;
	}
	c->out.len -= done;
	if (c->out.len && done)
		memmove(c->out.at, c->out.at + done, c->out.len);
	if (!c->out.len)
		wr_clear(&c->out); /* an idle connection has no buffer */
	count_held(c);
	if (c->shut && !c->out.len)
		connection_end(c);
	want(c);
}

bool connection_send(struct connection *c, struct span bytes)
{
	if (c->closed || c->shut)
		return false;
	if (c->out.len + bytes.len > TRANSPORT_OUT_MAX) {
		connection_end(c);
		return false;
	}
	c->used = reload_poll_now();
	bool waits = c->out.len > 0;
	wr_span(&c->out, bytes);
	if (!waits)
		flush(c);
	else {
		count_held(c);
		want(c);
	}
	return !c->closed;
}

void transport_close(struct connection *c)
{
	c->shut = true;
	wait_for(c, TRANSPORT_CONNECT_MS);
	flush(c);
}

/* RFC 5626 s3.5.1: an empty line twice asks, once answers; they may come in pieces. */
static void count_blanks(struct connection *c, struct span blanks)
{
	static const char expected[] = "\r\n\r\n";
	for (size_t i = 0; i < blanks.len; i++) {
		bool goes_on = blanks.at[i] == (uint8_t)expected[c->blanks];
		c->blanks = goes_on ? c->blanks + 1 : 0;
		if (c->blanks == 4) {
			c->blanks = 0;
			(void)connection_send(c, span_str("\r\n"));
		}
	}
}

/* Takes the whole messages out of what was received; false: the stream cannot be understood any more. */
static bool take_messages(struct connection *c)
{
	struct reload_sip_hop from = {
		.transport = c->transport, .connection = c->id, .remote = c->remote
	};
	for (;;) {
		size_t skip, len;
		enum reload_err err = reload_sip_frame(&skip, &len, wr_done(&c->in));
		size_t used = skip + (err ? 0 : len);
		count_blanks(c, span_of(c->in.at, skip));
		if (used) /* who sends a message byte by byte is not waited for */
			c->used = reload_poll_now();
		if (!err) {
			c->blanks = 0;
			c->all->ops->received(c->all->arg, span_of(c->in.at + skip, len), &from, c);
		}
		if (c->closed)
			return true;
		c->in.len -= used;
		if (c->in.len && used)
			memmove(c->in.at, c->in.at + used, c->in.len);
		if (err && err != RELOAD_SHORT)
			c->all->ops->rubbish(c->all->arg, wr_done(&c->in), &from);
		if (err)
			return err == RELOAD_SHORT;
	}
}

static void read_all(struct connection *c)
{
	static uint8_t chunk[READ_CHUNK];
	for (unsigned i = 0; i < READS_PER_PASS || (c->tls && SSL_pending(c->tls)); i++) {
		ssize_t n = move(c, chunk, NULL, sizeof(chunk));
		if (!n)
			break;
		if (n < 0) {
			connection_end(c);
			return;
		}
		if (c->shut)
			continue;
		wr_bytes(&c->in, chunk, (size_t)n);
		if (!take_messages(c)) {
			transport_close(c);
			return;
		}
		if (c->closed)
			return;
	}
	if (!c->in.len)
		wr_clear(&c->in);
	count_held(c);
}

static bool connected(struct connection *c)
{
	int e = 0;
	socklen_t len = sizeof(e);
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) || e)
		return false;
	c->connecting = false;
	wait_for(c, c->tls ? TRANSPORT_CONNECT_MS : idle_of(c));
	return true;
}

/* One step of the handshake; false: it has failed. */
static bool shake_hands(struct connection *c)
{
	ERR_clear_error();
	int n = SSL_do_handshake(c->tls);
	int e = n == 1 ? SSL_ERROR_NONE : SSL_get_error(c->tls, n);
	if (n != 1)
		return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
	c->handshaking = false;
	wait_for(c, idle_of(c));
	return true;
}

static void on_ready(void *arg, unsigned events)
{
	struct connection *c = arg;
	if (c->connecting && !connected(c)) {
		connection_end(c);
		return;
	}
	if (c->handshaking && !shake_hands(c)) {
		connection_end(c);
		return;
	}
	if (c->handshaking) {
		want(c);
		return;
	}
	if (events & (RELOAD_POLL_IN | RELOAD_POLL_HANGUP | RELOAD_POLL_ERROR))
		read_all(c);
	if (!c->closed)
		flush(c);
}
