/* Stored values that no longer count and no longer stop a newer value (STO-26). */
#pragma once

#include "config/config.h"
#include "ident/cache.h"
#include "storage/storage.h"

enum {
	RELOAD_TIME_AHEAD_MS = 86400000 /* a writer's clock may be this far ahead of the storer's */
};

/*
 * reload_time_ahead() returns whether storage_time lies too far ahead of now: such a value is not stored, and one that is stored already
 * does not stop others.
 */
bool reload_time_ahead(uint64_t storage_time, reload_utc now);

/*
 * Which document and which time values are checked by, and the cache of verified certificates (NULL: none), which saves reading them again, a
 * thousand allocations each, and no check.  All other members start as zero.  The result for one list of certificates is
 * remembered until the next list, so that the values of one signer cost one check of the chain.  Borrows the list from the entry.
 */
struct reload_lapsed {
	const struct reload_config *config;
	reload_utc now;
	struct reload_cache *cache;
	struct span certificates;
	bool known, lapsed;
};

/*
 * reload_lapsed() returns whether e neither counts nor stops a newer value: its time is too far ahead, or its signer no
 * longer passes the trust check (a bad-node, an expired chain).  Costs a signature check per certificate of the chain.
 */
bool reload_lapsed(struct reload_lapsed *l, const struct reload_stored_entry *e);
