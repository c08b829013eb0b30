/* app.listen: taking connections of an application. */
#include "apps.h"
#include "control/failure.h"
#include "rpc.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct listener {
	struct app_owner owner; /* first */
	struct agent *agent;
	struct reload_rpc_call *call;
};

static void tell(struct listener *l, json_t *object)
{
	reload_rpc_progress(l->call, object); /* lost: nobody comes for it, which ends it */
	json_decref(object);
}

static void connected(struct app_owner *owner, struct app_connection *c)
{
	tell((struct listener *)owner, app_connection_json(c, "connected"));
}

static json_t *error_json(const struct listener *l, const struct app_connection *c,
	const struct reload_app_stream_end *end)
{
	char what[128], shown[AGENT_SHORT];
	struct reload_failure f = { .err = end->err };
	if (!end->err)
		return json_null();
	snprintf(what, sizeof(what), "the connection of node:%s was cut off",
		agent_short_id(shown, &c->node));
	reload_error_explain(&f.why, f.err, what, "%s",
		end->why && end->why->reason[0] ? end->why->reason : reload_err_text(end->err));
	reload_error_advise(&f.why, "reload-ping -a %s node:%s", l->agent->instance,
		agent_short_id(shown, &c->node));
	return reload_failure_json(&f);
}

static void ended(
	struct app_owner *owner, struct app_connection *c, const struct reload_app_stream_end *end)
{
	tell((struct listener *)owner,
		json_pack("{s:s, s:I, s:I, s:I, s:o}", "type", "ended", "connection", c->number,
			"sent_bytes", (json_int_t)end->sent, "received_bytes",
			(json_int_t)end->received, "error",
			error_json((struct listener *)owner, c, end)));
}

static void on_gone(void *arg)
{
	struct listener *l = arg;
	app_owner_remove(&l->owner);
	free(l);
}

enum reload_rpc_end rpc_app_listen(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	uint16_t application = (uint16_t)param_int(params, "application", 0);
	unsigned places = (unsigned)param_int(params, "places", 1);
	struct reload_error_text why;
	char what[96];
	bool packets = param_bool(params, "packets", false);
	if (packets && app_packets_refused(agent, &why))
		return reload_rpc_fail_why(call, RELOAD_FAILED, &why);
	enum reload_err err = reload_peer_app_serve(agent->peer, application, places);
	snprintf(what, sizeof(what), "cannot listen for application %u", application);
	if (err == RELOAD_EXISTS)
		reload_error_explain(
			&why, err, what, "another program listens for it at this agent already");
	else if (err)
		reload_error_explain(
			&why, err, what, "more than %d are listened for", RELOAD_APPS_MAX);
	if (err) {
		reload_error_advise(&why, "end that program, or take another Application-ID");
		return reload_rpc_fail_why(call, err, &why);
	}
	struct listener *l = RELOAD_NEW(listener);
	l->agent = agent;
	l->call = call;
	l->owner.listens = true;
	l->owner.packets = packets;
	l->owner.application = application;
	l->owner.connected = connected;
	l->owner.ended = ended;
	app_owner_add(&l->owner, agent);
	enum reload_rpc_end pending = reload_rpc_pend(call, on_gone, l);
	tell(l, json_pack(
			"{s:s, s:I}", "type", "listening", "application", (json_int_t)application));
	return pending;
}
