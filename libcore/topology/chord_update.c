/*
 * Our Updates (RFC 6940 s10.7, s10.7.3): what they say, to whom they go and when.
 *
 * Types:
 *
 *	neighbors	to members of our Neighbor Table; to peers that have us in theirs (after a merge of rings we may be the
 *			only one that knows a nearer neighbour of theirs); to nodes that are not peers: joining nodes find their
 *			place with it, and clients the peer that answers for them (s6.4.1)
 *	peer_ready	to other peers
 *	full		to a node that asked with send_update (CHORD-03)
 *
 * Predecessors and successors are nearest first, fingers ascending; we are in none of the lists.  An Update to a node that we admit
 * also lists the node at which our range begins, even if that one has sent us no Update yet: it was admitted before us, or by a predecessor
 * that has left, and keeps its range.
 *
 * When: a change of our Neighbor Table (with reactive recovery) or of our range makes an Update due on every link, and so does a new
 * link that we asked for.  A due Update goes at once, but only one per link and CHORD_UPDATE_GAP_MS, and none when the peer has
 * seen this version of our tables (CHORD-15).  Only one Update is under way to a peer at a time.  A peer that is slow, or
 * behind a narrow link, gets the newest tables once it has answered, and skips those between.  Before we have announced ourselves nothing
 * goes out (R-10.5-14).  An Update that admits a node, or sends it to another peer, does not wait.
 *
 * Each neighbour also gets an Update about each chord-update-interval, whether anything changed or not, each at its own random
 * time (s10.7.4.1).  A neighbour that does not answer it is lost (update_ended): this is how one that stopped silently is found.
 */
#include "topology/chord_update.h"

#include "topology/chord_tables.h"

#include <assert.h>

struct chord_updates {
	uint64_t version; /* counts changes of the Neighbor Table and of the range */
	reload_ms due;    /* no link has an Update due before */
	struct reload_timer timer;
};

struct chord_updates *reload_chord_updates_new(void)
{
	struct chord_updates *updates = RELOAD_NEW(chord_updates);
	updates->version = 1;
	return updates;
}

void reload_chord_updates_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->updates->timer);
	free(t->updates);
}

static const struct wire_ctx write_ctx = { .node_id_len = CHORD_ID_LEN };

/* With bound: the node at which our range begins is among the predecessors, even if it is no peer of ours yet. */
static void write_update(
	struct reload_topology *t, struct wr *w, enum reload_chord_update_type type, bool bound)
{
	struct chord_tables lists = *t->tables; /* a copy: the lists of a message are not const */
	struct reload_chord_update u = {
		.uptime = reload_chord_uptime_s(t),
		.type = (uint8_t)type,
	};
	if (bound)
		lists.predecessors_count = reload_chord_tables_before(t, lists.predecessors);
	if (type != RELOAD_CHORD_PEER_READY) {
		u.predecessors = lists.predecessors;
		u.predecessors_count = lists.predecessors_count;
		u.successors = lists.successors;
		u.successors_count = lists.successors_count;
	}
	if (type == RELOAD_CHORD_FULL) {
		u.fingers = lists.fingers;
		u.fingers_count = lists.fingers_count;
	}
	reload_wire_write(w, &reload_chord_update_wire, &write_ctx, &u);
}

void reload_chord_update_write(
	struct reload_topology *t, struct wr *w, enum reload_chord_update_type type)
{
	write_update(t, w, type, false);
}

void reload_chord_update_full(struct reload_topology *t, struct wr *w)
{
	/* R-10.5-14: until then the node that asked gets none; it gets one when we announce ourselves */
	if (t->announced)
		reload_chord_update_write(t, w, RELOAD_CHORD_FULL);
	else
		wr_fail(w, RELOAD_NOT_JOINED);
}

static reload_ms next_periodic(struct reload_topology *t)
{
	return t->pace->nearest_only
		       ? RELOAD_NEVER /* chord_tuning.c: reload_chord_update_nearest() */
		       : reload_chord_now(t) + reload_chord_jitter(t, t->update_interval);
}

/* The pause after an Update, by what the link is by now: one that has become a neighbour does not wait for what has no lists, which is always the same. */
static reload_ms gap(const struct reload_topology *t, const struct chord_link *link)
{
	if (link->neighbour || link->lists_us)
		return CHORD_UPDATE_GAP_MS;
	reload_ms least = link->ready ? CHORD_READY_GAP_MS : CHORD_UPDATE_GAP_MS,
		  fair = reload_chord_link_count(t) * (reload_ms)RELOAD_SECOND /
			 CHORD_UPDATES_A_SECOND;
	return fair < least ? least : fair;
}

static void send(struct reload_topology *t, struct chord_link *link, bool lists)
{
	struct wr w;
	wr_init(&w);
	/*
	 * Only a node that we have admitted needs to know where our range begins.  The node there would take an Update that lists it for its own
	 * admission.
	 */
	write_update(
		t, &w, lists ? RELOAD_CHORD_NEIGHBORS : RELOAD_CHORD_PEER_READY, link->range_given);
	assert(!w.err);
	link->update_due = link->greet = false;
	link->sent = t->updates->version;
	link->sent_lists = lists;
	if (link->neighbour)
		link->periodic = next_periodic(t);
	link->sent_at = reload_chord_now(t);
	link->updates_out++;
	t->host.update(t->host.arg, &link->id, wr_done(&w));
	wr_clear(&w);
}

void reload_chord_update_now(struct reload_topology *t, struct chord_link *link)
{
	send(t, link, true);
}

bool reload_chord_update_over(struct reload_topology *t, struct chord_link *link)
{
	if (link->updates_out) /* 0: the link is newer than the Update */
		link->updates_out--;
	if (link->updates_out || !(link->update_due || link->greet))
		return false;
	t->updates->due = 0;
	return true;
}

void reload_chord_update_owe(struct reload_topology *t, struct chord_link *link)
{
	link->update_due = true;
	t->updates->due = 0;
}

void reload_chord_update_plan(struct reload_topology *t, struct chord_link *link)
{
	link->periodic = next_periodic(t);
	t->updates->due = 0;
}

void reload_chord_update_greet(struct reload_topology *t, struct chord_link *link)
{
	link->greet = true;
	t->updates->due = 0;
}

void reload_chord_update_nearest(struct reload_topology *t)
{
	const struct chord_tables *tables = t->tables;
	const struct reload_id *nearest[] = { tables->predecessors, tables->successors };
	for (size_t i = 0; i < COUNT_OF(nearest) && tables->successors_count; i++) {
		struct chord_link *link = reload_chord_link_find(t, nearest[i]);
		link->sent = 0;
		reload_chord_update_owe(t, link);
	}
}

void reload_chord_update_news(struct reload_topology *t)
{
	t->updates->version++;
}

void reload_chord_update_owe_all(struct reload_topology *t)
{
	for (size_t i = 0; i < reload_chord_link_count(t); i++)
		reload_chord_update_owe(t, reload_chord_link_at(t, i));
}

void reload_chord_update_range(struct reload_topology *t)
{
	for (size_t i = 0; i < reload_chord_link_count(t); i++) {
		struct chord_link *link = reload_chord_link_at(t, i);
		if (link->neighbour || !t->pace->nearest_only)
			reload_chord_update_owe(t, link);
	}
}

static bool is_sent_lists(const struct chord_link *link)
{
	return !link->ready || link->neighbour || link->lists_us;
}

/* Sends the Update to link if one is due; returns when to call this again. */
static reload_ms send_if_due(struct reload_topology *t, struct chord_link *link, reload_ms now)
{
	if (link->neighbour &&
		link->periodic <= now) { /* the periodic one, whether anything changed or not */
		link->update_due = true;
		link->sent = 0;
	}
	bool lists = is_sent_lists(link);
	if (link->update_due && link->sent == t->updates->version && (link->sent_lists || !lists))
		link->update_due = false;
	reload_ms quiet_until = link->sent_at ? link->sent_at + gap(t, link) : 0;
	bool quiet = link->updates_out || quiet_until > now;
	if (link->update_due && !quiet)
		send(t, link, lists);
	else if (link->greet && link->ready && !quiet)
		send(t, link, false);
	if (link->update_due || (link->greet && link->ready))
		return link->updates_out ? RELOAD_NEVER : quiet_until;
	return link->neighbour ? link->periodic : RELOAD_NEVER;
}

void reload_chord_update_flush(struct reload_topology *t)
{
	reload_ms now = reload_chord_now(t), next = RELOAD_NEVER;
	if (t->updates->due > now)
		return;
	for (size_t i = 0; t->announced && i < reload_chord_link_count(t); i++) {
		reload_ms due = send_if_due(t, reload_chord_link_at(t, i), now);
		if (due < next)
			next = due;
	}
	t->updates->due = next;
	reload_chord_timer(t, &t->updates->timer, next, reload_chord_on_after);
}

void reload_chord_update_doubt(struct reload_topology *t, const struct reload_id *id)
{
	struct chord_link *link = reload_chord_link_find(t, id);
	reload_ms now = reload_chord_now(t);
	if (!link || !link->ready || (link->doubted && now - link->doubted < CHORD_DOUBT_MS))
		return;
	link->doubted = now;
	link->sent = 0;
	reload_chord_update_owe(t, link);
}
