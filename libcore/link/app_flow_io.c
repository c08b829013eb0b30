/* Copying between the stream of an application and its local socket. */
#include "link/app_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

/* What became of an attempt to copy. */
enum step {
	STEP_MORE,  /* some bytes: there may be more */
	STEP_WAITS, /* for the loop */
	STEP_OVER   /* nothing more to do in this direction, or for the stream */
};

static bool room(struct app_flow *f)
{
	if (!f->at)
		f->at = reload_alloc(APP_BUFFER);
	return f->to < APP_BUFFER;
}

static void used(struct app_flow *f, size_t n)
{
	f->from += n;
	f->count += n;
	if (f->from < f->to)
		return;
	f->from = f->to = 0;
	free(TAKE(f->at));
}

static void local_unwatch(struct app_stream *s)
{
	reload_poll_remove(s->streams->links->set.poll, s->local_watch);
	s->local_watch = 0;
}

/* What the program wrote before it went can be read at any time: there is nothing to wait for. */
static void local_gone(struct app_stream *s)
{
	s->local_gone = true;
	local_unwatch(s);
}

static void local_want(struct app_stream *s, unsigned events)
{
	if (s->local_wants == events || !s->local_watch)
		return;
	s->local_wants = events;
	reload_poll_change(s->streams->links->set.poll, s->local_watch, events);
}

/* -- from the local socket to the other end ------------------------------------------------------------------------------- */

static bool local_read(struct app_stream *s)
{
	struct app_flow *f = &s->out;
	if (f->ended || f->to || !room(f))
		return false;
	ssize_t n = recv(s->local, f->at, APP_BUFFER, MSG_DONTWAIT);
	if (n > 0) {
		f->to = (size_t)n;
		return true;
	}
	f->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
	free(TAKE(f->at));
	return false;
}

/* *wants: the events that TLS waits for */
static enum step tls_failed(struct app_stream *s, int n, int err, unsigned *wants)
{
	int code = SSL_get_error(s->tls.base.ssl, n);
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
		*wants |= code == SSL_ERROR_WANT_READ ? RELOAD_POLL_IN : RELOAD_POLL_OUT;
		return STEP_WAITS;
	}
	reload_secure_link_fail_session(&s->tls.base, code, err);
	return STEP_OVER;
}

static enum step send_end(struct app_stream *s, unsigned *wants)
{
	ERR_clear_error();
	errno = 0;
	int n = SSL_shutdown(s->tls.base.ssl), err = errno;
	if (n < 0 && tls_failed(s, n, err, wants) == STEP_WAITS && *wants & RELOAD_POLL_OUT)
		return STEP_WAITS;
	s->out.closed = true;
	return STEP_OVER;
}

static enum step copy_out(struct app_stream *s, unsigned *wants)
{
	struct app_flow *f = &s->out;
	if (f->closed)
		return STEP_OVER;
	local_read(s);
	if (f->from == f->to)
		return f->ended ? send_end(s, wants) : STEP_WAITS;
	ERR_clear_error();
	errno = 0;
	int n = SSL_write(s->tls.base.ssl, f->at + f->from, (int)(f->to - f->from)), err = errno;
	if (n <= 0)
		return tls_failed(s, n, err, wants);
	used(f, (size_t)n);
	return STEP_MORE;
}

/* -- from the other end to the local socket ------------------------------------------------------------------------------- */

static enum step tls_read(struct app_stream *s, unsigned *wants)
{
	struct app_flow *f = &s->in;
	if (f->ended || f->to || !room(f))
		return STEP_OVER;
	ERR_clear_error();
	errno = 0;
	int n = SSL_read(s->tls.base.ssl, f->at, APP_BUFFER), err = errno;
	if (n > 0) {
		f->to = (size_t)n;
		return STEP_MORE;
	}
	free(TAKE(f->at));
	f->ended = SSL_get_error(s->tls.base.ssl, n) == SSL_ERROR_ZERO_RETURN;
	return f->ended ? STEP_OVER : tls_failed(s, n, err, wants);
}

/* Whoever reads there may be gone: then it is as if it had read all. */
static enum step local_write(struct app_stream *s)
{
	struct app_flow *f = &s->in;
	if (f->from == f->to) {
		if (f->ended && !f->closed) {
			shutdown(s->local, SHUT_WR);
			f->closed = true;
		}
		return STEP_OVER;
	}
	ssize_t n = send(s->local, f->at + f->from, f->to - f->from, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STEP_WAITS;
	if (n < 0) {
		local_gone(s);
		f->from = f->to = 0;
		free(TAKE(f->at));
		return STEP_MORE;
	}
	used(f, (size_t)n);
	return STEP_MORE;
}

static enum step copy_in(struct app_stream *s, unsigned *wants)
{
	if (s->in.closed)
		return STEP_OVER;
	enum step read = s->tls_gone ? STEP_OVER : tls_read(s, wants);
	if (s->tls.base.state == RELOAD_SECURE_DEAD)
		s->in.ended = true; /* with an error: what is here is delivered */
	enum step write = local_write(s);
	return write == STEP_OVER && read != STEP_OVER ? read : write;
}

/* -- both ------------------------------------------------------------------------------------------------------------------ */

static void on_close_late(void *arg)
{
	struct app_stream *s = arg;
	reload_secure_link_fail(&s->tls.base, RELOAD_LINK_DOWN,
		"the local program closed its socket before the other end had ended");
}

/* What is waited for.  A record that OpenSSL holds already wakes nobody. */
static void wait_for(struct app_stream *s, unsigned wants, bool more)
{
	bool reads = !s->in.ended && !s->in.to;
	local_want(s, (!s->out.ended && !s->out.to ? RELOAD_POLL_IN : 0u) |
			      (s->in.to ? RELOAD_POLL_OUT : 0u));
	if (s->tls_gone)
		return;
	if (s->local_gone && s->out.closed && !s->closing) {
		s->closing = true;
		reload_secure_link_arm(
			&s->tls.base, reload_poll_now() + RELOAD_LINK_CLOSE_MS, on_close_late);
	}
	reload_app_stream_want(
		s, wants | (reads ? RELOAD_POLL_IN : 0u) | (s->out.to ? RELOAD_POLL_OUT : 0u));
	if (more || (reads && SSL_has_pending(s->tls.base.ssl)))
		reload_secure_link_look(&s->tls.base);
}

void reload_app_flow_run(struct app_stream *s)
{
	enum step in = STEP_MORE, out = STEP_MORE;
	unsigned wants = 0;
	for (int i = 0; i < APP_CHUNKS && (in == STEP_MORE || out == STEP_MORE); i++) {
		if (s->tls.base.state != RELOAD_SECURE_DEAD)
			out = copy_out(s, &wants);
		else
			out = STEP_OVER;
		in = copy_in(s, &wants);
	}
	bool dead = s->tls.base.state == RELOAD_SECURE_DEAD;
	if (s->tls_gone && s->in.closed) {
		reload_app_stream_done(s);
		return;
	}
	if (dead && !s->tls_gone)
		return; /* the end of the pass goes on with it */
	if (!dead && s->in.closed && s->out.closed) {
		s->tls_gone = true;
		reload_secure_link_fail(&s->tls.base, RELOAD_OK, NULL);
		return;
	}
	wait_for(s, wants, in == STEP_MORE || out == STEP_MORE);
}

void reload_app_flow_tls_event(struct app_stream *s, unsigned events)
{
	bool lost = events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP);
	if (lost && s->in.ended && !s->out.closed) {
		reload_secure_link_fail(
			&s->tls.base, RELOAD_LINK_DOWN, "the other end reset the connection");
		return;
	}
	if (lost && s->local >= 0 && s->in.to) {
		/* what has arrived can be read at any time, and the loop would report this again and again */
		reload_poll_remove(s->streams->links->set.poll, s->watch);
		s->watch = 0;
	}
	if (s->local >= 0)
		reload_app_flow_run(s);
	else if (lost)
		reload_secure_link_fail(&s->tls.base, RELOAD_LINK_DOWN,
			"the other end closed the connection before it was used");
}

static void on_local(void *arg, unsigned events)
{
	struct app_stream *s = arg;
	if (events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP)) {
		/* its end is looked at when the pass ends: an order to cut the stream off may come with it */
		local_gone(s);
		reload_secure_link_look(&s->tls.base);
		return;
	}
	reload_app_flow_run(s);
}

void reload_app_flow_join(struct app_stream *s, int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	s->local = fd;
	s->local_wants = RELOAD_POLL_IN;
	s->local_watch =
		reload_poll_add(s->streams->links->set.poll, fd, RELOAD_POLL_IN, on_local, s);
	if (s->local_watch)
		reload_app_flow_run(s);
	else
		reload_secure_link_fail(
			&s->tls.base, RELOAD_IO, "the local socket cannot be watched");
}

void reload_app_flow_clear(struct app_stream *s)
{
	free(TAKE(s->out.at));
	free(TAKE(s->in.at));
	if (s->local < 0)
		return;
	local_unwatch(s);
	close(s->local);
	s->local = -1;
}
