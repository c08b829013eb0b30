/* Tests of Stores: what the fixture of a test holds. */
#pragma once

#include "storage_test.h"

static inline const struct reload_stored_entry *held(
	struct fixture *x, uint32_t kind, uint32_t index, const char *key)
{
	struct reload_stored_value place = {
		.model = (uint8_t)reload_config_kind(&x->config, kind)->model,
		.index = index,
		.key = key ? span_str(key) : (struct span){ NULL, 0 }
	};
	return x->storage->ops->find(x->storage, &x->at_alice, kind, &place, x->now);
}

static inline bool holds(
	struct fixture *x, uint32_t kind, uint32_t index, const char *key, const char *value)
{
	const struct reload_stored_entry *e = held(x, kind, index, key);
	return e && e->data.value.exists && span_eq(e->data.value.value, span_str(value));
}

/* The request fails and leaves everything as it was. */
static inline void refused(struct fixture *x, enum reload_err want)
{
	uint8_t before[RELOAD_HASH_SIZE_MAX], after[RELOAD_HASH_SIZE_MAX];
	storage_digest(x->storage, x->now, before);
	assert_int_equal(req_store(x), want);
	assert_non_null(x->work.reason);
	storage_digest(x->storage, x->now, after);
	assert_memory_equal(before, after, 32);
}
