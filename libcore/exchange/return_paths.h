/*
 * The stateful way to route responses (RFC 6940 s6.1.2): a forwarder that leaves the Via List alone remembers for each
 * transaction the link that the request came over, for at least one overlay-reliability-timer.
 */
#pragma once

#include "util/clock.h"

struct reload_return_paths;

/*
 * reload_return_paths_new() makes an empty table (owned); at max entries the oldest goes: its response is lost, the end-to-end
 * repetition repairs.
 */
struct reload_return_paths *reload_return_paths_new(size_t max, reload_ms lifetime);
void reload_return_paths_free(struct reload_return_paths *paths);

/* reload_return_paths_put() remembers, or refreshes, the link of a transaction. */
void reload_return_paths_put(
	struct reload_return_paths *paths, uint64_t id, uint32_t link, reload_ms now);

/* reload_return_paths_get() returns the link; false when nothing (or nothing young enough) is known. */
bool reload_return_paths_get(
	struct reload_return_paths *paths, uint64_t id, reload_ms now, uint32_t *link);

/* reload_return_paths_count() returns the entries held after what is too old at now has gone. */
size_t reload_return_paths_count(struct reload_return_paths *paths, reload_ms now);
