/* store.fetch and store.stat of what does not fit one answer. */
#include "rpc_fetch.h"

#include "common/output.h"
#include "config/kind.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void agent_fetch_nothing(struct agent_fetch *q, const struct reload_result *r)
{
	struct reload_failure f = { .err = RELOAD_NO_VALUE };
	char kind[AGENT_KIND], what[256], shown[AGENT_SHORT];
	agent_kind_name(kind, q->base.kind);
	snprintf(what, sizeof(what), "no value of Kind %s at %.150s", kind, q->base.target.shown);
	reload_error_explain(&f.why, f.err, what,
		"the %s %s answered exists = False after %u hop%s",
		q->at.len ? "peer" : "responsible peer", agent_short_id(shown, &r->responder),
		r->hops, cli_plural(r->hops));
	reload_error_advise(&f.why, "reload-fetch -a %s --find -k %s %s", q->base.agent->instance,
		kind, agent_operand(&q->base));
	agent_request_fail_with(&q->base, r, &f);
}

static uint64_t generation_of(const struct reload_result *r)
{
	if (r->answer->code == RELOAD_STAT_ANS) {
		const struct reload_stat_ans *s = &r->answer->body.stat_ans;
		return s->kind_responses_count ? s->kind_responses[0].generation : 0;
	}
	const struct reload_fetch_ans *f = &r->answer->body.fetch_ans;
	return f->kind_responses_count ? f->kind_responses[0].generation : 0;
}

/* The options that name the places from..to. */
static const char *place_option(
	char out[160], const struct agent_fetch *q, uint64_t from, uint64_t to)
{
	out[0] = 0;
	if (q->base.kind->model == RELOAD_MODEL_ARRAY && from == to)
		snprintf(out, 160, " --index %" PRIu64, from);
	else if (q->base.kind->model == RELOAD_MODEL_ARRAY)
		snprintf(out, 160, " --index %" PRIu64 "-%" PRIu64, from, to);
	else if (q->keys_count && q->keys[from].bytes.len <= 64) {
		char hex[129];
		snprintf(out, 160, " --key hex:%s", reload_hex(hex, q->keys[from].bytes));
	}
	return out;
}

/* Ends q because a part is too large; option names a place that can be fetched. */
static void too_large(struct agent_fetch *q, const struct reload_result *r, const char *why,
	const char *mode, const char *option)
{
	struct reload_failure f = { .err = RELOAD_RESPONSE_TOO_LARGE,
		.overlay_code = r->overlay_code };
	char kind[AGENT_KIND], what[256];
	agent_kind_name(kind, q->base.kind);
	snprintf(what, sizeof(what), "%s %.200s", q->failed, q->base.target.shown);
	reload_error_explain(&f.why, f.err, what, "%s", why);
	reload_error_advise(&f.why, "reload-fetch -a %s%s -k %s %s%s", q->base.agent->instance,
		mode, kind, agent_operand(&q->base), option);
	agent_request_fail_with(&q->base, r, &f);
}

/* Ends q because even a single value is too large. */
static void one_too_large(struct agent_fetch *q, const struct reload_result *r)
{
	char why[256], option[160], shown[AGENT_SHORT];
	uint64_t at = q->split ? q->parts.next : q->range.first;
	bool stat = q->ask == reload_peer_stat;
	snprintf(why, sizeof(why),
		"peer %s answered %s for a single %s: it is larger than a message of this overlay, "
		"%" PRIu32 " bytes",
		agent_short_id(shown, &r->responder), reload_err_text(r->err),
		stat ? "place" : "value", q->base.config->max_message_size);
	place_option(option, q, at, at);
	too_large(q, r, why, stat ? " --find" : " --stat", stat ? "" : option);
}

/* The keys of a dictionary cannot be asked for by ranges (RFC 6940 s7.4.2.1). */
static void keys_too_large(struct agent_fetch *q, const struct reload_result *r)
{
	const struct reload_cert *cert = q->base.agent->credentials->cert;
	const char *name = q->base.target.name;
	bool own = q->base.kind->access == RELOAD_ACCESS_USER_NODE_MATCH && cert->user && name &&
		   strcmp(cert->user, name) == 0;
	char why[256];
	snprintf(why, sizeof(why),
		"the keys of the dictionary alone do not fit an answer of %" PRIu32
		" bytes, and RELOAD has no ranges of keys; those that are known can be asked for",
		q->base.config->max_message_size);
	too_large(q, r, why, "", own ? " --key self" : " --key K");
}

static void too_many(struct agent_fetch *q, const struct reload_result *r, const char *limit)
{
	char why[256], option[160];
	uint64_t first = q->base.kind->model == RELOAD_MODEL_ARRAY ? q->range.first : 0;
	uint64_t last = q->parts.next > first ? q->parts.next - 1 : first;
	snprintf(why, sizeof(why), "it does not fit one command: more than %s", limit);
	too_large(q, r, why, q->ask == reload_peer_stat ? " --stat" : "",
		place_option(option, q, first, last));
}

static void listed(void *arg, const struct reload_result *r);

/* Gives the time that is left to the next request of the engine; false: there is none, and q has ended. */
static bool time_left(struct agent_fetch *q, const struct reload_result *r)
{
	struct reload_failure f = { .err = RELOAD_TIMEOUT };
	char what[256], kind[AGENT_KIND];
	reload_ms now = cli_monotonic();
	if (!q->deadline)
		return true;
	if (now < q->deadline) {
		q->base.request_target.timeout_ms = q->deadline - now;
		return true;
	}
	snprintf(what, sizeof(what), "%s %.200s", q->failed, q->base.target.shown);
	reload_error_explain(&f.why, f.err, what,
		"it does not fit one answer, and after %zu of them the time was over",
		q->parts.asked);
	reload_error_advise(&f.why, "reload-fetch -a %s%s -k %s %s, with a longer --timeout",
		q->base.agent->instance, q->ask == reload_peer_stat ? " --stat" : "",
		agent_kind_name(kind, q->base.kind), agent_operand(&q->base));
	agent_request_fail_with(&q->base, r, &f);
	return false;
}

static void ask_part(struct agent_fetch *q, const struct reload_result *r)
{
	struct reload_specifier s = { .kind = q->base.kind->id, .model = q->base.kind->model };
	uint64_t end = agent_parts_end(&q->parts);
	struct reload_array_range range = { (uint32_t)q->parts.next, (uint32_t)end };
	enum reload_err err = RELOAD_OK;
	if (q->parts.asked++ >= AGENT_PARTS_MAX) {
		too_many(q, r, "4096 answers");
		return;
	}
	if (!time_left(q, r))
		return;
	if (s.model == RELOAD_MODEL_ARRAY) {
		s.ranges = &range;
		s.ranges_count = 1;
	} else {
		s.keys = &q->keys[q->parts.next];
		s.keys_count = (size_t)(end - q->parts.next) + 1;
	}
	struct reload_request *next = q->ask(q->base.agent->peer, &q->base.request_target,
		&q->base.target.resource, &s, 1, agent_fetch_answered, q, &err);
	agent_request_next(&q->base, next, err);
}

/*
 * Lists the keys of a dictionary by a Stat; here: of this node's own replica, where the answer need not fit a message.
 */
static void list_keys(struct agent_fetch *q, const struct reload_result *r, bool here)
{
	struct reload_specifier s = { .kind = q->base.kind->id, .model = q->base.kind->model };
	struct reload_request_target target = q->base.request_target;
	enum reload_err err = RELOAD_OK;
	if (!time_left(q, r))
		return;
	target.timeout_ms = q->base.request_target.timeout_ms;
	q->self = reload_dest_node(&q->base.agent->credentials->node);
	if (here) {
		target.list = &q->self;
		target.count = 1;
	}
	q->here = here;
	struct reload_request *next = reload_peer_stat(
		q->base.agent->peer, &target, &q->base.target.resource, &s, 1, listed, q, &err);
	agent_request_next(&q->base, next, err);
}

/* Discards what was read and begins with the first part. */
static void begin_parts(struct agent_fetch *q, const struct reload_result *r)
{
	q->split = true;
	q->there = q->dropped = q->size = 0;
	q->first = RELOAD_OK;
	q->evidence_count = 0;
	q->known = false;
	json_array_clear(q->list);
	switch (q->base.kind->model) {
	case RELOAD_MODEL_ARRAY:
		agent_parts_begin(&q->parts, q->range.first, q->range.last);
		break;
	case RELOAD_MODEL_DICTIONARY:
		if (q->specifier.keys_count) {
			q->keys = q->specifier.keys;
			q->keys_count = q->specifier.keys_count;
			agent_parts_begin(&q->parts, 0, q->keys_count - 1);
			break;
		}
		list_keys(q, r, q->ask == reload_peer_stat);
		return;
	case RELOAD_MODEL_SINGLE:
	case RELOAD_MODEL_UNKNOWN:
		break;
	}
	ask_part(q, r);
}

static void listed(void *arg, const struct reload_result *r)
{
	struct agent_fetch *q = arg;
	if (!q->here && reload_err_too_large(r->err)) {
		list_keys(q, r, true);
		return;
	}
	if (q->here && r->err) {
		keys_too_large(q, r);
		return;
	}
	if (r->err || !r->answer || !r->answer->body_decoded) {
		agent_request_fail(&q->base, r, q->failed);
		return;
	}
	const struct reload_stat_ans *ans = &r->answer->body.stat_ans;
	const struct reload_stat_kind_response *k = ans->kind_responses;
	size_t count = ans->kind_responses_count ? k->values_count : 0;
	q->keys = reload_arena_take(&q->base.arena, (count + 1) * sizeof(*q->keys));
	q->keys_count = 0;
	for (size_t i = 0; i < count; i++)
		q->keys[q->keys_count++].bytes =
			reload_arena_copy(&q->base.arena, k->values[i].key);
	if (!q->keys_count) {
		agent_fetch_nothing(q, r);
		return;
	}
	q->generation = generation_of(r);
	q->known = true; /* all parts must be of the generation of these keys */
	agent_parts_begin(&q->parts, 0, q->keys_count - 1);
	ask_part(q, r);
}

/* Whether the refused request was for a single value. */
static bool is_single(const struct agent_fetch *q)
{
	return q->base.kind->model == RELOAD_MODEL_SINGLE ||
	       (q->base.kind->model == RELOAD_MODEL_ARRAY && q->range.first == q->range.last) ||
	       q->specifier.keys_count == 1;
}

static void pause_over(void *arg)
{
	struct agent_fetch *q = arg;
	begin_parts(q, &q->before);
}

/* The time until which q may be read again: that of the command, else that of one request, five transmissions. */
static reload_ms again_until(const struct agent_fetch *q)
{
	if (q->deadline)
		return q->deadline;
	return cli_monotonic() + 5ull * q->base.config->overlay_reliability_timer_ms;
}

/*
 * This part is of another generation than those before: together they are no answer.  Others store there, or the copy that this
 * node holds itself (which listed the keys) is older than that of the responsible peer, and the newer one is on its way.
 */
static void changed(struct agent_fetch *q, const struct reload_result *r)
{
	struct reload_failure f = { .err = RELOAD_IN_PROGRESS };
	char what[256], kind[AGENT_KIND];
	reload_ms now = cli_monotonic(),
		  pause = reload_doubled(AGENT_PARTS_PAUSE_MS, q->again, AGENT_PARTS_PAUSE_MAX_MS);
	if (!q->again++)
		q->again_until = again_until(q);
	if (now + pause < q->again_until) {
		q->base.request = NULL; /* no request of the engine is under way */
		q->before = (struct reload_result){
			.responder = r->responder, .hops = r->hops, .transaction = r->transaction
		};
		reload_timer_arm(reload_poll_timers(q->base.agent->poll), &q->pause, now + pause,
			pause_over, q);
		return;
	}
	snprintf(what, sizeof(what), "%s %.200s", q->failed, q->base.target.shown);
	reload_error_explain(&f.why, f.err, what,
		"it does not fit one answer, and what is stored there changed while its parts were "
		"read, %u time%s",
		q->again, cli_plural(q->again));
	reload_error_advise(&f.why, "reload-fetch -a %s%s -k %s %s, with a longer --timeout",
		q->base.agent->instance, q->ask == reload_peer_stat ? " --stat" : "",
		agent_kind_name(kind, q->base.kind), agent_operand(&q->base));
	agent_request_fail_with(&q->base, r, &f);
}

void agent_fetch_answered(void *arg, const struct reload_result *r)
{
	struct agent_fetch *q = arg;
	if (reload_err_too_large(r->err)) {
		if (q->split ? !agent_parts_refused(&q->parts) : is_single(q)) {
			if (q->keys_count == 0 && q->specifier.keys_count)
				q->keys = q->specifier.keys, q->keys_count = 1;
			one_too_large(q, r);
		} else if (q->split)
			ask_part(q, r);
		else
			begin_parts(q, r);
		return;
	}
	if (r->err || !r->answer || !r->answer->body_decoded) {
		agent_request_fail(&q->base, r, q->failed);
		return;
	}
	uint64_t generation = generation_of(r);
	if (q->split && q->known && generation != q->generation) {
		changed(q, r);
		return;
	}
	q->generation = generation;
	q->known = true;
	q->filled = 0;
	size_t before = json_array_size(q->list);
	q->take(q, r);
	if (q->size > AGENT_PARTS_SIZE_MAX) {
		too_many(q, r, "28M of text");
		return;
	}
	bool filled = q->filled > q->base.config->max_message_size / 4;
	if (q->split && agent_parts_got(&q->parts, json_array_size(q->list) - before, filled))
		ask_part(q, r);
	else
		q->finish(q, r);
}
