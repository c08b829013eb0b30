#include "reload-attach/pump.h"

#include "util/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIPE_ATOM = 4096 /* a pipe that is ready takes so many bytes without waiting */
};

void pump_init(struct pump *p, int stream, int in, int out, size_t packet_bytes)
{
	bool cuts = packet_bytes && packet_bytes < PUMP_BUFFER && in != out;
	*p = (struct pump){ .stream = stream,
		.in = in,
		.out = out,
		.up = { .from = in,
			.to = stream,
			.at = reload_alloc(PUMP_BUFFER),
			.most = cuts ? packet_bytes : PUMP_BUFFER },
		.down = { .from = stream,
			.to = out,
			.at = reload_alloc(PUMP_BUFFER),
			.most = PUMP_BUFFER } };
}

static void end_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void pump_clear(struct pump *p)
{
	if (p->out == p->in)
		p->out = -1;
	end_fd(&p->stream);
	end_fd(&p->in);
	end_fd(&p->out);
	free(TAKE(p->up.at));
	free(TAKE(p->down.at));
}

size_t pump_poll(const struct pump *p, struct pollfd *fds)
{
	size_t n = 0;
	const struct pump_flow *flows[] = { &p->up, &p->down };
	for (size_t i = 0; i < 2; i++) {
		const struct pump_flow *f = flows[i];
		if (f->closed)
			continue;
		if (f->len)
			fds[n++] = (struct pollfd){ .fd = f->to, .events = POLLOUT };
		else if (!f->ended)
			fds[n++] = (struct pollfd){ .fd = f->from, .events = POLLIN };
	}
	/* the agent may close the stream while this program waits for its input */
	if (!p->stream_gone && !p->up.closed && !p->up.len)
		fds[n++] = (struct pollfd){ .fd = p->stream };
	return n;
}

static void fill(struct pump_flow *f)
{
	ssize_t n = read(f->from, f->at, f->most);
	if (n > 0) {
		f->start = 0;
		f->len = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		f->ended = true;
	}
}

/* false: nobody is there */
static bool drain(struct pump_flow *f)
{
	ssize_t n = send(f->to, f->at + f->start, f->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno == ENOTSOCK)
		n = write(f->to, f->at + f->start, f->len < PIPE_ATOM ? f->len : PIPE_ATOM);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->start += (size_t)n;
	f->len -= (size_t)n;
	return true;
}

/* The output has all there is: its reader sees the end. */
static void close_out(struct pump *p)
{
	if (p->out == p->in)
		shutdown(p->out, SHUT_WR);
	else
		end_fd(&p->out);
	p->down.closed = true;
}

void pump_run(struct pump *p, const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!fds[i].revents)
			continue;
		if (fds[i].fd == p->stream && fds[i].revents & (POLLHUP | POLLERR))
			p->stream_gone = true;
		if (fds[i].fd == p->up.from && fds[i].events & POLLIN && !p->up.len)
			fill(&p->up);
		if (fds[i].fd == p->down.from && fds[i].events & POLLIN && !p->down.len)
			fill(&p->down);
	}
	if (p->up.len && !drain(&p->up))
		p->stream_gone = true;
	if (p->down.len && !drain(&p->down)) {
		p->out_gone = p->down.closed = true;
		p->down.len = 0;
	}
	if (p->stream_gone && !p->up.closed) { /* nobody takes what would still come */
		p->up.closed = true;
		p->up.len = 0;
	}
	if (p->up.ended && !p->up.len && !p->up.closed) {
		shutdown(p->stream, SHUT_WR);
		p->up.closed = true;
	}
	if (p->down.ended && !p->down.len && !p->down.closed)
		close_out(p);
}

void pump_end_input(struct pump *p)
{
	p->up.ended = true;
	pump_run(p, NULL, 0);
}

bool pump_done(const struct pump *p)
{
	return p->up.closed && p->down.closed;
}
