/* Join, Leave and RouteQuery (RFC 6940 s6.4.2). */
#pragma once

#include "wire/destination.h"

struct reload_join_req {
	struct reload_id joining_peer_id;
	struct span overlay_specific_data;
};

struct reload_join_ans {
	struct span overlay_specific_data;
};

struct reload_leave_req {
	struct reload_id leaving_peer_id;
	struct span overlay_specific_data;
};

struct reload_route_query_req {
	bool send_update;
	struct reload_destination destination;
	struct span overlay_specific_data;
};

extern const struct wire_type reload_join_req_wire, reload_join_ans_wire, reload_leave_req_wire,
	reload_route_query_req_wire;
