/* When two Destination entries are the same, addresses as text, and headers with one entry too many. */
#include "wire_hex.h"

#define ID_A "101112131415161718191a1b1c1d1e1f"
#define ID_B "404142434445464748494a4b4c4d4e4f"

static void entries_that_mean_the_same(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	/* entries of one class are equal, and no others (HDR-09) */
	static const struct {
		const char *hex;
		int class;
	} rows[] = {
		{ "0110" ID_A, 1 },
		{ "0110" ID_B, 2 },
		{ "021110" ID_A, 3 },
		{ "021110" ID_B, 4 },
		{ "020f0e1112131415161718191a1b1c1d1e", 5 }, /* a part of it */
		{ "020100", 6 },
		{ "802a", 7 },
		{ "030302802a", 7 }, /* the same opaque id in its long form */
		{ "802b", 8 },
		{ "030403802a00", 9 },
		{ "030100", 10 },
		{ "031110" ID_A, 11 },
		{ "0400", 12 },
		{ "0402802a", 13 },
		{ "0502802a", 14 }, /* the same bytes of another unknown type */
		{ "0410" ID_A, 15 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t k = 0; k < COUNT_OF(rows); k++) {
			struct reload_destination a, b;
			assert_int_equal(wire_get(&reload_destination_wire, ctx, rows[i].hex, &a),
				RELOAD_OK);
			assert_int_equal(wire_get(&reload_destination_wire, ctx, rows[k].hex, &b),
				RELOAD_OK);
			if (reload_dest_eq(&a, &b) != (rows[i].class == rows[k].class))
				fail_msg("%s and %s", rows[i].hex, rows[k].hex);
		}
}

static void entries_that_are_made(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	struct reload_id id;
	assert_int_equal(reload_id_from_hex(&id, ID_A), RELOAD_OK);
	struct reload_destination node = reload_dest_node(&id), place = reload_dest_resource(&id),
				  found;
	wire_put(&reload_destination_wire, ctx, &node, "0110" ID_A);
	wire_put(&reload_destination_wire, ctx, &place, "021110" ID_A);
	assert_false(reload_dest_eq(&node, &place));
	/* a list is read entry by entry, and ends at the first that is none */
	struct span list = wire_hex(ctx->arena, "0110" ID_A "802a021110" ID_A);
	struct rd r = rd_of(list);
	size_t count = 0;
	while (reload_dest_next(&r, ctx, &found))
		count++;
	assert_int_equal(count, 3);
	assert_int_equal(r.err, RELOAD_OK);
	r = rd_of(span_of(list.at, list.len - 1));
	for (count = 0; reload_dest_next(&r, ctx, &found); count++)
		;
	assert_int_equal(count, 2);
	assert_int_equal(r.err, RELOAD_SHORT);
	assert_false(reload_dest_next(&r, ctx, &found)); /* and stays there */
}

static void addresses_as_people_write_them(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} rows[] = {
		{ "0.0.0.0:0", "0.0.0.0:0" },
		{ "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "192.0.2.1:00080", "192.0.2.1:80" },
		{ "::", "[::]:6084" },
		{ "[::]:0", "[::]:0" },
		{ "[2001:DB8::A]:1", "[2001:db8::a]:1" },
		{ "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:6084" },
		{ "192.0.2.1:65536", NULL },
		{ "192.0.2.1:99999", NULL },
		{ "192.0.2.1:000080", NULL },
		{ "192.0.2.1:-1", NULL },
		{ "192.0.2.1: 1", NULL },
		{ " 192.0.2.1", NULL },
		{ "192.0.2.1 ", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.1.", NULL },
		{ "0300.0.2.1", NULL },
		{ "[]", NULL },
		{ "[]:1", NULL },
		{ "[::1", NULL },
		{ "::1]", NULL },
		{ "[::1]1", NULL },
		{ "[::1]51", NULL },
		{ "[::1]:", NULL },
		{ "[::1]:1:2", NULL },
		{ "[[::1]]:1", NULL },
		{ "[fe80::1%eth0]:1", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ ":::", NULL },
		{ "192.0.2.1:1:1", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[64];
		struct reload_ip_port a = { .type = 77 };
		enum reload_err err = reload_ip_port_parse(&a, rows[i].in, RELOAD_DEFAULT_PORT);
		if (err != (rows[i].out ? RELOAD_OK : RELOAD_BAD_VALUE))
			fail_msg("\"%s\": %s", rows[i].in, reload_err_text(err));
		if (rows[i].out)
			assert_string_equal(reload_ip_port_text(text, &a), rows[i].out);
		else /* written only on success */
			assert_int_equal(a.type, 77);
	}
}

static void addresses_are_compared(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same_host, eq;
	} rows[] = {
		{ "192.0.2.1:1", "192.0.2.1:1", true, true },
		{ "192.0.2.1:1", "192.0.2.1:2", true, false },
		{ "192.0.2.1:1", "192.0.2.2:1", false, false },
		{ "192.0.2.1:1", "193.0.2.1:1", false, false },
		{ "[2001:db8::1]:1", "[2001:db8::1]:1", true, true },
		{ "[2001:db8::1]:1", "[2001:db8::1]:257", true, false },
		{ "[2001:db8::1]:1", "[2001:db8::2]:1", false, false },
		{ "0.0.0.0:1", "[::]:1", false, false },
		{ "192.0.2.1:1", "[::ffff:192.0.2.1]:1", false, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_ip_port a, b;
		assert_int_equal(reload_ip_port_parse(&a, rows[i].a, 0), RELOAD_OK);
		assert_int_equal(reload_ip_port_parse(&b, rows[i].b, 0), RELOAD_OK);
		if (a.type == RELOAD_IPV4)
			memset(a.addr + 4, 0xee, sizeof(a.addr) - 4); /* no part of the address */
		if (reload_ip_port_same_host(&a, &b) != rows[i].same_host ||
			reload_ip_port_same_host(&b, &a) != rows[i].same_host ||
			reload_ip_port_eq(&a, &b) != rows[i].eq ||
			reload_ip_port_eq(&b, &a) != rows[i].eq)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
}

/* The header with count entries of 2 bytes in a list, or options of 4. */
static json_t *crowded(
	struct wire_ctx *ctx, size_t via, size_t to, size_t options, struct reload_break *at)
{
	struct wr w;
	wr_init(&w);
	size_t length = RELOAD_HEADER_FIXED + 2 * via + 2 * to + 4 * options;
	wr_u32(&w, RELOAD_TOKEN);
	wr_u32(&w, 0);
	wr_u32(&w, 0x00160a64);
	wr_u32(&w, RELOAD_FRAGMENT_WHOLE);
	wr_u32(&w, (uint32_t)length);
	wr_u64(&w, 1);
	wr_u32(&w, 0);
	wr_u16(&w, (uint16_t)(2 * via));
	wr_u16(&w, (uint16_t)(2 * to));
	wr_u16(&w, (uint16_t)(4 * options));
	for (size_t i = 0; i < via + to; i++)
		wr_u16(&w, 0x8001);
	for (size_t i = 0; i < options; i++)
		wr_u32(&w, 0x01000000);
	struct reload_header h;
	struct span bytes = reload_arena_copy(ctx->arena, wr_done(&w));
	wr_clear(&w);
	json_t *fields = reload_header_part(at, bytes, ctx);
	assert_int_equal(!reload_header_read(&h, bytes, ctx), !at->reason[0]);
	return fields;
}

static void one_entry_too_many(void **state)
{
	static const struct {
		size_t via, to, options;
		const char *reason;
		size_t offset;
	} rows[] = {
		{ 1, 1, 1, "", 0 },
		{ 256, 256, 32, "", 0 },
		{ 257, 1, 0, "via_list[256]: one more than a message may have", 38 + 512 },
		{ 0, 257, 0, "destination_list[256]: one more", 38 + 512 },
		{ 1, 257, 0, "destination_list[256]: one more", 40 + 512 },
		{ 0, 1, 33, "options[32]: one more", 40 + 128 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_break at;
		json_t *fields =
			crowded(ctx_of(state), rows[i].via, rows[i].to, rows[i].options, &at);
		if (strncmp(at.reason, rows[i].reason, strlen(rows[i].reason)) != 0 ||
			!at.reason[0] != !rows[i].reason[0])
			fail_msg("\"%s\", not \"%s\"", at.reason, rows[i].reason);
		if (rows[i].reason[0])
			assert_int_equal(at.offset, rows[i].offset);
		json_decref(fields);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(entries_that_mean_the_same),
		wire_test(entries_that_are_made),
		wire_test(addresses_as_people_write_them),
		wire_test(addresses_are_compared),
		wire_test(one_entry_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
