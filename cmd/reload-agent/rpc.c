/*
 * The control socket of the agent.  Handlers start requests of the engine and return; results arrive in the engine's
 * completions or, for requests that wait for a state, in the hook at the end of a pass of the loop: events are emitted
 * from inside the engine, where its state may not be read.
 */
#include "rpc.h"

#include "capture.h"
#include "common/output.h"
#include "history.h"
#include "registrations.h"
#include "renewals.h"

#include <stdlib.h>

static const reload_rpc_handler handlers[RELOAD_METHODS] = {
#define X(method, access, handler, summary, params, result) [RELOAD_METHOD_##handler] = handler,
#include "control/methods.def"
#undef X
};

static void on_socket(
	void *arg, const char *path, enum reload_err err, const struct reload_error_text *why)
{
	struct agent *agent = arg;
	if (err)
		agent_log(agent->log, "agent", RELOAD_LEVEL_ERROR,
			"the control socket was removed and cannot be made again: %s: %s",
			why->what, why->reason);
	else
		agent_log(agent->log, "agent", RELOAD_LEVEL_WARN,
			"the control socket was removed and is made again path=%s", path);
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

enum reload_err agent_rpc_new(
	struct agent *agent, const struct reload_server_setup *setup, struct reload_error_text *why)
{
	struct agent_rpc *rpc = RELOAD_NEW(agent_rpc);
	TAILQ_INIT(&rpc->waiters);
	TAILQ_INIT(&rpc->subscribers);
	TAILQ_INIT(&rpc->captures);
	TAILQ_INIT(&rpc->media);
	rpc->service = (struct reload_rpc_service){ handlers, agent, on_socket, agent_history_begun,
		agent_history_ended };
	agent->history = agent_history_new(agent);
	enum reload_err err =
		reload_server_new(&rpc->server, agent->poll, &rpc->service, setup, why);
	if (err) {
		agent_history_free(TAKE(agent->history));
		free(rpc);
		return err;
	}
	rpc->hook = (struct reload_poll_hook){
		.fn = agent_check_waiters, .arg = agent, .order = RELOAD_HOOK_FLUSH + 1
	};
	reload_poll_hook_add(agent->poll, &rpc->hook);
	agent_log_follow(agent->log, agent_stream_line, agent);
	agent->rpc = rpc;
	agent->group = reload_server_group(rpc->server);
	return RELOAD_OK;
}

struct reload_server *agent_rpc_free(struct agent *agent)
{
	struct agent_rpc *rpc = agent->rpc;
	if (!rpc)
		return NULL;
	struct reload_server *server = rpc->server;
	agent_end_streams(rpc);
	agent_end_captures(agent);
	reload_server_flush(server);
	reload_server_hang_up(server);
	agent_registrations_withdraw_end(agent);
	agent_renewals_free(
		rpc->renewals); /* a Store that ended meanwhile may have added a value to it */
	agent_log_follow(agent->log, NULL, NULL);
	reload_poll_hook_remove(agent->poll, &rpc->hook);
	agent->rpc = NULL;
	agent_history_free(TAKE(agent->history));
	free(rpc);
	return server;
}
