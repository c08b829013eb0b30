/*
 * A table of places in sets of WAYS.  A place is stored as a digest, because its key may be long and is chosen by its writer.  When a
 * set is full, its oldest row is replaced, and the newest storage_time of all rows that were replaced is kept.
 */
#include "storage/ended.h"

#include "ident/ops.h"
#include "util/alloc.h"
#include "util/bytes.h"
#include "wire/codes.h"

enum {
	SETS = 1024,
	WAYS = 4,
	DIGEST = 16
};

struct row {
	uint8_t place[DIGEST];
	uint64_t storage_time;
	uint32_t number; /* 0: free */
	bool alone; /* only this very value is over: an older one was stored after it expired */
};

struct reload_ended {
	uint32_t noted;
	struct row rows[SETS][WAYS];
	uint64_t forgotten
		[SETS]; /* the newest storage_time of the rows that made room; 0: none did */
};

static void digest_of(uint8_t out[DIGEST], const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_value *v)
{
	uint8_t full[RELOAD_HASH_SIZE_MAX], fixed[8];
	struct wr w = wr_fixed(fixed, sizeof(fixed));
	wr_u32(&w, kind);
	wr_u32(&w, v->model == RELOAD_MODEL_ARRAY ? v->index : 0);
	const struct span parts[] = { reload_id_span(resource), span_of(fixed, sizeof(fixed)),
		v->key };
	reload_hash(full, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	memcpy(out, full, DIGEST);
}

static size_t set_of(const uint8_t place[DIGEST])
{
	return (size_t)(place[0] << 8 | place[1]) % SETS;
}

static struct row *find(const struct reload_ended *ended, const uint8_t place[DIGEST])
{
	const struct row *set = ended->rows[set_of(place)];
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].number && !memcmp(set[i].place, place, DIGEST))
			return (struct row *)&set[i];
	return NULL;
}

/* A free row, or the one that was noted first. */
static struct row *row_take(struct reload_ended *ended, const uint8_t place[DIGEST])
{
	struct row *set = ended->rows[set_of(place)], *first = set;
	uint64_t *forgotten = &ended->forgotten[set_of(place)];
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].number < first->number)
			first = &set[i];
	if (first->number && first->storage_time > *forgotten)
		*forgotten = first->storage_time;
	return first;
}

void reload_ended_note(struct reload_ended **ended, const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_data *data)
{
	uint8_t place[DIGEST];
	if (!*ended)
		*ended = RELOAD_NEW(reload_ended);
	digest_of(place, resource, kind, &data->value);
	struct row *row = find(*ended, place);
	if (row && row->storage_time > data->storage_time)
		return;
	if (!row)
		row = row_take(*ended, place);
	*row = (struct row){ .storage_time = data->storage_time, .number = ++(*ended)->noted };
	memcpy(row->place, place, DIGEST);
}

void reload_ended_stored(struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data)
{
	uint8_t place[DIGEST];
	if (!ended)
		return;
	digest_of(place, resource, kind, &data->value);
	struct row *row = find(ended, place);
	if (row && data->storage_time < row->storage_time)
		row->alone = true;
	else if (row && data->storage_time == row->storage_time)
		row->number = 0;
}

void reload_ended_free(struct reload_ended *ended)
{
	free(ended);
}

bool reload_ended_is(const struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data, reload_utc now)
{
	uint8_t place[DIGEST];
	if (!ended)
		return false;
	digest_of(place, resource, kind, &data->value);
	const struct row *row = find(ended, place);
	if (!row || data->storage_time > row->storage_time)
		return false;
	return data->storage_time == row->storage_time || (!row->alone && row->storage_time <= now);
}

bool reload_ended_remembers(const struct reload_ended *ended, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data)
{
	uint8_t place[DIGEST];
	if (!ended)
		return true;
	digest_of(place, resource, kind, &data->value);
	const struct row *row = find(ended, place);
	return data->storage_time > ended->forgotten[set_of(place)] &&
	       (!row || row->storage_time <= data->storage_time);
}

bool reload_storage_ended(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	const struct reload_stored_data *data, reload_utc now)
{
	/* time 0, at which nothing has expired: also finds an expired value that was not freed yet */
	const struct reload_stored_entry *e = s->ops->find(s, resource, kind, &data->value, 0);
	if (e && reload_entry_expires(e) <= now && data->storage_time <= e->data.storage_time)
		return true;
	return reload_ended_is(s->ops->ended(s), resource, kind, data, now);
}

bool reload_storage_remembers(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *data)
{
	return reload_ended_remembers(s->ops->ended(s), resource, kind, data);
}
