/* Requests of the control socket that become requests of the engine. */
#include "rpc_request.h"

#include "common/output.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum reload_err agent_request_begin(struct agent_request *q, struct agent *agent,
	struct reload_rpc_call *call, const json_t *params, struct reload_error_text *why)
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
	q->request_target = (struct reload_request_target){ .list = q->target.list,
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
	const struct agent_request *q, struct reload_error_text *why, const char *what)
{
	struct reload_status s;
	reload_peer_status(q->agent->peer, &s);
	reload_error_explain(why, RELOAD_NOT_JOINED, what, "%s is not part of %s, its state is %s",
		q->agent->instance, q->config->instance_name, reload_state_name(s.state));
	reload_error_advise(why, "reload-join -a %s", q->agent->instance);
}

enum reload_err agent_request_joined(
	const struct agent_request *q, const char *what, struct reload_error_text *why)
{
	struct reload_status s;
	reload_peer_status(q->agent->peer, &s);
	if (s.state == RELOAD_STATE_JOINED)
		return RELOAD_OK;
	explain_not_joined(q, why, what);
	return RELOAD_NOT_JOINED;
}

/* Advice for a failure of which nothing more is known. */
static void advise(
	const struct agent_request *q, enum reload_err err, struct reload_error_text *why)
{
	const char *instance = q->agent->instance;
	switch (err) {
	case RELOAD_TIMEOUT:
	case RELOAD_REQUEST_TIMEOUT:
		reload_error_advise(why, "reload-ping -a %s %s, or a longer --timeout", instance,
			agent_operand(q));
		break;
	case RELOAD_CONFIG_TOO_OLD:
	case RELOAD_CONFIG_TOO_NEW:
		reload_error_advise(why,
			"reload-agent refresh -a %s, when the newer document is there", instance);
		break;
	case RELOAD_UNKNOWN_KIND:
	case RELOAD_INCOMPATIBLE:
		reload_error_advise(why, "reload-enroll config show %s, here and at that peer",
			q->config->instance_name);
		break;
	case RELOAD_FORBIDDEN:
	case RELOAD_BAD_SIGNATURE:
	case RELOAD_NO_SIGNER:
		reload_error_advise(why, "reload-enroll show %s", instance);
		break;
	case RELOAD_TTL_EXCEEDED: /* more hops than the ring needs: there was a loop, which happens while the ring changes */
		reload_error_advise(why,
			"reload-agent status -a %s --wait joined, and the same command again",
			instance);
		break;
	case RELOAD_MESSAGE_TOO_LARGE:
	case RELOAD_RESPONSE_TOO_LARGE:
		reload_error_advise(why,
			"reload-enroll config show %s names the max-message-size, %" PRIu32,
			q->config->instance_name, q->config->max_message_size);
		break;
	case RELOAD_LIMIT:
		reload_error_advise(why,
			"the same command when fewer requests are under way: "
			"reload-agent status -a %s",
			instance);
		break;
	default:
		reload_error_advise(why, "reload-agent status -a %s", instance);
	}
}

/* refuse_start() ends a request that the engine did not start. */
static enum reload_rpc_end refuse_start(struct agent_request *q, enum reload_err err)
{
	struct reload_failure f = { .err = err };
	char what[256];
	snprintf(what, sizeof(what), "cannot send to %.200s", q->target.shown);
	if (err == RELOAD_NOT_JOINED)
		explain_not_joined(q, &f.why, what);
	else if (err == RELOAD_USAGE)
		reload_error_explain(&f.why, err, what,
			"the Destination List names a node twice, or an entry that cannot stand "
			"there");
	else
		reload_error_explain(&f.why, err, what, "%s", reload_err_text(err));
	if (err != RELOAD_NOT_JOINED && err != RELOAD_USAGE)
		advise(q, err, &f.why);
	return agent_request_refuse(q, &f);
}

enum reload_rpc_end agent_request_pend(struct agent_request *q)
{
	return reload_rpc_pend(q->call, on_gone, q);
}

enum reload_rpc_end agent_request_started(
	struct agent_request *q, struct reload_request *r, enum reload_err err)
{
	if (!r)
		return refuse_start(q, err);
	q->request = r;
	return agent_request_pend(q);
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
	f->responder = r->responder;
	f->hops = r->hops;
	f->transmissions = r->transmissions;
	reload_rpc_fail(q->call, f);
	request_free(q);
}

/* The error_info of another node, shown only if it is text without control characters. */
static void overlay_reason(char out[160], const struct reload_result *r)
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
	const char *action, struct reload_failure *out)
{
	struct reload_failure f = { .err = r->err ? r->err : RELOAD_BAD_ANSWER,
		.overlay_code = r->overlay_code };
	char what[256], reason[160], shown[AGENT_SHORT], name[32];
	snprintf(what, sizeof(what), "%s %.200s", action, q->target.shown);
	if (r->overlay_code) {
		const char *code = reload_error_code_name(r->overlay_code);
		snprintf(name, sizeof(name), "error %u", r->overlay_code);
		overlay_reason(reason, r);
		reload_error_explain(&f.why, f.err, what, "peer %s answered %s after %u hop%s%s",
			agent_short_id(shown, &r->responder), code ? code : name, r->hops,
			cli_plural(r->hops), reason);
		advise(q, f.err, &f.why);
	} else if (f.err == RELOAD_TIMEOUT) {
		reload_error_explain(&f.why, f.err, what,
			"no answer after %u transmission%s of the request", r->transmissions,
			cli_plural(r->transmissions));
		advise(q, f.err, &f.why);
	} else if (f.err == RELOAD_NOT_JOINED) {
		explain_not_joined(q, &f.why, what);
	} else {
		reload_error_explain(&f.why, f.err, what, "%s%s%s", reload_err_text(f.err),
			r->reason ? ": " : "", r->reason ? r->reason : "");
		advise(q, f.err, &f.why);
	}
	*out = f;
}

void agent_request_fail(struct agent_request *q, const struct reload_result *r, const char *action)
{
	struct reload_failure f;
	agent_request_explain(q, r, action, &f);
	agent_request_fail_with(q, r, &f);
}

const char *agent_operand_of(const char *s)
{
	static char out[160];
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._:+-/,=%";
	bool quote = !*s || strspn(s, plain) != strlen(s) || s[0] == '-';
	if (strlen(s) > 128 || strchr(s, '\''))
		return "TARGET";
	snprintf(out, sizeof(out), "%s%s%s", quote ? "'" : "", s, quote ? "'" : "");
	return out;
}

const char *agent_operand(const struct agent_request *q)
{
	return agent_operand_of(q->target.typed);
}
