/* store.fetch, store.stat, store.find. */
#include "rpc_fetch.h"

#include "common/output.h"
#include "common/stored.h"
#include "config/kind.h"
#include "util/text.h"
#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void fetch_clear(struct agent_request *base)
{
	struct agent_fetch *q = (struct agent_fetch *)base;
	reload_timer_cancel(reload_poll_timers(base->agent->poll), &q->pause);
	json_decref(q->list);
}

static enum reload_err bad_specifier(
	const struct agent_fetch *q, struct reload_error_text *why, const char *reason)
{
	char kind[AGENT_KIND], what[128];
	snprintf(what, sizeof(what), "cannot ask for that of Kind %s",
		agent_kind_name(kind, q->base.kind));
	return reload_error_explain(why, RELOAD_USAGE, what, "its data model is %s: %s",
		reload_data_model_name(q->base.kind->model), reason);
}

static enum reload_err read_keys(
	struct agent_fetch *q, const json_t *keys, struct reload_error_text *why)
{
	struct reload_specifier *s = &q->specifier;
	s->keys_count = json_array_size(keys);
	s->keys = reload_arena_take(&q->base.arena, s->keys_count * sizeof(*s->keys));
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; !err && i < s->keys_count; i++)
		err = agent_key_parse(&s->keys[i].bytes, q->base.agent, &q->base.arena,
			json_string_value(json_array_get(keys, i)), why);
	return err;
}

static enum reload_err read_specifier(
	struct agent_fetch *q, const json_t *params, struct reload_error_text *why)
{
	const struct reload_kind *kind = q->base.kind;
	const json_t *index = json_object_get(params, "index"),
		     *keys = json_object_get(params, "keys");
	bool indexed = json_is_object(index), keyed = json_array_size(keys) > 0;
	if (indexed && kind->model != RELOAD_MODEL_ARRAY)
		return bad_specifier(q, why, "only arrays have an index");
	if (keyed && kind->model != RELOAD_MODEL_DICTIONARY)
		return bad_specifier(q, why, "only dictionaries have keys");
	q->range.first = (uint32_t)param_int(index, "first", 0);
	q->range.last = (uint32_t)param_int(index, "last", RELOAD_ARRAY_END);
	if (q->range.first > q->range.last)
		return bad_specifier(q, why, "the range ends before it begins");
	q->specifier = (struct reload_specifier){ .kind = kind->id,
		.generation = param_u64(params, "generation", 0),
		.model = kind->model };
	if (kind->model == RELOAD_MODEL_ARRAY) {
		q->specifier.ranges = &q->range;
		q->specifier.ranges_count = 1;
	}
	return keyed ? read_keys(q, keys, why) : RELOAD_OK;
}

/* What all results about one Kind at one resource begin with. */
static json_t *head_json(const struct agent_fetch *q, const struct reload_result *r)
{
	char kind[AGENT_KIND];
	return json_pack("{s:o, s:o, s:s, s:I, s:o, s:I, s:o}", "resource_id",
		json_of_id(&q->base.target.resource), "name", json_of_text(q->base.target.name),
		"kind", agent_kind_name(kind, q->base.kind), "kind_id",
		(json_int_t)q->base.kind->id, "responsible", json_of_id(&r->responder), "hops",
		(json_int_t)r->hops, "transaction", json_of_transaction(r->transaction));
}

static void all_dropped(
	struct agent_fetch *q, const struct reload_result *r, enum reload_err err, size_t dropped)
{
	struct reload_failure f = { .err = reload_err_exit(err) == 6 ? err : RELOAD_BAD_SIGNATURE };
	char what[256], shown[AGENT_SHORT], kind[AGENT_KIND];
	snprintf(what, sizeof(what), "no valid value at %.200s", q->base.target.shown);
	reload_error_explain(&f.why, f.err, what, "%zu value%s from peer %s dropped: %s", dropped,
		cli_plural(dropped), agent_short_id(shown, &r->responder), reload_err_text(err));
	reload_error_advise(&f.why, "reload-fetch -a %s --show-invalid -k %s %s",
		q->base.agent->instance, agent_kind_name(kind, q->base.kind),
		agent_operand(&q->base));
	agent_request_fail_with(&q->base, r, &f);
}

/* The replicas are known only when this node is the responsible one: its two successors. */
static json_t *replicas_json(const struct agent_fetch *q, const struct reload_result *r)
{
	struct reload_status s;
	reload_peer_status(q->base.agent->peer, &s);
	size_t n = s.tables.successors_count < 2 ? s.tables.successors_count : 2;
	return json_of_ids(s.tables.successors, reload_id_eq(&s.node, &r->responder) ? n : 0);
}

static void proof_certificate(struct agent_fetch *q, struct span der)
{
	if (q->certificates_count >= RELOAD_PROOF_CERTIFICATES_MAX)
		return;
	for (size_t i = 0; i < q->certificates_count; i++)
		if (span_eq(q->certificates[i].certificate, der))
			return;
	q->certificates[q->certificates_count++] = (struct reload_generic_certificate){ RELOAD_X509,
		reload_arena_copy(&q->base.arena, der) };
}

static void proof_value(struct agent_fetch *q, const struct reload_stored_data *d)
{
	struct reload_arena *arena = &q->base.arena;
	if (q->evidence_count == q->evidence_cap) {
		q->evidence_cap = q->evidence_cap ? 2 * q->evidence_cap : 16;
		struct reload_stored_data *more =
			reload_arena_take(arena, q->evidence_cap * sizeof(*more));
		if (q->evidence_count)
			memcpy(more, q->evidence, q->evidence_count * sizeof(*more));
		q->evidence = more;
	}
	struct reload_stored_data *own = &q->evidence[q->evidence_count++];
	*own = *d;
	own->value.key = reload_arena_copy(arena, d->value.key);
	own->value.value = reload_arena_copy(arena, d->value.value);
	own->signature.value = reload_arena_copy(arena, d->signature.value);
	own->signature.identity.hash = reload_arena_copy(arena, d->signature.identity.hash);
	own->signature.identity.raw = reload_arena_copy(arena, d->signature.identity.raw);
	own->raw = own->value.raw = own->signature.identity_bytes = span_of(NULL, 0);
}

/* The valid values as they came, their signers' certificates, and what leads from these to a root-cert. */
static void proof_take(struct agent_fetch *q, const struct reload_result *r)
{
	const struct reload_security_block *security = &r->answer->security;
	const struct reload_credentials *own = q->base.agent->credentials;
	for (size_t i = 0; i < r->values_count; i++) {
		const struct reload_fetched *v = &r->values[i];
		if (v->err || v->synthetic || !v->cert)
			continue;
		proof_value(q, v->data);
		proof_certificate(q, v->cert->der);
		for (size_t k = 0; v->cert == own->cert && k < own->others_count; k++)
			proof_certificate(q, own->others[k]->der);
	}
	for (size_t i = 0; i < security->certificates_count; i++)
		if (security->certificates[i].type == RELOAD_X509)
			proof_certificate(q, security->certificates[i].certificate);
}

static json_t *proof_json(struct agent_fetch *q)
{
	const struct reload_config *config = q->base.config;
	struct reload_proof p = { .head.overlay = span_str(config->instance_name),
		.resource = reload_id_span(&q->base.target.resource),
		.name = q->base.target.name ? span_str(q->base.target.name) : span_of(NULL, 0),
		.kind = q->base.kind->id,
		.fetched = cli_now(),
		.values = q->evidence,
		.values_count = q->evidence_count,
		.certificates = q->certificates,
		.certificates_count = q->certificates_count };
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	struct wr w;
	wr_init(&w);
	reload_proof_write(&w, &ctx, &p);
	char *base64 = w.err || !p.values_count ? NULL : reload_base64(wr_done(&w));
	json_t *j = json_of_text(base64);
	free(base64);
	wr_clear(&w);
	return j;
}

static bool unchanged(const struct agent_fetch *q)
{
	return q->specifier.generation && q->specifier.generation == q->generation;
}

enum {
	VALUE_JSON = 700, /* of a value without its bytes */
	VALUE_WIRE = 300,
	METADATA_WIRE = 80
};

static void fetch_take(struct agent_fetch *q, const struct reload_result *r)
{
	for (size_t i = 0; i < r->values_count; i++) {
		const struct reload_fetched *v = &r->values[i];
		if (!v->err && (v->synthetic || !v->data->value.exists))
			continue; /* a removed value is left out; Stat shows it */
		q->filled += VALUE_WIRE + v->data->value.value.len + v->data->value.key.len;
		if (v->err && !q->first)
			q->first = v->err;
		if (v->err && !q->show_invalid) {
			q->dropped++;
			continue;
		}
		q->there++;
		q->size += VALUE_JSON + 3 * v->data->value.value.len + 3 * v->data->value.key.len;
		json_array_append_new(q->list, cli_value_json(q->base.config, v, cli_now()));
	}
	if (q->proof)
		proof_take(q, r);
}

static void fetch_finish(struct agent_fetch *q, const struct reload_result *r)
{
	if (!q->there && q->dropped) {
		all_dropped(q, r, q->first, q->dropped);
		return;
	}
	if (!q->there && !unchanged(q)) {
		agent_fetch_nothing(q, r);
		return;
	}
	json_t *o = head_json(q, r);
	json_object_set_new(
		o, "data_model", json_string(reload_data_model_name(q->base.kind->model)));
	json_object_set_new(o, "generation", json_of_u64(q->generation));
	json_object_set_new(o, "replicas", replicas_json(q, r));
	json_object_set(o, "values", q->list);
	json_t *count = json_integer((json_int_t)q->dropped),
	       *reason = json_of_text(q->dropped ? reload_err_text(q->first) : NULL);
	json_object_set(o, "invalid_count", count);
	json_object_set(o, "invalid_reason", reason);
	json_object_set_new(o, "dropped", count);
	json_object_set_new(o, "dropped_why", reason);
	json_object_set_new(o, "proof", q->proof ? proof_json(q) : json_null());
	agent_request_reply(&q->base, o);
}

/*
 * --at: the node is asked for what it stores itself: the Destination List ends at it, and the body names the resource.
 */
static enum reload_err read_at(
	struct agent_fetch *q, const json_t *params, struct reload_error_text *why)
{
	const char *text = param_text(params, "at", NULL);
	if (!text)
		return RELOAD_OK;
	enum reload_err err = agent_node_parse(&q->at, q->base.agent, text, why);
	q->to = reload_dest_node(&q->at);
	q->base.request_target.list = &q->to;
	q->base.request_target.count = 1;
	return err;
}

static json_t *metadata_json(const struct reload_stored_metadata *m)
{
	static const char *const hashes[] = { NULL, "md5", "sha1", "sha224", "sha256", "sha384",
		"sha512" };
	uint8_t alg = m->metadata.hash_algorithm;
	json_t *o = json_object();
	cli_place_json(o, m->model, m->index, m->key);
	json_object_set_new(o, "exists", json_boolean(m->metadata.exists));
	json_object_set_new(o, "size_bytes", json_integer(m->metadata.value_length));
	json_object_set_new(
		o, "hash_algorithm", json_of_text(alg < COUNT_OF(hashes) ? hashes[alg] : NULL));
	json_object_set_new(o, "hash", json_of_hex(m->metadata.hash_value));
	cli_times_json(o, m->storage_time, m->lifetime, cli_now());
	return o;
}

static void stat_take(struct agent_fetch *q, const struct reload_result *r)
{
	const struct reload_stat_ans *ans = &r->answer->body.stat_ans;
	for (size_t k = 0; k < ans->kind_responses_count; k++)
		for (size_t i = 0; i < ans->kind_responses[k].values_count; i++) {
			const struct reload_stored_metadata *m = &ans->kind_responses[k].values[i];
			if (!m->metadata.exists && !m->storage_time)
				continue; /* a gap of an array (STO-06), which Fetch leaves out too */
			q->there += m->metadata.exists;
			q->filled += METADATA_WIRE + m->key.len;
			q->size += VALUE_JSON + 3 * m->key.len;
			json_array_append_new(q->list, metadata_json(m));
		}
}

static void stat_finish(struct agent_fetch *q, const struct reload_result *r)
{
	if (!q->there && !unchanged(q)) {
		agent_fetch_nothing(q, r);
		return;
	}
	json_t *o = head_json(q, r);
	json_object_set_new(
		o, "data_model", json_string(reload_data_model_name(q->base.kind->model)));
	json_object_set_new(o, "generation", json_of_u64(q->generation));
	json_object_set(o, "values", q->list);
	agent_request_reply(&q->base, o);
}

static enum reload_rpc_end ask(struct agent_fetch *q, struct agent *agent,
	struct reload_rpc_call *call, const json_t *params)
{
	struct reload_failure f = { 0 };
	q->list = json_array();
	q->base.clear = fetch_clear;
	f.err = agent_request_begin(&q->base, agent, call, params, &f.why);
	if (!f.err)
		f.err = read_specifier(q, params, &f.why);
	if (!f.err)
		f.err = read_at(q, params, &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	if (q->base.request_target.timeout_ms)
		q->deadline = cli_monotonic() + q->base.request_target.timeout_ms;
	q->show_invalid = param_bool(params, "show_invalid", false);
	q->proof = param_bool(params, "proof", false);
	struct reload_request *r = q->ask(q->base.agent->peer, &q->base.request_target,
		&q->base.target.resource, &q->specifier, 1, agent_fetch_answered, q, &f.err);
	return agent_request_started(&q->base, r, f.err);
}

enum reload_rpc_end rpc_store_fetch(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent_fetch *q = RELOAD_NEW(agent_fetch);
	q->ask = reload_peer_fetch;
	q->failed = "cannot fetch from";
	q->take = fetch_take;
	q->finish = fetch_finish;
	return ask(q, arg, call, params);
}

enum reload_rpc_end rpc_store_stat(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent_fetch *q = RELOAD_NEW(agent_fetch);
	q->ask = reload_peer_stat;
	q->failed = "no statistics of";
	q->take = stat_take;
	q->finish = stat_finish;
	return ask(q, arg, call, params);
}

static void find_done(void *arg, const struct reload_result *r)
{
	struct agent_fetch *q = arg;
	if (r->err || !r->answer || !r->answer->body_decoded) {
		agent_request_fail(&q->base, r, "nothing found from");
		return;
	}
	const struct reload_find_ans *ans = &r->answer->body.find_ans;
	struct reload_id closest = { 0 };
	/* a closest Resource-ID of zeroes or of no bytes stands for none (RFC 6940 s7.4.4.2) */
	if (ans->results_count && !reload_id_from(&closest, ans->results[0].closest) &&
		closest.len && !reload_id_is_zero(&closest)) {
		json_t *o = head_json(q, r);
		json_object_set_new(o, "closest", json_of_id(&closest));
		agent_request_reply(&q->base, o);
		return;
	}
	struct reload_failure f = { .err = RELOAD_NO_VALUE };
	char kind[AGENT_KIND], what[256], shown[AGENT_SHORT];
	agent_kind_name(kind, q->base.kind);
	snprintf(what, sizeof(what), "no value of Kind %s at or behind %.150s", kind,
		q->base.target.shown);
	reload_error_explain(&f.why, f.err, what, "the responsible peer %s holds none of that Kind",
		agent_short_id(shown, &r->responder));
	reload_error_advise(&f.why, "reload-store -a %s -k %s %s VALUE", q->base.agent->instance,
		kind, agent_operand(&q->base));
	agent_request_fail_with(&q->base, r, &f);
}

enum reload_rpc_end rpc_store_find(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent_fetch *q = RELOAD_NEW(agent_fetch);
	struct reload_failure f = { 0 };
	f.err = agent_request_begin(&q->base, arg, call, params, &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	struct reload_request *r = reload_peer_find(q->base.agent->peer, &q->base.request_target,
		&q->base.target.resource, &q->base.kind->id, 1, find_done, q, &f.err);
	return agent_request_started(&q->base, r, f.err);
}
