/* The extension of Probe with which peers of CHORD-SELF-TUNING share their estimates (RFC 7363 s6.5). */
#include "wire_contents.h"
#include "wire_rows.h"

#define DATA      "000001f0 00001b6d 00000005"
#define EXTENSION "00000013 0003 00 0000000c" DATA
#define REQUEST   "0001 00000002 0103"
#define ANSWER    "0002 00000008 0006 03040000 0bb8"

static void structure(void **state)
{
	static const struct good_row good[] = {
		{ &reload_self_tuning_wire, DATA,
			"{'network_size':496,'join_rate':7021,'leave_rate':5}", false },
		{ &reload_self_tuning_wire, "ffffffff 00000000 ffffffff",
			"{'network_size':4294967295,'join_rate':0,'leave_rate':4294967295}",
			false },
	};
	for (size_t i = 0; i < COUNT_OF(good); i++)
		rows_good(ctx_of(state), &good[i]);
}

/* Peers write these bytes; R7363-24, R7363-25: in the request and in the answer, type 3 and not critical. */
static void as_it_is_written(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	static const uint8_t uptime = RELOAD_PROBE_UPTIME;
	struct reload_probe_req req = { .requested_info = span_of(&uptime, 1) };
	struct reload_probe_info info = { .type = RELOAD_PROBE_UPTIME, .value = 3000 };
	struct reload_probe_ans ans = { .probe_info = &info, .probe_info_count = 1 };
	struct reload_extension e = { .type = RELOAD_EXTENSION_SELF_TUNING,
		.contents = wire_hex(ctx->arena, DATA) };
	const struct {
		uint16_t code;
		const void *body;
		const char *hex;
	} rows[] = { { RELOAD_PROBE_REQ, &req, REQUEST EXTENSION },
		{ RELOAD_PROBE_ANS, &ans, ANSWER EXTENSION } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct span expected = wire_hex(ctx->arena, rows[i].hex);
		struct reload_self_tuning of;
		struct wr w;
		wr_init(&w);
		reload_contents_write(&w, ctx, rows[i].code, rows[i].body, &e, 1);
		assert_int_equal(w.len, expected.len);
		assert_memory_equal(w.at, expected.at, expected.len);
		wr_clear(&w);
		AUTO(reload_msg) m = wire_message(ctx, rows[i].hex);
		assert_false(m->extensions[0].critical);
		assert_true(reload_msg_self_tuning(m, ctx, &of));
		assert_int_equal(of.network_size, 496);
		assert_int_equal(of.join_rate, 7021);
		assert_int_equal(of.leave_rate, 5);
		json_t *j = reload_msg_json(m, ctx),
		       *x = json_array_get(json_object_get(j, "extensions"), 0);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(x, "self_tuning_data"), "join_rate")),
			7021);
		json_decref(j);
	}
}

/* 11 bytes are none, 13 are 12 and something of a later version; nothing of it hurts the Probe. */
static void other_lengths(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	static const struct {
		const char *contents;
		bool there;
	} rows[] = {
		{ REQUEST "00000000", false }, { REQUEST "00000007 0003 00 00000000", false },
		{ REQUEST "00000012 0003 00 0000000b 000001f0 00001b6d 000000", false },
		{ REQUEST "00000014 0003 00 0000000d" DATA "ff", true },
		{ REQUEST "00000013 0004 00 0000000c" DATA, false },
		/* the first of two counts, also when it is too short */
		{ REQUEST "0000001a 0003 00 00000000 0003 00 0000000c" DATA, false },
		{ "0017 00000002 0000" EXTENSION, false }, /* of a Ping */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_self_tuning of = { 0 };
		AUTO(reload_msg) m = wire_message(ctx, rows[i].contents);
		assert_int_equal(reload_msg_body(m, ctx), RELOAD_OK);
		assert_int_equal(reload_msg_self_tuning(m, ctx, &of), rows[i].there);
		assert_int_equal(of.network_size, rows[i].there ? 496 : 0);
		json_decref(reload_msg_json(m, ctx));
	}
	assert_true(reload_extension_known(RELOAD_EXTENSION_SELF_TUNING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(structure),
		wire_test(as_it_is_written),
		wire_test(other_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
