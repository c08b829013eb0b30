/* service.lookup: the provider of a service that follows a key, by ReDiR (RFC 7374 s4.5). */
#include "rpc_request.h"

#include "common/output.h"
#include "redir.h"
#include "services.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PING_MS =
		5000, /* that a provider may take to answer: three silent ones take less than a command may */
	LEVELS_TEXT = 4 * AGENT_REDIR_TRIES * 2 * RELOAD_REDIR_LEVELS
};

struct lookup_request {
	struct agent_request base;
	char name[RELOAD_REDIR_NAMESPACE_MAX + 1];
	struct reload_id key; /* that was asked for */
	struct agent_redir_walk walk;
	bool check;
	json_t *skipped; /* owned */
	struct reload_timer start;
};

static void lookup_clear(struct agent_request *q)
{
	struct lookup_request *l = (struct lookup_request *)q;
	agent_redir_walk_stop(&l->walk);
	reload_timer_cancel(reload_poll_timers(q->agent->poll), &l->start);
	json_decref(l->skipped);
}

/* -- results ------------------------------------------------------------------------------------------------------------- */

static json_t *entry_json(const struct reload_destination *d)
{
	static const char *const types[] = { [RELOAD_DEST_NODE] = "node",
		[RELOAD_DEST_RESOURCE] = "resource",
		[RELOAD_DEST_OPAQUE] = "opaque" };
	char digits[2 * UINT8_MAX + 1], text[sizeof(digits) + 16];
	const char *type = d->type < COUNT_OF(types) ? types[d->type] : NULL;
	struct span bytes = d->type == RELOAD_DEST_NODE       ? reload_id_span(&d->node)
			    : d->type == RELOAD_DEST_RESOURCE ? d->resource
			    : d->type == RELOAD_DEST_OPAQUE   ? d->opaque
							      : d->raw;
	snprintf(text, sizeof(text), "%s:%s", type ? type : "unknown", reload_hex(digits, bytes));
	return json_string(text);
}

static size_t route_of(const struct lookup_request *l, struct reload_destination *out, size_t max)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->base.config);
	struct rd r = rd_of(span_of(l->walk.lookup.route, l->walk.lookup.route_len));
	size_t count = 0;
	while (count < max && reload_dest_next(&r, &ctx, &out[count]))
		count++;
	return count;
}

static json_t *target_of(const struct lookup_request *l)
{
	char hex[2 * RELOAD_REDIR_ROUTE_MAX + 1];
	struct wr w;
	wr_init(&w);
	wr_format(&w, "reload://%s@%s/",
		reload_hex(hex, span_of(l->walk.lookup.route, l->walk.lookup.route_len)),
		l->base.config->instance_name);
	json_t *target = json_of_utf8(wr_done(&w));
	wr_clear(&w);
	return target;
}

static void reply(struct lookup_request *l, bool checked)
{
	struct reload_destination route[AGENT_TARGET_MAX];
	size_t count = route_of(l, route, COUNT_OF(route));
	json_t *list = json_array(), *levels = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, entry_json(&route[i]));
	for (unsigned i = 0; i < l->walk.fetches; i++)
		json_array_append_new(levels, json_integer(l->walk.levels[i]));
	json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:I, s:o, s:O}", "service",
		l->name, "key", json_of_id(&l->key), "node_id",
		json_of_id(&l->walk.lookup.provider), "destination_list", list, "target",
		target_of(l), "wrapped", (int)l->walk.lookup.wrapped, "checked", (int)checked,
		"fetches", (json_int_t)l->walk.fetches, "levels", levels, "skipped", l->skipped);
	(void)agent_request_reply(&l->base, o);
}

static const char *levels_text(const struct lookup_request *l, char out[LEVELS_TEXT])
{
	size_t used = 0;
	out[0] = 0;
	for (unsigned i = 0; i < l->walk.fetches; i++)
		used += (size_t)snprintf(
			out + used, LEVELS_TEXT - used, "%s%u", i ? ", " : "", l->walk.levels[i]);
	return out;
}

static void fail(struct lookup_request *l)
{
	struct reload_failure f = { .err = l->walk.lookup.err };
	char what[320], levels[LEVELS_TEXT];
	bool none = f.err == RELOAD_NOT_FOUND;
	const char *instance = l->base.agent->instance;
	if (none)
		f.err = RELOAD_NO_VALUE;
	snprintf(what, sizeof(what), none ? "nobody provides %.255s" : "%.255s was not looked up",
		l->name);
	if (json_array_size(l->skipped))
		reload_error_explain(&f.why, f.err, what,
			"%zu provider%s not answer; levels of the tree that were asked: %s",
			json_array_size(l->skipped),
			json_array_size(l->skipped) == 1 ? " did" : "s did",
			levels_text(l, levels));
	else
		reload_error_explain(&f.why, f.err, what,
			"%s%slevels of the tree that were asked: %s",
			none ? "" : reload_err_text(f.err), none ? "" : "; ",
			levels_text(l, levels));
	if (f.err == RELOAD_NOT_JOINED)
		reload_error_advise(&f.why, "reload-join -a %s", instance);
	else if (f.err == RELOAD_RESPONSE_TOO_LARGE)
		reload_error_advise(&f.why,
			"reload-enroll config show %s: a larger max-message-size lets answers have "
			"more providers",
			l->base.config->instance_name);
	else if (none)
		reload_error_advise(&f.why,
			"reload-store -a AGENT --service NAMESPACE, at an agent that provides it");
	else
		reload_error_advise(
			&f.why, "the same command later, or reload-agent status -a %s", instance);
	(void)agent_request_refuse(&l->base, &f);
}

/* -- the provider -------------------------------------------------------------------------------------------------------- */

static void begin(void *arg)
{
	struct lookup_request *l = arg;
	enum reload_err err = agent_redir_walk_begin(&l->walk, &l->key);
	if (!err)
		return;
	l->walk.lookup.err = err; /* a newer configuration took the Kind away */
	fail(l);
}

/* Looks again, for a provider that was not passed over. */
static void skip(struct lookup_request *l, const char *why)
{
	json_array_append_new(
		l->skipped, json_pack("{s:o, s:s}", "node_id", json_of_id(&l->walk.lookup.provider),
				    "why", why));
	if (agent_redir_walk_pass_over(&l->walk)) {
		begin(l);
		return;
	}
	l->walk.lookup.err = RELOAD_NOT_FOUND;
	fail(l);
}

static void pinged(void *arg, const struct reload_result *r)
{
	struct lookup_request *l = arg;
	l->base.request = NULL;
	if (!r->err && reload_id_eq(&r->responder, &l->walk.lookup.provider)) {
		agent_redir_walk_answered(&l->walk);
		reply(l, true);
		return;
	}
	agent_redir_walk_silent(&l->walk);
	skip(l, r->err ? reload_err_text(r->err) : "another node answered");
}

static void ping(struct lookup_request *l)
{
	struct reload_destination route[AGENT_TARGET_MAX];
	reload_ms timeout = agent_redir_walk_timeout(&l->walk);
	struct reload_request_target target = { .list = route,
		.count = route_of(l, route, COUNT_OF(route)),
		.timeout_ms = timeout && timeout < PING_MS ? timeout : PING_MS };
	enum reload_err err = RELOAD_OK;
	l->base.request = reload_peer_ping(l->base.agent->peer, &target, 0, pinged, l, &err);
	if (!l->base.request)
		skip(l, reload_err_text(err));
}

static void walk_ended(void *arg)
{
	struct lookup_request *l = arg;
	if (l->walk.lookup.err)
		fail(l);
	else if (l->check)
		ping(l);
	else
		reply(l, false);
}

/* -- the method ---------------------------------------------------------------------------------------------------------- */

static enum reload_err read_params(
	struct lookup_request *l, const json_t *params, struct reload_error_text *why)
{
	struct agent *agent = l->base.agent;
	const char *name = param_text(params, "service", "");
	const char *node = param_text(params, "for", "self");
	reload_ms timeout = param_int(params, "timeout_ms", 0);
	char digits[RELOAD_ID_HEX + 5];
	if (strspn(node, "0123456789abcdefABCDEF") == strlen(node) &&
		strlen(node) < RELOAD_ID_HEX) {
		snprintf(digits, sizeof(digits), "node:%s", node);
		node = digits;
	}
	l->check = param_bool(params, "check", false);
	l->walk.until = timeout ? reload_poll_now() + timeout : 0;
	snprintf(l->name, sizeof(l->name), "%s", name);
	enum reload_err err = agent_service_name_check(name, why);
	if (!err && !agent_redir_kind(agent, why))
		err = RELOAD_UNKNOWN_KIND;
	if (!err)
		err = agent_node_parse(&l->key, agent, node, why);
	return err ? err : agent_request_joined(&l->base, "services cannot be looked up", why);
}

enum reload_rpc_end rpc_service_lookup(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct lookup_request *l = RELOAD_NEW(lookup_request);
	struct reload_failure f = { 0 };
	l->base.agent = arg;
	l->base.call = call;
	l->base.config = reload_config_ref(reload_peer_config(l->base.agent->peer));
	l->base.clear = lookup_clear;
	l->walk.agent = arg;
	l->walk.service = l->name;
	l->walk.done = walk_ended;
	l->walk.arg = l;
	l->skipped = json_array();
	f.err = read_params(l, params, &f.why);
	if (f.err)
		return agent_request_refuse(&l->base, &f);
	/* not now, as it may end at once */
	reload_timer_arm(
		reload_poll_timers(l->base.agent->poll), &l->start, reload_poll_now(), begin, l);
	return agent_request_pend(&l->base);
}
