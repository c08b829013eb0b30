/* Find (RFC 6940 s7.4.4). */
#pragma once

#include "wire/schema.h"

struct reload_find_req {
	struct span resource;
	uint32_t *kinds;
	size_t kinds_count;
};

struct reload_find_kind {
	uint32_t kind;
	struct span closest;
};

struct reload_find_ans {
	struct reload_find_kind *results;
	size_t results_count;
};

extern const struct wire_type reload_find_req_wire, reload_find_ans_wire;
