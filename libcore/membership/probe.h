/* Probes of a node and their answers: the uptime, and in an overlay that sets its own pace the estimates that go with each (RFC 7363 s6.5). */
#pragma once

#include "exchange/incoming.h"
#include "exchange/request.h"
#include "route/decide.h"

/* reload_probe_send() starts r, a Probe, with the estimates of this node if it has any. */
void reload_probe_send(const struct reload_route *route, struct reload_request *r,
	const struct reload_probe_req *req);
/* reload_probe_answer() answers the Probe in and ends it; its estimates are taken, and those of this node go with the answer. */
void reload_probe_answer(const struct reload_route *route, struct reload_incoming *in,
	const struct reload_probe_ans *ans);
/* reload_probe_heard() takes the estimates that in brought, a Probe or its answer; none is legal. */
void reload_probe_heard(const struct reload_route *route, struct reload_incoming *in);
/* reload_probe_uptime() sets for how many seconds the node has run that answered a Probe; false: it did not say so. */
bool reload_probe_uptime(const struct reload_result *result, uint32_t *uptime_s);
