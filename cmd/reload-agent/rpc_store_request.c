/* The request of store.put: reading and checking its values, its Stat, and its result. */
#include "rpc_store.h"

#include "common/output.h"
#include "config/kind.h"
#include "storage/lapsed.h"
#include "usage/usage.h"
#include "util/text.h"
#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	LIFETIME_S = 86400
};

enum reload_err agent_store_request_bad(const struct agent_store_request *q,
	struct reload_error_text *why, enum reload_err err, const char *reason)
{
	char what[256], kind[AGENT_KIND];
	snprintf(what, sizeof(what), "cannot store at %.150s", q->base.target.shown);
	reload_error_explain(
		why, err, what, "Kind %s: %s", agent_kind_name(kind, q->base.kind), reason);
	agent_store_request_hint(q, err, NULL, why);
	return err;
}

static enum reload_err read_bytes(struct agent_store_request *q, struct span *out, const json_t *v,
	struct reload_error_text *why)
{
	const char *base64 = param_text(v, "value", NULL), *text = param_text(v, "text", NULL);
	if (base64 && text)
		return agent_store_request_bad(
			q, why, RELOAD_USAGE, "a value has value or text, not both");
	if (text) {
		*out = reload_arena_copy(&q->base.arena, span_str(text));
		return RELOAD_OK;
	}
	uint8_t *bytes;
	size_t len;
	if (reload_unbase64(&bytes, &len, base64 ? base64 : "", base64 ? strlen(base64) : 0))
		return agent_store_request_bad(q, why, RELOAD_USAGE, "value is not base64");
	*out = reload_arena_copy(&q->base.arena, span_of(bytes, len));
	free(bytes);
	return RELOAD_OK;
}

/* Where the value goes: nothing for SINGLE, a place for ARRAY, a key for DICTIONARY. */
static enum reload_err read_place(struct agent_store_request *q, struct reload_stored_value *out,
	const json_t *v, struct reload_error_text *why)
{
	const struct reload_kind *kind = q->base.kind;
	const char *key = param_text(v, "key", NULL);
	bool append = param_bool(v, "append", false),
	     index = json_is_integer(json_object_get(v, "index"));
	if (kind->model != RELOAD_MODEL_ARRAY && (append || index))
		return agent_store_request_bad(q, why, RELOAD_USAGE, "only arrays have an index");
	if (kind->model != RELOAD_MODEL_DICTIONARY && key)
		return agent_store_request_bad(q, why, RELOAD_USAGE, "only dictionaries have keys");
	if (kind->model == RELOAD_MODEL_ARRAY && append == index)
		return agent_store_request_bad(
			q, why, RELOAD_USAGE, "it is an array: --index N or --append says where");
	if (kind->model == RELOAD_MODEL_ARRAY)
		out->index = append ? RELOAD_ARRAY_END : (uint32_t)param_int(v, "index", 0);
	if (kind->model != RELOAD_MODEL_DICTIONARY)
		return RELOAD_OK;
	if (!key && kind->access == RELOAD_ACCESS_USER_NODE_MATCH)
		key = "self";
	if (!key)
		return agent_store_request_bad(
			q, why, RELOAD_USAGE, "it is a dictionary: --key K says where");
	return agent_key_parse(&out->key, q->base.agent, &q->base.arena, key, why);
}

static enum reload_err read_item(struct agent_store_request *q, struct reload_store_item *item,
	const json_t *v, struct reload_error_text *why)
{
	const struct reload_kind *kind = q->base.kind;
	const struct reload_usage *usage = reload_usage_find(kind->id);
	char reason[96];
	*item = (struct reload_store_item){ .kind = kind->id,
		.generation = q->generation,
		.lifetime_s = (uint32_t)param_int(v, "lifetime_s", LIFETIME_S),
		.value = { .model = kind->model, .exists = param_bool(v, "exists", true) } };
	enum reload_err err = read_place(q, &item->value, v, why);
	if (!err)
		err = read_bytes(q, &item->value.value, v, why);
	if (err)
		return err;
	if (!item->value.exists && item->value.value.len)
		return agent_store_request_bad(
			q, why, RELOAD_USAGE, "what is removed has no value");
	if (item->value.value.len > kind->max_size) {
		snprintf(reason, sizeof(reason), "the value has %zu bytes, max-size is %" PRIu32,
			item->value.value.len, kind->max_size);
		return agent_store_request_bad(q, why, RELOAD_DATA_TOO_LARGE, reason);
	}
	if (item->value.exists && usage && usage->check)
		return usage->check(item->value.value, q->base.config, why);
	return RELOAD_OK;
}

enum reload_err agent_store_request_read(
	struct agent_store_request *q, const json_t *params, struct reload_error_text *why)
{
	const json_t *values = json_object_get(params, "values");
	enum reload_err err = RELOAD_OK;
	q->generation = param_u64(params, "generation", 0);
	q->count = json_array_size(values);
	q->items = reload_arena_take(&q->base.arena, q->count * sizeof(*q->items));
	if (!q->count)
		return agent_store_request_bad(q, why, RELOAD_USAGE, "there are no values");
	for (size_t i = 0; !err && i < q->count; i++)
		err = read_item(q, &q->items[i], json_array_get(values, i), why);
	return err;
}

reload_utc agent_store_request_time(const struct agent_store_request *q, size_t i)
{
	return q->items[i].storage_time ? q->items[i].storage_time : q->begun;
}

json_t *agent_store_request_json(struct agent_store_request *q, uint64_t generation,
	const struct reload_result *r, json_t *replicas)
{
	char kind[AGENT_KIND];
	const struct reload_store_item *first = &q->items[0];
	reload_utc now = cli_now();
	json_t *result = json_pack(
		"{s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:I, s:I, s:b, s:I, s:o, s:o, s:b, s:b, s:o}",
		"resource_id", json_of_id(&q->base.target.resource), "name",
		json_of_text(q->base.target.name), "kind", agent_kind_name(kind, q->base.kind),
		"kind_id", (json_int_t)q->base.kind->id, "generation", json_of_u64(generation),
		"responsible", r ? json_of_id(&r->responder) : json_null(), "replicas", replicas,
		"hops", (json_int_t)(r ? r->hops : 0), "values", (json_int_t)q->count, "exists",
		(int)first->value.exists, "lifetime_s", (json_int_t)first->lifetime_s,
		"storage_time", cli_json_time(agent_store_request_time(q, 0)), "expires",
		cli_json_time(now + (uint64_t)first->lifetime_s * RELOAD_SECOND), "kept",
		(int)q->keep, "dry_run", (int)(r == NULL), "transaction",
		r ? json_of_transaction(r->transaction) : json_null());
	json_object_update(result, q->extra);
	return result;
}

struct reload_request *agent_store_request_stat(
	struct agent_store_request *q, reload_result_fn then, enum reload_err *err)
{
	const struct reload_kind *kind = q->base.kind;
	struct reload_specifier s = { .kind = kind->id, .model = kind->model };
	if (kind->model == RELOAD_MODEL_ARRAY) {
		q->all = (struct reload_array_range){ .first = 0, .last = RELOAD_ARRAY_END };
		s.ranges = &q->all;
		s.ranges_count = 1;
	}
	return reload_peer_stat(q->base.agent->peer, &q->base.request_target,
		&q->base.target.resource, &s, 1, then, q, err);
}

enum reload_err agent_store_request_may_write(
	const struct agent_store_request *q, struct reload_error_text *why)
{
	const struct reload_cert *cert = q->base.agent->credentials->cert;
	char reason[96];
	if (agent_store_request_allowed(q))
		return RELOAD_OK;
	snprintf(reason, sizeof(reason), "policy %s does not let %.40s write there",
		reload_access_policy_name(q->base.kind->access),
		cert->user ? cert->user : "this node");
	return agent_store_request_bad(q, why, RELOAD_FORBIDDEN, reason);
}

bool agent_store_request_same_place(
	const struct reload_stored_metadata *m, const struct reload_stored_value *item)
{
	switch (item->model) {
	case RELOAD_MODEL_ARRAY:
		return m->index == item->index;
	case RELOAD_MODEL_DICTIONARY:
		return span_eq(m->key, item->key);
	default:
		return true;
	}
}

/*
 * A removal that expires before the removed value would let an old copy of that value come back (RFC 6940 s7.4.1.3).  A
 * stored value with a time ahead of the clock gets a successor with a later time, unless its time is so far ahead that
 * no storer accepts a later one.
 */
static bool meet(struct reload_store_item *item, const struct reload_stored_metadata *m)
{
	reload_utc now = cli_now();
	if (!item->value.exists && item->lifetime_s < m->lifetime)
		item->lifetime_s = m->lifetime;
	if (m->storage_time < now || m->storage_time < item->storage_time ||
		reload_time_ahead(m->storage_time + 1, now))
		return false;
	item->storage_time = m->storage_time + 1;
	return true;
}

bool agent_store_request_meet(struct agent_store_request *q, const struct reload_stat_ans *ans)
{
	bool any = false;
	for (size_t k = 0; k < ans->kind_responses_count; k++)
		for (size_t v = 0; v < ans->kind_responses[k].values_count; v++) {
			const struct reload_stored_metadata *m = &ans->kind_responses[k].values[v];
			for (size_t i = 0; i < q->count; i++)
				if (agent_store_request_same_place(m, &q->items[i].value))
					any |= meet(&q->items[i], m);
		}
	return any;
}
