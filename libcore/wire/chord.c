#include "wire/chord.h"

#include "wire/internal.h"

static const struct wire_name update_types[] = {
	{ RELOAD_CHORD_PEER_READY, "peer_ready" },
	{ RELOAD_CHORD_NEIGHBORS, "neighbors" },
	{ RELOAD_CHORD_FULL, "full" },
	{ 0, NULL },
};
static const struct wire_name leave_types[] = {
	{ RELOAD_CHORD_FROM_SUCC, "from_succ" },
	{ RELOAD_CHORD_FROM_PRED, "from_pred" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field chord_update_fields[] = {
	{ WIRE_INT(struct reload_chord_update, uptime) },
	{ WIRE_INT(struct reload_chord_update, type), WIRE_NAMES(update_types),
		WIRE_STRICT(RELOAD_CHORD_PEER_READY, RELOAD_CHORD_FULL) },
	{ WIRE_NODE_IDS(struct reload_chord_update, predecessors, 2),
		WIRE_WHEN(struct reload_chord_update, type, RELOAD_CHORD_NEIGHBORS, RELOAD_CHORD_FULL) },
	{ WIRE_NODE_IDS(struct reload_chord_update, successors, 2),
		WIRE_WHEN(struct reload_chord_update, type, RELOAD_CHORD_NEIGHBORS, RELOAD_CHORD_FULL) },
	{ WIRE_NODE_IDS(struct reload_chord_update, fingers, 2), WIRE_OPTIONAL,
		WIRE_IS(struct reload_chord_update, type, RELOAD_CHORD_FULL) },
};
const struct wire_type reload_chord_update_wire =
	WIRE_TYPE(struct reload_chord_update, "ChordUpdate", chord_update_fields);

static const struct wire_field chord_route_query_ans_fields[] = {
	{ WIRE_NODE_ID(struct reload_chord_route_query_ans, next_peer) },
};
const struct wire_type reload_chord_route_query_ans_wire =
	WIRE_TYPE(struct reload_chord_route_query_ans, "ChordRouteQueryAns", chord_route_query_ans_fields);

static const struct wire_field chord_leave_fields[] = {
	{ WIRE_INT(struct reload_chord_leave, type), WIRE_NAMES(leave_types),
		WIRE_STRICT(RELOAD_CHORD_FROM_SUCC, RELOAD_CHORD_FROM_PRED) },
	{ WIRE_NODE_IDS(struct reload_chord_leave, peers, 2) },
};
/* clang-format on */
const struct wire_type reload_chord_leave_wire =
	WIRE_TYPE(struct reload_chord_leave, "ChordLeaveData", chord_leave_fields);
