/* store.put: Store, and removal by a Store of exists = False. */
#include "rpc_store.h"

#include "common/output.h"
#include "config/kind.h"
#include "renewals.h"
#include "storage/access.h"
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

static enum reload_err bad_value(const struct agent_store_request *q, struct reload_why *why,
	enum reload_err err, const char *reason)
{
	char what[256], kind[AGENT_KIND];
	snprintf(what, sizeof(what), "cannot store at %.150s", q->base.target.shown);
	reload_why_set(why, err, what, "Kind %s: %s", agent_kind_name(kind, q->base.kind), reason);
	agent_store_request_hint(q, err, NULL, why);
	return err;
}

static enum reload_err read_bytes(
	struct agent_store_request *q, struct span *out, const json_t *v, struct reload_why *why)
{
	const char *base64 = param_text(v, "value", NULL), *text = param_text(v, "text", NULL);
	if (base64 && text)
		return bad_value(q, why, RELOAD_USAGE, "a value has value or text, not both");
	if (text) {
		*out = reload_arena_copy(&q->base.arena, span_str(text));
		return RELOAD_OK;
	}
	uint8_t *bytes;
	size_t len;
	if (reload_unbase64(&bytes, &len, base64 ? base64 : "", base64 ? strlen(base64) : 0))
		return bad_value(q, why, RELOAD_USAGE, "value is not base64");
	*out = reload_arena_copy(&q->base.arena, span_of(bytes, len));
	free(bytes);
	return RELOAD_OK;
}

/* Where the value goes: nothing for SINGLE, a place for ARRAY, a key for DICTIONARY. */
static enum reload_err read_place(struct agent_store_request *q, struct reload_stored_value *out,
	const json_t *v, struct reload_why *why)
{
	const struct reload_kind *kind = q->base.kind;
	const char *key = param_text(v, "key", NULL);
	bool append = param_bool(v, "append", false),
	     index = json_is_integer(json_object_get(v, "index"));
	if (kind->model != RELOAD_MODEL_ARRAY && (append || index))
		return bad_value(q, why, RELOAD_USAGE, "only arrays have an index");
	if (kind->model != RELOAD_MODEL_DICTIONARY && key)
		return bad_value(q, why, RELOAD_USAGE, "only dictionaries have keys");
	if (kind->model == RELOAD_MODEL_ARRAY && append == index)
		return bad_value(
			q, why, RELOAD_USAGE, "it is an array: --index N or --append says where");
	if (kind->model == RELOAD_MODEL_ARRAY)
		out->index = append ? RELOAD_ARRAY_END : (uint32_t)param_int(v, "index", 0);
	if (kind->model != RELOAD_MODEL_DICTIONARY)
		return RELOAD_OK;
	if (!key && kind->access == RELOAD_ACCESS_USER_NODE_MATCH)
		key = "self";
	if (!key)
		return bad_value(q, why, RELOAD_USAGE, "it is a dictionary: --key K says where");
	return agent_key_parse(&out->key, q->base.agent, &q->base.arena, key, why);
}

static enum reload_err read_item(struct agent_store_request *q, struct reload_store_item *item,
	const json_t *v, struct reload_why *why)
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
		return bad_value(q, why, RELOAD_USAGE, "what is removed has no value");
	if (item->value.value.len > kind->max_size) {
		snprintf(reason, sizeof(reason), "the value has %zu bytes, max-size is %" PRIu32,
			item->value.value.len, kind->max_size);
		return bad_value(q, why, RELOAD_DATA_TOO_LARGE, reason);
	}
	if (item->value.exists && usage && usage->check)
		return usage->check(item->value.value, q->base.config, why);
	return RELOAD_OK;
}

static enum reload_err read_items(
	struct agent_store_request *q, const json_t *params, struct reload_why *why)
{
	const json_t *values = json_object_get(params, "values");
	enum reload_err err = RELOAD_OK;
	q->generation = param_u64(params, "generation", 0);
	q->count = json_array_size(values);
	q->items = reload_arena_take(&q->base.arena, q->count * sizeof(*q->items));
	if (!q->count)
		return bad_value(q, why, RELOAD_USAGE, "there are no values");
	for (size_t i = 0; !err && i < q->count; i++)
		err = read_item(q, &q->items[i], json_array_get(values, i), why);
	return err;
}

static reload_utc stored_at(const struct agent_store_request *q, size_t i)
{
	return q->items[i].storage_time ? q->items[i].storage_time : q->begun;
}

json_t *agent_store_request_json(struct agent_store_request *q, uint64_t generation,
	const struct reload_result *r, json_t *replicas)
{
	char kind[AGENT_KIND];
	const struct reload_store_item *first = &q->items[0];
	reload_utc now = cli_now();
	return json_pack(
		"{s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:I, s:I, s:b, s:I, s:o, s:o, s:b, s:b, s:o}",
		"resource_id", json_of_id(&q->base.target.resource), "name",
		json_of_text(q->base.target.name), "kind", agent_kind_name(kind, q->base.kind),
		"kind_id", (json_int_t)q->base.kind->id, "generation", json_of_u64(generation),
		"responsible", r ? json_of_id(&r->responder) : json_null(), "replicas", replicas,
		"hops", (json_int_t)(r ? r->hops : 0), "values", (json_int_t)q->count, "exists",
		(int)first->value.exists, "lifetime_s", (json_int_t)first->lifetime_s,
		"storage_time", cli_json_time(stored_at(q, 0)), "expires",
		cli_json_time(now + (uint64_t)first->lifetime_s * RELOAD_SECOND), "kept",
		(int)q->keep, "dry_run", (int)(r == NULL), "transaction",
		r ? json_of_transaction(r->transaction) : json_null());
}

static struct agent_renewal_place place_of(const struct agent_store_request *q, size_t i)
{
	return (struct agent_renewal_place){ q->base.target.resource, q->base.kind->id,
		&q->items[i].value };
}

/* What was stored is kept; or is no longer, when something else was stored in its place. */
static enum reload_err keep(
	struct agent_store_request *q, uint64_t generation, struct reload_why *why)
{
	struct agent_renewals *renewals = agent_renewals(q->base.agent);
	const char *name = q->base.target.name;
	enum reload_err err = RELOAD_OK;
	size_t changed = 0;
	for (size_t i = 0; !err && i < q->count; i++) {
		struct agent_renewal_place place = place_of(q, i);
		changed += agent_renewals_drop(renewals, &place);
		if (!q->keep)
			continue;
		err = agent_renewals_room(
			renewals, &place, name, why); /* others may have taken it meanwhile */
		if (!err)
			agent_renewals_put(renewals, &place, name, q->items[i].lifetime_s,
				generation, stored_at(q, i));
		changed++;
	}
	if (!err && changed)
		err = agent_renewals_save(renewals, why);
	for (size_t i = 0; err && i < q->count; i++) {
		struct agent_renewal_place place = place_of(q, i);
		(void)agent_renewals_drop(renewals, &place);
	}
	return err;
}

/* Whether what is to be kept can be. */
static enum reload_err may_keep(const struct agent_store_request *q, struct reload_why *why)
{
	enum reload_err err =
		q->keep ? agent_renewals_writable(agent_renewals(q->base.agent), why) : RELOAD_OK;
	for (size_t i = 0; q->keep && !err && i < q->count; i++) {
		struct agent_renewal_place place = place_of(q, i);
		if (!place.value->exists)
			return bad_value(q, why, RELOAD_USAGE, "a removal is not kept");
		if (place.value->model == RELOAD_MODEL_ARRAY &&
			place.value->index == RELOAD_ARRAY_END)
			return bad_value(q, why, RELOAD_USAGE,
				"what is kept needs a place: --index N, not --append");
		err = agent_renewals_room(
			agent_renewals(q->base.agent), &place, q->base.target.name, why);
	}
	return err;
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
	return reload_peer_stat(
		q->base.agent->peer, &q->base.way, &q->base.target.resource, &s, 1, then, q, err);
}

static void followed(void *arg, const struct reload_result *r);

/*
 * Refused as too old: a value of before, of a clock that was ahead, may stand in the way.  What is there is asked, once, and
 * then the writer follows it (RFC 6940 s7, STO-26).
 */
static bool follow(struct agent_store_request *q, const struct reload_result *r)
{
	enum reload_err err = RELOAD_OK;
	if (r->err != RELOAD_DATA_TOO_OLD || !r->overlay_code || q->followed)
		return false;
	q->followed = true;
	agent_request_explain(&q->base, r, "cannot store at", &q->refused);
	agent_store_request_hint(q, r->err, r, &q->refused.why);
	agent_request_next(&q->base, agent_store_request_stat(q, followed, &err), err);
	return true;
}

static void put_done(void *arg, const struct reload_result *r)
{
	struct agent_store_request *q = arg;
	if (follow(q, r))
		return;
	if (r->err == RELOAD_GENERATION_TOO_LOW && r->overlay_code) {
		agent_store_request_other_generation(q, r);
		return;
	}
	if (r->err || !r->answer || !r->answer->body_decoded ||
		!r->answer->body.store_ans.kind_responses_count) {
		struct reload_failure f;
		agent_request_explain(&q->base, r, "cannot store at", &f);
		if (r->overlay_code || r->err == RELOAD_MESSAGE_TOO_LARGE)
			agent_store_request_hint(q, r->err, r, &f.why);
		agent_request_fail_with(&q->base, r, &f);
		return;
	}
	const struct reload_store_kind_response *k = &r->answer->body.store_ans.kind_responses[0];
	struct reload_failure f = { 0 };
	f.err = keep(q, k->generation_counter, &f.why);
	if (f.err) {
		reload_why_hint(
			&f.why, "the value is stored until its lifetime ends, but not kept");
		agent_request_fail_with(&q->base, r, &f);
		return;
	}
	agent_request_reply(&q->base, agent_store_request_json(q, k->generation_counter, r,
					      json_of_ids(k->replicas, k->replicas_count)));
}

enum reload_err agent_store_request_may_write(
	const struct agent_store_request *q, struct reload_why *why)
{
	const struct reload_cert *cert = q->base.agent->credentials->cert;
	char reason[96];
	if (agent_store_request_allowed(q))
		return RELOAD_OK;
	snprintf(reason, sizeof(reason), "policy %s does not let %.40s write there",
		reload_access_policy_name(q->base.kind->access),
		cert->user ? cert->user : "this node");
	return bad_value(q, why, RELOAD_FORBIDDEN, reason);
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
 * A removal that ends before the removed value would let an old copy of it come back (RFC 6940 s7.4.1.3).  What stands there
 * ahead of the clock is followed; one so far ahead that a storer takes nothing behind it does not bind him either.
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

static struct reload_request *begin_store(struct agent_store_request *q, enum reload_err *err)
{
	return reload_peer_store(q->base.agent->peer, &q->base.way, &q->base.target.resource,
		q->items, q->count, put_done, q, err);
}

static void on_stat(void *arg, const struct reload_result *r)
{
	struct agent_store_request *q = arg;
	enum reload_err err = RELOAD_OK;
	bool nothing = r->err == RELOAD_NOT_FOUND || r->err == RELOAD_UNKNOWN_KIND;
	if (!nothing && (r->err || !r->answer || !r->answer->body_decoded)) {
		agent_request_fail(&q->base, r, "cannot remove at");
		return;
	}
	if (!nothing)
		(void)agent_store_request_meet(q, &r->answer->body.stat_ans);
	struct reload_request *next = begin_store(q, &err);
	agent_request_next(&q->base, next, err);
}

static void followed(void *arg, const struct reload_result *r)
{
	struct agent_store_request *q = arg;
	enum reload_err err = RELOAD_OK;
	if (r->err || !r->answer || !r->answer->body_decoded ||
		!agent_store_request_meet(q, &r->answer->body.stat_ans)) {
		agent_request_fail_with(&q->base, r, &q->refused);
		return;
	}
	agent_request_next(&q->base, begin_store(q, &err), err);
}

enum reload_rpc_end rpc_store_put(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent_store_request *q = RELOAD_NEW(agent_store_request);
	struct reload_failure f = { 0 };
	q->dry = param_bool(params, "dry_run", false);
	q->begun = cli_now();
	f.err = agent_request_begin(&q->base, arg, call, params, &f.why);
	if (!f.err)
		f.err = read_items(q, params, &f.why);
	q->keep = param_bool(params, "keep", false);
	if (!f.err)
		f.err = may_keep(q, &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	if (q->dry)
		return agent_store_request_rehearse(q);
	bool removes = false; /* how long what is to be removed has left is asked first */
	for (size_t i = 0; i < q->count; i++)
		removes |= !q->items[i].value.exists;
	struct reload_request *r =
		removes ? agent_store_request_stat(q, on_stat, &f.err) : begin_store(q, &f.err);
	return agent_request_started(&q->base, r, f.err);
}
