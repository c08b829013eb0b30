/*
 * Informants: the nodes that name others in their Updates.
 *
 * A node may name any Node-ID, and each name can cause an Attach.  So there is a token bucket for each informant: it may cause
 * CHORD_ATTACH_BURST_PER_INFORMANT Attaches at once and then one each CHORD_ATTACH_REFILL_MS.  An Attach that fails counts against the informant that
 * it went through; a node that becomes a peer counts for the informant that named it last.  With CHORD_UNREACHABLE_NAMES_MAX more of the
 * former an informant is distrusted: a node that is named only by distrusted informants does not count as a future neighbour,
 * nor does a Join wait for it (chord_pending.c), and the pause between the Attaches that such an informant causes doubles up to
 * CHORD_ATTACH_REFILL_DOUBLINGS times.
 *
 * The counts are in the informant's row of the Connection Table and end with its link.  The table here has only the Node-IDs, so that a
 * row of chord_pending.c needs two bytes to name an informant.  Limit: CHORD_INFORMANTS_MAX slots, as many as these rows can name; a
 * slot that no row names is used again.
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
	return CHORD_NO_INFORMANT;
}

uint16_t reload_chord_informant_slot(struct reload_topology *t, const struct reload_id *id,
	const bool named[CHORD_INFORMANTS_MAX])
{
	struct chord_informants *n = t->informants;
	size_t slot = 0;
	while (slot < n->count && named[slot])
		slot++;
	if (slot == n->count) {
		reload_grow_within(&n->ids, &n->cap, slot, sizeof(*n->ids), CHORD_INFORMANTS_MAX);
		n->count++;
	}
	n->ids[slot] = *id;
	return (uint16_t)slot;
}

const struct reload_id *reload_chord_informant_id(const struct reload_topology *t, uint16_t slot)
{
	return &t->informants->ids[slot];
}

/* The informant's row in the Connection Table; NULL: there is no link to it. */
static struct chord_link *link_of(const struct reload_topology *t, uint16_t slot)
{
	return slot == CHORD_NO_INFORMANT ? NULL
					  : reload_chord_link_find(t, &t->informants->ids[slot]);
}

void reload_chord_informant_failed(struct reload_topology *t, uint16_t slot)
{
	struct chord_link *informant = link_of(t, slot);
	if (informant && informant->unreachable_names < UINT8_MAX)
		informant->unreachable_names++;
}

void reload_chord_informant_proved(struct reload_topology *t, uint16_t slot)
{
	struct chord_link *informant = link_of(t, slot);
	if (informant && informant->unreachable_names)
		informant->unreachable_names--;
}

bool reload_chord_informant_distrusted(const struct reload_topology *t, uint16_t slot)
{
	const struct chord_link *informant = link_of(t, slot);
	return informant && informant->unreachable_names >= CHORD_UNREACHABLE_NAMES_MAX;
}

bool reload_chord_informant_any_trusted(
	const struct reload_topology *t, const uint16_t *slots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!reload_chord_informant_distrusted(t, slots[i]))
			return true;
	return false;
}

/* The time after which the informant may cause one Attach more: longer for one whose names cannot be reached. */
static reload_ms refill_ms(const struct chord_link *informant)
{
	unsigned doublings = informant->unreachable_names / CHORD_UNREACHABLE_NAMES_MAX;
	return (reload_ms)CHORD_ATTACH_REFILL_MS
	       << (doublings < CHORD_ATTACH_REFILL_DOUBLINGS ? doublings
							     : CHORD_ATTACH_REFILL_DOUBLINGS);
}

reload_ms reload_chord_informant_charge(struct reload_topology *t, uint16_t slot)
{
	struct chord_link *informant = link_of(t, slot);
	if (!informant)
		return 0;
	reload_ms now = reload_chord_now(t), refill = refill_ms(informant),
		  earned = (now - informant->attach_tokens_at) / refill;
	informant->attach_tokens_used = earned < informant->attach_tokens_used
						? (uint8_t)(informant->attach_tokens_used - earned)
						: 0;
	informant->attach_tokens_at =
		informant->attach_tokens_used ? informant->attach_tokens_at + earned * refill : now;
	if (informant->attach_tokens_used == CHORD_ATTACH_BURST_PER_INFORMANT)
		return informant->attach_tokens_at + refill;
	informant->attach_tokens_used++;
	return 0;
}
