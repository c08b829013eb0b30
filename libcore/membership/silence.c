#include "membership/internal.h"

/*
 * Peers that have fallen silent (RFC 6940 s10.7.1, RFC 7363 s6.3.1).
 *
 * A machine that stops resets no link.  Without a message to it nobody would notice before the next periodic Update, which may be most of a
 * chord-update-interval away.  The topology says which peers it wants to miss sooner, and after what silence.  When nothing has come over the link for that long - no message,
 * and by what the host knows of the link no packet either, such as an ACK or what keeps a NAT open - a Ping goes over it, with all its
 * repetitions.  Without an answer the link goes down, and the topology counts a failure.
 *
 * Both ends would find the link silent at about the same time.  So the one with the greater Node-ID waits a little longer, and the Ping of the other
 * one is what it hears.  There is one timer, however many links there are.
 */

enum {
	GREATER_WAITS_MS = 2000,
	LOOK_MS = 1000, /* between two looks at all links, at least */
	NONE_MS = 15000 /* to the next look when no link is watched */
};

/* When a Ping is due if nothing comes until then; RELOAD_NEVER: the link is not watched, or one is under way. */
static reload_ms due(struct reload_membership *m, const struct reload_connection *con)
{
	const struct reload_host_ops *ops = m->engine->ops;
	reload_ms silence = con->node.len
				    ? m->route->topology->silence(m->route->plugin, &con->node)
				    : 0,
		  heard = con->heard;
	if (!silence || con->checking)
		return RELOAD_NEVER;
	if (ops->link_heard) {
		reload_ms packet = ops->link_heard(m->engine->host, con->link);
		heard = packet > heard ? packet : heard;
	}
	bool greater = reload_id_cmp(&m->engine->self, &con->node) > 0;
	return heard + silence + (greater ? GREATER_WAITS_MS : 0);
}

static void look(void *arg)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = NULL;
	reload_ms now = m->engine->now, next = now + NONE_MS;
	while ((con = reload_connection_next(m->connections, con))) {
		reload_ms at = due(m, con);
		if (at <= now)
			reload_link_try(m, con, 0);
		else if (at < next)
			next = at;
	}
	if (next < now + LOOK_MS)
		next = now + LOOK_MS;
	reload_timer_arm(&m->engine->timers, &m->silence, next, look, m);
}

void reload_silence_begin(struct reload_membership *m)
{
	if (m->role == RELOAD_ROLE_PEER)
		reload_timer_arm(
			&m->engine->timers, &m->silence, m->engine->now + NONE_MS, look, m);
}

void reload_silence_end(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->silence);
}
