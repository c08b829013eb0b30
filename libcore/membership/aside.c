#include "membership/internal.h"

#include "membership/cached_peers.h"

/*
 * A peer whose storage cannot be written steps aside: it leaves the ring and takes part as a client, because what it refuses is stored
 * newer elsewhere.
 *
 *   joined, or joining --storage fails--> leaves, joins as a client --storage works again, pause over--> leaves, joins as a peer
 *
 * A peer that is alone is the overlay: it stays, refuses Stores and serves what it has.  Where clients are not permitted
 * it stays outside.  While aside it answers for none of the values that it holds.  A storage that fails soon after a return makes the
 * next pause twice as long, because each return moves a range.
 *
 * The first node is that again when it is back; when nobody is left, it is the overlay again.
 *
 * A node that was dialled by all its neighbours knows no address to come back through: before it leaves, an Attach to its successor
 * gets one, which claims.c dials.  With ICE there is none to be had but those of the bootstrap nodes.
 */

enum {
	CHECK_INTERVAL_MS = 1000,
	ADDRESS_CHECK_MS =
		200, /* between checks whether an address to come back through is known */
	ADDRESS_CHECKS_MAX = 30,
	CHECKS_PER_SUCCESSOR = 10, /* then another successor is asked */
	ASIDE_MS = 5000,
	ASIDE_DOUBLINGS_MAX = 7,
	FORGET_AFTER_MS = 600000 /* in the ring for this time: earlier failures are forgotten */
};

static void check_storage(void *arg);

static bool takes_part(const struct reload_membership *m)
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

/* True: an address to come back through is still being asked for. */
static bool awaits_address(struct reload_membership *m)
{
	struct reload_topology_tables t;
	if (m->state != RELOAD_STATE_JOINED || reload_cached_peers_any(m) ||
		!m->engine->config->no_ice || /* candidates of ICE are of no use to anybody else */
		m->aside.address_checks > ADDRESS_CHECKS_MAX)
		return false;
	m->route->topology->tables(m->route->plugin, &t);
	if (!t.successors_count)
		return false;
	unsigned which = m->aside.address_checks / CHECKS_PER_SUCCESSOR;
	struct reload_destination to = reload_dest_node(&t.successors[which % t.successors_count]);
	if (m->aside.address_checks++ % CHECKS_PER_SUCCESSOR == 0)
		reload_attach_start(m, 0, &to, 1, false, NULL, NULL);
	reload_timer_arm(&m->engine->timers, &m->aside.timer, m->engine->now + ADDRESS_CHECK_MS,
		check_storage, m);
	return true;
}

static void step_aside(struct reload_membership *m)
{
	if (awaits_address(m))
		return;
	if (m->aside.returned_at && m->engine->now - m->aside.returned_at > FORGET_AFTER_MS)
		m->aside.recent_times = 0;
	reload_ms pause = (reload_ms)ASIDE_MS << m->aside.recent_times;
	m->aside.recent_times += m->aside.recent_times < ASIDE_DOUBLINGS_MAX;
	m->aside.until = m->engine->now + pause;
	m->aside.active = true;
	m->aside.was_first_node = m->first_node;
	reload_leave_then(m, RELOAD_ROLE_CLIENT);
}

static void return_to_ring(struct reload_membership *m)
{
	m->aside.active = false;
	m->aside.returned_at = m->engine->now;
	reload_leave_then(m, RELOAD_ROLE_PEER);
}

static void check_storage(void *arg)
{
	struct reload_membership *m = arg;
	bool fails = m->watch->storage_fails(m->watch_arg), part = takes_part(m);
	if (part && !m->aside.active && fails && m->role == RELOAD_ROLE_PEER && has_others(m))
		step_aside(m);
	else if (m->aside.address_checks)
		m->aside.address_checks = 0; /* the storage works again, before the node has left */
	else if (part && m->aside.active && !fails && m->engine->now >= m->aside.until)
		return_to_ring(m);
	if (m->join_requested && (fails || m->aside.active) && !m->aside.timer.armed)
		reload_timer_arm(&m->engine->timers, &m->aside.timer,
			m->engine->now + CHECK_INTERVAL_MS, check_storage, m);
}

void reload_aside_check(struct reload_membership *m)
{
	if (m->aside.address_checks)
		return; /* about to leave */
	reload_timer_cancel(&m->engine->timers, &m->aside.timer);
	check_storage(m);
}
