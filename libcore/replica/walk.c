#include "replica/internal.h"

bool reload_walk_next(struct reload_replica *rep, struct reload_id *last,
	const struct reload_id *to, bool *walked)
{
	struct reload_id from = reload_id_add_power(last, 0), resource;
	if (!rep->storage->ops->next(rep->storage, &from, to, 0, rep->engine->wall, &resource)) {
		*walked = true;
		return false;
	}
	*walked = reload_id_eq(&resource, to);
	*last = resource;
	return true;
}

void reload_walk_forget(struct reload_replica *rep, const struct reload_id *resource)
{
	struct reload_id before = reload_id_before(resource);
	rep->storage->ops->drop_range(rep->storage, &before, resource);
}
