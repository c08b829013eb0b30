/* The functions of renewals that requests of the control socket call: add, find, list and drop. */
#include "renewals_internal.h"

#include "common/home.h"
#include "common/json.h"
#include "common/output.h"
#include "common/stored.h"
#include "log.h"
#include "rpc.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>

static struct renewal *put(struct agent_renewals *k, const struct agent_renewal_place *place,
	const char *name, uint32_t lifetime_s, reload_utc stored)
{
	(void)agent_renewals_drop(k, place);
	struct renewal *v = RELOAD_NEW(renewal);
	v->resource = place->resource;
	v->name = name ? reload_strdup(name) : NULL;
	v->kind = place->kind;
	v->value = *place->value;
	v->value.raw = span_of(NULL, 0);
	v->key_bytes = bytes_copy(place->value->key);
	v->value_bytes = bytes_copy(place->value->value);
	v->value.key = bytes_span(v->key_bytes);
	v->value.value = bytes_span(v->value_bytes);
	v->lifetime_s = lifetime_s;
	v->stored = stored;
	renewal_add(k, v);
	k->dirty = true;
	return v;
}

void agent_renewals_put(struct agent_renewals *k, const struct agent_renewal_place *place,
	const char *name, uint32_t lifetime_s, uint64_t generation, reload_utc stored)
{
	struct renewal *v = put(k, place, name, lifetime_s, stored);
	v->generation = generation;
	if (k->joined)
		renewal_schedule(v);
}

void agent_renewals_begin(struct agent_renewals *k, const struct agent_renewal_place *place,
	const char *name, uint32_t lifetime_s)
{
	struct renewal *v = put(k, place, name, lifetime_s, cli_now());
	if (k->joined)
		renewal_schedule_now(v, 0);
}

static const char *state_of(const struct renewal *v)
{
	if (v->superseded)
		return "superseded";
	if (v->request)
		return "renewing";
	if (v->failures)
		return "failing";
	return v->all->joined ? "kept" : "waiting";
}

static json_t *value_json(const struct renewal *v)
{
	const struct reload_config *config = reload_peer_config(v->all->agent->peer);
	const struct reload_kind *known = reload_config_kind(config, v->kind),
				 unknown = { .id = v->kind };
	char kind[AGENT_KIND];
	json_t *o = json_pack("{s:o, s:o, s:s, s:I, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I, "
			      "s:s, s:o}",
		"resource_id", json_of_id(&v->resource), "name", json_of_text(v->name), "kind",
		agent_kind_name(kind, known ? known : &unknown), "kind_id", (json_int_t)v->kind,
		"data_model", reload_data_model_name(v->value.model), "size_bytes",
		(json_int_t)v->value.value.len, "lifetime_s", (json_int_t)v->lifetime_s, "stored",
		cli_json_time(v->stored), "expires",
		cli_json_time(v->stored + (uint64_t)v->lifetime_s * RELOAD_SECOND), "next",
		v->next ? cli_json_time(v->next) : json_null(), "generation",
		json_of_u64(v->generation), "renewals", (json_int_t)v->renewals, "failures",
		(json_int_t)v->failures, "state", state_of(v), "last_error",
		json_of_text(v->last_error ? reload_err_text(v->last_error) : NULL));
	cli_place_json(o, v->value.model, v->value.index, v->value.key);
	return o;
}

size_t agent_renewals_find(
	const struct agent_renewals *k, const struct agent_renewal_place *place, json_t *list)
{
	size_t count = 0;
	const struct renewal *v;
	TAILQ_FOREACH (v, &k->values, entry)
		if (renewal_is_at(v, place)) {
			json_array_append_new(list, value_json(v));
			count++;
		}
	return count;
}

json_t *agent_renewals_json(const struct agent_renewals *k)
{
	const struct renewal *v;
	json_t *list = json_array();
	TAILQ_FOREACH (v, &k->values, entry)
		json_array_append_new(list, value_json(v));
	return json_pack("{s:o, s:o, s:I, s:i, s:i}", "kept", list, "services",
		agent_services_json(k->services), "size_bytes", (json_int_t)k->bytes, "limit_count",
		AGENT_RENEWALS_MAX, "limit_bytes", AGENT_RENEWALS_BYTES_MAX);
}

void agent_renewals_state(struct agent_renewals *k, enum reload_state state)
{
	bool joined = state == RELOAD_STATE_JOINED;
	agent_services_state(k->services, state);
	if (joined == k->joined)
		return;
	k->joined = joined;
	size_t nth = 0;
	struct renewal *v;
	TAILQ_FOREACH (v, &k->values, entry)
		if (!joined)
			renewal_cancel(v);
		else if (!v->superseded)
			renewal_schedule_now(v, nth++);
}

static struct agent_renewals *renewals_new(struct agent *agent)
{
	struct agent_renewals *k = RELOAD_NEW(agent_renewals);
	struct reload_error_text why;
	char below[128];
	k->agent = agent;
	TAILQ_INIT(&k->values);
	k->services = agent_services_new(agent);
	snprintf(below, sizeof(below), "%s/kept.json", agent->instance);
	if (cli_path(&k->path, CLI_STATE, below, &why))
		agent_log(agent->log, "storage", RELOAD_LEVEL_WARN,
			"kept values are lost when the agent ends: %s", why.reason);
	else
		renewals_load(k);
	return k;
}

struct agent_renewals *agent_renewals(struct agent *agent)
{
	if (!agent->rpc->renewals)
		agent->rpc->renewals = renewals_new(agent);
	return agent->rpc->renewals;
}

void agent_renewals_changed(struct agent_renewals *k)
{
	renewals_dirty(k);
}

struct agent_services *agent_services(struct agent *agent)
{
	return agent_renewals(agent)->services;
}

void agent_renewals_free(struct agent_renewals *k)
{
	if (!k)
		return;
	struct renewal *v;
	renewals_flush(k);
	while ((v = TAILQ_FIRST(&k->values)))
		renewal_remove(v);
	agent_services_free(k->services);
	reload_timer_cancel(reload_poll_timers(k->agent->poll), &k->save);
	free(k->path);
	free(k->unread);
	free(k);
}
