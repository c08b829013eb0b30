#include "wire/store.h"

#include "wire/internal.h"

/* clang-format off */
static const struct wire_field store_kind_fields[] = {
	{ WIRE_KIND(struct reload_store_kind, kind) },
	{ WIRE_INT(struct reload_store_kind, generation_counter) },
	{ WIRE_VEC(struct reload_store_kind, values, 4, reload_stored_data_wire), WIRE_LIMIT(RELOAD_LIMIT_VALUES) },
};
static const struct wire_type store_kind_wire =
	WIRE_TYPE(struct reload_store_kind, "StoreKindData", store_kind_fields);

static const struct wire_field store_req_fields[] = {
	{ WIRE_BYTES(struct reload_store_req, resource, 1) },
	{ WIRE_INT(struct reload_store_req, replica_number) },
	{ WIRE_VEC(struct reload_store_req, kind_data, 4, store_kind_wire) },
};
const struct wire_type reload_store_req_wire =
	WIRE_TYPE(struct reload_store_req, "StoreReq", store_req_fields);

static const struct wire_field store_kind_response_fields[] = {
	{ WIRE_INT(struct reload_store_kind_response, kind) },
	{ WIRE_INT(struct reload_store_kind_response, generation_counter) },
	{ WIRE_NODE_IDS(struct reload_store_kind_response, replicas, 2) },
};
static const struct wire_type store_kind_response_wire =
	WIRE_TYPE(struct reload_store_kind_response, "StoreKindResponse", store_kind_response_fields);

static const struct wire_field store_ans_fields[] = {
	{ WIRE_VEC(struct reload_store_ans, kind_responses, 2, store_kind_response_wire) },
};
/* clang-format on */
const struct wire_type reload_store_ans_wire =
	WIRE_TYPE(struct reload_store_ans, "StoreAns", store_ans_fields);
