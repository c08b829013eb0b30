/* Probe (RFC 6940 s6.4.2.5). */
#pragma once

#include "wire/schema.h"

struct reload_probe_req {
	struct span requested_info; /* one byte per type */
};

struct reload_probe_info {
	uint8_t type;
	uint32_t value;  /* parts per billion, number of Resource-IDs, or seconds */
	struct span raw; /* unknown type */
};

struct reload_probe_ans {
	struct reload_probe_info *probe_info;
	size_t probe_info_count;
};

extern const struct wire_type reload_probe_req_wire, reload_probe_ans_wire;
