/*
 * An Update that came in (RFC 6940 s10.7.3, interop SEC-18).
 *
 * An Update over its sender's own link makes the sender a peer, which may then enter the tables; the nodes that it lists become pending
 * (chord_pending.c).  An Update over another link is hearsay, about its sender too: all it can cause is Attaches.
 *
 * When a peer's new lists lack one of our neighbours that belongs there, the peer gets our lists, even if these did not change.  So two
 * neighbours whose link broke find each other again.  The neighbour that is missing gets an Update too, at most one in CHORD_DOUBT_MS:
 * its machine may have stopped silently.  The first neighbour that notices removes it from its lists, and then all the others check.
 */
#include "topology/chord_update_in.h"

#include "topology/chord_join.h"
#include "topology/chord_pending.h"
#include "topology/chord_tables.h"
#include "topology/chord_tuning.h"
#include "topology/chord_update.h"

enum {
	NEAREST = 3 /* with fewer between us and the sender it holds what we own */
};

static void note_listed(struct reload_topology *t, const struct reload_id *list, size_t count,
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
	note_listed(t, u->predecessors, u->predecessors_count, from);
	note_listed(t, u->successors, u->successors_count, from);
	note_listed(t, u->fingers, u->fingers_count, from);
	reload_chord_pending_read_end(t, from);
}

/* The nearest predecessors of the sender, by distance (CHORD-04); len 0: it has fewer.  We may be one of them. */
static void nearest_predecessors(const struct reload_id *node, const struct reload_chord_update *u,
	struct reload_id near[NEAREST])
{
	memset(near, 0, NEAREST * sizeof(*near));
	for (size_t i = 0; i < u->predecessors_count; i++) {
		struct reload_id id = u->predecessors[i];
		for (size_t j = 0; j < NEAREST; j++)
			if (!near[j].len || reload_chord_nearer(node, false, &id, &near[j])) {
				struct reload_id swap = near[j];
				near[j] = id;
				id = swap;
			}
	}
}

/* FNV-1a over a list, to see whether it changed. */
static uint64_t lists_hash(const struct reload_id *list, size_t count, uint64_t hash)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < CHORD_ID_LEN; j++)
			hash = (hash ^ list[i].at[j]) * 0x100000001b3u;
	return hash * 0x100000001b3u;
}

/* Whether id is missing in this list of `from`: it is nearer than a member, or the list is short. */
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

/* Whether the lists of `from` lack one of ours; each that they lack is sent an Update, since it may have failed. */
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
 * Sends our lists to a peer whose lists changed and lack a neighbour of ours, once for each change.  The peer may also have noticed before us
 * that the neighbour failed.
 */
static void send_correction(
	struct reload_topology *t, struct chord_link *link, const struct reload_chord_update *u)
{
	uint64_t hash = lists_hash(u->successors, u->successors_count,
		lists_hash(u->predecessors, u->predecessors_count, 0xcbf29ce484222325u));
	if (link->lists_hash == hash || t->state != RELOAD_TOPOLOGY_JOINED)
		return;
	link->lists_hash = hash;
	bool before = lacks_some_of(
		     t, &link->id, u, t->tables->predecessors, t->tables->predecessors_count),
	     after = lacks_some_of(
		     t, &link->id, u, t->tables->successors, t->tables->successors_count);
	if (before || after) {
		reload_chord_update_owe(t, link);
		link->sent = 0;
	}
}

static void read_direct(struct reload_topology *t, const struct reload_id *from,
	const struct reload_chord_update *u)
{
	struct reload_id near[NEAREST];
	struct chord_link *link = reload_chord_link_add(t, from);
	if (!link)
		return;
	reload_chord_tables_ready(t, link, true);
	reload_chord_pending_forget(t, from);
	reload_chord_tuning_uptime(t, link, u->uptime);
	if (u->type != RELOAD_CHORD_PEER_READY) {
		link->listed = true;
		nearest_predecessors(from, u, near);
		link->first = near[0];
		link->third = near[NEAREST - 1];
		link->lists_us =
			reload_id_listed(u->predecessors, u->predecessors_count, &t->self) ||
			reload_id_listed(u->successors, u->successors_count, &t->self);
		link->lists_us_at = reload_chord_now(t);
		if (u->type == RELOAD_CHORD_FULL) {
			link->full_at = reload_chord_now(t);
			link->finger_of = reload_id_listed(u->fingers, u->fingers_count, &t->self);
		}
		link->lists_only_us =
			reload_chord_only_us(t, u->predecessors, u->predecessors_count) &&
			reload_chord_only_us(t, u->successors, u->successors_count) &&
			reload_chord_only_us(t, u->fingers, u->fingers_count);
		send_correction(t, link, u);
	}
	read_lists(t, from, u);
	reload_chord_join_update(t, link, u);
}

enum reload_err reload_chord_update_in(
	struct reload_topology *t, const struct reload_id *from, bool direct, struct span body)
{
	struct reload_chord_update u;
	struct reload_arena arena = { 0 };
	const struct wire_ctx ctx = { .node_id_len = CHORD_ID_LEN, .arena = &arena };
	enum reload_err err = reload_wire_decode(body, &reload_chord_update_wire, &ctx, &u);
	if (!err && (from->len != CHORD_ID_LEN || reload_id_eq(from, &t->self)))
		err = RELOAD_INVALID_MESSAGE;
	if (!err && direct) {
		read_direct(t, from, &u);
	} else if (!err) {
		if (t->state == RELOAD_TOPOLOGY_JOINED)
			reload_chord_pending_mention(t, from, NULL);
		read_lists(t, from, &u);
	}
	reload_arena_clear(&arena);
	reload_chord_after(t);
	return err && err != RELOAD_UNKNOWN_TYPE ? RELOAD_INVALID_MESSAGE : err;
}
