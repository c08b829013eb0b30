/* What changes under a running agent: SIGHUP and agent.refresh, and the end of its certificate. */
#pragma once

#include "host.h"

/*
 * host_refresh() opens the file of the log again and reads certificate, key and document that the agent was started with; what is
 * new and passes all checks is taken, links stay.  Returns the result of agent.refresh (owned); what was and was not taken is logged.
 */
json_t *host_refresh(struct host *h);

/*
 * host_validity_start() watches the own certificate: warns before it ends, and leaves the overlay when it does, as no node would
 * believe this one.  A certificate that host_refresh() takes joins again.  host_refresh_clear() ends it and frees what was replaced.
 */
void host_validity_start(struct host *h);
void host_refresh_clear(struct host *h);
