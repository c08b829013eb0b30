/*
 * What stored values mean: a table by Kind-ID with the value's schema, for printing and for checks before a Store.  A new
 * usage is a new file and a row.
 */
#pragma once

#include "config/config.h"
#include "util/bytes.h"
#include "wire/schema.h"

struct reload_usage {
	uint32_t kind;
	const char *name;
	/* checks a value before it is stored by this node; RELOAD_BAD_VALUE with why */
	enum reload_err (*check)(struct span value, const struct reload_config *config,
		struct reload_error_text *why);
	/* the value as JSON (owned), NULL when it does not parse */
	json_t *(*json)(struct span value, const struct reload_config *config);
	/* the Resource Name of this node's own record, for programs: NULL when it is free text */
	void (*own_name)(struct wr *w, const struct reload_id *node, const char *user);
};

/* reload_usage_find() returns the usage of a Kind, NULL for a Kind that this program knows only by its data model. */
const struct reload_usage *reload_usage_find(uint32_t kind);
