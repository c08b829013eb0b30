/*
 * One GET a connection, in three states:
 *
 *	reading --> (the head is whole) answering --> (all is sent) closed
 *	any --> (METRICS_TIME_MS are over, too large, the other end closes) closed
 *
 * It reads and writes from the loop, never waits, and asks for the text only when a head is whole.
 */
#include "common/metrics.h"

#include "control/local_socket_io.h"
#include "control/metrics.h"
#include "link/poll_io.h"
#include "link/sockaddr_io.h"
#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct client {
	TAILQ_ENTRY(client) entry;
	struct metrics *all;
	int fd;
	uint64_t watch;
	struct reload_timer late;
	struct wr in, out;
	size_t sent;
};

TAILQ_HEAD(client_list, client);

struct metrics {
	struct reload_poll *poll;
	metrics_text_fn text;
	void *arg;
	int fd;
	uint64_t watch;
	struct reload_poll_pause pause;
	char *path; /* owned; NULL: at an address */
	struct client_list clients;
	size_t count;
};

static void client_free(struct client *c)
{
	TAILQ_REMOVE(&c->all->clients, c, entry);
	c->all->count--;
	reload_timer_cancel(reload_poll_timers(c->all->poll), &c->late);
	reload_poll_remove(c->all->poll, c->watch);
	close(c->fd);
	wr_clear(&c->in);
	wr_clear(&c->out);
	free(c);
}

static void on_late(void *arg)
{
	client_free(arg);
}

/* -- answering -------------------------------------------------------------------------------------------------------------- */

static void answer(
	struct client *c, const char *status, const char *type, struct span body, bool head)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
		"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: "
		"close\r\n%s\r\n",
		status, type, body.len,
		*status == '4' && status[2] == '5' ? "Allow: GET, HEAD\r\n" : "");
	wr_bytes(&c->out, text, (size_t)n);
	if (!head)
		wr_span(&c->out, body);
}

static bool is_path(struct span line, size_t at)
{
	static const char path[] = "/metrics";
	size_t len = sizeof(path) - 1;
	if (line.len < at + len || memcmp(line.at + at, path, len) != 0)
		return false;
	return line.len > at + len && (line.at[at + len] == ' ' || line.at[at + len] == '?');
}

/* The head is whole: its first line decides. */
static void serve(struct client *c)
{
	static const char plain[] = "text/plain; charset=utf-8";
	const uint8_t *end = memchr(c->in.at, '\n', c->in.len);
	struct span line = span_of(c->in.at, (size_t)(end - c->in.at));
	bool get = line.len > 4 && !memcmp(line.at, "GET ", 4),
	     head = line.len > 5 && !memcmp(line.at, "HEAD ", 5);
	if (!get && !head) {
		answer(c, "405 Method Not Allowed", plain, span_str("only GET and HEAD\n"), false);
	} else if (!is_path(line, get ? 4 : 5)) {
		answer(c, "404 Not Found", plain, span_str("the metrics are at /metrics\n"), head);
	} else {
		struct wr body;
		wr_init(&body);
		c->all->text(&body, c->all->arg);
		answer(c, "200 OK", RELOAD_METRICS_TYPE, span_of(body.at, body.len), head);
		wr_clear(&body);
	}
	reload_poll_change(c->all->poll, c->watch, RELOAD_POLL_OUT);
}

static bool head_is_whole(const struct client *c)
{
	return c->in.len && (memmem(c->in.at, c->in.len, "\r\n\r\n", 4) ||
				    memmem(c->in.at, c->in.len, "\n\n", 2));
}

/* False: the connection has ended. */
static bool read_some(struct client *c)
{
	uint8_t bytes[2048];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || c->in.len + (size_t)n > METRICS_REQUEST_MAX)
		return false;
	wr_bytes(&c->in, bytes, (size_t)n);
	if (head_is_whole(c))
		serve(c);
	return true;
}

static bool write_some(struct client *c)
{
	ssize_t n =
		send(c->fd, c->out.at + c->sent, c->out.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->sent += (size_t)n;
	return c->sent < c->out.len;
}

static void on_client(void *arg, unsigned events)
{
	struct client *c = arg;
	bool goes_on = events & (RELOAD_POLL_IN | RELOAD_POLL_OUT);
	if (events & RELOAD_POLL_IN)
		goes_on = read_some(c);
	else if (events & RELOAD_POLL_OUT)
		goes_on = write_some(c);
	if (goes_on)
		return;
	shutdown(c->fd, SHUT_WR);
	client_free(c);
}

static void on_accept(void *arg, unsigned events)
{
	struct metrics *m = arg;
	(void)events;
	int fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		(void)reload_poll_pause(m->poll, &m->pause, m->watch, errno);
		return;
	}
	if (m->count >= METRICS_CLIENTS_MAX) {
		close(fd);
		return;
	}
	struct client *c = RELOAD_NEW(client);
	c->all = m;
	c->fd = fd;
	wr_init(&c->in);
	wr_init(&c->out);
	TAILQ_INSERT_TAIL(&m->clients, c, entry);
	m->count++;
	c->watch = reload_poll_add(m->poll, fd, RELOAD_POLL_IN, on_client, c);
	reload_timer_arm(reload_poll_timers(m->poll), &c->late, reload_poll_now() + METRICS_TIME_MS,
		on_late, c);
	if (!c->watch)
		client_free(c);
}

/* -- listening -------------------------------------------------------------------------------------------------------------- */

static enum reload_err no_place(
	const char *where, const char *reason, enum reload_err err, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "no metrics at %.200s", where);
	reload_error_explain(why, err, what, "%s", reason);
	reload_error_advise(why, "--metrics 127.0.0.1:9464, or the path of a socket");
	return err;
}

static bool is_socket_path(const char *where)
{
	return strchr(where, '/') != NULL;
}

enum reload_err metrics_check(const char *where, struct reload_error_text *why)
{
	struct reload_ip_port at;
	struct sockaddr_un path;
	if (is_socket_path(where))
		return reload_local_address(&path, where)
			       ? RELOAD_OK
			       : no_place(where, "the path is too long", RELOAD_USAGE, why);
	if (!strrchr(where, ':') || reload_ip_port_parse(&at, where, 0))
		return no_place(
			where, "--metrics takes ADDR:PORT, or a path with a /", RELOAD_USAGE, why);
	return RELOAD_OK;
}

/* A socket that nobody listens at any more is removed. */
static void remove_dead(const char *path)
{
	struct stat st;
	int fd = lstat(path, &st) || !S_ISSOCK(st.st_mode) ? -1 : reload_local_connect(path, false);
	if (fd >= 0)
		close(fd);
	else if (fd == -ECONNREFUSED)
		unlink(path);
}

static int listen_ip(const char *where)
{
	struct reload_ip_port at;
	struct sockaddr_storage to;
	if (reload_ip_port_parse(&at, where, 0))
		return -EINVAL;
	socklen_t len = reload_sockaddr_to(&to, &at);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err;
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (to.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&to, len) && !listen(fd, METRICS_CLIENTS_MAX))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

enum reload_err metrics_start(struct metrics **out, struct reload_poll *poll, const char *where,
	metrics_text_fn text, void *arg, struct reload_error_text *why)
{
	enum reload_err err = metrics_check(where, why);
	bool local = is_socket_path(where);
	if (err)
		return err;
	if (local)
		remove_dead(where);
	int fd = local ? reload_local_listen(where, METRICS_CLIENTS_MAX, false) : listen_ip(where);
	if (fd < 0)
		return no_place(where, strerror(-fd), RELOAD_IO, why);
	struct metrics *m = RELOAD_NEW(metrics);
	m->poll = poll;
	m->text = text;
	m->arg = arg;
	m->fd = fd;
	m->path = local ? reload_strdup(where) : NULL;
	TAILQ_INIT(&m->clients);
	m->watch = reload_poll_add(poll, fd, RELOAD_POLL_IN, on_accept, m);
	*out = m;
	return RELOAD_OK;
}

void metrics_stop(struct metrics *m)
{
	struct client *c;
	if (!m)
		return;
	while ((c = TAILQ_FIRST(&m->clients)))
		client_free(c);
	reload_poll_pause_end(&m->pause);
	reload_poll_remove(m->poll, m->watch);
	close(m->fd);
	if (m->path)
		unlink(m->path);
	free(m->path);
	free(m);
}
