/* Values: store.put and store.fetch in the form in which most programs need them. */
#include "libreload/internal.h"

#include "util/alloc.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

struct value {
	char *bytes; /* owned, with a 0 behind them */
	size_t len;
	const json_t *object; /* borrowed from the result */
};

struct reload_values {
	json_t *result; /* of store.fetch */
	struct value *at;
	size_t count;
};

static int store(struct reload_session *s, const char *kind, const char *target, json_t *value)
{
	json_t *result = NULL;
	json_t *params =
		json_pack("{s:s, s:s, s:[o]}", "target", target, "kind", kind, "values", value);
	if (!params)
		return library_usage(s, target, "target and Kind are texts in UTF-8");
	int status = library_call(s, "store.put", params, &result);
	json_decref(result);
	return status;
}

int reload_value_store(struct reload_session *s, const char *kind, const char *target,
	const void *value, size_t len, uint32_t lifetime_s)
{
	char *text = reload_base64(span_of(value, len));
	json_t *one = json_pack("{s:s}", "value", text);
	free(text);
	if (lifetime_s)
		json_object_set_new(one, "lifetime_s", json_integer(lifetime_s));
	return store(s, kind, target, one);
}

int reload_value_remove(struct reload_session *s, const char *kind, const char *target)
{
	return store(s, kind, target, json_pack("{s:b}", "exists", false));
}

/* Reads the result of store.fetch; a value without its bytes is an answer of no agent. */
static bool values_read(struct reload_values *v)
{
	json_t *list = json_object_get(v->result, "values"), *one;
	size_t i;
	v->at = reload_alloc_array(json_array_size(list) + 1, sizeof(*v->at));
	json_array_foreach (list, i, one) {
		uint8_t *bytes = NULL;
		const json_t *text = json_object_get(one, "value");
		struct value *value = &v->at[v->count];
		if (!json_is_true(json_object_get(one, "exists")))
			continue;
		if (!json_is_string(text) ||
			reload_unbase64(&bytes, &value->len, json_string_value(text),
				json_string_length(text)))
			return false;
		value->bytes = reload_alloc(value->len + 1);
		memcpy(value->bytes, bytes, value->len);
		value->object = one;
		free(bytes);
		v->count++;
	}
	return true;
}

int reload_values_fetch(struct reload_session *s, const char *kind, const char *target,
	struct reload_values **values)
{
	struct reload_values *v = *values = RELOAD_NEW(reload_values);
	json_t *params = json_pack("{s:s, s:s}", "target", target, "kind", kind);
	if (!params)
		return library_usage(s, target, "target and Kind are texts in UTF-8");
	int status = library_call(s, "store.fetch", params, &v->result);
	if (status)
		return status;
	if (!values_read(v))
		return library_failed(
			s, RELOAD_BAD_ANSWER, target, "the agent answered a value without bytes");
	return v->count ? RELOAD_STATUS_OK
			: library_failed(s, RELOAD_NO_VALUE, target,
				  "no value of that Kind is stored there");
}

void reload_values_free(struct reload_values *v)
{
	if (!v)
		return;
	for (size_t i = 0; v->at && i < v->count; i++)
		free(v->at[i].bytes);
	free(v->at);
	json_decref(v->result);
	free(v);
}

size_t reload_values_count(const struct reload_values *v)
{
	return v->count;
}

const void *reload_value_bytes(const struct reload_values *v, size_t i, size_t *len)
{
	*len = v->at[i].len;
	return v->at[i].bytes;
}

static const char *member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

const char *reload_value_user(const struct reload_values *v, size_t i)
{
	return member_text(json_object_get(v->at[i].object, "signer"), "user");
}

const char *reload_value_node_id(const struct reload_values *v, size_t i)
{
	return member_text(json_object_get(v->at[i].object, "signer"), "node_id");
}

int64_t reload_value_index(const struct reload_values *v, size_t i)
{
	const json_t *index = json_object_get(v->at[i].object, "index");
	return json_is_integer(index) ? json_integer_value(index) : -1;
}

const char *reload_value_key(const struct reload_values *v, size_t i)
{
	return member_text(v->at[i].object, "key");
}

const char *reload_value_expires(const struct reload_values *v, size_t i)
{
	return member_text(v->at[i].object, "expires");
}
