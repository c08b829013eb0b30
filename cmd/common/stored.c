#include "common/stored.h"

#include "common/json.h"
#include "common/output.h"
#include "usage/usage.h"
#include "util/text.h"

void cli_place_json(json_t *o, uint8_t model, uint32_t index, struct span key)
{
	bool array = model == RELOAD_MODEL_ARRAY, dictionary = model == RELOAD_MODEL_DICTIONARY;
	json_object_set_new(o, "index", array ? json_integer(index) : json_null());
	json_object_set_new(o, "key", dictionary ? json_of_hex(key) : json_null());
	json_object_set_new(o, "key_text", dictionary ? json_of_utf8(key) : json_null());
}

/* A time as JSON; times after the year 9999, which RFC 3339 cannot write, are shown as its last millisecond. */
static json_t *time_json(reload_utc t)
{
	json_t *j = cli_json_time(t);
	if (!json_is_null(j))
		return j;
	json_decref(j);
	return json_string("9999-12-31T23:59:59.999Z");
}

void cli_times_json(json_t *o, uint64_t storage_time, uint32_t lifetime, reload_utc from)
{
	json_object_set_new(o, "storage_time", time_json(storage_time));
	json_object_set_new(o, "lifetime_s", json_integer(lifetime));
	json_object_set_new(o, "expires", time_json(from + (uint64_t)lifetime * RELOAD_SECOND));
}

json_t *cli_value_json(
	const struct reload_config *config, const struct reload_fetched *v, reload_utc from)
{
	const struct reload_stored_data *d = v->data;
	const struct reload_usage *usage = reload_usage_find(v->kind);
	char *base64 = reload_base64(d->value.value);
	json_t *decoded = usage && usage->json && d->value.exists
				  ? usage->json(d->value.value, config)
				  : NULL;
	json_t *o = json_object();
	cli_place_json(o, d->value.model, d->value.index, d->value.key);
	json_object_set_new(o, "exists", json_boolean(d->value.exists));
	json_object_set_new(o, "value", json_string_nocheck(base64));
	json_object_set_new(o, "text", json_of_utf8(d->value.value));
	json_object_set_new(o, "decoded", decoded ? decoded : json_null());
	json_object_set_new(o, "size_bytes", json_integer((json_int_t)d->value.value.len));
	cli_times_json(o, d->storage_time, d->lifetime, from);
	json_object_set_new(o, "signer",
		json_pack("{s:o, s:o}", "user", json_of_text(v->cert ? v->cert->user : NULL),
			"node_id", json_of_id(&v->signer)));
	json_object_set_new(o, "valid", json_boolean(!v->err));
	json_object_set_new(o, "fault", json_of_text(v->err ? reload_err_text(v->err) : NULL));
	json_object_set_new(o, "rolled_back", json_boolean(v->rolled_back));
	free(base64);
	return o;
}
