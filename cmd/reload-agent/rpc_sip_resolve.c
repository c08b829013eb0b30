/* sip.resolve: from an AOR to nodes, by one Fetch after another (RFC 7904 s4); of numbers: rpc_sip_gateways.c. */
#include "rpc_request.h"
#include "rpc_sip_gateways.h"

#include "usage/sip_prefs.h"
#include "usage/sip_resolve.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolving {
	struct agent_request base; /* first */
	struct reload_sip_resolve *resolve;
	struct reload_id resource; /* that is being fetched */
	struct reload_destination to;
	struct reload_specifier specifier;
	reload_ms begun, end;
	bool cut; /* the time was over first */
};

static void resolving_clear(struct agent_request *base)
{
	reload_sip_resolve_free(((struct resolving *)base)->resolve);
}

static const char *const states[] = {
	[RELOAD_SIP_WAITING] = "waiting",
	[RELOAD_SIP_FETCHED] = "fetched",
	[RELOAD_SIP_ABSENT] = "absent",
	[RELOAD_SIP_EXTERNAL] = "external",
	[RELOAD_SIP_IS_GRUU] = "gruu",
	[RELOAD_SIP_TOO_DEEP] = "too-deep",
};

static json_t *aors_json(const struct reload_sip_aor *a, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i}", "aor", a[i].name,
						    "state", states[a[i].state], "depth",
						    (int)a[i].depth, "from", (int)a[i].from));
	return list;
}

/* The GRUU of a target (owned string). */
static char *gruu_of(const struct resolving *q, const struct reload_sip_target *t, const char *aor)
{
	struct wire_ctx ctx = reload_config_wire_ctx(q->base.config);
	struct reload_destination list[RELOAD_SIP_LIST_MAX];
	struct rd r = rd_of(bytes_span(t->list));
	size_t n = 0;
	struct wr w;
	wr_init(&w);
	while (n < RELOAD_SIP_LIST_MAX && reload_dest_next(&r, &ctx, &list[n]))
		n++;
	reload_gruu_write(&w, &ctx, aor, list, n);
	wr_u8(&w, 0);
	return (char *)w.at;
}

static json_t *target_json(
	const struct resolving *q, const struct reload_sip_target *t, const char *aor)
{
	size_t size = 2 * t->list.len + strlen(q->base.config->instance_name) + 32;
	char *hex = reload_alloc(2 * t->list.len + 1), *uri = reload_alloc(size);
	char *gruu = gruu_of(q, t, aor);
	json_t *schemes = json_array();
	if (t->schemes & RELOAD_SCHEME_SIP)
		json_array_append_new(schemes, json_string("sip"));
	if (t->schemes & RELOAD_SCHEME_SIPS)
		json_array_append_new(schemes, json_string("sips"));
	snprintf(uri, size, "reload://%s@%s/", reload_hex(hex, bytes_span(t->list)),
		q->base.config->instance_name);
	json_t *o = json_pack("{s:o, s:s, s:s, s:n, s:o, s:o, s:i, s:b}", "node_id",
		json_of_id(&t->node), "target", uri, "gruu", gruu, "prefix", "contact_prefs",
		t->prefs.len ? json_of_utf8(bytes_span(t->prefs)) : json_null(), "schemes", schemes,
		"aor", (int)t->aor, "from_gruu", (int)t->gruu);
	free(gruu);
	free(uri);
	free(hex);
	return o;
}

static json_t *result_json(const struct resolving *q)
{
	size_t aors, targets;
	const struct reload_sip_aor *a = reload_sip_aors(q->resolve, &aors);
	const struct reload_sip_target *t = reload_sip_targets(q->resolve, &targets);
	json_t *list = json_array();
	for (size_t i = 0; i < targets; i++)
		json_array_append_new(list, target_json(q, &t[i], a[t[i].aor].name));
	return json_pack("{s:s, s:o, s:o, s:b, s:f}", "aor", a[0].name, "aors", aors_json(a, aors),
		"targets", list, "complete", (int)!q->cut, "took_ms",
		(double)(reload_poll_now() - q->begun));
}

/* Nothing was found, neither nodes nor AORs of other domains. */
static enum reload_rpc_end fail_absent(struct resolving *q)
{
	struct reload_failure f = { .err = q->cut ? RELOAD_TIMEOUT : RELOAD_NO_VALUE };
	size_t count;
	const struct reload_sip_aor *a = reload_sip_aors(q->resolve, &count);
	char what[256];
	snprintf(what, sizeof(what), "%.200s is not registered", a[0].name);
	reload_error_explain(&f.why, f.err, what, "%s",
		q->cut      ? "its registrations were not fetched in time"
		: count > 1 ? "it is forwarded, but no node is registered there"
			    : "no node of the user has a registration in the overlay");
	reload_error_advise(
		&f.why, "reload-sip-call register %.150s, with the agent of that user", a[0].name);
	return agent_request_refuse(&q->base, &f);
}

static bool found_any(const struct resolving *q)
{
	size_t aors, targets;
	const struct reload_sip_aor *a = reload_sip_aors(q->resolve, &aors);
	reload_sip_targets(q->resolve, &targets);
	bool any = targets > 0;
	for (size_t i = 0; i < aors; i++)
		any |= a[i].state == RELOAD_SIP_EXTERNAL;
	return any;
}

static void fetched(void *arg, const struct reload_result *r);

/* The next Fetch; NULL: there is none, or it cannot be. */
static struct reload_request *next(struct resolving *q, enum reload_err *err)
{
	const char *name = reload_sip_resolve_next(q->resolve);
	reload_ms now = reload_poll_now();
	q->cut = name && now >= q->end;
	if (!name || q->cut)
		return NULL;
	reload_peer_resource_id(q->base.agent->peer, &q->resource, span_str(name));
	q->to = reload_dest_resource(&q->resource);
	/* R7904-18: no keys are named, all are wanted */
	q->specifier = (struct reload_specifier){ .kind = RELOAD_KIND_SIP_REGISTRATION,
		.model = RELOAD_MODEL_DICTIONARY };
	struct reload_request_target target = {
		.list = &q->to, .count = 1, .timeout_ms = q->end - now
	};
	return reload_peer_fetch(
		q->base.agent->peer, &target, &q->resource, &q->specifier, 1, fetched, q, err);
}

/* Everything was fetched that can be. */
static enum reload_rpc_end finish(struct resolving *q)
{
	return found_any(q) ? agent_request_reply(&q->base, result_json(q)) : fail_absent(q);
}

static void fetched(void *arg, const struct reload_result *r)
{
	struct resolving *q = arg;
	size_t aors, count = 0;
	reload_sip_aors(q->resolve, &aors);
	bool first = aors == 1;
	if (first && r->err && r->err != RELOAD_NOT_FOUND) {
		agent_request_fail(&q->base, r, "cannot resolve");
		return;
	}
	struct span *values =
		reload_arena_take(&q->base.arena, (r->values_count + 1) * sizeof(*values));
	for (size_t i = 0; !r->err && i < r->values_count; i++)
		if (!r->values[i].err && !r->values[i].synthetic && r->values[i].data->value.exists)
			values[count++] = r->values[i].data->value.value;
	reload_sip_resolve_answer(q->resolve, values, count);
	enum reload_err err = RELOAD_OK;
	q->base.request = next(q, &err);
	if (!q->base.request)
		(void)finish(q);
}

enum reload_rpc_end rpc_sip_resolve(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const char *text = param_text(params, "aor", "");
	if (agent_is_number(text))
		return agent_sip_gateways(arg, call, params);
	struct resolving *q = RELOAD_NEW(resolving);
	struct reload_failure f = { 0 };
	char *name = reload_alloc(strlen(text) + 8);
	snprintf(name, strlen(text) + 8, "name:%s", text);
	json_t *target = json_pack("{s:s}", "target", name);
	free(name);
	q->base.clear = resolving_clear;
	f.err = agent_request_begin(&q->base, arg, call, target, &f.why);
	json_decref(target);
	if (!f.err)
		f.err = reload_sip_resolve_new(&q->resolve, q->base.config, text, &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	uint64_t limit = param_int(params, "timeout_ms", 0);
	q->begun = reload_poll_now();
	q->end =
		q->begun + (limit && limit < RELOAD_SIP_RESOLVE_MS ? limit : RELOAD_SIP_RESOLVE_MS);
	if (!reload_sip_resolve_next(q->resolve))
		return finish(q);
	struct reload_request *r = next(q, &f.err);
	return agent_request_started(&q->base, r, f.err);
}
