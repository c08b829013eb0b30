#include "membership/internal.h"

/*
 * Leaving: the own range is handed over first, for HAND_OVER_WAIT_MS at most, and the answers to the host's requests are waited for; then
 * Leaves are sent to the neighbours, which close their links.
 */

enum {
	HAND_OVER_WAIT_MS = 2000, /* of the node's own range */
	LEAVE_ANSWER_WAIT_MS = 2000
};

static void close_all_links(struct reload_membership *m)
{
	struct reload_connection *con;
	while ((con = reload_connection_next(m->connections, NULL))) {
		struct reload_id node = con->node;
		reload_link_close(m->connections, con);
		/* a plug-in that believes in old links does not attach to those nodes when it joins again */
		if (m->role == RELOAD_ROLE_PEER && node.len &&
			!reload_connection_by_node(m->connections, &node))
			m->route->topology->disconnected(m->route->plugin, &node);
	}
}

static void leave_finished(void *arg)
{
	struct reload_membership *m = arg;
	reload_timer_cancel(&m->engine->timers, &m->leaving);
	close_all_links(m);
	if (!m->role_changes) {
		reload_join_state_set(m, RELOAD_STATE_ENROLLED);
		reload_requests_end(m->exchange, RELOAD_NOT_JOINED);
		return;
	}
	reload_join_begin(m, m->role_after_leave);
}

/* The hand-over is complete, or takes too long. */
static void leave_neighbours(void *arg)
{
	struct reload_membership *m = arg;
	m->handing_over = false;
	m->route->topology->leave(m->route->plugin);
	reload_timer_arm(&m->engine->timers, &m->leaving,
		m->engine->now + (m->connections->count ? LEAVE_ANSWER_WAIT_MS : 0), leave_finished,
		m);
	reload_membership_progress(m);
}

static void aside_end(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->aside.timer);
	m->aside.active = false;
	m->aside.address_checks = 0;
}

void reload_membership_leave(struct reload_membership *m, bool now)
{
	m->join_requested = m->role_changes = false;
	aside_end(m);
	reload_timer_cancel(&m->engine->timers, &m->retry);
	reload_timer_cancel(&m->engine->timers, &m->unresponsive);
	reload_search_stop(m);
	if (m->state == RELOAD_STATE_ENROLLED || m->state == RELOAD_STATE_LEAVING)
		return;
	reload_join_state_set(m, RELOAD_STATE_LEAVING);
	if (now) {
		m->route->topology->leave(m->route->plugin);
		leave_finished(m);
		return;
	}
	m->handing_over = true;
	m->watch->hand_over(m->watch_arg);
	reload_timer_arm(&m->engine->timers, &m->leaving, m->engine->now + HAND_OVER_WAIT_MS,
		leave_neighbours, m);
	reload_membership_progress(m); /* a client has nothing to hand over */
}

void reload_leave_then(struct reload_membership *m, enum reload_role role)
{
	bool aside = m->aside.active;
	reload_membership_leave(m, false);
	m->aside.active = aside;
	m->role_changes = true;
	m->role_after_leave = role;
}

bool reload_leave_returns(const struct reload_membership *m)
{
	return m->state == RELOAD_STATE_LEAVING && m->role_changes;
}

void reload_membership_progress(struct reload_membership *m)
{
	if (m->state != RELOAD_STATE_LEAVING)
		return;
	/* a neighbour that gets the Leave closes its link, and answers to the host would be lost with it */
	bool waits = m->watch->moving(m->watch_arg) || reload_requests_of_host(m->exchange);
	if (m->handing_over && waits)
		return;
	if (m->handing_over)
		reload_timer_arm(
			&m->engine->timers, &m->leaving, m->engine->now, leave_neighbours, m);
	else if (!reload_requests_open(m->exchange) || !m->connections->count)
		reload_timer_arm(
			&m->engine->timers, &m->leaving, m->engine->now, leave_finished, m);
}

void reload_leave_health(struct reload_membership *m)
{
	if (m->handing_over)
		m->watch->hand_over(m->watch_arg);
}

void reload_leave_clear(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->leaving);
	aside_end(m);
}
