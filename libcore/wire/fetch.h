/* Fetch and Stat (RFC 6940 s7.4.2, s7.4.3). */
#pragma once

#include "wire/stored.h"

struct reload_array_range {
	uint32_t first, last;
};

struct reload_vec16_bytes {
	struct span bytes;
};

struct reload_specifier {
	uint32_t kind;
	uint64_t generation;
	uint8_t model; /* from the Kind */
	struct reload_array_range *ranges;
	size_t ranges_count;
	struct reload_vec16_bytes *keys;
	size_t keys_count;
	struct span raw; /* model_specifier of an unknown Kind */
};

/* FetchReq and StatReq */
struct reload_fetch_req {
	struct span resource;
	struct reload_specifier *specifiers;
	size_t specifiers_count;
};

struct reload_fetch_kind_response {
	uint32_t kind;
	uint64_t generation;
	struct reload_stored_data *values;
	size_t values_count;
};

struct reload_fetch_ans {
	struct reload_fetch_kind_response *kind_responses;
	size_t kind_responses_count;
};

struct reload_metadata {
	bool exists;
	uint32_t value_length;
	uint8_t hash_algorithm;
	struct span hash_value;
};

struct reload_stored_metadata {
	uint64_t storage_time;
	uint32_t lifetime;
	uint8_t model;
	uint32_t index;
	struct span key;
	struct reload_metadata metadata;
	struct span raw; /* unknown Kind: all behind lifetime */
};

struct reload_stat_kind_response {
	uint32_t kind;
	uint64_t generation;
	struct reload_stored_metadata *values;
	size_t values_count;
};

struct reload_stat_ans {
	struct reload_stat_kind_response *kind_responses;
	size_t kind_responses_count;
};

extern const struct wire_type reload_fetch_req_wire, reload_fetch_ans_wire, reload_stat_req_wire,
	reload_stat_ans_wire, reload_specifier_wire;
