/*
 * Does the overlay consist of several rings (RFC 6940 s10.7.4.4)?  n is our Node-ID.
 *
 * States of a check:
 *
 *	IDLE		The next check is planned.
 *	LOCATING	The host looks for a bootstrap node B, as at a join.
 *	PINGING		A Ping to [B, Resource n+1] (CHORD-01, CHORD-02): which peer owns the point after ours in B's ring?
 *	ATTACHING	The answer came from S', which is not a peer of ours: an Attach to [B, S'].  When the link is up we send
 *			S' our lists at once.  S' becomes our peer by its own Update, and so does B.
 *
 * In a healthy ring the answer comes from our first successor, or from ourselves when we are alone.  When it comes from another peer of
 * ours, B's ring does not know our successor, and that peer is sent our lists.  From there on the rings merge by ordinary
 * Updates: S' finds that we are between it and its predecessor and sends its neighbours an Update.  Each ring learns from the other's lists
 * its new neighbours (chord_pending.c), peer by peer in both directions, while checks of other peers start the same elsewhere.
 * The parts of ranges that a peer loses are stored at their new owners (chord_data.c).
 *
 * When a check is made: about each chord-update-interval, with jitter.  Earlier, after about CHORD_CHECK_MS, when within
 * CHORD_PARTITION_WINDOW_MS CHORD_PARTITION_LOSSES neighbours failed, or half of our peers.  The following pauses double up to the interval,
 * because two halves cannot meet before the fault that parted them is over.  Earlier too after a check that found another ring, but at
 * most once in an interval: B decides which node answers, and B may lie.  A peer that lost all fingers beyond its neighbours may be cut off
 * (s10.7.1): until it has one again its pauses are at most the interval divided by CHORD_PARTITION_CHECK_SPEEDUP.
 *
 * Limits: one check at a time, CHORD_PROBE_WAIT_MS for each step.  When the host finds no bootstrap node, or the Ping or the Attach
 * fails, the check ends and the next one follows after the pause.
 */
#include "topology/chord_partition.h"

#include "topology/chord_tables.h"
#include "topology/chord_update.h"

enum phase {
	CHECK_IDLE,
	CHECK_LOCATING,
	CHECK_PINGING,
	CHECK_ATTACHING
};

struct chord_check {
	enum phase phase;
	bool losses_seen; /* a peer failed while there were fingers beyond our neighbours; not yet looked at by step() */
	bool other_ring_found; /* the last check that got an answer found another ring */
	bool no_far_finger; /* the last finger beyond our neighbours failed and none was found since */
	uint8_t losses;     /* neighbours that failed since losses_at */
	reload_ms losses_at;
	uint32_t cookie;
	struct reload_id bootstrap;
	reload_ms wait, early_check_at;
	struct reload_timer timer;
};

struct chord_check *reload_chord_check_new(void)
{
	return RELOAD_NEW(chord_check);
}

void reload_chord_check_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->check->timer);
	free(t->check);
}

static bool may_check(const struct reload_topology *t)
{
	return t->state == RELOAD_TOPOLOGY_JOINED && t->announced;
}

static reload_ms longest_pause(const struct reload_topology *t)
{
	return t->check->no_far_finger ? t->update_interval / CHORD_PARTITION_CHECK_SPEEDUP
				       : t->update_interval;
}

static void on_timer(void *arg);

static void plan_next(struct reload_topology *t, reload_ms wait)
{
	reload_chord_timer(
		t, &t->check->timer, reload_chord_now(t) + reload_chord_jitter(t, wait), on_timer);
}

static void end_check(struct reload_topology *t)
{
	struct chord_check *c = t->check;
	reload_ms most = longest_pause(t);
	c->phase = CHECK_IDLE;
	c->cookie = 0;
	c->wait = c->wait < most / 2 ? 2 * c->wait : most;
	plan_next(t, c->wait);
}

/* Brings the next check, and those after it, nearer. */
static void hurry(struct reload_topology *t)
{
	struct chord_check *c = t->check;
	reload_ms most = longest_pause(t), soon = CHORD_CHECK_MS < most ? CHORD_CHECK_MS : most;
	/* finish() of the check under way doubles this */
	c->wait = c->phase == CHECK_IDLE ? soon : soon / 2;
	if (c->phase == CHECK_IDLE && c->timer.due > reload_chord_now(t) + soon)
		plan_next(t, soon);
}

static void enter(struct reload_topology *t, enum phase phase)
{
	t->check->phase = phase;
	t->check->cookie = reload_chord_cookie(t);
	reload_chord_timer(
		t, &t->check->timer, reload_chord_now(t) + CHORD_PROBE_WAIT_MS, on_timer);
}

static void on_timer(void *arg)
{
	struct reload_topology *t = arg;
	if (t->check->phase != CHECK_IDLE) {
		end_check(t); /* the host has not reported the outcome */
	} else {
		enter(t, CHECK_LOCATING);
		t->host.relocate(t->host.arg, t->check->cookie);
	}
	reload_chord_after(t);
}

/* Whether we have a peer that is not in the Neighbor Table. */
static bool has_fingers(const struct reload_topology *t)
{
	return t->tables->peers.count > t->tables->predecessors_count + t->tables->successors_count;
}

void reload_chord_check_step(struct reload_topology *t)
{
	struct chord_check *c = t->check;
	if (!may_check(t)) {
		c->phase = CHECK_IDLE;
		c->losses_seen = c->no_far_finger = false;
		c->losses = 0;
		reload_chord_timer(t, &c->timer, RELOAD_NEVER, on_timer);
		return;
	}
	bool fingers = has_fingers(t),
	     cut_off = c->losses_seen && !fingers && !reload_chord_whole(t);
	c->losses_seen = false;
	c->no_far_finger = cut_off || (c->no_far_finger && !fingers && !reload_chord_whole(t));
	if (!c->timer.armed) {
		c->wait = longest_pause(t);
		plan_next(t, c->wait);
	} else if (cut_off && c->wait > longest_pause(t)) {
		hurry(t); /* R-10.7.1-07 */
	}
}

void reload_chord_check_lost(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_check *c = t->check;
	const struct chord_link *link = reload_chord_link_find(t, node);
	reload_ms now = reload_chord_now(t);
	if (!may_check(t) || !link)
		return;
	c->losses_seen = c->losses_seen || has_fingers(t);
	if (!link->neighbour)
		return;
	if (now - c->losses_at > CHORD_PARTITION_WINDOW_MS) {
		c->losses = 0;
		c->losses_at = now;
	}
	c->losses++;
	if (c->losses >= CHORD_PARTITION_LOSSES || 2u * c->losses >= t->tables->peers.count) {
		c->losses = 0;
		c->losses_at = now;
		hurry(t);
	}
}

void reload_chord_check_relocated(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	struct chord_check *c = t->check;
	if (c->phase != CHECK_LOCATING || cookie != c->cookie)
		return;
	if (err || node->len != CHORD_ID_LEN || reload_id_eq(node, &t->self)) {
		end_check(t);
		return;
	}
	c->bootstrap = *node;
	struct reload_id behind = reload_id_add_power(&t->self, 0);
	const struct reload_destination list[2] = { reload_dest_node(node),
		reload_dest_resource(&behind) };
	enter(t, CHECK_PINGING);
	t->host.ping(t->host.arg, c->cookie, list, COUNT_OF(list));
}

static void send_lists(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (link && t->announced)
		reload_chord_update_now(t, link);
}

static void found(struct reload_topology *t, const struct reload_id *responder)
{
	struct chord_check *c = t->check;
	const struct reload_destination list[2] = { reload_dest_node(&c->bootstrap),
		reload_dest_node(responder) };
	bool direct = reload_id_eq(&c->bootstrap, responder);
	enter(t, CHECK_ATTACHING);
	c->other_ring_found = true;
	t->host.partition(t->host.arg, responder);
	t->host.attach(t->host.arg, c->cookie, list + direct, direct ? 1 : 2, true);
}

bool reload_chord_check_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	struct chord_check *c = t->check;
	if (c->phase != CHECK_PINGING || cookie != c->cookie)
		return false;
	bool healthy = !err && (reload_id_eq(responder, &t->self) ||
				       (t->tables->successors_count &&
					       reload_id_eq(responder, &t->tables->successors[0])));
	if (healthy && c->other_ring_found) {
		c->other_ring_found = false;
		t->host.partition(t->host.arg, NULL);
	}
	if (err || healthy) {
		end_check(t);
	} else if (reload_chord_is_peer(t, responder)) {
		send_lists(t, responder);
		end_check(t);
	} else {
		found(t, responder);
	}
	return true;
}

bool reload_chord_check_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	struct chord_check *c = t->check;
	if (c->phase != CHECK_ATTACHING || cookie != c->cookie)
		return false;
	reload_ms now = reload_chord_now(t);
	end_check(t);
	if (now - c->early_check_at > t->update_interval) {
		c->early_check_at = now;
		hurry(t);
	}
	if (err)
		return true;
	send_lists(t, node);
	if (!reload_id_eq(&c->bootstrap, node) && !reload_chord_is_peer(t, &c->bootstrap)) {
		/* B is in the other ring: we ask for its Update, which makes it a finger of ours */
		struct reload_destination to = reload_dest_node(&c->bootstrap);
		struct chord_link *link = reload_chord_link_find(t, &c->bootstrap);
		if (link)
			reload_chord_update_owe(t, link);
		t->host.attach(t->host.arg, reload_chord_cookie(t), &to, 1, true);
	}
	return true;
}
