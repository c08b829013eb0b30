/* What can change while the agent runs: SIGHUP and agent.refresh, and the end of its certificate or document. */
#pragma once

#include "host.h"

/*
 * host_refresh() opens the file of the log again and reads the certificate, key and document with which the agent was
 * started; it takes what is new and passes all checks, and links stay.  Returns the result of agent.refresh (owned) and
 * logs what was taken.
 */
json_t *host_refresh(struct host *h);

/* host_document_path() returns the path of the identity's own copy of the document (owned). */
char *host_document_path(const struct host *h);

/* host_refresh_offer() sets the operation `publish` of the agent. */
void host_refresh_offer(struct host *h);

/*
 * host_validity_start() watches the own certificate and the document: it warns before the certificate ends, and leaves the overlay when
 * one of them does: no node would accept this one any more, or there is no valid configuration (R-11.1-08).  After host_refresh() has taken
 * a newer one the node joins again.  host_refresh_clear() ends it and frees what was replaced.
 */
void host_validity_start(struct host *h);
void host_refresh_clear(struct host *h);
