#include "membership/internal.h"

/*
 * What links mean for the overlay: the plug-in is notified of bound ones, attempts and searches of their own, the life of the node of
 * lost ones.
 */

/* A node that makes a second link may have lost the first one, and this end has not noticed. */
static void check_older(struct reload_membership *m, const struct reload_connection *fresh)
{
	struct reload_connection *con = NULL;
	while ((con = reload_links_older(m, fresh, con)))
		reload_link_check(m, con);
}

/* Of several links to a node the best one counts: it may be another one since a link was made or lost. */
static void health_changed(struct reload_membership *m, const struct reload_id *node)
{
	const struct reload_connection *best = reload_connection_by_node(m->connections, node);
	if (best && m->role == RELOAD_ROLE_PEER)
		m->route->topology->link_health(m->route->plugin, node, best->good);
}

static bool watch_probed(void *arg, uint32_t link, const struct reload_cert *cert)
{
	return cert ? reload_claims_link_up(arg, link, cert) : reload_claims_link_down(arg, link);
}

/*
 * A node that has left, or was never there, is no way for others: who dials it does so by what was true before, and would keep a link over which each
 * message is lost.
 */
static bool watch_welcomes(void *arg)
{
	const struct reload_membership *m = arg;
	return m->state != RELOAD_STATE_ENROLLED;
}

static bool watch_gathered(void *arg, uint32_t link, const struct reload_ice_gathered *found)
{
	return reload_attach_gathered(arg, link, found);
}

static bool watch_expects(void *arg, uint32_t link, struct reload_id *node)
{
	return reload_attach_expects(arg, link, node);
}

/* Its certificate was judged by the same rules as that of a message's signer. */
static void watch_made(void *arg, struct reload_connection *con)
{
	struct reload_membership *m = arg;
	reload_exchange_trusts(m->exchange, con->cert);
	con->ice = reload_attach_is_ice(m, con->link);
}

static void watch_unidentified(void *arg, struct reload_connection *con)
{
	reload_identify_start(arg, con);
}

static void watch_bound(void *arg, struct reload_connection *con)
{
	struct reload_membership *m = arg;
	con->replaces = reload_heal_succeeds(m, con);
	if (con->replaces)
		reload_heal_up(m, con);
	else
		check_older(m, con);
	if (m->role == RELOAD_ROLE_PEER)
		m->route->topology->connected(m->route->plugin, &con->node);
	health_changed(m, &con->node);
}

static void watch_up(void *arg, struct reload_connection *con)
{
	reload_attach_link_up(arg, con);
	reload_search_link_up(arg, con);
}

static bool is_only_one(struct reload_membership *m, const struct reload_connection *con)
{
	struct reload_connection *other = NULL;
	while ((other = reload_connection_next(m->connections, other)))
		if (other != con && reload_id_eq(&other->node, &con->node))
			return false;
	return true;
}

/* A link that is checked although there is no other one was asked for anew: its other end does without it already. */
static void watch_health(void *arg, struct reload_connection *con)
{
	struct reload_membership *m = arg;
	if (con->checking && !con->good && is_only_one(m, con)) {
		reload_link_drop(m->connections, con, RELOAD_TIMEOUT);
		return;
	}
	if (con->node.len)
		health_changed(m, &con->node);
	reload_leave_health(m);
	reload_join_check_neighbours(m);
	reload_heal_check(m);
}

/* One of the links to a node is gone. */
static void node_link_lost(struct reload_membership *m, const struct reload_lost_link *lost)
{
	const struct reload_connection *other =
		reload_connection_by_node(m->connections, &lost->node);
	if (!other && m->state == RELOAD_STATE_JOINED &&
		reload_topology_lists(m->route->topology, m->route->plugin, &lost->node))
		reload_engine_event(
			m->engine, &(struct reload_event){ .type = RELOAD_EV_NEIGHBOUR_LOST,
					   .err = lost->err,
					   .node = &lost->node });
	if (other && !other->succeeds &&
		other->since > lost->since + m->engine->config->overlay_reliability_timer_ms)
		reload_link_starts_anew(m, &lost->node); /* who has a link makes no second one */
	if (other)
		health_changed(m, &lost->node);
}

static void watch_lost(void *arg, const struct reload_lost_link *lost)
{
	struct reload_membership *m = arg;
	if (lost->node.len)
		node_link_lost(m, lost);
	reload_join_link_refused(m, lost->err);
	reload_attach_link_down(m, lost->link, lost->err);
	reload_search_link_down(m, lost->link);
	if (!lost->node.len || reload_connection_by_node(m->connections, &lost->node))
		return;
	if (m->role == RELOAD_ROLE_PEER)
		m->route->topology->disconnected(m->route->plugin, &lost->node);
	reload_join_node_gone(m);
	reload_leave_health(m);
	reload_membership_progress(m);
}

const struct reload_link_watch reload_membership_links = {
	.probed = watch_probed,
	.welcomes = watch_welcomes,
	.gathered = watch_gathered,
	.expects = watch_expects,
	.unidentified = watch_unidentified,
	.made = watch_made,
	.bound = watch_bound,
	.up = watch_up,
	.health = watch_health,
	.lost = watch_lost,
};
