/* reload-attach listen: connections of an application, to standard input and output or to a local socket. */
#include "reload-attach/attach.h"

#include "control/local_socket_io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	PLACES = 16,
	COUNT_MAX = 1000000
};

struct listener {
	struct cli *cli;
	struct session session;
	const char *path; /* NULL: standard input and output */
	int in, out;
	uint64_t count; /* of connections, then it ends; 0: until stopped */
	uint64_t begun;
	struct attach_sum sum;
	json_t *error; /* of the last one that was cut off (owned); NULL: none was */
};

/* The local end of one more connection; false: there is none. */
static bool local_end(struct listener *l, int *in, int *out)
{
	if (l->path) {
		*in = *out = reload_local_connect(l->path, cli_has(l->cli, "datagram"));
		if (*in < 0)
			cli_warn(l->cli, "%s: %s", l->path, strerror(-*in));
		return *in >= 0;
	}
	*in = l->in;
	*out = l->out;
	l->in = l->out = -1;
	return *in >= 0;
}

static void on_connected(struct listener *l, const json_t *object)
{
	int in, out;
	attach_print(l->cli, object);
	l->begun++;
	if (local_end(l, &in, &out))
		session_add(&l->session, object, in, out);
	else /* whoever came has to be told: the stream ends at once when somebody connects and goes */
		close(session_stream(object));
}

static void on_ended(struct listener *l, const json_t *object)
{
	json_t *error = json_object_get(object, "error");
	session_reported(&l->session, cli_get_int(object, "connection"));
	attach_add(&l->sum, object);
	if (json_is_object(error)) {
		json_decref(l->error);
		l->error = json_incref(error);
	}
	if (l->path || l->cli->format != CLI_TEXT)
		attach_print(l->cli, object);
}

static bool on_progress(void *arg, json_t *object)
{
	struct listener *l = arg;
	const char *type = cli_get_text(object, "type");
	if (!strcmp(type, "listening"))
		attach_print(l->cli, object);
	else if (!strcmp(type, "connected"))
		on_connected(l, object);
	else if (!strcmp(type, "ended"))
		on_ended(l, object);
	return !l->count || l->sum.connections < (json_int_t)l->count;
}

static bool is_complete(const struct listener *l)
{
	return l->count && l->sum.connections >= (json_int_t)l->count;
}

/* How the run ends after the call to the agent has. */
static int finish(struct listener *l, enum reload_err err, struct reload_call_error *error)
{
	bool over = is_complete(l) || l->session.stopped || l->session.output_gone;
	session_finish(&l->session);
	if (err && !over)
		return cli_fail_rpc(l->cli, error);
	reload_call_error_clear(error);
	if (l->path) {
		attach_summary(l->cli, &l->sum);
		return 0;
	}
	if (!l->error)
		return 0;
	struct reload_call_error cut = { .data = json_incref(l->error) };
	json_t *wrapped = json_pack("{s:O}", "data", l->error);
	reload_failure_read(&cut.failure, wrapped);
	json_decref(wrapped);
	(void)cli_fail_rpc(l->cli, &cut);
	return (int)cli_get_int(l->error, "code");
}

static int listen_run(struct listener *l, uint16_t application, uint64_t places)
{
	struct reload_error_text why;
	struct reload_call_error error = { 0 };
	json_t *result = NULL;
	int stop_fd = l->path ? cli_stop_signals() : -1;
	enum reload_err err = session_open(&l->session, l->cli, stop_fd, &why);
	if (err) {
		cli_stop_end(stop_fd);
		return cli_fail(l->cli, err, &why);
	}
	if (!l->path) {
		attach_payload(&l->in, &l->out);
		session_hangup(&l->session);
	}
	err = session_call(&l->session, "app.listen",
		json_pack("{s:i, s:I, s:b}", "application", (int)application, "places",
			(json_int_t)places, "packets", (int)cli_has(l->cli, "datagram")),
		on_progress, l, &result, &error);
	json_decref(result);
	int status = finish(l, err, &error);
	session_clear(&l->session);
	cli_stop_end(stop_fd);
	json_decref(l->error);
	return status;
}

int attach_listen(struct cli *cli)
{
	struct listener l = {
		.cli = cli, .path = cli_value(cli, "unix", NULL), .in = -1, .out = -1
	};
	struct reload_error_text why;
	uint16_t application = 0;
	uint64_t places = 1;
	enum reload_err err = attach_form(cli, &why);
	if (!err)
		err = attach_application(cli, &application, &why);
	if (!err)
		err = cli_number(cli, "count", l.path ? 0 : 1, 0, COUNT_MAX, &l.count, &why);
	if (!err)
		err = cli_number(
			cli, "places", l.path ? PLACES : 1, 1, SESSION_PUMPS_MAX, &places, &why);
	if (!err && !l.path && (l.count != 1 || places != 1))
		err = cli_refuse(&why, "more than one connection",
			"standard input and output are for one; --unix PATH is for several");
	if (err)
		return cli_fail(cli, err, &why);
	if (cli->dry_run)
		return attach_dry(cli, &l.sum, "listen for");
	if (l.count && places > l.count)
		places = l.count;
	return listen_run(&l, application, places);
}
