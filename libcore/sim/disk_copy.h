/* Copies of what one storage holds into another one, also of what has expired; now is the time of the commits. */
#pragma once

#include "storage/storage.h"

/*
 * reload_sim_kind_copy() copies what `from` has of a Kind at a resource with its counter, reload_sim_resource_copy() all that has values there; RELOAD_DATA_TOO_LARGE: it does
 * not fit.  reload_sim_storage_copy() copies everything but the resources that do not fit.
 */
enum reload_err reload_sim_kind_copy(struct reload_storage *to, struct reload_storage *from,
	const struct reload_id *resource, uint32_t kind, reload_utc now);
enum reload_err reload_sim_resource_copy(struct reload_storage *to, struct reload_storage *from,
	const struct reload_id *resource, reload_utc now);
void reload_sim_storage_copy(
	struct reload_storage *to, struct reload_storage *from, reload_utc now);
