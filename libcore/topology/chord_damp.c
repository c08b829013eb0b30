/*
 * Damping: a node that comes and goes gets data at growing intervals.
 *
 * Sending a node its range costs far more than asking for it.  Without a limit a node could connect, send an Update, leave, come
 * again, and be sent all its data each time.
 *
 * The count is kept by Node-ID, not by link.  A stay begins when data are ordered for a node and ends when the node goes, or sends a
 * second Join over its link; all orders of one stay are one grant.  The first CHORD_RETURNS times that a node returns it gets data at
 * once, because a machine may crash and restart with an empty disk.  After that it waits, counted from the time it went, and the pause
 * doubles up to CHORD_DAMP_MAX_MS.  A node that got nothing for CHORD_DAMP_FORGOTTEN_MS starts anew.
 *
 * An attacker with many Node-IDs gains little: nodes that returned more than CHORD_RETURNS times share one token bucket of
 * CHORD_GRANTS grants, refilled by one each CHORD_GRANT_MS.  When all CHORD_DAMP_MAX rows are taken by nodes that went lately, nodes without
 * a row share it too.
 */
#include "topology/chord_damp.h"

/* A node that got data and then went. */
struct damped {
	struct reload_id id;
	uint8_t returns; /* how often it came back; 0: the row is free */
	reload_ms went;  /* when it went the last time */
};

struct chord_damping {
	struct damped *rows; /* at most CHORD_DAMP_MAX */
	size_t count, cap;
	unsigned grants; /* tokens of CHORD_GRANTS that were in use at grants_at */
	reload_ms grants_at;
};

struct chord_damping *reload_chord_damping_new(void)
{
	return RELOAD_NEW(chord_damping);
}

void reload_chord_damping_free(struct chord_damping *d)
{
	if (d)
		free(d->rows);
	free(d);
}

static bool returned_lately(struct reload_topology *t, const struct damped *row)
{
	return row->returns && reload_chord_now(t) - row->went < CHORD_DAMP_FORGOTTEN_MS;
}

static struct damped *row_of(struct reload_topology *t, const struct reload_id *node)
{
	for (size_t i = 0; i < t->damping->count; i++)
		if (returned_lately(t, &t->damping->rows[i]) &&
			reload_id_eq(&t->damping->rows[i].id, node))
			return &t->damping->rows[i];
	return NULL;
}

static bool rows_are_full(struct reload_topology *t)
{
	for (size_t i = 0; i < t->damping->count; i++)
		if (!returned_lately(t, &t->damping->rows[i]))
			return false;
	return t->damping->count == CHORD_DAMP_MAX;
}

static reload_ms pause_after(unsigned returns)
{
	if (returns <= CHORD_RETURNS)
		return 0;
	return reload_doubled(CHORD_DAMP_MS, returns - CHORD_RETURNS - 1, CHORD_DAMP_MAX_MS);
}

/* Whether a grant to the node (row NULL: it has none) takes a token of the shared bucket. */
static bool uses_shared_tokens(struct reload_topology *t, const struct damped *row)
{
	return row ? row->returns > CHORD_RETURNS : rows_are_full(t);
}

static void refill_tokens(struct reload_topology *t)
{
	reload_ms earned = (reload_chord_now(t) - t->damping->grants_at) / CHORD_GRANT_MS;
	t->damping->grants =
		earned < t->damping->grants ? t->damping->grants - (unsigned)earned : 0;
	t->damping->grants_at = t->damping->grants ? t->damping->grants_at + earned * CHORD_GRANT_MS
						   : reload_chord_now(t);
}

reload_ms reload_chord_damp_until(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	const struct damped *row = row_of(t, node);
	reload_ms until = row ? row->went + pause_after(row->returns) : 0;
	if (link && link->data_given)
		return 0;
	refill_tokens(t);
	if (uses_shared_tokens(t, row) && t->damping->grants >= CHORD_GRANTS &&
		until < t->damping->grants_at + CHORD_GRANT_MS)
		until = t->damping->grants_at + CHORD_GRANT_MS;
	return until > reload_chord_now(t) ? until : 0;
}

void reload_chord_damp_given(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (!link || link->data_given)
		return;
	link->data_given = true;
	refill_tokens(t);
	if (uses_shared_tokens(t, row_of(t, node)))
		t->damping->grants++;
}

/* The row for another node: a new one, or else the one of the node that went first. */
static struct damped *row_for(struct reload_topology *t)
{
	struct damped *first = t->damping->rows;
	if (t->damping->count < CHORD_DAMP_MAX) {
		reload_grow_within(&t->damping->rows, &t->damping->cap, t->damping->count,
			sizeof(*t->damping->rows), CHORD_DAMP_MAX);
		return &t->damping->rows[t->damping->count++];
	}
	for (size_t i = 1; i < t->damping->count; i++)
		if (t->damping->rows[i].went < first->went)
			first = &t->damping->rows[i];
	return first;
}

void reload_chord_damp_went(struct reload_topology *t, struct chord_link *link)
{
	if (!link->data_given)
		return;
	struct damped *row = row_of(t, &link->id);
	if (!row) {
		row = row_for(t);
		*row = (struct damped){ .id = link->id };
	}
	link->data_given = false;
	if (row->returns < UINT8_MAX)
		row->returns++;
	row->went = reload_chord_now(t);
}
