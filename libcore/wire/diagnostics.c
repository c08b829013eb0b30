#include "wire/diagnostics.h"

#include "wire/internal.h"

/* clang-format off */
static const struct wire_field extension_fields[] = {
	{ WIRE_INT(struct reload_diagnostic_extension, kind), WIRE_HEX },
	{ WIRE_BYTES(struct reload_diagnostic_extension, contents, 4) },
};
static const struct wire_type extension_wire =
	WIRE_TYPE(struct reload_diagnostic_extension, "DiagnosticExtension", extension_fields);

static const struct wire_field request_fields[] = {
	{ WIRE_INT(struct reload_diagnostics_request, expiration) },
	{ WIRE_INT(struct reload_diagnostics_request, timestamp_initiated) },
	{ WIRE_INT(struct reload_diagnostics_request, flags), WIRE_HEX },
	{ WIRE_VEC_TWICE(struct reload_diagnostics_request, extensions, extension_wire),
		WIRE_LIMIT(RELOAD_LIMIT_DIAGNOSTICS) },
};
const struct wire_type reload_diagnostics_request_wire =
	WIRE_TYPE(struct reload_diagnostics_request, "DiagnosticsRequest", request_fields);

static const struct wire_field info_fields[] = {
	{ WIRE_INT(struct reload_diagnostic_info, kind), WIRE_HEX },
	{ WIRE_BYTES(struct reload_diagnostic_info, contents, 2) },
};
static const struct wire_type info_wire =
	WIRE_TYPE(struct reload_diagnostic_info, "DiagnosticInfo", info_fields);

static const struct wire_field response_fields[] = {
	{ WIRE_INT(struct reload_diagnostics_response, expiration) },
	{ WIRE_INT(struct reload_diagnostics_response, timestamp_initiated) },
	{ WIRE_INT(struct reload_diagnostics_response, timestamp_received) },
	{ WIRE_INT(struct reload_diagnostics_response, hop_counter) },
	{ WIRE_VEC_TWICE(struct reload_diagnostics_response, info, info_wire),
		WIRE_LIMIT(RELOAD_LIMIT_DIAGNOSTICS) },
};
const struct wire_type reload_diagnostics_response_wire =
	WIRE_TYPE(struct reload_diagnostics_response, "DiagnosticsResponse", response_fields);

static const struct wire_field path_track_req_fields[] = {
	{ WIRE_STRUCT(struct reload_path_track_req, destination, reload_destination_wire) },
	{ WIRE_STRUCT(struct reload_path_track_req, request, reload_diagnostics_request_wire) },
};
const struct wire_type reload_path_track_req_wire =
	WIRE_TYPE(struct reload_path_track_req, "PathTrackReq", path_track_req_fields);

static const struct wire_field path_track_ans_fields[] = {
	{ WIRE_STRUCT(struct reload_path_track_ans, next_hop, reload_destination_wire) },
	{ WIRE_STRUCT(struct reload_path_track_ans, response, reload_diagnostics_response_wire) },
};
const struct wire_type reload_path_track_ans_wire =
	WIRE_TYPE(struct reload_path_track_ans, "PathTrackAns", path_track_ans_fields);
/* clang-format on */
