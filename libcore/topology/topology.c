#include "topology/topology.h"

static const struct reload_topology_ops *const plugins[] = { &reload_chord_topology,
	&reload_chord_tuned_topology };

const struct reload_topology_ops *reload_topology_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(plugins); i++)
		if (name && strcmp(plugins[i]->name, name) == 0)
			return plugins[i];
	return NULL;
}

bool reload_topology_lists(const struct reload_topology_ops *ops, struct reload_topology *plugin,
	const struct reload_id *node)
{
	struct reload_topology_tables t;
	ops->tables(plugin, &t);
	const struct reload_id *lists[] = { t.predecessors, t.successors, t.fingers };
	const size_t counts[] = { t.predecessors_count, t.successors_count, t.fingers_count };
	for (size_t l = 0; l < COUNT_OF(lists); l++)
		for (size_t i = 0; i < counts[l]; i++)
			if (reload_id_eq(&lists[l][i], node))
				return true;
	return false;
}

bool reload_topology_is_predecessor(const struct reload_topology_ops *ops,
	struct reload_topology *plugin, const struct reload_id *node)
{
	struct reload_topology_tables t;
	ops->tables(plugin, &t);
	return t.predecessors_count && reload_id_eq(&t.predecessors[0], node);
}

bool reload_topology_passed_over(const struct reload_topology_ops *ops,
	struct reload_topology *plugin, const struct reload_id *resource,
	const struct reload_id *owner, uint8_t replica_number, struct reload_id *out)
{
	struct reload_topology_tables t;
	struct reload_id from, to;
	ops->tables(plugin, &t);
	if (!ops->range(plugin, &from, &to) || !t.predecessors_count)
		return false;
	/* the nearest one may be no neighbour yet: then it comes before these */
	size_t first = reload_id_eq(&from, &t.predecessors[0]) ? 0 : 1, at = 0;
	while (at < t.predecessors_count && !reload_id_eq(&t.predecessors[at], owner))
		at++;
	if (at == t.predecessors_count || at + first != replica_number ||
		reload_id_between(owner, resource, &to))
		return false;
	*out = from;
	return true;
}

bool reload_topology_owner(const struct reload_topology_ops *ops, struct reload_topology *plugin,
	const struct reload_id *resource, struct reload_id *out)
{
	struct reload_topology_tables t;
	ops->tables(plugin, &t);
	for (size_t i = 0; i + 1 < t.predecessors_count; i++)
		if (reload_id_between(&t.predecessors[i + 1], resource, &t.predecessors[i])) {
			*out = t.predecessors[i];
			return true;
		}
	return false;
}
