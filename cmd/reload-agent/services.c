#include "services.h"

#include "common/json.h"
#include "common/output.h"
#include "log.h"
#include "random.h"
#include "redir.h"

#include <bsd/sys/queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HISTORIES = 16,       /* namespaces whose lookups are remembered; the oldest makes room */
	AFTER_JOIN_MS = 1000, /* a round begins within this time after a join */
	NAME = RELOAD_REDIR_NAMESPACE_MAX + 1
};

struct agent_service {
	TAILQ_ENTRY(agent_service) entry;
	struct agent_services *all;
	char name[NAME];
	uint32_t lifetime_s;
	uint32_t branching; /* of the tree in which it is registered; 0: in none */
	unsigned start;     /* level at which the next round begins */
	struct reload_redir_registration round;
	bool running;                          /* a round is under way */
	struct reload_request *request;        /* of the round */
	reload_utc until[RELOAD_REDIR_LEVELS]; /* the end of the record at that level; 0: none */
	struct reload_timer timer;
	reload_utc next;
	unsigned rounds, failures; /* failures: incomplete rounds in a row */
	/* a removal under way */
	struct removal {
		struct agent_service *service;
		struct reload_request *request;
	} removals[RELOAD_REDIR_LEVELS];
	unsigned removing, removed, not_removed;
	bool own;    /* of the agent itself: it is not on disk */
	bool leaves; /* it is freed once its records are removed */
	agent_service_done done;
	void *done_arg;
};

TAILQ_HEAD(service_list, agent_service);

struct agent_services {
	struct agent *agent;
	struct service_list list;
	size_t count;
	bool joined;
	struct {
		char name[NAME];
		struct reload_redir_history levels;
	} histories[HISTORIES];
	size_t histories_count, histories_next;
	struct reload_redir_silent silent;
};

static struct reload_timers *timers(const struct agent_service *v)
{
	return reload_poll_timers(v->all->agent->poll);
}

static struct reload_redir_place place_at(const struct agent_service *v, unsigned level)
{
	return reload_redir_place(&v->all->agent->credentials->node, v->branching, level);
}

static void report(struct agent_service *v)
{
	agent_service_done done = v->done;
	v->done = NULL;
	if (done)
		done(v->done_arg, v);
}

/* -- a round ------------------------------------------------------------------------------------------------------------- */

static void begin(void *arg);
static void step(struct agent_service *v);

static void plan(struct agent_service *v, reload_ms in)
{
	v->next = cli_now() + in;
	reload_timer_arm(timers(v), &v->timer, reload_poll_now() + in, begin, v);
}

static void round_ended(struct agent_service *v)
{
	const struct reload_redir_registration *r = &v->round;
	char places[64] = "";
	size_t used = 0;
	v->running = false;
	for (unsigned level = 0; level < RELOAD_REDIR_LEVELS; level++)
		if (r->stored & 1u << level) {
			v->until[level] = cli_now() + (reload_ms)v->lifetime_s * RELOAD_SECOND;
			used += (size_t)snprintf(places + used, sizeof(places) - used, "%s%u",
				used ? "," : "", level);
		}
	v->failures = r->incomplete ? v->failures + 1 : 0;
	if (!r->incomplete)
		v->start = r->level; /* where it was alone: the next round begins there (R7374-6) */
	agent_log(v->all->agent->log, "agent",
		r->incomplete ? RELOAD_LEVEL_WARN : RELOAD_LEVEL_INFO,
		"service %s registered levels=%s fetches=%u stores=%u%s%s", v->name,
		*places ? places : "none", r->fetches, r->stores, r->incomplete ? " failed=" : "",
		r->incomplete ? reload_err_text(r->err) : "");
	plan(v, reload_redir_refresh_in(v->lifetime_s, !v->rounds, v->failures, agent_chance()));
	v->rounds += !r->incomplete;
	report(v);
}

static void fetched(void *arg, const struct reload_result *r)
{
	struct agent_service *v = arg;
	size_t count = 0;
	struct reload_redir_entry *entries = agent_redir_entries(
		&count, r, v->name, reload_redir_register_next(&v->round).place, v->branching);
	v->request = NULL;
	reload_redir_register_fetched(&v->round, r->err, entries, count);
	free(entries);
	step(v);
}

static void stored(void *arg, const struct reload_result *r)
{
	struct agent_service *v = arg;
	v->request = NULL;
	reload_redir_register_stored(&v->round, r->err);
	step(v);
}

/* Does the steps of the round up to the next one that takes a request. */
static void step(struct agent_service *v)
{
	struct reload_redir_step s;
	enum reload_err err = RELOAD_OK;
	while (!v->request &&
		(s = reload_redir_register_next(&v->round)).action != RELOAD_REDIR_END) {
		if (s.action == RELOAD_REDIR_FETCH)
			v->request = agent_redir_fetch(
				v->all->agent, v->name, s.place, 0, fetched, v, &err);
		else
			v->request = agent_redir_store(
				v->all->agent, v->name, s.place, v->lifetime_s, stored, v, &err);
		if (v->request)
			return;
		if (s.action == RELOAD_REDIR_FETCH)
			reload_redir_register_fetched(&v->round, err, NULL, 0);
		else
			reload_redir_register_stored(&v->round, err);
	}
	round_ended(v);
}

static void begin(void *arg)
{
	struct agent_service *v = arg;
	struct reload_error_text why;
	const struct reload_kind *kind = agent_redir_kind(v->all->agent, &why);
	reload_timer_cancel(timers(v), &v->timer);
	v->next = 0;
	if (v->running || v->leaves)
		return;
	if (!kind) { /* a newer configuration took it away, and may bring it back */
		v->branching = 0;
		return;
	}
	if (v->branching != kind->branching_factor) {
		memset(v->until, 0, sizeof(v->until)); /* storing peers have dropped them */
		v->start = RELOAD_REDIR_START;
		v->branching = kind->branching_factor;
	}
	v->running = true;
	reload_redir_register(&v->round, &v->all->agent->credentials->node, v->branching, v->start);
	step(v);
}

static void cancel_round(struct agent_service *v)
{
	reload_timer_cancel(timers(v), &v->timer);
	v->next = 0;
	if (v->running)
		reload_redir_register_cancel(&v->round);
	if (v->request)
		reload_request_cancel(v->all->agent->peer, TAKE(v->request));
	if (v->running)
		for (unsigned level = 0; level < RELOAD_REDIR_LEVELS; level++)
			if (v->round.stored & 1u << level)
				v->until[level] =
					cli_now() + (reload_ms)v->lifetime_s * RELOAD_SECOND;
	v->running = false;
}

static void end_round(struct agent_service *v)
{
	cancel_round(v);
	if (!v->leaves)
		report(v);
}

/* -- removal ------------------------------------------------------------------------------------------------------------- */

static void service_free(struct agent_service *v)
{
	struct agent_services *s = v->all;
	cancel_round(v);
	for (unsigned level = 0; level < RELOAD_REDIR_LEVELS; level++)
		if (v->removals[level].request)
			reload_request_cancel(s->agent->peer, TAKE(v->removals[level].request));
	TAILQ_REMOVE(&s->list, v, entry);
	s->count--;
	free(v);
}

static void removals_ended(struct agent_service *v)
{
	if (v->removing)
		return; /* others are under way */
	agent_log(v->all->agent->log, "agent", RELOAD_LEVEL_INFO,
		"service %s removed records=%u failed=%u", v->name, v->removed, v->not_removed);
	report(v);
	if (v->leaves)
		service_free(v);
}

static void nothing_removed(void *arg)
{
	removals_ended(arg);
}

static void removal_ended(void *arg, const struct reload_result *r)
{
	struct removal *m = arg;
	struct agent_service *v = m->service;
	m->request = NULL;
	v->removing--;
	if (r->err)
		v->not_removed++;
	else
		v->removed++;
	removals_ended(v);
}

/* R7374-21: a removal lasts as long as the record that it replaces would have. */
static void remove_records(struct agent_service *v)
{
	reload_utc now = cli_now();
	enum reload_err err = RELOAD_OK;
	cancel_round(v);
	v->removed = v->not_removed = 0;
	for (unsigned level = 0; v->branching && level < RELOAD_REDIR_LEVELS; level++) {
		struct removal *m = &v->removals[level];
		reload_utc until = v->until[level];
		v->until[level] = 0;
		if (until <= now || m->request)
			continue;
		m->service = v;
		m->request = agent_redir_remove(v->all->agent, v->name, place_at(v, level),
			(uint32_t)((until - now) / RELOAD_SECOND + 1), removal_ended, m, &err);
		if (m->request)
			v->removing++;
		else
			v->not_removed++;
	}
}

void agent_services_leave(struct agent_services *s)
{
	struct agent_service *v;
	if (s->joined)
		TAILQ_FOREACH (v, &s->list, entry)
			remove_records(v);
}

/* -- the table ----------------------------------------------------------------------------------------------------------- */

struct agent_services *agent_services_new(struct agent *agent)
{
	struct agent_services *s = RELOAD_NEW(agent_services);
	s->agent = agent;
	TAILQ_INIT(&s->list);
	return s;
}

void agent_services_free(struct agent_services *s)
{
	struct agent_service *v;
	while ((v = TAILQ_FIRST(&s->list)))
		service_free(v);
	free(s);
}

void agent_services_state(struct agent_services *s, enum reload_state state)
{
	bool joined = state == RELOAD_STATE_JOINED, changed = joined != s->joined;
	const struct reload_kind *kind =
		reload_config_kind(reload_peer_config(s->agent->peer), RELOAD_KIND_REDIR);
	struct agent_service *v;
	s->joined = joined;
	TAILQ_FOREACH (v, &s->list, entry) {
		/* with another factor the tree has other places; without one the Kind was not there */
		bool other = kind && kind->branching_factor != v->branching &&
			     (v->branching || !v->next);
		if (!joined && changed)
			end_round(v);
		else if (joined && !v->leaves && changed)
			plan(v, agent_chance() % AFTER_JOIN_MS);
		else if (joined && !v->leaves && other && !v->running)
			plan(v, 0);
	}
}

struct agent_service *agent_service_find(struct agent_services *s, const char *name)
{
	struct agent_service *v;
	TAILQ_FOREACH (v, &s->list, entry)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

enum reload_err agent_service_name_check(const char *name, struct reload_error_text *why)
{
	if (reload_redir_namespace_valid(span_str(name)))
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_USAGE, "that is not the namespace of a service",
		"it has %zu bytes; 1 to %d of UTF-8 are possible", strlen(name),
		RELOAD_REDIR_NAMESPACE_MAX);
	reload_error_advise(why, "a word such as turn-server, or example.calls.voice-echo");
	return RELOAD_USAGE;
}

enum reload_err agent_services_room(
	struct agent_services *s, const char *name, struct reload_error_text *why)
{
	enum reload_err err = agent_service_name_check(name, why);
	if (err)
		return err;
	if (!agent_redir_kind(s->agent, why))
		return RELOAD_UNKNOWN_KIND;
	if (s->count < AGENT_SERVICES_MAX || agent_service_find(s, name))
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_LIMIT, "no more services can be offered",
		"this agent offers %d already", AGENT_SERVICES_MAX);
	reload_error_advise(
		why, "reload-store -a %s --service NAMESPACE --remove", s->agent->instance);
	return RELOAD_LIMIT;
}

struct agent_service *agent_service_put(
	struct agent_services *s, const char *name, uint32_t lifetime_s)
{
	struct agent_service *v = agent_service_find(s, name);
	if (!v) {
		v = RELOAD_NEW(agent_service);
		v->all = s;
		v->start = RELOAD_REDIR_START;
		snprintf(v->name, sizeof(v->name), "%s", name);
		TAILQ_INSERT_TAIL(&s->list, v, entry);
		s->count++;
	}
	v->lifetime_s = lifetime_s;
	v->own = false;
	return v;
}

void agent_service_offer(struct agent_services *s, const char *name)
{
	struct reload_error_text why;
	struct agent_service *v = agent_service_find(s, name);
	bool withdrawn = v && v->own && v->leaves; /* its removal is still under way */
	if ((v && !withdrawn) || agent_services_room(s, name, &why))
		return;
	v = agent_service_put(s, name, RELOAD_REDIR_LIFETIME_S);
	v->own = true;
	v->leaves = false;
	if (s->joined)
		plan(v, 0);
}

void agent_service_withdraw(struct agent_services *s, const char *name)
{
	struct agent_service *v = agent_service_find(s, name);
	if (v && v->own && agent_service_remove(v, NULL, NULL))
		return; /* it is being removed already */
}

enum reload_err agent_service_register(struct agent_service *v, agent_service_done done, void *arg)
{
	if (!v->all->joined)
		return RELOAD_NOT_JOINED;
	if (v->done || v->leaves)
		return RELOAD_EXISTS;
	cancel_round(v);
	v->done = done;
	v->done_arg = arg;
	plan(v, 0);
	return RELOAD_OK;
}

enum reload_err agent_service_remove(struct agent_service *v, agent_service_done done, void *arg)
{
	if (v->done || v->leaves)
		return RELOAD_EXISTS;
	v->leaves = true;
	v->done = done;
	v->done_arg = arg;
	if (v->all->joined)
		remove_records(v);
	else
		cancel_round(v);
	if (!v->removing)
		reload_timer_arm(timers(v), &v->timer, reload_poll_now(), nothing_removed, v);
	return RELOAD_OK;
}

void agent_service_unwait(struct agent_service *v)
{
	v->done = NULL;
}

void agent_service_drop(struct agent_service *v)
{
	v->done = NULL;
	service_free(v);
}

struct agent_service_report agent_service_report(const struct agent_service *v)
{
	return (struct agent_service_report){ .name = v->name,
		.lifetime_s = v->lifetime_s,
		.round = &v->round,
		.removed = v->removed,
		.not_removed = v->not_removed,
		.next = v->next };
}

/* -- JSON ---------------------------------------------------------------------------------------------------------------- */

static const char *state_of(const struct agent_service *v)
{
	if (v->leaves)
		return "removing";
	if (v->running)
		return "registering";
	if (v->failures)
		return "failing";
	return v->all->joined ? "kept" : "waiting";
}

static json_t *service_json(const struct agent_service *v)
{
	json_t *places = json_array();
	reload_utc until = 0, now = cli_now();
	for (unsigned level = 0; v->branching && level < RELOAD_REDIR_LEVELS; level++) {
		if (v->until[level] > now)
			json_array_append_new(places,
				agent_redir_place_json(v->all->agent, v->name, place_at(v, level)));
		if (v->until[level] > until)
			until = v->until[level];
	}
	return json_pack("{s:s, s:I, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "service", v->name,
		"lifetime_s", (json_int_t)v->lifetime_s, "state", state_of(v), "rounds",
		(json_int_t)v->rounds, "failures", (json_int_t)v->failures, "expires",
		until ? cli_json_time(until) : json_null(), "next",
		v->next ? cli_json_time(v->next) : json_null(), "places", places, "last_error",
		json_of_text(v->failures ? reload_err_text(v->round.err) : NULL));
}

json_t *agent_services_json(const struct agent_services *s)
{
	const struct agent_service *v;
	json_t *list = json_array();
	TAILQ_FOREACH (v, &s->list, entry)
		json_array_append_new(list, service_json(v));
	return list;
}

json_t *agent_services_saved(const struct agent_services *s)
{
	const struct agent_service *v;
	json_t *list = json_array();
	TAILQ_FOREACH (v, &s->list, entry)
		if (!v->leaves && !v->own)
			json_array_append_new(
				list, json_pack("{s:s, s:I}", "service", v->name, "lifetime_s",
					      (json_int_t)v->lifetime_s));
	return list;
}

enum reload_err agent_services_restore(struct agent_services *s, const json_t *list)
{
	size_t i;
	json_t *o;
	json_array_foreach (list, i, o) {
		const char *name = json_string_value(json_object_get(o, "service"));
		if (!reload_redir_namespace_valid(span_str(name)))
			return RELOAD_BAD_VALUE;
		agent_service_put(
			s, name, (uint32_t)json_integer_value(json_object_get(o, "lifetime_s")));
	}
	return RELOAD_OK;
}

struct reload_redir_silent *agent_services_silent(struct agent_services *s)
{
	return &s->silent;
}

struct reload_redir_history *agent_services_history(struct agent_services *s, const char *name)
{
	for (size_t i = 0; i < s->histories_count; i++)
		if (strcmp(s->histories[i].name, name) == 0)
			return &s->histories[i].levels;
	size_t at = s->histories_next;
	s->histories_next = (at + 1) % HISTORIES;
	if (s->histories_count < HISTORIES)
		s->histories_count++;
	snprintf(s->histories[at].name, sizeof(s->histories[at].name), "%s", name);
	s->histories[at].levels = (struct reload_redir_history){ 0 };
	return &s->histories[at].levels;
}
