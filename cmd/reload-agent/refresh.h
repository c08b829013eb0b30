/* What can change while the agent runs: SIGHUP and agent.refresh, and the end of its certificate. */
#pragma once

#include "host.h"

/*
 * host_refresh() opens the file of the log again and reads the certificate, key and document with which the agent was
 * started; it takes what is new and passes all checks, and links stay.  Returns the result of agent.refresh (owned) and
 * logs what was taken.
 */
json_t *host_refresh(struct host *h);

/* host_refresh_offer() sets the operations `refresh` and `publish` of the agent. */
void host_refresh_offer(struct host *h);

/*
 * host_validity_start() watches the own certificate: it warns before the certificate ends, and leaves the overlay when
 * it does, because no node would accept this one any more.  After host_refresh() has taken a newer certificate the node
 * joins again.  host_refresh_clear() ends it and frees what was replaced.
 */
void host_validity_start(struct host *h);
void host_refresh_clear(struct host *h);
