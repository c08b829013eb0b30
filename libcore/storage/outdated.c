#include "storage/outdated.h"

static bool outdated_entry(const struct reload_store_work *w, uint32_t kind,
	const struct reload_stored_entry *newer, struct reload_stored_entry *out)
{
	const struct reload_stored_entry *held =
		w->storage->ops->find(w->storage, &w->resource, kind, &newer->data.value, w->now);
	if (!held)
		return false;
	*out = *held;
	out->received = w->now;
	out->certificates = (struct span){ NULL, 0 };
	out->data.lifetime = 0;
	out->data.value.exists = false;
	out->data.value.value = (struct span){ NULL, 0 };
	return true;
}

bool reload_store_outdated(struct reload_store_work *w)
{
	const struct reload_store_batch *batch = &w->batch;
	struct reload_store_change *changes =
		reload_arena_take(w->arena, (batch->changes_count + 1) * sizeof(*changes));
	size_t used = 0;
	for (size_t i = 0; i < batch->changes_count; i++) {
		const struct reload_store_change *newer = &batch->changes[i];
		struct reload_store_change *change = &changes[used];
		*change = (struct reload_store_change){ .kind = newer->kind,
			.generation = newer->generation,
			.entries = reload_arena_take(
				w->arena, (newer->entries_count + 1) * sizeof(*change->entries)) };
		for (size_t k = 0; k < newer->entries_count; k++)
			change->entries_count += outdated_entry(w, newer->kind, &newer->entries[k],
				&change->entries[change->entries_count]);
		used += change->entries_count > 0;
	}
	if (!used)
		return false;
	w->batch.changes = changes;
	w->batch.changes_count = used;
	return true;
}
