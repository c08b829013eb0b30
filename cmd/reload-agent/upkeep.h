/* The agent gets a newer certificate and document from the servers of its overlay before they end (RFC 6940 s11.1, s11.3). */
#pragma once

#include "host.h"

/*
 * host_upkeep_start() begins to watch the ends of both, and sets the operation `refresh` of the agent: host_refresh(), after which what is
 * due and was put off after failures is tried at once.  host_upkeep_stop() ends it, also what is under way.
 */
void host_upkeep_start(struct host *h);
void host_upkeep_stop(struct host *h);

/*
 * host_upkeep_behind() notes that another node has a newer document, which may be too large for a message (CFG-15): when none has come
 * soon, it is fetched.  It may be called from inside the engine.
 */
void host_upkeep_behind(struct host *h);
