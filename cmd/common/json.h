/* Values of results as JSON; an ID without bytes and a NULL text become null. */
#pragma once

#include "util/id.h"

#include <jansson.h>

json_t *json_of_id(const struct reload_id *id);
json_t *json_of_ids(const struct reload_id *ids, size_t count);
json_t *json_of_u64(uint64_t v);
json_t *json_of_hex(struct span bytes);
json_t *json_of_text(const char *text);
json_t *json_of_utf8(struct span bytes); /* null for bytes that are not UTF-8 */
json_t *json_of_transaction(uint64_t transaction);
