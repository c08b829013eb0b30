/* Requests of a program to an agent over its control socket. */
#include "common/call.h"

#include "common/home.h"
#include "control/methods.h"
#include "util/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
	RETRY_MS = 50,
	MARGIN_MAX_MS = 300
};

struct cli_link {
	struct cli *cli;
	struct reload_client *client;
	int stop_fd;
	bool again; /* no call has succeeded yet: it may be repeated with the next agent */
};

static void pause_ms(reload_ms ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

static enum reload_err try_open(
	struct reload_client **client, struct cli *cli, int stop_fd, struct reload_error_text *why)
{
	char *path;
	enum reload_err err = cli_agent(&path, cli, why);
	if (err)
		return err;
	cli_step(cli, 1, "connecting to %s", path);
	char *name = cli_agent_name(cli, path);
	err = reload_client_connect(client, path, name, cli->deadline, stop_fd, why);
	free(name);
	free(path);
	return err;
}

enum reload_err cli_agent_pid(pid_t *pid, struct cli *cli, struct reload_error_text *why)
{
	char *path;
	enum reload_err err = cli_agent(&path, cli, why);
	if (err)
		return err;
	char *name = cli_agent_name(cli, path);
	err = reload_client_pid(pid, path, name, cli->deadline, -1, why);
	free(name);
	free(path);
	return err;
}

/* Waits a moment before the next try to reach the agent; false: the deadline would pass. */
static bool wait_for_agent(struct cli *cli)
{
	if (cli->deadline != RELOAD_NEVER && cli_monotonic() + RETRY_MS >= cli->deadline)
		return false;
	cli_progress(cli, "waiting for the agent");
	pause_ms(RETRY_MS);
	return true;
}

static enum reload_err open_waiting(
	struct reload_client **client, struct cli *cli, int stop_fd, struct reload_error_text *why)
{
	enum reload_err err;
	do
		err = try_open(client, cli, stop_fd, why);
	while (err == RELOAD_NO_AGENT && wait_for_agent(cli));
	return err;
}

enum reload_err cli_link_open(struct cli_link **out, struct cli *cli, enum cli_link_wait wait,
	int stop_fd, struct reload_error_text *why)
{
	struct reload_client *client;
	bool again = wait == CLI_LINK_WAIT;
	enum reload_err err = again ? open_waiting(&client, cli, stop_fd, why)
				    : try_open(&client, cli, stop_fd, why);
	if (err)
		return err;
	struct cli_link *link = RELOAD_NEW(cli_link);
	link->cli = cli;
	link->client = client;
	link->stop_fd = stop_fd;
	link->again = again;
	*out = link;
	return RELOAD_OK;
}

void cli_link_free(struct cli_link *link)
{
	if (!link)
		return;
	reload_client_free(link->client);
	free(link);
}

/* Gives the agent a limit a little before ours, so that its own error arrives in time. */
static void add_timeout(const char *method, json_t *params, reload_ms deadline)
{
	const struct reload_method *m = reload_method_find(method);
	bool takes = false;
	for (const struct reload_field *f = m->params; f->type; f++)
		takes |= strcmp(f->name, "timeout_ms") == 0;
	reload_ms now = cli_monotonic();
	if (!takes || deadline == RELOAD_NEVER || json_object_get(params, "timeout_ms"))
		return;
	reload_ms left = deadline > now ? deadline - now : 1;
	reload_ms margin = left / 10 < MARGIN_MAX_MS ? left / 10 : MARGIN_MAX_MS;
	reload_ms limit = left - margin < INT32_MAX ? left - margin : INT32_MAX;
	json_object_set_new(params, "timeout_ms", json_integer((json_int_t)(limit ? limit : 1)));
}

/* After a connection that ended without an answer: connects to the next agent.  false: the call has failed with error. */
static bool open_again(struct cli_link *link, const char *method, struct reload_call_error *error)
{
	struct reload_client *client;
	struct reload_failure f = { 0 };
	bool harmless = error->unread || reload_method_find(method)->access == RELOAD_METHOD_READ;
	if (!link->again || error->failure.err != RELOAD_NO_AGENT || !harmless ||
		!wait_for_agent(link->cli))
		return false;
	reload_call_error_clear(error);
	f.err = open_waiting(&client, link->cli, link->stop_fd, &f.why);
	if (f.err) {
		error->failure = f;
		error->data = reload_failure_json(&f);
		return false;
	}
	reload_client_free(link->client);
	link->client = client;
	return true;
}

/* Whether this may be the error of an agent with another version of the control protocol: there the method has other parameters, or does not exist. */
static bool may_be_other_protocol(enum reload_err err)
{
	return err == RELOAD_NO_METHOD || err == RELOAD_BAD_REQUEST || err == RELOAD_USAGE;
}

/*
 * When the agent has not understood a request it is asked whether it knows this program's version of the protocol at all; if not, that is the
 * cause.  Before that nobody is asked, so that no request waits for two answers.  An agent of version 1 may not know the question.
 */
static void blame_protocol(struct cli_link *link, struct reload_call_error *error)
{
	struct reload_call_error other = { 0 };
	json_t *result = NULL;
	if (!may_be_other_protocol(error->failure.err))
		return;
	enum reload_err err = reload_client_call(link->client, "rpc.negotiate",
		json_pack("{s:[i]}", "versions", RELOAD_CONTROL_PROTOCOL), link->cli->deadline,
		NULL, NULL, &result, &other);
	json_decref(result);
	if (err && other.failure.err == RELOAD_OTHER_PROTOCOL) {
		reload_call_error_clear(error);
		*error = other;
	} else if (err) {
		reload_call_error_clear(&other);
	}
}

enum reload_err cli_link_call(struct cli_link *link, const char *method, json_t *params,
	reload_ms deadline, reload_progress_fn progress, void *arg, json_t **result,
	struct reload_call_error *error)
{
	enum reload_err err;
	if (deadline > link->cli->deadline)
		deadline = link->cli->deadline;
	if (!params)
		params = json_object();
	do {
		json_t *asked = json_deep_copy(params);
		add_timeout(method, asked, deadline);
		cli_step(link->cli, 2, "%s", method);
		err = reload_client_call(
			link->client, method, asked, deadline, progress, arg, result, error);
	} while (err && open_again(link, method, error));
	link->again = false;
	json_decref(params);
	if (err)
		blame_protocol(link, error);
	return err && error->failure.err ? error->failure.err : err;
}

enum reload_err cli_link_send(struct cli_link *link, const char *method, json_t *params,
	json_int_t *id, struct reload_call_error *error)
{
	add_timeout(method, params, link->cli->deadline);
	cli_step(link->cli, 2, "%s", method);
	return reload_client_send(link->client, method, params, link->cli->deadline, id, error);
}

enum reload_err cli_link_next(
	struct cli_link *link, json_int_t *id, json_t **result, struct reload_call_error *error)
{
	return reload_client_next(link->client, link->cli->deadline, id, result, error);
}

int cli_fail_rpc(struct cli *cli, struct reload_call_error *error)
{
	const struct reload_failure *f = &error->failure;
	int status = reload_err_exit(f->err);
	char transaction[24] = "";
	if (f->transaction)
		snprintf(transaction, sizeof(transaction), "%016" PRIx64, f->transaction);
	if (cli->format != CLI_TEXT) { /* the agent's object, unchanged */
		json_t *o = json_pack("{s:O}", "error", error->data);
		cli_print(cli, o, NULL, NULL);
		json_decref(o);
	}
	if (cli->format == CLI_TEXT || cli->verbose) {
		struct cli text = *cli;
		text.format = CLI_TEXT;
		cli_fail(&text, f->err, &f->why);
		cli->progress_shown = text.progress_shown;
		if (f->transaction)
			cli_step(cli, 1, "transaction %s", transaction);
	}
	reload_call_error_clear(error);
	return status;
}

int cli_request(struct cli *cli, const char *method, json_t *params, json_t **result)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why);
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	cli_progress(cli, "waiting for an answer");
	err = cli_link_call(link, method, params, RELOAD_NEVER, NULL, NULL, result, &error);
	return err ? cli_fail_rpc(cli, &error) : 0;
}

/* The signalfd that the descriptor of cli_stop_signals() watches. */
static int stop_signals = -1;

int cli_stop_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	stop_signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	int fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event signals = { .events = EPOLLIN }, closed = { .events = 0 };
	if (fd < 0)
		return stop_signals;
	epoll_ctl(fd, EPOLL_CTL_ADD, stop_signals, &signals);
	/*
	 * EPOLLERR is reported when the reader of a pipe is gone; for a regular file this call fails, and it needs no
	 * watching
	 */
	epoll_ctl(fd, EPOLL_CTL_ADD, STDOUT_FILENO, &closed);
	return fd;
}

bool cli_sleep(int stop_fd, reload_ms when)
{
	enum {
		POLL_MAX_MS = 60000
	};
	for (reload_ms now; (now = cli_monotonic()) < when;) {
		struct pollfd fd = { .fd = stop_fd, .events = POLLIN };
		int n = poll(&fd, 1, when - now < POLL_MAX_MS ? (int)(when - now) : POLL_MAX_MS);
		if (n > 0 || (n < 0 && errno != EINTR))
			return false;
	}
	return true;
}

void cli_stop_end(int fd)
{
	struct signalfd_siginfo info;
	if (fd < 0)
		return;
	while (read(stop_signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		; /* a signal left pending would delay a tracer or leak checker at the end of this process */
	if (fd != stop_signals)
		close(stop_signals);
	close(fd);
	stop_signals = -1;
}

const char *cli_get_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

double cli_get_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

long long cli_get_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool cli_get_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *cli_short_id(char out[CLI_SHORT_ID], const char *hex)
{
	snprintf(out, CLI_SHORT_ID, "%.8s", hex);
	return out;
}

const char *cli_local_time(char out[CLI_LOCAL_TIME], const char *rfc3339)
{
	struct tm utc = { 0 }, local, today;
	time_t now = time(NULL);
	if (!strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &utc)) {
		snprintf(out, CLI_LOCAL_TIME, "%.10s", rfc3339);
		return out;
	}
	time_t when = timegm(&utc);
	localtime_r(&when, &local);
	localtime_r(&now, &today);
	bool same = local.tm_year == today.tm_year && local.tm_yday == today.tm_yday;
	strftime(out, CLI_LOCAL_TIME, same ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &local);
	return out;
}
