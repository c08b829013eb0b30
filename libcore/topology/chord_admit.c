/*
 * Joining (RFC 6940 s10.5 steps 5 to 8) as the Admitting Peer, AP = self.
 *
 * The engine has answered the Join of JN.  When JN's Node-ID lies in our range: all data of (p, JN] is stored at JN (p our
 * predecessor), then JN becomes our predecessor and is told so by an Update at once; until then what arrives for its
 * range is ours (CHORD-11).  Several nodes may be in hand-over; who is complete first is admitted first.  A node whose
 * point is not ours (any more) gets our Update as well: it lists who stands between, and JN moves there.
 *
 * JN is now the first replica of its predecessor p, who will notice and store its data there.  We hold them already and
 * send them at once: p may fail before it has done so, and then JN is the new owner.
 *
 * A Join of our own predecessor means that it did not see its admission: it is admitted anew, but when it was admitted over the same
 * link less than CHORD_HAND_OVER_INTERVAL_MS ago our Update says so and that is all: Joins are cheap, a range is not.  For the same reason who
 * comes and goes waits for its range, see chord_damp.c.
 *
 * Before we have announced ourselves (R-10.5-14) Joins wait.  Limits: CHORD_JOINS_MAX nodes waiting and as many in
 * hand-over; a Join beyond them is not followed up and JN tries again.
 */
#include "topology/chord_admit.h"

#include "topology/chord_damp.h"
#include "topology/chord_pending.h"
#include "topology/chord_refresh.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

struct chord_admit {
	struct chord_set handing; /* their data are being handed over */
	struct chord_set waiting; /* until we have announced ourselves */
	struct chord_set damped;  /* for their time, since they come and go */
	struct reload_timer damped_timer;
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
	return reload_chord_set_has(&t->admit->handing, node);
}

/* A Join of our predecessor that was not admitted over its link lately. */
static bool again(struct reload_topology *t, const struct chord_link *link)
{
	bool lately = link->range_given &&
		      reload_chord_now(t) < link->range_given_at + CHORD_HAND_OVER_INTERVAL_MS;
	return link->ready && !lately && t->tables->predecessors_count &&
	       reload_id_eq(&link->id, &t->tables->predecessors[0]);
}

/* Its Join is taken up later; our predecessor is told that it is that. */
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
	if (again(t, link)) {
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
	if (!reload_chord_set_has(&t->admit->handing, node))
		reload_chord_damp_went(t, link); /* it had its range over this link */
	if (waits(t, link))
		return;
	if (t->admit->handing.count < CHORD_JOINS_MAX &&
		reload_chord_set_add(&t->admit->handing, node)) {
		reload_chord_damp_given(t, node);
		t->host.store_range(t->host.arg, reload_chord_range_from(t), node, node, 1, true);
	}
}

void reload_chord_admit_handed_over(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (!reload_chord_set_remove(&t->admit->handing, node) || !link ||
		t->state != RELOAD_TOPOLOGY_JOINED)
		return;
	if (!link->ready && reload_chord_responsible(t, node)) {
		struct reload_id before[2] = { t->tables->predecessors[0],
			t->tables->predecessors[1] };
		size_t before_count = t->tables->predecessors_count;
		link->lists_only_us = !t->tables->peers.count;
		link->range_given = true;
		link->range_given_at = reload_chord_now(t);
		reload_chord_pending_forget(t, node);
		reload_chord_tables_ready(t, link, true);
		reload_chord_refresh(t);
		reload_chord_update_now(t, link);
		if (before_count > 1)
			t->host.store_range(t->host.arg, &before[1], &before[0], node, 1, false);
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
	reload_chord_set_remove(&t->admit->handing, node);
	reload_chord_set_remove(&t->admit->waiting, node);
	reload_chord_set_remove(&t->admit->damped, node);
}

void reload_chord_admit_stop(struct reload_topology *t)
{
	reload_chord_set_clear(&t->admit->handing);
	reload_chord_set_clear(&t->admit->waiting);
	reload_chord_set_clear(&t->admit->damped);
	reload_timer_cancel(t->host.timers, &t->admit->damped_timer);
}

void reload_chord_admit_step(struct reload_topology *t)
{
	reload_ms next = RELOAD_NEVER;
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
	if (t->admit->damped_timer.armed || next != RELOAD_NEVER)
		reload_chord_timer(t, &t->admit->damped_timer, next, reload_chord_on_after);
}
