/* The bytes of a stream over TLS: no frames, a close_notify is the end of a direction. */
#include "link/app_stream.h"

#include <errno.h>
#include <openssl/err.h>

void reload_app_tls_want(struct app_stream *s, unsigned events)
{
	if (s->wants == events || !s->watch)
		return;
	s->wants = events;
	reload_poll_change(s->streams->links->set.poll, s->watch, events);
}

/* SSL_get_error() asks whether there is an error. */
static void no_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

static enum app_step failed(struct app_stream *s, int n, int err)
{
	int code = SSL_get_error(s->base.ssl, n);
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
		s->needed |= code == SSL_ERROR_WANT_READ ? RELOAD_POLL_IN : RELOAD_POLL_OUT;
		return APP_WAITS;
	}
	reload_secure_link_fail_session(&s->base, code, err);
	return APP_OVER;
}

static enum app_step read_bytes(struct app_stream *s, uint8_t *to, size_t size, size_t *n)
{
	if (!s->base.ssl)
		return APP_OVER;
	no_errors();
	int got = SSL_read(s->base.ssl, to, (int)size), err = errno;
	if (got > 0) {
		*n = (size_t)got;
		return APP_MORE;
	}
	s->in.ended = SSL_get_error(s->base.ssl, got) == SSL_ERROR_ZERO_RETURN;
	return s->in.ended ? APP_OVER : failed(s, got, err);
}

static enum app_step write_bytes(struct app_stream *s, struct span from, size_t *n)
{
	no_errors();
	int put = SSL_write(s->base.ssl, from.at, (int)from.len), err = errno;
	if (put <= 0)
		return failed(s, put, err);
	*n = (size_t)put;
	return APP_MORE;
}

static enum app_step end(struct app_stream *s)
{
	no_errors();
	int n = SSL_shutdown(s->base.ssl), err = errno;
	if (n < 0 && failed(s, n, err) == APP_WAITS && s->needed & RELOAD_POLL_OUT)
		return APP_WAITS;
	return APP_OVER;
}

/* A record that OpenSSL holds already wakes nobody. */
static void wait(struct app_stream *s, bool reads, bool writes)
{
	unsigned needed = s->needed;
	s->needed = 0;
	reload_app_tls_want(
		s, needed | (reads ? RELOAD_POLL_IN : 0u) | (writes ? RELOAD_POLL_OUT : 0u));
	if (reads && SSL_has_pending(s->base.ssl))
		reload_secure_link_look(&s->base);
}

static void finish(struct app_stream *s)
{
	s->link_gone = true;
	reload_secure_link_fail(&s->base, RELOAD_OK, NULL);
}

const struct app_carrier reload_app_tls_carrier = {
	.read = read_bytes, .write = write_bytes, .end = end, .wait = wait, .finish = finish
};

void reload_app_tls_event(struct app_stream *s, unsigned events)
{
	bool lost = events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP);
	if (lost && s->in.ended && !s->out.closed) {
		reload_secure_link_fail(
			&s->base, RELOAD_LINK_DOWN, "the other end reset the connection");
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
		reload_secure_link_fail(&s->base, RELOAD_LINK_DOWN,
			"the other end closed the connection before it was used");
}
