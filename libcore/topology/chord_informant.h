/* Informants: nodes that name others, how many Attaches they may cause, and whether they are believed. */
#pragma once

#include "topology/chord_link.h"

enum {
	CHORD_INFORMANTS_MAX = 256,            /* slots in the table */
	CHORD_NO_INFORMANT = 0xffff,           /* no slot */
	CHORD_ATTACH_BURST_PER_INFORMANT = 32, /* Attaches that one informant may cause at once */
	CHORD_ATTACH_REFILL_MS = 2000,         /* the time after which it may cause one more */
	CHORD_ATTACH_REFILL_DOUBLINGS = 4, /* 32 s for an informant that is distrusted for long */
	CHORD_UNREACHABLE_NAMES_MAX = 4,   /* then the informant is distrusted */
};

/* reload_chord_informants_new() makes an empty table. */
struct chord_informants *reload_chord_informants_new(void);
void reload_chord_informants_free(struct chord_informants *informants);
/* reload_chord_informants_clear() empties the table. */
void reload_chord_informants_clear(struct reload_topology *t);
/* reload_chord_informants_count() is the number of slots that were given out. */
size_t reload_chord_informants_count(const struct reload_topology *t);
/* reload_chord_informant_find() returns the slot of id; CHORD_NO_INFORMANT when it has none, or id is NULL. */
uint16_t reload_chord_informant_find(const struct reload_topology *t, const struct reload_id *id);
/* reload_chord_informant_slot() gives id, which has none, a slot that is not named; fewer than CHORD_INFORMANTS_MAX are. */
uint16_t reload_chord_informant_slot(struct reload_topology *t, const struct reload_id *id,
	const bool named[CHORD_INFORMANTS_MAX]);
/* reload_chord_informant_id() returns the Node-ID at slot, which is not CHORD_NO_INFORMANT. */
const struct reload_id *reload_chord_informant_id(const struct reload_topology *t, uint16_t slot);
/* reload_chord_informant_failed(), reload_chord_informant_proved(): a node that the informant named could not be reached, has
 * become a peer.  CHORD_NO_INFORMANT, or an informant without a link: nothing is counted. */
void reload_chord_informant_failed(struct reload_topology *t, uint16_t slot);
void reload_chord_informant_proved(struct reload_topology *t, uint16_t slot);
/* reload_chord_informant_distrusted() returns whether the informant is distrusted. */
bool reload_chord_informant_distrusted(const struct reload_topology *t, uint16_t slot);
/* reload_chord_informant_any_trusted() returns whether one of count informants is not. */
bool reload_chord_informant_any_trusted(
	const struct reload_topology *t, const uint16_t *slots, size_t count);
/* reload_chord_informant_charge() takes one Attach from what the informant may cause and returns 0, or else the time from which it may
 * cause one again. */
reload_ms reload_chord_informant_charge(struct reload_topology *t, uint16_t slot);
