/* Streams of events and of log lines; the engine's events arrive here. */
#include "rpc.h"

#include "history.h"

#include <string.h>

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

void agent_stream_line(void *arg, json_t *line)
{
	struct agent *agent = arg;
	struct agent_subscriber *s;
	TAILQ_FOREACH (s, &agent->rpc->subscribers, entry)
		if (s->lines)
			send_to(s, line);
}

void agent_event(struct agent *agent, const struct reload_event *event)
{
	agent->events[event->type]++;
	agent_log_event(agent->log, event);
	agent_history_event(agent->history, event);
	struct agent_rpc *rpc = agent->rpc;
	if (event->type == RELOAD_EV_PARTITION)
		agent->other_ring = true;
	if (event->type == RELOAD_EV_PARTITION_ENDED ||
		(event->type == RELOAD_EV_STATE && event->code == RELOAD_STATE_ENROLLED))
		agent->other_ring = false;
	if (!rpc)
		return;
	if (event->type == RELOAD_EV_ROUTING_CHANGED)
		rpc->tables_changed = reload_poll_now();
	if (event->type == RELOAD_EV_STATE || event->type == RELOAD_EV_JOIN_FAILED ||
		event->type == RELOAD_EV_CLIENT_MOVED)
		rpc->hook.due = true; /* in the hook the engine's state may be read */
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
void agent_end_streams(struct agent_rpc *rpc)
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
