/*
 * What has expired here: values that must not become valid again (interop STO-17).  Nobody signs a lifetime, so that who has
 * seen a value can bring it back at any time with a new one.
 */
#pragma once

#include "storage/storage.h"

/* reload_ended_note() notes that the value has expired; *ended is made when it is NULL.  reload_ended_free() frees; NULL is legal. */
void reload_ended_note(struct reload_ended **ended, const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_data *data);
void reload_ended_free(struct reload_ended *ended);

/*
 * reload_ended_is() tells whether data has expired, or is older than what did at its place.  Where the writer's clock ran ahead that
 * says nothing: a storage_time later than now makes no others old.  ended may be NULL.
 */
bool reload_ended_is(const struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data, reload_utc now);
/* reload_ended_stored() notes that data were stored: older than what expired there, or the same, as their writer wanted. */
void reload_ended_stored(struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data);

/*
 * reload_storage_ended() tells whether data, or a newer value at its place, has expired in s: it may not become valid again by the
 * word of others.
 */
bool reload_storage_ended(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_data *data, reload_utc now);
