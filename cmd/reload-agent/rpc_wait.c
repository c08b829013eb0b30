/* Requests that wait until the node is in a state. */
#include "rpc.h"

#include "registrations.h"
#include "renewals.h"

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

void agent_check_waiters(void *arg)
{
	struct agent *agent = arg;
	if (!agent->peer)
		return;
	struct reload_status s;
	reload_peer_status(agent->peer, &s);
	agent_registrations_state(agent, &s);
	agent_renewals_state(agent_renewals(agent), s.state);
	for (struct agent_waiter *w = TAILQ_FIRST(&agent->rpc->waiters), *next; w; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->check(w, &s))
			waiter_free(w);
	}
}
