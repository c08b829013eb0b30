/*
 * A JSON tree as compact text, as json_dump_callback() with JSON_COMPACT writes it.  That one looks at each character alone and keeps
 * a table of the containers it is in, which was half of all work of a Fetch beside signatures.
 */
#pragma once

#include "util/bytes.h"

#include <jansson.h>

enum {
	RELOAD_JSON_DIGITS = 9 /* of a real: 0.3, not 0.29999999999999999 */
};

/* reload_json_write() appends v, which must be a tree (no container in itself), to w. */
void reload_json_write(struct wr *w, const json_t *v);
