/* The control socket, waited for with poll() up to a deadline: the limit holds also when the agent hangs. */
#include "control/client_io.h"

#include "control/local_socket_io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
	int fd, stop_fd;
};

static reload_ms now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (reload_ms)t.tv_sec * 1000 + (reload_ms)t.tv_nsec / 1000000;
}

/* Waits for events on c->fd; with events 0 it only pauses for at most pause_ms. */
static enum reload_err wait_for(
	const struct connection *c, short events, reload_ms deadline, reload_ms pause_ms)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = events ? c->fd : -1, .events = events },
			{ .fd = c->stop_fd, .events = POLLIN } };
		reload_ms now = now_ms(), left = deadline > now ? deadline - now : 0;
		if (pause_ms && pause_ms < left)
			left = pause_ms;
		int ms = deadline == RELOAD_NEVER && !pause_ms ? -1
			 : left < INT_MAX                      ? (int)left
							       : INT_MAX;
		int n = poll(fds, 2, ms);
		if (n < 0 && errno != EINTR)
			return RELOAD_IO;
		if (n > 0 && fds[1].revents)
			return RELOAD_CANCELLED;
		if (n > 0 && fds[0].revents)
			return RELOAD_OK;
		if (deadline != RELOAD_NEVER && now_ms() >= deadline)
			return RELOAD_TIMEOUT;
		if (pause_ms && n == 0)
			return RELOAD_OK;
	}
}

static enum reload_err send_all(void *arg, struct span bytes, reload_ms deadline)
{
	struct connection *c = arg;
	for (size_t done = 0; done < bytes.len;) {
		ssize_t n =
			send(c->fd, bytes.at + done, bytes.len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return RELOAD_NO_AGENT;
		enum reload_err err = wait_for(c, POLLOUT, deadline, 0);
		if (err)
			return err;
	}
	return RELOAD_OK;
}

static enum reload_err receive(void *arg, void *buf, size_t cap, size_t *len, reload_ms deadline)
{
	struct connection *c = arg;
	for (;;) {
		enum reload_err err = wait_for(c, POLLIN, deadline, 0);
		if (err)
			return err;
		ssize_t n = recv(c->fd, buf, cap, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return RELOAD_NO_AGENT;
		*len = (size_t)n;
		return RELOAD_OK;
	}
}

static void close_connection(void *arg)
{
	struct connection *c = arg;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

/* The agent that could not be reached: its socket, and how -a names it. */
struct endpoint {
	const char *path, *agent;
};

/* The instance, which has the name of its identity unless another was given, from a name or the path of a socket. */
static const char *instance_of(char out[128], const char *agent)
{
	const char *name = strrchr(agent, '/');
	name = name ? name + 1 : agent;
	size_t len = strlen(name);
	if (len > 5 && strcmp(name + len - 5, ".sock") == 0)
		len -= 5;
	snprintf(out, 128, "%.*s", (int)(len < 127 ? len : 127), name);
	return out;
}

static enum reload_err explain(
	struct reload_error_text *why, enum reload_err err, const struct endpoint *at, int e)
{
	char what[160], instance[128];
	snprintf(what, sizeof(what), "no agent answers at %.120s", at->path);
	if (err == RELOAD_TIMEOUT) {
		reload_error_explain(
			why, err, what, "the socket does not accept connections in time");
		reload_error_advise(
			why, "reload-agent status -a %s, or a longer --timeout", at->agent);
		return err;
	}
	if (err == RELOAD_CANCELLED)
		return reload_error_explain(why, err, what, "stopped while connecting");
	reload_error_explain(why, err, what, "%s", strerror(e));
	if (err == RELOAD_NO_PERMISSION)
		reload_error_advise(
			why, "ls -l %s, and run it as a user who may write there", at->path);
	else if (err == RELOAD_NO_AGENT)
		reload_error_advise(why, "reload-agent -I %s", instance_of(instance, at->agent));
	return err;
}

/* When the backlog of the listener is full, connect() fails with EAGAIN at once and nothing can be polled: try again after a pause. */
static enum reload_err try_connect(
	struct connection *c, const struct sockaddr_un *addr, reload_ms deadline, int *e)
{
	while (connect(c->fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		*e = errno;
		if (*e == EACCES || *e == EPERM)
			return RELOAD_NO_PERMISSION;
		if (*e != EAGAIN && *e != EINTR)
			return RELOAD_NO_AGENT;
		enum reload_err err = wait_for(c, 0, deadline, 20);
		if (err)
			return err;
	}
	return RELOAD_OK;
}

static enum reload_err open_connection(struct connection **out, const struct endpoint *at,
	reload_ms deadline, int stop_fd, struct reload_error_text *why)
{
	struct sockaddr_un addr;
	if (!reload_local_address(&addr, at->path))
		return explain(why, RELOAD_NO_AGENT, at, ENAMETOOLONG);
	struct connection *c = RELOAD_NEW(connection);
	c->stop_fd = stop_fd;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int e = errno;
	enum reload_err err = c->fd < 0 ? RELOAD_NO_AGENT : try_connect(c, &addr, deadline, &e);
	if (err) {
		close_connection(c);
		return explain(why, err, at, e);
	}
	*out = c;
	return RELOAD_OK;
}

enum reload_err reload_client_open(struct reload_client_io *io, const char *path, const char *agent,
	reload_ms deadline, int stop_fd, struct reload_error_text *why)
{
	struct endpoint at = { path, agent ? agent : path };
	struct connection *c;
	enum reload_err err = open_connection(&c, &at, deadline, stop_fd, why);
	if (err)
		return err;
	/* a Unix socket that is closed with unread bytes is reset, not ended */
	*io = (struct reload_client_io){ c, at.agent, send_all, receive, close_connection };
	return RELOAD_OK;
}

int reload_client_io_fd(const struct reload_client_io *io)
{
	return ((const struct connection *)io->arg)->fd;
}

enum reload_err reload_client_connect(struct reload_client **out, const char *path,
	const char *agent, reload_ms deadline, int stop_fd, struct reload_error_text *why)
{
	struct reload_client_io io;
	enum reload_err err = reload_client_open(&io, path, agent, deadline, stop_fd, why);
	if (!err)
		*out = reload_client_new(&io);
	return err;
}

enum reload_err reload_client_pid(pid_t *pid, const char *path, const char *agent,
	reload_ms deadline, int stop_fd, struct reload_error_text *why)
{
	struct endpoint at = { path, agent ? agent : path };
	struct connection *c;
	struct ucred process = { 0 };
	socklen_t len = sizeof(process);
	enum reload_err err = open_connection(&c, &at, deadline, stop_fd, why);
	if (err)
		return err;
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &process, &len))
		err = explain(why, RELOAD_IO, &at, errno);
	close_connection(c);
	*pid = process.pid;
	return err;
}
