#include "reload-attach/session.h"

#include "common/home.h"
#include "control/local_socket_io.h"
#include "util/alloc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WAIT_MAX_MS = 60000,
	OWN_FDS = 3,
	FDS_MAX = OWN_FDS + SESSION_PUMPS_MAX * PUMP_FDS
};

/* -- pumping -------------------------------------------------------------------------------------------------------------- */

static void drop(struct session *s, size_t i)
{
	const struct pump *p = &s->pumps[i]->pump;
	s->output_gone |= p->out_gone && p->in != p->out; /* a local socket is one of several */
	pump_clear(&s->pumps[i]->pump);
	free(s->pumps[i]);
	s->pumps[i] = s->pumps[--s->count];
}

/* Forgets those of which nothing is waited for any more. */
static void reap(struct session *s)
{
	for (size_t i = s->count; i-- > 0;) {
		const struct session_pump *p = s->pumps[i];
		if (p->pump.out_gone || (p->reported && pump_done(&p->pump)))
			drop(s, i);
	}
}

/* Waits until something happens, at most until `until`, and pumps; `control` (-1: none) is waited for too.  Returns its events. */
static short turn(struct session *s, int control, reload_ms until)
{
	struct pollfd fds[FDS_MAX] = { { .fd = s->stop_fd, .events = POLLIN },
		{ .fd = control, .events = POLLIN }, { .fd = s->hangup_fd, .events = POLLIN } };
	size_t from[SESSION_PUMPS_MAX + 1], n = OWN_FDS;
	reload_ms now = cli_monotonic(), left = until > now ? until - now : 0;
	for (size_t i = 0; i < s->count; i++) {
		from[i] = n;
		n += pump_poll(&s->pumps[i]->pump, fds + n);
	}
	from[s->count] = n;
	if (poll(fds, n, (int)(left < WAIT_MAX_MS ? left : WAIT_MAX_MS)) <= 0)
		return 0;
	s->stopped |= fds[0].revents != 0;
	if (fds[2].revents) {
		close(s->hangup_fd);
		s->hangup_fd = -1;
		for (size_t i = 0; i < s->count; i++)
			pump_end_input(&s->pumps[i]->pump);
	}
	for (size_t i = s->count; i-- > 0;) {
		struct session_pump *p = s->pumps[i];
		pump_run(&p->pump, fds + from[i], from[i + 1] - from[i]);
	}
	reap(s);
	return fds[1].revents;
}

void session_finish(struct session *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->pumps[i]->reported = true;
	reap(s);
	while (s->count && !s->stopped && cli_monotonic() < s->cli->deadline)
		turn(s, -1, s->cli->deadline);
}

/* -- the control socket ---------------------------------------------------------------------------------------------------- */

static enum reload_err send_bytes(void *arg, struct span bytes, reload_ms deadline)
{
	struct session *s = arg;
	return s->inner.send(s->inner.arg, bytes, deadline);
}

static enum reload_err receive(void *arg, void *buf, size_t cap, size_t *len, reload_ms deadline)
{
	struct session *s = arg;
	int fd = reload_client_io_fd(&s->inner);
	for (;;) {
		reload_ms until = deadline < s->limit ? deadline : s->limit;
		short events = turn(s, fd, until);
		if (s->stopped || s->output_gone)
			return RELOAD_CANCELLED;
		if (events)
			return s->inner.receive(s->inner.arg, buf, cap, len, deadline);
		if (cli_monotonic() >= until)
			return RELOAD_TIMEOUT;
	}
}

static void close_inner(void *arg)
{
	struct session *s = arg;
	s->inner.close(s->inner.arg);
}

enum reload_err session_open(
	struct session *s, struct cli *cli, int stop_fd, struct reload_error_text *why)
{
	char *path;
	*s = (struct session){
		.cli = cli, .stop_fd = stop_fd, .hangup_fd = -1, .limit = RELOAD_NEVER
	};
	enum reload_err err = cli_agent(&path, cli, why);
	if (err)
		return err;
	cli_step(cli, 1, "connecting to %s", path);
	char *name = cli_agent_name(cli, path);
	err = reload_client_open(&s->inner, path, name, cli->deadline, stop_fd, why);
	if (!err)
		s->client = reload_client_new(&(struct reload_client_io){
			s, s->inner.agent, send_bytes, receive, close_inner });
	free(name);
	free(path);
	return err;
}

void session_hangup(struct session *s)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		s->hangup_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void session_clear(struct session *s)
{
	if (s->hangup_fd >= 0)
		close(s->hangup_fd);
	reload_client_free(s->client);
	while (s->count)
		drop(s, 0);
}

enum reload_err session_call(struct session *s, const char *method, json_t *params,
	reload_progress_fn progress, void *arg, json_t **result, struct reload_call_error *error)
{
	cli_step(s->cli, 2, "%s", method);
	return reload_client_call(
		s->client, method, params, s->cli->deadline, progress, arg, result, error);
}

/* -- streams ----------------------------------------------------------------------------------------------------------------- */

int session_stream(const json_t *connected)
{
	return reload_local_connect(
		cli_get_text(connected, "stream"), cli_get_int(connected, "packet_bytes") > 0);
}

bool session_add(struct session *s, const json_t *connected, int in, int out)
{
	struct session_pump *p = RELOAD_NEW(session_pump);
	int stream = s->count < SESSION_PUMPS_MAX ? session_stream(connected) : -1;
	p->number = cli_get_int(connected, "connection");
	pump_init(&p->pump, stream, in, out, (size_t)cli_get_int(connected, "packet_bytes"));
	s->limit = RELOAD_NEVER;
	if (stream >= 0) {
		s->pumps[s->count++] = p;
		return true;
	}
	pump_clear(&p->pump);
	free(p);
	return false;
}

struct session_pump *session_find(struct session *s, json_int_t number)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->pumps[i]->number == number)
			return s->pumps[i];
	return NULL;
}

void session_reported(struct session *s, json_int_t number)
{
	struct session_pump *p = session_find(s, number);
	if (p)
		p->reported = true;
	reap(s);
}
