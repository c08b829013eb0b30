#include "peer/internal.h"

/* The inputs of a node: each enters the engine, calls a room, and exits. */

void reload_peer_link_up(struct reload_peer *p, uint32_t link, struct reload_cert *cert)
{
	reload_engine_enter(p->engine);
	reload_link_up(p->connections, link, cert);
	reload_engine_exit(p->engine);
}

void reload_peer_link_down(struct reload_peer *p, uint32_t link, enum reload_err err)
{
	reload_engine_enter(p->engine);
	reload_diagnostics_link_failed(p->diagnostics, link, RELOAD_UNDERLAY_UNREACHABLE);
	reload_link_down(p->connections, link, err);
	reload_engine_exit(p->engine);
}

void reload_peer_gathered(
	struct reload_peer *p, uint32_t link, const struct reload_ice_gathered *found)
{
	reload_engine_enter(p->engine);
	reload_link_gathered(p->connections, link, found);
	reload_engine_exit(p->engine);
}

void reload_peer_link_health(struct reload_peer *p, uint32_t link, bool good)
{
	reload_engine_enter(p->engine);
	reload_link_health(p->connections, link, good);
	reload_engine_exit(p->engine);
}

void reload_peer_link_expired(struct reload_peer *p, uint32_t link)
{
	reload_engine_enter(p->engine);
	reload_diagnostics_link_failed(p->diagnostics, link, RELOAD_UNDERLAY_TIME_EXCEEDED);
	reload_engine_exit(p->engine);
}

void reload_peer_message(struct reload_peer *p, uint32_t link, struct span message)
{
	reload_engine_enter(p->engine);
	reload_exchange_message(p->exchange, link, message);
	reload_engine_exit(p->engine);
}

void reload_peer_oversized(struct reload_peer *p, uint32_t link, struct span head)
{
	reload_engine_enter(p->engine);
	reload_exchange_oversized(p->exchange, link, head);
	reload_engine_exit(p->engine);
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

enum reload_err reload_peer_first(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	enum reload_err err = reload_membership_first(p->membership);
	reload_engine_exit(p->engine);
	return err;
}

enum reload_err reload_peer_join(struct reload_peer *p, enum reload_role role,
	const struct reload_ip_port *bootstrap, size_t count)
{
	reload_engine_enter(p->engine);
	enum reload_err err = reload_membership_join(p->membership, role, bootstrap, count);
	reload_engine_exit(p->engine);
	return err;
}

void reload_peer_bootstrap(
	struct reload_peer *p, const struct reload_ip_port *bootstrap, size_t count)
{
	reload_engine_enter(p->engine);
	reload_membership_bootstrap(p->membership, bootstrap, count);
	reload_engine_exit(p->engine);
}

void reload_peer_hint(struct reload_peer *p, const struct reload_ip_port *addrs, size_t count)
{
	reload_engine_enter(p->engine);
	reload_membership_hint(p->membership, addrs, count);
	reload_engine_exit(p->engine);
}

void reload_peer_hasten(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	reload_membership_hasten(p->membership);
	reload_engine_exit(p->engine);
}

void reload_peer_remember(struct reload_peer *p, const struct reload_ip_port *addrs, size_t count)
{
	reload_engine_enter(p->engine);
	reload_membership_remember(p->membership, addrs, count);
	reload_engine_exit(p->engine);
}

void reload_peer_addresses_changed(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	reload_membership_addresses_changed(p->membership);
	reload_engine_exit(p->engine);
}

void reload_peer_leave(struct reload_peer *p, bool now)
{
	reload_engine_enter(p->engine);
	reload_membership_leave(p->membership, now);
	reload_engine_exit(p->engine);
}

void reload_peer_storage(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	reload_membership_storage(p->membership);
	reload_engine_exit(p->engine);
}

void reload_peer_credentials(struct reload_peer *p, const struct reload_credentials *credentials)
{
	reload_engine_enter(p->engine);
	reload_exchange_credentials_set(p->exchange, credentials);
	reload_certificates_forget(p->certificates);
	reload_membership_certified(p->membership);
	reload_engine_exit(p->engine);
}
