#include "usage/sip.h"

#include "ident/aor.h"
#include "usage/usage.h"
#include "util/text.h"

#include "ident_util.h"

#define NODE_C "56780000000000000000000000000002"
#define NODE_D "12340000000000000000000000000001"

static struct reload_config config = { .node_id_len = 16 };

static struct reload_destination node(const char *hex)
{
	struct reload_id id = id_of(hex);
	return reload_dest_node(&id);
}

static void assert_hex(const struct wr *w, const char *hex)
{
	char text[512];
	assert_int_equal(w->err, RELOAD_OK);
	assert_true(w->len < sizeof(text) / 2);
	assert_string_equal(reload_hex(text, wr_done(w)), hex);
}

static void values_are_those_of_the_examples(void **state)
{
	(void)state;
	struct wire_ctx ctx = reload_config_wire_ctx(&config);
	struct reload_destination list[2] = { node(NODE_C), node(NODE_D) };
	struct wr w;
	wr_init(&w);
	/* R7904-2: the type, the length of the rest, the data */
	assert_int_equal(reload_sip_forward(&w, "sam@dht.example.org"), RELOAD_OK);
	assert_hex(&w, "010015001373616d406468742e6578616d706c652e6f7267");
	wr_clear(&w);
	reload_sip_route(&w, &ctx, &list[1], 1, span_str("(sip.schemes=SIPS)"));
	assert_hex(&w, "020028001228"
		       "7369702e736368656d65733d53495053"
		       "290012011012340000000000000000000000000001");
	wr_clear(&w);
	reload_sip_route(&w, &ctx, &list[1], 1, span_of(NULL, 0));
	assert_hex(&w, "02001600000012011012340000000000000000000000000001");
	wr_clear(&w);
	reload_sip_route(&w, &ctx, list, 2, span_of(NULL, 0));
	assert_hex(&w, "02002800000024011056780000000000000000000000000002"
		       "011012340000000000000000000000000001");
	wr_clear(&w);
	assert_int_equal(reload_sip_forward(&w, "sam"), RELOAD_BAD_VALUE);
	assert_int_equal(w.len, 0);
}

static const struct {
	const char *hex;
	bool ok;
} values[] = {
	{ "010015001373616d406468742e6578616d706c652e6f7267", true },
	{ "02001600000012011012340000000000000000000000000001", true },
	{ "020009000000050303"
	  "020708"
	  "8001",
		false },
	{ "02000900000005030302"
	  "0708",
		true }, /* an opaque ID of two bytes */
	{ "02000600000002"
	  "8001",
		false }, /* a list of two bytes */
	{ "0200040000"
	  "0000",
		false }, /* an empty list */
	{ "020016000000120110"
	  "00000000000000000000000000000000",
		false },
	{ "020016000000120110"
	  "ffffffffffffffffffffffffffffffff",
		false },
	{ "02000a0000"
	  "0006"
	  "020403010203",
		false }, /* a Resource-ID */
	{ "02000a0000"
	  "0006"
	  "070403010203",
		false }, /* an unknown type of Destination */
	{ "0100070005"
	  "6140622e63",
		true }, /* a@b.c */
	{ "0100050003"
	  "616263",
		false }, /* no AOR */
	{ "010002"
	  "0000",
		false },
	{ "0100070005"
	  "6140622e6300",
		false }, /* a byte more */
	{ "0100080005"
	  "6140622e6300",
		false },
	{ "0100070006"
	  "6140622e63",
		false },
	{ "", false },
	{ "01", false },
	{ "0300020102", false }, /* another type: for others to read */
	{ "0000", false },
};

static void values_are_checked(void **state)
{
	(void)state;
	const struct reload_usage *u = reload_usage_find(RELOAD_KIND_SIP_REGISTRATION);
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		uint8_t bytes[64];
		struct reload_error_text why = { 0 };
		size_t n = strlen(values[i].hex);
		assert_int_equal(reload_unhex(bytes, values[i].hex, n), RELOAD_OK);
		uint8_t *copy = reload_memdup(bytes, n / 2);
		enum reload_err err = u->check(span_of(copy, n / 2), &config, &why);
		if (!err != values[i].ok)
			fail_msg("%s: %s", values[i].hex, why.reason);
		assert_true(!err || why.reason[0]);
		json_t *o = u->json(span_of(copy, n / 2), &config);
		assert_true(!values[i].ok || o);
		json_decref(o);
		free(copy);
	}
}

static void another_type_is_for_others_to_read(void **state)
{
	(void)state;
	static const uint8_t value[] = { 3, 0, 2, 1, 2 };
	struct wire_ctx ctx = reload_config_wire_ctx(&config);
	struct reload_sip_registration r;
	/* R7904-2: extensible */
	assert_int_equal(
		reload_sip_registration_read(&r, span_of(value, sizeof(value)), &ctx, NULL),
		RELOAD_UNKNOWN_TYPE);
}

static void values_are_shown(void **state)
{
	(void)state;
	const struct reload_usage *u = reload_usage_find(RELOAD_KIND_SIP_REGISTRATION);
	uint8_t bytes[25];
	assert_int_equal(
		reload_unhex(bytes, "02001600000012011012340000000000000000000000000001", 50),
		RELOAD_OK);
	json_t *o = u->json(span_of(bytes, 25), &config);
	assert_string_equal(
		json_string_value(json_object_get(o, "type")), "sip_registration_route");
	json_t *entry = json_array_get(json_object_get(o, "destination_list"), 0);
	assert_string_equal(json_string_value(json_object_get(entry, "node")), NODE_D);
	json_decref(o);
}

static void gruus_are_written_and_read(void **state)
{
	(void)state;
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(&config), longer = ctx;
	ctx.arena = longer.arena = &arena;
	longer.node_id_len = 20;
	struct reload_destination list[2] = { node(NODE_C), node(NODE_D) },
				  of_20 = node("000102030405060708090a0b0c0d0e0f10111213"), *read;
	const struct {
		const struct reload_destination *list;
		size_t count;
		const struct wire_ctx *ctx;
		const char *gr;
	} rows[] = {
		{ &list[1], 1, &ctx, "ARASNAAAAAAAAAAAAAAAAAAB" },
		{ list, 2, &ctx, "ARBWeAAAAAAAAAAAAAAAAAACARASNAAAAAAAAAAAAAAAAAAB" },
		{ &of_20, 1, &longer, "ARQAAQIDBAUGBwgJCgsMDQ4PEBESEw~~" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[256] = "";
		struct wr w = wr_fixed(text, sizeof(text) - 1);
		struct reload_aor aor;
		size_t count = 0;
		reload_gruu_write(
			&w, rows[i].ctx, "alice@dht.example.com", rows[i].list, rows[i].count);
		/* R7904-31 */
		assert_int_equal(w.err, RELOAD_OK);
		assert_memory_equal(text, "alice@dht.example.com;gr=", 25);
		assert_string_equal(text + 25, rows[i].gr);
		assert_int_equal(reload_aor_parse(&aor, span_str(text)), RELOAD_OK);
		assert_int_equal(reload_gruu_read(&read, &count, aor.gr, rows[i].ctx), RELOAD_OK);
		assert_int_equal(count, rows[i].count);
		for (size_t k = 0; k < count; k++)
			assert_true(reload_dest_eq(&read[k], &rows[i].list[k]));
	}
	reload_arena_clear(&arena);
}

static void a_gruu_may_be_anonymous(void **state)
{
	(void)state;
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(&config);
	ctx.arena = &arena;
	static const uint8_t name[8] = { 0x8a, 1, 2, 3, 4, 5, 6, 7 };
	struct reload_destination list[2] = { node(NODE_C),
		{ .type = RELOAD_DEST_OPAQUE, .opaque = span_of(name, 8) } },
				  *read;
	char text[256] = "";
	struct wr w = wr_fixed(text, sizeof(text) - 1);
	size_t count;
	reload_gruu_write(&w, &ctx, "anonymous@dht.example.com", list, 2);
	struct reload_aor aor;
	assert_int_equal(reload_aor_parse(&aor, span_str(text)), RELOAD_OK);
	/* R7904-32: a list that ends in an opaque ID names no node */
	assert_int_equal(reload_gruu_read(&read, &count, aor.gr, &ctx), RELOAD_OK);
	assert_int_equal(count, 2);
	assert_int_equal(read[1].type, RELOAD_DEST_OPAQUE);
	assert_true(span_eq(read[1].opaque, list[1].opaque));
	reload_arena_clear(&arena);
}

static void gruus_of_all_writings_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *gr;
		bool ok;
	} rows[] = {
		{ "ARASNAAAAAAAAAAAAAAAAAAB", true },
		{ "ABIBEBI0AAAAAAAAAAAAAAAAAAE=", true }, /* with a length in front */
		{ "ABIBEBI0AAAAAAAAAAAAAAAAAAE~", true },
		{ "ABIBEBI0AAAAAAAAAAAAAAAAAAE", true }, /* without padding */
		{ "ABIBEBI0AAAAAAAAAAAAAAAAAAE%3D", true },
		{ "%41RASNAAAAAAAAAAAAAAAAAAB", true },
		{ "ABMBEBI0AAAAAAAAAAAAAAAAAAE=",
			false }, /* a length that is not that of the list */
		{ "MDEyMzQ1Njc4OTAxMjM0NTY3ODk~", false }, /* the digits of the RFC's example */
		{ "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", false },
		{ "ARASNAAAAAAAAAAAAAAAAA", false },
		{ "", false },
		{ "gAE~", false }, /* two bytes */
		{ "%4", false },
	};
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(&config);
	ctx.arena = &arena;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_destination *list, want = node(NODE_D);
		size_t count;
		enum reload_err err = reload_gruu_read(&list, &count, span_str(rows[i].gr), &ctx);
		if (!err != rows[i].ok)
			fail_msg("%s: %s", rows[i].gr, reload_err_name(err));
		assert_true(err || (count == 1 && reload_dest_eq(&list[0], &want)));
	}
	reload_arena_clear(&arena);
}

static void domains_are_hosted_where_the_kind_is(void **state)
{
	(void)state;
	struct reload_config c = { .node_id_len = 16 };
	struct reload_kind kind = *reload_kind_registered(RELOAD_KIND_SIP_REGISTRATION, NULL);
	assert_false(reload_sip_hosted(&c, "dht.example.com"));
	c.kinds.at = &kind;
	c.kinds.count = 1;
	assert_true(reload_sip_hosted(&c, "dht.example.com"));
	kind.domains_restricted = true;
	kind.domains = span_of("dht\\.example\\.com", 18);
	/* R7904-1, R7904-10 */
	assert_true(reload_sip_hosted(&c, "dht.example.com"));
	assert_false(reload_sip_hosted(&c, "example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_the_examples),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(another_type_is_for_others_to_read),
		cmocka_unit_test(values_are_shown),
		cmocka_unit_test(gruus_are_written_and_read),
		cmocka_unit_test(a_gruu_may_be_anonymous),
		cmocka_unit_test(gruus_of_all_writings_are_read),
		cmocka_unit_test(domains_are_hosted_where_the_kind_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
