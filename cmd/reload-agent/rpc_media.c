/* media.open, media.check: a path by ICE for the audio of a call. */
#include "media_paths.h"
#include "rpc.h"

#include "link/ice.h"
#include "wire/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct media_call {
	struct agent *agent;
	struct reload_rpc_call *call;
	struct media_path *path;
};

static const char *const types[] = {
	[RELOAD_CAND_HOST] = "host", [RELOAD_CAND_SRFLX] = "srflx", [RELOAD_CAND_RELAY] = "relay"
};

static void media_clear(struct media_call *c)
{
	media_path_free(c->path);
	free(c);
}

/* -- what the program is told ---------------------------------------------------------------------------------------------------- */

static json_t *candidate_json(const struct reload_ice_local *local)
{
	struct reload_ice_candidate c;
	char at[64], related[64];
	reload_ice_offer(&c, local);
	json_t *o = json_pack("{s:s%, s:s, s:I, s:s}", "foundation", c.foundation.at,
		c.foundation.len, "type", types[c.type], "priority", (json_int_t)c.priority,
		"address", reload_ip_port_text(at, &c.addr_port));
	bool has = c.type != RELOAD_CAND_HOST && c.rel_addr_port.type;
	json_object_set_new(o, "related",
		has ? json_string(reload_ip_port_text(related, &c.rel_addr_port)) : json_null());
	return o;
}

static void tell(struct media_call *c, json_t *object)
{
	reload_rpc_progress(c->call, object);
	json_decref(object);
}

static void gathered(
	void *arg, const char *path, const struct reload_ice_found *found, size_t count)
{
	struct media_call *c = arg;
	json_t *candidates = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(candidates, candidate_json(&found->candidates[i]));
	tell(c, json_pack("{s:s, s:I, s:s, s:s, s:s, s:o}", "type", "gathered", "media",
			(json_int_t)media_path_number(c->path), "stream", path, "ufrag",
			found->ufrag, "password", found->password, "candidates", candidates));
}

static void connected(void *arg, const struct reload_ice_pair *pair)
{
	struct media_call *c = arg;
	char local[64], remote[64], relay[64];
	agent_relay_text(relay, pair);
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:s}", "type", "connected", "media",
		(json_int_t)media_path_number(c->path), "path", agent_path_name(pair), "local",
		reload_ip_port_text(local, &pair->local), "remote",
		reload_ip_port_text(remote, &pair->remote));
	json_object_set_new(o, "relay", json_of_text(relay[0] ? relay : NULL));
	tell(c, o);
}

static void ended(void *arg, enum reload_err err, const char *reason)
{
	struct media_call *c = arg;
	struct reload_error_text why;
	const struct media_path_counts *n = media_path_counts(c->path);
	if (!err) {
		reload_rpc_reply(
			c->call, json_pack("{s:s, s:I, s:I, s:I}", "type", "summary", "sent",
					 (json_int_t)n->sent, "received", (json_int_t)n->received,
					 "dropped", (json_int_t)n->dropped));
	} else {
		(void)reload_error_explain(&why, err, "no path for audio", "%s", reason);
		reload_error_advise(&why, "reload-diag nat -a %s", c->agent->instance);
		reload_rpc_fail_why(c->call, err, &why);
	}
	media_clear(c);
}

static const struct media_path_ops ops = {
	.gathered = gathered, .connected = connected, .ended = ended
};

/* -- media.open -------------------------------------------------------------------------------------------------------------------- */

static void on_gone(void *arg)
{
	media_clear(arg);
}

enum reload_rpc_end rpc_media_open(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_error_text why;
	struct media_call *c = RELOAD_NEW(media_call);
	c->agent = agent;
	c->call = call;
	enum reload_err err =
		media_path_new(&c->path, agent, param_bool(params, "controlling", true),
			param_bool(params, "relay_only", false), &ops, c);
	if (!err)
		return reload_rpc_pend(call, on_gone, c);
	free(c);
	(void)reload_error_explain(&why, err, "no path for audio",
		err == RELOAD_LIMIT ? "this agent has %d of them" : "this overlay does not use ICE",
		MEDIA_PATHS_MAX);
	reload_error_advise(
		&why, err == RELOAD_LIMIT ? "end calls" : "an overlay of reload-enroll init --ice");
	return reload_rpc_fail_why(call, err, &why);
}

/* -- media.check ------------------------------------------------------------------------------------------------------------------- */

static bool read_candidate(struct reload_ice_candidate *out, const json_t *o)
{
	const char *related = param_text(o, "related", NULL), *type = param_text(o, "type", "");
	*out = (struct reload_ice_candidate){ .overlay_link = RELOAD_DTLS_UDP_SR,
		.foundation = span_str(param_text(o, "foundation", "")),
		.priority = (uint32_t)param_int(o, "priority", 0) };
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i] && !strcmp(types[i], type))
			out->type = (uint8_t)i;
	return !reload_ip_port_parse(&out->addr_port, param_text(o, "address", ""), 0) &&
	       (!related || !reload_ip_port_parse(&out->rel_addr_port, related, 0));
}

/* What is wrong with the parameters; NULL: nothing. */
static const char *check(struct media_path *m, const json_t *params)
{
	struct reload_ice_candidate candidates[RELOAD_ICE_CANDIDATES_MAX];
	const json_t *list = json_object_get(params, "candidates"), *o;
	size_t i;
	json_array_foreach (list, i, o)
		if (!read_candidate(&candidates[i], o))
			return "a candidate has an address that is none";
	return media_path_check(m, span_str(param_text(params, "ufrag", "")),
		       span_str(param_text(params, "password", "")), candidates, i)
		       ? NULL
		       : "its candidates are not gathered yet";
}

enum reload_rpc_end rpc_media_check(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_error_text why;
	uint32_t number = (uint32_t)param_int(params, "media", 0);
	struct media_path *m = media_path_find(agent, number);
	const char *fault = m ? check(m, params) : "there is no path of this number";
	if (!fault)
		return reload_rpc_reply(call, json_pack("{s:I}", "media", (json_int_t)number));
	(void)reload_error_explain(&why, RELOAD_USAGE, "media.check", "%s", fault);
	reload_error_advise(&why, "the number of media.open, and candidates of the other end");
	return reload_rpc_fail_why(call, RELOAD_USAGE, &why);
}
