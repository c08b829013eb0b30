/*
 * store.put with dry_run: the result that a Store would have, without sending one.  The request is signed and measured; then a Stat
 * asks for what is stored at the place, which is checked as a storer does (RFC 6940 s7.4.1.1).
 */
#include "rpc_store.h"

#include "common/output.h"
#include "config/kind.h"

#include <stdio.h>

static void refuse(struct agent_store_request *q, const struct reload_result *r,
	enum reload_err err, const char *reason)
{
	struct reload_failure f = { .err = err };
	struct reload_result with_reason = *r;
	char what[256], kind[AGENT_KIND];
	with_reason.error_info = span_str(reason);
	snprintf(what, sizeof(what), "cannot store at %.200s", q->base.target.shown);
	reload_error_explain(
		&f.why, err, what, "Kind %s: %s", agent_kind_name(kind, q->base.kind), reason);
	agent_store_request_hint(q, err, &with_reason, &f.why);
	agent_request_fail_with(&q->base, r, &f);
}

/* Number of stored values, stored removals included (STO-12). */
static size_t held_count(const struct reload_stat_kind_response *k)
{
	size_t held = 0;
	for (size_t i = 0; k && i < k->values_count; i++)
		held += k->values[i].storage_time != 0;
	return held;
}

static const struct reload_stored_metadata *held_at(
	const struct reload_stat_kind_response *k, const struct reload_stored_value *item)
{
	for (size_t i = 0; k && i < k->values_count; i++)
		if (k->values[i].storage_time &&
			agent_store_request_same_place(&k->values[i], item))
			return &k->values[i];
	return NULL;
}

static void judged(void *arg, const struct reload_result *r)
{
	struct agent_store_request *q = arg;
	bool nothing = r->err == RELOAD_NOT_FOUND,
	     unseen = r->err ==
		      RELOAD_RESPONSE_TOO_LARGE; /* more is stored than one answer can list */
	if (!nothing && !unseen && (r->err || !r->answer || !r->answer->body_decoded)) {
		agent_request_fail(&q->base, r, "cannot store at");
		return;
	}
	const struct reload_stat_ans *ans = nothing || unseen ? NULL : &r->answer->body.stat_ans;
	const struct reload_stat_kind_response *k =
		ans && ans->kind_responses_count ? ans->kind_responses : NULL;
	size_t fresh = 0;
	if (!unseen && q->generation && q->generation != (k ? k->generation : 0)) {
		q->refused.has_generation = true;
		q->refused.generation = k ? k->generation : 0;
		agent_store_request_other_generation(q, r);
		return;
	}
	if (ans)
		(void)agent_store_request_meet(q, ans);
	for (size_t i = 0; i < q->count; i++) {
		const struct reload_store_item *item = &q->items[i];
		const struct reload_stored_metadata *m = held_at(k, &item->value);
		fresh += !m;
		if (m && m->storage_time >= (item->storage_time ? item->storage_time : cli_now())) {
			refuse(q, r, RELOAD_DATA_TOO_OLD,
				"what is stored there is more than a day ahead of the clock");
			return;
		}
	}
	if (!unseen && fresh && held_count(k) + fresh > q->base.kind->max_count)
		refuse(q, r, RELOAD_DATA_TOO_LARGE, "more values than max-count");
	else
		agent_request_reply(&q->base, agent_store_request_json(q, 0, NULL, json_array()));
}

static void dry_run_done(void *arg, const struct reload_result *r)
{
	struct agent_store_request *q = arg;
	struct reload_failure f = { 0 };
	enum reload_err err = RELOAD_OK;
	if (r->err) {
		agent_request_explain(&q->base, r, "cannot store at", &f);
		agent_store_request_hint(q, r->err, r, &f.why);
		agent_request_fail_with(&q->base, r, &f);
		return;
	}
	f.err = agent_store_request_may_write(q, &f.why);
	if (f.err) {
		agent_request_fail_with(&q->base, r, &f);
		return;
	}
	agent_request_next(&q->base, agent_store_request_stat(q, judged, &err), err);
}

enum reload_rpc_end agent_store_request_dry_run(struct agent_store_request *q)
{
	struct reload_request_target target = q->base.request_target;
	enum reload_err err = RELOAD_OK;
	target.dry_run = true;
	struct reload_request *r = reload_peer_store(q->base.agent->peer, &target,
		&q->base.target.resource, q->items, q->count, dry_run_done, q, &err);
	return agent_request_started(&q->base, r, err);
}
