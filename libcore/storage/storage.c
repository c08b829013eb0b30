/* What all storages share: lifetimes, the order of places, synthetic values. */
#include "storage/internal.h"

#include "wire/codes.h"

void reload_storage_free(struct reload_storage *s)
{
	if (s)
		s->ops->free(s);
}

reload_utc reload_entry_expires(const struct reload_stored_entry *e)
{
	reload_utc span = (reload_utc)e->data.lifetime * RELOAD_SECOND;
	return e->received > RELOAD_NEVER - span ? RELOAD_NEVER : e->received + span;
}

uint32_t reload_entry_lifetime(const struct reload_stored_entry *e, reload_utc now)
{
	reload_utc held_s = now > e->received ? (now - e->received) / RELOAD_SECOND : 0;
	return held_s < e->data.lifetime ? e->data.lifetime - (uint32_t)held_s : 0;
}

struct reload_stored_data reload_stored_synthetic(const struct reload_stored_value *place)
{
	return (struct reload_stored_data){
		.value = { .model = place->model, .index = place->index, .key = place->key },
		.signature = { .hash_alg = RELOAD_HASH_NONE,
			.sig_alg = RELOAD_SIG_ANONYMOUS,
			.identity.type = RELOAD_IDENTITY_NONE },
	};
}

int reload_place_cmp(const struct reload_stored_value *a, const struct reload_stored_value *b)
{
	if (a->model != b->model) /* a new document may have changed the Kind */
		return a->model < b->model ? -1 : 1;
	switch ((enum reload_data_model)a->model) {
	case RELOAD_MODEL_ARRAY:
		return (a->index > b->index) - (a->index < b->index);
	case RELOAD_MODEL_DICTIONARY:
		return span_cmp(a->key, b->key);
	case RELOAD_MODEL_SINGLE:
	case RELOAD_MODEL_UNKNOWN:
		break;
	}
	return 0;
}

static int kind_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

bool reload_kinds_distinct(uint32_t *kinds, size_t count)
{
	if (count < 2)
		return true;
	qsort(kinds, count, sizeof(*kinds), kind_cmp);
	for (size_t i = 1; i < count; i++)
		if (kinds[i] == kinds[i - 1])
			return false;
	return true;
}
