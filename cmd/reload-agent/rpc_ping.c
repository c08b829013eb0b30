/* overlay.ping and overlay.probe: one request, one answer. */
#include "diagnose.h"
#include "rpc_request.h"

#include "common/output.h"

#include <stdio.h>

struct ping {
	struct agent_request base;
	struct diagnose_clock clock;
	struct diagnose_wish wish;
	size_t size;
	bool diagnostic;
};

/* times after the year 9999, which RFC 3339 cannot write, are shown as its end */
static json_t *time_json(reload_utc t)
{
	json_t *o = cli_json_time(t);
	if (!json_is_null(o))
		return o;
	json_decref(o);
	return json_string("9999-12-31T23:59:59.999Z");
}

/* What came with the answer; null for a node that does not know the extension (R7851-4). */
static json_t *diagnostics_json(const struct ping *ping, const struct reload_result *r)
{
	struct reload_diagnostics_response s;
	struct wire_ctx ctx = reload_config_wire_ctx(ping->base.config);
	struct reload_msg *m = (struct reload_msg *)r->answer; /* its arena holds what is decoded */
	if (!ping->diagnostic || reload_msg_diagnostics_response(m, &ctx, &s))
		return json_null();
	return json_pack("{s:I, s:o, s:o}", "overlay_hops",
		diagnose_overlay_hops(ping->base.agent, &s), "received",
		time_json(s.timestamp_received), "values", diagnose_values(&s));
}

/* Error_Forbidden to a Ping with diagnostics: which Kinds, and how they are granted; or the rate. */
static void refused(struct ping *ping, const struct reload_result *r)
{
	struct reload_failure f;
	char kinds[320] = "", shown[AGENT_SHORT], hex[RELOAD_ID_HEX];
	json_t *denied = diagnose_denied(r->error_info), *name;
	size_t i, len = 0;
	agent_request_explain(&ping->base, r, "no values of", &f);
	json_array_foreach (denied, i, name)
		if (len < sizeof(kinds) - 40)
			len += (size_t)snprintf(kinds + len, sizeof(kinds) - len, "%s%s",
				i ? "," : "", json_string_value(name));
	json_decref(denied);
	if (diagnose_limited(r->error_info)) {
		snprintf(f.why.reason, sizeof(f.why.reason),
			"peer %s answered Error_Forbidden: it limits how often one node may ask",
			agent_short_id(shown, &r->responder));
		reload_error_advise(&f.why, "the same command in a second");
	} else if (len) {
		snprintf(f.why.reason, sizeof(f.why.reason),
			"peer %s answered Error_Forbidden: denied %s",
			agent_short_id(shown, &r->responder), kinds);
		reload_error_advise(&f.why,
			"reload-enroll config grant %.100s %s, where the authority of %.60s is",
			len <= 100 ? kinds : "all",
			reload_id_hex(hex, &ping->base.agent->credentials->node),
			ping->base.config->instance_name);
	}
	agent_request_fail_with(&ping->base, r, &f);
}

static void ping_done(void *arg, const struct reload_result *r)
{
	struct ping *ping = arg;
	double rtt_ms = diagnose_rtt(&ping->clock);
	if (r->err == RELOAD_FORBIDDEN && ping->diagnostic) {
		refused(ping, r);
		return;
	}
	if (r->err || !r->answer || !r->answer->body_decoded) {
		agent_request_fail(&ping->base, r, "no answer from");
		return;
	}
	const struct reload_ping_ans *ans = &r->answer->body.ping_ans;
	json_t *o = json_pack("{s:o, s:I, s:f, s:o, s:o, s:I, s:I, s:o, s:o}", "node_id",
		json_of_id(&r->responder), "hops", (json_int_t)r->hops, "rtt_ms", rtt_ms,
		"response_id", json_of_u64(ans->response_id), "time", time_json(ans->time),
		"size_bytes", (json_int_t)ping->size, "transmissions", (json_int_t)r->transmissions,
		"transaction", json_of_transaction(r->transaction), "diagnostics",
		diagnostics_json(ping, r));
	diagnose_one_way(o, &ping->clock, ans->time, rtt_ms);
	agent_request_reply(&ping->base, o);
}

enum reload_rpc_end rpc_overlay_ping(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct ping *ping = RELOAD_NEW(ping);
	const json_t *list = json_object_get(params, "diagnostics");
	struct reload_failure f = { 0 };
	struct reload_request *r;
	f.err = agent_request_begin(&ping->base, arg, call, params, &f.why);
	ping->diagnostic = json_is_array(list);
	if (!f.err)
		f.err = diagnose_read(&ping->wish, ping->base.agent, list, &f.why);
	if (f.err)
		return agent_request_refuse(&ping->base, &f);
	ping->wish.wish.kinds = ping->wish.kinds;
	ping->size = ping->diagnostic ? 0 : (size_t)param_int(params, "size_bytes", 0);
	ping->clock = diagnose_clock_start();
	r = ping->diagnostic
		    ? reload_peer_diagnostic_ping(ping->base.agent->peer,
			      &ping->base.request_target, &ping->wish.wish, ping_done, ping, &f.err)
		    : reload_peer_ping(ping->base.agent->peer, &ping->base.request_target,
			      ping->size, ping_done, ping, &f.err);
	return agent_request_started(&ping->base, r, f.err);
}

/* -- Probe ----------------------------------------------------------------------------------------------------------------- */

struct probe {
	struct agent_request base;
	struct diagnose_clock clock;
};

/* The value of a type, null when the answer has none. */
static const struct reload_probe_info *probe_info(
	const struct reload_probe_ans *ans, enum reload_probe_type type)
{
	for (size_t i = 0; i < ans->probe_info_count; i++)
		if (ans->probe_info[i].type == type)
			return &ans->probe_info[i];
	return NULL;
}

static void probe_done(void *arg, const struct reload_result *r)
{
	struct probe *probe = arg;
	double rtt_ms = diagnose_rtt(&probe->clock);
	if (r->err || !r->answer || !r->answer->body_decoded) {
		agent_request_fail(&probe->base, r, "no answer from");
		return;
	}
	enum {
		PPB_PERCENT = 10000000
	};
	const struct reload_probe_ans *ans = &r->answer->body.probe_ans;
	const struct reload_probe_info *share = probe_info(ans, RELOAD_PROBE_RESPONSIBLE_SET),
				       *held = probe_info(ans, RELOAD_PROBE_NUM_RESOURCES),
				       *up = probe_info(ans, RELOAD_PROBE_UPTIME);
	agent_request_reply(&probe->base,
		json_pack("{s:o, s:I, s:f, s:o, s:o, s:o, s:o}", "node_id",
			json_of_id(&r->responder), "hops", (json_int_t)r->hops, "rtt_ms", rtt_ms,
			"responsible_percent",
			share ? json_real((double)share->value / PPB_PERCENT) : json_null(),
			"resources", held ? json_integer(held->value) : json_null(), "uptime_s",
			up ? json_integer(up->value) : json_null(), "transaction",
			json_of_transaction(r->transaction)));
}

enum reload_rpc_end rpc_overlay_probe(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	static const uint8_t types[] = { RELOAD_PROBE_RESPONSIBLE_SET, RELOAD_PROBE_NUM_RESOURCES,
		RELOAD_PROBE_UPTIME };
	struct probe *probe = RELOAD_NEW(probe);
	struct reload_failure f = { 0 };
	f.err = agent_request_begin(&probe->base, arg, call, params, &f.why);
	if (f.err)
		return agent_request_refuse(&probe->base, &f);
	probe->clock = diagnose_clock_start();
	struct reload_request *r =
		reload_peer_probe(probe->base.agent->peer, &probe->base.request_target,
			span_of(types, sizeof(types)), probe_done, probe, &f.err);
	return agent_request_started(&probe->base, r, f.err);
}
