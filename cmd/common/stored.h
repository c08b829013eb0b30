/* Stored values as JSON, for results of the agent and of reload-check-proof. */
#pragma once

#include "peer/peer.h"

#include <jansson.h>

/* cli_place_json() adds index, key and key_text to o, as the data model has them. */
void cli_place_json(json_t *o, uint8_t model, uint32_t index, struct span key);

/* cli_times_json() adds storage_time, lifetime_s and expires to o; the lifetime counts from `from`. */
void cli_times_json(json_t *o, uint64_t storage_time, uint32_t lifetime, reload_utc from);

/* cli_value_json() returns one entry (owned) of the list "values" of store.fetch. */
json_t *cli_value_json(
	const struct reload_config *config, const struct reload_fetched *v, reload_utc from);
