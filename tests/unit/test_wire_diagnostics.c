/* Bytes of RFC 7851: requests and responses, PathTrack, the Diagnostic_Ping extension and the values of the Kinds. */
#include "wire_contents.h"
#include "wire_rows.h"

#define T0     "0000019b76daa800"
#define T0_60S "0000019b76db9260"
#define X      "0c51a942f50c828aef82a5af83e8ed59"
#define B      "9abc0000000000000000000000000003"
#define REQUEST                                                                                    \
	T0_60S T0 "0000000000008046"                                                               \
		  "00000000"                                                                       \
		  "00000000"
#define VERSION "64656d6f2d72656c6f61642f312e302028556e69783b204c696e7578207838365f36342900"
#define INFO                                                                                       \
	"0001000103"                                                                               \
	"0002000400000014"                                                                         \
	"00060025" VERSION "000f000107"
#define RESPONSE                                                                                   \
	"0000019b76db92ee" T0 "0000019b76daa88e"                                                   \
	"64"                                                                                       \
	"0000003b"                                                                                 \
	"0000003b" INFO
#define PATH_TRACK  "0211 10" X REQUEST
#define PATH_ANSWER "0110" B RESPONSE
#define TIMES       "'expiration':'1767225660000','timestamp_initiated':'1767225600000'"
#define INFO_JSON                                                                                  \
	"[{'kind':'0x0001','contents':'03'},{'kind':'0x0002','contents':'00000014'},"              \
	"{'kind':'0x0006','contents':'" VERSION "'},{'kind':'0x000f','contents':'07'}]"

static void structures(void **state)
{
	static const struct good_row good[] = {
		/* R7851-12, R7851-25: the mandatory fields and no extension, whose length is 0 (R7851-28) */
		{ &reload_diagnostics_request_wire, REQUEST,
			"{" TIMES ",'flags':'0x0000000000008046','extensions':[]}", true },
		/* R7851-27, R7851-13: the length counts the list of extensions alone, and is there twice */
		{ &reload_diagnostics_request_wire,
			T0_60S T0 "0000000000000000 00000006 00000006 f001 00000000",
			"{" TIMES ",'flags':'0x0000000000000000','extensions':[{'kind':'0xf001','"
			"contents':''}]}",
			true },
		{ &reload_diagnostics_response_wire, RESPONSE,
			"{'expiration':'1767225660142','timestamp_initiated':'1767225600000','"
			"timestamp_received':'1767225600142','hop_counter':100,'info':" INFO_JSON
			"}",
			true },
		/* R7851-32: a destination and a request */
		{ &reload_path_track_req_wire, PATH_TRACK,
			"{'destination':{'type':'resource','resource':'" X "'},'request':{" TIMES
			",'flags':'0x0000000000008046','extensions':[]}}",
			true },
		/* R7851-9: the next hop and a response */
		{ &reload_path_track_ans_wire, PATH_ANSWER,
			"{'next_hop':{'type':'node','node':'" B
			"'},'response':{'expiration':'1767225660142','timestamp_initiated':'"
			"1767225600000','timestamp_received':'1767225600142','hop_counter':100,'"
			"info':" INFO_JSON "}}",
			true },
	};
	static const struct bad_row bad[] = {
		{ &reload_diagnostics_request_wire, T0_60S T0, RELOAD_SHORT },
		{ &reload_diagnostics_request_wire, T0_60S T0 "0000000000000000", RELOAD_SHORT },
		/* the list is shorter than its length, or longer, or the two lengths disagree */
		{ &reload_diagnostics_request_wire,
			T0_60S T0 "0000000000000000 00000007 00000007 f001 00000000",
			RELOAD_SHORT },
		{ &reload_diagnostics_request_wire,
			T0_60S T0 "0000000000000000 00000005 00000005 f001 00000000",
			RELOAD_BAD_VALUE },
		{ &reload_diagnostics_request_wire,
			T0_60S T0 "0000000000000000 00000009 00000006 f001 00000000",
			RELOAD_BAD_VALUE },
		{ &reload_diagnostics_request_wire,
			T0_60S T0 "0000000000000000 ffffffff ffffffff f001 00000000",
			RELOAD_SHORT },
		{ &reload_diagnostics_request_wire, T0_60S T0 "0000000000000000 00000000 0000",
			RELOAD_SHORT },
		/* an entry is cut off by the end of the list */
		{ &reload_diagnostics_request_wire,
			T0_60S T0 "0000000000000000 00000006 00000006 f001 00000001",
			RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

/* What others may send instead of the two equal lengths is read as well (digest 4.2). */
static void lengths(void **state)
{
	static const char *const same[] = {
		T0_60S T0
		"0000000000000000 0000000a 00000006 f001 00000000",  /* counts the second */
		T0_60S T0 "0000000000000000 00000006 f001 00000000", /* which is not there */
	};
	struct reload_diagnostics_request q;
	for (size_t i = 0; i < COUNT_OF(same); i++) {
		assert_int_equal(
			wire_get(&reload_diagnostics_request_wire, ctx_of(state), same[i], &q),
			RELOAD_OK);
		assert_int_equal(q.extensions_count, 1);
		assert_int_equal(q.extensions[0].kind, 0xf001);
	}
	/* an empty list without its own length */
	assert_int_equal(wire_get(&reload_diagnostics_request_wire, ctx_of(state),
				 T0_60S T0 "0000000000000002 00000000", &q),
		RELOAD_OK);
	assert_int_equal(q.extensions_count, 0);
	assert_int_equal(q.flags, 2);
}

static void too_many(void **state)
{
	struct reload_diagnostic_extension list[RELOAD_LIMIT_DIAGNOSTICS + 1] = { 0 };
	struct reload_diagnostics_request q = { .extensions = list,
		.extensions_count = RELOAD_LIMIT_DIAGNOSTICS };
	struct wire_ctx *ctx = ctx_of(state);
	assert_int_equal(wire_refused(&reload_diagnostics_request_wire, ctx, &q), RELOAD_OK);
	q.extensions_count++;
	assert_int_equal(wire_refused(&reload_diagnostics_request_wire, ctx, &q), RELOAD_LIMIT);
}

#define PING_ASKS                                                                                  \
	"0017 00000002 0000 0000002d 0002 00 00000026" T0_60S T0                                   \
	"0000000000000100 00000006 00000006 f001 00000000"
#define PING_SAYS                                                                                  \
	"0018 00000010 0123456789abcdef 0000019b76daa850 00000034 0002 00 0000002d"                \
	"0000019b76db92b0" T0 "0000019b76daa850 62 0000000c 0000000c 0008 0008 0000000000015180"

/* R7851-30, R7851-2: a Ping carries the request, and its answer the response, as an extension that is not critical. */
static void diagnostic_ping(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	struct reload_diagnostics_request q;
	struct reload_diagnostics_response s;
	AUTO(reload_msg) asks = wire_message(ctx, PING_ASKS);
	AUTO(reload_msg) says = wire_message(ctx, PING_SAYS);
	assert_false(asks->extensions[0].critical);
	assert_int_equal(reload_msg_diagnostics_request(asks, ctx, &q), RELOAD_OK);
	assert_int_equal(q.flags, reload_diagnostic_flag(RELOAD_DIAGNOSTIC_APP_UPTIME));
	assert_int_equal(q.extensions_count, 1);
	assert_int_equal(reload_msg_diagnostics_response(asks, ctx, &s), RELOAD_NO_VALUE);
	assert_int_equal(reload_msg_diagnostics_response(says, ctx, &s), RELOAD_OK);
	assert_int_equal(s.hop_counter, 98);
	assert_int_equal(s.info_count, 1);
	json_t *j = reload_msg_json(says, ctx),
	       *e = json_array_get(json_object_get(j, "extensions"), 0);
	json_t *info =
		json_array_get(json_object_get(json_object_get(e, "Diagnostic_Ping"), "info"), 0);
	assert_string_equal(json_string_value(json_object_get(info, "name")), "APP_UPTIME");
	assert_string_equal(json_string_value(json_object_get(info, "value")), "86400");
	assert_string_equal(json_string_value(json_object_get(info, "unit")), "s");
	json_decref(j);
	assert_true(reload_extension_known(RELOAD_EXTENSION_DIAGNOSTIC_PING));
	assert_false(reload_extension_known(1));
	assert_false(reload_extension_known(4));
}

static void path_track_codes(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	/* R7851-32, R7851-43 */
	AUTO(reload_msg) asks = wire_message(ctx, "0027 00000033" PATH_TRACK "00000000");
	AUTO(reload_msg) says = wire_message(ctx, "0028 0000006e" PATH_ANSWER "00000000");
	assert_int_equal(reload_msg_body(asks, ctx), RELOAD_OK);
	assert_int_equal(reload_msg_body(says, ctx), RELOAD_OK);
	assert_int_equal(says->body.path_track_ans.response.info_count, 4);
	json_t *j = reload_msg_json(says, ctx);
	json_t *info =
		json_object_get(json_object_get(json_object_get(j, "body"), "response"), "info");
	assert_string_equal(json_string_value(json_object_get(json_array_get(info, 2), "value")),
		"demo-reload/1.0 (Unix; Linux x86_64)");
	json_decref(j);
}

/* The JSON of a value, as text with ' for "; "" for none. */
static const char *value(struct wire_ctx *ctx, uint16_t kind, const char *hex)
{
	static char text[512];
	json_t *j = reload_diagnostic_value(kind, wire_hex(ctx->arena, hex));
	char *s = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
	snprintf(text, sizeof(text), "%s", s ? s : "");
	for (char *quote = text; (quote = strchr(quote, '"'));)
		*quote = '\'';
	free(s);
	json_decref(j);
	return text;
}

static void values(void **state)
{
	static const struct {
		uint16_t kind;
		const char *hex, *json;
	} rows[] = {
		{ 0x1, "03", "3" },
		{ 0x1, "f3", "3" }, /* R7851-20: only the low four bits count */
		{ 0x1, "0003", "" },
		{ 0x2, "00000014", "20" },
		{ 0x2, "14", "" },
		{ 0x3, "00000000000003e8", "'1000'" },
		{ 0x4, "ffffffffffffffff", "'18446744073709551615'" },
		{ 0x5, "", "" },
		{ 0x6, "312e3000", "'1.0'" },
		{ 0x6, "00", "''" },
		{ 0x6, "312e30", "" },   /* R7851-22: NUL at the end */
		{ 0x6, "31003000", "" }, /* R7851-23: and nowhere else */
		{ 0x6, "31ff00", "" },
		{ 0xd, "ffffffff", "4294967295" },
		{ 0xf, "07", "7" },
		{ 0x10, "00", "'battery'" }, /* R7851-24 */
		{ 0x10, "7f", "'battery'" },
		{ 0x10, "80", "'mains'" },
		{ 0xb, "00000001 000000000000000c 00000010 0000000000000003",
			"[{'kind_id':1,'count':'12'},{'kind_id':16,'count':'3'}]" },
		{ 0xb, "", "[]" },
		{ 0xb, "00000001 000000000000000c 00", "" },
		{ 0xc, "0017 0000000000000028 0000000000000007",
			"[{'message_code':23,'name':'ping_req','sent':'40','received':'7'}]" },
		{ 0xc, "7777 0000000000000001 0000000000000000",
			"[{'message_code':30583,'name':null,'sent':'1','received':'0'}]" },
		{ 0xc, "0017", "" },
		{ 0x0, "00", "" },
		{ 0x11, "00", "" }, /* not assigned */
		{ 0xf001, "00", "" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(value(ctx_of(state), rows[i].kind, rows[i].hex), rows[i].json);
}

static void kinds(void **state)
{
	static const struct {
		const char *text;
		uint16_t kind; /* 0: no Kind */
	} rows[] = { { "STATUS_INFO", 1 }, { "status_info", 1 }, { "BATTERY_STATUS", 16 },
		{ "16", 16 }, { "0x10", 16 }, { "0XF001", 0xf001 }, { "0", 0 }, { "0x", 0 },
		{ "", 0 }, { "65535", 0 }, { "65534", 65534 }, { "99999", 0 }, { "0x10000", 0 },
		{ "-1", 0 }, { "STATUS", 0 }, { "1a", 0 } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint16_t kind = 0;
		assert_int_equal(reload_diagnostic_named(&kind, rows[i].text), rows[i].kind != 0);
		assert_int_equal(kind, rows[i].kind);
	}
	/* R7851-12, R7851-18: all flags are all Kinds; the first and the last flag are none */
	assert_int_equal(reload_diagnostics_kinds(RELOAD_DIAGNOSTICS_ALL), 0x1fffe);
	assert_int_equal(reload_diagnostics_kinds(0x8000000000000001), 0);
	assert_int_equal(reload_diagnostics_kinds(0x8000000000040003), 2);
	assert_int_equal(reload_diagnostics_kinds(0), 0);
	/* R7851-56 */
	assert_string_equal(reload_diagnostic_name(0xe), "EWMA_BYTES_RCVD");
	assert_null(reload_diagnostic_name(0));
	assert_null(reload_diagnostic_name(0x11));
	assert_null(reload_diagnostic_unit(0xf001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(structures),
		wire_test(lengths),
		wire_test(too_many),
		wire_test(diagnostic_ping),
		wire_test(path_track_codes),
		wire_test(values),
		wire_test(kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
