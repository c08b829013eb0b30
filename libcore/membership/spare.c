#include "membership/attempt.h"

/*
 * Links that nobody needs.  Joins, searches and changes of the ring leave links behind: to former neighbours and fingers, and to bootstrap
 * nodes.
 *
 *	used --neither neighbour nor finger, no message for SPARE_MS--> asked --not needed there either--> closed
 *	  ^                                                              |
 *	  +--------- a message, a finger of the other end ---------------+
 *
 * A message is one that came over the link for this node, or that was passed on from it or to it.  Updates are none: they go over every link,
 * so that in a ring with churn none would ever be closed.
 *
 * Who has this node as a neighbour says so in its Updates, who has it as a finger does not.  So the other end is asked before: an Attach with
 * send_update brings a full Update over the link, which lists the fingers.  Who does not answer keeps its link.  What passes within the
 * lifetime of that request belongs to it; if anything at all passes in an equal time after it, the link stays for SPARE_MS more.
 *
 * The link of a node that is no peer is its own to close: a client may be silent for days, and is reached by it.  A client keeps the link to
 * its peer and CLIENT_SPARES more, the way on when that peer is gone.
 *
 * There is one timer, however many links there are.
 */

enum {
	LOOK_MS = 300000,
	LOOK_JITTER_MS = LOOK_MS / 8,
	SPARE_MS =
		1200000, /* two update intervals: what a ring does now and then has been done in that time */
	ASKED_MAX = 8, /* at a look; the others at the next one */
	CLIENT_SPARES = 1
};

/* How long a request may last. */
static reload_ms lifetime(const struct reload_membership *m)
{
	return reload_attempt_lifetime(m);
}

static bool idle(const struct reload_membership *m, const struct reload_connection *con)
{
	reload_ms now = m->engine->now;
	return now - con->used >= SPARE_MS && now - con->active >= lifetime(m);
}

/* It was asked for two lifetimes ago, and in the second one nothing passed.  What was said earlier says nothing of now. */
static bool still(const struct reload_membership *m, const struct reload_connection *con)
{
	reload_ms since = m->engine->now - con->asked;
	return con->asked && since >= 2 * lifetime(m) && since < 3 * lifetime(m) &&
	       con->active < con->asked + lifetime(m);
}

/* Whether all links to the node of con are so: of several the two ends may use different ones. */
static bool all_are(struct reload_membership *m, const struct reload_connection *con,
	bool (*so)(const struct reload_membership *m, const struct reload_connection *con))
{
	struct reload_connection *other = NULL;
	while ((other = reload_connection_next(m->connections, other)))
		if (reload_id_eq(&other->node, &con->node) &&
			(!so(m, other) || other->work || other->checking || !other->good))
			return false;
	return true;
}

static bool is_spare(struct reload_membership *m, const struct reload_connection *con)
{
	if (!con->node.len || con == m->connections->default_connection)
		return false;
	switch (m->role) {
	case RELOAD_ROLE_PEER:
		return m->route->topology->link_use(m->route->plugin, &con->node) ==
		       RELOAD_LINK_SPARE;
	case RELOAD_ROLE_CLIENT:
		return m->connections->default_connection &&
		       m->connections->count > 1 + CLIENT_SPARES;
	}
	return false;
}

static void close_all(struct reload_membership *m, struct reload_id node)
{
	struct reload_connection *con;
	if (m->role == RELOAD_ROLE_PEER)
		m->route->topology->released(m->route->plugin, &node);
	while ((con = reload_connection_by_node(m->connections, &node)))
		reload_link_drop(m->connections, con, RELOAD_OK);
}

/* Whether nobody needs the link: the other end has said so, where it can. */
static bool needless(struct reload_membership *m, const struct reload_connection *con)
{
	if (!is_spare(m, con))
		return false;
	if (m->role == RELOAD_ROLE_CLIENT)
		return all_are(m, con, idle);
	return all_are(m, con, still) &&
	       m->route->topology->told_since(m->route->plugin, &con->node, con->asked);
}

/* Closes the links to one node that nobody needs; false: there are none. */
static bool close_one(struct reload_membership *m)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(m->connections, con)))
		if (needless(m, con)) {
			close_all(m, con->node);
			return true;
		}
	return false;
}

static void ask(struct reload_membership *m, const struct reload_connection *con)
{
	struct reload_connection *other = NULL;
	struct reload_destination to = reload_dest_node(&con->node);
	while ((other = reload_connection_next(m->connections, other)))
		if (reload_id_eq(&other->node, &con->node))
			other->asked = m->engine->now;
	reload_attach_start(m, 0, &to, 1, true, NULL, NULL);
}

/* Returns how many were asked. */
static unsigned ask_some(struct reload_membership *m)
{
	struct reload_connection *con = NULL;
	unsigned asked = 0;
	while (asked < ASKED_MAX && (con = reload_connection_next(m->connections, con))) {
		if (!is_spare(m, con) || !all_are(m, con, idle))
			continue;
		ask(m, con);
		asked++;
	}
	return asked;
}

static void look(void *arg)
{
	struct reload_membership *m = arg;
	while (close_one(m))
		;
	if (m->role == RELOAD_ROLE_PEER && ask_some(m))
		reload_timer_arm(
			&m->engine->timers, &m->spare, m->engine->now + 2 * lifetime(m), look, m);
	else
		reload_spare_begin(m);
}

void reload_spare_begin(struct reload_membership *m)
{
	reload_timer_arm(&m->engine->timers, &m->spare,
		m->engine->now + LOOK_MS + reload_engine_random_ms(m->engine, LOOK_JITTER_MS), look,
		m);
}

void reload_spare_end(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->spare);
}
