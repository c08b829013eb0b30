#include "service/diagnostics_internal.h"

/* How often one node may ask: evenly, and up to one second's share at once. */

/* The entry of node, else a free one, else that of the node that has been quiet longest. */
static struct diagnostics_asker *entry_of(
	struct diagnostics_asker *table, const struct reload_id *node)
{
	struct diagnostics_asker *best = table;
	for (struct diagnostics_asker *a = table; a < table + ASKERS_MAX; a++) {
		if (reload_id_eq(&a->node, node))
			return a;
		if (best->node.len && (!a->node.len || a->busy_until < best->busy_until))
			best = a;
	}
	*best = (struct diagnostics_asker){ .node = *node };
	return best;
}

bool reload_diagnostics_within(struct diagnostics_asker table[ASKERS_MAX],
	const struct reload_id *node, unsigned rate, reload_ms now,
	struct diagnostics_asker **asker)
{
	struct diagnostics_asker *a = *asker = entry_of(table, node);
	reload_ms each = RELOAD_SECOND / rate, begin = a->busy_until > now ? a->busy_until : now;
	if (begin - now > each * (rate - 1))
		return false;
	a->busy_until = begin + each;
	return true;
}
