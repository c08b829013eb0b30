/* store.renewals, store.renew_stop. */
#include "rpc_request.h"

#include "renewals.h"
#include "value.h"

#include <stdio.h>

enum reload_rpc_end rpc_store_renewals(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	(void)params;
	return reload_rpc_reply(call, agent_renewals_json(agent_renewals(agent)));
}

/* The place that params name: an index, a key, or all of the Kind at the resource. */
static enum reload_err read_place(struct agent_renewal_place *place,
	struct reload_stored_value *value, struct agent_request *q, const json_t *params,
	struct reload_error_text *why)
{
	const char *key = param_text(params, "key", NULL);
	bool index = json_is_integer(json_object_get(params, "index"));
	place->resource = q->target.resource;
	place->kind = q->kind->id;
	if (index && q->kind->model != RELOAD_MODEL_ARRAY)
		return reload_error_explain(
			why, RELOAD_USAGE, "cannot drop that", "only arrays have an index");
	if (key && q->kind->model != RELOAD_MODEL_DICTIONARY)
		return reload_error_explain(
			why, RELOAD_USAGE, "cannot drop that", "only dictionaries have keys");
	if (!index && !key)
		return RELOAD_OK;
	value->index = (uint32_t)param_int(params, "index", 0);
	place->value = value;
	return key ? agent_key_parse(&value->key, q->agent, &q->arena, key, why) : RELOAD_OK;
}

static enum reload_err drop(struct agent_request *q, const json_t *params, json_t *dropped,
	struct reload_error_text *why)
{
	struct agent_renewals *renewals = agent_renewals(q->agent);
	struct agent_renewal_place place = { .value = NULL };
	struct reload_stored_value value = { 0 };
	char what[256], kind[AGENT_KIND];
	enum reload_err err = read_place(&place, &value, q, params, why);
	if (err)
		return err;
	if (agent_renewals_find(renewals, &place, dropped)) {
		if (param_bool(params, "dry_run", false))
			return RELOAD_OK;
		(void)agent_renewals_drop(renewals, &place);
		return agent_renewals_save(renewals, why);
	}
	snprintf(what, sizeof(what), "nothing of Kind %s is kept at %.150s",
		agent_kind_name(kind, q->kind), q->target.shown);
	reload_error_explain(why, RELOAD_NO_VALUE, what, "this agent was not asked to keep it");
	reload_error_advise(why, "reload-store -a %s --list-kept", q->agent->instance);
	return RELOAD_NO_VALUE;
}

enum reload_rpc_end rpc_store_renew_stop(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent_request *q = RELOAD_NEW(agent_request);
	struct reload_failure f = { 0 };
	json_t *dropped = json_array();
	f.err = agent_request_begin(q, arg, call, params, &f.why);
	if (!f.err)
		f.err = drop(q, params, dropped, &f.why);
	if (!f.err)
		return agent_request_reply(q, json_pack("{s:o, s:b}", "dropped", dropped, "dry_run",
						      (int)param_bool(params, "dry_run", false)));
	json_decref(dropped);
	return agent_request_refuse(q, &f);
}
