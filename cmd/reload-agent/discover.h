/*
 * Nodes on the local network (concepts document s2.5, s5.4): they are looked for, and this one is announced, by DNS-SD over mDNS and by the
 * multicast groups of the configuration (multicast.h).  What is found is an address to try, no more; the certificate there decides.
 */
#pragma once

#include "host.h"

/*
 * host_discover_prepare() reads --discover; RELOAD_USAGE with why.  host_discover_start() begins to look; found is called after an address
 * was given to the engine.  RELOAD_FAILED when the
 * plug-in or Avahi's libraries are not there.  host_discover_stop() withdraws the announcement and ends it,
 * host_discover_clear() frees what was read.
 */
enum reload_err host_discover_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
enum reload_err host_discover_start(
	struct host *h, void (*found)(struct host *h), struct reload_error_text *why) MUST_CHECK;
void host_discover_stop(struct host *h);
void host_discover_clear(struct host *h);

/* host_discover_state() announces this node while it is a joined peer, and withdraws that; it may be called from inside the engine. */
void host_discover_state(struct host *h, enum reload_state state);

/*
 * host_discover_failed() looks for others as no bootstrap node has answered.  host_discover_configured() goes on with a newer document.  Both may
 * be called from inside the engine.
 */
void host_discover_failed(struct host *h);
void host_discover_configured(struct host *h, const struct reload_config *config);

/*
 * host_discover_wait() begins to look for others, where knows_others does not say that there are bootstrap nodes to try, and returns how long a join
 * should wait for them, 0: not (any more).
 */
reload_ms host_discover_wait(const struct host *h, bool knows_others);
/* host_discover_any() returns whether an address was found so far. */
bool host_discover_any(const struct host *h);

/* host_discover_json() returns `discovery` of agent.status (owned): JSON null without --discover. */
json_t *host_discover_json(const struct host *h);
