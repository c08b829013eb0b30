/*
 * Since when each part of our own range has been ours (interop STO-17).
 *
 * What is stored in a ring reaches the peer that is responsible at that time.  So a value that was stored while we were, and that
 * we neither hold nor saw expire, was stored in another ring, even if nothing around us has changed since: when links across a
 * partition carry nothing while it lasts, their ends do not notice it.
 *
 * Our range ends at us, and only its other end moves.  So the parts are a stack: a gain is put on it with the time of the gain, and a
 * loss takes away what lies farther than the new end.
 */
#include "topology/chord_owned.h"

/* A part ends where the one before it in the list begins, the first one at us. */
struct part {
	struct reload_id from;
	reload_ms since;
};

struct chord_owned {
	struct part parts[CHORD_OWNED_MAX]; /* nearest first */
	size_t count;
};

struct chord_owned *reload_chord_owned_new(void)
{
	return RELOAD_NEW(chord_owned);
}

void reload_chord_owned_free(struct chord_owned *owned)
{
	free(owned);
}

/* Whether the range that begins at a has more than the one that begins at b.  One that begins at us is the whole ring. */
static bool has_more(
	const struct reload_topology *t, const struct reload_id *a, const struct reload_id *b)
{
	if (reload_id_eq(a, b) || reload_id_eq(b, &t->self))
		return false;
	return reload_id_eq(a, &t->self) || reload_chord_nearer(&t->self, false, b, a);
}

void reload_chord_owned_range(struct reload_topology *t, const struct reload_id *from)
{
	struct chord_owned *o = t->owned;
	struct part last = { .since = reload_chord_now(t) };
	if (!from) {
		o->count = 0;
		return;
	}
	while (o->count && has_more(t, &o->parts[o->count - 1].from, from))
		last = o->parts[--o->count];
	if (o->count && reload_id_eq(&o->parts[o->count - 1].from, from))
		return;
	last.from = *from;
	o->count -= o->count == CHORD_OWNED_MAX;
	o->parts[o->count++] = last;
}

reload_ms reload_chord_owned_since(
	const struct reload_topology *t, const struct reload_id *resource)
{
	const struct chord_owned *o = t->owned;
	for (size_t i = 0; i < o->count; i++)
		if (reload_id_between(&o->parts[i].from, resource, &t->self))
			return o->parts[i].since;
	return RELOAD_NEVER;
}
