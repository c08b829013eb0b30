/*
 * An Update that came in (RFC 6940 s10.7.3, interop SEC-18).
 *
 * An Update over its sender's own link makes the sender a peer, which may enter the tables; the nodes that it lists become
 * pending (chord_pending.c).  One that came over another link is hearsay, also about its sender: it can only lead to Attaches.
 *
 * A peer whose new lists leave out one of our neighbours that belongs there gets our lists, whether they changed or not: so
 * two neighbours whose link broke find each other again.  The one that is left out is sent an Update as well, at most one in
 * CHORD_DOUBT_MS: when its machine stopped without a word the first neighbour that notices leaves it out, and then all look.
 */
#include "topology/chord_update_in.h"

#include "topology/chord_join.h"
#include "topology/chord_pending.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

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
static uint64_t lists_hash(const struct reload_id *list, size_t count, uint64_t hash)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < CHORD_ID_LEN; j++)
			hash = (hash ^ list[i].at[j]) * 0x100000001b3u;
	return hash * 0x100000001b3u;
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

static void from_its_link(struct reload_topology *t, const struct reload_id *from,
	const struct reload_chord_update *u)
{
	struct chord_link *link = reload_chord_link_add(t, from);
	if (!link)
		return;
	reload_chord_tables_ready(t, link, true);
	reload_chord_pending_forget(t, from);
	if (u->type != RELOAD_CHORD_PEER_READY) {
		link->listed = true;
		link->third = third_of(from, u);
		link->lists_us =
			reload_id_listed(u->predecessors, u->predecessors_count, &t->self) ||
			reload_id_listed(u->successors, u->successors_count, &t->self);
		link->lists_only_us =
			reload_chord_only_us(t, u->predecessors, u->predecessors_count) &&
			reload_chord_only_us(t, u->successors, u->successors_count) &&
			reload_chord_only_us(t, u->fingers, u->fingers_count);
		correct(t, link, u);
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
