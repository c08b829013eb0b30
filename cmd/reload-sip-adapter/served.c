#include "reload-sip-adapter/served.h"

#include "common/home.h"
#include "common/own_user.h"
#include "control/local_socket_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void lose(struct served *s);

/* -- the control socket ---------------------------------------------------------------------------------------------------------- */

/* Sends what the socket takes, and keeps the rest: an agent that is slow holds nobody up. */
static enum reload_err flush(struct served *s)
{
	size_t done = 0;
	while (done < s->out.len) {
		ssize_t n = send(reload_client_io_fd(&s->inner), s->out.at + done,
			s->out.len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return RELOAD_NO_AGENT;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	s->out.len -= done;
	if (s->out.len && done)
		memmove(s->out.at, s->out.at + done, s->out.len);
	reload_poll_change(s->poll, s->watch, RELOAD_POLL_IN | (s->out.len ? RELOAD_POLL_OUT : 0));
	return RELOAD_OK;
}

static enum reload_err send_bytes(void *arg, struct span bytes, reload_ms deadline)
{
	struct served *s = arg;
	if (!s->watch) /* not in the loop yet: the first question */
		return s->inner.send(s->inner.arg, bytes, deadline);
	if (s->out.len + bytes.len > SERVED_OUT_MAX)
		return RELOAD_NO_AGENT;
	wr_span(&s->out, bytes);
	return flush(s);
}

static enum reload_err receive(void *arg, void *buf, size_t cap, size_t *len, reload_ms deadline)
{
	struct served *s = arg;
	return s->inner.receive(s->inner.arg, buf, cap, len, deadline);
}

static void close_inner(void *arg)
{
	struct served *s = arg;
	s->inner.close(s->inner.arg);
}

static struct served_ask *ask_with(struct served *s, json_int_t id)
{
	struct served_ask *a;
	TAILQ_FOREACH (a, &s->asks, entry)
		if (a->id == id)
			return a;
	return NULL;
}

/* -- connections ------------------------------------------------------------------------------------------------------------------ */

struct overlay_end *overlay_end_of(const struct connection *c)
{
	return c && c->transport == RELOAD_SIP_OVERLAY ? c->owner : NULL;
}

void overlay_end_free(struct overlay_end *e)
{
	if (!e)
		return;
	LIST_REMOVE(e, entry);
	free(e->user);
	free(e);
}

struct connection *served_idle(const struct served *s, const char *node, bool sips)
{
	struct overlay_end *e;
	LIST_FOREACH(e, &s->ends, entry)
	{
		const struct connection *c = e->connection;
		bool idle = !c->closed && !c->shut && !c->uses && LIST_EMPTY(&c->branches);
		if (idle && e->sips == sips && !strcmp(e->node, node))
			return e->connection;
	}
	return NULL;
}

/* Connections with that node. */
static size_t count_of_node(const struct served *s, const char *node)
{
	const struct overlay_end *e;
	size_t n = 0;
	LIST_FOREACH(e, &s->ends, entry)
	n += !strcmp(e->node, node);
	return n;
}

static struct connection *adopt(struct served *s, const json_t *object)
{
	bool many = count_of_node(s, cli_get_text(object, "node_id")) >= SERVED_PLACES_OF_ONE;
	int fd = many ? -1 : reload_local_connect(cli_get_text(object, "stream"), false);
	if (fd < 0)
		return NULL; /* the agent ends it when nobody comes */
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	struct overlay_end *e = RELOAD_NEW(overlay_end);
	e->served = s;
	snprintf(e->node, sizeof(e->node), "%s", cli_get_text(object, "node_id"));
	snprintf(e->path, sizeof(e->path), "%s", cli_get_text(object, "path"));
	if (reload_ip_port_parse(&e->peer, cli_get_text(object, "address"), 0))
		e->peer = (struct reload_ip_port){ 0 };
	e->user = reload_strdup(cli_get_text(object, "user"));
	e->sips = cli_get_int(object, "application") == RELOAD_APP_SIPS;
	LIST_INSERT_HEAD(&s->ends, e, entry);
	e->connection = transport_adopt(s->transport, fd, RELOAD_SIP_OVERLAY, e);
	struct connection *c = e->connection;
	if (!c)
		overlay_end_free(e);
	return c;
}

static bool on_progress(void *arg, json_int_t id, json_t *object)
{
	struct served *s = arg;
	struct served_ask *a = ask_with(s, id);
	if (a && a->progress) {
		if (a->arg)
			a->progress(a->arg, object);
		return true;
	}
	if (strcmp(cli_get_text(object, "type"), "connected") != 0)
		return true;
	struct connection *c = adopt(s, object);
	if (c && a && a->arg && a->connected)
		a->connected(a->arg, c);
	return true;
}

/* -- requests ---------------------------------------------------------------------------------------------------------------------- */

static void end_ask(struct served *s, struct served_ask *a, const json_t *result,
	const struct reload_call_error *error)
{
	TAILQ_REMOVE(&s->asks, a, entry);
	if (a->arg && a->done)
		a->done(a->arg, result, error);
	free(a);
}

static void on_control(void *arg, unsigned events)
{
	struct served *s = arg;
	if (events & RELOAD_POLL_OUT && flush(s)) {
		lose(s);
		return;
	}
	while (s->client) { /* what is done with an answer may lose the agent */
		struct reload_call_error error;
		json_t *result = NULL;
		json_int_t id = 0;
		enum reload_err err = reload_client_take(s->client, &id, &result, &error);
		if (err) {
			reload_call_error_clear(&error);
			if (err != RELOAD_TIMEOUT)
				lose(s);
			return;
		}
		struct served_ask *a = ask_with(s, id);
		if (a)
			end_ask(s, a, result, result ? NULL : &error);
		json_decref(result);
		reload_call_error_clear(&error);
	}
}

bool served_ask(struct served *s, const char *method, json_t *params, served_done_fn done,
	served_connected_fn connected, void *arg)
{
	struct reload_call_error error;
	json_int_t id;
	if (!s->client) {
		json_decref(params);
		return false;
	}
	if (reload_client_send(s->client, method, params, reload_poll_now(), &id, &error)) {
		reload_call_error_clear(&error);
		return false;
	}
	struct served_ask *a = RELOAD_NEW(served_ask);
	*a = (struct served_ask){ .id = id, .done = done, .connected = connected, .arg = arg };
	TAILQ_INSERT_TAIL(&s->asks, a, entry);
	return true;
}

bool served_ask_with(struct served *s, const char *method, json_t *params, served_done_fn done,
	served_progress_fn progress, void *arg)
{
	if (!served_ask(s, method, params, done, NULL, arg))
		return false;
	TAILQ_LAST(&s->asks, served_asks)->progress = progress;
	return true;
}

void served_forget(struct served *s, const void *arg)
{
	struct served_ask *a;
	TAILQ_FOREACH (a, &s->asks, entry)
		if (a->arg == arg)
			a->arg = NULL;
}

/* -- the agent comes and goes -------------------------------------------------------------------------------------------------------- */

static enum reload_err connect_client(
	struct served *s, reload_ms deadline, struct reload_error_text *why)
{
	enum reload_err err = reload_client_open(&s->inner, s->path, s->name, deadline, -1, why);
	if (err)
		return err;
	s->client = reload_client_new(
		&(struct reload_client_io){ s, s->inner.agent, send_bytes, receive, close_inner });
	reload_client_on_progress(s->client, on_progress, s);
	return RELOAD_OK;
}

static void free_own(struct served *s)
{
	free(s->user);
	free(s->node);
	free(s->gruu);
	free(s->overlay);
}

static enum reload_err read_status(
	struct served *s, const json_t *status, struct reload_error_text *why)
{
	struct cli_own_user own = { 0 };
	enum reload_err err = cli_own_user_read(&own, status, why);
	if (err)
		return err;
	free_own(s);
	s->user = own.user;
	s->domain = strrchr(s->user, '@') + 1;
	s->node = own.node;
	s->gruu = own.gruu;
	s->overlay = own.overlay;
	s->ice = own.ice;
	return RELOAD_OK;
}

static void watch(struct served *s)
{
	s->watch = reload_poll_add(
		s->poll, reload_client_io_fd(&s->inner), RELOAD_POLL_IN, on_control, s);
}

static void open_again(void *arg);

/* The agent has ended, or speaks something else: what was asked of it fails, and its return is waited for. */
static void lose(struct served *s)
{
	if (!s->client)
		return;
	bool was_ready = s->state == SERVED_READY;
	reload_poll_remove(s->poll, s->watch);
	s->watch = 0;
	reload_client_free(s->client);
	s->client = NULL;
	wr_clear(&s->out);
	s->state = SERVED_LOST;
	s->registered = s->registering = s->asking_others = false;
	while (!TAILQ_EMPTY(&s->asks))
		end_ask(s, TAILQ_FIRST(&s->asks), NULL, NULL);
	if (was_ready && s->changed)
		s->changed(s);
	reload_timer_arm(reload_poll_timers(s->poll), &s->again,
		reload_poll_now() + SERVED_AGAIN_MS, open_again, s);
}

static void try_later(struct served *s)
{
	if (s->client)
		lose(s);
	else
		reload_timer_arm(reload_poll_timers(s->poll), &s->again,
			reload_poll_now() + SERVED_AGAIN_MS, open_again, s);
}

static void on_status(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct served *s = arg;
	struct reload_error_text why;
	(void)error;
	if (!s->client)
		return;
	if (!result || read_status(s, result, &why)) {
		try_later(s);
		return;
	}
	served_listen(s);
}

static void open_again(void *arg)
{
	struct served *s = arg;
	struct reload_error_text why;
	if (connect_client(s, reload_poll_now(), &why)) {
		try_later(s);
		return;
	}
	watch(s);
	s->state = SERVED_ASKED;
	if (!served_ask(s, "agent.status", NULL, on_status, NULL, s))
		try_later(s);
}

/* Listening ends only by a failure: another program listens, or the agent has left. */
static void on_listen_end(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct served *s = arg;
	(void)result;
	if (error)
		cli_warn(s->cli, "%s: %s, %s", s->name, error->failure.why.what,
			error->failure.why.reason);
	if (s->client)
		lose(s);
}

static bool listen_for(struct served *s, int application)
{
	return served_ask(s, "app.listen",
		json_pack("{s:i, s:i}", "application", application, "places", SERVED_PLACES),
		on_listen_end, NULL, s);
}

void served_listen(struct served *s)
{
	if (!listen_for(s, RELOAD_APP_SIP) || !listen_for(s, RELOAD_APP_SIPS)) {
		try_later(s);
		return;
	}
	s->state = SERVED_READY;
	if (s->changed)
		s->changed(s);
}

static enum reload_err path_of(char **out, const char *name, struct reload_error_text *why)
{
	if (!strchr(name, '/'))
		return cli_socket_path(out, name, false, why);
	*out = reload_strdup(name);
	return RELOAD_OK;
}

enum reload_err served_open(struct served **out, struct cli *cli, const char *name,
	struct reload_poll *poll, struct transport *transport, struct reload_error_text *why)
{
	struct reload_call_error error;
	json_t *status = NULL;
	struct served *s = RELOAD_NEW(served);
	s->cli = cli;
	s->poll = poll;
	s->transport = transport;
	s->name = reload_strdup(name);
	TAILQ_INIT(&s->asks);
	LIST_INIT(&s->ends);
	s->registered = true; /* an earlier run may have left it */
	reload_sip_bindings_init(&s->bindings);
	wr_init(&s->out);
	enum reload_err err = path_of(&s->path, name, why);
	if (!err)
		err = connect_client(s, cli->deadline, why);
	if (!err) {
		err = reload_client_call(s->client, "agent.status", NULL, cli->deadline, NULL, NULL,
			&status, &error);
		if (err)
			*why = error.failure.why;
		else
			err = read_status(s, status, why);
		json_decref(status);
		reload_call_error_clear(&error);
	}
	if (err) {
		served_free(s);
		return err;
	}
	watch(s);
	*out = s;
	return RELOAD_OK;
}

void served_free(struct served *s)
{
	if (!s)
		return;
	struct reload_timers *timers = reload_poll_timers(s->poll);
	reload_timer_cancel(timers, &s->again);
	reload_timer_cancel(timers, &s->expiry);
	reload_poll_remove(s->poll, s->watch);
	reload_client_free(s->client);
	while (!TAILQ_EMPTY(&s->asks)) {
		struct served_ask *a = TAILQ_FIRST(&s->asks);
		TAILQ_REMOVE(&s->asks, a, entry);
		free(a);
	}
	reload_sip_bindings_clear(&s->bindings);
	json_decref(s->others);
	wr_clear(&s->out);
	free(s->name);
	free(s->path);
	free_own(s);
	free(s);
}
