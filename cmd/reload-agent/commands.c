/* reload-agent status, stop, log, events: asking a running agent. */
#include "commands.h"

#include "common/call.h"
#include "common/home.h"
#include "util/alloc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const struct cli_opt agent_status_opts[] = {
	{ 0, "wait", "STATE", "wait for the agent, and until it is in that state" },
	{ 0, "links", NULL, "also one line a link" },
	CLI_END,
};

const struct cli_opt agent_stop_opts[] = {
	{ 0, "now", NULL, "without handing data over" },
	CLI_END,
};

const struct cli_opt agent_refresh_opts[] = { CLI_END };

const struct cli_opt agent_events_opts[] = {
	{ 0, "type", "TYPE", "only events of that type", true },
	CLI_END,
};

const struct cli_opt agent_log_opts[] = {
	{ 0, "tail", "N", "print the newest N lines of the log" },
	{ 0, "follow", NULL, "print lines as they come" },
	CLI_END,
};

/* -- status -------------------------------------------------------------------------------------------------------- */

/* "4m12s", two units at most */
static const char *span_text(char out[32], long long s)
{
	if (s >= 86400)
		snprintf(out, 32, "%lldd%lldh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(out, 32, "%lldh%lldm", s / 3600, s % 3600 / 60);
	else if (s >= 60 && s % 60)
		snprintf(out, 32, "%lldm%llds", s / 60, s % 60);
	else if (s >= 60)
		snprintf(out, 32, "%lldm", s / 60);
	else
		snprintf(out, 32, "%llds", s);
	return out;
}

/* "1.1K", "64M" */
static const char *size_text(char out[32], long long bytes)
{
	static const char units[] = "KMGT";
	double v = (double)bytes;
	int unit = -1;
	while (v >= 1024 && unit < 3) {
		v /= 1024;
		unit++;
	}
	bool whole = v - (double)(long long)v < 0.05 || v >= 100;
	if (unit < 0)
		snprintf(out, 32, "%lld", bytes);
	else
		snprintf(out, 32, whole ? "%.0f%c" : "%.1f%c", v, units[unit]);
	return out;
}

static const char *first_of(char out[CLI_SHORT_ID], const json_t *status, const char *list)
{
	const char *id = json_string_value(json_array_get(json_object_get(status, list), 0));
	return cli_short_id(out, id ? id : "-");
}

/* Seconds until an RFC 3339 time; none: 0. */
static long long seconds_left(const char *rfc3339)
{
	struct tm tm = { 0 };
	if (!strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	return (long long)timegm(&tm) - (long long)(cli_now() / RELOAD_SECOND);
}

static void print_until(FILE *out, const json_t *s)
{
	const char *cert = cli_get_text(s, "certificate_until"),
		   *config = cli_get_text(s, "configuration_until");
	long long left = seconds_left(cert), days = left / 86400;
	fprintf(out, "until  certificate %.10s ", *cert ? cert : "-");
	if (left <= 0)
		fputs("(expired: the node is out of the overlay)", out);
	else if (!days)
		fprintf(out, "(ends in %lld min)", (left + 59) / 60);
	else
		fprintf(out, "(%lld day%s)", days, cli_plural(days));
	fprintf(out, "   configuration sequence %lld%s%.10s%s\n",
		cli_get_int(s, "configuration_sequence"), *config ? ", " : "", config,
		*config && seconds_left(config) <= 0 ? " (expired)" : "");
	if (left <= 0)
		fprintf(out,
			"renew  reload-enroll issue USER --identity NAME, then: reload-agent "
			"refresh -a %s\n",
			cli_get_text(s, "instance"));
}

static void print_link(FILE *out, const json_t *l)
{
	char node[CLI_SHORT_ID], text[32];
	const json_t *datagrams = json_object_get(l, "datagrams");
	fprintf(out, "%s ", cli_short_id(node, cli_get_text(l, "node_id")));
	cli_put_safe(out, *cli_get_text(l, "user") ? cli_get_text(l, "user") : "-");
	fprintf(out, "  %s  %s %s %s  %s  %s",
		json_is_true(json_object_get(l, "incoming")) ? "incoming" : "outgoing",
		cli_get_text(l, "link_type"), cli_get_text(l, "version"), cli_get_text(l, "cipher"),
		cli_get_text(l, "address"), cli_get_text(l, "path"));
	if (*cli_get_text(l, "relay"))
		fprintf(out, " by %s", cli_get_text(l, "relay"));
	if (json_is_number(json_object_get(l, "rtt_ms")))
		fprintf(out, "  rtt %.2f ms", cli_get_real(l, "rtt_ms"));
	fprintf(out, "  RTO %lld ms  queued %s  unacked %lld", cli_get_int(l, "rto_ms"),
		size_text(text, cli_get_int(l, "queued_bytes")), cli_get_int(l, "unacked_frames"));
	if (json_is_object(datagrams))
		fprintf(out, "  frames %s sent, %s repeated, %s lost, window %lld",
			cli_get_text(datagrams, "sent"), cli_get_text(datagrams, "repeated"),
			cli_get_text(datagrams, "lost"), cli_get_int(datagrams, "window"));
	fprintf(out, "  %s  up %s\n",
		json_is_true(json_object_get(l, "good")) ? "good" : "not good",
		span_text(text, -seconds_left(cli_get_text(l, "since"))));
}

/* In an overlay with ICE: how links go. */
static void print_paths(FILE *out, const json_t *paths)
{
	if (json_is_object(paths))
		fprintf(out, " (host %lld, reflexive %lld, relayed %lld)",
			cli_get_int(paths, "host"), cli_get_int(paths, "reflexive"),
			cli_get_int(paths, "relayed"));
}

static void print_interval(FILE *out, const json_t *s)
{
	char text[32];
	const json_t *tuning = json_object_get(s, "tuning");
	if (json_is_object(tuning))
		fprintf(out, "   updates every %s, as was measured\n",
			span_text(text, (long long)cli_get_real(tuning, "interval_s")));
	else
		fprintf(out, "   updates every %s\n",
			span_text(text, cli_get_int(s, "update_interval_s")));
}

/* The local network, when it is looked at. */
static void print_discovery(FILE *out, const json_t *d)
{
	const json_t *group;
	size_t i;
	if (!json_is_object(d))
		return;
	fprintf(out, "local%s", json_is_true(json_object_get(d, "mdns")) ? "  mDNS" : "");
	json_array_foreach (json_object_get(d, "groups"), i, group)
		fprintf(out, "%s%s", i ? " " : "  multicast ", json_string_value(group));
	if (i)
		fprintf(out, "  asked %lld, found %lld, answered %lld, refused %lld",
			cli_get_int(d, "asked"), cli_get_int(d, "found"),
			cli_get_int(d, "answered"), cli_get_int(d, "refused"));
	fputc('\n', out);
}

static void print_status(FILE *out, const json_t *s, void *arg)
{
	(void)arg;
	char text[32], limit[32], pred[CLI_SHORT_ID], self[CLI_SHORT_ID], succ[CLI_SHORT_ID];
	const json_t *links = json_object_get(s, "links"), *stored = json_object_get(s, "stored");
	fprintf(out, "%s  %s of %s  %s %s   Node-ID %s\n", cli_get_text(s, "instance"),
		cli_get_text(s, "role"), cli_get_text(s, "overlay"), cli_get_text(s, "state"),
		span_text(text, cli_get_int(s, "state_s")), cli_get_text(s, "node_id"));
	if (!strcmp(cli_get_text(s, "state"), "isolated"))
		fputs("state  isolated: it was joined, and no neighbour answers now; it goes on "
		      "looking\n",
			out);
	fprintf(out, "ring   pred %s  self %s  succ %s", first_of(pred, s, "predecessors"),
		cli_short_id(self, cli_get_text(s, "node_id")), first_of(succ, s, "successors"));
	if (json_is_integer(json_object_get(s, "estimated_peers")))
		fprintf(out, "   about %lld peer%s", cli_get_int(s, "estimated_peers"),
			cli_plural(cli_get_int(s, "estimated_peers")));
	print_interval(out, s);
	fprintf(out, "links  %lld up (TLS %lld, DTLS %lld)", cli_get_int(links, "up"),
		cli_get_int(links, "tls"), cli_get_int(links, "dtls"));
	print_paths(out, json_object_get(links, "paths"));
	if (json_is_number(json_object_get(s, "clock_offset_ms")))
		fprintf(out, "   clock %+.0f ms", cli_get_real(s, "clock_offset_ms"));
	fprintf(out, "   stored %lld value%s, %s", cli_get_int(stored, "values"),
		cli_plural(cli_get_int(stored, "values")),
		size_text(text, cli_get_int(stored, "size_bytes")));
	if (json_is_integer(json_object_get(stored, "limit_bytes")))
		fprintf(out, " of %s", size_text(limit, cli_get_int(stored, "limit_bytes")));
	fputc('\n', out);
	if (json_is_string(json_object_get(stored, "failure")))
		fprintf(out, "store  cannot be written: %s\n", cli_get_text(stored, "failure"));
	if (*cli_get_text(s, "nat"))
		fprintf(out, "nat    %s\n", cli_get_text(s, "nat"));
	print_discovery(out, json_object_get(s, "discovery"));
	print_until(out, s);
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(links, "list"), i, one)
		print_link(out, one);
}

/*
 * Waits until the process has ended: its descriptor is readable then, even if nobody has collected its exit status yet.
 */
static bool wait_for_end(const struct cli *cli, long long pid)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0)
		return errno == ESRCH;
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	int n = 0;
	do {
		reload_ms now = cli_monotonic(),
			  left = cli->deadline > now ? cli->deadline - now : 0;
		int ms = cli->deadline == RELOAD_NEVER ? -1 : left < INT_MAX ? (int)left : INT_MAX;
		n = poll(&ended, 1, ms);
	} while (n < 0 && errno == EINTR);
	close(fd);
	return n > 0;
}

static int still_there(struct cli *cli)
{
	struct reload_error_text why;
	const char *agent = cli_value(cli, "agent", NULL);
	reload_error_explain(
		&why, RELOAD_TIMEOUT, "the agent is still there", "it has not ended in time");
	reload_error_advise(
		&why, "reload-agent stop%s%s --now", agent ? " -a " : "", agent ? agent : "");
	return cli_fail(cli, RELOAD_TIMEOUT, &why);
}

/* The agent is gone: that is what waiting for "stopped" waits for. */
static int stopped(struct cli *cli)
{
	json_t *o = json_pack("{s:s}", "state", "stopped");
	cli_print(cli, o, NULL, NULL);
	json_decref(o);
	return 0;
}

/*
 * 'stopped' is never reported, since the process ends then: this waits for its exit.  An agent that is ending answers
 * nothing, but still listens.
 */
static int wait_stopped(struct cli *cli)
{
	struct reload_error_text why;
	pid_t pid = 0;
	enum reload_err err = cli_agent_pid(&pid, cli, &why);
	if (err == RELOAD_NO_AGENT)
		return stopped(cli);
	if (!err && !pid) {
		err = reload_error_explain(&why, RELOAD_FAILED,
			"cannot wait for the end of the agent",
			"its process is in another PID namespace, which cannot be seen from here");
		reload_error_advise(
			&why, "the same command in the namespace of the agent: nsenter -p -t PID");
	}
	if (err)
		return cli_fail(cli, err, &why);
	cli_progress(cli, "waiting for stopped");
	return wait_for_end(cli, pid) ? stopped(cli) : still_there(cli);
}

int agent_run_status(struct cli *cli)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	const char *state = cli_value(cli, "wait", NULL);
	json_t *result = NULL;
	if (state && strcmp(state, "stopped") == 0)
		return wait_stopped(cli);
	enum reload_err err =
		cli_link_open(&link, cli, state ? CLI_LINK_WAIT : CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	if (state) {
		cli_progress(cli, "waiting for %s", state);
		err = cli_link_call(link, "overlay.wait", json_pack("{s:s}", "state", state),
			RELOAD_NEVER, NULL, NULL, &result, &error);
		json_decref(result);
		if (err)
			return cli_fail_rpc(cli, &error);
	}
	err = cli_link_call(link, "agent.status",
		cli_has(cli, "links") ? json_pack("{s:b}", "links", 1) : NULL, RELOAD_NEVER, NULL,
		NULL, &result, &error);
	if (err)
		return cli_fail_rpc(cli, &error);
	bool joined = strcmp(cli_get_text(result, "state"), "joined") == 0;
	cli_print(cli, result, print_status, NULL);
	json_decref(result);
	return joined || state ? 0 : reload_err_exit(RELOAD_NOT_JOINED);
}

/* -- refresh ------------------------------------------------------------------------------------------------------- */

static void print_part(FILE *out, const json_t *r, const char *part, const char *more)
{
	char key[32];
	snprintf(key, sizeof(key), "%s_why", part);
	const char *why = cli_get_text(r, key);
	fprintf(out, "%-14s %s%s%s%s\n", part, cli_get_text(r, part), more, *why ? ": " : "", why);
}

static void print_refreshed(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	char text[64];
	snprintf(text, sizeof(text), ", until %.10s", cli_get_text(r, "certificate_until"));
	print_part(out, r, "certificate", text);
	snprintf(text, sizeof(text), ", sequence %lld", cli_get_int(r, "configuration_sequence"));
	print_part(out, r, "configuration", text);
	print_part(out, r, "log", "");
}

static void print_would_refresh(FILE *out, const json_t *r, void *arg)
{
	(void)r, (void)arg;
	fputs("would read certificate, key and configuration again, and open the log again\n", out);
}

int agent_run_refresh(struct cli *cli)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	const char *method = cli->dry_run ? "agent.status" : "agent.refresh";
	if (cli_link_call(link, method, NULL, RELOAD_NEVER, NULL, NULL, &result, &error))
		return cli_fail_rpc(cli, &error);
	if (cli->dry_run) {
		cli_print(cli, result, print_would_refresh, NULL);
		json_decref(result);
		return 0;
	}
	bool refused = !strcmp(cli_get_text(result, "certificate"), "refused") ||
		       !strcmp(cli_get_text(result, "configuration"), "refused"),
	     failed = !strcmp(cli_get_text(result, "log"), "failed");
	cli_print(cli, result, print_refreshed, NULL);
	json_decref(result);
	return refused ? reload_err_exit(RELOAD_BAD_CERT) : failed ? reload_err_exit(RELOAD_IO) : 0;
}

/* -- stop ---------------------------------------------------------------------------------------------------------- */

static void print_would_stop(FILE *out, const json_t *r, void *arg)
{
	(void)r;
	(void)arg;
	fputs("would stop the agent\n", out);
}

/* The result of a dry run: it has the form of a real one. */
static int would_stop(struct cli *cli, struct cli_link *link)
{
	struct reload_call_error error;
	json_t *status, *result;
	if (cli_link_call(link, "agent.status", NULL, RELOAD_NEVER, NULL, NULL, &status, &error))
		return cli_fail_rpc(cli, &error);
	result = json_pack("{s:O, s:O}", "state", json_object_get(status, "state"), "pid",
		json_object_get(status, "pid"));
	cli_print(cli, result, print_would_stop, NULL);
	json_decref(result);
	json_decref(status);
	return 0;
}

int agent_run_stop(struct cli *cli)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	if (cli->dry_run)
		return would_stop(cli, link);
	cli_progress(cli, "stopping");
	err = cli_link_call(link, "agent.stop", json_pack("{s:b}", "now", (int)cli_has(cli, "now")),
		RELOAD_NEVER, NULL, NULL, &result, &error);
	if (err)
		return cli_fail_rpc(cli, &error);
	if (!wait_for_end(cli, cli_get_int(result, "pid"))) {
		json_decref(result);
		return still_there(cli);
	}
	json_object_set_new(result, "state", json_string("stopped"));
	cli_print(cli, result, NULL, NULL);
	json_decref(result);
	return 0;
}

/* -- log ----------------------------------------------------------------------------------------------------------- */

static void print_levels(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	size_t i;
	json_t *part;
	fputs(cli_get_text(r, "level"), out);
	json_array_foreach (json_object_get(r, "parts"), i, part)
		if (strcmp(cli_get_text(part, "level"), cli_get_text(r, "level")) != 0)
			fprintf(out, ",%s=%s", cli_get_text(part, "part"),
				cli_get_text(part, "level"));
	fputc('\n', out);
}

static void print_line(FILE *out, const json_t *l, void *arg)
{
	(void)arg;
	fprintf(out, "%s %-5s %s: ", cli_get_text(l, "time"), cli_get_text(l, "level"),
		cli_get_text(l, "part"));
	cli_put_safe(out, cli_get_text(l, "text"));
	if (cli_get_int(l, "repeated"))
		fprintf(out, "  (%lld more time%s)", cli_get_int(l, "repeated"),
			cli_plural(cli_get_int(l, "repeated")));
	fputc('\n', out);
}

static void print_lines(FILE *out, const json_t *r, void *arg)
{
	size_t i;
	json_t *line;
	json_array_foreach (json_object_get(r, "lines"), i, line)
		print_line(out, line, arg);
}

/* A stream that is printed as it comes. */
struct stream {
	struct cli *cli;
	cli_text_fn print;
	long long count;
};

static bool on_object(void *arg, json_t *object)
{
	struct stream *s = arg;
	cli_print(s->cli, object, s->print, NULL);
	s->count++;
	return !ferror(stdout);
}

static void print_event(FILE *out, const json_t *e, void *arg)
{
	(void)arg;
	static const char *const keys[] = { "state", "message", "node_id", "resource_id",
		"transaction", "error", "why" };
	fprintf(out, "%s %-16s", cli_get_text(e, "time"), cli_get_text(e, "type"));
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (*cli_get_text(e, keys[i]))
			fprintf(out, " %s=%s", keys[i], cli_get_text(e, keys[i]));
	if (json_is_integer(json_object_get(e, "kind_id")))
		fprintf(out, " kind_id=0x%llx", cli_get_int(e, "kind_id"));
	if (json_is_integer(json_object_get(e, "link")))
		fprintf(out, " link=%lld", cli_get_int(e, "link"));
	fputc('\n', out);
}

/* Streams run until they are stopped, or until --timeout if it was given: both are a normal end. */
static int stream(struct cli *cli, const char *method, json_t *params, cli_text_fn print)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	struct stream s = { cli, print, 0 };
	json_t *result = NULL;
	if (!cli_has(cli, "timeout"))
		cli->deadline = RELOAD_NEVER;
	int stop_fd = cli_stop_signals();
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, stop_fd, &why);
	if (err)
		json_decref(params);
	else
		err = cli_link_call(
			link, method, params, RELOAD_NEVER, on_object, &s, &result, &error);
	cli_stop_end(stop_fd);
	if (!link)
		return cli_fail(cli, err, &why);
	if (err && err != RELOAD_CANCELLED && err != RELOAD_TIMEOUT)
		return cli_fail_rpc(cli, &error);
	if (err) {
		reload_call_error_clear(&error);
		result = json_pack("{s:s, s:I, s:i}", "type", "summary", "events",
			(json_int_t)s.count, "dropped", 0);
	}
	if (cli->format != CLI_TEXT)
		cli_print(cli, result, NULL, NULL);
	json_decref(result);
	return 0;
}

int agent_run_log(struct cli *cli)
{
	struct reload_error_text why;
	uint64_t lines;
	json_t *result, *params = json_object();
	bool tail = cli_has(cli, "tail") || cli_has(cli, "follow");
	enum reload_err err =
		cli_number(cli, "tail", cli_has(cli, "follow") ? 0 : 100, 0, 10000, &lines, &why);
	if (!err && tail && cli->operands_count)
		err = reload_error_explain(&why, RELOAD_USAGE, "LEVEL and --tail", "%s",
			"set levels or read lines, not both");
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	if (tail)
		json_object_set_new(params, "lines", json_integer((json_int_t)lines));
	if (cli_has(cli, "follow")) {
		json_object_set_new(params, "follow", json_true());
		return stream(cli, "log.tail", params, print_line);
	}
	if (!tail && cli->operands_count && !cli->dry_run)
		json_object_set_new(params, "levels", json_string(cli->operands[0]));
	int status = cli_request(cli, tail ? "log.tail" : "agent.log_level", params, &result);
	if (status)
		return status;
	cli_print(cli, result, tail ? print_lines : print_levels, NULL);
	json_decref(result);
	return 0;
}

/* -- events -------------------------------------------------------------------------------------------------------- */

const char agent_event_fields[] =
	"type:string time:string level:string part:string what:string state:string? "
	"message:string? node_id:string? resource_id:string? kind_id:integer? link:integer? "
	"transaction:string? count:string error:string? why:string? | "
	"type:string events:integer dropped:integer";

int agent_run_events(struct cli *cli)
{
	json_t *types = json_array();
	for (size_t i = 0; i < cli_count(cli, "type"); i++)
		json_array_append_new(types, json_string(cli_value_at(cli, "type", i)));
	const char *level = cli->verbose > 1 ? "trace" : cli->verbose ? "debug" : "info";
	return stream(cli, "agent.events", json_pack("{s:o, s:s}", "types", types, "level", level),
		print_event);
}
