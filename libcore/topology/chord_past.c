/*
 * Who belongs to us (interop STO-17): only such nodes replicate here, however well the Node-ID of another one lies.
 *
 * A former neighbour still counts for CHORD_PAST_MS: the tables of the two ends change at different times, and what it began to
 * send while it was one goes on: a hold-down of 30 s (R-10.7.1-03), CHORD_UPDATE_WAIT_MS, and the repetitions of what was
 * refused meanwhile make less than 60 s.  At most CHORD_PAST_MAX are remembered, the last ones.
 *
 * The ring is unsettled for CHORD_UNSETTLED_MS after a new neighbour came or the fingers changed (of rings that merge some peers keep
 * their neighbours, and yet the other ring holds what was stored for them meanwhile): twice the time above, so that rings that merge have offered
 * each other what they hold (offers begin after seconds and are repeated after pauses that double).
 */
#include "topology/chord_past.h"

/* A node that was a neighbour. */
struct former {
	struct reload_id id;
	reload_ms until; /* it counts */
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

/* The row of node, or the one that it may take. */
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
