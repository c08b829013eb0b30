#include "peer/internal.h"

#include <assert.h>

/* Making and ending a node. */

enum {
	DEFAULT_LINKS = 4096,
	DEFAULT_REQUESTS = 4096,
	DEFAULT_WORK = 4096,
	DEFAULT_LINK_WORK = 512,
	DEFAULT_REASSEMBLY = 4 * 1024 * 1024,
};

const char *reload_state_name(enum reload_state state)
{
	static const char *const names[] = { "init", "configured", "enrolled", "bootstrapping",
		"attaching", "joining", "joined", "leaving", "isolated", "stopped" };
	return names[state];
}

const char *reload_phase_name(enum reload_phase phase)
{
	static const char *const names[] = { "bootstrap", "attach", "join", "neighbours" };
	return phase < RELOAD_PHASES ? names[phase] : "done";
}

static enum reload_replica_mode mode_of(enum reload_state state)
{
	return state == RELOAD_STATE_JOINED    ? RELOAD_REPLICA_SERVING
	       : state == RELOAD_STATE_LEAVING ? RELOAD_REPLICA_LEAVING
					       : RELOAD_REPLICA_OFF;
}

void reload_peer_set_state(struct reload_peer *p, enum reload_state state)
{
	if (p->life.state == state)
		return;
	p->life.state = state;
	p->life.since = p->engine->now;
	reload_replica_set_mode(p->replica, mode_of(state));
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_STATE,
					       .code = (uint16_t)state,
					       .node = &p->engine->self });
}

void reload_peer_job_done(struct reload_peer *p, struct reload_job *job)
{
	reload_engine_enter(p->engine);
	reload_engine_job_done(p->engine, job);
	reload_engine_exit(p->engine);
}

void reload_peer_wake(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	reload_engine_exit(p->engine);
}

static void policy_defaults(struct reload_policy *policy)
{
	if (!policy->max_links)
		policy->max_links = DEFAULT_LINKS;
	if (!policy->max_requests)
		policy->max_requests = DEFAULT_REQUESTS;
	if (!policy->max_work)
		policy->max_work = DEFAULT_WORK;
	if (!policy->max_link_work)
		policy->max_link_work = DEFAULT_LINK_WORK;
	if (!policy->max_reassembly)
		policy->max_reassembly = DEFAULT_REASSEMBLY;
}

static void rooms_new(struct reload_peer *p, const struct reload_peer_setup *setup)
{
	p->connections = reload_connections_new(
		p->policy.max_links, p->engine->ops->random, p->engine->host);
	reload_links_watch(p->connections, p->engine, &reload_peer_link_watch, p);
	p->route = (struct reload_route){ .ctx = &p->engine->ctx,
		.self = &p->engine->self,
		.connections = p->connections,
		.topology = p->topology };
	p->exchange = reload_exchange_new(&(struct reload_exchange_setup){ .engine = p->engine,
		.connections = p->connections,
		.route = &p->route,
		.credentials = setup->credentials,
		.policy = p->policy,
		.watch = &reload_peer_exchange_watch,
		.watch_arg = p });
	p->replica = reload_replica_new(&(struct reload_replica_setup){ .engine = p->engine,
		.connections = p->connections,
		.route = &p->route,
		.exchange = p->exchange,
		.storage = setup->storage,
		.watch = &reload_peer_replica_watch,
		.watch_arg = p });
	reload_peer_methods(p);
	TAILQ_INIT(&p->attempts);
	TAILQ_INIT(&p->pings);
}

enum reload_err reload_peer_new(
	struct reload_peer **out, const struct reload_peer_setup *setup, struct reload_why *why)
{
	const struct reload_topology_ops *topology =
		reload_topology_find(setup->config->topology_plugin);
	if (!topology)
		return reload_why_set(why, RELOAD_BAD_CONFIG,
			"the topology plug-in is not supported", "the configuration asks for %s",
			setup->config->topology_plugin);
	struct reload_peer *p = RELOAD_NEW(reload_peer);
	p->engine = reload_engine_new(
		setup->ops, setup->host, setup->config, &setup->credentials->node);
	p->topology = topology;
	p->policy = setup->policy;
	p->life.role = setup->role;
	policy_defaults(&p->policy);
	p->life.since = p->engine->now;
	rooms_new(p, setup);
	struct reload_topology_host host = reload_peer_topology_host;
	host.arg = p;
	host.timers = &p->engine->timers;
	host.data = reload_replica_data(p->replica);
	p->plugin = topology->new (p->engine->config, &p->engine->self, &host);
	p->route.plugin = p->plugin;
	assert(p->plugin); /* the document was checked for what the plug-in needs (CHORD-05) */
	p->life.state = RELOAD_STATE_ENROLLED;
	*out = p;
	return RELOAD_OK;
}

void reload_peer_free(struct reload_peer *p)
{
	if (!p)
		return;
	assert(!p->engine->inside && !p->engine->jobs); /* the host hands back all jobs first */
	p->engine->closing = true;
	reload_replica_flush(p->replica);
	reload_exchange_stop(p->exchange);
	reload_attach_clear(p);
	reload_pings_clear(p);
	reload_life_clear(p);
	reload_replica_free(p->replica);
	p->topology->free(p->plugin);
	reload_exchange_free(p->exchange);
	reload_connections_free(p->connections);
	reload_engine_free(p->engine);
	free(p->refused);
	free(p);
}

uint64_t reload_peer_counter(const struct reload_peer *p, enum reload_counter counter)
{
	return p->engine->counters[counter];
}

const struct reload_config *reload_peer_config(const struct reload_peer *p)
{
	return p->engine->config;
}

void reload_peer_resource_id(
	const struct reload_peer *p, struct reload_id *out, struct span resource_name)
{
	p->topology->resource_id(out, resource_name);
}
