/*
 * Updates and Leaves (RFC 6940 s10.7, s10.7.3, s10.9): what they say, when they go out, what they cause.
 *
 * Types: `neighbors` to members of the Neighbor Table, to peers that count us among their neighbours (after a merge of rings
 * only we may know who is nearer to them than we are), and to nodes that are no peers (joining nodes look for their place
 * in it, clients for the peer that answers for them, s6.4.1); `peer_ready` to other peers; `full` to who asked with
 * send_update (CHORD-03).  Lists are nearest first, fingers ascending; none contains ourselves.
 *
 * Going out: a change of the Neighbor Table (reactive recovery) or of our range marks every link; a link that we asked for
 * is marked when it comes up.  The first marked Update goes at once, then one per link and CHORD_UPDATE_GAP_MS, and none
 * when its receiver has seen this version of the tables (CHORD-15).  Nothing goes out before we have announced ourselves
 * (R-10.5-14).  The Update that admits a node, or sends it elsewhere, does not wait.  Every neighbour is sent an Update
 * about each chord-update-interval after the last one, changed or not, each link at its own random time (s10.7.4.1); that
 * its answer does not come is how the loss of a silent neighbour is found (update_failed).
 *
 * A peer whose new lists leave out one of our neighbours that belongs there gets our lists, whether they changed or not: so
 * two neighbours whose link broke find each other again.  The one that is left out is sent an Update as well, at most one in
 * CHORD_DOUBT_MS: when its machine stopped without a word the first neighbour that notices leaves it out, and then all look.
 *
 * Coming in: an Update over its sender's own link makes the sender a peer, which may enter the tables; who it lists is
 * heard of (chord_pending.c).  An Update over another link (SEC-18) is hearsay only, also about its sender.
 */
#include "topology/chord.h"

#include <assert.h>

static const struct wire_ctx write_ctx = { .node_id_len = CHORD_ID_LEN };

void reload_chord_update_write(
	struct reload_topology *t, struct wr *w, enum reload_chord_update_type type)
{
	struct reload_chord_update u = {
		.uptime = (uint32_t)((reload_chord_now(t) - t->born) / RELOAD_SECOND),
		.type = (uint8_t)type,
	};
	if (type != RELOAD_CHORD_PEER_READY) {
		u.predecessors = t->predecessors;
		u.predecessors_count = t->predecessors_count;
		u.successors = t->successors;
		u.successors_count = t->successors_count;
	}
	if (type == RELOAD_CHORD_FULL) {
		u.fingers = t->fingers;
		u.fingers_count = t->fingers_count;
	}
	reload_wire_write(w, &reload_chord_update_wire, &write_ctx, &u);
}

void reload_chord_update_full(struct reload_topology *t, struct wr *w)
{
	if (t->announced)
		reload_chord_update_write(t, w, RELOAD_CHORD_FULL);
	else
		wr_fail(w,
			RELOAD_NOT_JOINED); /* R-10.5-14; who asked gets ours when we announce ourselves */
}

static void send(struct reload_topology *t, struct chord_link *link, bool lists)
{
	struct wr w;
	wr_init(&w);
	reload_chord_update_write(t, &w, lists ? RELOAD_CHORD_NEIGHBORS : RELOAD_CHORD_PEER_READY);
	assert(!w.err);
	link->dirty = false;
	link->sent = t->version;
	link->sent_lists = lists;
	if (link->neighbour)
		link->periodic = reload_chord_now(t) + reload_chord_jitter(t, t->update_interval);
	link->quiet_until = reload_chord_now(t) + CHORD_UPDATE_GAP_MS;
	t->host.update(t->host.arg, &link->id, wr_done(&w));
	wr_clear(&w);
}

void reload_chord_update_now(struct reload_topology *t, struct chord_link *link)
{
	send(t, link, true);
}

void reload_chord_update_owe(struct reload_topology *t, struct chord_link *link)
{
	link->dirty = true;
	t->update_due = 0;
}

void reload_chord_update_all_dirty(struct reload_topology *t)
{
	for (size_t i = 0; i < t->links_count; i++)
		reload_chord_update_owe(t, &t->links[i]);
}

static bool gets_lists(const struct chord_link *link)
{
	return !link->ready || link->neighbour || link->lists_us;
}

static void on_timer(void *arg)
{
	reload_chord_after(arg);
}

/* Sends what is due over link; returns when to look again. */
static reload_ms attend(struct reload_topology *t, struct chord_link *link, reload_ms now)
{
	if (link->neighbour && link->periodic <= now) { /* whether there is news or not */
		link->dirty = true;
		link->sent = 0;
	}
	bool lists = gets_lists(link);
	if (link->dirty && link->sent == t->version && (link->sent_lists || !lists))
		link->dirty = false;
	if (link->dirty && link->quiet_until <= now)
		send(t, link, lists);
	if (link->dirty)
		return link->quiet_until;
	return link->neighbour ? link->periodic : RELOAD_NEVER;
}

void reload_chord_update_flush(struct reload_topology *t)
{
	reload_ms now = reload_chord_now(t), next = RELOAD_NEVER;
	if (t->update_due > now)
		return;
	for (size_t i = 0; t->announced && i < t->links_count; i++) {
		reload_ms due = attend(t, &t->links[i], now);
		if (due < next)
			next = due;
	}
	t->update_due = next;
	reload_chord_timer(t, &t->update_timer, next, on_timer);
}

static bool only_us(const struct reload_topology *t, const struct reload_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!reload_id_eq(&list[i], &t->self))
			return false;
	return true;
}

static void mention(struct reload_topology *t, const struct reload_id *list, size_t count,
	const struct reload_id *from)
{
	for (size_t i = 0; i < count; i++)
		reload_chord_pending_mention(t, &list[i], from);
}

static void read_lists(struct reload_topology *t, const struct reload_id *from,
	const struct reload_chord_update *u)
{
	switch (t->state) {
	case RELOAD_TOPOLOGY_DETACHED:
	case RELOAD_TOPOLOGY_FAILED:
		return;
	case RELOAD_TOPOLOGY_ATTACHING:
	case RELOAD_TOPOLOGY_JOINING:
	case RELOAD_TOPOLOGY_JOINED:
		break;
	}
	if (u->type == RELOAD_CHORD_PEER_READY)
		return;
	reload_chord_pending_read_begin(t);
	mention(t, u->predecessors, u->predecessors_count, from);
	mention(t, u->successors, u->successors_count, from);
	mention(t, u->fingers, u->fingers_count, from);
	reload_chord_pending_read_end(t, from);
}

/* The third predecessor of the sender, by distance (CHORD-04); we count. */
static struct reload_id third_of(const struct reload_id *from, const struct reload_chord_update *u)
{
	struct reload_id near[3] = { 0 };
	for (size_t i = 0; i < u->predecessors_count; i++) {
		struct reload_id id = u->predecessors[i];
		for (size_t j = 0; j < COUNT_OF(near); j++)
			if (!near[j].len || reload_chord_nearer(from, false, &id, &near[j])) {
				struct reload_id swap = near[j];
				near[j] = id;
				id = swap;
			}
	}
	return near[2];
}

/* A list that is new, or not: FNV-1a over its bytes. */
static uint64_t mark_of(const struct reload_id *list, size_t count, uint64_t mark)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < CHORD_ID_LEN; j++)
			mark = (mark ^ list[i].at[j]) * 0x100000001b3u;
	return mark * 0x100000001b3u;
}

/* id belongs into this list of `from`, and is not there. */
static bool lacks(const struct reload_id *from, bool clockwise, const struct reload_id *list,
	size_t count, const struct reload_id *id)
{
	bool nearer = count < CHORD_NEIGHBOURS_MIN;
	for (size_t i = 0; i < count; i++) {
		if (reload_id_eq(&list[i], id))
			return false;
		nearer = nearer || reload_chord_nearer(from, clockwise, id, &list[i]);
	}
	return nearer;
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

/* Tells whether one of ours is left out; all of these are doubted. */
static bool lacks_some_of(struct reload_topology *t, const struct reload_id *from,
	const struct reload_chord_update *u, const struct reload_id *ours, size_t count)
{
	bool some = false;
	for (size_t i = 0; i < count; i++) {
		if (reload_id_eq(&ours[i], from) ||
			(!lacks(from, false, u->predecessors, u->predecessors_count, &ours[i]) &&
				!lacks(from, true, u->successors, u->successors_count, &ours[i])))
			continue;
		reload_chord_update_doubt(t, &ours[i]);
		some = true;
	}
	return some;
}

/*
 * Who says something new that leaves out a peer of ours hears our lists, once for each new thing it says.  It may also have noticed
 * before us that the peer failed.
 */
static void correct(
	struct reload_topology *t, struct chord_link *link, const struct reload_chord_update *u)
{
	uint64_t mark = mark_of(u->successors, u->successors_count,
		mark_of(u->predecessors, u->predecessors_count, 0xcbf29ce484222325u));
	if (link->mark == mark || t->state != RELOAD_TOPOLOGY_JOINED)
		return;
	link->mark = mark;
	bool before = lacks_some_of(t, &link->id, u, t->predecessors, t->predecessors_count),
	     after = lacks_some_of(t, &link->id, u, t->successors, t->successors_count);
	if (before || after) {
		reload_chord_update_owe(t, link);
		link->sent = 0;
	}
}

static void from_its_link(struct reload_topology *t, const struct reload_id *from,
	const struct reload_chord_update *u)
{
	struct chord_link *link = reload_chord_link_add(t, from);
	if (!link)
		return;
	reload_chord_link_ready(t, link, true);
	reload_chord_pending_forget(t, from);
	if (u->type != RELOAD_CHORD_PEER_READY) {
		link->listed = true;
		link->third = third_of(from, u);
		link->lists_us =
			reload_id_listed(u->predecessors, u->predecessors_count, &t->self) ||
			reload_id_listed(u->successors, u->successors_count, &t->self);
		link->sole = only_us(t, u->predecessors, u->predecessors_count) &&
			     only_us(t, u->successors, u->successors_count) &&
			     only_us(t, u->fingers, u->fingers_count);
		correct(t, link, u);
	}
	read_lists(t, from, u);
	reload_chord_join_update(t, link, u);
}

enum reload_err reload_chord_update_received(
	struct reload_topology *t, const struct reload_id *from, bool direct, struct span body)
{
	struct reload_chord_update u;
	struct reload_arena arena = { 0 };
	const struct wire_ctx ctx = { .node_id_len = CHORD_ID_LEN, .arena = &arena };
	enum reload_err err = reload_wire_decode(body, &reload_chord_update_wire, &ctx, &u);
	if (!err && (from->len != CHORD_ID_LEN || reload_id_eq(from, &t->self)))
		err = RELOAD_INVALID_MESSAGE;
	if (!err && direct) {
		from_its_link(t, from, &u);
	} else if (!err) {
		if (t->state == RELOAD_TOPOLOGY_JOINED)
			reload_chord_pending_mention(t, from, NULL);
		read_lists(t, from, &u);
	}
	reload_arena_clear(&arena);
	reload_chord_after(t);
	return err && err != RELOAD_UNKNOWN_TYPE ? RELOAD_INVALID_MESSAGE : err;
}

/* CHORD-10: one Leave per peer; to a peer that is on both sides, the one for the side on which it is nearer. */
static void leave_one(struct reload_topology *t, const struct reload_id *to)
{
	struct reload_id list[CHORD_NEIGHBOURS_MAX];
	struct reload_id there = reload_id_distance(&t->self, to),
			 back = reload_id_distance(to, &t->self);
	bool successor = reload_id_cmp(&there, &back) < 0;
	size_t after = t->successors_count, before = t->predecessors_count;
	for (size_t i = 0; i < t->successors_count; i++)
		if (reload_id_eq(&t->successors[i], to))
			after = i;
	for (size_t i = 0; i < t->predecessors_count; i++)
		if (reload_id_eq(&t->predecessors[i], to))
			before = i;
	if (after < t->successors_count || before < t->predecessors_count)
		successor = after < t->successors_count &&
			    (before == t->predecessors_count || after <= before);
	const struct reload_id *from = successor ? t->predecessors : t->successors;
	size_t count = successor ? t->predecessors_count : t->successors_count, n = 0;
	for (size_t i = 0; i < count; i++)
		if (!reload_id_eq(&from[i], to))
			list[n++] = from[i];
	const struct reload_chord_leave data = {
		.type = successor ? RELOAD_CHORD_FROM_PRED : RELOAD_CHORD_FROM_SUCC,
		.peers = list,
		.peers_count = n,
	};
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_chord_leave_wire, &write_ctx, &data);
	assert(!w.err);
	t->host.leave(t->host.arg, to, wr_done(&w));
	wr_clear(&w);
}

void reload_chord_leave(struct reload_topology *t)
{
	for (size_t i = 0; t->announced && i < t->peers.count; i++) {
		const struct reload_id to = reload_chord_set_at(&t->peers, i);
		leave_one(t, &to);
	}
	reload_chord_join_stop(t);
	reload_chord_pending_clear(t);
	t->announced = false;
	reload_chord_admit_stop(t);
	reload_chord_set_state(t, RELOAD_TOPOLOGY_DETACHED, NULL);
	for (size_t i = 0; i < t->links_count; i++) {
		t->links[i].given = false; /* it is we who go */
		reload_chord_link_ready(t, &t->links[i], false);
		t->links[i].dirty = false;
	}
}

void reload_chord_leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data)
{
	struct reload_chord_leave leave;
	struct reload_arena arena = { 0 };
	const struct wire_ctx ctx = { .node_id_len = CHORD_ID_LEN, .arena = &arena };
	struct chord_link *link = reload_chord_link_find(t, from);
	bool read = reload_wire_decode(data, &reload_chord_leave_wire, &ctx, &leave) == RELOAD_OK;
	if (link && link->ready) {
		t->alone = read ? link->sole || only_us(t, leave.peers, leave.peers_count)
				: link->sole;
		reload_chord_repair_lost(t, from);
		reload_chord_link_ready(t, link, false);
		reload_chord_link_drop(t, link);
		reload_chord_pending_lost(t, from, true, true);
		reload_chord_join_lost(t, from);
		/* the leaving peer cannot be routed through: its list is hearsay */
		if (read && t->state == RELOAD_TOPOLOGY_JOINED)
			mention(t, leave.peers, leave.peers_count, NULL);
		t->host.disconnect(t->host.arg, from);
	}
	reload_chord_admit_lost(t, from);
	reload_arena_clear(&arena);
}
