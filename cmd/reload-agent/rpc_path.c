/*
 * overlay.path: PathTrack hop by hop (RFC 7851 s4.3).  Each node is asked for its next hop towards the target, beginning with this one,
 * until a node names itself.
 *
 *	ask with values --> answered --> the next hop, or the end
 *	    |-> refused: once more without values
 *	    \-> limited, silent, unsupported: RouteQuery --> the next hop | lost
 *
 * One question is under way at a time; there are at most as many hops as messages have (initial-ttl).
 */
#include "diagnose.h"
#include "rpc_request.h"

#include <stdio.h>
#include <string.h>

enum {
	STEP_MS = 4000 /* one repetition at the default overlay-reliability-timer */
};

enum question {
	WITH_VALUES,
	WITHOUT_VALUES,
	ROUTE_QUERY
};

struct path {
	struct agent_request base;
	struct diagnose_wish wish;
	struct diagnose_clock clock;
	struct reload_destination traced, to; /* to: the node that is asked */
	enum question question;
	reload_ms step_ms, deadline; /* deadline 0: none */
	struct reload_id visited[UINT8_MAX + 1];
	size_t visited_count;
	unsigned answered; /* the number of the last hop that did */
	json_t *hops;      /* owned */
	json_t *hop;       /* owned: of the node that is asked */
};

static void path_clear(struct agent_request *base)
{
	struct path *p = (struct path *)base;
	json_decref(p->hops);
	json_decref(p->hop);
}

static void finish(struct path *p, const char *outcome)
{
	json_t *o = json_pack("{s:s, s:s, s:b, s:I, s:O}", "target", p->base.target.shown,
		"outcome", outcome, "reached", (int)!strcmp(outcome, "reached"), "hops",
		(json_int_t)p->answered, "path", p->hops);
	agent_request_reply(&p->base, o);
}

static void hop_done(struct path *p)
{
	json_array_append(p->hops, p->hop);
	reload_rpc_progress(p->base.call, p->hop); /* lost: nobody reads it */
	json_decref(p->hop);
	p->hop = NULL;
}

static void state_set(struct path *p, const char *state)
{
	json_object_set_new(p->hop, "state", json_string(state));
}

static bool state_is(const struct path *p, const char *state)
{
	return !strcmp(json_string_value(json_object_get(p->hop, "state")), state);
}

static void asked(void *arg, const struct reload_result *r);

/* Begins a question to the present hop; NULL with *err when it cannot begin. */
static struct reload_request *begin(struct path *p, enum question question, enum reload_err *err)
{
	struct reload_peer *peer = p->base.agent->peer;
	struct reload_diagnostics_wish none = { 0 };
	struct reload_request_target target = {
		.list = &p->to, .count = 1, .timeout_ms = p->step_ms
	};
	reload_ms now = reload_poll_now();
	if (p->deadline && p->deadline - now < target.timeout_ms)
		target.timeout_ms = p->deadline - now;
	p->question = question;
	p->clock = diagnose_clock_start();
	return question == ROUTE_QUERY
		       ? reload_peer_route_query(peer, &target, &p->traced, false, asked, p, err)
		       : reload_peer_path_track(peer, &target, &p->traced,
				 question == WITH_VALUES ? &p->wish.wish : &none, asked, p, err);
}

/* Asks the present hop, unless the time is over. */
static void ask(struct path *p, enum question question)
{
	enum reload_err err = RELOAD_OK;
	if (p->deadline && reload_poll_now() >= p->deadline) {
		state_set(p, "lost");
		hop_done(p);
		finish(p, "late");
		return;
	}
	struct reload_request *r = begin(p, question, &err);
	agent_request_next(&p->base, r, err);
}

/* A node is next: its hop has what is known before it answers. */
static void visit(struct path *p, const struct reload_id *node)
{
	p->visited[p->visited_count] = *node;
	p->to = reload_dest_node(node);
	p->hop = json_pack("{s:I, s:o, s:s, s:n, s:n, s:n, s:n, s:n, s:o, s:o, s:n, s:n}", "hop",
		(json_int_t)p->visited_count++, "node_id", json_of_id(node), "state", "answered",
		"rtt_ms", "one_way_ms", "clock_difference_ms", "overlay_hops", "next_hop", "values",
		json_object(), "denied", json_array(), "error", "error_info");
}

static void go_on(struct path *p, const struct reload_id *next)
{
	struct reload_id here = p->to.node, to = *next;
	p->answered = (unsigned)p->visited_count - 1;
	json_object_set_new(p->hop, "next_hop", json_of_id(&to));
	hop_done(p);
	if (reload_id_eq(&here, &to)) { /* R7851-8: the end */
		bool other =
			p->traced.type == RELOAD_DEST_NODE && !reload_id_eq(&p->traced.node, &here);
		finish(p, other ? "absent" : "reached");
	} else if (reload_id_listed(p->visited, p->visited_count, &to)) {
		finish(p, "loop");
	} else if (p->visited_count > p->base.config->initial_ttl) {
		finish(p, "limit");
	} else {
		visit(p, &to);
		ask(p, WITH_VALUES);
	}
}

static void note_answer(struct path *p, const struct reload_result *r)
{
	double rtt_ms = diagnose_rtt(&p->clock);
	const struct reload_diagnostics_response *s = &r->answer->body.path_track_ans.response;
	bool self = reload_id_eq(&p->to.node, &p->base.agent->credentials->node);
	json_t *values = diagnose_values(s);
	json_object_update(json_object_get(p->hop, "values"), values);
	json_decref(values);
	if (self)
		return;
	json_object_set_new(p->hop, "rtt_ms", json_real(rtt_ms));
	json_object_set_new(
		p->hop, "overlay_hops", json_integer(diagnose_overlay_hops(p->base.agent, s)));
	diagnose_one_way(p->hop, &p->clock, s->timestamp_received, rtt_ms);
}

static void note_error(struct path *p, const struct reload_result *r)
{
	const char *name = r->overlay_code ? reload_error_code_name(r->overlay_code) : NULL;
	json_object_set_new(p->hop, "error", json_string(name ? name : reload_err_text(r->err)));
	json_t *info = json_of_utf8(r->error_info);
	json_object_set_new(p->hop, "error_info", r->error_info.len ? info : json_null());
	if (!r->error_info.len)
		json_decref(info);
}

/* PathTrack brought no next hop: what else to ask this node, if anything. */
static void not_answered(struct path *p, const struct reload_result *r)
{
	bool timeout = r->err == RELOAD_TIMEOUT || r->err == RELOAD_REQUEST_TIMEOUT;
	bool forbidden = r->err == RELOAD_FORBIDDEN;
	if (!timeout)
		note_error(p, r);
	if (forbidden && !diagnose_limited(r->error_info) && p->question == WITH_VALUES) {
		state_set(p, "refused");
		json_object_set_new(p->hop, "denied", diagnose_denied(r->error_info));
		ask(p, WITHOUT_VALUES);
		return;
	}
	if (p->question == WITH_VALUES || !state_is(p, "refused"))
		state_set(p, forbidden                          ? "limited"
			     : timeout                          ? "silent"
			     : r->err == RELOAD_INVALID_MESSAGE ? "unsupported"
								: "error");
	if (state_is(p, "error")) {
		hop_done(p);
		finish(p, "stopped");
		return;
	}
	ask(p, ROUTE_QUERY);
}

static void asked(void *arg, const struct reload_result *r)
{
	struct path *p = arg;
	bool answered = !r->err && r->answer && r->answer->body_decoded;
	if (p->question != ROUTE_QUERY) {
		if (!answered) {
			if (r->err == RELOAD_NOT_JOINED || r->err == RELOAD_CANCELLED)
				agent_request_fail(&p->base, r, "no path to");
			else
				not_answered(p, r);
			return;
		}
		note_answer(p, r);
		go_on(p, &r->answer->body.path_track_ans.next_hop.node);
		return;
	}
	if (answered) {
		if (json_is_null(json_object_get(p->hop, "rtt_ms")))
			json_object_set_new(p->hop, "rtt_ms", json_real(diagnose_rtt(&p->clock)));
		go_on(p, &r->answer->body.route_query_ans.next_peer);
		return;
	}
	bool lost = state_is(p, "silent");
	if (lost)
		state_set(p, "lost");
	hop_done(p);
	finish(p, lost ? "lost" : "stopped");
}

static enum reload_err read_target(struct path *p, struct reload_error_text *why)
{
	const struct agent_target *t = &p->base.target;
	p->traced = t->list[t->count - 1];
	bool wildcard =
		p->traced.type == RELOAD_DEST_NODE && reload_id_is_wildcard(&p->traced.node);
	if (t->count == 1 && p->traced.type != RELOAD_DEST_OPAQUE && !wildcard)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_USAGE, "the target of a path is one node or one resource",
		"%.200s is neither", t->shown);
	reload_error_advise(why, "node:HEX, resource:HEX or a Resource Name");
	return RELOAD_USAGE;
}

static bool is_self(const struct path *p)
{
	return p->traced.type == RELOAD_DEST_NODE &&
	       reload_id_eq(&p->traced.node, &p->base.agent->credentials->node);
}

enum reload_rpc_end rpc_overlay_path(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct path *p = RELOAD_NEW(path);
	struct reload_failure f = { 0 };
	struct agent *agent = arg;
	p->base.clear = path_clear;
	p->hops = json_array();
	f.err = agent_request_begin(&p->base, agent, call, params, &f.why);
	if (!f.err)
		f.err = read_target(p, &f.why);
	if (!f.err &&
		!is_self(p)) /* who has left still has links for a moment, and no routing table */
		f.err = agent_request_joined(&p->base, "no path", &f.why);
	if (!f.err)
		f.err = diagnose_read(
			&p->wish, agent, json_object_get(params, "diagnostics"), &f.why);
	if (f.err)
		return agent_request_refuse(&p->base, &f);
	p->wish.wish.kinds = p->wish.kinds;
	p->step_ms = param_int(params, "step_ms", STEP_MS);
	reload_ms limit = param_int(params, "timeout_ms", 0);
	p->deadline = limit ? reload_poll_now() + limit : 0;
	visit(p, &agent->credentials->node);
	struct reload_request *r = begin(p, WITH_VALUES, &f.err);
	return agent_request_started(&p->base, r, f.err);
}
