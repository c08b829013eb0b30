/*
 * Joining (RFC 6940 s10.5 steps 5 to 8), seen from the Admitting Peer: we are AP, the joining node is JN.
 *
 * The engine has answered JN's Join.  If JN's Node-ID lies in our range, all data in (p, JN] are sent to JN, where p is our
 * predecessor.  Then JN becomes our predecessor and is sent an Update at once, which says so.  Until then we stay responsible for JN's
 * range (CHORD-11).  When p goes in the meantime JN will be responsible for p's range too, and its hand-over begins anew.  A JN whose Node-ID is not, or no
 * longer, in our range gets our Update too: it lists the peer in between, and JN joins there.
 *
 * CHORD_HAND_OVERS nodes are in hand-over at a time; the one whose hand-over ends first is admitted first.  Each is sent all data below its
 * Node-ID, so that a crowd at once would be sent most of the range as often as it has members, and over a narrow link nobody would get it in
 * time.  The others queue, and the middle one of them is next: with its admission half of the queue leaves for the new peer.  A hand-over that has taken
 * CHORD_HAND_OVER_SLOW_MS is not counted, as its JN may be one that never answers.
 *
 * After its admission JN is the first replica holder of its predecessor p.  p will notice and send its data to JN; we hold these
 * data already and send them at once, because p may fail before it does, and then JN is the owner.  What p stores here until it has noticed
 * the host passes on to JN (reload_topology_passed_over()): JN announces itself only when it has a link to all its neighbours, which takes
 * as long as its Attach to one that has just left.
 *
 * A Join from our own predecessor means that it did not see the Update that admitted it, or has restarted.  It is admitted again.  But
 * when it was admitted over the same link less than CHORD_HAND_OVER_INTERVAL_MS ago it gets an Update and no data: a Join is cheap to
 * send and a hand-over is not.  For the same reason a node that comes and goes waits for its range (chord_damp.c).
 *
 * A Join from the node at which our range begins, which another peer had admitted before it left, says that it did not see that peer's Update, or has
 * restarted: the range is ours again and it is admitted anew.
 *
 * Until we have announced ourselves (R-10.5-14) Joins wait.  Limits: CHORD_JOINS_MAX nodes waiting, as many in hand-over or in the queue for it,
 * and as many that wait because they come and go.  Beyond these a Join is ignored, and JN sends it again.
 */
#include "topology/chord_admit.h"

#include "topology/chord_damp.h"
#include "topology/chord_pending.h"
#include "topology/chord_refresh.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

struct chord_admit {
	struct chord_set handing_over; /* nodes that are being sent the data of their range */
	struct reload_id from;         /* our range began there when the hand-overs were ordered */
	struct chord_set queued;       /* nodes in our range that wait for a hand-over to end */
	struct chord_set waiting;  /* nodes whose Joins wait until we have announced ourselves */
	struct chord_set damped;   /* nodes whose Joins wait because they come and go */
	struct reload_timer timer; /* for those that are damped, and for slow hand-overs */
};

struct chord_admit *reload_chord_admit_new(void)
{
	return RELOAD_NEW(chord_admit);
}

void reload_chord_admit_free(struct reload_topology *t)
{
	reload_chord_admit_stop(t);
	free(t->admit);
}

bool reload_chord_admit_hands(const struct reload_topology *t, const struct reload_id *node)
{
	return reload_chord_set_has(&t->admit->handing_over, node);
}

/* Whether the Join is from our predecessor and the last hand-over over its link is long enough ago. */
static bool may_repeat_hand_over(struct reload_topology *t, const struct chord_link *link)
{
	bool lately = link->range_given &&
		      reload_chord_now(t) < link->range_given_at + CHORD_HAND_OVER_INTERVAL_MS;
	return link->ready && !lately && t->tables->predecessors_count &&
	       reload_id_eq(&link->id, &t->tables->predecessors[0]);
}

/*
 * Whether the node has to wait because it comes and goes; its Join is then kept for later.  A node that is our predecessor gets an Update,
 * which says so.
 */
static bool waits(struct reload_topology *t, struct chord_link *link)
{
	if (!reload_chord_damp_until(t, &link->id))
		return false;
	if (t->admit->damped.count < CHORD_JOINS_MAX)
		reload_chord_set_add(&t->admit->damped, &link->id);
	if (link->ready)
		reload_chord_update_now(t, link);
	return true;
}

size_t reload_chord_admit_count(const struct reload_topology *t)
{
	const struct chord_admit *a = t->admit;
	size_t here = a->handing_over.count + a->queued.count,
	       most = here > a->waiting.count ? here : a->waiting.count;
	return a->damped.count > most ? a->damped.count : most;
}

static void hand_over(struct reload_topology *t, const struct reload_id *node)
{
	t->host.data.store_range(t->host.data.arg, &t->admit->from, node, node, 1, true);
}

/* Begins all hand-overs anew when our range has grown since they were ordered; returns whether it has. */
static bool hand_over_if_grown(struct reload_topology *t)
{
	struct chord_admit *a = t->admit;
	bool grew = a->handing_over.count && reload_chord_range_grew(t, &a->from);
	a->from = *reload_chord_range_from(t);
	for (size_t i = 0; grew && i < a->handing_over.count; i++) {
		const struct reload_id node = reload_chord_set_at(&a->handing_over, i);
		hand_over(t, &node);
	}
	return grew;
}

/* How many hand-overs are under way that are not slow; *until: when the first of these is. */
static size_t hand_overs(const struct reload_topology *t, reload_ms *until)
{
	const struct chord_set *s = &t->admit->handing_over;
	reload_ms now = reload_chord_now(t);
	size_t n = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct reload_id node = reload_chord_set_at(s, i);
		const struct chord_link *link = reload_chord_link_find(t, &node);
		reload_ms slow = link ? link->handed_since + CHORD_HAND_OVER_SLOW_MS : 0;
		if (now >= slow)
			continue;
		*until = slow < *until ? slow : *until;
		n++;
	}
	return n;
}

/* Begins hand-overs to nodes of the queue while there may be more; returns when one that is slow makes room. */
static reload_ms hand_over_next(struct reload_topology *t)
{
	struct chord_admit *a = t->admit;
	while (a->queued.count) {
		reload_ms until = RELOAD_NEVER;
		if (hand_overs(t, &until) >= CHORD_HAND_OVERS)
			return until;
		const struct reload_id node = reload_chord_set_at(&a->queued, a->queued.count / 2);
		struct chord_link *link = reload_chord_link_find(t, &node);
		reload_chord_set_remove(&a->queued, &node);
		if (link && !link->ready && reload_chord_responsible(t, &node)) {
			hand_over_if_grown(t);
			reload_chord_set_add(&a->handing_over, &node);
			link->handed_since = reload_chord_now(t);
			reload_chord_damp_given(t, &node);
			hand_over(t, &node);
		} else if (link) {
			reload_chord_update_now(t, link);
		}
	}
	return RELOAD_NEVER;
}

void reload_chord_admit_received(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (t->state != RELOAD_TOPOLOGY_JOINED || !link)
		return;
	if (!t->announced) {
		if (t->admit->waiting.count < CHORD_JOINS_MAX)
			reload_chord_set_add(&t->admit->waiting, node);
		return;
	}
	if (reload_id_eq(node, &t->tables->bound)) {
		/* it was left its range, as another peer had admitted it, and does not have it */
		reload_chord_tables_bound(t, NULL);
		reload_chord_refresh(t);
	}
	if (may_repeat_hand_over(t, link)) {
		reload_chord_damp_went(t, link);
		if (waits(t, link))
			return;
		reload_chord_tables_last(t, link->lists_only_us);
		reload_chord_tables_ready(t, link, false);
		reload_chord_refresh(t);
		if (t->state != RELOAD_TOPOLOGY_JOINED)
			return;
	}
	if (link->ready || !reload_chord_responsible(t, node)) {
		reload_chord_update_now(t, link);
		return;
	}
	if (!reload_chord_set_has(&t->admit->handing_over, node))
		reload_chord_damp_went(
			t, link); /* its last Join over this link is followed by another one */
	if (waits(t, link))
		return;
	hand_over_if_grown(t);
	if (t->admit->handing_over.count + t->admit->queued.count < CHORD_JOINS_MAX &&
		!reload_chord_set_has(&t->admit->handing_over, node))
		reload_chord_set_add(&t->admit->queued, node);
	hand_over_next(t);
}

void reload_chord_admit_handed_over(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (t->state == RELOAD_TOPOLOGY_JOINED && hand_over_if_grown(t))
		return;
	if (!reload_chord_set_remove(&t->admit->handing_over, node) || !link ||
		t->state != RELOAD_TOPOLOGY_JOINED)
		return;
	if (!link->ready && reload_chord_responsible(t, node)) {
		struct reload_id before[CHORD_NEIGHBOURS_MAX];
		size_t before_count = reload_chord_tables_before(t, before);
		link->lists_only_us = !t->tables->peers.count;
		link->range_given = true;
		link->range_given_at = reload_chord_now(t);
		reload_chord_pending_forget(t, node);
		reload_chord_tables_ready(t, link, true);
		reload_chord_refresh(t);
		reload_chord_update_now(t, link);
		if (before_count > 1)
			t->host.data.store_range(
				t->host.data.arg, &before[1], &before[0], node, 1, false);
		return;
	}
	reload_chord_update_now(t, link);
}

void reload_chord_admit_waiting(struct reload_topology *t)
{
	while (t->admit->waiting.count) {
		struct reload_id node = reload_chord_set_at(&t->admit->waiting, 0);
		reload_chord_set_remove(&t->admit->waiting, &node);
		reload_chord_admit_received(t, &node);
	}
}

void reload_chord_admit_lost(struct reload_topology *t, const struct reload_id *node)
{
	reload_chord_set_remove(&t->admit->handing_over, node);
	reload_chord_set_remove(&t->admit->queued, node);
	reload_chord_set_remove(&t->admit->waiting, node);
	reload_chord_set_remove(&t->admit->damped, node);
}

void reload_chord_admit_stop(struct reload_topology *t)
{
	reload_chord_set_clear(&t->admit->handing_over);
	reload_chord_set_clear(&t->admit->queued);
	reload_chord_set_clear(&t->admit->waiting);
	reload_chord_set_clear(&t->admit->damped);
	reload_timer_cancel(t->host.timers, &t->admit->timer);
}

void reload_chord_admit_step(struct reload_topology *t)
{
	reload_ms next = hand_over_next(t);
	for (size_t i = 0; i < t->admit->damped.count;) {
		struct reload_id node = reload_chord_set_at(&t->admit->damped, i);
		reload_ms until = reload_chord_damp_until(t, &node);
		if (until) {
			next = until < next ? until : next;
			i++;
			continue;
		}
		reload_chord_set_remove(&t->admit->damped, &node);
		reload_chord_admit_received(t, &node);
	}
	if (t->admit->timer.armed || next != RELOAD_NEVER)
		reload_chord_timer(t, &t->admit->timer, next, reload_chord_on_after);
}
