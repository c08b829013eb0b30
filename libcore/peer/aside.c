#include "peer/internal.h"

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

bool reload_aside_fails(const struct reload_peer *p)
{
	return reload_replica_storage_fails(p->replica);
}

static bool on_the_way(const struct reload_peer *p)
{
	return p->life.wanted && p->life.state != RELOAD_STATE_ENROLLED &&
	       p->life.state != RELOAD_STATE_LEAVING;
}

static bool has_others(struct reload_peer *p)
{
	struct reload_topology_tables t;
	p->topology->tables(p->plugin, &t);
	return p->life.state != RELOAD_STATE_JOINED || t.successors_count > 0;
}

/* Whether the way back is looked for still. */
static bool asks_way(struct reload_peer *p)
{
	struct reload_topology_tables t;
	if (p->life.state != RELOAD_STATE_JOINED || reload_bootstrap_known(p) ||
		p->life.aside.asked > ASK_LOOKS)
		return false;
	p->topology->tables(p->plugin, &t);
	if (!t.successors_count)
		return false;
	unsigned which = p->life.aside.asked / ASK_AGAIN;
	struct reload_destination to = reload_dest_node(&t.successors[which % t.successors_count]);
	if (p->life.aside.asked++ % ASK_AGAIN == 0)
		reload_attach_start(p, 0, &to, 1, false, NULL, NULL);
	reload_timer_arm(&p->engine->timers, &p->life.aside.look, p->engine->now + ASK_MS, look, p);
	return true;
}

static void step_out(struct reload_peer *p)
{
	if (asks_way(p))
		return;
	if (p->life.aside.back && p->engine->now - p->life.aside.back > WELL_MS)
		p->life.aside.times = 0;
	reload_ms pause = (reload_ms)PAUSE_MS << p->life.aside.times;
	p->life.aside.times += p->life.aside.times < PAUSE_DOUBLINGS;
	p->life.aside.until = p->engine->now + pause;
	p->life.aside.on = true;
	p->life.aside.first = p->life.alone;
	reload_leave_then(p, RELOAD_ROLE_CLIENT);
}

static void step_in(struct reload_peer *p)
{
	p->life.aside.on = false;
	p->life.aside.back = p->engine->now;
	reload_leave_then(p, RELOAD_ROLE_PEER);
}

static void look(void *arg)
{
	struct reload_peer *p = arg;
	bool fails = reload_aside_fails(p), way = on_the_way(p);
	if (way && !p->life.aside.on && fails && p->life.role == RELOAD_ROLE_PEER && has_others(p))
		step_out(p);
	else if (p->life.aside.asked)
		p->life.aside.asked = 0; /* it was for a moment only */
	else if (way && p->life.aside.on && !fails && p->engine->now >= p->life.aside.until)
		step_in(p);
	if (p->life.wanted && (fails || p->life.aside.on) && !p->life.aside.look.armed)
		reload_timer_arm(
			&p->engine->timers, &p->life.aside.look, p->engine->now + LOOK_MS, look, p);
}

void reload_aside_look(struct reload_peer *p)
{
	if (p->life.aside.asked)
		return; /* on its way out */
	reload_timer_cancel(&p->engine->timers, &p->life.aside.look);
	look(p);
}

void reload_aside_end(struct reload_peer *p)
{
	reload_timer_cancel(&p->engine->timers, &p->life.aside.look);
	p->life.aside.on = false;
	p->life.aside.asked = 0;
}

bool reload_aside_leaves(const struct reload_peer *p)
{
	return p->life.returns || p->life.aside.asked;
}

void reload_peer_storage(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	reload_aside_look(p);
	reload_engine_exit(p->engine);
}

static void watch_moved(void *arg)
{
	reload_life_leave_answered(arg);
}

static void watch_storage_failed(void *arg)
{
	reload_aside_look(arg);
}

static bool watch_leaves(void *arg)
{
	return reload_aside_leaves(arg);
}

static bool watch_aside(void *arg)
{
	const struct reload_peer *p = arg;
	return p->life.aside.on && p->life.role == RELOAD_ROLE_CLIENT;
}

const struct reload_replica_watch reload_peer_replica_watch = {
	.moved = watch_moved,
	.storage_failed = watch_storage_failed,
	.leaves = watch_leaves,
	.aside = watch_aside,
};
