#include "wire/error.h"

#include "wire/internal.h"
#include "wire/store.h"

/* RFC 6940 s14.9, RFC 7851 s9.4; without the two codes for experiments, which must not be used in operation. */
static const struct wire_name error_codes[] = {
	{ 2, "Error_Forbidden" },
	{ 3, "Error_Not_Found" },
	{ 4, "Error_Request_Timeout" },
	{ 5, "Error_Generation_Counter_Too_Low" },
	{ 6, "Error_Incompatible_with_Overlay" },
	{ 7, "Error_Unsupported_Forwarding_Option" },
	{ 8, "Error_Data_Too_Large" },
	{ 9, "Error_Data_Too_Old" },
	{ 10, "Error_TTL_Exceeded" },
	{ 11, "Error_Message_Too_Large" },
	{ 12, "Error_Unknown_Kind" },
	{ 13, "Error_Unknown_Extension" },
	{ 14, "Error_Response_Too_Large" },
	{ 15, "Error_Config_Too_Old" },
	{ 16, "Error_Config_Too_New" },
	{ 17, "Error_In_Progress" },
	{ 20, "Error_Invalid_Message" },
	{ 21, "Error_Underlay_Destination_Unreachable" },
	{ 22, "Error_Underlay_Time_Exceeded" },
	{ 23, "Error_Message_Expired" },
	{ 24, "Error_Upstream_Misrouting" },
	{ 25, "Error_Loop_Detected" },
	{ 26, "Error_TTL_Hops_Exceeded" },
	{ 0, NULL },
};

static const struct wire_field error_response_fields[] = {
	{ WIRE_INT(struct reload_error_response, error_code), WIRE_NAMES(error_codes) },
	{ WIRE_BYTES(struct reload_error_response, error_info, 2), WIRE_TEXT },
};
const struct wire_type reload_error_response_wire =
	WIRE_TYPE(struct reload_error_response, "ErrorResponse", error_response_fields);

static json_t *store_ans_json(struct span info, const struct wire_ctx *ctx)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx in = *ctx;
	struct reload_store_ans ans;
	in.arena = &arena;
	json_t *json = reload_wire_decode(info, &reload_store_ans_wire, &in, &ans)
			       ? NULL
			       : reload_wire_json(&reload_store_ans_wire, &in, &ans);
	reload_arena_clear(&arena);
	return json;
}

static json_t *kinds_json(struct span info)
{
	struct rd r = rd_of(info), list = rd_open(&r, 1);
	json_t *kinds = json_array();
	while (rd_more(&list)) {
		uint32_t kind = rd_u32(&list);
		if (!list.err)
			json_array_append_new(kinds, json_integer(kind));
	}
	if (!r.err && !list.err && !rd_more(&r))
		return json_pack("{s:o}", "unknown_kinds", kinds);
	json_decref(kinds);
	return NULL;
}

json_t *reload_error_info_json(const struct reload_error_response *e, const struct wire_ctx *ctx)
{
	enum {
		GENERATION_COUNTER_TOO_LOW = 5,
		UNKNOWN_KIND = 12
	};
	return e->error_code == GENERATION_COUNTER_TOO_LOW ? store_ans_json(e->error_info, ctx)
	       : e->error_code == UNKNOWN_KIND             ? kinds_json(e->error_info)
							   : NULL;
}

const char *reload_error_code_name(uint16_t error_code)
{
	for (const struct wire_name *n = error_codes; n->name; n++)
		if (n->value == error_code)
			return n->name;
	return NULL;
}
