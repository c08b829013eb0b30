#include "peer/internal.h"

#include <assert.h>

/* The rooms of a node: made, connected with each other, and ended. */

enum {
	DEFAULT_LINKS = 4096,
	DEFAULT_REQUESTS = 4096,
	DEFAULT_WORK = 4096,
	DEFAULT_LINK_WORK = 512,
	DEFAULT_REASSEMBLY = 4 * 1024 * 1024,
	DEFAULT_DIAGNOSTICS_RATE = 10,
};

static enum reload_replica_mode mode_of(enum reload_state state)
{
	return state == RELOAD_STATE_JOINED    ? RELOAD_REPLICA_SERVING
	       : state == RELOAD_STATE_LEAVING ? RELOAD_REPLICA_LEAVING
					       : RELOAD_REPLICA_OFF;
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
	if (!policy->diagnostics_rate)
		policy->diagnostics_rate = DEFAULT_DIAGNOSTICS_RATE;
}

/* -- what the rooms notify each other of --------------------------------------------------------------------------------- */

static void exchange_behind(void *arg, const struct reload_id *node, struct span way)
{
	reload_configure_send(arg, node, way);
}

static void exchange_kinds_wanted(void *arg, const struct reload_request *r,
	const struct reload_id *node, struct span error_info)
{
	reload_configure_send_kinds(arg, r, node, error_info);
}

static enum reload_err exchange_passes(void *arg, const struct reload_connection *from,
	const struct reload_connection *to, const struct reload_header *h, struct span message,
	char info[RELOAD_PASS_INFO])
{
	struct reload_peer *p = arg;
	return reload_diagnostics_passes(p->diagnostics, from, to, h, message, info);
}

static void progress(void *arg)
{
	struct reload_peer *p = arg;
	reload_membership_progress(p->membership);
}

static const struct reload_exchange_watch exchange_watch = { .behind = exchange_behind,
	.kinds_wanted = exchange_kinds_wanted,
	.passes = exchange_passes,
	.ended = progress };

static void replica_storage_failed(void *arg)
{
	struct reload_peer *p = arg;
	reload_membership_storage(p->membership);
}

static bool replica_leaves(void *arg)
{
	const struct reload_peer *p = arg;
	return reload_membership_leaves(p->membership);
}

static bool replica_aside(void *arg)
{
	const struct reload_peer *p = arg;
	return reload_membership_is_aside(p->membership);
}

static const struct reload_replica_watch replica_watch = { .moved = progress,
	.storage_failed = replica_storage_failed,
	.leaves = replica_leaves,
	.aside = replica_aside };

static void membership_state(void *arg, enum reload_state state)
{
	struct reload_peer *p = arg;
	reload_replica_set_mode(p->replica, mode_of(state));
	if (state == RELOAD_STATE_JOINED) {
		reload_certificates_joined(p->certificates);
		reload_requests_hasten(p->exchange);
	} else if (state == RELOAD_STATE_LEAVING) {
		reload_certificates_stop(p->certificates);
	} else {
		reload_certificates_away(p->certificates);
	}
}

static void membership_begins(void *arg)
{
	struct reload_peer *p = arg;
	reload_certificates_forget(p->certificates);
}

static void membership_hand_over(void *arg)
{
	struct reload_peer *p = arg;
	reload_replica_leave(p->replica);
}

static bool membership_moving(void *arg)
{
	const struct reload_peer *p = arg;
	return reload_replica_moving(p->replica);
}

static bool membership_holds_values(void *arg)
{
	const struct reload_peer *p = arg;
	size_t values, bytes;
	return reload_replica_counts(p->replica, p->engine->wall, &values, &bytes) > 0;
}

static bool membership_storage_fails(void *arg)
{
	const struct reload_peer *p = arg;
	return reload_replica_storage_fails(p->replica);
}

static const struct reload_membership_watch membership_watch = { .state = membership_state,
	.begins = membership_begins,
	.hand_over = membership_hand_over,
	.moving = membership_moving,
	.holds_values = membership_holds_values,
	.storage_fails = membership_storage_fails };

/* -- making and ending --------------------------------------------------------------------------------------------------- */

static void exchange_new(struct reload_peer *p, const struct reload_peer_setup *setup)
{
	p->connections = reload_connections_new(
		p->policy.max_links, p->engine->ops->random, p->engine->host);
	p->route.ctx = &p->engine->ctx;
	p->route.self = &p->engine->self;
	p->route.connections = p->connections;
	p->exchange = reload_exchange_new(&(struct reload_exchange_setup){ .engine = p->engine,
		.connections = p->connections,
		.route = &p->route,
		.credentials = setup->credentials,
		.policy = p->policy,
		.watch = &exchange_watch,
		.watch_arg = p });
	reload_peer_methods(p);
}

static void rooms_new(struct reload_peer *p, const struct reload_peer_setup *setup)
{
	p->replica = reload_replica_new(&(struct reload_replica_setup){ .engine = p->engine,
		.connections = p->connections,
		.route = &p->route,
		.exchange = p->exchange,
		.storage = setup->storage,
		.watch = &replica_watch,
		.watch_arg = p });
	p->certificates = reload_certificates_new(p->engine, &p->route, p->exchange);
	p->membership =
		reload_membership_new(&(struct reload_membership_setup){ .engine = p->engine,
			.connections = p->connections,
			.route = &p->route,
			.exchange = p->exchange,
			.role = setup->role,
			.watch = &membership_watch,
			.watch_arg = p });
	p->apps = reload_apps_new(&(struct reload_apps_setup){ .engine = p->engine,
		.exchange = p->exchange,
		.membership = p->membership,
		.ops = setup->app_ops });
	p->diagnostics =
		reload_diagnostics_new(&(struct reload_diagnostics_setup){ .engine = p->engine,
			.connections = p->connections,
			.route = &p->route,
			.exchange = p->exchange,
			.replica = p->replica,
			.policy = p->policy });
}

enum reload_err reload_peer_new(struct reload_peer **out, const struct reload_peer_setup *setup,
	struct reload_error_text *why)
{
	const struct reload_topology_ops *topology =
		reload_topology_find(setup->config->topology_plugin);
	if (!topology)
		return reload_error_explain(why, RELOAD_BAD_CONFIG,
			"the topology plug-in is not supported", "the configuration asks for %s",
			setup->config->topology_plugin);
	struct reload_peer *p = RELOAD_NEW(reload_peer);
	p->engine = reload_engine_new(
		setup->ops, setup->host, setup->config, &setup->credentials->node);
	p->policy = setup->policy;
	policy_defaults(&p->policy);
	p->route.topology = topology;
	exchange_new(p, setup);
	rooms_new(p, setup);
	struct reload_topology_host host = reload_membership_topology_host(p->membership);
	host.data = reload_replica_data(p->replica);
	p->route.plugin = topology->new (p->engine->config, &p->engine->self, &host);
	assert(p->route.plugin); /* the document was checked for what the plug-in needs (CHORD-05) */
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
	reload_timer_cancel(&p->engine->timers, &p->revoked);
	reload_apps_free(p->apps);
	reload_diagnostics_free(p->diagnostics);
	reload_membership_free(p->membership);
	reload_certificates_free(p->certificates);
	reload_replica_free(p->replica);
	p->route.topology->free(p->route.plugin);
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

size_t reload_peer_traffic(
	const struct reload_peer *p, struct reload_traffic_count *out, size_t max)
{
	return reload_traffic_counts(reload_exchange_traffic(p->exchange), out, max);
}

const struct reload_config *reload_peer_config(const struct reload_peer *p)
{
	return p->engine->config;
}

void reload_peer_resource_id(
	const struct reload_peer *p, struct reload_id *out, struct span resource_name)
{
	p->route.topology->resource_id(out, resource_name);
}
