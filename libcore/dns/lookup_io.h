/* Host names to addresses with c-ares on the agent's loop: asynchronous, both families, nothing cached. */
#pragma once

#include "link/poll_io.h"
#include "wire/destination.h"

struct reload_dns_lookup;

enum {
	RELOAD_DNS_LIMIT_MS = 10000 /* most time that one lookup takes */
};

/*
 * Called once, from the loop, never from inside reload_dns_lookup().  count is 0 when the name has no address, and reason
 * then says why; else reason is NULL.  Everything is borrowed for the time of the call; the lookup is freed before it.
 */
typedef void (*reload_dns_fn)(
	void *arg, const struct reload_ip_port *addrs, size_t count, const char *reason);

/*
 * reload_dns_lookup() starts to look up the IPv4 and IPv6 addresses of host, each reported with port.  The system's resolver
 * configuration and hosts file are read anew for each lookup, as a long-lived process outlives changes of them.  The lookup is
 * owned by the resolver and ends by itself; reload_dns_cancel() ends it without a call (NULL is legal).
 */
struct reload_dns_lookup *reload_dns_lookup(
	struct reload_poll *poll, const char *host, uint16_t port, reload_dns_fn fn, void *arg);
void reload_dns_cancel(struct reload_dns_lookup *lookup);
