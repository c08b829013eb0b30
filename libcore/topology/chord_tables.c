/*
 * The routing tables (RFC 6940 s10.1, s10.3, s10.7.1).
 *
 * A connected node becomes a peer, that is a member of these tables, by an Update over its own link, or because we admitted it.  It stops
 * being one when its link is lost or it leaves.  Neighbours are the nearest peers, reload_chord_neighbours_goal() on each side, so a lost
 * neighbour is replaced by the next nearest peer at once.  Fingers are the first peers of each finger interval.
 *
 * A link that the link layer reports as bad carries nothing for other nodes until it is good again.  Its node stays in the Neighbor Table,
 * because only a lost link moves responsibility.
 *
 * Our range is (nearest predecessor, self].  When only our Admitting Peer, or a predecessor that has left, has named the nearest
 * predecessor, the range begins at that node all the same (`bound`).
 */
#include "topology/chord_tables.h"

#include "topology/chord_damp.h"
#include "topology/chord_past.h"

struct chord_tables_state {
	struct chord_tables seen; /* what other files read through t->tables */
	size_t fingers_cap;
	bool changed; /* a peer came or went since the lists were made */
};

void reload_chord_tables_new(struct reload_topology *t)
{
	t->tables_state = RELOAD_NEW(chord_tables_state);
	t->tables = &t->tables_state->seen;
}

void reload_chord_tables_free(struct reload_topology *t)
{
	struct chord_tables *tables = &t->tables_state->seen;
	reload_chord_set_clear(&tables->peers);
	reload_chord_set_clear(&tables->route);
	free(tables->fingers);
	free(t->tables_state);
}

bool reload_chord_is_peer(const struct reload_topology *t, const struct reload_id *id)
{
	return reload_chord_set_has(&t->tables->peers, id);
}

static void unset_peer(struct reload_topology *t, struct chord_link *link)
{
	struct chord_tables *tables = &t->tables_state->seen;
	link->neighbour = link->lists_us = link->range_given = link->join_sent =
		link->join_answered = link->listed_early = link->lists_only_us = link->listed =
			link->finger_of = false;
	link->owner_checked.len = 0;
	reload_chord_set_remove(&tables->peers, &link->id);
	reload_chord_set_remove(&tables->route, &link->id);
}

void reload_chord_tables_ready(struct reload_topology *t, struct chord_link *link, bool ready)
{
	struct chord_tables *tables = &t->tables_state->seen;
	if (!ready && link->neighbour)
		reload_chord_past_went(t, &link->id);
	if (!ready)
		reload_chord_damp_went(t, link);
	if (link->ready != ready)
		t->tables_state->changed = t->reconsider = true;
	link->ready = ready;
	if (!ready) {
		unset_peer(t, link);
		return;
	}
	reload_chord_set_add(&tables->peers, &link->id);
	if (!link->bad)
		reload_chord_set_add(&tables->route, &link->id);
}

void reload_chord_tables_health(struct reload_topology *t, struct chord_link *link, bool good)
{
	struct chord_tables *tables = &t->tables_state->seen;
	link->bad = !good;
	if (link->bad)
		reload_chord_set_remove(&tables->route, &link->id);
	else if (link->ready)
		reload_chord_set_add(&tables->route, &link->id);
}

void reload_chord_tables_last(struct reload_topology *t, bool alone)
{
	t->tables_state->seen.alone = alone;
}

void reload_chord_tables_bound(struct reload_topology *t, const struct reload_id *id)
{
	struct chord_tables *tables = &t->tables_state->seen;
	if (id)
		tables->bound = *id;
	else
		tables->bound.len = 0;
}

static bool differ(
	const struct reload_id *a, size_t a_count, const struct reload_id *b, size_t b_count)
{
	if (a_count != b_count)
		return true;
	for (size_t i = 0; i < a_count; i++)
		if (!reload_id_eq(&a[i], &b[i]))
			return true;
	return false;
}

/* Replaces a list of the tables; returns whether it changed. */
static bool replace(
	struct reload_id *list, size_t *count, const struct reload_id *with, size_t with_count)
{
	if (!differ(list, *count, with, with_count))
		return false;
	memcpy(list, with, with_count * sizeof(*list));
	*count = with_count;
	return true;
}

size_t reload_chord_neighbours_goal(const struct reload_topology *t)
{
	return t->neighbours_wanted ? t->neighbours_wanted
				    : reload_chord_goal(&t->tables->peers, &t->self);
}

void reload_chord_tables_resized(struct reload_topology *t)
{
	t->tables_state->changed = t->reconsider = true;
}

static bool refresh_neighbours(struct reload_topology *t)
{
	struct chord_tables *tables = &t->tables_state->seen;
	struct reload_id list[CHORD_NEIGHBOURS_MAX];
	size_t goal = reload_chord_neighbours_goal(t);
	size_t n = reload_chord_set_before(&tables->peers, &t->self, list, goal);
	bool changed = replace(tables->predecessors, &tables->predecessors_count, list, n);
	n = reload_chord_set_after(&tables->peers, &t->self, list, goal);
	return replace(tables->successors, &tables->successors_count, list, n) || changed;
}

static bool refresh_fingers(struct reload_topology *t)
{
	struct chord_tables_state *s = t->tables_state;
	struct reload_id list[CHORD_FINGERS_MAX];
	size_t n = reload_chord_set_fingers(&s->seen.peers, &t->self, list), kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!t->fingers_wanted ||
			reload_chord_finger_index(&t->self, &list[i]) <= t->fingers_wanted)
			list[kept++] = list[i];
	n = kept;
	while (s->fingers_cap < n)
		reload_grow(&s->seen.fingers, &s->fingers_cap, s->fingers_cap,
			sizeof(*s->seen.fingers));
	return replace(s->seen.fingers, &s->seen.fingers_count, list, n);
}

bool reload_chord_tables_refresh(struct reload_topology *t, bool *neighbours, bool *fingers)
{
	*neighbours = *fingers = false;
	if (!t->tables_state->changed)
		return false;
	t->tables_state->changed = false;
	*neighbours = refresh_neighbours(t);
	*fingers = refresh_fingers(t);
	return true;
}

bool reload_chord_is_neighbour(const struct reload_topology *t, const struct reload_id *id)
{
	const struct chord_tables *tables = t->tables;
	return reload_id_listed(tables->predecessors, tables->predecessors_count, id) ||
	       reload_id_listed(tables->successors, tables->successors_count, id);
}

bool reload_chord_whole(const struct reload_topology *t)
{
	const struct chord_tables *tables = t->tables;
	return tables->predecessors_count < CHORD_NEIGHBOURS_MIN ||
	       reload_id_listed(tables->predecessors, tables->predecessors_count,
		       &tables->successors[tables->successors_count - 1]);
}

const struct reload_id *reload_chord_range_from(const struct reload_topology *t)
{
	const struct chord_tables *tables = t->tables;
	const struct reload_id *from =
		tables->predecessors_count ? &tables->predecessors[0] : &t->self;
	if (tables->bound.len &&
		(!tables->predecessors_count ||
			reload_chord_nearer(&t->self, false, &tables->bound, from)))
		return &tables->bound;
	return from;
}

size_t reload_chord_tables_before(
	const struct reload_topology *t, struct reload_id out[CHORD_NEIGHBOURS_MAX])
{
	const struct chord_tables *tables = t->tables;
	size_t n = tables->predecessors_count;
	memcpy(out, tables->predecessors, n * sizeof(*out));
	if (!tables->bound.len || reload_chord_is_peer(t, &tables->bound))
		return n;
	return reload_chord_insert(&t->self, false, out, n, CHORD_NEIGHBOURS_MAX, &tables->bound);
}

bool reload_chord_range_grew(const struct reload_topology *t, const struct reload_id *from)
{
	const struct reload_id *now = reload_chord_range_from(t);
	return !reload_id_eq(from, &t->self) &&
	       (reload_id_eq(now, &t->self) || reload_chord_nearer(&t->self, false, from, now));
}

bool reload_chord_responsible(const struct reload_topology *t, const struct reload_id *id)
{
	return t->state == RELOAD_TOPOLOGY_JOINED && id->len == CHORD_ID_LEN &&
	       reload_id_between(reload_chord_range_from(t), id, &t->self);
}
