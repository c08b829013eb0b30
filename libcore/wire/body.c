/* Which structure the body of a message is, by its code. */
#include "wire/internal.h"
#include "wire/message.h"

/* Message codes (RFC 6940 s14.8); no table: the body is empty. */
static const struct {
	uint16_t code;
	const char *name;
	const struct wire_type *wire;
} codes[] = {
	{ RELOAD_PROBE_REQ, "probe_req", &reload_probe_req_wire },
	{ RELOAD_PROBE_ANS, "probe_ans", &reload_probe_ans_wire },
	{ RELOAD_ATTACH_REQ, "attach_req", &reload_attach_wire },
	{ RELOAD_ATTACH_ANS, "attach_ans", &reload_attach_wire },
	{ RELOAD_STORE_REQ, "store_req", &reload_store_req_wire },
	{ RELOAD_STORE_ANS, "store_ans", &reload_store_ans_wire },
	{ RELOAD_FETCH_REQ, "fetch_req", &reload_fetch_req_wire },
	{ RELOAD_FETCH_ANS, "fetch_ans", &reload_fetch_ans_wire },
	{ RELOAD_FIND_REQ, "find_req", &reload_find_req_wire },
	{ RELOAD_FIND_ANS, "find_ans", &reload_find_ans_wire },
	{ RELOAD_JOIN_REQ, "join_req", &reload_join_req_wire },
	{ RELOAD_JOIN_ANS, "join_ans", &reload_join_ans_wire },
	{ RELOAD_LEAVE_REQ, "leave_req", &reload_leave_req_wire },
	{ RELOAD_LEAVE_ANS, "leave_ans", NULL },
	{ RELOAD_UPDATE_REQ, "update_req", &reload_chord_update_wire },
	{ RELOAD_UPDATE_ANS, "update_ans", NULL },
	{ RELOAD_ROUTE_QUERY_REQ, "route_query_req", &reload_route_query_req_wire },
	{ RELOAD_ROUTE_QUERY_ANS, "route_query_ans", &reload_chord_route_query_ans_wire },
	{ RELOAD_PING_REQ, "ping_req", &reload_ping_req_wire },
	{ RELOAD_PING_ANS, "ping_ans", &reload_ping_ans_wire },
	{ RELOAD_STAT_REQ, "stat_req", &reload_stat_req_wire },
	{ RELOAD_STAT_ANS, "stat_ans", &reload_stat_ans_wire },
	{ RELOAD_APP_ATTACH_REQ, "app_attach_req", &reload_app_attach_wire },
	{ RELOAD_APP_ATTACH_ANS, "app_attach_ans", &reload_app_attach_wire },
	{ RELOAD_CONFIG_UPDATE_REQ, "config_update_req", &reload_config_update_wire },
	{ RELOAD_CONFIG_UPDATE_ANS, "config_update_ans", NULL },
	{ RELOAD_PATH_TRACK_REQ, "path_track_req", &reload_path_track_req_wire },
	{ RELOAD_PATH_TRACK_ANS, "path_track_ans", &reload_path_track_ans_wire },
	{ RELOAD_ERROR, "error", &reload_error_response_wire },
};

static int find_code(uint16_t code)
{
	for (int i = 0; i < (int)COUNT_OF(codes); i++)
		if (codes[i].code == code)
			return i;
	return -1;
}

const struct wire_type *reload_body_wire(uint16_t code)
{
	int i = find_code(code);
	return i < 0 ? NULL : codes[i].wire;
}

bool reload_body_is_empty(uint16_t code)
{
	int i = find_code(code);
	return i >= 0 && !codes[i].wire;
}

const char *reload_code_name(uint16_t code)
{
	int i = find_code(code);
	return i < 0 ? NULL : codes[i].name;
}
