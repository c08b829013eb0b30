#include "redir.h"

#include "common/json.h"

#include <string.h>

const struct reload_kind *agent_redir_kind(const struct agent *agent, struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	const struct reload_kind *kind = reload_config_kind(config, RELOAD_KIND_REDIR);
	if (kind)
		return kind;
	reload_error_explain(why, RELOAD_UNKNOWN_KIND, "services cannot be found or offered",
		"the configuration of %.200s does not have the Kind REDIR", config->instance_name);
	reload_error_advise(why,
		"an overlay made by reload-enroll init --services has it; reload-enroll config "
		"show %s",
		config->instance_name);
	return NULL;
}

struct reload_id agent_redir_resource(
	const struct agent *agent, const char *service, struct reload_redir_place place)
{
	uint8_t bytes[RELOAD_REDIR_NAME_MAX];
	struct wr name = wr_fixed(bytes, sizeof(bytes));
	struct reload_id resource;
	reload_redir_name(&name, span_str(service), place);
	reload_peer_resource_id(agent->peer, &resource, wr_done(&name));
	return resource;
}

struct reload_request *agent_redir_fetch(const struct agent *agent, const char *service,
	struct reload_redir_place place, reload_ms timeout_ms, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	struct reload_id resource = agent_redir_resource(agent, service, place);
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1, .timeout_ms = timeout_ms };
	struct reload_specifier all = { .kind = RELOAD_KIND_REDIR,
		.model = RELOAD_MODEL_DICTIONARY };
	return reload_peer_fetch(agent->peer, &target, &resource, &all, 1, fn, arg, err);
}

struct reload_redir_entry *agent_redir_entries(size_t *count, const struct reload_result *r,
	const char *service, struct reload_redir_place place, uint32_t branching)
{
	struct reload_redir_entry *out = reload_alloc_array(r->values_count + 1, sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < r->values_count; i++)
		*count += reload_redir_entry_read(
			&out[*count], &r->values[i], span_str(service), place, branching);
	return out;
}

static struct reload_request *put(const struct agent *agent, const char *service,
	struct reload_redir_place place, struct reload_store_item *item, reload_result_fn fn,
	void *arg, enum reload_err *err)
{
	struct reload_id resource = agent_redir_resource(agent, service, place);
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	item->kind = RELOAD_KIND_REDIR;
	item->value.model = RELOAD_MODEL_DICTIONARY;
	item->value.key = reload_id_span(&agent->credentials->node);
	return reload_peer_store(agent->peer, &target, &resource, item, 1, fn, arg, err);
}

/* No generation is named: providers write at one resource at the same time. */
struct reload_request *agent_redir_store(const struct agent *agent, const char *service,
	struct reload_redir_place place, uint32_t lifetime_s, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	struct reload_store_item item = { .lifetime_s = lifetime_s };
	struct wr w;
	wr_init(&w);
	reload_redir_provider_write(&w, &agent->credentials->node, span_str(service), place);
	item.value.exists = true;
	item.value.value = wr_done(&w);
	struct reload_request *r = put(agent, service, place, &item, fn, arg, err);
	wr_clear(&w);
	return r;
}

struct reload_request *agent_redir_remove(const struct agent *agent, const char *service,
	struct reload_redir_place place, uint32_t lifetime_s, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	struct reload_store_item item = { .lifetime_s = lifetime_s };
	return put(agent, service, place, &item, fn, arg, err);
}

json_t *agent_redir_place_json(
	const struct agent *agent, const char *service, struct reload_redir_place place)
{
	struct reload_id resource = agent_redir_resource(agent, service, place);
	return json_pack("{s:i, s:i, s:o}", "level", (int)place.level, "node", (int)place.node,
		"resource_id", json_of_id(&resource));
}
