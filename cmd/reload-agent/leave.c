#include "leave.h"

#include "ready.h"

#include "registrations.h"
#include "renewals.h"
#include "services.h"
#include "signals.h"

static void leave_now(void *arg)
{
	struct host *h = arg;
	struct reload_status st;
	h->agent.withdrawing = false;
	if (!h->leave_now)
		agent_services_leave(agent_services(&h->agent));
	reload_peer_leave(h->agent.peer, h->leave_now);
	reload_peer_status(h->agent.peer, &st);
	if (h->stopping && st.state == RELOAD_STATE_ENROLLED)
		h->ended = true;
}

/* The agent's leave operation: who looks for the user does not find a node that has gone. */
static void leave_asked(struct agent *agent, bool now)
{
	struct host *h = (struct host *)agent; /* its first member */
	h->leave_now = now;
	if (now)
		agent_registrations_withdraw_end(agent);
	else if (agent->withdrawing || agent_registrations_withdraw(agent, leave_now, h))
		return;
	leave_now(h);
}

void host_stop(struct host *h)
{
	h->stopping = true;
	agent_notify_stopping(h->notify);
	agent_signals_leaving(h->signals);
	if (h->agent.join_cancel)
		h->agent.join_cancel(&h->agent);
	leave_asked(&h->agent, h->stop_now);
}

static void stop_later(void *arg)
{
	host_stop(arg);
}

/* The agent's stop operation.  It is called from inside a request, so it only notes the wish. */
static void stop_asked(struct agent *agent, bool now)
{
	struct host *h = (struct host *)agent; /* its first member */
	h->stop_now |= now;
	reload_timer_arm(
		reload_poll_timers(agent->poll), &h->stop, reload_poll_now(), stop_later, h);
}

void host_leave_prepare(struct host *h)
{
	h->agent.leave = leave_asked;
	h->agent.stop = stop_asked;
}
