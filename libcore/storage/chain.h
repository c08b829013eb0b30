/*
 * The certificates that go with stored values.  Most values of one signer have the same list, so that each list is in memory once,
 * with a count of the entries that use it, and is found by its bytes.
 */
#pragma once

#include "util/bytes.h"
#include "util/tree.h"

struct reload_stored_chain {
	RB_ENTRY(reload_stored_chain) entry;
	size_t uses, cost;
	struct span bytes; /* owned: GenericCertificates in wire form */
	uint8_t room[];
};

RB_HEAD(reload_stored_chains, reload_stored_chain);

/*
 * reload_chain_use() returns the chain of these bytes, copied when they are new, and counts one more use; NULL for no bytes.
 * reload_chain_drop() ends a use (NULL is legal) and frees what has none.  What a chain costs is added to *total, and taken from it,
 * once.
 */
struct reload_stored_chain *reload_chain_use(
	struct reload_stored_chains *chains, struct span bytes, size_t *total);
void reload_chain_drop(
	struct reload_stored_chains *chains, struct reload_stored_chain *chain, size_t *total);
