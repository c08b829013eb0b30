#include "membership/internal.h"

/*
 * A client's second link.  With the one to the peer that is responsible for its Node-ID alone, a client knows nobody else when that peer is
 * gone, and finds its way back only through a bootstrap node, which may be that very peer.
 *
 *	joined, links to one peer alone --soon--> Attach to the peer behind that one in the ring --> two links
 *	        ^                                            |
 *	        +--- the next check, or the ring changes ----+ (there is no other peer, or it was not reached)
 *
 * The peer behind it is responsible for the client when the first one is gone.  Any link serves meanwhile (join.c), and the
 * addresses of both are remembered (claims.c).
 */

enum {
	SOON_MS = 1000 /* with jitter; the ring may be about to change around the client */
};

static bool is_needed(struct reload_membership *m)
{
	struct reload_connection *con = NULL, *first = m->connections->default_connection;
	if (m->role != RELOAD_ROLE_CLIENT || m->state != RELOAD_STATE_JOINED || !first ||
		m->attach_cookie)
		return false;
	while ((con = reload_connection_next(m->connections, con)))
		if (con->node.len && con->good && !reload_id_eq(&con->node, &first->node))
			return false;
	return true;
}

static void attached(struct reload_membership *m, void *arg, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	(void)arg, (void)cookie, (void)node;
	if (!err)
		reload_claims_tables(m);
}

static void attach(void *arg)
{
	struct reload_membership *m = arg;
	if (!is_needed(m))
		return;
	struct reload_id behind = reload_id_add_power(&m->connections->default_connection->node, 0);
	struct reload_destination to = reload_dest_resource(&behind);
	reload_attach_start(m, 0, &to, 1, false, attached, NULL);
}

void reload_second_link_check(struct reload_membership *m)
{
	if (is_needed(m) && !m->second.armed)
		reload_timer_arm(&m->engine->timers, &m->second,
			m->engine->now + reload_engine_jitter(m->engine, SOON_MS), attach, m);
}

void reload_second_link_clear(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->second);
}
