#include "storage/front.h"

static struct reload_storage *within_of(struct reload_storage *s)
{
	return ((struct reload_storage_front *)s)->within; /* base comes first */
}

uint64_t reload_front_generation(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind, reload_utc now)
{
	return within_of(s)->ops->generation(within_of(s), resource, kind, now);
}

void reload_front_each(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	reload_utc now, reload_entry_fn visit, void *arg)
{
	within_of(s)->ops->each(within_of(s), resource, kind, now, visit, arg);
}

void reload_front_range(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint32_t first, uint32_t last, reload_utc now, reload_entry_fn visit, void *arg)
{
	within_of(s)->ops->range(within_of(s), resource, kind, first, last, now, visit, arg);
}

size_t reload_front_extent(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, reload_utc now, uint32_t *last)
{
	return within_of(s)->ops->extent(within_of(s), resource, kind, now, last);
}

const struct reload_stored_entry *reload_front_find(struct reload_storage *s,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place,
	reload_utc now)
{
	return within_of(s)->ops->find(within_of(s), resource, kind, place, now);
}

const struct reload_ended *reload_front_ended(struct reload_storage *s)
{
	return within_of(s)->ops->ended(within_of(s));
}

bool reload_front_next(struct reload_storage *s, const struct reload_id *from,
	const struct reload_id *to, uint32_t kind, reload_utc now, struct reload_id *out)
{
	return within_of(s)->ops->next(within_of(s), from, to, kind, now, out);
}

size_t reload_front_kinds(struct reload_storage *s, const struct reload_id *resource,
	reload_utc now, uint32_t *out, size_t max)
{
	return within_of(s)->ops->kinds(within_of(s), resource, now, out, max);
}

size_t reload_front_count(struct reload_storage *s, reload_utc now, size_t *values, size_t *bytes)
{
	return within_of(s)->ops->count(within_of(s), now, values, bytes);
}

size_t reload_front_totals(struct reload_storage *s, struct reload_kind_total *out, size_t max)
{
	return within_of(s)->ops->totals(within_of(s), out, max);
}
