/*
 * How the agent finds its bootstrap nodes: those that were named, host names looked up before each join, and the cached
 * peers.
 */
#pragma once

#include "host.h"

/*
 * host_join_prepare() reads --bootstrap and --advertise; RELOAD_USAGE with why.  host_join_clear() ends what is under
 * way; call it before the loop ends.
 */
enum reload_err host_join_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
void host_join_clear(struct host *h);

/*
 * host_join_start() does what the settings ask for at the start: join, form a ring, or wait for reload-join.  RELOAD_UNREACHABLE when
 * no bootstrap node is named, RELOAD_FORBIDDEN for a client where none are permitted, with why.
 */
enum reload_err host_join_start(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;

/* host_join_again() has host names looked up anew, as a join failed or the overlay was lost; it does not call the engine. */
void host_join_again(struct host *h);

/* host_join_found() lets a join that waits for addresses go on soon: one was found on the local network. */
void host_join_found(struct host *h);

/* host_join_advertised() fills out with the addresses of --advertise and returns their number. */
size_t host_join_advertised(const struct host *h, struct reload_ip_port *out, size_t max);

/* host_join_bootstrap() fills out with the bootstrap nodes that a join would try, at most max, and returns their number. */
size_t host_join_bootstrap(const struct host *h, struct reload_ip_port *out, size_t max);

/* host_join_change() joins anew at once, in another role. */
void host_join_change(struct host *h, enum reload_role role);

/* host_ready() writes the line to --ready-fd, once. */
void host_ready(struct host *h);
