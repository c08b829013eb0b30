/*
 * What has expired here: values that must not become valid again (interop STO-17).  No signature covers a lifetime, so that a
 * node that has seen a value could bring it back at any time with a new lifetime.
 */
#pragma once

#include "storage/storage.h"

/* reload_ended_note() notes that the value has expired; *ended is made when it is NULL.  reload_ended_free() frees; NULL is legal. */
void reload_ended_note(struct reload_ended **ended, const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_data *data);
void reload_ended_free(struct reload_ended *ended);

/*
 * reload_ended_is() returns whether data has expired, or is older than what did at its place.  A storage_time later than
 * now does not make other values old: the clock of that writer was ahead.  ended may be NULL.
 */
bool reload_ended_is(const struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data, reload_utc now);
/*
 * reload_ended_remembers() returns whether reload_ended_is() would say of data that it has expired, if it had: no row that may have been
 * its own was replaced, and there is none for a newer value.  ended may be NULL.
 */
bool reload_ended_remembers(const struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data);
/* reload_ended_stored() notes that data were stored in an original Store although an equal or newer value has expired at their place. */
void reload_ended_stored(struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data);

/*
 * reload_storage_ended() returns whether data, or a newer value at its place, has expired in s: a replica
 * Store or an answer of another node must not make it valid again.
 */
bool reload_storage_ended(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_data *data, reload_utc now);
/* reload_storage_remembers() returns whether reload_storage_ended() could say of data that it has expired in s, had it done so. */
bool reload_storage_remembers(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data);
