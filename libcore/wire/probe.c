#include "wire/probe.h"

#include "wire/internal.h"

static const struct wire_name probe_types[] = {
	{ RELOAD_PROBE_RESPONSIBLE_SET, "responsible_set" },
	{ RELOAD_PROBE_NUM_RESOURCES, "num_resources" },
	{ RELOAD_PROBE_UPTIME, "uptime" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field probe_req_fields[] = {
	{ WIRE_BYTES(struct reload_probe_req, requested_info, 1) },
};
const struct wire_type reload_probe_req_wire =
	WIRE_TYPE(struct reload_probe_req, "ProbeReq", probe_req_fields);

static const struct wire_field probe_info_fields[] = {
	{ WIRE_INT(struct reload_probe_info, type), WIRE_NAMES(probe_types) },
	{ WIRE_REST(1) },
	{ WIRE_INT(struct reload_probe_info, value),
		WIRE_WHEN(struct reload_probe_info, type, RELOAD_PROBE_RESPONSIBLE_SET, RELOAD_PROBE_UPTIME) },
	{ WIRE_BYTES(struct reload_probe_info, raw, 0),
		WIRE_UNLESS(struct reload_probe_info, type, RELOAD_PROBE_RESPONSIBLE_SET, RELOAD_PROBE_UPTIME) },
};
static const struct wire_type probe_info_wire =
	WIRE_TYPE(struct reload_probe_info, "ProbeInformation", probe_info_fields);

static const struct wire_field probe_ans_fields[] = {
	{ WIRE_VEC(struct reload_probe_ans, probe_info, 2, probe_info_wire) },
};
/* clang-format on */
const struct wire_type reload_probe_ans_wire =
	WIRE_TYPE(struct reload_probe_ans, "ProbeAns", probe_ans_fields);
