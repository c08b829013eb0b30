/*
 * agent.capture: each message of the links as a progress notification.  Keys and secrets of links are never part of it; what a message carries
 * is, so the method is not served on the socket for readers.  A reader that is too slow loses messages, which are counted.
 */
#include "capture.h"
#include "rpc.h"

#include "common/output.h"
#include "ident/cert.h"
#include "link/links_io.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

struct agent_capture {
	TAILQ_ENTRY(agent_capture) entry;
	struct agent *agent;
	struct reload_rpc_call *call;
	char *code;            /* owned; NULL: any */
	struct reload_id node; /* len 0: any */
	uint64_t sent, dropped;
};

static void capture_gone(void *arg)
{
	struct agent_capture *c = arg;
	TAILQ_REMOVE(&c->agent->rpc->captures, c, entry);
	free(c->code);
	free(c);
}

/* The name without "_req" or "_ans" means both. */
static bool code_matches(const char *wanted, const char *name)
{
	size_t len = strlen(wanted);
	return name && !strncmp(name, wanted, len) &&
	       (!name[len] || !strcmp(name + len, "_req") || !strcmp(name + len, "_ans"));
}

static bool code_known(const char *wanted)
{
	for (unsigned code = 0; code <= UINT16_MAX; code++)
		if (code_matches(wanted, reload_code_name((uint16_t)code)))
			return true;
	return false;
}

static json_t *message_json(uint32_t link, bool incoming, const struct reload_id *node,
	const struct reload_header *h, const char *name, struct span message)
{
	char *text = reload_base64(message);
	json_t *o = json_pack("{s:s, s:o, s:s, s:I, s:o, s:o, s:o, s:s}", "type", "message", "time",
		cli_json_time(cli_now()), "direction", incoming ? "in" : "out", "link",
		(json_int_t)link, "node_id", json_of_id(node), "transaction",
		h ? json_of_transaction(h->transaction_id) : json_null(), "code",
		json_of_text(name), "message", text);
	free(text);
	return o;
}

void agent_capture(struct agent *agent, uint32_t link, bool incoming, struct span message)
{
	struct reload_id node = { .len = 0 };
	struct reload_link_info info;
	struct reload_header h;
	struct agent_capture *c;
	json_t *o = NULL;
	if (!agent->rpc || TAILQ_EMPTY(&agent->rpc->captures))
		return;
	if (reload_links_info(agent->links, link, &info) && info.cert &&
		info.cert->node_ids_count == 1)
		node = info.cert->node_ids[0];
	struct wire_ctx ctx = reload_config_wire_ctx(reload_peer_config(agent->peer));
	bool whole = !reload_header_read(&h, message, &ctx);
	const char *name = whole ? reload_code_name(reload_message_code(&h, message)) : NULL;
	TAILQ_FOREACH (c, &agent->rpc->captures, entry) {
		if ((c->code && !code_matches(c->code, name)) ||
			(c->node.len && !reload_id_eq(&c->node, &node)))
			continue;
		if (!o)
			o = message_json(link, incoming, &node, whole ? &h : NULL, name, message);
		if (reload_rpc_progress(c->call, o))
			c->sent++;
		else
			c->dropped++;
	}
	json_decref(o);
}

enum reload_rpc_end rpc_agent_capture(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	const char *code = param_text(params, "code", NULL),
		   *node = param_text(params, "node_id", NULL);
	struct reload_id id = { .len = 0 };
	struct reload_error_text why;
	if (node && reload_id_from_hex(&id, node)) {
		reload_error_explain(&why, RELOAD_USAGE, node, "it is longer than a Node-ID");
		reload_error_advise(&why, "reload-diag tables -a %s", agent->instance);
		return reload_rpc_fail_why(call, RELOAD_USAGE, &why);
	}
	if (code && !code_known(code)) { /* it would wait for ever */
		reload_error_explain(&why, RELOAD_USAGE, "no message of that name can be captured",
			"%.80s is not the name of a message", code);
		reload_error_advise(&why,
			"reload-diag capture -a %s ping, or store_req, fetch_ans and so on",
			agent->instance);
		return reload_rpc_fail_why(call, RELOAD_USAGE, &why);
	}
	struct agent_capture *c = RELOAD_NEW(agent_capture);
	c->agent = agent;
	c->call = call;
	c->code = code ? reload_strdup(code) : NULL;
	c->node = id;
	TAILQ_INSERT_TAIL(&agent->rpc->captures, c, entry);
	return reload_rpc_pend(call, capture_gone, c);
}

void agent_end_captures(struct agent *agent)
{
	struct agent_capture *c;
	while ((c = TAILQ_FIRST(&agent->rpc->captures))) {
		reload_rpc_reply(
			c->call, json_pack("{s:s, s:o, s:o}", "type", "summary", "messages",
					 json_of_u64(c->sent), "dropped", json_of_u64(c->dropped)));
		capture_gone(c);
	}
}
