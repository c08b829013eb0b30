/* sip.resolve of a telephone number: the gateways to it, by one search for each of its prefixes at the same time (RFC 7374 s4.5). */
#include "rpc_sip_gateways.h"

#include "rpc_request.h"

#include "common/json.h"
#include "ident/tel.h"
#include "redir.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GATEWAYS_MS = 5000 /* for all of it when nothing else is said: somebody waits for a call */
};

struct gateways_request;

/* The search for the gateways of one prefix. */
struct prefix_search {
	struct gateways_request *of;
	struct agent_redir_walk walk;
	char service[RELOAD_TEL_SERVICE];
	bool ended, failed;
	struct {
		struct reload_id node;
		uint8_t route[RELOAD_REDIR_ROUTE_MAX];
		size_t route_len;
	} found[AGENT_REDIR_TRIES];
	unsigned count;
};

struct gateways_request {
	struct agent_request base;
	struct reload_tel number;
	struct reload_id key;
	struct prefix_search searches[RELOAD_TEL_MAX]; /* [i]: the first i + 1 characters */
	reload_ms begun;
	struct reload_timer start;
};

static void gateways_clear(struct agent_request *base)
{
	struct gateways_request *q = (struct gateways_request *)base;
	for (size_t i = 0; i < q->number.len; i++)
		agent_redir_walk_stop(&q->searches[i].walk);
	reload_timer_cancel(reload_poll_timers(q->base.agent->poll), &q->start);
}

/* -- results ------------------------------------------------------------------------------------------------------------- */

static void add_json(
	json_t *list, const struct prefix_search *s, const char *gruu, size_t prefix_len)
{
	const struct gateways_request *q = s->of;
	const char *instance = q->base.config->instance_name;
	for (unsigned i = 0; i < s->count; i++) {
		char hex[2 * RELOAD_REDIR_ROUTE_MAX + 1];
		size_t size = strlen(instance) + sizeof(hex) + 16;
		char *uri = reload_alloc(size);
		struct span route = span_of(s->found[i].route, s->found[i].route_len);
		snprintf(uri, size, "reload://%s@%s/", reload_hex(hex, route), instance);
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s, s:o, s:n, s:[s,s], s:i, s:b}", "node_id",
				      json_of_id(&s->found[i].node), "target", uri, "gruu", gruu,
				      "prefix", json_stringn(q->number.number, prefix_len),
				      "contact_prefs", "schemes", "sip", "sips", "aor", 0,
				      "from_gruu", 0));
		free(uri);
	}
}

/* As sip.resolve has it of an AOR. */
static void reply(struct gateways_request *q)
{
	char name[sizeof("tel:") + RELOAD_TEL_MAX];
	json_t *list = json_array();
	bool complete = true;
	snprintf(name, sizeof(name), "tel:%s", q->number.number);
	for (size_t i = q->number.len; i-- > 0;) {
		add_json(list, &q->searches[i], name, i + 1);
		complete &= !q->searches[i].failed;
	}
	(void)agent_request_reply(
		&q->base, json_pack("{s:s, s:[{s:s, s:s, s:i, s:i}], s:o, s:b, s:f}", "aor", name,
				  "aors", "aor", name, "state", "number", "depth", 0, "from", 0,
				  "targets", list, "complete", (int)complete, "took_ms",
				  (double)(reload_poll_now() - q->begun)));
}

static void fail(struct gateways_request *q, bool answered)
{
	struct reload_failure f = { .err = answered ? RELOAD_NO_VALUE : RELOAD_TIMEOUT };
	char what[128];
	snprintf(what, sizeof(what), "there is no gateway to %s", q->number.number);
	reload_error_explain(&f.why, f.err, what, "%s",
		answered ? "no node of the overlay offers calls to any prefix of the number"
			 : "the trees of its prefixes were not read in time");
	if (answered)
		reload_error_advise(&f.why,
			"reload-sip-adapter --gateway PREFIX=SIP-URI, where there is a trunk");
	else
		reload_error_advise(&f.why, "the same call later, or reload-agent status -a %s",
			q->base.agent->instance);
	(void)agent_request_refuse(&q->base, &f);
}

static void finish_if_ended(struct gateways_request *q)
{
	bool found = false, answered = false;
	for (size_t i = 0; i < q->number.len; i++) {
		if (!q->searches[i].ended)
			return;
		found |= q->searches[i].count > 0;
		answered |= !q->searches[i].failed;
	}
	if (found)
		reply(q);
	else
		fail(q, answered);
}

/* -- searches ------------------------------------------------------------------------------------------------------------ */

static void search(struct prefix_search *s)
{
	enum reload_err err = agent_redir_walk_begin(&s->walk, &s->of->key);
	if (!err)
		return;
	s->ended = s->failed = true; /* a newer configuration took the Kind away */
	finish_if_ended(s->of);
}

/* One more provider is known, or there is none: then it is the end. */
static void walk_ended(void *arg)
{
	struct prefix_search *s = arg;
	const struct reload_redir_lookup *l = &s->walk.lookup;
	if (!l->err) {
		s->found[s->count].node = l->provider;
		memcpy(s->found[s->count].route, l->route, l->route_len);
		s->found[s->count++].route_len = l->route_len;
		if (agent_redir_walk_pass_over(&s->walk)) {
			search(s);
			return;
		}
	}
	s->ended = true;
	s->failed = l->err && l->err != RELOAD_NOT_FOUND && !s->count;
	finish_if_ended(s->of);
}

/* The answer may come with the last of them, within its beginning. */
static void begin(void *arg)
{
	struct gateways_request *q = arg;
	size_t count = q->number.len;
	for (size_t i = 0; i < count; i++)
		search(&q->searches[i]);
}

/* -- the method ---------------------------------------------------------------------------------------------------------- */

static enum reload_err read_params(
	struct gateways_request *q, const json_t *params, struct reload_error_text *why)
{
	struct agent *agent = q->base.agent;
	const char *text = param_text(params, "aor", "");
	reload_ms timeout = param_int(params, "timeout_ms", 0);
	char what[300];
	snprintf(what, sizeof(what), "no gateway can be looked for with %.250s", text);
	enum reload_err err = reload_tel_parse(&q->number, span_str(text));
	if (err) {
		q->number.len = 0;
		reload_error_explain(why, RELOAD_USAGE, what,
			"that is no telephone number of at most %d digits", RELOAD_TEL_DIGITS);
		reload_error_advise(why, "tel:+49301234");
		return RELOAD_USAGE;
	}
	if (!agent_redir_kind(agent, why))
		return RELOAD_UNKNOWN_KIND;
	if (!timeout || timeout > GATEWAYS_MS)
		timeout = GATEWAYS_MS;
	for (size_t i = 0; i < q->number.len && !err; i++) {
		struct prefix_search *s = &q->searches[i];
		*s = (struct prefix_search){ .of = q };
		err = reload_tel_service(
			s->service, q->base.config->instance_name, &q->number, i + 1);
		s->walk = (struct agent_redir_walk){ .agent = agent,
			.service = s->service,
			.until = reload_poll_now() + timeout,
			.from_root = true,
			.done = walk_ended,
			.arg = s };
	}
	if (err) {
		reload_error_explain(why, err, what,
			"the name of the overlay is too long for the namespaces of gateways");
		reload_error_advise(why, "reload-fetch --service NAMESPACE, when you know it");
		return err;
	}
	return agent_node_parse(&q->key, agent, "self", why);
}

bool agent_is_number(const char *text)
{
	return !strncasecmp(text, "tel:", 4);
}

enum reload_rpc_end agent_sip_gateways(
	struct agent *agent, struct reload_rpc_call *call, const json_t *params)
{
	struct gateways_request *q = RELOAD_NEW(gateways_request);
	struct reload_failure f = { 0 };
	q->base.agent = agent;
	q->base.call = call;
	q->base.config = reload_config_ref(reload_peer_config(q->base.agent->peer));
	q->base.clear = gateways_clear;
	q->begun = reload_poll_now();
	f.err = read_params(q, params, &f.why);
	if (!f.err)
		f.err = agent_request_joined(&q->base, "gateways cannot be looked up", &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	/* not now, as it may end at once */
	reload_timer_arm(
		reload_poll_timers(q->base.agent->poll), &q->start, reload_poll_now(), begin, q);
	return agent_request_pend(&q->base);
}
