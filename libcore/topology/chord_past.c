/*
 * Former neighbours (interop STO-17), and whether the ring is settled.
 *
 * Only nodes that we know as neighbours may store replicas here, however well the Node-ID of another one fits.  A former neighbour may do so for
 * CHORD_PAST_MS more: the tables of the two ends change at different times, and it completes what it began as a neighbour.  A
 * hold-down of 30 s (R-10.7.1-03), CHORD_UPDATE_WAIT_MS, and the repetitions of what was refused meanwhile take less than 60 s.
 *
 * The ring is unsettled for CHORD_UNSETTLED_MS after a neighbour was added or the fingers changed.  (When rings merge some peers keep their
 * neighbours, and the other ring may still hold values that were stored for their range meanwhile.)  By then merged rings have checked each
 * other's owners: that begins after seconds and is repeated after pauses that double, up to three minutes and the time limit of a request.
 *
 * Limit: CHORD_PAST_MAX former neighbours; the one that went first is forgotten.
 */
#include "topology/chord_past.h"

/* A former neighbour. */
struct former {
	struct reload_id id;
	reload_ms until; /* how long it may store replicas here */
};

struct chord_past {
	struct former *rows; /* at most CHORD_PAST_MAX */
	size_t count, cap;
	reload_ms unsettled_until;
};

struct chord_past *reload_chord_past_new(void)
{
	return RELOAD_NEW(chord_past);
}

void reload_chord_past_free(struct chord_past *past)
{
	if (past)
		free(past->rows);
	free(past);
}

bool reload_chord_past_has(const struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_past *p = t->past;
	for (size_t i = 0; i < p->count; i++)
		if (p->rows[i].until > reload_chord_now(t) && reload_id_eq(&p->rows[i].id, node))
			return true;
	return false;
}

void reload_chord_past_came(struct reload_topology *t)
{
	t->past->unsettled_until = reload_chord_now(t) + CHORD_UNSETTLED_MS;
}

/* The row of node, or the one to be used for it. */
static struct former *row_for(struct chord_past *p, const struct reload_id *node)
{
	struct former *oldest = p->rows;
	for (size_t i = 0; i < p->count; i++) {
		if (reload_id_eq(&p->rows[i].id, node))
			return &p->rows[i];
		if (p->rows[i].until < oldest->until)
			oldest = &p->rows[i];
	}
	if (p->count == CHORD_PAST_MAX)
		return oldest;
	reload_grow_within(&p->rows, &p->cap, p->count, sizeof(*p->rows), CHORD_PAST_MAX);
	return &p->rows[p->count++];
}

void reload_chord_past_went(struct reload_topology *t, const struct reload_id *node)
{
	*row_for(t->past, node) =
		(struct former){ .id = *node, .until = reload_chord_now(t) + CHORD_PAST_MS };
}

bool reload_chord_unsettled(struct reload_topology *t)
{
	return reload_chord_now(t) < t->past->unsettled_until;
}
