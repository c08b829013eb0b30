/* Tests of a storage alone: entries, put into it without a request. */
#pragma once

#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	KEEP_MS = 5000
};

/* An entry of the Kind K_ARRAY with nothing but what is named. */
static inline struct reload_stored_entry entry(
	uint32_t index, const char *value, uint64_t time, uint32_t lifetime, reload_utc now)
{
	struct reload_stored_entry e = { .received = now, .certificates = span_str("certificate") };
	e.data = (struct reload_stored_data){ .storage_time = time, .lifetime = lifetime };
	e.data.value = (struct reload_stored_value){ .model = RELOAD_MODEL_ARRAY,
		.index = index,
		.exists = true,
		.value = span_str(value) };
	return e;
}

static inline enum reload_err put(struct reload_storage *s, const struct reload_id *at,
	uint32_t kind, uint64_t generation, struct reload_stored_entry e)
{
	struct reload_store_change change = { kind, generation, &e, 1 };
	struct reload_store_batch batch = { *at, &change, 1, e.received };
	return s->ops->commit(s, &batch, NULL, NULL);
}

static inline size_t bytes_of(struct reload_storage *s)
{
	size_t bytes;
	s->ops->count(s, 0, NULL, &bytes);
	return bytes;
}

static inline bool collect_one(void *arg, const struct reload_stored_entry *e)
{
	*(struct reload_stored_entry *)arg = *e;
	return false;
}
