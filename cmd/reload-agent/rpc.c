/*
 * The control socket of the agent.  Handlers call the engine and leave; results come back through the engine's
 * completions or, for those who wait for a state, through the hook at the end of a turn: events are told from inside the
 * engine, where it may not be asked.
 */
#include "rpc.h"

#include "common/output.h"
#include "kept.h"
#include "util/words.h"

#include <inttypes.h>
#include <string.h>

static const reload_rpc_handler handlers[RELOAD_METHODS] = {
#define X(method, access, handler, summary, params, result) [RELOAD_METHOD_##handler] = handler,
#include "control/methods.def"
#undef X
};

/* -- waiting ------------------------------------------------------------------------------------------------------- */

static void waiter_free(struct agent_waiter *w)
{
	reload_timer_cancel(reload_poll_timers(w->agent->poll), &w->timer);
	reload_timer_cancel(reload_poll_timers(w->agent->poll), &w->again);
	TAILQ_REMOVE(&w->agent->rpc->waiters, w, entry);
	free(w);
}

static void on_late(void *arg)
{
	struct agent_waiter *w = arg;
	w->late(w);
	waiter_free(w);
}

static void on_waiter_gone(void *arg)
{
	waiter_free(arg);
}

enum reload_rpc_end agent_wait(struct agent *agent, struct reload_rpc_call *call,
	uint64_t timeout_ms, agent_waiter_check check, void (*late)(struct agent_waiter *w),
	enum reload_state state)
{
	struct agent_waiter *w = RELOAD_NEW(agent_waiter);
	w->agent = agent;
	w->call = call;
	w->since = reload_poll_now();
	w->failures = agent->rpc->failures;
	w->state = state;
	w->check = check;
	w->late = late;
	TAILQ_INSERT_TAIL(&agent->rpc->waiters, w, entry);
	if (timeout_ms)
		reload_timer_arm(reload_poll_timers(agent->poll), &w->timer, w->since + timeout_ms,
			on_late, w);
	agent->rpc->hook.due = true;
	return reload_rpc_pend(call, on_waiter_gone, w);
}

static void on_again(void *arg)
{
	((struct agent_rpc *)arg)->hook.due = true;
}

void agent_wait_again(struct agent_waiter *w, reload_ms when)
{
	reload_timer_arm(
		reload_poll_timers(w->agent->poll), &w->again, when, on_again, w->agent->rpc);
}

static void look_at_waiters(void *arg)
{
	struct agent *agent = arg;
	if (!agent->peer)
		return;
	struct reload_status s;
	reload_peer_status(agent->peer, &s);
	agent_kept_state(agent_kept_of(agent), s.state);
	for (struct agent_waiter *w = TAILQ_FIRST(&agent->rpc->waiters), *next; w; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->check(w, &s))
			waiter_free(w);
	}
}

/* -- streams ------------------------------------------------------------------------------------------------------- */

static void on_subscriber_gone(void *arg)
{
	struct agent_subscriber *s = arg;
	TAILQ_REMOVE(&s->agent->rpc->subscribers, s, entry);
	s->agent->rpc->event_subscribers -= !s->lines;
	json_decref(s->types);
	free(s);
}

enum reload_rpc_end agent_subscribe(struct agent *agent, struct reload_rpc_call *call,
	const json_t *types, enum reload_event_level level, bool lines)
{
	struct agent_subscriber *s = RELOAD_NEW(agent_subscriber);
	s->agent = agent;
	s->call = call;
	s->types = json_array_size(types) ? json_deep_copy(types) : NULL;
	s->level = level;
	s->lines = lines;
	TAILQ_INSERT_TAIL(&agent->rpc->subscribers, s, entry);
	agent->rpc->event_subscribers += !lines;
	return reload_rpc_pend(call, on_subscriber_gone, s);
}

static bool wanted(const struct agent_subscriber *s, enum reload_event_type event)
{
	const char *type = reload_event_name(event);
	size_t i;
	json_t *t;
	if (!s->types)
		return reload_event_level(event) <= s->level;
	json_array_foreach (s->types, i, t)
		if (strcmp(json_string_value(t), type) == 0)
			return true;
	return false;
}

static void send_to(struct agent_subscriber *s, json_t *object)
{
	if (reload_rpc_progress(s->call, object))
		s->sent++;
	else
		s->dropped++;
}

static void on_log_line(void *arg, json_t *line)
{
	struct agent *agent = arg;
	struct agent_subscriber *s;
	TAILQ_FOREACH (s, &agent->rpc->subscribers, entry)
		if (s->lines)
			send_to(s, line);
}

void agent_event(struct agent *agent, const struct reload_event *event)
{
	agent_log_event(agent->log, event);
	struct agent_rpc *rpc = agent->rpc;
	if (!rpc)
		return;
	if (event->type == RELOAD_EV_ROUTING_CHANGED)
		rpc->tables_changed = reload_poll_now();
	if (event->type == RELOAD_EV_STATE || event->type == RELOAD_EV_JOIN_FAILED)
		rpc->hook.due = true; /* there the engine may be asked */
	if (event->type == RELOAD_EV_JOIN_FAILED) {
		rpc->failures++;
		rpc->failed_with = event->err;
	}
	if (!rpc->event_subscribers)
		return;
	json_t *object = agent_event_json(event);
	struct agent_subscriber *s;
	TAILQ_FOREACH (s, &rpc->subscribers, entry)
		if (!s->lines && wanted(s, event->type))
			send_to(s, object);
	json_decref(object);
}

/* The streams end with a summary when the agent does. */
static void end_streams(struct agent_rpc *rpc)
{
	for (struct agent_subscriber *s = TAILQ_FIRST(&rpc->subscribers), *next; s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->lines)
			continue;
		reload_rpc_reply(
			s->call, json_pack("{s:s, s:I, s:I}", "type", "summary", "events",
					 (json_int_t)s->sent, "dropped", (json_int_t)s->dropped));
		on_subscriber_gone(s);
	}
}

static void on_socket(
	void *arg, const char *path, enum reload_err err, const struct reload_why *why)
{
	struct agent *agent = arg;
	if (err)
		agent_log(agent->log, "agent", RELOAD_LEVEL_ERROR,
			"the control socket was removed and cannot be made again: %s: %s",
			why->what, why->why);
	else
		agent_log(agent->log, "agent", RELOAD_LEVEL_WARN,
			"the control socket was removed and is made again path=%s", path);
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

enum reload_err agent_rpc_new(struct agent *agent, const char *socket, const char *read_only_socket,
	struct reload_why *why)
{
	struct agent_rpc *rpc = RELOAD_NEW(agent_rpc);
	TAILQ_INIT(&rpc->waiters);
	TAILQ_INIT(&rpc->subscribers);
	rpc->service = (struct reload_rpc_service){ handlers, agent, on_socket };
	enum reload_err err = reload_server_new(
		&rpc->server, agent->poll, &rpc->service, socket, read_only_socket, why);
	if (err) {
		free(rpc);
		return err;
	}
	rpc->hook = (struct reload_poll_hook){
		.fn = look_at_waiters, .arg = agent, .order = RELOAD_HOOK_FLUSH + 1
	};
	reload_poll_hook_add(agent->poll, &rpc->hook);
	agent_log_follow(agent->log, on_log_line, agent);
	agent->rpc = rpc;
	return RELOAD_OK;
}

struct reload_server *agent_rpc_free(struct agent *agent)
{
	struct agent_rpc *rpc = agent->rpc;
	if (!rpc)
		return NULL;
	struct reload_server *server = rpc->server;
	end_streams(rpc);
	reload_server_flush(server);
	reload_server_hang_up(server);
	agent_kept_free(rpc->kept); /* a Store that ended meanwhile was kept there */
	agent_log_follow(agent->log, NULL, NULL);
	reload_poll_hook_remove(agent->poll, &rpc->hook);
	agent->rpc = NULL;
	free(rpc);
	return server;
}

/* -- parameters and results ------------------------------------------------------------------------------------------ */

const char *param_text(const json_t *params, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(params, name));
	return s ? s : otherwise;
}

uint64_t param_int(const json_t *params, const char *name, uint64_t otherwise)
{
	const json_t *v = json_object_get(params, name);
	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : otherwise;
}

uint64_t param_u64(const json_t *params, const char *name, uint64_t otherwise)
{
	const char *s = json_string_value(json_object_get(params, name));
	return s ? strtoull(s, NULL, 10) : otherwise;
}

bool param_bool(const json_t *params, const char *name, bool otherwise)
{
	const json_t *v = json_object_get(params, name);
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

enum reload_err param_kind(const struct reload_kind **out, const struct agent *agent,
	const json_t *params, struct reload_why *why)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	const json_t *v = json_object_get(params, "kind");
	const char *text = json_string_value(v);
	const struct reload_kind *kind =
		text ? reload_config_kind_named(config, text)
		     : reload_config_kind(config, (uint32_t)json_integer_value(v));
	if (kind) {
		*out = kind;
		return RELOAD_OK;
	}
	char what[128], number[16];
	snprintf(number, sizeof(number), "0x%" PRIx32, text ? 0 : (uint32_t)json_integer_value(v));
	snprintf(what, sizeof(what), "unknown Kind %.80s", text ? text : number);
	reload_why_set(why, RELOAD_UNKNOWN_KIND, what,
		"neither the configuration of %s nor the registry has it", config->instance_name);
	const char *words[RELOAD_CONFIG_KINDS_MAX + 1] = { NULL }, *near = NULL;
	size_t count = 0;
	for (size_t i = 0; text && i < config->kinds.count && count < RELOAD_CONFIG_KINDS_MAX; i++)
		if (reload_kind_name(&config->kinds.at[i]))
			words[count++] = reload_kind_name(&config->kinds.at[i]);
	near = text ? reload_nearest(text, words) : NULL;
	if (near)
		reload_why_hint(why, "-k %s", near);
	else
		reload_why_hint(
			why, "reload-enroll config show %s lists the Kinds", config->instance_name);
	return RELOAD_USAGE;
}

char *agent_short_id(char out[AGENT_SHORT], const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	snprintf(out, AGENT_SHORT, "%.8s", reload_id_hex(hex, id));
	return out;
}

char *agent_kind_name(char out[AGENT_KIND], const struct reload_kind *kind)
{
	if (reload_kind_name(kind))
		snprintf(out, AGENT_KIND, "%s", reload_kind_name(kind));
	else
		snprintf(out, AGENT_KIND, "0x%08" PRIx32, kind->id);
	return out;
}
