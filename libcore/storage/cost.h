/*
 * What stored values cost: the larger of what they take in memory and in the file, including the structures around them.  If values
 * and keys alone were counted, many tiny values would take several times the quota.  The same for storages with and without a file.
 */
#pragma once

#include "storage/storage.h"

/* reload_cost_memory() returns what an allocation of size bytes takes. */
size_t reload_cost_memory(size_t size);

/*
 * What things cost whose allocation has size bytes: reload_cost_entry() an entry without its chain, reload_cost_kind() a Kind at a
 * resource with its counter, reload_cost_chain() a chain of len bytes, which come on top of size.
 */
size_t reload_cost_entry(size_t size, const struct reload_stored_entry *e);
size_t reload_cost_kind(size_t size);
size_t reload_cost_chain(size_t size, size_t len);
