/* Held values that are in nobody's way any more (STO-26). */
#pragma once

#include "config/config.h"
#include "storage/storage.h"

enum {
	RELOAD_TIME_AHEAD_MS =
		86400000 /* so far may the clock of a writer be ahead of a storer's */
};

/* reload_time_ahead() tells whether storage_time lies too far ahead of now: it is not taken, and where it is held it holds up nothing. */
bool reload_time_ahead(uint64_t storage_time, reload_utc now);

/*
 * Looks at values by a document and at a time.  Zero but for these two; what was found of one list of certificates is remembered until the
 * next list, so the values of one signer cost one check of his chain.  Borrows the list from the entry.
 */
struct reload_lapsed {
	const struct reload_config *config;
	reload_utc now;
	struct span certificates;
	bool known, lapsed;
};

/*
 * reload_lapsed() tells whether e neither counts nor holds up a newer value: its time is too far ahead, or its signer passes
 * the trust check no longer (a bad-node, an expired chain).  Costs a signature check per certificate of the chain.
 */
bool reload_lapsed(struct reload_lapsed *l, const struct reload_stored_entry *e);
