#include "upkeep.h"

#include "child.h"
#include "log.h"
#include "refresh.h"

#include "common/files.h"
#include "ident/renewal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Two tasks, one at a time, each a run of reload-enroll, which writes the identity; then the agent reads it as after SIGHUP.
 *
 *   waiting -> (due by the calendar, and no pause after a failure) running -> (read again) waiting
 *
 * When one is due is drawn once for each certificate and each document, and compared with the calendar every LOOK_MS at most: after the
 * machine was suspended, or its clock was set, it is noticed within that time.
 */

enum {
	LOOK_MS = 10 * 1000,
	BEHIND_MS = 2 * 1000,       /* a ConfigUpdate may come meanwhile */
	BEHIND_SPREAD_MS = 3 * 1000 /* not all peers ask the server at once */
};

enum kind {
	RENEW,
	FETCH,
	KINDS
};

struct task {
	reload_utc end; /* of the certificate or document that it is about */
	uint32_t drawn; /* for it */
	reload_utc due;
	reload_ms pause_until; /* monotonic; after a failure */
	unsigned failures;     /* in a row */
};

struct host_upkeep {
	struct host *host;
	struct reload_timer look, behind;
	struct task tasks[KINDS];
	enum kind running;
	struct agent_child *child; /* NULL: nothing is under way */
	uint16_t sequence;         /* of the document that this node had when it was behind */
	bool fetch_now;
};

static char *beside(const struct host *h, const char *name)
{
	size_t size = strlen(h->identity.dir) + strlen(name) + 2;
	char *path = reload_alloc(size);
	snprintf(path, size, "%s/%s", h->identity.dir, name);
	return path;
}

/* What the identity was made with says whether a password is known: without one a person has to renew. */
static bool has_password(const struct host *h)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	char *path = beside(h, "enrollment.json");
	bool there = !access(path, F_OK) &&
		     !cli_file_read(&bytes, &len, path, 65536, reload_poll_now() + 1000, NULL);
	json_t *o = there ? json_loadb((const char *)bytes, len, 0, NULL) : NULL;
	bool has = json_object_get(o, "password") || json_object_get(o, "password_file");
	json_decref(o);
	free(bytes);
	free(path);
	return has;
}

/* The document comes from a server, and no operator has named another file for it. */
static bool has_config_server(const struct host *h)
{
	char *path = beside(h, "enrollment.json");
	bool known =
		!access(path, F_OK) || reload_peer_config(h->agent.peer)->enrollment_servers.count;
	free(path);
	return known && !agent_setting_value(h->settings, "config", 0);
}

/* Draws when the certificate or document that the node has now is to be replaced. */
static void task_update(struct host_upkeep *u, enum kind kind, reload_utc now)
{
	const struct reload_cert *cert = u->host->identity.credentials.cert;
	const struct reload_config *config = reload_peer_config(u->host->agent.peer);
	struct task *t = &u->tasks[kind];
	reload_utc end = kind == RENEW ? cert->not_after : config->expiration;
	if (t->end == end && t->due)
		return;
	*t = (struct task){ .end = end, .drawn = (uint32_t)agent_chance() };
	t->due = kind == RENEW ? reload_renewal_time(cert->not_before, end, t->drawn)
			       : reload_fetch_time(now, end, t->drawn);
}

static bool is_due(struct host_upkeep *u, enum kind kind)
{
	struct host *h = u->host;
	struct task *t = &u->tasks[kind];
	bool asked = kind == FETCH && u->fetch_now;
	if (reload_poll_now() < t->pause_until || (!asked && reload_poll_wall() < t->due))
		return false;
	return kind == RENEW ? h->identity.credentials.cert->self_issued || has_password(h)
			     : has_config_server(h);
}

static void look(void *arg);

static void look_at(struct host_upkeep *u, reload_ms pause)
{
	reload_timer_arm(reload_poll_timers(u->host->agent.poll), &u->look,
		reload_poll_now() + pause, look, u);
}

/* err RELOAD_OK: only a pause, nobody has to be told. */
static void failed(struct host_upkeep *u, enum kind kind, enum reload_err err,
	const struct reload_error_text *why)
{
	struct host *h = u->host;
	struct task *t = &u->tasks[kind];
	char text[sizeof(why->what) + sizeof(why->reason) + sizeof(why->advice) + 16];
	reload_utc now = reload_poll_wall();
	t->failures++;
	t->pause_until =
		reload_poll_now() + reload_retry_pause(t->failures, t->end > now ? t->end - now : 0,
					    (uint32_t)agent_chance());
	if (!err)
		return;
	snprintf(text, sizeof(text), "%s: %s%s%s", why->what, why->reason,
		*why->advice ? "; try: " : "", why->advice);
	agent_event(&h->agent,
		&(struct reload_event){ .type = kind == RENEW ? RELOAD_EV_CERTIFICATE_NOT_RENEWED
							      : RELOAD_EV_CONFIG_NOT_FETCHED,
			.err = err,
			.reason = text });
}

/*
 * What the program has written is taken now.  A pause follows also where that does not help: when the new certificate ends soon as well, by
 * the clock of this machine, or when whoever said that there is a newer document was wrong.
 */
static void done(void *arg, enum reload_err err, const struct reload_error_text *why)
{
	struct host_upkeep *u = arg;
	struct task *t = &u->tasks[u->running];
	reload_utc now = reload_poll_wall();
	uint16_t before = reload_peer_config(u->host->agent.peer)->sequence;
	unsigned failures = t->failures;
	bool asked = u->running == FETCH && u->fetch_now;
	u->child = NULL;
	json_decref(host_refresh(u->host));
	task_update(u, u->running, now);
	if (u->running == FETCH)
		u->fetch_now = false;
	if (u->running == FETCH && !err)
		t->due = reload_fetch_time(now, t->end, (uint32_t)agent_chance());
	bool news = reload_peer_config(u->host->agent.peer)->sequence != before;
	if (err || t->due <= now || (asked && !news)) {
		t->failures = failures;
		failed(u, u->running, err, why);
	}
	look_at(u, 0);
}

static void start(struct host_upkeep *u, enum kind kind)
{
	struct reload_error_text why = { 0 };
	struct host *h = u->host;
	const char *const renew[] = { "renew", "--identity", h->identity.dir, "--no-input",
		"--timeout", "60s", NULL };
	const char *const fetch[] = { "config", "fetch", "--identity", h->identity.dir,
		"--no-input", "--timeout", "60s", NULL };
	u->running = kind;
	agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO, "%s",
		kind == RENEW ? "renewing the certificate" : "fetching the configuration");
	enum reload_err err = agent_child_start(
		&u->child, h->agent.poll, kind == RENEW ? renew : fetch, done, u, &why);
	if (err)
		failed(u, kind, err, &why);
}

static void look(void *arg)
{
	struct host_upkeep *u = arg;
	reload_utc now = reload_poll_wall(), next = now + LOOK_MS;
	for (enum kind kind = RENEW; kind < KINDS; kind++) {
		task_update(u, kind, now);
		if (!u->child && is_due(u, kind))
			start(u, kind);
		if (u->tasks[kind].due > now && u->tasks[kind].due < next)
			next = u->tasks[kind].due;
	}
	look_at(u, next - now);
}

static void behind(void *arg)
{
	struct host_upkeep *u = arg;
	if (reload_peer_config(u->host->agent.peer)->sequence != u->sequence)
		return;
	u->fetch_now = true;
	look_at(u, 0);
}

void host_upkeep_behind(struct host *h)
{
	struct host_upkeep *u = h->upkeep;
	if (!u || u->behind.armed || u->fetch_now)
		return;
	u->sequence = reload_peer_config(h->agent.peer)->sequence;
	reload_timer_arm(reload_poll_timers(h->agent.poll), &u->behind,
		reload_poll_now() + BEHIND_MS + agent_chance() % BEHIND_SPREAD_MS, behind, u);
}

static json_t *refresh_asked(struct agent *agent)
{
	struct host *h = (struct host *)agent; /* its first member */
	for (enum kind kind = RENEW; kind < KINDS; kind++)
		h->upkeep->tasks[kind].pause_until = 0;
	look_at(h->upkeep, 0);
	json_t *result = host_refresh(h);
	reload_peer_hasten(h->agent.peer);
	return result;
}

void host_upkeep_start(struct host *h)
{
	h->upkeep = RELOAD_NEW(host_upkeep);
	h->upkeep->host = h;
	h->agent.refresh = refresh_asked;
	look_at(h->upkeep, 0);
}

void host_upkeep_stop(struct host *h)
{
	struct host_upkeep *u = h->upkeep;
	if (!u)
		return;
	agent_child_kill(u->child);
	reload_timer_cancel(reload_poll_timers(h->agent.poll), &u->look);
	reload_timer_cancel(reload_poll_timers(h->agent.poll), &u->behind);
	free(u);
	h->upkeep = NULL;
}
