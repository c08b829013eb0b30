/* Ping (RFC 6940 s6.5.3). */
#pragma once

#include "wire/schema.h"

struct reload_ping_req {
	struct span padding;
};

struct reload_ping_ans {
	uint64_t response_id, time; /* time: ms since 1970 */
};

/* An empty body is accepted as a PingReq without padding (interop MSG-01). */
extern const struct wire_type reload_ping_req_wire, reload_ping_ans_wire;
