/*
 * sip.ended: how a request of SIP ended that a program made over a connection of this agent.  What such a connection carries the agent does not read;
 * so the program says it, and reload-diag why has calls beside all else.
 */
#include "rpc.h"

#include "history.h"
#include "util/alloc.h"

#include <string.h>

static enum reload_err failure_of(const char *name)
{
	static const enum reload_err errors[] = { RELOAD_NOT_FOUND, RELOAD_TIMEOUT,
		RELOAD_LINK_DOWN };
	static const char *const names[] = { "not_found", "timeout", "link_down" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(name, names[i]))
			return errors[i];
	return RELOAD_OK;
}

enum reload_rpc_end rpc_sip_ended(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const struct agent *agent = arg;
	struct agent_history_sip sip = {
		.aor = param_text(params, "aor", ""),
		.request = param_text(params, "request", "INVITE"),
		.status = (unsigned)param_int(params, "sip_status", 0),
		.failure = failure_of(param_text(params, "failure", "")),
		.phrase = param_text(params, "phrase", ""),
		.took = param_int(params, "took_ms", 0),
	};
	char advice[256];
	enum reload_cause cause = agent_history_sip(agent->history, &sip);
	return reload_rpc_reply(
		call, json_pack("{s:s, s:s, s:s}", "cause", reload_cause_name(cause), "cause_text",
			      reload_cause_text(cause), "try",
			      agent_history_sip_advice(advice, cause, sip.aor)));
}
