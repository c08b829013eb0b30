/* What can be read of a broken forwarding header, and the structures inside an ErrorResponse. */
#include "wire_hex.h"

#define NODE          "0110101112131415161718191a1b1c1d1e1f"
#define RESOURCE      "021110dee1ebcd105d3d47adf43aba6fd674e8"
#define FIXED(length) "d2454c4f 9aa32b8d 0016 0a 64 c0000000 " length " 0123456789abcdef 00000000 "

/* part() is the fields that are read of hex, and asserts that the header is refused exactly when it breaks. */
static json_t *part(struct wire_ctx *ctx, const char *hex, struct reload_break *at)
{
	struct span bytes = wire_hex(ctx->arena, hex);
	struct reload_header h;
	json_t *fields = reload_header_part(at, bytes, ctx);
	assert_int_equal(!reload_header_read(&h, bytes, ctx), !at->reason[0]);
	return fields;
}

static void it_breaks_where_and_why(void **state)
{
	static const struct {
		const char *hex, *reason;
		size_t offset, fields; /* that can be read */
	} rows[] = {
		{ "", "relo_token has 4 bytes, 0 are left", 0, 0 },
		{ "d2454c", "relo_token has 4 bytes, 3 are left", 0, 0 },
		{ "d2454c4e 9aa32b8d", "relo_token is 0xd2454c4e instead of 0xd2454c4f", 0, 0 },
		{ "d2454c4f 9aa32b8d 0016 0a 64 c00000", "fragment has 4 bytes, 3 are left", 12,
			5 },
		{ FIXED("00000026") "00", "via_list length has 2 bytes, 1 are left", 32, 9 },
		{ FIXED("00000026") "0000 0012 00", "options length has 2 bytes, 1 are left", 36,
			9 },
		/* R-6.3.2-21: the lists fit */
		{ FIXED("00000038") "0000 0013 0000" NODE,
			"destination_list has 19 bytes, 18 are left", 38, 11 },
		{ FIXED("00000100") "0012 0024 0000" NODE NODE "ff",
			"destination_list has 36 bytes, 19 are left", 56, 11 },
		{ FIXED("0000005c") "0000 0014 0000" NODE "0111", "destination_list[1]: ", 56, 11 },
		{ FIXED("0000004a") "0013 0000 0000" RESOURCE,
			"via_list[0]: a Resource-ID in a Via List", 38, 10 },
		{ FIXED("0000004b") "0000 0025 0000" RESOURCE NODE,
			"destination_list[0]: a Resource-ID before the end", 38, 11 },
		{ FIXED("0000003e") "0000 0012 0003" NODE "010000", "options[0]: ", 56, 12 },
		{ FIXED("00000026") "0000 0012 0000" NODE,
			"length is 38 bytes, the header alone has 56", 16, 12 },
		{ FIXED("00000038") "0000 0012 0000" NODE, "", 0, 12 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_break at;
		json_t *fields = part(ctx_of(state), rows[i].hex, &at);
		if (strncmp(at.reason, rows[i].reason, strlen(rows[i].reason)) != 0 ||
			!at.reason[0] != !rows[i].reason[0])
			fail_msg("\"%s\", not \"%s\"", at.reason, rows[i].reason);
		if (rows[i].reason[0])
			assert_int_equal(at.offset, rows[i].offset);
		if (json_object_size(fields) != rows[i].fields)
			fail_msg("%s: %s", rows[i].reason, json_dumps(fields, 0));
		json_decref(fields);
	}
}

static void every_cut_of_a_header_is_told(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	struct span whole =
		wire_hex(ctx->arena, FIXED("0000005b") "0012 0013 0010" NODE RESOURCE
						       "0104000411223344 0104000411223344");
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, whole, ctx), RELOAD_OK);
	size_t before = 0;
	for (size_t len = 0; len < whole.len; len++) {
		struct reload_break at;
		json_t *fields = reload_header_part(&at, span_of(whole.at, len), ctx);
		assert_true(at.reason[0] && at.offset <= len);
		assert_true(json_object_size(fields) >= before);
		before = json_object_size(fields);
		json_decref(fields);
	}
	assert_int_equal(before, 12);
}

static void an_error_holds_a_structure(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	static const struct {
		uint16_t code;
		const char *info, *json;
	} rows[] = {
		/* R-7.4.1.2-03: a StoreAns */
		{ 5, "000e f0000001 0000000000000009 0000",
			"{\"kind_responses\":[{\"kind\":4026531841,\"generation_counter\":\"9\","
			"\"replicas\":[]}]}" },
		{ 5, "0000", "{\"kind_responses\":[]}" },
		{ 5, "000e f0000001 00000000000000", NULL },
		{ 5, "", NULL },
		{ 5, "746578740a", NULL },
		/* R-7.4.1.2-08: the list of Kinds */
		{ 12, "08 f00000fe f00000ff", "{\"unknown_kinds\":[4026532094,4026532095]}" },
		{ 12, "07 f00000fe f00000", NULL },
		{ 12, "04 f00000fe 00", NULL },
		{ 12, "", NULL },
		{ 2, "0000", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_error_response e = { .error_code = rows[i].code,
			.error_info = wire_hex(ctx->arena, rows[i].info) };
		json_t *json = reload_error_info_json(&e, ctx);
		char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
		if (!text != !rows[i].json || (text && strcmp(text, rows[i].json) != 0))
			fail_msg("row %zu: %s", i, text ? text : "nothing");
		free(text);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_breaks_where_and_why),
		cmocka_unit_test(every_cut_of_a_header_is_told),
		cmocka_unit_test(an_error_holds_a_structure),
	};
	return cmocka_run_group_tests(tests, wire_setup, wire_teardown);
}
