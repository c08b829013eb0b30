/* app.attach: a connection of an application to another node. */
#include "apps.h"
#include "rpc_request.h"

#include "common/output.h"
#include "replica/request.h"
#include "wire/codes.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	NODES_MAX = 8, /* of a user, that are asked in turn */
	AGAIN_MS =
		1000 /* until a node is asked again: it may find out a little later that there was no way */
};

struct attach {
	struct agent_request base; /* first */
	struct app_owner owner;
	uint16_t application;
	struct reload_id nodes[NODES_MAX]; /* of the user; none: the target is asked */
	size_t nodes_count, next_node;
	struct reload_destination to;
	struct reload_array_range range;
	struct reload_specifier specifier;
	struct reload_timer late; /* the time limit until it is connected */
	struct reload_timer step; /* goes on with what the engine has reported */
	bool again;               /* a node was asked again, with a relay */
	struct reload_result result;
};

static struct attach *of_owner(struct app_owner *owner)
{
	return (struct attach *)((char *)owner - offsetof(struct attach, owner));
}

static struct reload_timers *timers(const struct attach *a)
{
	return reload_poll_timers(a->base.agent->poll);
}

static void attach_clear(struct agent_request *base)
{
	struct attach *a = (struct attach *)base;
	reload_timer_cancel(timers(a), &a->late);
	reload_timer_cancel(timers(a), &a->step);
	if (a->owner.apps)
		app_owner_remove(&a->owner);
}

/* The other end answered and did not come: mostly a firewall lets in nothing but the port of the links. */
static void fail_awaited(struct attach *a)
{
	char reason[APPS_OFFERED + 128], shown[AGENT_SHORT];
	struct reload_failure f = { .err = RELOAD_TIMEOUT };
	snprintf(reason, sizeof(reason),
		"peer %s answered, but made no connection in time to this node at %s",
		agent_short_id(shown, &a->result.responder), a->owner.offered);
	reload_error_explain(&f.why, f.err, "no connection for the application", "%s", reason);
	reload_error_advise(
		&f.why, "a firewall here has to let TCP in at every port, or ask from there");
	agent_request_fail_with(&a->base, &a->result, &f);
}

/* By ICE: candidates were exchanged, and none of their pairs leads there; or there is nothing to exchange. */
static void fail_without_way(struct attach *a)
{
	char what[256], reason[APPS_OFFERED + 128], shown[AGENT_SHORT];
	struct reload_failure f = { .err = a->result.err };
	snprintf(what, sizeof(what), "no connection to %.200s", a->base.target.shown);
	if (a->result.responder.len)
		snprintf(reason, sizeof(reason), "peer %s answered, but %s",
			agent_short_id(shown, &a->result.responder),
			a->owner.offered[0] ? a->owner.offered : a->result.reason);
	else
		snprintf(reason, sizeof(reason), "%s",
			a->owner.offered[0] ? a->owner.offered : a->result.reason);
	reload_error_explain(&f.why, f.err, what, "%s", reason);
	reload_error_advise(&f.why, "reload-diag nat -a %s", a->base.agent->instance);
	agent_request_fail_with(&a->base, &a->result, &f);
}

static bool is_without_way(const struct attach *a)
{
	enum reload_err err = a->result.err;
	bool answered = a->result.responder.len;
	return a->base.agent->nat_json && !a->result.overlay_code && a->result.reason &&
	       (err == RELOAD_UNREACHABLE || (err == RELOAD_TIMEOUT && answered) ||
		       ((err == RELOAD_LINK_DOWN || err == RELOAD_NOT_RELOAD) && answered));
}

static enum reload_err ask(struct attach *a)
{
	struct reload_request_target target = a->base.request_target;
	if (a->nodes_count) {
		a->to = reload_dest_node(&a->nodes[a->next_node++]);
		target.list = &a->to;
		target.count = 1;
	}
	return app_owner_ask(&a->owner, a->application, &target);
}

static void explain_start(
	const struct attach *a, enum reload_err err, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "no connection to %.200s", a->base.target.shown);
	reload_error_explain(why, err, what, "%s",
		err == RELOAD_IO      ? "this node has no address at which it could wait for it"
		: err == RELOAD_LIMIT ? "too many are being made at a time"
				      : reload_err_text(err));
	reload_error_advise(why, "reload-agent status -a %s", a->base.agent->instance);
}

/* The other end refused, or nobody answered. */
static void fail_refused(struct attach *a)
{
	struct reload_failure f;
	agent_request_explain(&a->base, &a->result, "no connection to", &f);
	if (a->result.overlay_code && f.err == RELOAD_NOT_FOUND)
		reload_error_advise(
			&f.why, "reload-attach listen %u, at that node", a->application);
	else if (a->result.overlay_code && f.err == RELOAD_FORBIDDEN)
		reload_error_advise(&f.why, "the same again later");
	agent_request_fail_with(&a->base, &a->result, &f);
}

static void on_next(void *arg)
{
	struct attach *a = arg;
	struct reload_failure f = { .err = ask(a) };
	if (!f.err)
		return;
	explain_start(a, f.err, &f.why);
	agent_request_fail_with(&a->base, &a->result, &f);
}

/* The node that answered is asked once more: without a relay there is no way, and there may be one now. */
static void ask_again(struct attach *a)
{
	a->again = true;
	a->next_node -= a->nodes_count > 0;
	reload_timer_arm(timers(a), &a->step, reload_poll_now() + AGAIN_MS, on_next, a);
}

/* The engine has reported that it came to nothing: the next node of the user, or the failure. */
static void on_step(void *arg)
{
	struct attach *a = arg;
	if (a->owner.relay_may_help && a->result.responder.len && !a->again) {
		ask_again(a);
	} else if (a->next_node < a->nodes_count) {
		on_next(a);
	} else if (is_without_way(a)) {
		fail_without_way(a);
	} else if (a->result.err == RELOAD_TIMEOUT && a->result.responder.len) {
		fail_awaited(a);
	} else {
		fail_refused(a);
	}
}

static void failed(struct app_owner *owner, const struct reload_result *result)
{
	struct attach *a = of_owner(owner);
	a->result = *result;
	a->result.answer = NULL;
	a->result.values = NULL;
	a->result.values_count = 0;
	a->result.error_info = reload_arena_copy(&a->base.arena, result->error_info);
	reload_timer_arm(timers(a), &a->step, reload_poll_now(), on_step, a);
}

static void connected(struct app_owner *owner, struct app_connection *c)
{
	struct attach *a = of_owner(owner);
	json_t *object = app_connection_json(c, "connected");
	reload_timer_cancel(timers(a), &a->late);
	reload_rpc_progress(a->base.call, object); /* lost: nobody comes, which ends it */
	json_decref(object);
}

static json_t *summary(const struct app_connection *c, const struct reload_app_stream_end *end)
{
	return json_pack("{s:s, s:I, s:I, s:o, s:o, s:I, s:I}", "type", "summary", "connection",
		c->number, "application", (json_int_t)c->application, "node_id",
		json_of_id(&c->node), "user", json_of_text(c->user), "sent_bytes",
		(json_int_t)end->sent, "received_bytes", (json_int_t)end->received);
}

static void ended(
	struct app_owner *owner, struct app_connection *c, const struct reload_app_stream_end *end)
{
	struct attach *a = of_owner(owner);
	if (!end->err) {
		(void)agent_request_reply(&a->base, summary(c, end));
		return;
	}
	char what[256], shown[AGENT_SHORT];
	struct reload_failure f = { .err = end->err };
	snprintf(what, sizeof(what), "the connection to %.200s was cut off", a->base.target.shown);
	reload_error_explain(&f.why, f.err, what,
		"peer %s: %s, %" PRIu64 " byte%s sent and %" PRIu64 " received",
		agent_short_id(shown, &c->node), end->why ? end->why->reason : "lost", end->sent,
		cli_plural((long long)end->sent), end->received);
	reload_error_advise(
		&f.why, "reload-ping -a %s %s", a->base.agent->instance, agent_operand(&a->base));
	agent_request_fail_with(&a->base, &a->result, &f);
}

static void on_late(void *arg)
{
	struct attach *a = arg;
	char what[256];
	struct reload_failure f = { .err = RELOAD_TIMEOUT };
	snprintf(what, sizeof(what), "no connection to %.200s", a->base.target.shown);
	reload_error_explain(&f.why, f.err, what, "it was not made in time");
	reload_error_advise(&f.why, "reload-ping -a %s %s, or a longer time",
		a->base.agent->instance, agent_operand(&a->base));
	reload_request_cancel(a->base.agent->peer, a->base.request);
	agent_request_fail_with(&a->base, &a->result, &f);
}

/* -- a user: the nodes that have stored a certificate under the name (RFC 6940 s8) ----------------------------------------- */

static void add_node(struct attach *a, const struct reload_fetched *f)
{
	struct reload_status s;
	reload_peer_status(a->base.agent->peer, &s);
	bool known = f->err || !f->data->value.exists || reload_id_eq(&f->signer, &s.node);
	for (size_t i = 0; i < a->nodes_count; i++)
		known |= reload_id_eq(&a->nodes[i], &f->signer);
	if (!known && a->nodes_count < NODES_MAX)
		a->nodes[a->nodes_count++] = f->signer;
}

static void on_nodes(void *arg, const struct reload_result *r)
{
	struct attach *a = arg;
	a->base.request = NULL;
	for (size_t i = 0; !r->err && i < r->values_count; i++)
		add_node(a, &r->values[i]);
	if (r->err) {
		agent_request_fail(
			&a->base, r, "no answer where the nodes of a user are looked up:");
		return;
	}
	struct reload_failure f = { .err = a->nodes_count ? ask(a) : RELOAD_NO_NODE };
	if (!f.err)
		return;
	if (a->nodes_count) {
		explain_start(a, f.err, &f.why);
	} else {
		char what[256];
		snprintf(what, sizeof(what), "no node of %.200s is known", a->base.target.shown);
		reload_error_explain(&f.why, f.err, what,
			"no other node has stored a certificate with that user name");
		reload_error_advise(&f.why, "reload-fetch -a %s -k CERTIFICATE_BY_USER %s",
			a->base.agent->instance, agent_operand(&a->base));
	}
	agent_request_fail_with(&a->base, r, &f);
}

static enum reload_rpc_end look_up(struct attach *a)
{
	enum reload_err err = RELOAD_OK;
	a->range = (struct reload_array_range){ 0, RELOAD_ARRAY_END };
	a->specifier = (struct reload_specifier){ .kind = RELOAD_KIND_CERT_BY_USER,
		.model = RELOAD_MODEL_ARRAY,
		.ranges = &a->range,
		.ranges_count = 1 };
	struct reload_request *r = reload_peer_fetch(a->base.agent->peer, &a->base.request_target,
		&a->base.target.resource, &a->specifier, 1, on_nodes, a, &err);
	return agent_request_started(&a->base, r, err);
}

/* -- the method -------------------------------------------------------------------------------------------------------------- */

enum reload_rpc_end rpc_app_attach(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_failure f = { 0 };
	struct attach *a = RELOAD_NEW(attach);
	a->base.clear = attach_clear;
	f.err = agent_request_begin(&a->base, agent, call, params, &f.why);
	if (f.err)
		return agent_request_refuse(&a->base, &f);
	a->application = (uint16_t)param_int(params, "application", 0);
	a->owner.packets = param_bool(params, "packets", false);
	a->owner.failed = failed;
	a->owner.connected = connected;
	a->owner.ended = ended;
	app_owner_add(&a->owner, agent);
	if (a->owner.packets && app_packets_refused(agent, &f.why)) {
		f.err = RELOAD_FAILED;
		return agent_request_refuse(&a->base, &f);
	}
	uint64_t limit = param_int(params, "timeout_ms", 0);
	if (limit)
		reload_timer_arm(timers(a), &a->late, reload_poll_now() + limit, on_late, a);
	if (a->base.target.is_resource && a->base.target.name)
		return look_up(a);
	f.err = ask(a);
	if (f.err) {
		explain_start(a, f.err, &f.why);
		return agent_request_refuse(&a->base, &f);
	}
	return agent_request_pend(&a->base);
}
