/* reload-attach connect: one connection to standard input and output, or one for each program that comes to a local socket. */
#include "reload-attach/attach.h"

#include "control/local_socket_io.h"
#include "util/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	COUNT_MAX = 1000000,
	WAIT_MS = 20000,
	REAP_MS = 1000,
	MARGIN_MS = 500 /* the agent gives up first, and says why */
};

struct connector {
	struct cli *cli;
	struct session session;
	uint16_t application;
	reload_ms wait;
	int in, out;    /* -1: handed over */
	bool report;    /* its end, to people as well */
	size_t running; /* processes */
};

static bool on_progress(void *arg, json_t *object)
{
	struct connector *c = arg;
	if (strcmp(cli_get_text(object, "type"), "connected") != 0)
		return true;
	attach_print(c->cli, object);
	int in = c->in, out = c->out;
	c->in = c->out = -1;
	return session_add(&c->session, object, in, out);
}

static json_t *params_of(const struct connector *c)
{
	json_t *p = json_pack(
		"{s:s, s:i}", "target", c->cli->operands[1], "application", (int)c->application);
	json_object_set_new(p, "timeout_ms", json_integer((json_int_t)c->wait));
	json_object_set_new(p, "packets", json_boolean(cli_has(c->cli, "datagram")));
	return p;
}

/* One connection, from the request to its end; returns the exit status. */
static int connect_once(struct connector *c)
{
	struct reload_error_text why;
	struct reload_call_error error = { 0 };
	json_t *result = NULL;
	int status = 0;
	enum reload_err err = session_open(&c->session, c->cli, -1, &why);
	if (err)
		return cli_fail(c->cli, err, &why);
	if (!c->report)
		session_hangup(&c->session);
	c->session.limit = cli_monotonic() + c->wait + MARGIN_MS;
	err = session_call(
		&c->session, "app.attach", params_of(c), on_progress, c, &result, &error);
	session_finish(&c->session);
	if (!err && (c->report || c->cli->format != CLI_TEXT))
		attach_print(c->cli, result);
	if (err && !c->session.output_gone)
		status = cli_fail_rpc(c->cli, &error);
	reload_call_error_clear(&error);
	json_decref(result);
	session_clear(&c->session);
	return status;
}

/* -- a local socket: a process for each program that comes ------------------------------------------------------------------- */

static void serve(struct connector *c, int fd)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* it ends with the program that was started */
	c->in = c->out = fd;
	c->report = true;
	int status = connect_once(c);
	fflush(stdout);
	_exit(status);
}

/* Waits for the next program, and for the end of those that came before; -1: none comes any more. */
static int next_program(struct connector *c, int listener, int stop_fd)
{
	for (bool later = false;;) {
		/* without a descriptor for it a program waits until the next round */
		bool full = later || c->running >= SESSION_PUMPS_MAX;
		struct pollfd fds[2] = { { .fd = full ? -1 : listener, .events = POLLIN },
			{ .fd = stop_fd, .events = POLLIN } };
		reload_ms now = cli_monotonic(), until = c->cli->deadline;
		if (now >= until)
			return -1;
		poll(fds, 2, until - now < REAP_MS ? (int)(until - now) : REAP_MS);
		while (c->running && waitpid(-1, NULL, WNOHANG) > 0)
			c->running--;
		if (fds[1].revents)
			return -1;
		int fd = fds[0].revents ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (fd >= 0)
			return fd;
		later = fds[0].revents != 0;
	}
}

static void serve_all(struct connector *c, int listener, int stop_fd, uint64_t count)
{
	for (uint64_t i = 0; !count || i < count; i++) {
		int fd = next_program(c, listener, stop_fd);
		if (fd < 0)
			return; /* those that run end with this process */
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0)
			serve(c, fd);
		c->running += pid > 0;
		close(fd);
	}
	for (; c->running; c->running--)
		waitpid(-1, NULL, 0);
}

static int connect_unix(struct connector *c, const char *path, uint64_t count)
{
	struct reload_error_text why;
	char what[160];
	int listener = reload_local_listen(path, SESSION_PUMPS_MAX, cli_has(c->cli, "datagram"));
	if (listener < 0) {
		snprintf(what, sizeof(what), "cannot listen on %.120s", path);
		reload_error_explain(&why, RELOAD_IO, what, "%s", strerror(-listener));
		reload_error_advise(&why, "another PATH, or remove that one");
		return cli_fail(c->cli, RELOAD_IO, &why);
	}
	int stop_fd = cli_stop_signals();
	serve_all(c, listener, stop_fd, count);
	close(listener);
	unlink(path);
	cli_stop_end(stop_fd);
	return 0;
}

int attach_connect(struct cli *cli)
{
	struct connector c = { .cli = cli };
	struct reload_error_text why;
	const char *path = cli_value(cli, "unix", NULL);
	uint64_t count = 0;
	enum reload_err err = attach_form(cli, &why);
	if (!err)
		err = attach_application(cli, &c.application, &why);
	if (!err && !reload_utf8_valid(span_str(cli->operands[1])))
		err = cli_refuse(&why, "TARGET is not UTF-8", "names are UTF-8 text");
	if (!err)
		err = cli_number(cli, "count", 0, 0, COUNT_MAX, &count, &why);
	if (!err)
		err = cli_time(cli, "wait", WAIT_MS, &c.wait, &why);
	if (!err && (!c.wait || c.wait > INT32_MAX))
		err = cli_refuse(&why, "--wait is out of range", "a connection takes some time");
	if (!err && count && !path)
		err = cli_refuse(&why, "--count without --unix",
			"standard input and output are for one connection");
	if (err)
		return cli_fail(cli, err, &why);
	if (cli->dry_run)
		return attach_dry(cli, &(struct attach_sum){ 0 }, "ask for a connection of");
	if (path)
		return connect_unix(&c, path, count);
	attach_payload(&c.in, &c.out);
	return connect_once(&c);
}
