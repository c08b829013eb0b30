/* agent.*, log.*, rpc.*: the agent itself. */
#include "discover.h"
#include "ice.h"
#include "rpc.h"
#include "rpc_tuning.h"

#include "common/output.h"
#include "ident/cert.h"
#include "link/links_io.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

static json_t *count_json(const struct agent *agent, enum reload_counter counter)
{
	return json_of_u64(reload_peer_counter(agent->peer, counter));
}

/* Former names of counters; the next release no longer has them. */
static void former_counters(json_t *o, const struct agent *agent)
{
	uint64_t forbidden = reload_peer_counter(agent->peer, RELOAD_COUNT_ERRORS_FORBIDDEN) +
			     reload_peer_counter(agent->peer, RELOAD_COUNT_DROP_NO_NODE_ID);
	json_object_set_new(o, "drop_repeat", count_json(agent, RELOAD_COUNT_REQUESTS_DUPLICATE));
	json_object_set_new(o, "refused_forbidden", json_of_u64(forbidden));
}

static json_t *counters_json(const struct agent *agent)
{
	json_t *o = json_object();
	for (size_t i = 0; i < RELOAD_COUNTERS; i++)
		json_object_set_new(o, reload_counter_name((enum reload_counter)i),
			count_json(agent, (enum reload_counter)i));
	former_counters(o, agent);
	return o;
}

static void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void set_int(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void status_ring(json_t *o, const struct reload_status *s)
{
	enum {
		WHOLE = 1000000000
	};
	set(o, "predecessors", json_of_ids(s->tables.predecessors, s->tables.predecessors_count));
	set(o, "successors", json_of_ids(s->tables.successors, s->tables.successors_count));
	set(o, "fingers", json_of_ids(s->tables.fingers, s->tables.fingers_count));
	set(o, "range_from", json_of_id(&s->range_from));
	set(o, "range_to", json_of_id(&s->range_to));
	/*
	 * The number of peers is estimated from the neighbours: in a small ring they are all peers, in a large one
	 * their distance is a fraction of the ring.  One range alone would give a poor estimate.
	 */
	size_t seen = 1 + s->tables.successors_count;
	for (size_t i = 0; i < s->tables.predecessors_count; i++) {
		bool again = false;
		for (size_t k = 0; k < s->tables.successors_count; k++)
			again |= reload_id_eq(&s->tables.predecessors[i], &s->tables.successors[k]);
		seen += !again;
	}
	bool wraps = seen < 1 + s->tables.predecessors_count + s->tables.successors_count;
	uint64_t about = seen;
	if (!wraps && s->tables.successors_count && s->tables.predecessors_count) {
		struct reload_id d = reload_id_distance(
			&s->tables.predecessors[s->tables.predecessors_count - 1],
			&s->tables.successors[s->tables.successors_count - 1]);
		uint32_t part = (uint32_t)d.at[0] << 24 | (uint32_t)d.at[1] << 16 |
				(uint32_t)d.at[2] << 8 | d.at[3];
		if (part)
			about = (uint64_t)(seen - 1) * UINT32_MAX / part;
	}
	bool member = s->state == RELOAD_STATE_JOINED && s->role == RELOAD_ROLE_PEER;
	json_t *estimate = member ? json_integer((json_int_t)about) : json_null();
	set(o, "estimated_peers", json_incref(estimate));
	set(o, "about_peers", estimate);
}

/* The part of node.tuning that people look at first. */
static json_t *status_tuning(const struct reload_status *s)
{
	json_t *all = agent_tuning_json(s, RELOAD_ESTIMATE_DAY_S);
	if (!all)
		return json_null();
	json_t *o = json_pack("{s:O, s:O, s:O, s:O, s:O}", "interval_s",
		json_object_get(all, "interval_s"), "network_size",
		json_object_get(json_object_get(all, "in_force"), "network_size"), "neighbours",
		json_object_get(all, "neighbours"), "fingers", json_object_get(all, "fingers"),
		"why", json_object_get(all, "why"));
	json_decref(all);
	return o;
}

json_t *agent_status_json(struct agent *agent)
{
	struct reload_status s;
	const struct reload_config *config = reload_peer_config(agent->peer);
	const struct reload_cert *cert = agent->credentials->cert;
	reload_peer_status(agent->peer, &s);
	reload_ms now = reload_poll_now();
	size_t dtls = reload_links_counters(agent->links)->dtls;
	json_t *o = json_object();
	set(o, "instance", json_string(agent->instance));
	set(o, "version", json_string(RELOAD_VERSION));
	set_int(o, "protocol", RELOAD_CONTROL_PROTOCOL);
	set_int(o, "pid", (uint64_t)getpid());
	set(o, "state", json_string(reload_state_name(s.state)));
	set(o, "state_since", cli_json_time(cli_now() - (now - s.state_since)));
	set_int(o, "state_s", (now - s.state_since) / RELOAD_SECOND);
	set_int(o, "uptime_s", (now - s.started) / RELOAD_SECOND);
	set(o, "role", json_string(s.role == RELOAD_ROLE_CLIENT ? "client" : "peer"));
	set(o, "overlay", json_string(config->instance_name));
	set(o, "node_id", json_of_id(&s.node));
	set(o, "user", json_of_text(cert->user));
	set(o, "pseudonym", json_boolean(agent->pseudonym));
	set(o, "bootstrap_peer", json_of_id(&s.bootstrap_peer));
	set(o, "admitting_peer", json_of_id(&s.admitting_peer));
	status_ring(o, &s);
	set_int(o, "update_interval_s", config->chord_update_interval_s);
	set(o, "tuning", status_tuning(&s));
	set(o, "other_ring", json_boolean(agent->other_ring));
	set(o, "links",
		json_pack("{s:I, s:I, s:I, s:o, s:b, s:n}", "up", (json_int_t)s.links, "tls",
			(json_int_t)(s.links > dtls ? s.links - dtls : 0), "dtls", (json_int_t)dtls,
			"paths", agent_paths_json(agent), "relay_only",
			(int)host_ice_relay_only((const struct host *)agent), "list"));
	set(o, "nat", json_of_text(agent->nat_text ? agent->nat_text(agent) : NULL));
	set(o, "discovery", host_discover_json((const struct host *)agent));
	set_int(o, "requests", s.requests);
	set_int(o, "work", s.work);
	set(o, "stored",
		json_pack("{s:I, s:I, s:I, s:o, s:s?}", "resources", (json_int_t)s.resources,
			"values", (json_int_t)s.values, "size_bytes", (json_int_t)s.value_bytes,
			"limit_bytes",
			agent->store_limit ? json_integer((json_int_t)agent->store_limit)
					   : json_null(),
			"failure", agent->store_failure));
	set(o, "clock_offset_ms", json_null());
	set(o, "certificate_until", cli_json_time(cert->not_after));
	set(o, "configuration_until", cli_json_time(config->expiration));
	set_int(o, "configuration_sequence", config->sequence);
	set(o, "listen", agent->listen ? json_deep_copy(agent->listen) : json_array());
	set(o, "last_error", json_of_text(s.last_error ? reload_err_name(s.last_error) : NULL));
	set(o, "counters", counters_json(agent));
	return o;
}

enum reload_rpc_end rpc_agent_status(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	json_t *status = agent_status_json(arg);
	if (param_bool(params, "links", false))
		json_object_set_new(
			json_object_get(status, "links"), "list", agent_links_json(arg));
	return reload_rpc_reply(call, status);
}

enum reload_rpc_end rpc_agent_stop(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	agent_log(agent->log, "control", RELOAD_LEVEL_INFO, "stop was asked for");
	agent->stop(agent, param_bool(params, "now", false));
	return reload_rpc_reply(
		call, json_pack("{s:s, s:I}", "state", "leaving", "pid", (json_int_t)getpid()));
}

enum reload_rpc_end rpc_agent_refresh(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	(void)params;
	return reload_rpc_reply(call, agent->refresh(agent));
}

/* Former names of types; the next release no longer accepts them.  The events themselves carry the present name. */
static const struct {
	const char *name;
	enum reload_event_type type;
} old_types[] = {
	{ "tables", RELOAD_EV_ROUTING_CHANGED },
	{ "link_slow", RELOAD_EV_LINK_UNRESPONSIVE },
	{ "healed", RELOAD_EV_PARTITION_ENDED },
	{ "remembered", RELOAD_EV_BOOTSTRAP_FROM_CACHE },
	{ "repairing", RELOAD_EV_TRANSFER_STARTED },
	{ "repaired", RELOAD_EV_TRANSFER_DONE },
	{ "bad_message", RELOAD_EV_REQUEST_REFUSED },
	{ "config_behind", RELOAD_EV_CONFIG_MISMATCH },
	{ "name_taken", RELOAD_EV_USER_NAME_CONFLICT },
	{ "kept_renewed", RELOAD_EV_RENEWED },
	{ "kept_failed", RELOAD_EV_RENEWAL_FAILED },
	{ "kept_superseded", RELOAD_EV_RENEWAL_SUPERSEDED },
};

/* The bit of the type of event that `name` means, also a former name; 0: there is none. */
static uint64_t event_bit(const char *name)
{
	for (int type = 0; type < RELOAD_EVENTS; type++)
		if (strcmp(reload_event_name((enum reload_event_type)type), name) == 0)
			return UINT64_C(1) << type;
	for (size_t i = 0; i < COUNT_OF(old_types); i++)
		if (strcmp(old_types[i].name, name) == 0)
			return UINT64_C(1) << old_types[i].type;
	return 0;
}

/* The bits of all types up to a level. */
static uint64_t events_of_level(const char *name)
{
	uint64_t events = 0;
	enum reload_event_level level = RELOAD_LEVEL_ERROR;
	while (strcmp(agent_level_name(level), name) != 0)
		level++; /* the table has checked that the word is one of them */
	for (int type = 0; type < RELOAD_EVENTS; type++)
		if (reload_event_level((enum reload_event_type)type) <= level)
			events |= UINT64_C(1) << type;
	return events;
}

enum reload_rpc_end rpc_agent_events(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	uint64_t events = 0;
	const json_t *asked;
	size_t i;
	json_array_foreach (json_object_get(params, "types"), i, asked) {
		uint64_t bit = event_bit(json_string_value(asked));
		events |= bit;
		if (bit)
			continue;
		struct reload_error_text why;
		char what[128];
		snprintf(what, sizeof(what), "no such type of event: %.80s",
			json_string_value(asked));
		reload_error_explain(&why, RELOAD_USAGE, what,
			"state, link_up, link_down, routing_changed, stored ... are types");
		reload_error_advise(&why, "reload-control(7) lists them");
		return reload_rpc_fail_why(call, RELOAD_USAGE, &why);
	}
	return agent_subscribe(
		arg, call, events ? events : events_of_level(param_text(params, "level", "info")));
}

enum reload_rpc_end rpc_agent_log_level(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_error_text why;
	const char *levels = param_text(params, "levels", NULL);
	enum reload_err err = levels ? agent_log_levels(agent->log, levels, &why) : RELOAD_OK;
	if (err)
		return reload_rpc_fail_why(call, err, &why);
	return reload_rpc_reply(call, agent_log_levels_json(agent->log));
}

enum reload_rpc_end rpc_agent_config(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	const struct agent *agent = arg;
	return reload_rpc_reply(
		call, json_pack("{s:o}", "settings",
			      agent->settings ? json_deep_copy(agent->settings) : json_array()));
}

/* With `follow` the lines so far are sent as notifications too, so that none is lost in between. */
enum reload_rpc_end rpc_log_tail(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	json_t *lines = agent_log_tail(agent->log, (size_t)param_int(params, "lines", 100));
	if (!param_bool(params, "follow", false))
		return reload_rpc_reply(call, json_pack("{s:o}", "lines", lines));
	size_t i;
	json_t *line;
	json_array_foreach (lines, i, line)
		reload_rpc_progress(call, line);
	json_decref(lines);
	return agent_subscribe(agent, call, 0);
}

enum reload_rpc_end rpc_negotiate(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg;
	struct reload_error_text why;
	size_t i;
	json_t *version;
	json_array_foreach (json_object_get(params, "versions"), i, version)
		if (json_integer_value(version) == RELOAD_CONTROL_PROTOCOL)
			return reload_rpc_reply(
				call, json_pack("{s:i, s:s}", "protocol", RELOAD_CONTROL_PROTOCOL,
					      "version", RELOAD_VERSION));
	reload_error_explain(&why, RELOAD_OTHER_PROTOCOL,
		"the program and the agent have no version of the control protocol in common",
		"this agent, of release %s, speaks version %d", RELOAD_VERSION,
		RELOAD_CONTROL_PROTOCOL);
	reload_error_advise(
		&why, "a program of the same release, or start the agent again with that one");
	return reload_rpc_fail_why(call, RELOAD_OTHER_PROTOCOL, &why);
}

enum reload_rpc_end rpc_methods(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg, (void)params;
	return reload_rpc_reply(call, reload_methods_json());
}
