/* Values of results as JSON. */
#include "common/json.h"

#include "util/alloc.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>

json_t *json_of_id(const struct reload_id *id)
{
	return id->len ? json_of_hex(reload_id_span(id)) : json_null();
}

json_t *json_of_ids(const struct reload_id *ids, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_of_id(&ids[i]));
	return list;
}

json_t *json_of_u64(uint64_t v)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, v);
	return json_string(text);
}

json_t *json_of_hex(struct span bytes)
{
	char *text = reload_alloc(2 * bytes.len + 1);
	json_t *j = json_string(reload_hex(text, bytes));
	free(text);
	return j;
}

json_t *json_of_text(const char *text)
{
	json_t *j = text ? json_string(text) : NULL;
	return j ? j : json_null();
}

json_t *json_of_utf8(struct span bytes)
{
	if (!reload_utf8_valid(bytes))
		return json_null();
	return json_stringn_nocheck(bytes.len ? (const char *)bytes.at : "", bytes.len);
}

json_t *json_of_transaction(uint64_t transaction)
{
	char text[24];
	snprintf(text, sizeof(text), "%016" PRIx64, transaction);
	return json_string(text);
}
