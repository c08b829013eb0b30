#include "reload-sip-call/phone.h"

#include "common/home.h"
#include "common/own_user.h"
#include "control/local_socket_io.h"
#include "ident/aor.h"
#include "util/text.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WAIT_MAX_MS = 60000,
	OWN_FDS = 3,
	LEG_FDS = 1 + MEDIA_FDS,
	FDS_MAX = OWN_FDS + LEG_FDS * PHONE_LEGS_MAX
};

/* -- the loop ----------------------------------------------------------------------------------------------------------------- */

static void stop(struct phone *p)
{
	bool again = p->stopping;
	cli_stop_end(p->stop_fd); /* so that a second signal is seen */
	p->stop_fd = cli_stop_signals();
	p->stopping = true;
	if (again)
		p->done = true;
	else
		p->ops->stopped(p);
}

/* Ctrl-C is a signal all the same. */
static void take_keys(struct phone *p)
{
	char key = keys_read(&p->keys);
	if (key && p->ops->key)
		p->ops->key(p, key);
}

static reload_ms due(const struct phone *p, reload_ms until)
{
	for (size_t i = 0; i < p->count; i++) {
		reload_ms at = leg_due(p->legs[i]);
		until = at < until ? at : until;
	}
	return until;
}

/* A leg's descriptors, and which of fds they are; a lost stream is not waited for. */
static size_t leg_poll(const struct leg *leg, struct pollfd *fds)
{
	fds[0] = (struct pollfd){ .fd = leg->fd,
		.events = (short)(POLLIN | (leg_wants_out(leg) ? POLLOUT : 0)) };
	int audio[MEDIA_FDS];
	size_t n = leg->media ? media_fds(leg->media, audio) : 0;
	for (size_t i = 0; i < MEDIA_FDS; i++)
		fds[1 + i] = (struct pollfd){ .fd = i < n ? audio[i] : -1, .events = POLLIN };
	return LEG_FDS;
}

static void leg_ready(struct leg *leg, const struct pollfd *fds, reload_ms now)
{
	if (leg->fd >= 0 && fds[0].revents & POLLOUT)
		leg_output(leg);
	if (leg->fd >= 0 && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		leg_input(leg);
	bool audio = false;
	for (size_t i = 1; i < LEG_FDS; i++)
		audio |= fds[i].revents != 0;
	if (audio || now >= leg_due(leg))
		leg_run(leg, now);
}

static void free_closed(struct phone *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->count; i++)
		if (p->legs[i]->closing && p->legs[i]->fd < 0)
			leg_free(p->legs[i]);
		else
			p->legs[n++] = p->legs[i];
	p->count = n;
}

/* Waits until something happens, at most until `until`, and does it; returns the events of the control socket. */
static short turn(struct phone *p, int control, reload_ms until)
{
	struct pollfd fds[FDS_MAX] = { { .fd = p->stop_fd, .events = POLLIN },
		{ .fd = control, .events = POLLIN }, { .fd = p->keys.fd, .events = POLLIN } };
	free_closed(p);
	size_t n = OWN_FDS;
	reload_ms now = cli_monotonic(), next = p->ops->pass(p, now);
	until = due(p, next < until ? next : until);
	if (p->done)
		return 0;
	size_t count = p->count;
	for (size_t i = 0; i < count; i++)
		n += leg_poll(p->legs[i], fds + n);
	reload_ms left = until > now ? until - now : 0;
	if (poll(fds, n, (int)(left < WAIT_MAX_MS ? left : WAIT_MAX_MS)) < 0)
		return 0;
	now = cli_monotonic();
	for (size_t i = 0; i < count; i++)
		leg_ready(p->legs[i], fds + OWN_FDS + LEG_FDS * i, now);
	if (fds[2].revents)
		take_keys(p);
	if (fds[0].revents)
		stop(p);
	return fds[1].revents;
}

static enum reload_err send_bytes(void *arg, struct span bytes, reload_ms deadline)
{
	struct phone *p = arg;
	return p->inner.send(p->inner.arg, bytes, deadline);
}

static enum reload_err receive(void *arg, void *buf, size_t cap, size_t *len, reload_ms deadline)
{
	struct phone *p = arg;
	int fd = reload_client_io_fd(&p->inner);
	for (;;) {
		short events = turn(p, fd, deadline);
		if (p->done)
			return RELOAD_CANCELLED;
		if (events)
			return p->inner.receive(p->inner.arg, buf, cap, len, deadline);
		if (cli_monotonic() >= deadline)
			return RELOAD_TIMEOUT;
	}
}

static void close_inner(void *arg)
{
	struct phone *p = arg;
	p->inner.close(p->inner.arg);
}

/* -- paths of audio ------------------------------------------------------------------------------------------------------------ */

static json_int_t ask_for_media(void *arg, const char *method, json_t *params)
{
	struct phone *p = arg;
	struct reload_call_error error;
	json_int_t id = 0;
	if (p->media_count == PHONE_MEDIA_MAX) {
		json_decref(params);
		return 0;
	}
	cli_step(p->cli, 2, "%s", method);
	if (reload_client_send(p->client, method, params, p->cli->deadline, &id, &error)) {
		reload_call_error_clear(&error);
		return 0;
	}
	p->media_asked[p->media_count++] = id;
	return id;
}

static bool is_of_media(const struct phone *p, json_int_t id)
{
	for (size_t i = 0; i < p->media_count; i++)
		if (p->media_asked[i] == id)
			return true;
	return false;
}

static struct leg *leg_of_media(const struct phone *p, json_int_t id)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->legs[i]->media && media_asked(p->legs[i]->media, id))
			return p->legs[i];
	return NULL;
}

/* The path of a call that has ended meanwhile is closed as soon as it is there, so that no TURN server relays for nobody. */
static void decline_media(const json_t *object)
{
	int fd = strcmp(cli_get_text(object, "type"), "gathered") != 0
			 ? -1
			 : reload_local_connect(cli_get_text(object, "stream"), true);
	if (fd >= 0)
		close(fd);
}

static void media_progress(struct phone *p, json_int_t id, const json_t *object)
{
	struct leg *leg = leg_of_media(p, id);
	if (!leg) {
		decline_media(object);
		return;
	}
	media_says(leg->media, object);
	leg_run(leg, cli_monotonic());
}

static void reply_to_media(struct phone *p, json_int_t id, const struct reload_call_error *error)
{
	struct leg *leg = leg_of_media(p, id);
	size_t n = 0;
	for (size_t i = 0; i < p->media_count; i++)
		if (p->media_asked[i] != id)
			p->media_asked[n++] = p->media_asked[i];
	p->media_count = n;
	if (!leg)
		return;
	media_replied(leg->media, id, error->data ? error->failure.why.reason : NULL);
	leg_run(leg, cli_monotonic());
}

/* -- connections -------------------------------------------------------------------------------------------------------------- */

static bool on_progress(void *arg, json_int_t id, json_t *object)
{
	struct phone *p = arg;
	if (is_of_media(p, id)) {
		media_progress(p, id, object);
		return !p->done;
	}
	if (strcmp(cli_get_text(object, "type"), "connected") != 0) {
		if (p->ops->progress)
			p->ops->progress(p, id, object);
		return !p->done;
	}
	int fd = reload_local_connect(cli_get_text(object, "stream"), false);
	struct leg *leg = NULL;
	if (fd >= 0 && p->count == PHONE_LEGS_MAX)
		close(fd);
	else if (fd >= 0) {
		leg = p->legs[p->count++] = leg_new(fd, object);
		leg->plan = &p->plan;
		leg->session_s = p->session_s;
		leg->user = p->user;
		leg->contact = p->contact;
		leg->anonymous = p->anonymous;
	}
	p->ops->connected(p, id, object, leg);
	return !p->done;
}

void phone_drop(struct phone *p, struct leg *leg)
{
	(void)p;
	if (!leg->closing)
		leg_close(leg);
}

/* -- the agent ---------------------------------------------------------------------------------------------------------------- */

static enum reload_err read_status(
	struct phone *p, const json_t *status, struct reload_error_text *why)
{
	struct cli_own_user own = { 0 };
	const json_t *links = json_object_get(status, "links");
	enum reload_err err = cli_own_user_read(&own, status, why);
	if (err)
		return err;
	p->user = own.user;
	p->node = own.node;
	p->overlay = own.overlay;
	p->contact = own.gruu;
	p->link = own.ice ? "DTLS" : "TLS";
	p->agent = (struct media_agent){ p, ask_for_media };
	p->plan.agent = own.ice ? &p->agent : NULL;
	p->plan.relay_only = cli_get_bool(links, "relay_only");
	return RELOAD_OK;
}

/* The result of a method without parameters (owned). */
static enum reload_err ask(
	struct phone *p, const char *method, json_t **result, struct reload_error_text *why)
{
	struct reload_call_error error;
	*result = NULL;
	cli_step(p->cli, 2, "%s", method);
	enum reload_err err = reload_client_call(
		p->client, method, NULL, p->cli->deadline, NULL, NULL, result, &error);
	if (err)
		*why = error.failure.why;
	reload_call_error_clear(&error);
	return err;
}

/* The agent of an anonymous call is another one than the user's, and its GRUU does not have its Node-ID (R7904-32). */
static enum reload_err hide(struct phone *p, const json_t *status, struct reload_error_text *why)
{
	json_t *gruu = NULL;
	if (!cli_get_bool(status, "pseudonym")) {
		(void)reload_error_explain(why, RELOAD_BAD_CERT, "no anonymous call",
			"the agent %s does not run with --pseudonym: its certificate is that of "
			"%.200s",
			cli_get_text(status, "instance"), p->user);
		reload_error_advise(why,
			"reload-enroll issue NAME@%.100s --identity NAME, and reload-agent -I NAME "
			"--role client --pseudonym",
			p->overlay);
		return RELOAD_BAD_CERT;
	}
	enum reload_err err = ask(p, "sip.gruu", &gruu, why);
	if (!err) {
		free(p->contact);
		p->contact = reload_strdup(cli_get_text(gruu, "gruu"));
	}
	json_decref(gruu);
	return err;
}

static enum reload_err ask_status(struct phone *p, struct reload_error_text *why)
{
	json_t *status = NULL;
	enum reload_err err = ask(p, "agent.status", &status, why);
	if (!err)
		err = read_status(p, status, why);
	if (!err && p->anonymous)
		err = hide(p, status, why);
	json_decref(status);
	return err;
}

static reload_ms no_pass(struct phone *p, reload_ms now)
{
	(void)p, (void)now;
	return RELOAD_NEVER;
}

static void stop_at_once(struct phone *p)
{
	p->done = true;
}

enum reload_err phone_open(struct phone *p, struct cli *cli, const struct phone_ops *ops,
	struct reload_error_text *why)
{
	static const struct phone_ops opening = { .pass = no_pass, .stopped = stop_at_once };
	char *path;
	p->cli = cli;
	p->stop_fd = cli_stop_signals();
	p->ops = &opening;
	keys_open(&p->keys, false);
	enum reload_err err = cli_agent(&path, cli, why);
	if (err)
		return err;
	char *name = cli_agent_name(cli, path);
	err = reload_client_open(&p->inner, path, name, cli->deadline, p->stop_fd, why);
	if (!err) {
		p->client = reload_client_new(&(struct reload_client_io){
			p, p->inner.agent, send_bytes, receive, close_inner });
		reload_client_on_progress(p->client, on_progress, p);
		err = ask_status(p, why);
	}
	free(name);
	free(path);
	p->ops = ops;
	keys_open(&p->keys, !err && ops->key && !cli->no_input && cli->format == CLI_TEXT);
	return err;
}

void phone_close(struct phone *p)
{
	while (p->count)
		leg_free(p->legs[--p->count]);
	keys_close(&p->keys);
	reload_client_free(p->client);
	cli_stop_end(p->stop_fd);
	media_plan_clear(&p->plan);
	free(p->user);
	free(p->node);
	free(p->overlay);
	free(p->contact);
}

json_t *phone_service(const struct phone *p, const char *name)
{
	struct wr w;
	wr_init(&w);
	reload_labels_reversed(&w, p->overlay); /* RFC 7374 s5.3 */
	wr_format(&w, ".%s", name);
	json_t *params = json_pack("{s:s%}", "service", (const char *)w.at, w.len);
	wr_clear(&w);
	return params;
}

bool phone_send(struct phone *p, const char *method, json_t *params, json_int_t *id, int *failed)
{
	struct reload_call_error error;
	cli_step(p->cli, 2, "%s", method);
	if (!reload_client_send(p->client, method, params, p->cli->deadline, id, &error))
		return true;
	*failed = cli_fail_rpc(p->cli, &error);
	return false;
}

int phone_run(struct phone *p)
{
	while (!p->done) {
		struct reload_call_error error;
		json_t *result = NULL;
		json_int_t id = 0;
		enum reload_err err =
			reload_client_next(p->client, p->cli->deadline, &id, &result, &error);
		if (err && p->done) {
			reload_call_error_clear(&error);
			return 0;
		}
		if (err)
			return cli_fail_rpc(p->cli, &error);
		if (is_of_media(p, id))
			reply_to_media(p, id, &error);
		else
			p->ops->replied(p, id, result, &error);
		json_decref(result);
		reload_call_error_clear(&error);
	}
	return 0;
}
