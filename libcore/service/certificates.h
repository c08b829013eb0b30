/*
 * The certificate-store usage (RFC 6940 s8): once joined, a node keeps its certificate under its user name and under its
 * Node-ID.  It looks first whether it is there already (STO-14) and appends it when it is not.
 */
#pragma once

#include "exchange/exchange.h"

struct reload_certificates;

/* reload_certificates_new() makes the service (owned) of a node that is in no overlay. */
struct reload_certificates *reload_certificates_new(struct reload_engine *engine,
	const struct reload_route *route, struct reload_exchange *exchange);
void reload_certificates_free(struct reload_certificates *c);

/*
 * reload_certificates_joined() stores them soon, unless that was done.  reload_certificates_away() waits until the node is back,
 * reload_certificates_stop() until it joins anew.
 */
void reload_certificates_joined(struct reload_certificates *c);
void reload_certificates_away(struct reload_certificates *c);
void reload_certificates_stop(struct reload_certificates *c);
/* reload_certificates_forget() takes nothing for stored: the overlay, or the certificate, is another one. */
void reload_certificates_forget(struct reload_certificates *c);
