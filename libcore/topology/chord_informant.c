/*
 * Informants: the nodes that name others in their Updates.
 *
 * Whatever a node says may be a lie, and each name can cause an Attach.  So an informant may cause CHORD_CREDIT Attaches at once and
 * then one each CHORD_CREDIT_MS: a token bucket.  An Attach to a node that it named and that fails counts against it, one that
 * leads to a peer counts for it; with CHORD_LIES more failures than successes it is distrusted: nodes that only such informants name
 * take no place among the future neighbours (chord_pending.c).
 *
 * The counts stand in the informant's row of the Connection Table and end with its link.  The table here holds the Node-IDs alone, so
 * that a row of a pending node names its informants by two bytes each.  Limit: CHORD_INFORMANTS_MAX places, which is all that the
 * pending nodes can name; a place that none of them names is used again.
 */
#include "topology/chord_informant.h"

struct chord_informants {
	struct reload_id *ids; /* at most CHORD_INFORMANTS_MAX */
	size_t count, cap;
};

struct chord_informants *reload_chord_informants_new(void)
{
	return RELOAD_NEW(chord_informants);
}

void reload_chord_informants_free(struct chord_informants *informants)
{
	if (informants)
		free(informants->ids);
	free(informants);
}

void reload_chord_informants_clear(struct reload_topology *t)
{
	t->informants->count = 0;
}

size_t reload_chord_informants_count(const struct reload_topology *t)
{
	return t->informants->count;
}

uint16_t reload_chord_informant_find(const struct reload_topology *t, const struct reload_id *id)
{
	const struct chord_informants *n = t->informants;
	for (size_t i = 0; id && i < n->count; i++)
		if (reload_id_eq(&n->ids[i], id))
			return (uint16_t)i;
	return CHORD_NOBODY;
}

uint16_t reload_chord_informant_place(struct reload_topology *t, const struct reload_id *id,
	const bool named[CHORD_INFORMANTS_MAX])
{
	struct chord_informants *n = t->informants;
	size_t place = 0;
	while (place < n->count && named[place])
		place++;
	if (place == n->count) {
		reload_grow_within(&n->ids, &n->cap, place, sizeof(*n->ids), CHORD_INFORMANTS_MAX);
		n->count++;
	}
	n->ids[place] = *id;
	return (uint16_t)place;
}

const struct reload_id *reload_chord_informant_id(const struct reload_topology *t, uint16_t place)
{
	return &t->informants->ids[place];
}

/* The informant's row of the Connection Table; NULL: there is no link to it. */
static struct chord_link *link_of(const struct reload_topology *t, uint16_t place)
{
	return place == CHORD_NOBODY ? NULL : reload_chord_link_find(t, &t->informants->ids[place]);
}

void reload_chord_informant_failed(struct reload_topology *t, uint16_t place)
{
	struct chord_link *informant = link_of(t, place);
	if (informant && informant->lies < UINT8_MAX)
		informant->lies++;
}

void reload_chord_informant_proved(struct reload_topology *t, uint16_t place)
{
	struct chord_link *informant = link_of(t, place);
	if (informant && informant->lies)
		informant->lies--;
}

bool reload_chord_informant_lies(const struct reload_topology *t, uint16_t place)
{
	const struct chord_link *informant = link_of(t, place);
	return informant && informant->lies >= CHORD_LIES;
}

reload_ms reload_chord_informant_charge(struct reload_topology *t, uint16_t place)
{
	struct chord_link *informant = link_of(t, place);
	if (!informant)
		return 0;
	reload_ms now = reload_chord_now(t), earned = (now - informant->spent_at) / CHORD_CREDIT_MS;
	informant->spent = earned < informant->spent ? (uint8_t)(informant->spent - earned) : 0;
	informant->spent_at =
		informant->spent ? informant->spent_at + earned * CHORD_CREDIT_MS : now;
	if (informant->spent == CHORD_CREDIT)
		return informant->spent_at + CHORD_CREDIT_MS;
	informant->spent++;
	return 0;
}
