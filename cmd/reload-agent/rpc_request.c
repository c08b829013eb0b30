/* Requests of the control socket that become requests of the engine. */
#include "rpc_request.h"

#include "util/text.h"

#include <stdio.h>
#include <string.h>

enum reload_err agent_request_begin(struct agent_request *q, struct agent *agent,
	struct reload_rpc_call *call, const json_t *params, struct reload_why *why)
{
	q->agent = agent;
	q->call = call;
	q->config = reload_config_ref(reload_peer_config(agent->peer));
	enum reload_err err =
		agent_target_parse(&q->target, agent, param_text(params, "target", ""), why);
	if (!err && json_object_get(params, "kind")) {
		err = param_kind(&q->kind, agent, params, why);
		if (!err)
			err = agent_target_for_kind(&q->target, agent, q->kind, why);
	} else if (!err) {
		err = agent_target_no_place(&q->target, why);
	}
	q->way = (struct reload_way){ .list = q->target.list,
		.count = q->target.count,
		.timeout_ms = param_int(params, "timeout_ms", 0) };
	return err;
}

static void request_free(struct agent_request *q)
{
	if (q->clear)
		q->clear(q);
	agent_target_clear(&q->target);
	reload_arena_clear(&q->arena);
	reload_config_free(q->config);
	free(q);
}

enum reload_rpc_end agent_request_refuse(struct agent_request *q, const struct reload_failure *f)
{
	enum reload_rpc_end end = reload_rpc_fail(q->call, f);
	request_free(q);
	return end;
}

static void on_gone(void *arg)
{
	struct agent_request *q = arg;
	reload_request_cancel(q->agent->peer, q->request);
	request_free(q);
}

static void explain_not_joined(
	const struct agent_request *q, struct reload_why *why, const char *what)
{
	struct reload_status s;
	reload_peer_status(q->agent->peer, &s);
	reload_why_set(why, RELOAD_NOT_JOINED, what, "%s is not part of %s, its state is %s",
		q->agent->instance, q->config->instance_name, reload_state_name(s.state));
	reload_why_hint(why, "reload-join -a %s", q->agent->instance);
}

/* refuse_start() ends a request that the engine did not even begin. */
static enum reload_rpc_end refuse_start(struct agent_request *q, enum reload_err err)
{
	struct reload_failure f = { .err = err };
	char what[256];
	snprintf(what, sizeof(what), "cannot send to %.200s", q->target.shown);
	if (err == RELOAD_NOT_JOINED)
		explain_not_joined(q, &f.why, what);
	else if (err == RELOAD_USAGE)
		reload_why_set(&f.why, err, what,
			"the Destination List names a node twice, or an entry that cannot stand "
			"there");
	else
		reload_why_set(&f.why, err, what, "%s", reload_err_text(err));
	return agent_request_refuse(q, &f);
}

enum reload_rpc_end agent_request_started(
	struct agent_request *q, struct reload_request *r, enum reload_err err)
{
	if (!r)
		return refuse_start(q, err);
	q->request = r;
	return reload_rpc_pend(q->call, on_gone, q);
}

void agent_request_next(struct agent_request *q, struct reload_request *r, enum reload_err err)
{
	q->request = r;
	if (!r)
		(void)refuse_start(q, err);
}

enum reload_rpc_end agent_request_reply(struct agent_request *q, json_t *result)
{
	enum reload_rpc_end end = reload_rpc_reply(q->call, result);
	request_free(q);
	return end;
}

void agent_request_fail_with(
	struct agent_request *q, const struct reload_result *r, struct reload_failure *f)
{
	f->transaction = r->transaction;
	reload_rpc_fail(q->call, f);
	request_free(q);
}

/* What another node says in error_info is shown only when it is text; the rest of a message is no place for bytes. */
static void overlay_words(char out[160], const struct reload_result *r)
{
	struct span s = r->error_info;
	out[0] = 0;
	if (!s.len || s.len > 120 || !reload_utf8_valid(s))
		return;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < ' ' || s.at[i] == 127)
			return;
	snprintf(out, 160, ": %.*s", (int)s.len, (const char *)s.at);
}

void agent_request_explain(struct agent_request *q, const struct reload_result *r,
	const char *what_words, struct reload_failure *out)
{
	struct reload_failure f = { .err = r->err ? r->err : RELOAD_BAD_ANSWER,
		.overlay_code = r->overlay_code };
	char what[256], words[160], shown[AGENT_SHORT], name[32];
	snprintf(what, sizeof(what), "%s %.200s", what_words, q->target.shown);
	if (r->overlay_code) {
		const char *code = reload_error_code_name(r->overlay_code);
		snprintf(name, sizeof(name), "error %u", r->overlay_code);
		overlay_words(words, r);
		reload_why_set(&f.why, f.err, what, "peer %s answered %s after %u hop%s%s",
			agent_short_id(shown, &r->responder), code ? code : name, r->hops,
			r->hops == 1 ? "" : "s", words);
	} else if (f.err == RELOAD_TIMEOUT) {
		reload_why_set(&f.why, f.err, what,
			"no answer after %u transmission%s of the request", r->transmissions,
			r->transmissions == 1 ? "" : "s");
		reload_why_hint(&f.why, "reload-ping -a %s %s, or a longer --timeout",
			q->agent->instance, agent_operand(q));
	} else if (f.err == RELOAD_NOT_JOINED) {
		explain_not_joined(q, &f.why, what);
	} else {
		reload_why_set(&f.why, f.err, what, "%s%s%s", reload_err_text(f.err),
			r->words ? ": " : "", r->words ? r->words : "");
	}
	*out = f;
}

void agent_request_fail(
	struct agent_request *q, const struct reload_result *r, const char *what_words)
{
	struct reload_failure f;
	agent_request_explain(q, r, what_words, &f);
	agent_request_fail_with(q, r, &f);
}

const char *agent_operand(const struct agent_request *q)
{
	static char out[160];
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._:+-/,=%";
	const char *s = q->target.typed;
	bool quote = !*s || strspn(s, plain) != strlen(s) || s[0] == '-';
	if (strlen(s) > 128 || strchr(s, '\''))
		return "TARGET";
	snprintf(out, sizeof(out), "%s%s%s", quote ? "'" : "", s, quote ? "'" : "");
	return out;
}
