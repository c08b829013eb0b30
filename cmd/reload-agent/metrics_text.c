#include "metrics_text.h"

#include "history.h"
#include "ready.h"
#include "rpc.h"

#include "control/cause.h"
#include "control/metrics.h"
#include "exchange/traffic.h"
#include "link/links_io.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

typedef struct reload_metric_label label;

static void one(struct wr *w, const char *name, const char *type, const char *unit,
	const char *help, const char *suffix, double value)
{
	reload_metrics_family(w, name, type, unit, help);
	reload_metrics_real(w, name, suffix, NULL, 0, value);
}

static void gauge(struct wr *w, const char *name, const char *unit, const char *help, double value)
{
	one(w, name, "gauge", unit, help, "", value);
}

/* -- the node ------------------------------------------------------------------------------------------------------------ */

static void node(struct wr *w, const struct agent *agent, const struct reload_status *s)
{
	char hex[RELOAD_ID_HEX] = "";
	const struct reload_config *config = reload_peer_config(agent->peer);
	const label labels[] = { { "instance_name", agent->instance },
		{ "node_id", reload_id_hex(hex, &s->node) }, { "overlay", config->instance_name },
		{ "role", s->role == RELOAD_ROLE_CLIENT ? "client" : "peer" },
		{ "user", agent->credentials->cert->user }, { "version", RELOAD_VERSION } };
	reload_metrics_family(w, "reload_node", "info", NULL, "Which node this is.");
	reload_metrics_u64(w, "reload_node", "_info", labels, COUNT_OF(labels), 1);
	reload_metrics_family(
		w, "reload_node_state", "stateset", NULL, "State of the node in the overlay.");
	for (int i = RELOAD_STATE_INIT; i <= RELOAD_STATE_STOPPED; i++) {
		const label state = { "reload_node_state",
			reload_state_name((enum reload_state)i) };
		reload_metrics_u64(
			w, "reload_node_state", "", &state, 1, s->state == (enum reload_state)i);
	}
	gauge(w, "reload_ready", NULL,
		"1 when the node is joined and at least one of its neighbours acknowledges.",
		agent_ready(agent));
	gauge(w, "reload_other_ring", NULL,
		"1 when another ring of the overlay was found and is not merged yet.",
		agent->other_ring);
	gauge(w, "reload_uptime_seconds", "seconds", "Time since the start of the agent.",
		(double)(reload_poll_now() - s->started) / RELOAD_SECOND);
	gauge(w, "reload_responsible_ratio", "ratio",
		"Part of the ring that this node is responsible for.",
		(double)s->responsible_ppb / 1e9);
	gauge(w, "reload_successors", NULL, "Successors in the Neighbor Table.",
		(double)s->tables.successors_count);
	gauge(w, "reload_predecessors", NULL, "Predecessors in the Neighbor Table.",
		(double)s->tables.predecessors_count);
	gauge(w, "reload_fingers", NULL, "Entries of the Finger Table.",
		(double)s->tables.fingers_count);
	gauge(w, "reload_requests_pending", NULL, "Own requests that wait for an answer.",
		(double)s->requests);
	gauge(w, "reload_work_pending", NULL, "Messages that wait for signatures or the disk.",
		(double)s->work);
}

/* Of a peer of an overlay that sets its own pace (RFC 7363). */
static void pace(struct wr *w, const struct reload_status *s)
{
	const struct reload_topology_tuning *t = &s->tuning;
	if (!s->is_tuned)
		return;
	gauge(w, "reload_tuning_interval_seconds", "seconds", "Between two stabilisations.",
		t->interval.s);
	gauge(w, "reload_tuning_peers", NULL, "Peers in the overlay, by the estimate in force.",
		t->in_force.size);
	gauge(w, "reload_tuning_failures_per_day", NULL,
		"Failures of each peer in a day, by the estimate in force.",
		t->in_force.failures * RELOAD_ESTIMATE_DAY_S);
	gauge(w, "reload_tuning_joins_per_day", NULL,
		"Joins of the overlay in a day, by the estimate in force.",
		t->in_force.joins * RELOAD_ESTIMATE_DAY_S);
	gauge(w, "reload_tuning_neighbours", NULL, "Neighbours wanted on each side.",
		(double)t->neighbours);
}

static void expiry(struct wr *w, const char *name, const char *help, reload_utc at)
{
	reload_metrics_family(w, name, "gauge", "seconds", help);
	if (at != RELOAD_NEVER)
		reload_metrics_real(w, name, "", NULL, 0, (double)at / 1000);
}

static void credentials(struct wr *w, const struct agent *agent)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	expiry(w, "reload_certificate_expiry_timestamp_seconds",
		"When the certificate of the node ends, in seconds since 1970.",
		agent->credentials->cert->not_after);
	expiry(w, "reload_configuration_expiry_timestamp_seconds",
		"When the configuration of the overlay ends, in seconds since 1970; without a "
		"sample: never.",
		config->expiration);
	gauge(w, "reload_configuration_sequence", NULL, "Sequence of the configuration in force.",
		config->sequence);
}

static void store(struct wr *w, const struct agent *agent, const struct reload_status *s)
{
	gauge(w, "reload_store_resources", NULL, "Resources of which values are stored here.",
		(double)s->resources);
	gauge(w, "reload_store_values", NULL, "Values that are stored here.", (double)s->values);
	gauge(w, "reload_store_size_bytes", "bytes", "Size of the values that are stored here.",
		(double)s->value_bytes);
	gauge(w, "reload_store_limit_bytes", "bytes", "Most that may be stored here; 0: no limit.",
		(double)agent->store_limit);
	gauge(w, "reload_store_failing", NULL, "1 when values cannot be written to the disk.",
		agent->store_failure != NULL);
}

/* -- what is counted -------------------------------------------------------------------------------------------------------- */

static void counters(struct wr *w, const struct agent *agent)
{
	char name[64];
	for (size_t i = 0; i < RELOAD_COUNTERS; i++) {
		const char *what = reload_counter_name((enum reload_counter)i);
		if (!strncmp(what, "drop_", 5))
			continue;
		snprintf(name, sizeof(name), "reload_engine_%.40s", what);
		reload_metrics_family(w, name, "counter", NULL,
			"As counters of agent.status of reload-control(7).");
		reload_metrics_u64(w, name, "_total", NULL, 0,
			reload_peer_counter(agent->peer, (enum reload_counter)i));
	}
	reload_metrics_family(w, "reload_messages_dropped", "counter", NULL,
		"Messages that came in and were dropped, by reason.");
	for (size_t i = 0; i < RELOAD_COUNTERS; i++) {
		const char *what = reload_counter_name((enum reload_counter)i);
		const label reason = { "reason", what + 5 };
		if (!strncmp(what, "drop_", 5))
			reload_metrics_u64(w, "reload_messages_dropped", "_total", &reason, 1,
				reload_peer_counter(agent->peer, (enum reload_counter)i));
	}
	reload_metrics_family(w, "reload_events", "counter", NULL,
		"What happened, by the types that reload-agent events prints.");
	for (size_t i = 0; i < RELOAD_EVENTS; i++) {
		const label type = { "type", reload_event_name((enum reload_event_type)i) };
		reload_metrics_u64(w, "reload_events", "_total", &type, 1, agent->events[i]);
	}
}

/* The label of a code: "ping_req", its number when it has no name, "other" for what has no code. */
static const char *code_label(char out[8], uint16_t code)
{
	const char *name = reload_code_name(code);
	if (name)
		return name;
	if (code)
		snprintf(out, 8, "%u", code);
	else
		snprintf(out, 8, "other");
	return out;
}

/* Messages of all links and all purposes.  Of further fragments only the bytes are counted. */
static void traffic(struct wr *w, const struct agent *agent)
{
	struct reload_traffic_count counts[RELOAD_TRAFFIC_CODES + 1];
	size_t n = reload_peer_traffic(agent->peer, counts, COUNT_OF(counts));
	static const struct {
		const char *name, *unit, *help;
		size_t at;
	} families[] = {
		{ "reload_messages_sent", NULL, "Messages sent or forwarded, by code.",
			offsetof(struct reload_traffic_count, sent) },
		{ "reload_messages_received", NULL, "Messages received, by code.",
			offsetof(struct reload_traffic_count, received) },
		{ "reload_messages_sent_bytes", "bytes",
			"Size of the messages sent or forwarded, without their transport.",
			offsetof(struct reload_traffic_count, sent_bytes) },
		{ "reload_messages_received_bytes", "bytes",
			"Size of the messages received, without their transport.",
			offsetof(struct reload_traffic_count, received_bytes) },
	};
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		reload_metrics_family(
			w, families[f].name, "counter", families[f].unit, families[f].help);
		for (size_t i = 0; i < n; i++) {
			char number[8];
			const label code = { "code", code_label(number, counts[i].code) };
			uint64_t value;
			memcpy(&value, (const uint8_t *)&counts[i] + families[f].at, sizeof(value));
			if (counts[i].code || families[f].unit)
				reload_metrics_u64(w, families[f].name, "_total", &code, 1, value);
		}
	}
}

static void requests(struct wr *w, const struct agent *agent)
{
	const struct agent_history_counts *c = agent_history_counts(agent->history);
	char le[24];
	reload_metrics_family(w, "reload_request_seconds", "histogram", "seconds",
		"Time that requests of the control socket took which need the overlay.");
	for (size_t m = 0; m < RELOAD_METHODS; m++) {
		uint64_t sum = 0;
		label labels[] = { { "method", reload_methods[m].name }, { "le", le } };
		if (!c->methods[m].count)
			continue;
		for (size_t b = 0; b < HISTORY_BUCKETS; b++) {
			sum += c->methods[m].buckets[b];
			if (b + 1 < HISTORY_BUCKETS)
				snprintf(le, sizeof(le), "%g", agent_history_bucket_s(b));
			else
				snprintf(le, sizeof(le), "+Inf");
			reload_metrics_u64(w, "reload_request_seconds", "_bucket", labels, 2, sum);
		}
		reload_metrics_u64(
			w, "reload_request_seconds", "_count", labels, 1, c->methods[m].count);
		reload_metrics_real(w, "reload_request_seconds", "_sum", labels, 1,
			(double)c->methods[m].sum_ms / 1000);
	}
	reload_metrics_family(w, "reload_request_failures", "counter", NULL,
		"Requests and joins that failed, by the causes of reload-diag why.");
	for (size_t i = 0; i < RELOAD_CAUSES; i++) {
		const label cause = { "cause", reload_cause_name((enum reload_cause)i) };
		if (i != RELOAD_CAUSE_NONE)
			reload_metrics_u64(
				w, "reload_request_failures", "_total", &cause, 1, c->causes[i]);
	}
}

/* -- links ---------------------------------------------------------------------------------------------------------------- */

/* Links to neighbours and fingers first: others come and go. */
static int listed_first(const void *a, const void *b)
{
	const struct reload_peer_link *x = a, *y = b;
	int by_id = reload_id_cmp(&x->node, &y->node);
	return x->listed != y->listed ? y->listed - x->listed
	       : by_id                ? by_id
				      : (x->link > y->link) - (x->link < y->link);
}

static void link_samples(struct wr *w, const struct reload_peer_link *links, size_t count,
	const char *name, const char *suffix, uint64_t (*value)(const struct reload_peer_link *))
{
	for (size_t i = 0; i < count; i++) {
		char hex[RELOAD_ID_HEX], number[16];
		snprintf(number, sizeof(number), "%u", links[i].link & 0x7fffffff);
		const label labels[] = { { "direction", links[i].incoming ? "in" : "out" },
			{ "link", number }, { "node_id", reload_id_hex(hex, &links[i].node) },
			{ "user", links[i].user } };
		reload_metrics_u64(w, name, suffix, labels, COUNT_OF(labels), value(&links[i]));
	}
}

static uint64_t is_good(const struct reload_peer_link *l)
{
	return l->good;
}

static uint64_t sent(const struct reload_peer_link *l)
{
	return l->sent;
}

static uint64_t received(const struct reload_peer_link *l)
{
	return l->received;
}

static void links(struct wr *w, const struct agent *agent, const struct reload_status *s)
{
	enum {
		ALL_MAX = 4096
	};
	struct reload_peer_link *all = reload_alloc_array(ALL_MAX, sizeof(*all));
	size_t count = reload_peer_links(agent->peer, all, ALL_MAX);
	size_t dtls = reload_links_counters(agent->links)->dtls;
	const label types[] = { { "type", "tls" }, { "type", "dtls" } };
	reload_metrics_family(w, "reload_links", "gauge", NULL, "Links that are up.");
	reload_metrics_u64(
		w, "reload_links", "", &types[0], 1, s->links > dtls ? s->links - dtls : 0);
	reload_metrics_u64(w, "reload_links", "", &types[1], 1, dtls);
	qsort(all, count, sizeof(*all), listed_first);
	gauge(w, "reload_links_not_shown", NULL,
		"Links without samples of their own below: there are too many.",
		count > METRICS_LINKS_MAX ? (double)(count - METRICS_LINKS_MAX) : 0);
	count = count > METRICS_LINKS_MAX ? METRICS_LINKS_MAX : count;
	reload_metrics_family(w, "reload_link_good", "gauge", NULL,
		"1 when the other end of the link acknowledges what is sent.");
	link_samples(w, all, count, "reload_link_good", "", is_good);
	reload_metrics_family(
		w, "reload_link_messages_sent", "counter", NULL, "Messages sent over the link.");
	link_samples(w, all, count, "reload_link_messages_sent", "_total", sent);
	reload_metrics_family(w, "reload_link_messages_received", "counter", NULL,
		"Messages received over the link.");
	link_samples(w, all, count, "reload_link_messages_received", "_total", received);
	free(all);
}

void metrics_text(struct wr *w, void *arg)
{
	struct agent *agent = arg;
	struct reload_status s;
	reload_peer_status(agent->peer, &s);
	node(w, agent, &s);
	pace(w, &s);
	credentials(w, agent);
	store(w, agent, &s);
	counters(w, agent);
	traffic(w, agent);
	requests(w, agent);
	links(w, agent, &s);
	reload_metrics_end(w);
}
