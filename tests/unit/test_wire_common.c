/* What all tables have in common: vectors, Booleans, lengths, addresses, caps; JSON and text. */
#include "wire_hex.h"

#define ID_A "101112131415161718191a1b1c1d1e1f"

static void lengths_are_as_wide_as_needed(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_probe_req probe;
	struct reload_ping_req ping;
	struct reload_config_update config;
	struct reload_store_req store;
	/* R-6.3.1-01: 8, 16, 24 and 32 bits */
	wire_both(&reload_probe_req_wire, ctx, "03 010203", &probe);
	wire_both(&reload_ping_req_wire, ctx, "0004 deadbeef", &ping);
	wire_both(&reload_config_update_wire, ctx, "01 00000005 000002 3c3e", &config);
	span_is(config.config, "<>");
	wire_both(&reload_store_req_wire, ctx,
		"0100 00 00000010 f0000001 0000000000000000 00000000", &store);
	assert_int_equal(store.kind_data_count, 1);
	/* what does not fit the length is refused, not cut */
	uint8_t long_value[256] = { 0 };
	probe.requested_info = span_of(long_value, sizeof(long_value));
	assert_int_equal(wire_refused(&reload_probe_req_wire, ctx, &probe), RELOAD_BAD_VALUE);
}

/* Unknown data model, no bytes: nothing to write into a writer that has no buffer yet. */
static void nothing_is_a_value_too(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_stored_value v;
	assert_int_equal(wire_get(&reload_stored_value_wire, ctx, "", &v), RELOAD_OK);
	wire_put(&reload_stored_value_wire, ctx, &v, "");
}

static void elements_are_whole(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_chord_leave leave;
	struct reload_find_req find;
	/* R-6.3.1-02: Node-IDs in 17 bytes, Kind-IDs in 5 */
	assert_int_equal(
		wire_get(&reload_chord_leave_wire, ctx, "01 0011" ID_A "22", &leave), RELOAD_SHORT);
	assert_int_equal(
		wire_get(&reload_find_req_wire, ctx, "0100 05 0000000200", &find), RELOAD_SHORT);
	wire_both(&reload_find_req_wire, ctx, "0100 08 00000002f0000001", &find);
	assert_int_equal(find.kinds_count, 2);
	assert_int_equal(find.kinds[1], 0xf0000001);
}

static void booleans_are_zero_or_one(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_route_query_req q;
	/* R-6.3.1.1-01 */
	wire_both(&reload_route_query_req_wire, ctx, "01 802a 0000", &q);
	assert_true(q.send_update);
	wire_both(&reload_route_query_req_wire, ctx, "00 802a 0000", &q);
	assert_false(q.send_update);
	assert_int_equal(
		wire_get(&reload_route_query_req_wire, ctx, "02 802a 0000", &q), RELOAD_BAD_VALUE);
}

static void resource_ids_have_a_length_byte(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_fetch_req fetch = { .resource = span_str("FOO") };
	/* R-6.3.1.1-03 */
	wire_put(&reload_fetch_req_wire, ctx, &fetch, "03464f4f 0000");
	uint8_t too_long[256] = { 1 };
	fetch.resource = span_of(too_long, sizeof(too_long));
	assert_int_equal(wire_refused(&reload_fetch_req_wire, ctx, &fetch), RELOAD_BAD_VALUE);
}

static void addresses(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_ip_port a;
	char text[64];
	/* R-6.3.1.1-04 */
	wire_both(&reload_ip_port_wire, ctx, "01 06 c0000201 17c4", &a);
	assert_string_equal(reload_ip_port_text(text, &a), "192.0.2.1:6084");
	wire_both(&reload_ip_port_wire, ctx, "02 12 20010db8000000000000000000000002 17c4", &a);
	assert_string_equal(reload_ip_port_text(text, &a), "[2001:db8::2]:6084");
	assert_int_equal(
		wire_get(&reload_ip_port_wire, ctx, "01 07 c0000201 17c4 00", &a), RELOAD_TRAILING);
	assert_int_equal(
		wire_get(&reload_ip_port_wire, ctx, "02 06 c0000201 17c4", &a), RELOAD_SHORT);
	wire_both(&reload_ip_port_wire, ctx, "09 03 010203", &a);
	assert_string_equal(reload_ip_port_text(text, &a), "type 9");
}

static void addresses_are_parsed(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} good[] = {
		{ "192.0.2.1", "192.0.2.1:6084" },
		{ "192.0.2.1:1", "192.0.2.1:1" },
		{ "2001:db8::1", "[2001:db8::1]:6084" },
		{ "[2001:db8::1]", "[2001:db8::1]:6084" },
		{ "[::1]:65535", "[::1]:65535" },
	};
	static const char *const bad[] = { "", ":1", "192.0.2.1:", "192.0.2.1:65536",
		"192.0.2.1:1x", "example.org", "[192.0.2.1]:5", "[::1", "[::1]5", "1.2.3.4.5",
		"192.0.2.1:+1", "2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8" };
	struct reload_ip_port a;
	char text[64];
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(
			reload_ip_port_parse(&a, good[i].in, RELOAD_DEFAULT_PORT), RELOAD_OK);
		assert_string_equal(reload_ip_port_text(text, &a), good[i].out);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(
			reload_ip_port_parse(&a, bad[i], RELOAD_DEFAULT_PORT), RELOAD_BAD_VALUE);
}

static void addresses_of_one_node(void **state)
{
	(void)state;
	static const struct {
		const char *in, *fault;
	} all[] = {
		{ "192.0.2.1:1", NULL },
		{ "127.0.0.1:65535", NULL },
		{ "223.255.255.255:1", NULL },
		{ "255.255.255.254:1", NULL },
		{ "[2001:db8::1]:1", NULL },
		{ "[::1]:1", NULL },
		{ "[fe80::1]:1", NULL },
		{ "[::ffff:192.0.2.1]:1", NULL },
		{ "192.0.2.1:0", "port" },
		{ "[2001:db8::1]:0", "port" },
		{ "0.0.0.0:1", "unspecified" },
		{ "0.0.0.1:1", "unspecified" },
		{ "[::]:1", "unspecified" },
		{ "[::ffff:0.0.0.0]:1", "unspecified" },
		{ "224.0.0.1:1", "multicast" },
		{ "239.255.255.255:1", "multicast" },
		{ "[ff02::1]:1", "multicast" },
		{ "[::ffff:224.0.0.1]:1", "multicast" },
		{ "255.255.255.255:1", "broadcast" },
		{ "[::ffff:255.255.255.255]:1", "broadcast" },
		/* compatible, translated, NAT64, 6to4 */
		{ "[::224.0.0.1]:1", "multicast" },
		{ "[::ffff:0:255.255.255.255]:1", "broadcast" },
		{ "[64:ff9b::224.0.0.1]:1", "multicast" },
		{ "[64:ff9b::0.0.0.0]:1", "unspecified" },
		{ "[2002:e000:1::1]:1", "multicast" },
		{ "[2002:ffff:ffff::1]:1", "broadcast" },
		{ "[64:ff9b::192.0.2.1]:1", NULL },
		{ "[2002:c000:201::1]:1", NULL },
	};
	struct reload_ip_port a = { .type = 9, .port = 1 };
	assert_non_null(reload_ip_port_fault(&a));
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_int_equal(
			reload_ip_port_parse(&a, all[i].in, RELOAD_DEFAULT_PORT), RELOAD_OK);
		const char *fault = reload_ip_port_fault(&a);
		assert_int_equal(!fault, !all[i].fault);
		if (fault)
			assert_non_null(strstr(fault, all[i].fault));
	}
}

static void addresses_that_another_node_names(void **state)
{
	(void)state;
	static const struct {
		const char *in, *fault;
	} all[] = {
		{ "192.0.2.1:1", NULL },
		{ "10.0.0.1:1", NULL },
		{ "100.64.0.1:1", NULL },
		{ "128.0.0.1:1", NULL },
		{ "126.255.255.255:1", NULL },
		{ "169.253.255.255:1", NULL },
		{ "[2001:db8::1]:1", NULL },
		{ "[fd00::1]:1", NULL },
		{ "[::ffff:192.0.2.1]:1", NULL },
		{ "[64:ff9b::192.0.2.1]:1", NULL },
		{ "[2002:c000:201::1]:1", NULL },
		{ "192.0.2.1:0", "port" },
		{ "224.0.0.1:1", "multicast" },
		{ "[ff02::1]:1", "multicast" },
		{ "255.255.255.255:1", "broadcast" },
		{ "0.0.0.0:1", "unspecified" },
		{ "240.0.0.1:1", "reserved" },
		{ "169.254.1.1:1", "link-local" },
		{ "169.254.169.254:80", "link-local" },
		{ "[fe80::1]:1", "link-local" },
		{ "[febf::1]:1", "link-local" },
		{ "[fec0::1]:1", "link-local" },
		{ "100.100.100.200:80", "cloud" },
		{ "168.63.129.16:80", "cloud" },
		{ "192.0.0.192:80", "cloud" },
		{ "[fd00:ec2::254]:80", "cloud" },
		{ "[fd20:ce::254]:80", "cloud" },
		{ "[2001::1]:1", "tunnel" },
		{ "[64:ff9b:1::192.0.2.1]:1", "tunnel" },
		/* every spelling of an IPv4 address in an IPv6 address */
		{ "[::ffff:127.0.0.1]:1", "loopback" },
		{ "[::ffff:169.254.169.254]:80", "link-local" },
		{ "[::127.0.0.1]:1", "loopback" },
		{ "[::169.254.169.254]:80", "link-local" },
		{ "[::ffff:0:127.0.0.1]:1", "loopback" },
		{ "[::ffff:0:169.254.169.254]:80", "link-local" },
		{ "[64:ff9b::127.0.0.1]:1", "loopback" },
		{ "[64:ff9b::169.254.169.254]:80", "link-local" },
		{ "[64:ff9b::255.255.255.255]:80", "broadcast" },
		{ "[2002:7f00:1::1]:1", "loopback" },
		{ "[2002:a9fe:a9fe::1]:80", "link-local" },
	};
	static const char *const local[] = { "127.0.0.1:1", "127.255.255.255:1", "[::1]:1",
		"[::ffff:127.0.0.1]:1" };
	struct reload_ip_port a = { .type = 9, .port = 1 };
	assert_non_null(reload_ip_port_claim_fault(&a, true));
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_int_equal(reload_ip_port_parse(&a, all[i].in, 0), RELOAD_OK);
		const char *fault = reload_ip_port_claim_fault(&a, false);
		assert_int_equal(!fault, !all[i].fault);
		if (fault)
			assert_non_null(strstr(fault, all[i].fault));
	}
	for (size_t i = 0; i < COUNT_OF(local); i++) {
		assert_int_equal(reload_ip_port_parse(&a, local[i], 0), RELOAD_OK);
		assert_string_equal(reload_ip_port_claim_fault(&a, false), "a loopback address");
		assert_null(reload_ip_port_claim_fault(&a, true));
	}
	/* no node is reached by these, wherever this one is */
	assert_int_equal(reload_ip_port_parse(&a, "[2002:7f00:1::1]:1", 0), RELOAD_OK);
	assert_non_null(reload_ip_port_claim_fault(&a, true));
	assert_int_equal(reload_ip_port_parse(&a, "[::1]:0", 0), RELOAD_OK);
	assert_non_null(reload_ip_port_claim_fault(&a, true));
}

static void an_ipv4_address_written_as_ipv6(void **state)
{
	(void)state;
	static const char *const all[][2] = {
		{ "[::ffff:192.0.2.1]:7", "192.0.2.1:7" },
		{ "192.0.2.1:7", "192.0.2.1:7" },
		{ "[::192.0.2.1]:7", "[::192.0.2.1]:7" },
		{ "[1::ffff:c000:201]:7", "[1::ffff:c000:201]:7" },
	};
	struct reload_ip_port a, expected;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_int_equal(reload_ip_port_parse(&a, all[i][0], 0), RELOAD_OK);
		assert_int_equal(reload_ip_port_parse(&expected, all[i][1], 0), RELOAD_OK);
		reload_ip_port_unmap(&a);
		assert_memory_equal(&a, &expected, sizeof(a));
	}
}

#define CANDIDATE(addr) addr " 01 0131 7effffff 01 0000"

static void unknown_addresses_do_not_hide_the_others(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_attach a;
	/* R-6.3.1.1-05 */
	wire_both(&reload_attach_wire, ctx,
		"00 00 0770617373697665 0034" CANDIDATE("0106c000020117c4")
			CANDIDATE("0904aabbccdd") CANDIDATE("0106c000020217c4") "00",
		&a);
	assert_int_equal(a.candidates_count, 3);
	assert_int_equal(a.candidates[1].addr_port.type, 9);
	assert_int_equal(a.candidates[1].addr_port.port, 0);
	assert_int_equal(a.candidates[2].addr_port.addr[3], 2);
}

static void unknown_selects_are_refused(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	union reload_body b;
	/* R-6.3.1.1-06 */
	assert_int_equal(
		wire_get(&reload_chord_update_wire, ctx, "00000e10 04", &b), RELOAD_UNKNOWN_TYPE);
	assert_int_equal(
		wire_get(&reload_chord_update_wire, ctx, "00000e10 00", &b), RELOAD_UNKNOWN_TYPE);
	struct reload_chord_leave leave;
	assert_int_equal(
		wire_get(&reload_chord_leave_wire, ctx, "03 0000", &leave), RELOAD_UNKNOWN_TYPE);
	struct reload_ice_candidate c;
	assert_int_equal(wire_get(&reload_ice_candidate_wire, ctx,
				 "0106c000020117c4 01 0131 7effffff 05 0000", &c),
		RELOAD_UNKNOWN_TYPE);
	c.type = 0;
	assert_int_equal(wire_refused(&reload_ice_candidate_wire, ctx, &c), RELOAD_UNKNOWN_TYPE);
}

/* count StoredData of private Kind `kind`, as small as they can be. */
static enum reload_err values(struct wire_ctx *ctx, uint32_t kinds, uint32_t count)
{
	struct wr w;
	struct reload_fetch_ans ans;
	wr_init(&w);
	size_t all = wr_open(&w, 4);
	for (uint32_t k = 0; k < kinds; k++) {
		wr_u32(&w, 0xf0000077);
		wr_u64(&w, 1);
		size_t mark = wr_open(&w, 4);
		for (uint32_t i = 0; i < count; i++) {
			wr_u32(&w, 12);
			wr_u64(&w, 0);
			wr_u32(&w, 0);
		}
		wr_close(&w, mark, 4);
	}
	wr_close(&w, all, 4);
	enum reload_err err = reload_wire_decode(wr_done(&w), &reload_fetch_ans_wire, ctx, &ans);
	assert_true(ctx->arena->total <= RELOAD_LIMIT_ARENA);
	wr_clear(&w);
	return err;
}

/* count candidates, each with that many extensions, as small as they can be. */
static enum reload_err candidates(struct wire_ctx *ctx, uint32_t count, uint32_t extensions)
{
	struct wr w;
	struct reload_attach a;
	wr_init(&w);
	wr_int(&w, 0, 3); /* no ufrag, password, role */
	size_t all = wr_open(&w, 2);
	for (uint32_t i = 0; i < count; i++) {
		wr_bytes(&w, "\1\6\300\0\2\1\27\304\1\0\0\0\0\1\1", 15);
		size_t mark = wr_open(&w, 2);
		for (uint32_t k = 0; k < extensions; k++)
			wr_u32(&w, 0);
		wr_close(&w, mark, 2);
	}
	wr_close(&w, all, 2);
	wr_u8(&w, 0);
	enum reload_err err = reload_wire_decode(wr_done(&w), &reload_attach_wire, ctx, &a);
	assert_true(ctx->arena->total < 500 * 1024);
	reload_arena_clear(ctx->arena);
	wr_clear(&w);
	return err;
}

static void candidates_are_bounded(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	assert_int_equal(candidates(ctx, 100, 16), RELOAD_OK);
	assert_int_equal(candidates(ctx, 101, 0), RELOAD_LIMIT);
	assert_int_equal(candidates(ctx, 1000, 0), RELOAD_LIMIT);
	assert_int_equal(candidates(ctx, 1, 17), RELOAD_LIMIT);
	assert_int_equal(candidates(ctx, 3, 5000), RELOAD_LIMIT);
}

static void memory_is_bounded(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	assert_int_equal(values(ctx, 1, RELOAD_LIMIT_VALUES), RELOAD_OK);
	assert_int_equal(values(ctx, 1, RELOAD_LIMIT_VALUES + 1), RELOAD_LIMIT);
	reload_arena_clear(ctx->arena);
	assert_int_equal(values(ctx, 20, RELOAD_LIMIT_VALUES), RELOAD_LIMIT); /* the arena's cap */
	reload_arena_clear(ctx->arena);
	uint32_t *kinds = reload_alloc_array(RELOAD_LIMIT_LIST + 1, sizeof(*kinds));
	struct reload_find_req find = { .kinds = kinds, .kinds_count = RELOAD_LIMIT_LIST + 1 };
	assert_int_equal(wire_refused(&reload_find_req_wire, ctx, &find), RELOAD_LIMIT);
	free(kinds);
}

static void json_is_plain(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_ping_ans ans = { .response_id = 0x1111222233334444, .time = 1704067201500 };
	json_t *j = reload_wire_json(&reload_ping_ans_wire, ctx, &ans);
	char *text = json_dumps(j, JSON_COMPACT);
	assert_string_equal(
		text, "{\"response_id\":\"0x1111222233334444\",\"time\":\"1704067201500\"}");
	free(text);
	json_decref(j);

	struct reload_probe_ans probe;
	wire_both(&reload_probe_ans_wire, ctx, "000a 01 04 07735940 4d 02 abcd", &probe);
	j = reload_wire_json(&reload_probe_ans_wire, ctx, &probe);
	text = json_dumps(j, JSON_COMPACT);
	assert_string_equal(text,
		"{\"probe_info\":[{\"type\":\"responsible_set\",\"value\":125000000},"
		"{\"type\":77,\"raw\":\"abcd\"}]}");
	free(text);
	json_decref(j);
	assert_string_equal(reload_wire_name(&reload_probe_ans_wire), "ProbeAns");
}

static void put(void *arg, const char *text)
{
	struct wr *w = arg;
	wr_span(w, span_str(text));
}

static void text_is_harmless(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_error_response e = { 3, span_str("no\n\x1b[31msuch thing") };
	struct wr w;
	wr_init(&w);
	reload_wire_print(&reload_error_response_wire, ctx, &e, 1, put, &w);
	span_is(wr_done(&w), "  error_code: Error_Not_Found\n  error_info: no..[31msuch thing\n");
	wr_clear(&w);
	wr_init(&w);
	/* CSI as one character of C1, a right-to-left override, a line separator; letters of other scripts stay */
	e.error_info = span_str("\xc2\x9b"
				"2J\xe2\x80\xae\xe2\x80\xa8\xc3\xa4");
	reload_wire_print(&reload_error_response_wire, ctx, &e, 1, put, &w);
	span_is(wr_done(&w), "  error_code: Error_Not_Found\n  error_info: .2J..\xc3\xa4\n");
	wr_clear(&w);
	wr_init(&w);
	e.error_info = span_str("\xff\xfe"); /* no UTF-8: its digits */
	reload_wire_print(&reload_error_response_wire, ctx, &e, 0, put, &w);
	span_is(wr_done(&w), "error_code: Error_Not_Found\nerror_info: fffe\n");
	wr_clear(&w);
	uint8_t zeroes[200] = { 0 };
	struct reload_ping_req ping = { span_of(zeroes, sizeof(zeroes)) };
	wr_init(&w);
	reload_wire_print(&reload_ping_req_wire, ctx, &ping, 0, put, &w);
	assert_int_equal(w.len, strlen("padding: ...\n") + 128);
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(lengths_are_as_wide_as_needed),
		wire_test(nothing_is_a_value_too),
		wire_test(elements_are_whole),
		wire_test(booleans_are_zero_or_one),
		wire_test(resource_ids_have_a_length_byte),
		wire_test(addresses),
		wire_test(addresses_are_parsed),
		wire_test(addresses_of_one_node),
		wire_test(addresses_that_another_node_names),
		wire_test(an_ipv4_address_written_as_ipv6),
		wire_test(unknown_addresses_do_not_hide_the_others),
		wire_test(unknown_selects_are_refused),
		wire_test(candidates_are_bounded),
		wire_test(memory_is_bounded),
		wire_test(json_is_plain),
		wire_test(text_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
