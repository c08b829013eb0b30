#include "membership/internal.h"

/* Pings over one link: those that may be of no use any more, because there is a newer one to the same node; and all, to show a newer certificate. */

enum {
	CHECK_MS = 3000, /* of a node that is known to answer sooner */
	COPIES =
		4, /* the time of so many is the longest: the attempts that wait for a check last for one more */
	SHOWN_MAX = 1024 /* links; the nodes at further ones see it in the next message */
};

static void checked(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link);
	if (con)
		con->checking = false;
	if (con && result->err == RELOAD_TIMEOUT)
		reload_link_drop(m->connections, con, RELOAD_TIMEOUT);
}

void reload_link_check(struct reload_membership *m, struct reload_connection *con)
{
	reload_ms most = COPIES * (reload_ms)m->engine->config->overlay_reliability_timer_ms,
		  wait = con->answers_in ? 2 * con->answers_in : most;
	if (wait < CHECK_MS)
		wait = CHECK_MS;
	reload_link_try(m, con, wait < most ? wait : most);
}

void reload_link_try(
	struct reload_membership *m, struct reload_connection *con, reload_ms timeout_ms)
{
	struct reload_destination to = reload_dest_node(&con->node);
	struct reload_ping_req ping = { 0 };
	if (con->checking)
		return;
	con->checking = true;
	struct reload_request *r =
		reload_request_internal(m->exchange, RELOAD_PING_REQ, &to, 1, checked, m);
	r->over_link = con->link;
	r->timeout_ms = timeout_ms;
	reload_request_send(r, &ping);
}

struct reload_connection *reload_links_older(struct reload_membership *m,
	const struct reload_connection *con, struct reload_connection *before)
{
	while ((before = reload_connection_next(m->connections, before)))
		if (reload_id_eq(&before->node, &con->node) && before->order < con->order)
			break;
	return before;
}

void reload_link_starts_anew(struct reload_membership *m, const struct reload_id *node)
{
	if (m->role != RELOAD_ROLE_PEER)
		return;
	m->route->topology->disconnected(m->route->plugin, node);
	m->route->topology->connected(m->route->plugin, node);
}

static void shown(void *arg, struct reload_request *r, const struct reload_result *result)
{
	(void)arg, (void)r, (void)result;
}

void reload_membership_certified(struct reload_membership *m)
{
	struct reload_connection *con = NULL;
	struct reload_ping_req ping = { 0 };
	for (size_t i = 0; i < SHOWN_MAX && (con = reload_connection_next(m->connections, con));) {
		if (!con->good || !con->node.len)
			continue;
		struct reload_destination to = reload_dest_node(&con->node);
		struct reload_request *r =
			reload_request_internal(m->exchange, RELOAD_PING_REQ, &to, 1, shown, m);
		r->over_link = con->link;
		reload_request_send(r, &ping);
		i++;
	}
}
