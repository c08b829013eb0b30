/* Where the request of a SIP URI goes, asked of name servers on the loop (RFC 3263; the decisions are in dns/locate.h). */
#pragma once

#include "dns/locate.h"
#include "link/poll_io.h"

struct reload_location;

/*
 * Called once, from the loop, never from inside reload_location_ask().  servers are in the order to try them and borrowed for the time of the call;
 * err as reload_locate_new() and reload_locate_servers() have it, then count is 0 and why explains it.  The location is freed before.
 */
typedef void (*reload_location_fn)(void *arg, const struct reload_locate_server *servers,
	size_t count, enum reload_err err, const struct reload_error_text *why);

/*
 * reload_location_ask() starts; the answer comes within RELOAD_LOCATE_LIMIT_MS.  The system's resolver configuration and hosts file are read anew each
 * time, its search list is not used, as the names of URIs are whole.  Nothing is cached: that is what name servers do.  The location is owned by the
 * resolver and ends by itself; reload_location_cancel() ends it without a call (NULL is legal).
 */
struct reload_location *reload_location_ask(struct reload_poll *poll,
	const struct reload_locate_uri *uri, reload_location_fn fn, void *arg);
void reload_location_cancel(struct reload_location *location);
