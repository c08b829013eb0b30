#include "membership/attempt.h"
#include "membership/probe.h"

/*
 * Links of an overlay with ICE that have gone bad.  A NAT forgets a mapping, a host gets another address: the node at the other end is there, the way is
 * not.  A new Attach is made to it through another node, beside the link that stands; when the new link is up it takes the place of the old one,
 * and no neighbour was lost meanwhile.
 *
 *	good --silent, or older than the addresses of this host--> due --Attach--> new link up --same run of the node--> old one closed
 *	                                                            ^      |                  \-another one--> old one checked (link_check.c)
 *	                                                            +-pause+
 *
 * Both ends may begin; their Attaches are told apart like all others (R-6.5.1.2-03).  A node that was started again looks the same, but the
 * plug-in has to forget what that node was: so it is asked over the new link for how long it has run.
 *
 * When all links of this host became useless at once there is no other node to ask through: then a bootstrap node is dialled, and that link is a
 * way.  At its other end, too, it succeeds an older one.
 *
 * A link that nobody needs, and that of a client, which is its own to mend, is left alone.  At most UNDER_WAY_MAX Attaches are made at once, through another
 * node each time, and for one link the pauses between them double; its successor inherits them for FORGET_MS.
 */

enum {
	SOON_MS = 500, /* with jitter: the other end notices at the same time */
	UNDER_WAY_MAX = 8,
	PAUSE_MS = 4000,
	ASK_MS =
		5000, /* the way may lead back to this node: then another one is tried before the link is given up */
	PAUSE_MAX_MS = 120000,
	TRIES_WHILE_GOOD = 3,
	FORGET_MS = 600000,
	SEARCH_PAUSE_MS = 15000,
	SEARCH_WAIT_MS = 1000,
	WAYS_MAX = 16,
	CROSSED_MS =
		5000, /* of two that are dialled at once each end may have the other one for older */
	CLOCK_SLACK_MS = 2000 /* a node says in whole seconds for how long it has run */
};

static bool is_needed(struct reload_membership *m, const struct reload_connection *con)
{
	if (m->state != RELOAD_STATE_JOINED)
		return false;
	return m->role == RELOAD_ROLE_CLIENT ? con == m->connections->default_connection
					     : m->route->topology->link_use(m->route->plugin,
						       &con->node) == RELOAD_LINK_USED;
}

/* One that is good all the same may stand on addresses that are still there. */
static bool is_bad(const struct reload_membership *m, const struct reload_connection *con)
{
	return !con->good || (con->since < m->addresses_changed && con->heals < TRIES_WHILE_GOOD);
}

/* Whether con is the link in use to its node, and bad. */
static bool is_due(struct reload_membership *m, const struct reload_connection *con)
{
	return con->node.len && is_bad(m, con) &&
	       reload_connection_by_node(m->connections, &con->node) == con && is_needed(m, con);
}

static size_t under_way(const struct reload_membership *m, const struct reload_id *node)
{
	size_t count = 0;
	const struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		count += node ? reload_id_eq(&a->node, node) : a->replaces && !a->served;
	return count;
}

/* A client passes nothing on. */
static bool is_to_peer(struct reload_membership *m, const struct reload_connection *con)
{
	bool dialled = !con->ice && !con->incoming;
	return dialled || m->role == RELOAD_ROLE_CLIENT ||
	       m->route->topology->link_use(m->route->plugin, &con->node) == RELOAD_LINK_USED;
}

static bool leads_on(struct reload_membership *m, const struct reload_connection *con,
	const struct reload_id *target)
{
	return con->good && con->node.len && !reload_id_eq(&con->node, target) &&
	       is_to_peer(m, con);
}

/* The node that the next Attach to target goes through: each in turn, of those whose links are older than the addresses only if they shall be. */
static const struct reload_connection *way_to(
	struct reload_membership *m, const struct reload_id *target, size_t turn, bool older)
{
	const struct reload_connection *list[WAYS_MAX];
	struct reload_connection *con = NULL;
	size_t count = 0;
	while (count < WAYS_MAX && (con = reload_connection_next(m->connections, con)))
		if (leads_on(m, con, target) && (older || con->since >= m->addresses_changed))
			list[count++] = con;
	return count ? list[turn % count] : NULL;
}

static void look(void *arg);

static void way_found(struct reload_membership *m, uint32_t cookie, enum reload_err err,
	struct reload_connection *con)
{
	(void)cookie, (void)err, (void)con;
	reload_heal_check(m);
}

/* Whether a bootstrap node is being looked for, from now on if none was lately. */
static bool way_awaited(struct reload_membership *m)
{
	if (reload_search_under_way(m))
		return true;
	if (m->way_searched && m->engine->now - m->way_searched < SEARCH_PAUSE_MS)
		return false;
	m->way_searched = m->engine->now;
	reload_search_start(m, way_found);
	return true;
}

static void healed(struct reload_membership *m, void *arg, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	(void)arg, (void)cookie, (void)err, (void)node;
	reload_heal_check(m);
}

/* Returns when the next one may be. */
static reload_ms heal(struct reload_membership *m, struct reload_connection *con)
{
	const struct reload_connection *way = way_to(m, &con->node, con->heals, false);
	if (!way && way_awaited(m))
		return m->engine->now + SEARCH_WAIT_MS; /* or way_found() comes */
	if (!way)
		way = way_to(m, &con->node, con->heals, true);
	if (con->heal_next && m->engine->now - con->heal_next > FORGET_MS)
		con->heals = 0;
	con->heal_next =
		m->engine->now +
		reload_engine_jitter(m->engine, reload_doubled(PAUSE_MS, con->heals, PAUSE_MAX_MS));
	con->heals++;
	if (way) {
		struct reload_destination list[] = { reload_dest_node(&way->node),
			reload_dest_node(&con->node) };
		reload_attach_replace(m, list, COUNT_OF(list), ASK_MS, healed);
	}
	return con->heal_next;
}

static void look(void *arg)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = NULL;
	reload_ms next = RELOAD_NEVER;
	while ((con = reload_connection_next(m->connections, con))) {
		if (!is_due(m, con))
			continue;
		reload_ms then = con->heal_next;
		if (under_way(m, &con->node))
			then = m->engine->now + PAUSE_MS;
		else if (then <= m->engine->now && under_way(m, NULL) < UNDER_WAY_MAX)
			then = heal(m, con);
		if (then > m->engine->now && then < next) /* else healed() comes */
			next = then;
	}
	if (next != RELOAD_NEVER && (!m->heal.armed || m->heal.due > next))
		reload_timer_arm(&m->engine->timers, &m->heal, next, look, m);
}

void reload_heal_check(struct reload_membership *m)
{
	if (reload_attach_by_ice(m))
		reload_timer_arm(&m->engine->timers, &m->heal,
			m->engine->now + reload_engine_jitter(m->engine, SOON_MS), look, m);
}

void reload_heal_clear(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->heal);
}

/* -- the new link is up ------------------------------------------------------------------------------------------------------ */

static void judged(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link),
				 *old;
	uint32_t uptime_s;
	if (!con)
		return;
	bool known = reload_probe_uptime(result, &uptime_s);
	if (known && uptime_s * (reload_ms)RELOAD_SECOND + CLOCK_SLACK_MS >=
			     m->engine->now - con->succeeds) {
		while ((old = reload_links_older(m, con, NULL)))
			reload_link_drop(m->connections, old, RELOAD_OK);
		return;
	}
	con->succeeds = 0;
	old = reload_links_older(m, con, NULL);
	if (!old && known)
		reload_link_starts_anew(m, &con->node);
	for (; old; old = reload_links_older(m, con, old))
		reload_link_check(m, old);
}

bool reload_heal_succeeds(struct reload_membership *m, const struct reload_connection *con)
{
	struct reload_connection *old = NULL;
	if (con->ice || !reload_attach_by_ice(m) || m->state != RELOAD_STATE_JOINED)
		return reload_attach_replaces(m, con->link);
	while ((old = reload_links_older(m, con, old)))
		if (con->since - old->since >= CROSSED_MS)
			return true;
	return false;
}

void reload_heal_up(struct reload_membership *m, struct reload_connection *con)
{
	static const uint8_t uptime = RELOAD_PROBE_UPTIME;
	struct reload_destination to = reload_dest_node(&con->node);
	struct reload_probe_req req = { .requested_info = span_of(&uptime, 1) };
	struct reload_connection *old = NULL;
	while ((old = reload_links_older(m, con, old))) {
		if (!con->succeeds || old->since < con->succeeds)
			con->succeeds = old->since;
		con->heals = old->heals > con->heals ? old->heals : con->heals;
		con->heal_next = old->heal_next > con->heal_next ? old->heal_next : con->heal_next;
		if (m->connections->default_connection == old)
			m->connections->default_connection = con;
	}
	if (!con->succeeds)
		return;
	struct reload_request *r =
		reload_request_internal(m->exchange, RELOAD_PROBE_REQ, &to, 1, judged, m);
	r->over_link = con->link;
	reload_probe_send(m->route, r, &req);
}
