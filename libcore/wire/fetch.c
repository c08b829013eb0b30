#include "wire/fetch.h"

#include "wire/internal.h"

/* clang-format off */
static const struct wire_field array_range_fields[] = {
	{ WIRE_INT(struct reload_array_range, first) },
	{ WIRE_INT(struct reload_array_range, last) },
};
static const struct wire_type array_range_wire =
	WIRE_TYPE(struct reload_array_range, "ArrayRange", array_range_fields);

static const struct wire_field key_fields[] = {
	{ WIRE_BYTES(struct reload_vec16_bytes, bytes, 2) },
};
static const struct wire_type key_wire = WIRE_TYPE(struct reload_vec16_bytes, "DictionaryKey", key_fields);

static const struct wire_field specifier_fields[] = {
	{ WIRE_KIND(struct reload_specifier, kind) },
	{ WIRE_INT(struct reload_specifier, generation) },
	{ WIRE_MODEL(struct reload_specifier, model) },
	{ WIRE_REST(2) },
	{ WIRE_VEC(struct reload_specifier, ranges, 2, array_range_wire),
		WIRE_IS(struct reload_specifier, model, RELOAD_MODEL_ARRAY) },
	{ WIRE_VEC(struct reload_specifier, keys, 2, key_wire),
		WIRE_IS(struct reload_specifier, model, RELOAD_MODEL_DICTIONARY) },
	{ WIRE_BYTES(struct reload_specifier, raw, 0),
		WIRE_UNKNOWN_MODEL(struct reload_specifier, model) },
};
const struct wire_type reload_specifier_wire =
	WIRE_TYPE(struct reload_specifier, "StoredDataSpecifier", specifier_fields);

static const struct wire_field fetch_req_fields[] = {
	{ WIRE_BYTES(struct reload_fetch_req, resource, 1) },
	{ WIRE_VEC(struct reload_fetch_req, specifiers, 2, reload_specifier_wire) },
};
const struct wire_type reload_fetch_req_wire =
	WIRE_TYPE(struct reload_fetch_req, "FetchReq", fetch_req_fields);
const struct wire_type reload_stat_req_wire =
	WIRE_TYPE(struct reload_fetch_req, "StatReq", fetch_req_fields);

static const struct wire_field fetch_kind_response_fields[] = {
	{ WIRE_KIND(struct reload_fetch_kind_response, kind) },
	{ WIRE_INT(struct reload_fetch_kind_response, generation) },
	{ WIRE_VEC(struct reload_fetch_kind_response, values, 4, reload_stored_data_wire),
		WIRE_LIMIT(RELOAD_LIMIT_VALUES) },
};
static const struct wire_type fetch_kind_response_wire =
	WIRE_TYPE(struct reload_fetch_kind_response, "FetchKindResponse", fetch_kind_response_fields);

static const struct wire_field fetch_ans_fields[] = {
	{ WIRE_VEC(struct reload_fetch_ans, kind_responses, 4, fetch_kind_response_wire) },
};
const struct wire_type reload_fetch_ans_wire =
	WIRE_TYPE(struct reload_fetch_ans, "FetchAns", fetch_ans_fields);

static const struct wire_field metadata_fields[] = {
	{ WIRE_BOOL(struct reload_metadata, exists) },
	{ WIRE_INT(struct reload_metadata, value_length) },
	{ WIRE_INT(struct reload_metadata, hash_algorithm), WIRE_NAMES(reload_hash_names) },
	{ WIRE_BYTES(struct reload_metadata, hash_value, 1) },
};
static const struct wire_type metadata_wire =
	WIRE_TYPE(struct reload_metadata, "MetaData", metadata_fields);

/* RFC 6940 s7.4.3 calls the length value_length here; it covers the rest of the structure (interop STO-08). */
static const struct wire_field stored_metadata_fields[] = {
	{ WIRE_REST(4) },
	{ WIRE_INT(struct reload_stored_metadata, storage_time) },
	{ WIRE_INT(struct reload_stored_metadata, lifetime) },
	{ WIRE_MODEL(struct reload_stored_metadata, model) },
	{ WIRE_INT(struct reload_stored_metadata, index),
		WIRE_IS(struct reload_stored_metadata, model, RELOAD_MODEL_ARRAY) },
	{ WIRE_BYTES(struct reload_stored_metadata, key, 2),
		WIRE_IS(struct reload_stored_metadata, model, RELOAD_MODEL_DICTIONARY) },
	{ WIRE_STRUCT(struct reload_stored_metadata, metadata, metadata_wire),
		WIRE_KNOWN_MODEL(struct reload_stored_metadata, model) },
	{ WIRE_BYTES(struct reload_stored_metadata, raw, 0),
		WIRE_UNKNOWN_MODEL(struct reload_stored_metadata, model) },
};
static const struct wire_type stored_metadata_wire =
	WIRE_TYPE(struct reload_stored_metadata, "StoredMetaData", stored_metadata_fields);

static const struct wire_field stat_kind_response_fields[] = {
	{ WIRE_KIND(struct reload_stat_kind_response, kind) },
	{ WIRE_INT(struct reload_stat_kind_response, generation) },
	{ WIRE_VEC(struct reload_stat_kind_response, values, 4, stored_metadata_wire),
		WIRE_LIMIT(RELOAD_LIMIT_VALUES) },
};
static const struct wire_type stat_kind_response_wire =
	WIRE_TYPE(struct reload_stat_kind_response, "StatKindResponse", stat_kind_response_fields);

static const struct wire_field stat_ans_fields[] = {
	{ WIRE_VEC(struct reload_stat_ans, kind_responses, 4, stat_kind_response_wire) },
};
/* clang-format on */
const struct wire_type reload_stat_ans_wire =
	WIRE_TYPE(struct reload_stat_ans, "StatAns", stat_ans_fields);
