#include "wire/ping.h"

#include "wire/internal.h"

static const struct wire_field ping_req_fields[] = {
	{ WIRE_BYTES(struct reload_ping_req, padding, 2), WIRE_OPTIONAL },
};
const struct wire_type reload_ping_req_wire =
	WIRE_TYPE(struct reload_ping_req, "PingReq", ping_req_fields);

static const struct wire_field ping_ans_fields[] = {
	{ WIRE_INT(struct reload_ping_ans, response_id), WIRE_HEX },
	{ WIRE_INT(struct reload_ping_ans, time) },
};
const struct wire_type reload_ping_ans_wire =
	WIRE_TYPE(struct reload_ping_ans, "PingAns", ping_ans_fields);
