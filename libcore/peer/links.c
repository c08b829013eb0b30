#include "peer/internal.h"

/*
 * What links mean for the overlay: the plug-in is told of bound ones, attempts and searches of their own, the life of the node of
 * lost ones.
 */

enum {
	CHECK_MS = 3000
};

static void checked(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	struct reload_connection *con = reload_connection_by_link(p->connections, r->over_link);
	if (con)
		con->checking = false;
	if (con && result->err == RELOAD_TIMEOUT)
		reload_link_drop(p->connections, con, RELOAD_TIMEOUT);
}

void reload_link_check(struct reload_peer *p, struct reload_connection *con)
{
	struct reload_destination to = reload_dest_node(&con->node);
	struct reload_ping_req ping = { 0 };
	if (con->checking)
		return;
	con->checking = true;
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_PING_REQ, &to, 1, checked, p);
	r->over_link = con->link;
	r->timeout_ms = CHECK_MS;
	reload_request_send(r, &ping);
}

/* Who makes a second link may have lost the first, by an end that this node was not told of. */
static void check_older(struct reload_peer *p, const struct reload_connection *fresh)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(p->connections, con)))
		if (con != fresh && reload_id_eq(&con->node, &fresh->node) &&
			con->order < fresh->order)
			reload_link_check(p, con);
}

void reload_link_starts_anew(struct reload_peer *p, const struct reload_id *node)
{
	if (p->life.role != RELOAD_ROLE_PEER)
		return;
	p->topology->disconnected(p->plugin, node);
	p->topology->connected(p->plugin, node);
}

/* Of several links to a node the best one counts: it may be another one since a link was made or lost. */
static void health_changed(struct reload_peer *p, const struct reload_id *node)
{
	const struct reload_connection *best = reload_connection_by_node(p->connections, node);
	if (best && p->life.role == RELOAD_ROLE_PEER)
		p->topology->link_health(p->plugin, node, best->good);
}

static bool watch_probed(void *arg, uint32_t link, const struct reload_cert *cert)
{
	return cert ? reload_claims_link_up(arg, link, cert) : reload_claims_link_down(arg, link);
}

static bool watch_expects(void *arg, uint32_t link, struct reload_id *node)
{
	return reload_attach_expects(arg, link, node);
}

/* Its certificate was judged by the same rules as that of a message's signer. */
static void watch_made(void *arg, struct reload_connection *con)
{
	struct reload_peer *p = arg;
	reload_exchange_trusts(p->exchange, con->cert);
}

static void watch_bound(void *arg, struct reload_connection *con)
{
	struct reload_peer *p = arg;
	check_older(p, con);
	if (p->life.role == RELOAD_ROLE_PEER)
		p->topology->connected(p->plugin, &con->node);
	health_changed(p, &con->node);
}

static void watch_up(void *arg, struct reload_connection *con)
{
	reload_attach_link_up(arg, con);
	reload_search_link_up(arg, con);
}

static void watch_health(void *arg, struct reload_connection *con)
{
	struct reload_peer *p = arg;
	if (con->node.len)
		health_changed(p, &con->node);
	reload_life_neighbours(p);
}

/* One of the links to a node is gone. */
static void node_link_lost(struct reload_peer *p, const struct reload_lost_link *lost)
{
	const struct reload_connection *other =
		reload_connection_by_node(p->connections, &lost->node);
	if (!other && p->life.state == RELOAD_STATE_JOINED &&
		reload_topology_lists(p->topology, p->plugin, &lost->node))
		reload_engine_event(
			p->engine, &(struct reload_event){ .type = RELOAD_EV_NEIGHBOUR_LOST,
					   .err = lost->err,
					   .node = &lost->node });
	if (other && other->since > lost->since + p->engine->config->overlay_reliability_timer_ms)
		reload_link_starts_anew(p, &lost->node); /* who has a link makes no second one */
	if (other)
		health_changed(p, &lost->node);
}

static void watch_lost(void *arg, const struct reload_lost_link *lost)
{
	if (lost->node.len)
		node_link_lost(arg, lost);
	reload_life_link_down(arg, lost->link, lost->node.len ? &lost->node : NULL, lost->err);
}

const struct reload_link_watch reload_peer_link_watch = {
	.probed = watch_probed,
	.expects = watch_expects,
	.made = watch_made,
	.bound = watch_bound,
	.up = watch_up,
	.health = watch_health,
	.lost = watch_lost,
};
