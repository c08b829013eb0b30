/*
 * All successors lost: finding a new one (RFC 6940 s10.7.1).
 *
 * The nearest peer that is left is then a finger somewhere on the ring, or a predecessor.  To get from there to the true successor by
 * Updates alone, peer by peer, would take long.  So we act like a joining node (CHORD-16); n is our Node-ID:
 *
 *	1. Ping to [that finger, Resource n+1].  The answer comes from S, which owns the point after ours in the view of the
 *	   rest of the ring.
 *	2. Attach to [that finger, S] with send_update.
 *	3. Join to S with our own Node-ID.  S admits us: it sends us its copy of the data of our range, and the Update that lists us
 *	   as its predecessor.  When S refuses, because it has found us already, we send it our lists.
 *
 * Meanwhile we stay JOINED and responsible for our range.  An S that is already our peer needs no Join: its Updates and ours are
 * enough.  When no peer at all is left the host joins again (reload_chord_join_fail()).
 *
 * "All successors" are those that we had when the first of them failed or left; they are remembered for CHORD_HOLD_DOWN_MS.  A step can
 * fail because other peers still route to the failed ones.  Then it starts again with the Ping, after a pause that doubles, at
 * most CHORD_REPAIR_TRIES times.
 */
#include "topology/chord_repair.h"

#include "topology/chord_tables.h"
#include "topology/chord_update.h"

struct chord_repair {
	struct reload_id
		had[CHORD_NEIGHBOURS_MAX]; /* our successors when the first of them failed */
	size_t had_count;
	reload_ms had_until;
	uint8_t tries;        /* Pings sent; 0: nothing is under way */
	uint32_t cookie;      /* of the Ping or Attach under way; 0: a pause before the next Ping */
	struct reload_id via; /* the peer that the steps go through */
	struct reload_id joining; /* the node to which we sent a Join; len 0: none */
	struct reload_timer timer;
};

struct chord_repair *reload_chord_repair_new(void)
{
	return RELOAD_NEW(chord_repair);
}

void reload_chord_repair_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->repair->timer);
	free(t->repair);
}

bool reload_chord_repair_joins(const struct reload_topology *t, const struct reload_id *node)
{
	return reload_id_eq(&t->repair->joining, node);
}

static void on_timer(void *arg);

static void ping(struct reload_topology *t)
{
	struct chord_repair *r = t->repair;
	struct reload_id behind = reload_id_add_power(&t->self, 0);
	r->via = t->tables->successors[0];
	r->cookie = reload_chord_cookie(t);
	r->tries++;
	const struct reload_destination list[2] = { reload_dest_node(&r->via),
		reload_dest_resource(&behind) };
	reload_chord_timer(t, &r->timer, reload_chord_now(t) + CHORD_PROBE_WAIT_MS, on_timer);
	t->host.ping(t->host.arg, r->cookie, list, COUNT_OF(list));
}

static void stop(struct reload_topology *t)
{
	t->repair->tries = 0;
	t->repair->cookie = 0;
	reload_chord_timer(t, &t->repair->timer, RELOAD_NEVER, on_timer);
}

static void repeat_ping(struct reload_topology *t)
{
	struct chord_repair *r = t->repair;
	r->cookie = 0;
	if (r->tries >= CHORD_REPAIR_TRIES)
		stop(t);
	else
		reload_chord_timer(t, &r->timer,
			reload_chord_now(t) + reload_chord_backoff(t, r->tries + 1u), on_timer);
}

static void on_timer(void *arg)
{
	struct reload_topology *t = arg;
	if (t->repair->cookie)
		repeat_ping(t);
	else if (t->tables->successors_count)
		ping(t);
	else
		stop(t);
	reload_chord_after(t);
}

void reload_chord_repair_lost(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_repair *r = t->repair;
	reload_ms now = reload_chord_now(t);
	if (t->state != RELOAD_TOPOLOGY_JOINED || (r->had_count && now < r->had_until) ||
		!reload_id_listed(t->tables->successors, t->tables->successors_count, node))
		return;
	memcpy(r->had, t->tables->successors, t->tables->successors_count * sizeof(*r->had));
	r->had_count = t->tables->successors_count;
	r->had_until = now + CHORD_HOLD_DOWN_MS;
}

void reload_chord_repair_step(struct reload_topology *t)
{
	struct chord_repair *r = t->repair;
	if (t->state != RELOAD_TOPOLOGY_JOINED) {
		r->had_count = 0;
		r->joining.len = 0;
		stop(t);
		return;
	}
	if (!r->had_count || !t->announced || !t->tables->successors_count)
		return;
	for (size_t i = 0; i < r->had_count; i++)
		if (reload_chord_is_peer(t, &r->had[i]))
			return;
	bool late = reload_chord_now(t) >= r->had_until;
	r->had_count = 0;
	if (!late && !r->tries)
		ping(t);
}

bool reload_chord_repair_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	struct chord_repair *r = t->repair;
	if (!r->tries || cookie != r->cookie)
		return false;
	if (err) {
		repeat_ping(t);
	} else if (reload_id_eq(responder, &t->self) || reload_chord_is_peer(t, responder)) {
		stop(t);
	} else {
		const struct reload_destination list[2] = { reload_dest_node(&r->via),
			reload_dest_node(responder) };
		r->cookie = reload_chord_cookie(t);
		t->host.attach(t->host.arg, r->cookie, list, COUNT_OF(list), true);
	}
	return true;
}

bool reload_chord_repair_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	struct chord_repair *r = t->repair;
	if (!r->tries || cookie != r->cookie)
		return false;
	if (err) {
		repeat_ping(t);
		return true;
	}
	stop(t);
	if (!reload_chord_is_peer(t, node)) {
		r->joining = *node;
		t->host.join(t->host.arg, node);
	}
	return true;
}

bool reload_chord_repair_answered(
	struct reload_topology *t, const struct reload_id *node, enum reload_err err)
{
	struct chord_repair *r = t->repair;
	if (!r->joining.len || !reload_id_eq(&r->joining, node))
		return false;
	struct chord_link *link = reload_chord_link_find(t, node);
	r->joining.len = 0;
	if (err && link) {
		reload_chord_update_owe(t, link);
		link->sent = 0;
	}
	return true;
}
