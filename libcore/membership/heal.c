#include "membership/attempt.h"

/*
 * Links by ICE that have gone bad.  A NAT forgets a mapping, a host gets another address: the node at the other end is there, the way is
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
 * A link that nobody needs, and that of a client, which is its own to mend, is left alone.  At most UNDER_WAY_MAX Attaches are made at once, through another
 * node each time, and for one link the pauses between them double; its successor inherits them for FORGET_MS.
 */

enum {
	SOON_MS = 500, /* with jitter: the other end notices at the same time */
	UNDER_WAY_MAX = 8,
	PAUSE_MS = 8000,
	PAUSE_MAX_MS = 120000,
	TRIES_WHILE_GOOD = 3,
	FORGET_MS = 600000,
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
	return con->ice &&
	       (!con->good || (con->since < m->addresses_changed && con->heals < TRIES_WHILE_GOOD));
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

static bool leads_on(struct reload_membership *m, const struct reload_connection *con,
	const struct reload_id *target)
{
	return con->good && con->node.len && !reload_id_eq(&con->node, target) &&
	       (m->role == RELOAD_ROLE_CLIENT || m->route->topology->link_use(m->route->plugin,
							 &con->node) == RELOAD_LINK_USED);
}

/* The node that the next Attach to target goes through; those whose links are sound first, then each in turn. */
static const struct reload_connection *way_to(
	struct reload_membership *m, const struct reload_id *target, size_t turn)
{
	for (int sound = 1; sound >= 0; sound--) {
		const struct reload_connection *list[RELOAD_WAYS_MAX];
		struct reload_connection *con = NULL;
		size_t count = 0;
		while (count < RELOAD_WAYS_MAX &&
			(con = reload_connection_next(m->connections, con)))
			if (leads_on(m, con, target) && (!sound || !is_bad(m, con)))
				list[count++] = con;
		if (count)
			return list[turn % count];
	}
	return NULL;
}

static void look(void *arg);

static void healed(struct reload_membership *m, void *arg, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	(void)arg, (void)cookie, (void)err, (void)node;
	reload_heal_check(m);
}

/* Returns when the next one may be. */
static reload_ms heal(struct reload_membership *m, struct reload_connection *con)
{
	const struct reload_connection *way = way_to(m, &con->node, con->heals);
	if (con->heal_next && m->engine->now - con->heal_next > FORGET_MS)
		con->heals = 0;
	con->heal_next =
		m->engine->now +
		reload_engine_jitter(m->engine, reload_doubled(PAUSE_MS, con->heals, PAUSE_MAX_MS));
	con->heals++;
	if (way) {
		struct reload_destination list[] = { reload_dest_node(&way->node),
			reload_dest_node(&con->node) };
		reload_attach_replace(m, list, COUNT_OF(list), healed);
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
	if (next != RELOAD_NEVER)
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

/* Sets for how long the node has run; false: it did not say so. */
static bool uptime_read(const struct reload_result *result, reload_ms *uptime)
{
	if (result->err)
		return false;
	const struct reload_probe_ans *ans = &result->answer->body.probe_ans;
	for (size_t i = 0; i < ans->probe_info_count; i++)
		if (ans->probe_info[i].type == RELOAD_PROBE_UPTIME) {
			*uptime = ans->probe_info[i].value * (reload_ms)RELOAD_SECOND;
			return true;
		}
	return false;
}

static void judged(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link),
				 *old;
	reload_ms uptime;
	if (!con)
		return;
	bool known = uptime_read(result, &uptime);
	if (known && uptime + CLOCK_SLACK_MS >= m->engine->now - con->succeeds) {
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
	reload_request_send(r, &req);
}
