/* Where requests go. */
#pragma once

#include "reload-sip-adapter/fork.h"

extern const struct fork_router route_router;

/* route_ack() sends the ACK for a 2xx to the other end of its dialog, once (RFC 3261 s16.11). */
void route_ack(struct adapter *a, struct message *m, struct call *call, struct call_end *sender,
	struct call_end *receiver);
