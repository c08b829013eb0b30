/*
 * overlay.map: the ring, peer by peer.  Each peer that is known and was not asked yet is asked for its successor, some fingers and its Probe
 * values; what it names becomes known.  Then neighbours are compared: whether each peer takes what follows the one before it.
 *
 *	crawl: a peer --> successor, fingers, Probe --> the next peer --> ... --> nobody is left
 *	around one that does not answer: the peer behind it --> its routes to points between the two, from afar --> crawl
 *	check: each peer that answered --> what follows the one before it, and that one's own place --> reply
 *
 * One request is under way at a time and the rate has a limit, so that a map costs a peer no more than a few requests.  It asks by RouteQuery,
 * which every implementation knows and which needs no permission.  Limits: max_peers; a peer names at most FINGERS_MAX + 1 others.
 */
#include "diagnose.h"
#include "rpc_request.h"

#include <stdlib.h>
#include <string.h>

enum {
	PEERS_DEFAULT = 1000,
	FINGERS_DEFAULT = 4,
	FINGERS_MAX = 16,
	RATE_DEFAULT = 100,
	STEP_MS = 4000,
	FAULTS_MAX = 3,
	BEHIND_MAX = 64,    /* a ring of so many peers that more matter is none that is mapped */
	PROGRESS_EVERY = 10 /* peers */
};

enum map_step {
	SUCCESSOR,
	FINGERS,
	PROBE,
	BEHIND, /* points between a silent peer and the next one, ever closer to that, until it says that they are its own */
	NEXT_OF_BEFORE, /* check: the point behind the peer before */
	PLACE_OF_BEFORE /* check: that peer's own place */
};

struct map_fault {
	const char *what; /* NULL: none */
	struct reload_id node;
};

struct map_peer {
	struct reload_id id, successor, fingers[FINGERS_MAX];
	size_t fingers_count, faults_count;
	struct map_fault faults[FAULTS_MAX];
	bool asked, answered, probed, looked_behind;
	double rtt_ms, percent;
	uint32_t resources, uptime_s;
};

struct map {
	struct agent_request base;
	struct diagnose_clock clock;
	struct reload_timer pause;
	struct map_peer *peers;     /* ascending by Node-ID; owned */
	size_t count, cap, max, at; /* at: the peer that is asked */
	size_t fingers, finger;     /* of each peer; the one that is asked for */
	size_t requests;
	enum map_step step;
	reload_ms step_ms, gap_ms, sent, deadline; /* deadline 0: none */
	struct reload_destination to, point;
	struct reload_id point_id, silent; /* silent: the peer that BEHIND goes around */
	bool checking, cut;
};

static void map_clear(struct agent_request *base)
{
	struct map *m = (struct map *)base;
	reload_timer_cancel(reload_poll_timers(base->agent->poll), &m->pause);
	free(m->peers);
}

/* -- peers ------------------------------------------------------------------------------------------------------------------ */

/* Enters a node; what was at a place behind it moves on, m->at included. */
static void know(struct map *m, const struct reload_id *id)
{
	size_t low = 0, high = m->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = reload_id_cmp(&m->peers[mid].id, id);
		if (!c)
			return;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (reload_id_is_wildcard(id) || id->len != m->base.config->node_id_len)
		return;
	if (m->count == m->max) {
		m->cut = true;
		return;
	}
	reload_grow(&m->peers, &m->cap, m->count, sizeof(*m->peers));
	memmove(m->peers + low + 1, m->peers + low, (m->count++ - low) * sizeof(*m->peers));
	m->peers[low] = (struct map_peer){ .id = *id };
	if (m->count > 1 && low <= m->at)
		m->at++;
}

/* The peer that answered before another one, going round. */
static size_t answered_before(const struct map *m, size_t at)
{
	size_t i = at;
	do
		i = (i + m->count - 1) % m->count;
	while (!m->peers[i].answered);
	return i;
}

static void fault(struct map_peer *p, const char *what, const struct reload_id *node)
{
	if (p->faults_count < FAULTS_MAX)
		p->faults[p->faults_count++] = (struct map_fault){ what, *node };
}

/* -- the reply ---------------------------------------------------------------------------------------------------------------- */

static json_t *faults_json(const struct map_peer *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->faults_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:o}", "what", p->faults[i].what,
						    "node_id", json_of_id(&p->faults[i].node)));
	return list;
}

static json_t *peer_json(const struct map_peer *p)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "node_id",
		json_of_id(&p->id), "answered", (int)p->answered, "rtt_ms",
		p->answered ? json_real(p->rtt_ms) : json_null(), "successor",
		json_of_id(&p->successor), "fingers", json_of_ids(p->fingers, p->fingers_count),
		"responsible_percent", p->probed ? json_real(p->percent) : json_null(), "resources",
		p->probed ? json_integer(p->resources) : json_null(), "uptime_s",
		p->probed ? json_integer(p->uptime_s) : json_null(), "faults", faults_json(p));
}

static void finish(struct map *m)
{
	json_t *list = json_array();
	size_t answered = 0, faulty = 0, asked = 0;
	for (size_t i = 0; i < m->count; i++) {
		asked += m->peers[i].asked;
		answered += m->peers[i].answered;
		faulty += m->peers[i].faults_count > 0;
		json_array_append_new(list, peer_json(&m->peers[i]));
	}
	agent_request_reply(&m->base,
		json_pack("{s:o, s:I, s:I, s:I, s:b, s:I}", "peers", list, "answered",
			(json_int_t)answered, "unreachable", (json_int_t)(asked - answered),
			"disagreeing", (json_int_t)faulty, "complete",
			(int)(!m->cut && asked == m->count), "requests", (json_int_t)m->requests));
}

static void report_progress(struct map *m)
{
	size_t asked = 0;
	for (size_t i = 0; i < m->count; i++)
		asked += m->peers[i].asked;
	if (asked % PROGRESS_EVERY)
		return;
	json_t *o =
		json_pack("{s:I, s:I}", "asked", (json_int_t)asked, "known", (json_int_t)m->count);
	reload_rpc_progress(m->base.call, o);
	json_decref(o);
}

/* -- asking --------------------------------------------------------------------------------------------------------------------- */

static void answered(void *arg, const struct reload_result *r);

/* id - 2^bit, modulo the ring. */
static struct reload_id id_minus_power(const struct reload_id *id, unsigned bit)
{
	struct reload_id zero = { .len = id->len }, power = reload_id_add_power(&zero, bit);
	return reload_id_distance(&power, id);
}

/*
 * The point that BEHIND asks for: first the one next to the silent peer, as all between the two may be as far away as that; then those half as
 * far from the asked peer each time.
 */
static struct reload_id behind(const struct map *m)
{
	const struct reload_id *id = &m->peers[m->at].id;
	return m->finger ? id_minus_power(id, (unsigned)(8 * id->len - m->finger))
			 : reload_id_add_power(&m->silent, 0);
}

/* Goes on to the next point between the silent peer and the asked one; false: there is none. */
static bool further_behind(struct map *m)
{
	while (++m->finger < BEHIND_MAX) {
		struct reload_id point = behind(m);
		if (reload_id_between(&m->silent, &point, &m->peers[m->at].id))
			return true;
	}
	return false;
}

/* The point of the ring that the present step is about. */
static void point_set(struct map *m)
{
	enum {
		BITS = 8
	};
	const struct map_peer *p = &m->peers[m->at];
	unsigned top = BITS * p->id.len - 1u;
	if (m->step == SUCCESSOR)
		m->point_id = reload_id_add_power(&p->id, 0);
	else if (m->step == FINGERS)
		m->point_id = reload_id_add_power(&p->id, top - (unsigned)m->finger);
	else if (m->step == BEHIND)
		m->point_id = behind(m);
	else if (m->step == NEXT_OF_BEFORE)
		m->point_id = reload_id_add_power(&m->peers[answered_before(m, m->at)].id, 0);
	else
		m->point_id = m->peers[answered_before(m, m->at)].id;
	m->point = reload_dest_resource(&m->point_id);
}

static struct reload_request *begin(struct map *m, enum reload_err *err)
{
	static const uint8_t types[] = { RELOAD_PROBE_RESPONSIBLE_SET, RELOAD_PROBE_NUM_RESOURCES,
		RELOAD_PROBE_UPTIME };
	struct reload_peer *peer = m->base.agent->peer;
	m->to = reload_dest_node(&m->peers[m->at].id);
	struct reload_request_target target = {
		.list = &m->to, .count = 1, .timeout_ms = m->step_ms
	};
	m->peers[m->at].asked = true;
	m->requests++;
	m->sent = reload_poll_now();
	m->clock = diagnose_clock_start();
	if (m->step == PROBE)
		return reload_peer_probe(
			peer, &target, span_of(types, sizeof(types)), answered, m, err);
	point_set(m);
	return reload_peer_route_query(peer, &target, &m->point, false, answered, m, err);
}

static void pause_over(void *arg)
{
	struct map *m = arg;
	enum reload_err err = RELOAD_OK;
	struct reload_request *r = begin(m, &err);
	agent_request_next(&m->base, r, err);
}

/* Asks now, or when the rate permits it; ends the map when the time is over. */
static void ask(struct map *m)
{
	reload_ms now = reload_poll_now(), due = m->sent + m->gap_ms;
	m->base.request = NULL;
	if (m->deadline && (due > now ? due : now) >= m->deadline) {
		m->cut = true;
		finish(m);
	} else if (due > now) {
		reload_timer_arm(
			reload_poll_timers(m->base.agent->poll), &m->pause, due, pause_over, m);
	} else {
		pause_over(m);
	}
}

/*
 * The next peer from `from` on, not going round, that has another one before it to be compared with; m->count: none.  Where a peer in between
 * does not answer, that is known already and no disagreement.
 */
static size_t next_to_check(const struct map *m, size_t from)
{
	for (size_t i = from; i < m->count; i++) {
		if (!m->peers[i].answered || answered_before(m, i) == i)
			continue;
		const struct reload_id *next = &m->peers[answered_before(m, i)].successor;
		size_t k = 0;
		while (k < m->count && !reload_id_eq(&m->peers[k].id, next))
			k++;
		if (k == m->count || m->peers[k].answered)
			return i;
	}
	return m->count;
}

/* The first peer that was not asked, or the first of the check, or the end. */
static void next_peer(struct map *m)
{
	for (size_t i = 0; i < m->count && !m->checking; i++)
		if (!m->peers[i].asked) {
			m->at = i;
			m->step = SUCCESSOR;
			ask(m);
			return;
		}
	for (size_t i = 0; i < m->count && !m->checking; i++) {
		struct map_peer *p = &m->peers[i];
		const struct map_peer *before = &m->peers[(i + m->count - 1) % m->count];
		if (p->answered && !p->looked_behind && !before->answered) {
			p->looked_behind = true;
			m->silent = before->id;
			m->at = i;
			m->finger = 0;
			m->step = BEHIND;
			ask(m);
			return;
		}
	}
	size_t next = next_to_check(m, m->checking ? m->at + 1 : 0);
	m->checking = true;
	/* of a part of the ring it cannot be said who is next to whom */
	if (m->cut || next == m->count) {
		finish(m);
		return;
	}
	m->at = next;
	m->step = NEXT_OF_BEFORE;
	ask(m);
}

/* The next question to the same peer, else the next peer. */
static void next_step(struct map *m)
{
	if (m->step == SUCCESSOR || m->step == FINGERS) {
		m->finger = m->step == SUCCESSOR ? 0 : m->finger + 1;
		m->step = m->finger < m->fingers ? FINGERS : PROBE;
		ask(m);
	} else if (m->step == BEHIND && further_behind(m)) {
		ask(m);
	} else if (m->step == NEXT_OF_BEFORE) {
		m->step = PLACE_OF_BEFORE;
		ask(m);
	} else {
		report_progress(m);
		next_peer(m);
	}
}

/* -- answers ---------------------------------------------------------------------------------------------------------------------- */

static void note_named(struct map *m, const struct reload_id *named)
{
	struct map_peer *p = &m->peers[m->at];
	if (m->step == SUCCESSOR) {
		p->successor = *named;
	} else if (m->step == FINGERS) {
		if (!reload_id_eq(named, &p->id) && !reload_id_eq(named, &p->successor) &&
			!reload_id_listed(p->fingers, p->fingers_count, named))
			p->fingers[p->fingers_count++] = *named;
	} else if (m->step == BEHIND) {
		if (reload_id_eq(named, &p->id))
			m->finger = BEHIND_MAX; /* its own range begins before this point */
	} else {
		struct map_peer *before = &m->peers[answered_before(m, m->at)];
		bool own = reload_id_eq(named, &p->id);
		if (m->step == NEXT_OF_BEFORE && !own)
			fault(p, "misses", named);
		if (m->step == PLACE_OF_BEFORE && own)
			fault(p, "claims", &before->id);
		if (m->step == NEXT_OF_BEFORE && !reload_id_eq(&before->successor, &p->id))
			fault(before, "skips", &before->successor);
		return;
	}
	know(m, named);
}

static void note_probe(struct map_peer *p, const struct reload_probe_ans *ans)
{
	enum {
		PPB_PERCENT = 10000000
	};
	for (size_t i = 0; i < ans->probe_info_count; i++) {
		uint32_t v = ans->probe_info[i].value;
		if (ans->probe_info[i].type == RELOAD_PROBE_RESPONSIBLE_SET)
			p->percent = (double)v / PPB_PERCENT;
		else if (ans->probe_info[i].type == RELOAD_PROBE_NUM_RESOURCES)
			p->resources = v;
		else if (ans->probe_info[i].type == RELOAD_PROBE_UPTIME)
			p->uptime_s = v;
	}
	p->probed = true;
}

static void answered(void *arg, const struct reload_result *r)
{
	struct map *m = arg;
	struct map_peer *p = &m->peers[m->at];
	bool good = !r->err && r->answer && r->answer->body_decoded;
	if (r->err == RELOAD_NOT_JOINED || r->err == RELOAD_CANCELLED) {
		agent_request_fail(&m->base, r, "no map from");
		return;
	}
	if (good && m->step == SUCCESSOR) {
		p->answered = true;
		p->rtt_ms = diagnose_rtt(&m->clock);
	}
	if (!good && m->step == SUCCESSOR) { /* it is not there: nothing more is asked of it */
		report_progress(m);
		next_peer(m);
		return;
	}
	if (good && m->step == PROBE)
		note_probe(p, &r->answer->body.probe_ans);
	else if (good)
		note_named(m, &r->answer->body.route_query_ans.next_peer);
	next_step(m);
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
	m->max = (size_t)param_int(params, "max_peers", PEERS_DEFAULT);
	m->fingers = (size_t)param_int(params, "fingers", FINGERS_DEFAULT);
	m->gap_ms = RELOAD_SECOND / param_int(params, "rate", RATE_DEFAULT);
	m->step_ms = param_int(params, "step_ms", STEP_MS);
	m->deadline = limit ? reload_poll_now() + limit : 0;
	know(m, &t->list[0].node);
	struct reload_request *r = begin(m, &f.err);
	return agent_request_started(&m->base, r, f.err);
}
