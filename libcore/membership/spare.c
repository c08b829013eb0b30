#include "membership/attempt.h"

/*
 * Links that nobody needs.  Joins, searches and changes of the ring leave links behind: to former neighbours and fingers, and to bootstrap
 * nodes.
 *
 *	used --neither neighbour nor finger, no message for UNUSED_MS--> asked --not needed there either--> closed
 *	  ^                                                              |
 *	  +--------- a message, a finger of the other end ---------------+
 *
 * A message is one that came over the link for this node, or that was passed on from it or to it.  Updates are none: they go over every link,
 * so that in a ring with churn none would ever be closed.
 *
 * A node that has this one as a neighbour says so in its Updates, one that has it as a finger does not.  So the other end is asked before: an Attach with
 * send_update brings a full Update over the link, which lists the fingers.  A node that does not answer keeps its link.  What passes within the
 * lifetime of that request belongs to it; if anything at all passes in an equal time after it, the link stays for UNUSED_MS more.
 *
 * The link of a node that is no peer is its own to close: a client may be silent for days, and is reached by it.  A client keeps the link to
 * its peer and CLIENT_SPARE_LINKS more, the way on when that peer is gone.
 *
 * There is one timer, however many links there are.
 */

enum {
	CHECK_INTERVAL_MS = 300000,
	CHECK_JITTER_MS = CHECK_INTERVAL_MS / 8,
	UNUSED_MS =
		1200000, /* two update intervals: occasional traffic of a ring comes at least once in that time */
	ASKED_PER_CHECK = 8, /* the others at the next check */
	CLIENT_SPARE_LINKS = 1
};

/* How long a request may last. */
static reload_ms lifetime(const struct reload_membership *m)
{
	return reload_attempt_lifetime(m);
}

static bool is_unused(const struct reload_membership *m, const struct reload_connection *con)
{
	reload_ms now = m->engine->now;
	return now - con->used >= UNUSED_MS && now - con->active >= lifetime(m);
}

/* The other end was asked two lifetimes ago, and in the second one nothing passed.  After a third the answer is too old. */
static bool is_quiet_since_asked(
	const struct reload_membership *m, const struct reload_connection *con)
{
	reload_ms since = m->engine->now - con->asked_at;
	return con->asked_at && since >= 2 * lifetime(m) && since < 3 * lifetime(m) &&
	       con->active < con->asked_at + lifetime(m);
}

/* Whether so() holds for all links to the node of con: of several the two ends may use different ones. */
static bool all_links_are(struct reload_membership *m, const struct reload_connection *con,
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
		       m->connections->count > 1 + CLIENT_SPARE_LINKS;
	}
	return false;
}

static void close_links_to(struct reload_membership *m, struct reload_id node)
{
	struct reload_connection *con;
	if (m->role == RELOAD_ROLE_PEER)
		m->route->topology->released(m->route->plugin, &node);
	while ((con = reload_connection_by_node(m->connections, &node)))
		reload_link_drop(m->connections, con, RELOAD_OK);
}

/* Whether neither end needs the link; a peer's answer to that is in its full Update. */
static bool is_unneeded(struct reload_membership *m, const struct reload_connection *con)
{
	if (!is_spare(m, con))
		return false;
	if (m->role == RELOAD_ROLE_CLIENT)
		return all_links_are(m, con, is_unused);
	return all_links_are(m, con, is_quiet_since_asked) &&
	       m->route->topology->full_update_since(m->route->plugin, &con->node, con->asked_at);
}

/* Closes the links to one node that nobody needs; false: there are none. */
static bool close_next_unneeded(struct reload_membership *m)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(m->connections, con)))
		if (is_unneeded(m, con)) {
			close_links_to(m, con->node);
			return true;
		}
	return false;
}

static void ask_far_end(struct reload_membership *m, const struct reload_connection *con)
{
	struct reload_connection *other = NULL;
	struct reload_destination to = reload_dest_node(&con->node);
	while ((other = reload_connection_next(m->connections, other)))
		if (reload_id_eq(&other->node, &con->node))
			other->asked_at = m->engine->now;
	reload_attach_start(m, 0, &to, 1, true, NULL, NULL);
}

/* Returns how many were asked. */
static unsigned ask_far_ends(struct reload_membership *m)
{
	struct reload_connection *con = NULL;
	unsigned asked = 0;
	while (asked < ASKED_PER_CHECK && (con = reload_connection_next(m->connections, con))) {
		if (!is_spare(m, con) || !all_links_are(m, con, is_unused))
			continue;
		ask_far_end(m, con);
		asked++;
	}
	return asked;
}

static void check_links(void *arg)
{
	struct reload_membership *m = arg;
	while (close_next_unneeded(m))
		;
	reload_second_link_check(m);
	if (m->role == RELOAD_ROLE_PEER && ask_far_ends(m))
		reload_timer_arm(&m->engine->timers, &m->spare, m->engine->now + 2 * lifetime(m),
			check_links, m);
	else
		reload_spare_begin(m);
}

void reload_spare_begin(struct reload_membership *m)
{
	reload_timer_arm(&m->engine->timers, &m->spare,
		m->engine->now + CHECK_INTERVAL_MS +
			reload_engine_random_ms(m->engine, CHECK_JITTER_MS),
		check_links, m);
}

void reload_spare_end(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->spare);
}
