/* A refused store.put: what is stored there, and what to try. */
#include "rpc_store.h"

#include "common/output.h"
#include "common/stored.h"
#include "config/kind.h"
#include "storage/access.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* RFC 6940 s7.3 */
bool agent_store_request_allowed(const struct agent_store_request *q)
{
	const struct reload_credentials *own = q->base.agent->credentials;
	const struct reload_topology_ops *topology =
		reload_topology_find(q->base.config->topology_plugin);
	for (size_t i = 0; i < q->count; i++) {
		struct reload_access a = { .kind = q->base.kind,
			.resource = &q->base.target.resource,
			.value = &q->items[i].value,
			.cert = own->cert,
			.node = &own->node,
			.resource_id = topology->resource_id };
		if (!reload_access_allowed(&a))
			return false;
	}
	return true;
}

/* The place of the first value, as options of reload-store. */
static const char *place_option(char out[160], const struct agent_store_request *q)
{
	const struct reload_stored_value *v = &q->items[0].value;
	char hex[129];
	out[0] = 0;
	if (v->model == RELOAD_MODEL_ARRAY && v->index == RELOAD_ARRAY_END)
		snprintf(out, 160, " --append");
	else if (v->model == RELOAD_MODEL_ARRAY)
		snprintf(out, 160, " --index %" PRIu32, v->index);
	else if (v->model == RELOAD_MODEL_DICTIONARY && v->key.len <= 64)
		snprintf(out, 160, " --key hex:%s", reload_hex(hex, v->key));
	return out;
}

/*
 * Error_Data_Too_Large has several causes; the storer's error_info distinguishes them, but only as a hint, as its text is
 * free.
 */
static void hint_large(const struct agent_store_request *q, const struct reload_result *r,
	struct reload_error_text *why)
{
	char kind[AGENT_KIND], place[160], reason[64] = "";
	const char *instance = q->base.agent->instance;
	agent_kind_name(kind, q->base.kind);
	if (r)
		snprintf(reason, sizeof(reason), "%.*s", (int)r->error_info.len,
			r->error_info.len ? (const char *)r->error_info.at : "");
	if (!r || strstr(reason, "max-size"))
		reload_error_advise(why,
			"at most %" PRIu32 " bytes: reload-store -a %s -k %s %s%s VALUE",
			q->base.kind->max_size, instance, kind, agent_operand(&q->base),
			place_option(place, q));
	else if (strstr(reason, "max-count") || strstr(reason, "last index"))
		reload_error_advise(why,
			"a place that is taken can be stored again: reload-fetch -a %s --stat -k "
			"%s %s",
			instance, kind, agent_operand(&q->base));
	else if (reload_id_eq(&r->responder, &q->base.agent->credentials->node))
		reload_error_advise(why,
			"a larger --store-limit of this agent: reload-agent status -a %s",
			instance);
	else
		reload_error_advise(why,
			"a larger --store-limit of that peer: reload-ping -a %s %s", instance,
			agent_operand(&q->base));
}

void agent_store_request_hint(const struct agent_store_request *q, enum reload_err err,
	const struct reload_result *r, struct reload_error_text *why)
{
	const struct reload_cert *cert = q->base.agent->credentials->cert;
	const char *instance = q->base.agent->instance;
	char kind[AGENT_KIND], place[160];
	agent_kind_name(kind, q->base.kind);
	if (err == RELOAD_DATA_TOO_LARGE)
		hint_large(q, r, why);
	else if (err == RELOAD_MESSAGE_TOO_LARGE)
		reload_error_advise(why, "%s: reload-store -a %s -k %s %s%s VALUE",
			q->count > 1 ? "fewer values at a time" : "a shorter value", instance, kind,
			agent_operand(&q->base), place_option(place, q));
	else if (err == RELOAD_DATA_TOO_OLD ||
		 (err == RELOAD_FORBIDDEN && agent_store_request_allowed(q)))
		reload_error_advise(why, "compare the clocks: reload-ping -a %s -j %s", instance,
			agent_operand(&q->base));
	else if (err != RELOAD_FORBIDDEN)
		return;
	else if (q->base.kind->access == RELOAD_ACCESS_USER_MATCH && cert->user)
		reload_error_advise(why, "the own name: reload-store -a %s -k %s %s VALUE",
			instance, kind, cert->user);
	else if (q->base.kind->access == RELOAD_ACCESS_USER_NODE_MATCH && cert->user)
		reload_error_advise(why, "the own name and key: reload-store -a %s -k %s %s VALUE",
			instance, kind, cert->user);
	else
		reload_error_advise(why, "an agent whose Node-ID makes that Resource-ID");
}

/* --- another generation --------------------------------------------------------------------------------------------- */

/* Appends "; there is 'text' of alice@..." to the reason, for the first three values. */
static void describe_values(struct reload_error_text *why, const json_t *values)
{
	size_t i;
	json_t *v;
	json_array_foreach (values, i, v) {
		size_t used = strlen(why->reason);
		const char *text = json_string_value(json_object_get(v, "text"));
		const char *user =
			json_string_value(json_object_get(json_object_get(v, "signer"), "user"));
		if (i == 3) {
			snprintf(why->reason + used, sizeof(why->reason) - used, ", ...");
			return;
		}
		snprintf(why->reason + used, sizeof(why->reason) - used, "%s %s%s%s of %s",
			i ? "," : "; there is", text ? "'" : "", text ? text : "a value",
			text ? "'" : "", user ? user : "nobody known");
	}
}

static void present(void *arg, const struct reload_result *r)
{
	struct agent_store_request *q = arg;
	struct reload_failure f = q->refused;
	json_t *list = json_array();
	for (size_t i = 0; !r->err && i < r->values_count; i++)
		if (!r->values[i].err && !r->values[i].synthetic && r->values[i].data->value.exists)
			json_array_append_new(
				list, cli_value_json(q->base.config, &r->values[i], cli_now()));
	if (!r->err) {
		describe_values(&f.why, list);
		f.values = list;
	}
	agent_request_fail_with(&q->base, r, &f);
	json_decref(list);
}

void agent_store_request_present(struct agent_store_request *q)
{
	const struct reload_kind *kind = q->base.kind;
	struct reload_specifier s = { .kind = kind->id, .model = kind->model };
	const struct reload_stored_value *first = &q->items[0].value;
	struct reload_array_range range = { first->index, first->index };
	struct reload_vec16_bytes key = { first->key };
	enum reload_err err = RELOAD_OK;
	if (kind->model == RELOAD_MODEL_ARRAY) {
		if (first->index == RELOAD_ARRAY_END)
			range.first = 0;
		s.ranges = &range;
		s.ranges_count = 1;
	} else if (kind->model == RELOAD_MODEL_DICTIONARY) {
		s.keys = &key;
		s.keys_count = 1;
	}
	struct reload_request *next = reload_peer_fetch(q->base.agent->peer,
		&q->base.request_target, &q->base.target.resource, &s, 1, present, q, &err);
	agent_request_next(&q->base, next, err);
}

/* Error_Generation_Counter_Too_Low carries a StoreAns with the present counters (RFC 6940 s7.4.1.1). */
static void read_counter(struct agent_store_request *q, const struct reload_result *r)
{
	struct reload_store_ans ans;
	struct wire_ctx ctx = reload_config_wire_ctx(q->base.config);
	ctx.arena = &q->base.arena;
	if (reload_wire_decode(r->error_info, &reload_store_ans_wire, &ctx, &ans))
		ans.kind_responses_count = 0;
	for (size_t i = 0; i < ans.kind_responses_count; i++)
		if (ans.kind_responses[i].kind == q->base.kind->id) {
			q->refused.has_generation = true;
			q->refused.generation = ans.kind_responses[i].generation_counter;
		}
}

void agent_store_request_other_generation(
	struct agent_store_request *q, const struct reload_result *r)
{
	struct reload_failure *f = &q->refused;
	char what[256], shown[AGENT_SHORT], asked[48] = "", kind[AGENT_KIND], place[160];
	bool known = f->has_generation; /* found by a dry run */
	f->err = RELOAD_GENERATION_TOO_LOW;
	f->overlay_code = r->overlay_code;
	if (!known)
		read_counter(q, r);
	if (q->generation)
		snprintf(asked, sizeof(asked), ", not %" PRIu64, q->generation);
	snprintf(
		what, sizeof(what), "another generation is stored at %.200s", q->base.target.shown);
	agent_short_id(shown, &r->responder);
	if (f->has_generation)
		reload_error_explain(&f->why, f->err, what, "peer %s %s: it is %" PRIu64 "%s",
			shown,
			known ? "has another one" : "answered Error_Generation_Counter_Too_Low",
			f->generation, asked);
	else
		reload_error_explain(&f->why, f->err, what,
			"peer %s answered Error_Generation_Counter_Too_Low", shown);
	reload_error_advise(&f->why, "reload-store -a %s -k %s %s%s -g %" PRIu64 " VALUE",
		q->base.agent->instance, agent_kind_name(kind, q->base.kind),
		agent_operand(&q->base), place_option(place, q), f->generation);
	agent_store_request_present(q);
}
