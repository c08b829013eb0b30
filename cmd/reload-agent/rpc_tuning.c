/* node.tuning: how an overlay that sets its own pace runs here (RFC 7363), and why. */
#include "rpc.h"

#include "rpc_tuning.h"

#include <math.h>

static json_t *real_or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *estimates(const struct reload_estimates *e)
{
	return json_pack("{s:f, s:f, s:f}", "network_size", e->size, "failures_per_day",
		e->failures * RELOAD_ESTIMATE_DAY_S, "joins_per_day",
		e->joins * RELOAD_ESTIMATE_DAY_S);
}

/* What becomes of a value that is stored once and not again in lifetime_s. */
static json_t *loss(const struct reload_estimates *e, uint32_t lifetime_s)
{
	unsigned copies =
		e->size < RELOAD_ESTIMATE_COPIES ? (unsigned)e->size : RELOAD_ESTIMATE_COPIES;
	copies = copies ? copies : 1;
	double chance = reload_estimate_loss(
		       e->failures, copies, RELOAD_ESTIMATE_REPAIR_S, lifetime_s),
	       renewal = reload_estimate_renewal(
		       e->failures, copies, RELOAD_ESTIMATE_REPAIR_S, lifetime_s);
	return json_pack("{s:I, s:I, s:I, s:f, s:o}", "lifetime_s", (json_int_t)lifetime_s,
		"copies", (json_int_t)copies, "repair_s", (json_int_t)RELOAD_ESTIMATE_REPAIR_S,
		"chance", chance, "halved_by_s", real_or_null(renewal));
}

static const char *cause_name(enum reload_interval_cause cause)
{
	static const char *const names[] = { "alone", "failures", "joins", "shortest", "longest" };
	return names[cause];
}

/* Why the interval is what it is, in a sentence. */
static void explain(char *out, size_t len, const struct reload_topology_tuning *t)
{
	const struct reload_interval *i = &t->interval;
	double wanted = i->by_failures_s < i->by_joins_s ? i->by_failures_s : i->by_joins_s,
	       rounds = log2(t->in_force.size) * log2(t->in_force.size);
	const char *event = i->by_failures_s <= i->by_joins_s ? "half of the peers fail"
							      : "as many peers join as there are";
	switch (i->cause) {
	case RELOAD_INTERVAL_ALONE:
		snprintf(out, len, "nobody else is known: the longest interval");
		return;
	case RELOAD_INTERVAL_FAILURES:
	case RELOAD_INTERVAL_JOINS:
		snprintf(out, len,
			"%s within %.0f s, and the ring of %.0f needs %.0f rounds in that time",
			event, wanted * rounds, t->in_force.size, rounds);
		return;
	case RELOAD_INTERVAL_SHORTEST:
		snprintf(out, len,
			"%s within %.0f s, which asks for %.1f s: the shortest interval is %d s",
			event, wanted * rounds, wanted, RELOAD_ESTIMATE_INTERVAL_MIN_S);
		return;
	case RELOAD_INTERVAL_LONGEST:
		if (isfinite(wanted))
			snprintf(out, len,
				"peers come and go so seldom that %.0f s would do: the longest "
				"interval is chord-update-interval, %u s",
				wanted, t->longest_s);
		else
			snprintf(out, len,
				"no peer has come or gone: the longest interval is "
				"chord-update-interval, %u s",
				t->longest_s);
		return;
	}
}

json_t *agent_tuning_json(const struct reload_status *s, uint32_t lifetime_s)
{
	const struct reload_topology_tuning *t = &s->tuning;
	char why[256] = "";
	if (!s->is_tuned)
		return NULL;
	json_t *data = json_array();
	for (size_t i = 0; i < t->data_count; i++)
		json_array_append_new(data, estimates(&t->data[i]));
	explain(why, sizeof(why), t);
	json_t *o = json_pack("{s:f, s:f, s:I, s:s, s:s}", "interval_s", t->interval.s, "left_s",
		(double)t->left_ms / RELOAD_SECOND, "longest_s", (json_int_t)t->longest_s, "cause",
		cause_name(t->interval.cause), "why", why);
	json_object_set_new(o, "by_failures_s", real_or_null(t->interval.by_failures_s));
	json_object_set_new(o, "by_joins_s", real_or_null(t->interval.by_joins_s));
	json_object_set_new(o, "own", estimates(&t->own));
	json_object_set_new(o, "in_force", estimates(&t->in_force));
	json_object_set_new(o, "data", data);
	json_object_set_new(o, "loss", loss(&t->in_force, lifetime_s));
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = { { "neighbours", t->neighbours }, { "fingers", t->fingers },
		{ "peers_to_probe", t->peers_to_probe }, { "members", t->members },
		{ "ages", t->ages }, { "failures", t->failures },
		{ "failures_limit", t->failures_limit } };
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		json_object_set_new(o, numbers[i].key, json_integer((json_int_t)numbers[i].value));
	return o;
}

enum reload_rpc_end rpc_node_tuning(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	const struct reload_config *config = reload_peer_config(agent->peer);
	struct reload_status s;
	json_int_t lifetime = json_integer_value(json_object_get(params, "lifetime_s"));
	reload_peer_status(agent->peer, &s);
	json_t *tuning =
		agent_tuning_json(&s, lifetime ? (uint32_t)lifetime : RELOAD_ESTIMATE_DAY_S);
	return reload_rpc_reply(
		call, json_pack("{s:s, s:s, s:I, s:o}", "algorithm", config->topology_plugin,
			      "state", reload_state_name(s.state), "update_interval_s",
			      (json_int_t)config->chord_update_interval_s, "tuning",
			      tuning ? tuning : json_null()));
}
