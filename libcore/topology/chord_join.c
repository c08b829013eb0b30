/*
 * Joining (RFC 6940 s10.5, s11.4), seen from the joining node: we are JN, with Node-ID n.
 *
 * Phases:
 *
 *	PAUSE			Nothing is under way, or a random pause before the next attempt.
 *	FIND_ADMITTING_PEER	An Attach with send_update to Resource-ID n+1.  The peer that answers is the Admitting Peer, AP.  A
 *				detour may be under way at the same time.
 *	AWAIT_UPDATE		There is a link to AP; its (full) Update is awaited.  If it does not come within
 *				CHORD_UPDATE_WAIT_MS we look for our successors with Pings: to n+1, then to the point after the
 *				peer that answered, and so on.  A Join may then go to AP without its Update ("blind").
 *	ATTACH_NEIGHBOURS	Attaches to all future neighbours that AP, and those reached already, list, source-routed through the
 *				node that named them.  The phase ends when none of them is outstanding, or without ICE after CHORD_JOIN_NEIGHBOURS_MS
 *				when the nearest known successor has sent its Update and names nobody nearer, at the latest after
 *				CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS: a peer could list nodes that do not exist for ever.
 *	SENT			A Join was sent to that successor.  Awaited are its answer, the data, and the Update that lists us.
 *
 * Outside, the state is ATTACHING up to ATTACH_NEIGHBOURS, and JOINING in SENT.  The Update that lists us as the predecessor of its sender
 * makes us JOINED, responsible for (nearest predecessor, n].  It comes behind the answer to our Join (CHORD-11): one that comes before
 * is a late copy from an earlier stay of ours, or the answer was lost, and we ask once more.  That predecessor may have been
 * admitted while we joined, so that we know it from this Update alone (`bound` in chord_tables.h).  We announce ourselves with Updates
 * to the whole Connection Table once we are attached to every future neighbour (R-10.5-14).  Joins that reach us before that wait.
 *
 * Many nodes joining at once.  The owner of a point admits one node after the other, so the ring is split in a definite order.  When the
 * part of the ring with our point has gone to another node, we learn it from an error to our Join, or from AP's Update, which lists a
 * peer between us and AP.  Then we move: we attach to that peer through AP or, after an error, look for the owner of n+1 again after a short random
 * pause.  When we learn of a nearer successor we attach to it and send our Join there.
 *
 * A peer that forwards nothing stops a join when it is AP, or on the way to n+1; the last hop before AP is the same for all ways (s10.3).  So when the
 * Attach has no answer, without ICE for CHORD_DETOUR_AFTER_MS, or has failed in CHORD_DETOUR_TRIES attempts before, the attempt takes a detour as well: it
 * begins, through the bootstrap node, at a random point.  The owner of that point stands in for AP; we attach to the nearest of the nodes that it
 * lists, to the nearest of those that these list, and so on, each through the node that named it, until our successor is among them.  The first
 * of the two that is reached counts.
 *
 * Limits: CHORD_JOIN_TRIES failures (an Attach or Join failed, AP was lost, no Update came in time) with pauses that double, and
 * CHORD_JOIN_MOVES moves; then FAILED.  When no link is left, or AP has another document: FAILED at once, and the host chooses another
 * bootstrap node, or tries again soon.
 */
#include "topology/chord_join.h"

#include "topology/chord_data.h"
#include "topology/chord_finger.h"
#include "topology/chord_pending.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

enum phase {
	JOIN_PAUSE,
	JOIN_FIND_ADMITTING_PEER,
	JOIN_AWAIT_UPDATE,
	JOIN_ATTACH_NEIGHBOURS,
	JOIN_SENT
};

struct chord_join {
	enum phase phase;
	struct reload_id bootstrap, ap;
	uint32_t ap_cookie, detour_cookie; /* of the Attaches, or the Ping, under way; 0: none */
	bool detoured;                     /* this attempt has begun a detour */
	bool blind;          /* AP sent no Update: we look for our successors with Pings */
	uint8_t blind_pings; /* Pings sent for that; the last one found is blind_last */
	struct reload_id blind_last;
	unsigned tries, moves;
	/* the resources nearest behind us of which values came from `giver`, and from others since the join began; len 0: none did */
	struct reload_id giver, given, given_by_others;
	struct reload_timer timer;
};

struct chord_join *reload_chord_join_new(void)
{
	return RELOAD_NEW(chord_join);
}

void reload_chord_join_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->join->timer);
	free(t->join);
}

const struct reload_id *reload_chord_join_bootstrap(const struct reload_topology *t)
{
	return t->join->bootstrap.len ? &t->join->bootstrap : NULL;
}

static bool joining(const struct reload_topology *t)
{
	return t->state == RELOAD_TOPOLOGY_ATTACHING || t->state == RELOAD_TOPOLOGY_JOINING;
}

static void retry(struct reload_topology *t);

static void ask_behind(struct reload_topology *t, const struct reload_id *last);

static void find(struct reload_topology *t, bool detour);

static void on_late(void *arg)
{
	struct reload_topology *t = arg;
	struct chord_join *j = t->join;
	if (joining(t) && j->phase == JOIN_AWAIT_UPDATE && !j->blind) {
		j->blind = true;
		j->blind_pings = 0;
		ask_behind(t, &t->self);
	} else if (joining(t) && j->phase == JOIN_FIND_ADMITTING_PEER && !j->detoured) {
		find(t, true);
	} else if (joining(t)) {
		retry(t);
	}
	reload_chord_after(t);
}

static void set_phase(struct reload_topology *t, enum phase phase)
{
	t->join->phase = phase;
	reload_chord_pending_named(t, phase == JOIN_ATTACH_NEIGHBOURS || phase == JOIN_SENT);
}

static void enter(struct reload_topology *t, enum phase phase, reload_ms limit)
{
	set_phase(t, phase);
	t->reconsider = true;
	reload_chord_timer(t, &t->join->timer,
		limit == RELOAD_NEVER ? RELOAD_NEVER : reload_chord_now(t) + limit, on_late);
}

/* Looks for AP, or with detour for the owner of a random point that stands in for it. */
static void find(struct reload_topology *t, bool detour)
{
	/* n+1, the point after ours: its owner will be our successor (R-11.4-03) */
	struct reload_id point = reload_id_add_power(&t->self, 0);
	if (detour)
		t->host.random(t->host.arg, point.at, point.len);
	struct reload_destination way[] = { reload_dest_node(&t->join->bootstrap),
		reload_dest_resource(&point) };
	uint32_t cookie = reload_chord_cookie(t);
	t->join->detoured = detour;
	*(detour ? &t->join->detour_cookie : &t->join->ap_cookie) = cookie;
	/* with ICE it is not known whether there was an answer, and pairs are being checked */
	enter(t, JOIN_FIND_ADMITTING_PEER,
		detour || !t->no_ice ? CHORD_ATTACH_WAIT_MS : CHORD_DETOUR_AFTER_MS);
	t->host.attach(t->host.arg, cookie, detour ? way : way + 1, detour ? 2 : 1, true);
}

/* Nothing is under way, and no AP is known. */
static void forget_ap(struct reload_topology *t)
{
	t->join->ap.len = 0;
	t->join->blind = false;
	t->join->ap_cookie = t->join->detour_cookie = 0;
}

static void resolve(struct reload_topology *t)
{
	forget_ap(t);
	find(t, false);
}

static void on_pause_over(void *arg)
{
	struct reload_topology *t = arg;
	resolve(t);
	reload_chord_after(t);
}

static void pause_then_resolve(struct reload_topology *t, reload_ms wait)
{
	set_phase(t, JOIN_PAUSE);
	forget_ap(t);
	reload_chord_set_state(t, RELOAD_TOPOLOGY_ATTACHING, NULL);
	reload_chord_timer(t, &t->join->timer, reload_chord_now(t) + wait, on_pause_over);
}

static void retry(struct reload_topology *t)
{
	if (++t->join->tries > CHORD_JOIN_TRIES || !reload_chord_link_count(t)) {
		reload_chord_join_fail(t);
		return;
	}
	pause_then_resolve(t, reload_chord_backoff(t, t->join->tries - 1));
}

/* Counts a move, since another peer owns our point now; false: there were too many. */
static bool move(struct reload_topology *t)
{
	if (++t->join->moves <= CHORD_JOIN_MOVES)
		return true;
	reload_chord_join_fail(t);
	return false;
}

static void move_away(struct reload_topology *t)
{
	if (move(t))
		pause_then_resolve(
			t, reload_chord_jitter(t, t->join->moves < 10 ? 4 * t->join->moves : 40));
}

void reload_chord_join_start(struct reload_topology *t, const struct reload_id *bootstrap)
{
	reload_chord_join_stop(t);
	reload_chord_pending_clear(t);
	for (size_t i = 0; i < reload_chord_link_count(t); i++) {
		struct chord_link *link = reload_chord_link_at(t, i);
		link->join_sent = link->join_answered = link->listed_early = link->range_given =
			false;
	}
	t->join->bootstrap = *bootstrap;
	t->announced = false;
	t->join->tries = t->join->moves = 0;
	t->join->giver.len = t->join->given.len = t->join->given_by_others.len = 0;
	reload_chord_finger_restart(t);
	reload_chord_set_state(t, RELOAD_TOPOLOGY_ATTACHING, bootstrap);
	resolve(t);
}

void reload_chord_join_stop(struct reload_topology *t)
{
	forget_ap(t);
	reload_chord_tables_bound(t, NULL);
	enter(t, JOIN_PAUSE, RELOAD_NEVER);
	reload_chord_finger_stop(t);
}

void reload_chord_join_fail(struct reload_topology *t)
{
	reload_chord_join_stop(t);
	reload_chord_pending_clear(t);
	t->announced = false;
	reload_chord_set_state(t, RELOAD_TOPOLOGY_FAILED, NULL);
}

/* Asks for the owner of the point after `last` (R-10.5-12). */
static void ask_behind(struct reload_topology *t, const struct reload_id *last)
{
	struct reload_id behind = reload_id_add_power(last, 0);
	struct reload_destination to = reload_dest_resource(&behind);
	t->join->blind_last = *last;
	t->join->blind_pings++;
	t->join->ap_cookie = reload_chord_cookie(t);
	enter(t, JOIN_AWAIT_UPDATE, CHORD_PROBE_WAIT_MS);
	t->host.ping(t->host.arg, t->join->ap_cookie, &to, 1);
}

static void meet_neighbours(struct reload_topology *t)
{
	t->join->ap_cookie = t->join->detour_cookie = 0;
	reload_chord_pending_await(t);
	enter(t, JOIN_ATTACH_NEIGHBOURS, RELOAD_NEVER);
}

bool reload_chord_join_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	struct chord_join *j = t->join;
	if (!joining(t) || j->phase != JOIN_FIND_ADMITTING_PEER ||
		(cookie != j->ap_cookie && cookie != j->detour_cookie))
		return false;
	const struct chord_link *link = err ? NULL : reload_chord_link_find(t, node);
	if (err == RELOAD_CONFIG_TOO_NEW || err == RELOAD_CONFIG_TOO_OLD) {
		/* one of the two gets the other's document within seconds: the host tries again sooner than we would */
		reload_chord_join_fail(t);
		return true;
	}
	*(cookie == j->ap_cookie ? &j->ap_cookie : &j->detour_cookie) = 0;
	bool nothing_passes = err == RELOAD_TIMEOUT || j->tries >= CHORD_DETOUR_TRIES;
	if (!link && !j->detoured && nothing_passes && reload_chord_link_count(t)) {
		find(t, true);
		return true;
	}
	if (!link) {
		if (!j->ap_cookie && !j->detour_cookie)
			retry(t);
		return true;
	}
	j->ap_cookie = j->detour_cookie = 0;
	j->ap = *node; /* R-11.4-04 */
	if (link->ready)
		meet_neighbours(t);
	else
		enter(t, JOIN_AWAIT_UPDATE, CHORD_UPDATE_WAIT_MS);
	return true;
}

bool reload_chord_join_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	if (!joining(t) || !t->join->blind || cookie != t->join->ap_cookie)
		return false;
	bool round = !err && (reload_id_eq(responder, &t->self) ||
				     !reload_id_between(&t->join->blind_last, responder, &t->self));
	if (err || round || t->join->blind_pings > CHORD_NEIGHBOURS_MIN) {
		meet_neighbours(t);
		return true;
	}
	if (!reload_id_eq(responder, &t->join->ap))
		reload_chord_pending_mention(t, responder, &t->join->ap);
	ask_behind(t, responder);
	return true;
}

/*
 * The node to which the Join would go: our first successor, or AP when it is nearer; a blind AP sent no Update, but its answers show that it is a
 * peer.
 */
static bool nearest_peer(struct reload_topology *t, struct reload_id *out)
{
	bool any = reload_chord_set_after(&t->tables->peers, &t->self, out, 1);
	if (!t->join->blind || !t->join->ap.len || !reload_chord_link_find(t, &t->join->ap) ||
		(any && !reload_chord_nearer(&t->self, true, &t->join->ap, out)))
		return any;
	*out = t->join->ap;
	return true;
}

/* Announces ourselves when it is time (R-10.5-14); returns whether it did. */
static bool announce(struct reload_topology *t)
{
	if (t->announced || reload_chord_pending_outstanding(t, CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS))
		return false;
	t->announced = true;
	reload_chord_update_owe_all(t);
	return true;
}

static void send_join(struct reload_topology *t, const struct reload_id *to)
{
	struct chord_link *link = reload_chord_link_find(t, to);
	link->join_sent = true;
	link->join_answered = link->listed_early = false;
	t->join->ap = *to;
	reload_chord_set_state(t, RELOAD_TOPOLOGY_JOINING, to);
	enter(t, JOIN_SENT, CHORD_JOIN_WAIT_MS);
	t->host.join(t->host.arg, to);
	reload_chord_finger_begin(t);
}

/* Sends the Join, or sends it again to a nearer successor, once every node that could be nearer has sent its Update. */
static void join_if_ready(struct reload_topology *t)
{
	struct reload_id nearest;
	if (t->join->phase != JOIN_ATTACH_NEIGHBOURS && t->join->phase != JOIN_SENT)
		return;
	if (!nearest_peer(t, &nearest)) {
		retry(t);
		return;
	}
	if (t->join->phase == JOIN_SENT && reload_id_eq(&nearest, &t->join->ap))
		return;
	reload_ms limit = t->no_ice ? CHORD_JOIN_NEIGHBOURS_MS : CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS;
	if (reload_chord_pending_outstanding(t, limit) ||
		reload_chord_pending_between(t, &t->self, &nearest))
		return;
	if (t->join->phase == JOIN_ATTACH_NEIGHBOURS || move(t))
		send_join(t, &nearest);
}

bool reload_chord_join_step(struct reload_topology *t)
{
	if (t->state == RELOAD_TOPOLOGY_JOINED)
		return announce(t);
	if (joining(t))
		join_if_ready(t);
	return false;
}

void reload_chord_join_answered(
	struct reload_topology *t, const struct reload_id *ap, enum reload_err err)
{
	struct chord_link *link = err ? NULL : reload_chord_link_find(t, ap);
	if (link && link->join_sent)
		link->join_answered = true;
	if (link && link->listed_early && joining(t)) {
		link->listed_early = false;
		t->host.join(t->host.arg, ap);
	}
	if (t->join->phase != JOIN_SENT || !reload_id_eq(ap, &t->join->ap))
		return;
	if (err == RELOAD_FORBIDDEN) /* it is not, or no longer, the owner of our point */
		move_away(t);
	else if (err)
		retry(t);
	else
		enter(t, JOIN_SENT, CHORD_JOIN_WAIT_MS);
}

/* The one of list and best that is nearest to `from`, without ourselves and `from`.  best may be NULL. */
static const struct reload_id *nearest_of(const struct reload_topology *t, bool clockwise,
	const struct reload_id *from, const struct reload_id *list, size_t count,
	const struct reload_id *best)
{
	for (size_t i = 0; i < count; i++)
		if (!reload_id_eq(&list[i], &t->self) && !reload_id_eq(&list[i], from) &&
			(!best || reload_chord_nearer(from, clockwise, &list[i], best)))
			best = &list[i];
	return best;
}

static void keep_nearest(
	struct reload_topology *t, struct reload_id *nearest, const struct reload_id *resource)
{
	if (resource->len &&
		(!nearest->len || reload_chord_nearer(&t->self, false, resource, nearest)))
		*nearest = *resource;
}

/* What comes next is told apart from what other nodes than giver gave. */
static void giver_is(struct reload_topology *t, const struct reload_id *giver)
{
	struct chord_join *j = t->join;
	if (reload_id_eq(&j->giver, giver))
		return;
	keep_nearest(t, &j->given_by_others, &j->given);
	j->giver = *giver;
	j->given.len = 0;
}

void reload_chord_join_taken(
	struct reload_topology *t, const struct reload_id *resource, const struct reload_id *from)
{
	if (!joining(t) || resource->len != CHORD_ID_LEN)
		return;
	if (reload_id_eq(from, &t->join->ap))
		giver_is(t, from);
	bool giver = reload_id_eq(from, &t->join->giver);
	keep_nearest(t, giver ? &t->join->given : &t->join->given_by_others, resource);
}

/* Whether ap, whose range we take over from pred on, has all that we hold of it. */
static bool has_all(
	struct reload_topology *t, const struct reload_id *ap, const struct reload_id *pred)
{
	giver_is(t, ap);
	const struct reload_id *others = &t->join->given_by_others;
	return !t->host.holds_earlier_values(t->host.arg) &&
	       !(others->len && reload_id_between(pred, others, &t->self));
}

static void admitted(
	struct reload_topology *t, const struct reload_id *ap, const struct reload_chord_update *u)
{
	const struct reload_id *pred =
		nearest_of(t, false, &t->self, u->predecessors, u->predecessors_count, ap);
	pred = nearest_of(t, false, &t->self, u->successors, u->successors_count, pred);
	reload_chord_data_admitted(t, ap, has_all(t, ap, pred));
	if (!reload_chord_is_peer(t, pred)) {
		reload_chord_pending_expect(t, pred);
		reload_chord_tables_bound(t, pred);
	}
	reload_chord_pending_await(t);
	enter(t, JOIN_PAUSE, RELOAD_NEVER);
	reload_chord_set_state(t, RELOAD_TOPOLOGY_JOINED, ap);
	reload_chord_finger_later(t, CHORD_UPDATE_GAP_MS);
}

static bool lists_one_between(const struct reload_topology *t, const struct reload_id *ap,
	const struct reload_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!reload_id_eq(&list[i], ap) && !reload_id_eq(&list[i], &t->self) &&
			reload_id_between(&t->self, &list[i], ap))
			return true;
	return false;
}

void reload_chord_join_update(
	struct reload_topology *t, struct chord_link *link, const struct reload_chord_update *u)
{
	if (!joining(t))
		return;
	if (link->join_sent && reload_id_listed(u->predecessors, u->predecessors_count, &t->self)) {
		if (link->join_answered)
			admitted(t, &link->id, u);
		else
			link->listed_early = true;
	} else if (t->join->phase == JOIN_AWAIT_UPDATE && reload_id_eq(&link->id, &t->join->ap)) {
		meet_neighbours(t);
	} else if (t->join->phase == JOIN_SENT && reload_id_eq(&link->id, &t->join->ap) &&
		   (lists_one_between(t, &t->join->ap, u->predecessors, u->predecessors_count) ||
			   lists_one_between(
				   t, &t->join->ap, u->successors, u->successors_count))) {
		if (!reload_chord_pending_between(t, &t->self, &t->join->ap))
			move_away(t);
		else if (move(t))
			meet_neighbours(t);
	}
}

void reload_chord_join_lost(struct reload_topology *t, const struct reload_id *node)
{
	if (!joining(t))
		return;
	if (!reload_chord_link_count(t))
		reload_chord_join_fail(t);
	else if ((t->join->phase == JOIN_AWAIT_UPDATE || t->join->phase == JOIN_SENT) &&
		 reload_id_eq(node, &t->join->ap))
		retry(t);
}
