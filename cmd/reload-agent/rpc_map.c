/*
 * overlay.map: the ring, peer by peer, by the questions of control/ring_map.c.  One request is under way at a time and the rate has a limit, so that a
 * map costs a peer no more than a few requests.  It begins with the node that was named and with this agent's own neighbours.
 */
#include "control/ring_map.h"

#include "diagnose.h"
#include "rpc_request.h"

#include <stdlib.h>

enum {
	PEERS_DEFAULT = 1000,
	FINGERS_DEFAULT = 4,
	RATE_DEFAULT = 100,
	STEP_MS = 4000,
	PROGRESS_EVERY = 10 /* peers */
};

struct map {
	struct agent_request base;
	struct diagnose_clock clock;
	struct reload_timer pause;
	struct reload_ring_map *ring; /* owned */
	struct reload_ring_question question;
	size_t requests, reported; /* reported: how many were asked at the last progress */
	reload_ms step_ms, gap_ms, sent, deadline; /* deadline 0: none */
	struct reload_destination to, point;
	bool late;
};

static void map_clear(struct agent_request *base)
{
	struct map *m = (struct map *)base;
	reload_timer_cancel(reload_poll_timers(base->agent->poll), &m->pause);
	reload_ring_map_free(m->ring);
}

/* -- the reply ---------------------------------------------------------------------------------------------------------------- */

static json_t *faults_json(const struct reload_ring_peer *p)
{
	static const char *const names[] = {
		[RELOAD_RING_SKIPS] = "skips",
		[RELOAD_RING_MISSES] = "misses",
		[RELOAD_RING_CLAIMS] = "claims",
	};
	json_t *list = json_array();
	for (size_t i = 0; i < p->faults_count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:o}", "what", names[p->faults[i].kind], "node_id",
				      json_of_id(&p->faults[i].node)));
	return list;
}

static json_t *peer_json(const struct reload_ring_peer *p)
{
	enum {
		PPB_PERCENT = 10000000
	};
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "node_id",
		json_of_id(&p->id), "answered", (int)p->answered, "rtt_ms",
		p->answered ? json_real(p->rtt_ms) : json_null(), "successor",
		json_of_id(&p->successor), "fingers", json_of_ids(p->fingers, p->fingers_count),
		"responsible_percent",
		p->probed ? json_real((double)p->probe.responsible_ppb / PPB_PERCENT) : json_null(),
		"resources", p->probed ? json_integer(p->probe.resources) : json_null(), "uptime_s",
		p->probed ? json_integer(p->probe.uptime_s) : json_null(), "faults",
		faults_json(p));
}

static void finish(struct map *m)
{
	json_t *list = json_array();
	size_t count, answered = 0, faulty = 0, asked = 0;
	const struct reload_ring_peer *peers = reload_ring_map_peers(m->ring, &count);
	for (size_t i = 0; i < count; i++) {
		asked += peers[i].asked;
		answered += peers[i].answered;
		faulty += peers[i].faults_count > 0;
		json_array_append_new(list, peer_json(&peers[i]));
	}
	bool complete = !m->late && !reload_ring_map_cut(m->ring) && asked == count;
	agent_request_reply(
		&m->base, json_pack("{s:o, s:I, s:I, s:I, s:b, s:I}", "peers", list, "answered",
				  (json_int_t)answered, "unreachable",
				  (json_int_t)(asked - answered), "disagreeing", (json_int_t)faulty,
				  "complete", (int)complete, "requests", (json_int_t)m->requests));
}

static void report_progress(struct map *m)
{
	size_t count, asked = 0;
	const struct reload_ring_peer *peers = reload_ring_map_peers(m->ring, &count);
	for (size_t i = 0; i < count; i++)
		asked += peers[i].asked;
	if (asked < m->reported + PROGRESS_EVERY)
		return;
	m->reported = asked;
	json_t *o = json_pack("{s:I, s:I}", "asked", (json_int_t)asked, "known", (json_int_t)count);
	reload_rpc_progress(m->base.call, o);
	json_decref(o);
}

/* -- asking --------------------------------------------------------------------------------------------------------------------- */

static void answered(void *arg, const struct reload_result *r);

static struct reload_request *begin(struct map *m, enum reload_err *err)
{
	static const uint8_t types[] = { RELOAD_PROBE_RESPONSIBLE_SET, RELOAD_PROBE_NUM_RESOURCES,
		RELOAD_PROBE_UPTIME };
	struct reload_peer *peer = m->base.agent->peer;
	m->to = reload_dest_node(&m->question.to);
	m->point = reload_dest_resource(&m->question.point);
	struct reload_request_target target = {
		.list = &m->to, .count = 1, .timeout_ms = m->step_ms
	};
	m->requests++;
	m->sent = reload_poll_now();
	m->clock = diagnose_clock_start();
	if (m->question.is_probe)
		return reload_peer_probe(
			peer, &target, span_of(types, sizeof(types)), answered, m, err);
	return reload_peer_route_query(peer, &target, &m->point, false, answered, m, err);
}

static void pause_over(void *arg)
{
	struct map *m = arg;
	enum reload_err err = RELOAD_OK;
	struct reload_request *r = begin(m, &err);
	agent_request_next(&m->base, r, err);
}

/* Asks the next question now, or when the rate permits it; ends the map when there is none, or the time is over. */
static void ask(struct map *m)
{
	reload_ms now = reload_poll_now(), due = m->sent + m->gap_ms;
	m->base.request = NULL;
	bool more = reload_ring_map_next(m->ring, &m->question);
	m->late = more && m->deadline && (due > now ? due : now) >= m->deadline;
	if (!more || m->late)
		finish(m);
	else if (due > now)
		reload_timer_arm(
			reload_poll_timers(m->base.agent->poll), &m->pause, due, pause_over, m);
	else
		pause_over(m);
}

static void take_probe(struct map *m, const struct reload_probe_ans *ans)
{
	struct reload_ring_probe probe = { 0 };
	for (size_t i = 0; i < ans->probe_info_count; i++) {
		uint32_t v = ans->probe_info[i].value;
		if (ans->probe_info[i].type == RELOAD_PROBE_RESPONSIBLE_SET)
			probe.responsible_ppb = v;
		else if (ans->probe_info[i].type == RELOAD_PROBE_NUM_RESOURCES)
			probe.resources = v;
		else if (ans->probe_info[i].type == RELOAD_PROBE_UPTIME)
			probe.uptime_s = v;
	}
	reload_ring_map_probed(m->ring, &probe);
}

static void answered(void *arg, const struct reload_result *r)
{
	struct map *m = arg;
	if (r->err == RELOAD_NOT_JOINED || r->err == RELOAD_CANCELLED) {
		agent_request_fail(&m->base, r, "no map from");
		return;
	}
	if (r->err || !r->answer || !r->answer->body_decoded)
		reload_ring_map_silent(m->ring);
	else if (m->question.is_probe)
		take_probe(m, &r->answer->body.probe_ans);
	else
		reload_ring_map_named(m->ring, &r->answer->body.route_query_ans.next_peer,
			diagnose_rtt(&m->clock));
	report_progress(m);
	ask(m);
}

/* The node to begin with, and the own neighbours: a peer that others leave out may be known to these alone. */
static void know_first(struct map *m)
{
	struct reload_status s;
	reload_ring_map_know(m->ring, &m->base.target.list[0].node);
	reload_peer_status(m->base.agent->peer, &s);
	for (size_t i = 0; i < s.tables.successors_count; i++)
		reload_ring_map_know(m->ring, &s.tables.successors[i]);
	for (size_t i = 0; i < s.tables.predecessors_count; i++)
		reload_ring_map_know(m->ring, &s.tables.predecessors[i]);
}

enum reload_rpc_end rpc_overlay_map(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct map *m = RELOAD_NEW(map);
	struct reload_failure f = { 0 };
	struct agent *agent = arg;
	m->base.clear = map_clear;
	f.err = agent_request_begin(&m->base, agent, call, params, &f.why);
	const struct agent_target *t = &m->base.target;
	if (!f.err && (t->count != 1 || t->list[0].type != RELOAD_DEST_NODE ||
			      reload_id_is_wildcard(&t->list[0].node))) {
		f.err = reload_error_explain(&f.why, RELOAD_USAGE, "a map begins with one node",
			"%.200s is none", t->shown);
		reload_error_advise(&f.why, "self, succ or node:HEX");
	}
	if (f.err)
		return agent_request_refuse(&m->base, &f);
	reload_ms limit = param_int(params, "timeout_ms", 0);
	m->gap_ms = RELOAD_SECOND / param_int(params, "rate", RATE_DEFAULT);
	m->step_ms = param_int(params, "step_ms", STEP_MS);
	m->deadline = limit ? reload_poll_now() + limit : 0;
	m->ring = reload_ring_map_new((size_t)param_int(params, "max_peers", PEERS_DEFAULT),
		(size_t)param_int(params, "fingers", FINGERS_DEFAULT), m->base.config->node_id_len);
	know_first(m);
	struct reload_request *r =
		reload_ring_map_next(m->ring, &m->question) ? begin(m, &f.err) : NULL;
	return agent_request_started(&m->base, r, f.err);
}
