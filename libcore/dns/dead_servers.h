/*
 * Which SIP servers failed lately, so that calls do not all wait for the same dead one (RFC 3263 s4.3).  A failed server is not left out but tried
 * last: its penalty begins with RELOAD_DEAD_FIRST_MS, doubles with each failure in a row, and a server that answers has none.
 * One server is one address, port and transport: another one of the same domain is not concerned.
 */
#pragma once

#include "dns/locate.h"
#include "util/clock.h"

enum {
	RELOAD_DEAD_MAX =
		256, /* remembered; a further one takes the place of the one whose penalty ends first */
	RELOAD_DEAD_FIRST_MS = 30000,
	RELOAD_DEAD_MOST_MS = 300000
};

struct reload_dead_server {
	struct reload_locate_server server;
	unsigned failures; /* in a row */
	reload_ms until;   /* monotonic */
};

/* Zero-initialised: none. */
struct reload_dead_servers {
	struct reload_dead_server at[RELOAD_DEAD_MAX];
	size_t count;
};

/*
 * reload_dead_failed() notes that a server did not answer, could not be reached, or sent 503; at_least is what it asked for itself
 * ("Retry-After", 0: nothing), which lengthens the penalty up to RELOAD_DEAD_MOST_MS.
 */
void reload_dead_failed(struct reload_dead_servers *d, const struct reload_locate_server *server,
	reload_ms now, reload_ms at_least);

/* reload_dead_answered() forgets what was noted of a server. */
void reload_dead_answered(struct reload_dead_servers *d, const struct reload_locate_server *server);

/* reload_dead_order() moves servers with a penalty behind the others, the one whose penalty ends first in front; else the order stays. */
void reload_dead_order(const struct reload_dead_servers *d, struct reload_locate_server *servers,
	size_t count, reload_ms now);
