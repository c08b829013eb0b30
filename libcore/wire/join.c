#include "wire/join.h"

#include "wire/internal.h"

static const struct wire_field join_req_fields[] = {
	{ WIRE_NODE_ID(struct reload_join_req, joining_peer_id) },
	{ WIRE_BYTES(struct reload_join_req, overlay_specific_data, 2) },
};
const struct wire_type reload_join_req_wire =
	WIRE_TYPE(struct reload_join_req, "JoinReq", join_req_fields);

static const struct wire_field join_ans_fields[] = {
	{ WIRE_BYTES(struct reload_join_ans, overlay_specific_data, 2) },
};
const struct wire_type reload_join_ans_wire =
	WIRE_TYPE(struct reload_join_ans, "JoinAns", join_ans_fields);

static const struct wire_field leave_req_fields[] = {
	{ WIRE_NODE_ID(struct reload_leave_req, leaving_peer_id) },
	{ WIRE_BYTES(struct reload_leave_req, overlay_specific_data, 2) },
};
const struct wire_type reload_leave_req_wire =
	WIRE_TYPE(struct reload_leave_req, "LeaveReq", leave_req_fields);

static const struct wire_field route_query_req_fields[] = {
	{ WIRE_BOOL(struct reload_route_query_req, send_update) },
	{ WIRE_STRUCT(struct reload_route_query_req, destination, reload_destination_wire) },
	{ WIRE_BYTES(struct reload_route_query_req, overlay_specific_data, 2) },
};
const struct wire_type reload_route_query_req_wire =
	WIRE_TYPE(struct reload_route_query_req, "RouteQueryReq", route_query_req_fields);
