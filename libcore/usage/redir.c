/* The ReDiR usage (RFC 7374): a value says which node provides a service.  wire/redir.h has its structure. */
#include "wire/redir.h"

#include "usage/internal.h"

static enum reload_err redir_check(
	struct span value, const struct reload_config *config, struct reload_error_text *why)
{
	static const char what[] = "a REDIR record";
	const struct reload_kind *kind = reload_config_kind(config, RELOAD_KIND_REDIR);
	struct reload_redir_provider p;
	struct reload_id provider;
	enum reload_err err =
		reload_redir_provider_read(&p, &provider, value, config->node_id_len, why);
	if (err)
		return err;
	if (!provider.len)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"the last entry of destination_list is not the Node-ID of a provider");
	if (kind && !reload_redir_placed(&p, &provider, kind->branching_factor))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"tree node %u of level %u does not contain the provider's Node-ID", p.node,
			p.level);
	return RELOAD_OK;
}

static json_t *redir_json(struct span value, const struct reload_config *config)
{
	struct wire_ctx ctx = { .node_id_len = config->node_id_len };
	struct reload_redir_provider p;
	struct reload_id provider;
	if (reload_redir_provider_read(&p, &provider, value, config->node_id_len, NULL))
		return NULL;
	return reload_wire_json(&reload_redir_provider_wire, &ctx, &p);
}

const struct reload_usage reload_usage_redir = {
	.kind = RELOAD_KIND_REDIR,
	.name = "REDIR",
	.check = redir_check,
	.json = redir_json,
};
