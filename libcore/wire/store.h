/* Store (RFC 6940 s7.4.1). */
#pragma once

#include "wire/stored.h"

struct reload_store_kind {
	uint32_t kind;
	uint64_t generation_counter;
	struct reload_stored_data *values;
	size_t values_count;
};

struct reload_store_req {
	struct span resource;
	uint8_t replica_number;
	struct reload_store_kind *kind_data;
	size_t kind_data_count;
};

struct reload_store_kind_response {
	uint32_t kind;
	uint64_t generation_counter;
	struct reload_id *replicas;
	size_t replicas_count;
};

struct reload_store_ans {
	struct reload_store_kind_response *kind_responses;
	size_t kind_responses_count;
};

extern const struct wire_type reload_store_req_wire, reload_store_ans_wire;
