/* Where the agent listens, and which of its addresses it sends to others. */
#pragma once

#include "host.h"
#include "link/app_streams_io.h"

/*
 * host_addresses_read() fills out with the addresses that the setting key lists, at most max, and *count with their number;
 * RELOAD_USAGE with why.
 */
enum reload_err host_addresses_read(struct reload_ip_port *out, size_t max, size_t *count,
	const struct agent_settings *s, const char *key, struct reload_error_text *why) MUST_CHECK;

/* host_listen() listens at h->listen and collects the own candidates; failures of reload_links_listen() with why. */
enum reload_err host_listen(struct host *h, struct reload_error_text *why) MUST_CHECK;

/*
 * host_own_addresses() fills out with the addresses of h->listen, of a wildcard address with those that the interfaces have now, at most
 * max, and returns their number; loopback ones only when there are no others.
 */
size_t host_own_addresses(const struct host *h, struct reload_ip_port *out, size_t max);

/*
 * host_listen_app() waits for connections for app wherever the agent listens, each at a port of its own, and fills out with the own candidates for them, at
 * most max; returns how many.
 */
size_t host_listen_app(const struct host *h, struct reload_app_streams *streams, uint32_t app,
	struct reload_link_target *out, size_t max);

/* host_listens_at() returns whether `at` is an address of this agent. */
bool host_listens_at(const struct host *h, const struct reload_ip_port *at);

/* host_listen_json() fills in the list of agent.status with the ports that were chosen, and logs them. */
void host_listen_json(struct host *h);
