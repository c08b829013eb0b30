#include "membership/internal.h"

#include "membership/cached_peers.h"

/*
 * A peer whose storage cannot be written is responsible for nothing: what it refused is stored newer elsewhere.
 *
 *   in the ring, or on the way --storage fails--> leaves, and takes part as a client --writes again, pause over--> leaves, joins as a peer
 *
 * A peer without others is the overlay: it stays, refuses what it is to store and serves what it has.  Where clients are not permitted
 * it stays outside.  While aside it answers for none of the values that it holds.  A storage that fails soon after a return makes the
 * next pause twice as long, because each return moves a range.
 *
 * The first node is that again when it is back; when nobody is left, it is the overlay again.
 *
 * A node that all others dialled knows nobody's address: before it leaves it asks its successor for one, which is dialled then (claims.c).
 */

enum {
	LOOK_MS = 1000,
	ASK_MS = 200, /* between looks whether a way back is known */
	ASK_LOOKS = 30,
	ASK_AGAIN = 10, /* looks after which another successor is asked */
	PAUSE_MS = 5000,
	PAUSE_DOUBLINGS = 7,
	WELL_MS = 600000 /* in the ring for so long: what was before is forgotten */
};

static void look(void *arg);

static bool on_the_way(const struct reload_membership *m)
{
	return m->join_requested && m->state != RELOAD_STATE_ENROLLED &&
	       m->state != RELOAD_STATE_LEAVING;
}

static bool has_others(struct reload_membership *m)
{
	struct reload_topology_tables t;
	m->route->topology->tables(m->route->plugin, &t);
	return m->state != RELOAD_STATE_JOINED || t.successors_count > 0;
}

/* Whether the way back is looked for still. */
static bool asks_way(struct reload_membership *m)
{
	struct reload_topology_tables t;
	if (m->state != RELOAD_STATE_JOINED || reload_cached_peers_any(m) ||
		m->aside.asked > ASK_LOOKS)
		return false;
	m->route->topology->tables(m->route->plugin, &t);
	if (!t.successors_count)
		return false;
	unsigned which = m->aside.asked / ASK_AGAIN;
	struct reload_destination to = reload_dest_node(&t.successors[which % t.successors_count]);
	if (m->aside.asked++ % ASK_AGAIN == 0)
		reload_attach_start(m, 0, &to, 1, false, NULL, NULL);
	reload_timer_arm(&m->engine->timers, &m->aside.look, m->engine->now + ASK_MS, look, m);
	return true;
}

static void step_out(struct reload_membership *m)
{
	if (asks_way(m))
		return;
	if (m->aside.back && m->engine->now - m->aside.back > WELL_MS)
		m->aside.times = 0;
	reload_ms pause = (reload_ms)PAUSE_MS << m->aside.times;
	m->aside.times += m->aside.times < PAUSE_DOUBLINGS;
	m->aside.until = m->engine->now + pause;
	m->aside.on = true;
	m->aside.first = m->first_node;
	reload_leave_then(m, RELOAD_ROLE_CLIENT);
}

static void step_in(struct reload_membership *m)
{
	m->aside.on = false;
	m->aside.back = m->engine->now;
	reload_leave_then(m, RELOAD_ROLE_PEER);
}

static void look(void *arg)
{
	struct reload_membership *m = arg;
	bool fails = m->watch->storage_fails(m->watch_arg), way = on_the_way(m);
	if (way && !m->aside.on && fails && m->role == RELOAD_ROLE_PEER && has_others(m))
		step_out(m);
	else if (m->aside.asked)
		m->aside.asked = 0; /* it was for a moment only */
	else if (way && m->aside.on && !fails && m->engine->now >= m->aside.until)
		step_in(m);
	if (m->join_requested && (fails || m->aside.on) && !m->aside.look.armed)
		reload_timer_arm(
			&m->engine->timers, &m->aside.look, m->engine->now + LOOK_MS, look, m);
}

void reload_aside_look(struct reload_membership *m)
{
	if (m->aside.asked)
		return; /* on its way out */
	reload_timer_cancel(&m->engine->timers, &m->aside.look);
	look(m);
}
