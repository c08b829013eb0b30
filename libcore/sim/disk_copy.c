#include "sim/disk_copy.h"

#include <stdlib.h>

enum {
	KINDS_MAX = 64 /* of a resource */
};

struct entries {
	struct reload_stored_entry *at;
	size_t count, cap;
};

static bool collect(void *arg, const struct reload_stored_entry *e)
{
	struct entries *all = arg;
	reload_grow(&all->at, &all->cap, all->count, sizeof(*all->at));
	all->at[all->count++] = *e;
	return true;
}

enum reload_err reload_sim_kind_copy(struct reload_storage *to, struct reload_storage *from,
	const struct reload_id *resource, uint32_t kind, reload_utc now)
{
	struct entries all = { 0 };
	struct reload_store_change change = { .kind = kind,
		.generation = from->ops->generation(from, resource, kind, 0) };
	if (!change.generation)
		return RELOAD_OK;
	from->ops->each(from, resource, kind, 0, collect, &all);
	change.entries = all.at;
	change.entries_count = all.count;
	struct reload_store_batch batch = {
		.resource = *resource, .changes = &change, .changes_count = 1, .now = now
	};
	enum reload_err err = to->ops->commit(to, &batch, NULL, NULL);
	free(all.at);
	return err;
}

enum reload_err reload_sim_resource_copy(struct reload_storage *to, struct reload_storage *from,
	const struct reload_id *resource, reload_utc now)
{
	uint32_t kinds[KINDS_MAX];
	enum reload_err err = RELOAD_OK;
	size_t count = from->ops->kinds(from, resource, 0, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count && !err; i++)
		err = reload_sim_kind_copy(to, from, resource, kinds[i], now);
	return err;
}

void reload_sim_storage_copy(struct reload_storage *to, struct reload_storage *from, reload_utc now)
{
	struct reload_id at = { .len = 0 }, top = reload_id_wildcard(RELOAD_ID_MAX), resource;
	while (from->ops->next(from, &at, &top, 0, 0, &resource)) {
		reload_sim_resource_copy(
			to, from, &resource, now); /* what is beyond the quota is not */
		at = reload_id_add_power(&resource, 0);
		if (reload_id_is_zero(&at))
			return; /* that was the last of all IDs */
	}
}
