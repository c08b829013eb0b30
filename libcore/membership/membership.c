#include "membership/internal.h"

#include "membership/cached_peers.h"
#include "membership/hints.h"

/* Making and ending the room, what the host orders, and its small questions. */

static const struct reload_method_row methods[] = {
	{ RELOAD_ATTACH_REQ, .flags = RELOAD_METHOD_UNBOUND, .serve = reload_serve_attach },
	{ RELOAD_JOIN_REQ, .flags = RELOAD_METHOD_IN_ORDER, .serve = reload_serve_join },
	{ RELOAD_LEAVE_REQ, .flags = RELOAD_METHOD_IN_ORDER, .serve = reload_serve_leave },
	{ RELOAD_UPDATE_REQ, .flags = RELOAD_METHOD_EVERY_LINK | RELOAD_METHOD_IN_ORDER,
		.serve = reload_serve_update },
};

struct reload_membership *reload_membership_new(const struct reload_membership_setup *setup)
{
	struct reload_membership *m = RELOAD_NEW(reload_membership);
	m->engine = setup->engine;
	m->connections = setup->connections;
	m->route = setup->route;
	m->exchange = setup->exchange;
	m->role = setup->role;
	m->watch = setup->watch;
	m->watch_arg = setup->watch_arg;
	m->state = RELOAD_STATE_ENROLLED;
	m->since = m->engine->now;
	m->aside_check = reload_aside_check;
	TAILQ_INIT(&m->attempts);
	TAILQ_INIT(&m->pings);
	reload_links_watch(m->connections, m->engine, &reload_membership_links, m);
	reload_exchange_methods(m->exchange, methods, COUNT_OF(methods), m);
	return m;
}

void reload_membership_free(struct reload_membership *m)
{
	if (!m)
		return;
	reload_attach_clear(m);
	reload_heal_clear(m);
	reload_pings_clear(m);
	reload_search_clear(m);
	reload_hints_clear(m);
	reload_claims_clear(m);
	reload_cached_peers_clear(m);
	reload_leave_clear(m);
	reload_join_clear(m);
	free(m->bootstrap);
	free(m);
}

static enum reload_err may_start(const struct reload_membership *m)
{
	return m->join_requested || m->state != RELOAD_STATE_ENROLLED ? RELOAD_EXISTS : RELOAD_OK;
}

enum reload_err reload_membership_first(struct reload_membership *m)
{
	enum reload_err err = may_start(m);
	if (!err)
		reload_join_as_first(m);
	return err;
}

static void bootstrap_set(
	struct reload_membership *m, const struct reload_ip_port *bootstrap, size_t count)
{
	free(m->bootstrap);
	m->bootstrap = count ? reload_memdup(bootstrap, count * sizeof(*bootstrap)) : NULL;
	m->bootstrap_count = count;
}

enum reload_err reload_membership_join(struct reload_membership *m, enum reload_role role,
	const struct reload_ip_port *bootstrap, size_t count)
{
	enum reload_err err = may_start(m);
	if (!err && role == RELOAD_ROLE_CLIENT && !m->engine->config->clients_permitted)
		err = RELOAD_FORBIDDEN;
	if (!err && !count && !m->engine->config->bootstrap_count && !reload_cached_peers_any(m) &&
		!reload_hints_any(m))
		err = RELOAD_UNREACHABLE;
	if (err)
		return err;
	bootstrap_set(m, bootstrap, count);
	m->aside.active = role == RELOAD_ROLE_PEER && m->watch->storage_fails(m->watch_arg);
	m->aside.was_first_node = false;
	reload_join_begin(m, m->aside.active ? RELOAD_ROLE_CLIENT : role);
	return RELOAD_OK;
}

void reload_membership_bootstrap(
	struct reload_membership *m, const struct reload_ip_port *bootstrap, size_t count)
{
	if (count && m->join_requested)
		bootstrap_set(m, bootstrap, count);
}

void reload_membership_remember(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count)
{
	reload_cached_peers_load(m, addrs, count);
}

void reload_membership_hint(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count)
{
	if (reload_hints_add(m, addrs, count) && reload_hints_hasten(m))
		reload_join_hasten(m);
}

void reload_membership_hasten(struct reload_membership *m)
{
	reload_join_hasten(m);
}

void reload_membership_addresses_changed(struct reload_membership *m)
{
	m->addresses_changed = m->engine->now;
	reload_heal_check(m);
	reload_join_hasten(m);
}

void reload_membership_storage(struct reload_membership *m)
{
	reload_aside_check(m);
}

bool reload_membership_leaves(const struct reload_membership *m)
{
	return reload_leave_returns(m) || m->aside.address_checks;
}

bool reload_membership_is_aside(const struct reload_membership *m)
{
	return m->aside.active && m->role == RELOAD_ROLE_CLIENT;
}

bool reload_membership_may_request(const struct reload_membership *m)
{
	if (m->state == RELOAD_STATE_LEAVING && !m->role_changes)
		return false;
	return m->connections->count || m->state == RELOAD_STATE_JOINED || m->role_changes;
}

bool reload_membership_wanted(const struct reload_membership *m)
{
	return m->join_requested || m->state == RELOAD_STATE_JOINED;
}

void reload_membership_status(
	const struct reload_membership *m, struct reload_membership_status *out)
{
	*out = (struct reload_membership_status){ .state = m->state,
		.role = m->role,
		.returns = reload_leave_returns(m),
		.state_since = m->since,
		.bootstrap_peer = m->bootstrap_peer,
		.admitting_peer = m->admitting_peer,
		.phase = m->phase,
		.last_error = m->last_error };
	memcpy(out->phase_ms, m->phase_ms, sizeof(out->phase_ms));
}
