/* Parameters of requests, and what is shown of them. */
#include "rpc.h"

#include "util/words.h"

#include <inttypes.h>
#include <stdlib.h>

const char *param_text(const json_t *params, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(params, name));
	return s ? s : otherwise;
}

uint64_t param_int(const json_t *params, const char *name, uint64_t otherwise)
{
	const json_t *v = json_object_get(params, name);
	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : otherwise;
}

uint64_t param_u64(const json_t *params, const char *name, uint64_t otherwise)
{
	const char *s = json_string_value(json_object_get(params, name));
	return s ? strtoull(s, NULL, 10) : otherwise;
}

bool param_bool(const json_t *params, const char *name, bool otherwise)
{
	const json_t *v = json_object_get(params, name);
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

enum reload_err param_kind(const struct reload_kind **out, const struct agent *agent,
	const json_t *params, struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	const json_t *v = json_object_get(params, "kind");
	const char *text = json_string_value(v);
	const struct reload_kind *kind =
		text ? reload_config_kind_named(config, text)
		     : reload_config_kind(config, (uint32_t)json_integer_value(v));
	if (kind) {
		*out = kind;
		return RELOAD_OK;
	}
	char what[128], number[16];
	snprintf(number, sizeof(number), "0x%" PRIx32, text ? 0 : (uint32_t)json_integer_value(v));
	snprintf(what, sizeof(what), "unknown Kind %.80s", text ? text : number);
	reload_error_explain(why, RELOAD_UNKNOWN_KIND, what,
		"neither the configuration of %s nor the registry has it", config->instance_name);
	const char *words[RELOAD_CONFIG_KINDS_MAX + 1] = { NULL }, *near = NULL;
	size_t count = 0;
	for (size_t i = 0; text && i < config->kinds.count && count < RELOAD_CONFIG_KINDS_MAX; i++)
		if (reload_kind_name(&config->kinds.at[i]))
			words[count++] = reload_kind_name(&config->kinds.at[i]);
	near = text ? reload_nearest(text, words) : NULL;
	if (near)
		reload_error_advise(why, "-k %s", near);
	else
		reload_error_advise(
			why, "reload-enroll config show %s lists the Kinds", config->instance_name);
	return RELOAD_USAGE;
}

char *agent_short_id(char out[AGENT_SHORT], const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	snprintf(out, AGENT_SHORT, "%.8s", reload_id_hex(hex, id));
	return out;
}

char *agent_kind_name(char out[AGENT_KIND], const struct reload_kind *kind)
{
	if (reload_kind_name(kind))
		snprintf(out, AGENT_KIND, "%s", reload_kind_name(kind));
	else
		snprintf(out, AGENT_KIND, "0x%08" PRIx32, kind->id);
	return out;
}
