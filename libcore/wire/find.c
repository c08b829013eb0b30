#include "wire/find.h"

#include "wire/internal.h"

static const struct wire_field find_req_fields[] = {
	{ WIRE_BYTES(struct reload_find_req, resource, 1) },
	{ WIRE_INTS(struct reload_find_req, kinds, 1) },
};
const struct wire_type reload_find_req_wire =
	WIRE_TYPE(struct reload_find_req, "FindReq", find_req_fields);

static const struct wire_field find_kind_fields[] = {
	{ WIRE_INT(struct reload_find_kind, kind) },
	{ WIRE_BYTES(struct reload_find_kind, closest, 1) },
};
static const struct wire_type find_kind_wire =
	WIRE_TYPE(struct reload_find_kind, "FindKindData", find_kind_fields);

static const struct wire_field find_ans_fields[] = {
	{ WIRE_VEC(struct reload_find_ans, results, 2, find_kind_wire) },
};
const struct wire_type reload_find_ans_wire =
	WIRE_TYPE(struct reload_find_ans, "FindAns", find_ans_fields);
