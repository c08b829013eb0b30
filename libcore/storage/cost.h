/*
 * What is held costs the larger of what it takes in memory and in the file, with all that keeps it: a quota of values and keys alone
 * would be many times exceeded by tiny ones.  Alike for storages with and without a file.
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
