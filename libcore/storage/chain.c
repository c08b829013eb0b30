#include "storage/chain.h"

#include "storage/cost.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Lengths first: most lists that differ do so in length, and their bytes need not be compared. */
static int chain_cmp(const struct reload_stored_chain *a, const struct reload_stored_chain *b)
{
	if (a->bytes.len != b->bytes.len)
		return a->bytes.len < b->bytes.len ? -1 : 1;
	return memcmp(a->bytes.at, b->bytes.at, a->bytes.len);
}

RELOAD_TREE(reload_stored_chains, reload_stored_chain, entry, chain_cmp)

struct reload_stored_chain *reload_chain_use(
	struct reload_stored_chains *chains, struct span bytes, size_t *total)
{
	struct reload_stored_chain want = { .bytes = bytes }, *chain;
	if (!bytes.len)
		return NULL;
	chain = RB_FIND(reload_stored_chains, chains, &want);
	if (!chain) {
		chain = reload_alloc(sizeof(*chain) + bytes.len);
		memcpy(chain->room, bytes.at, bytes.len);
		chain->bytes = span_of(chain->room, bytes.len);
		chain->cost = reload_cost_chain(sizeof(*chain), bytes.len);
		RB_INSERT(reload_stored_chains, chains, chain);
		*total += chain->cost;
	}
	chain->uses++;
	return chain;
}

void reload_chain_drop(
	struct reload_stored_chains *chains, struct reload_stored_chain *chain, size_t *total)
{
	if (!chain || --chain->uses)
		return;
	RB_REMOVE(reload_stored_chains, chains, chain);
	*total -= chain->cost;
	free(chain);
}
