/* Streams of events and of log lines; the engine's events arrive here. */
#include "rpc.h"

#include "history.h"

#include <string.h>

_Static_assert(RELOAD_EVENTS <= 64, "the types of events are bits of a number");

static void on_subscriber_gone(void *arg)
{
	struct agent_subscriber *s = arg, *other;
	struct agent_rpc *rpc = s->agent->rpc;
	TAILQ_REMOVE(&rpc->subscribers, s, entry);
	rpc->events_wanted = 0;
	TAILQ_FOREACH (other, &rpc->subscribers, entry)
		rpc->events_wanted |= other->events;
	free(s);
}

enum reload_rpc_end agent_subscribe(
	struct agent *agent, struct reload_rpc_call *call, uint64_t events)
{
	struct agent_subscriber *s = RELOAD_NEW(agent_subscriber);
	s->agent = agent;
	s->call = call;
	s->events = events;
	TAILQ_INSERT_TAIL(&agent->rpc->subscribers, s, entry);
	agent->rpc->events_wanted |= events;
	return reload_rpc_pend(call, on_subscriber_gone, s);
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
		if (!s->events)
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
		event->type == RELOAD_EV_CLIENT_MOVED || event->type == RELOAD_EV_CONFIG_CHANGED)
		rpc->hook.due = true; /* in the hook the engine's state may be read */
	if (event->type == RELOAD_EV_JOIN_FAILED) {
		rpc->failures++;
		rpc->failed_with = event->err;
	}
	uint64_t bit = UINT64_C(1) << event->type;
	if (!(rpc->events_wanted & bit))
		return; /* each message that comes or goes is an event, which few want to see */
	json_t *object = agent_event_json(event);
	struct agent_subscriber *s;
	TAILQ_FOREACH (s, &rpc->subscribers, entry)
		if (s->events & bit)
			send_to(s, object);
	json_decref(object);
}

/* The streams end with a summary when the agent does. */
void agent_end_streams(struct agent_rpc *rpc)
{
	for (struct agent_subscriber *s = TAILQ_FIRST(&rpc->subscribers), *next; s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (!s->events)
			continue;
		reload_rpc_reply(
			s->call, json_pack("{s:s, s:I, s:I}", "type", "summary", "events",
					 (json_int_t)s->sent, "dropped", (json_int_t)s->dropped));
		on_subscriber_gone(s);
	}
}
