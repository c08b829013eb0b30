/* store.put: Store, and removal by a Store of exists = False. */
#include "rpc_store.h"

#include "common/output.h"
#include "renewals.h"

static struct agent_renewal_place place_of(const struct agent_store_request *q, size_t i)
{
	return (struct agent_renewal_place){ q->base.target.resource, q->base.kind->id,
		&q->items[i].value };
}

/* Starts renewing the stored values, or stops renewing what they replaced. */
static enum reload_err keep(
	struct agent_store_request *q, uint64_t generation, struct reload_error_text *why)
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
		err = agent_renewals_room(renewals, &place, name,
			why); /* another request may have used the room meanwhile */
		if (!err)
			agent_renewals_put(renewals, &place, name, q->items[i].lifetime_s,
				generation, agent_store_request_time(q, i));
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

/* Checks that the values can be renewed, if that was asked for. */
static enum reload_err may_keep(const struct agent_store_request *q, struct reload_error_text *why)
{
	enum reload_err err =
		q->keep ? agent_renewals_writable(agent_renewals(q->base.agent), why) : RELOAD_OK;
	for (size_t i = 0; q->keep && !err && i < q->count; i++) {
		struct agent_renewal_place place = place_of(q, i);
		if (!place.value->exists)
			return agent_store_request_bad(
				q, why, RELOAD_USAGE, "a removal is not kept");
		if (place.value->model == RELOAD_MODEL_ARRAY &&
			place.value->index == RELOAD_ARRAY_END)
			return agent_store_request_bad(q, why, RELOAD_USAGE,
				"what is kept needs a place: --index N, not --append");
		err = agent_renewals_room(
			agent_renewals(q->base.agent), &place, q->base.target.name, why);
	}
	return err;
}

static void followed(void *arg, const struct reload_result *r);

/*
 * After "too old": an earlier value, written with a clock that was ahead, may be stored there.  The agent asks once for the metadata of
 * what is stored and sends the Store again with a later storage time (RFC 6940 s7, STO-26).
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
		reload_error_advise(&f.why,
			"reload-store -a %s --list-kept; the value is stored until its lifetime "
			"ends, but not kept",
			q->base.agent->instance);
		agent_request_fail_with(&q->base, r, &f);
		return;
	}
	agent_request_reply(&q->base, agent_store_request_json(q, k->generation_counter, r,
					      json_of_ids(k->replicas, k->replicas_count)));
}

static struct reload_request *begin_store(struct agent_store_request *q, enum reload_err *err)
{
	return reload_peer_store(q->base.agent->peer, &q->base.request_target,
		&q->base.target.resource, q->items, q->count, put_done, q, err);
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

static void put_clear(struct agent_request *base)
{
	json_decref(((struct agent_store_request *)base)->extra);
}

enum reload_rpc_end rpc_store_put(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	return agent_store_put(arg, call, params, NULL);
}

enum reload_rpc_end agent_store_put(
	struct agent *agent, struct reload_rpc_call *call, const json_t *params, json_t *extra)
{
	struct agent_store_request *q = RELOAD_NEW(agent_store_request);
	struct reload_failure f = { 0 };
	q->base.clear = put_clear;
	q->extra = extra;
	q->dry = param_bool(params, "dry_run", false);
	q->begun = cli_now();
	f.err = agent_request_begin(&q->base, agent, call, params, &f.why);
	if (!f.err)
		f.err = agent_store_request_read(q, params, &f.why);
	q->keep = param_bool(params, "keep", false);
	if (!f.err)
		f.err = may_keep(q, &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	if (q->dry)
		return agent_store_request_dry_run(q);
	bool removes = false; /* a removal first asks how long the stored value has left */
	for (size_t i = 0; i < q->count; i++)
		removes |= !q->items[i].value.exists;
	struct reload_request *r =
		removes ? agent_store_request_stat(q, on_stat, &f.err) : begin_store(q, &f.err);
	return agent_request_started(&q->base, r, f.err);
}
