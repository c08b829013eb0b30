/* Copying between the stream of an application and its local socket. */
#include "link/app_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

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

static enum app_step copy_out(struct app_stream *s)
{
	struct app_flow *f = &s->out;
	size_t n = 0;
	if (f->closed || s->base.state == RELOAD_SECURE_DEAD)
		return APP_OVER;
	local_read(s);
	if (f->from < f->to) {
		enum app_step step =
			s->carrier->write(s, span_of(f->at + f->from, f->to - f->from), &n);
		if (n)
			used(f, n);
		return step;
	}
	enum app_step step = f->ended ? s->carrier->end(s) : APP_WAITS;
	f->closed = step == APP_OVER;
	return step;
}

/* -- from the other end to the local socket ------------------------------------------------------------------------------- */

/* One that is dead, and has nothing left, has ended with an error: what is here is delivered. */
static enum app_step link_read(struct app_stream *s)
{
	struct app_flow *f = &s->in;
	size_t n = 0;
	if (f->ended || f->to || !room(f))
		return APP_OVER;
	enum app_step step = s->carrier->read(s, f->at, APP_BUFFER, &n);
	f->to = n;
	if (!n)
		free(TAKE(f->at));
	if (step != APP_MORE && s->base.state == RELOAD_SECURE_DEAD)
		f->ended = true;
	return step;
}

/* Whoever reads there may be gone: then it is as if it had read all. */
static enum app_step local_write(struct app_stream *s)
{
	struct app_flow *f = &s->in;
	if (f->from == f->to) {
		if (f->ended && !f->closed) {
			shutdown(s->local, SHUT_WR);
			f->closed = true;
		}
		return APP_OVER;
	}
	ssize_t n = send(s->local, f->at + f->from, f->to - f->from, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return APP_WAITS;
	if (n < 0) {
		local_gone(s);
		f->from = f->to = 0;
		free(TAKE(f->at));
		return APP_MORE;
	}
	used(f, (size_t)n);
	return APP_MORE;
}

static enum app_step copy_in(struct app_stream *s)
{
	if (s->in.closed)
		return APP_OVER;
	enum app_step read = link_read(s), write = local_write(s);
	return write == APP_OVER && read != APP_OVER ? read : write;
}

/* -- both ------------------------------------------------------------------------------------------------------------------ */

static void on_close_late(void *arg)
{
	struct app_stream *s = arg;
	reload_secure_link_fail(&s->base, RELOAD_LINK_DOWN,
		"the local program closed its socket before the other end had ended");
}

static void wait_for(struct app_stream *s, bool more)
{
	local_want(s, (!s->out.ended && !s->out.to ? RELOAD_POLL_IN : 0u) |
			      (s->in.to ? RELOAD_POLL_OUT : 0u));
	if (more)
		reload_secure_link_look(&s->base);
	if (s->link_gone)
		return;
	if (s->local_gone && s->out.closed && !s->closing) {
		s->closing = true;
		reload_secure_link_arm(
			&s->base, reload_poll_now() + RELOAD_LINK_CLOSE_MS, on_close_late);
	}
	if (s->carrier->wait)
		s->carrier->wait(s, !s->in.ended && !s->in.to, s->out.to);
}

void reload_app_flow_run(struct app_stream *s)
{
	enum app_step in = APP_MORE, out = APP_MORE;
	for (int i = 0; i < APP_CHUNKS && (in == APP_MORE || out == APP_MORE); i++) {
		out = copy_out(s);
		in = copy_in(s);
	}
	bool dead = s->base.state == RELOAD_SECURE_DEAD;
	if (s->link_gone && s->in.closed)
		reload_app_stream_done(s);
	else if (dead && !s->link_gone)
		return; /* the end of the pass goes on with it */
	else if (!dead && s->in.closed && s->out.closed)
		s->carrier->finish(s);
	else
		wait_for(s, in == APP_MORE || out == APP_MORE);
}

static void on_local(void *arg, unsigned events)
{
	struct app_stream *s = arg;
	if (events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP)) {
		/* its end is looked at when the pass ends: an order to cut the stream off may come with it */
		local_gone(s);
		reload_secure_link_look(&s->base);
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
		reload_secure_link_fail(&s->base, RELOAD_IO, "the local socket cannot be watched");
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

/* -- the end ----------------------------------------------------------------------------------------------------------------- */

/* It is dead.  Of one that is joined, what has arrived is delivered before its end is reported. */
void reload_app_stream_ended(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	struct reload_app_streams *streams = s->streams;
	if (s->taken && s->local >= 0) {
		s->link_gone = s->out.ended = true;
		reload_app_flow_run(s);
		return;
	}
	if (s->taken)
		reload_app_stream_done(s);
	else if (!base->silent && !base->incoming && !base->was_up) {
		streams->ops->down(streams->arg, s->app, base->err, base->why);
		reload_secure_link_free(base);
	} else
		reload_secure_link_free(base);
}

void reload_app_stream_clear(struct reload_secure_link *base)
{
	struct app_stream *s = reload_app_stream_of(base);
	reload_app_flow_clear(s);
	reload_ordered_clear(&s->ordered);
	TAILQ_REMOVE(&s->streams->list, s, entry);
	s->streams->count--;
}
