/* What CHORD-RELOAD puts into Update, RouteQuery and Leave (RFC 6940 s10.7 to s10.9). */
#pragma once

#include "wire/schema.h"

struct reload_chord_update {
	uint32_t uptime; /* seconds */
	uint8_t type;    /* enum reload_chord_update_type */
	struct reload_id *predecessors, *successors, *fingers;
	size_t predecessors_count, successors_count, fingers_count;
};

struct reload_chord_route_query_ans {
	struct reload_id next_peer;
};

struct reload_chord_leave {
	uint8_t type; /* enum reload_chord_leave_type */
	struct reload_id
		*peers; /* from_succ: the sender's successors; from_pred: its predecessors */
	size_t peers_count;
};

extern const struct wire_type reload_chord_update_wire, reload_chord_route_query_ans_wire,
	reload_chord_leave_wire;
