/*
 * Who comes and goes is given data ever more seldom.  A range is worth much more than what it costs to ask for one: a node that
 * connects, shows itself, goes and comes again would be sent all of it each time.
 *
 * What counts is the Node-ID and not the link.  Once a node has gone after it was given something, it returns: CHORD_RETURNS times
 * it is given its range at once, for a machine may crash and restart with an empty disk; then there is a pause, counted from
 * the moment it went, that doubles up to CHORD_DAMP_MAX_MS.  A stay is one grant, however many orders about data it causes; a
 * second Join over one link begins another stay.  After CHORD_DAMP_FORGOTTEN_MS without a grant the node is as good as new.
 *
 * Many Node-IDs of one person do not multiply this: who returned more often than that, and everybody once the
 * CHORD_DAMP_MAX rows are full of nodes that went lately, takes a share of CHORD_GRANTS, of which one is earned in CHORD_GRANT_MS.
 */
#include "topology/chord.h"

static bool lately(struct reload_topology *t, const struct chord_damp *row)
{
	return row->returns && reload_chord_now(t) - row->went < CHORD_DAMP_FORGOTTEN_MS;
}

static struct chord_damp *row_of(struct reload_topology *t, const struct reload_id *node)
{
	for (size_t i = 0; i < t->damps_count; i++)
		if (lately(t, &t->damps[i]) && reload_id_eq(&t->damps[i].id, node))
			return &t->damps[i];
	return NULL;
}

static bool crowded(struct reload_topology *t)
{
	for (size_t i = 0; i < t->damps_count; i++)
		if (!lately(t, &t->damps[i]))
			return false;
	return t->damps_count == CHORD_DAMP_MAX;
}

static reload_ms pause_after(unsigned returns)
{
	if (returns <= CHORD_RETURNS)
		return 0;
	return reload_doubled(CHORD_DAMP_MS, returns - CHORD_RETURNS - 1, CHORD_DAMP_MAX_MS);
}

/* Whether a grant to the node is one of CHORD_GRANTS. */
static bool shares(struct reload_topology *t, const struct chord_damp *row)
{
	return row ? row->returns > CHORD_RETURNS : crowded(t);
}

static void earn(struct reload_topology *t)
{
	reload_ms earned = (reload_chord_now(t) - t->grants_at) / CHORD_GRANT_MS;
	t->grants = earned < t->grants ? t->grants - (unsigned)earned : 0;
	t->grants_at = t->grants ? t->grants_at + earned * CHORD_GRANT_MS : reload_chord_now(t);
}

reload_ms reload_chord_damp_until(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	const struct chord_damp *row = row_of(t, node);
	reload_ms until = row ? row->went + pause_after(row->returns) : 0;
	if (link && link->given)
		return 0;
	earn(t);
	if (shares(t, row) && t->grants >= CHORD_GRANTS && until < t->grants_at + CHORD_GRANT_MS)
		until = t->grants_at + CHORD_GRANT_MS;
	return until > reload_chord_now(t) ? until : 0;
}

void reload_chord_damp_given(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (!link || link->given)
		return;
	link->given = true;
	earn(t);
	if (shares(t, row_of(t, node)))
		t->grants++;
}

/* The row that the node may take: a free one, or that of who went first. */
static struct chord_damp *row_for(struct reload_topology *t)
{
	struct chord_damp *first = t->damps;
	if (t->damps_count < CHORD_DAMP_MAX) {
		reload_grow_within(&t->damps, &t->damps_cap, t->damps_count, sizeof(*t->damps),
			CHORD_DAMP_MAX);
		return &t->damps[t->damps_count++];
	}
	for (size_t i = 1; i < t->damps_count; i++)
		if (t->damps[i].went < first->went)
			first = &t->damps[i];
	return first;
}

void reload_chord_damp_went(struct reload_topology *t, struct chord_link *link)
{
	if (!link->given)
		return;
	struct chord_damp *row = row_of(t, &link->id);
	if (!row) {
		row = row_for(t);
		*row = (struct chord_damp){ .id = link->id };
	}
	link->given = false;
	if (row->returns < UINT8_MAX)
		row->returns++;
	row->went = reload_chord_now(t);
}
