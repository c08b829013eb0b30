/* agent.history and agent.why: requests of the past; store.conflicts: values of which two versions were written. */
#include "rpc.h"

#include "history.h"

#include <stdlib.h>
#include <string.h>

enum reload_rpc_end rpc_agent_history(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const struct agent *agent = arg;
	return reload_rpc_reply(call,
		json_pack("{s:o}", "requests",
			agent_history_list(agent->history, (size_t)param_int(params, "max", 100),
				param_bool(params, "failed", false))));
}

enum reload_rpc_end rpc_agent_why(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const struct agent *agent = arg;
	struct reload_error_text why;
	const char *text = param_text(params, "transaction", NULL);
	char *end = NULL;
	uint64_t transaction = text ? strtoull(text, &end, 16) : 0;
	if (text && (*end || !transaction || strspn(text, "0123456789abcdefABCDEF") > 16)) {
		char what[128];
		snprintf(what, sizeof(what), "no transaction: %.40s", text);
		reload_error_explain(&why, RELOAD_USAGE, what,
			"a transaction is a number of 16 hexadecimal digits");
		reload_error_advise(&why, "reload-diag why -a %s --list", agent->instance);
		return reload_rpc_fail_why(call, RELOAD_USAGE, &why);
	}
	json_t *result = agent_history_one(agent->history, transaction);
	if (result)
		return reload_rpc_reply(call, result);
	reload_error_explain(&why, RELOAD_NO_VALUE,
		text ? "no request has this transaction" : "no request has failed",
		"the agent remembers the newest %d requests since its start", HISTORY_MAX);
	reload_error_advise(&why, "reload-diag why -a %s --list", agent->instance);
	return reload_rpc_fail_why(call, RELOAD_NO_VALUE, &why);
}

enum reload_rpc_end rpc_store_conflicts(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const struct agent *agent = arg;
	(void)params;
	return reload_rpc_reply(
		call, json_pack("{s:o}", "conflicts", agent_conflicts_json(agent->history)));
}
