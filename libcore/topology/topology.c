#include "topology/topology.h"

static const struct reload_topology_ops *const plugins[] = { &reload_chord_topology };

const struct reload_topology_ops *reload_topology_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(plugins); i++)
		if (name && strcmp(plugins[i]->name, name) == 0)
			return plugins[i];
	return NULL;
}
