/* ReDiR's tree and record against the worked examples of the digest of RFC 7374 (its sections 3, 4, 5 and 16). */
#include "ident/ops.h"
#include "util/text.h"
#include "wire/fetch.h"
#include "wire/redir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct reload_id id_of(const char *hex)
{
	struct reload_id id;
	assert_int_equal(reload_id_from_hex(&id, hex), RELOAD_OK);
	return id;
}

static void the_depth_follows_from_16_bits(void **state)
{
	(void)state;
	static const struct {
		uint32_t branching;
		unsigned deepest;
	} rows[] = { { 2, 16 }, { 3, 10 }, { 4, 8 }, { 5, 6 }, { 8, 5 }, { 10, 4 }, { 16, 4 },
		{ 32, 3 }, { 64, 2 }, { 100, 2 }, { 256, 2 }, { 257, 1 }, { 65536, 1 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(reload_redir_deepest(rows[i].branching), rows[i].deepest);
	assert_int_equal(reload_redir_deepest(2) + 1, RELOAD_REDIR_LEVELS);
}

/* Section 16.4: tree node and interval in it, at levels 0 to 4 of b = 10. */
static const struct {
	const char *name, *id;
	unsigned node[5], interval[5];
} providers[] = {
	{ "alpha", "be76331b95dfc399cd776d2fc68021e0", { 0, 7, 74, 743, 7439 }, { 7, 4, 3, 9, 9 } },
	{ "bravo", "962665711e0e6ff33104712f82068162", { 0, 5, 58, 586, 5865 }, { 5, 8, 6, 5, 2 } },
	{ "charlie", "d8cd10b920dcbdb5163ca0185e402357", { 0, 8, 84, 846, 8468 },
		{ 8, 4, 6, 8, 7 } },
	{ "delta", "736fcab46d3c183000b547caa2f1f0ab", { 0, 4, 45, 450, 4509 }, { 4, 5, 0, 9, 2 } },
	{ "echo", "b2d21e771d9f86865c5eff193663574d", { 0, 6, 69, 698, 6985 }, { 6, 9, 8, 5, 1 } },
	{ "foxtrot", "c638c3424a084831790b66ccdc13b25e", { 0, 7, 77, 774, 7743 },
		{ 7, 7, 4, 3, 0 } },
};

static void a_node_id_is_in_one_place_of_a_level(void **state)
{
	(void)state;
	/* R7374-3: the tree nodes and intervals of the example */
	for (size_t i = 0; i < COUNT_OF(providers); i++) {
		uint8_t digest[RELOAD_HASH_SIZE_MAX];
		struct reload_id id = id_of(providers[i].id);
		struct span name = span_str(providers[i].name);
		assert_int_equal(reload_hash(digest, RELOAD_HASH_SHA1, &name, 1), 20);
		assert_memory_equal(digest, id.at, 16);
		for (unsigned level = 0; level < 5; level++) {
			struct reload_redir_place place = reload_redir_place(&id, 10, level);
			uint32_t interval = reload_redir_interval(&id, 10, level);
			assert_int_equal(place.level, level);
			assert_int_equal(place.node, providers[i].node[level]);
			assert_int_equal(interval % 10, providers[i].interval[level]);
			assert_int_equal(interval / 10, place.node);
		}
	}
}

/* R7374-3: "lower bound included, upper bound excluded", also where a bound is no whole number. */
static void bounds_are_half_open(void **state)
{
	(void)state;
	struct reload_id first = id_of("b3333333333333333333333333333334"),
			 before = id_of("b3333333333333333333333333333333");
	assert_int_equal(reload_redir_place(&first, 10, 1).node, 7);
	assert_int_equal(reload_redir_place(&before, 10, 1).node, 6);
	first = id_of("bd70a3d70a3d70a3d70a3d70a3d70a3e");
	before = id_of("bd70a3d70a3d70a3d70a3d70a3d70a3d");
	assert_int_equal(reload_redir_place(&first, 10, 2).node, 74);
	assert_int_equal(reload_redir_place(&before, 10, 2).node, 73);
	/* the ends of the ring, in the shortest and the longest Node-IDs, at the deepest level */
	static const uint32_t factors[] = { 2, 3, 10, 257, 65536 };
	for (size_t i = 0; i < COUNT_OF(factors); i++)
		for (uint8_t len = 16; len <= RELOAD_ID_MAX; len++) {
			struct reload_id zero = { .len = len }, ones = reload_id_wildcard(len);
			uint64_t places = 1;
			unsigned deepest = reload_redir_deepest(factors[i]);
			for (unsigned l = 0; l < deepest; l++)
				places *= factors[i];
			assert_int_equal(reload_redir_place(&zero, factors[i], deepest).node, 0);
			assert_int_equal(
				reload_redir_place(&ones, factors[i], deepest).node, places - 1);
			assert_true(reload_redir_interval(&ones, factors[i], deepest) ==
				    places * factors[i] - 1);
		}
	/* 20 bytes: the half of the ring */
	struct reload_id half = id_of("8000000000000000000000000000000000000000");
	struct reload_id less = reload_id_before(&half);
	assert_int_equal(reload_redir_place(&half, 2, 1).node, 1);
	assert_int_equal(reload_redir_place(&less, 2, 1).node, 0);
	assert_int_equal(reload_redir_place(&less, 2, 16).node, 32767);
}

/* The digest's section 16.2, with bytes for Node-IDs of 8 bits: the tree nodes of b = 4. */
static void a_byte_in_front_decides(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		unsigned node[4];
	} rows[] = { { "10000000000000000000000000000000", { 0, 0, 1, 4 } },
		{ "41000000000000000000000000000000", { 0, 1, 4, 16 } },
		{ "c3000000000000000000000000000000", { 0, 3, 12, 48 } },
		{ "c4000000000000000000000000000000", { 0, 3, 12, 49 } },
		{ "f0000000000000000000000000000000", { 0, 3, 15, 60 } } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_id id = id_of(rows[i].id);
		for (unsigned level = 0; level < 4; level++)
			assert_int_equal(
				reload_redir_place(&id, 4, level).node, rows[i].node[level]);
	}
}

static void the_name_is_hashed(void **state)
{
	(void)state;
	static const struct {
		const char *service;
		struct reload_redir_place place;
		const char *resource;
	} rows[] = {
		{ "turn-server", { 0, 0 }, "777995ae73664b3ce6d2623d0cc1de19" },
		{ "turn-server", { 1, 0 }, "ca1a47efe8c5dcbeb929b8d3261add47" },
		{ "turn-server", { 1, 1 }, "56e5c5540f1103ec3315765490db1450" },
		{ "turn-server", { 2, 0 }, "597c9fa530c04ad79830beb9199d34ba" },
		{ "turn-server", { 2, 3 }, "b909e9036489fddd88206b7aeb038f59" },
		{ "turn-server", { 3, 1 }, "c52be7ff53757d39ef39d0cb40702fbf" },
		{ "turn-server", { 4, 9999 }, "bd2447f31a74c64d6d6871e08d6f8e15" },
		{ "voice-mail", { 0, 0 }, "52125612f1b357fda965f7e2e05c1598" },
		{ "turn-server", { 2, 74 }, "4098e00877149a94d59560bebc39af4c" },
		{ "turn-server", { 1, 7 }, "a4f58adeb5423615004bdb3fa91b786b" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t digest[RELOAD_HASH_SIZE_MAX];
		char hex[33];
		struct wr w;
		wr_init(&w);
		reload_redir_name(&w, span_str(rows[i].service), rows[i].place);
		struct span name = wr_done(&w);
		assert_int_equal(reload_hash(digest, RELOAD_HASH_SHA1, &name, 1), 20);
		/* R7374-2 */
		assert_string_equal(reload_hex(hex, span_of(digest, 16)), rows[i].resource);
		wr_clear(&w);
	}
}

static void is_hex(struct wr *w, const char *hex)
{
	char *text = reload_alloc(2 * w->len + 1);
	assert_string_equal(reload_hex(text, wr_done(w)), hex);
	free(text);
	wr_clear(w);
}

#define ALPHA  "be76331b95dfc399cd776d2fc68021e0"
#define RECORD "0000120110" ALPHA "000b7475726e2d7365727665720002004a0000"

/* Section 5.4 and 5.3 of the digest, byte for byte. */
static void records_have_the_bytes_of_the_example(void **state)
{
	(void)state;
	struct reload_id alpha = id_of(ALPHA);
	struct wr w, entry;
	wr_init(&w);
	wr_init(&entry);
	reload_redir_provider_write(
		&w, &alpha, span_str("turn-server"), (struct reload_redir_place){ 2, 74 });
	struct reload_stored_value v = { .model = RELOAD_MODEL_DICTIONARY,
		.key = reload_id_span(&alpha),
		.exists = true,
		.value = wr_done(&w) };
	/* R7374-4 */
	reload_stored_value_write(&entry, &v);
	is_hex(&entry, "0010" ALPHA "0100000028" RECORD);
	is_hex(&w, RECORD);
	/* R7374-29 */
	v.exists = false;
	v.value = span_of(NULL, 0);
	reload_stored_value_write(&entry, &v);
	is_hex(&entry, "0010" ALPHA "0000000000");
	/* R7374-8: no key in the list asks for all entries */
	struct reload_id resource = id_of("4098e00877149a94d59560bebc39af4c");
	struct reload_specifier s = { .kind = RELOAD_KIND_REDIR, .model = RELOAD_MODEL_DICTIONARY };
	struct reload_fetch_req req = {
		.resource = reload_id_span(&resource), .specifiers = &s, .specifiers_count = 1
	};
	reload_wire_write(
		&w, &reload_fetch_req_wire, &(struct wire_ctx){ .node_id_len = 16 }, &req);
	/* R7374-27 */
	is_hex(&w, "104098e00877149a94d59560bebc39af4c001000000104000000000000000000020000");
}

static enum reload_err read_hex(
	struct reload_redir_provider *p, struct reload_id *provider, const char *hex, bool json)
{
	size_t len = strlen(hex);
	uint8_t *bytes = reload_alloc(len / 2 + 1);
	assert_int_equal(reload_unhex(bytes, hex, len), RELOAD_OK);
	struct reload_error_text why = { 0 };
	enum reload_err err =
		reload_redir_provider_read(p, provider, span_of(bytes, len / 2), 16, &why);
	assert_int_equal(!err, !why.reason[0]);
	if (!err && json) {
		json_t *o = reload_wire_json(
			&reload_redir_provider_wire, &(struct wire_ctx){ .node_id_len = 16 }, p);
		assert_string_equal(
			json_string_value(json_object_get(o, "namespace")), "turn-server");
		assert_int_equal(json_array_size(json_object_get(o, "destination_list")), 1);
		assert_int_equal(json_integer_value(json_object_get(o, "node")), 74);
		json_decref(o);
	}
	free(bytes);
	return err;
}

static void every_field_is_read(void **state)
{
	(void)state;
	struct reload_redir_provider p;
	struct reload_id provider, alpha = id_of(ALPHA);
	assert_int_equal(read_hex(&p, &provider, RECORD, true), RELOAD_OK);
	assert_true(reload_id_eq(&provider, &alpha));
	assert_int_equal(p.level, 2);
	assert_int_equal(p.node, 74);
	assert_true(reload_redir_placed(&p, &alpha, 10));
	assert_false(reload_redir_placed(&p, &alpha, 9));
	p.node = 73;
	assert_false(reload_redir_placed(&p, &alpha, 10));
	p.level = 5; /* deeper than the tree of b = 10 is */
	assert_false(reload_redir_placed(&p, &alpha, 10));
	/* a longer route, whose last entry is a resource: nobody in particular */
	assert_int_equal(
		read_hex(&p, &provider,
			"0000150110" ALPHA "020201ff000b7475726e2d7365727665720002004a0000", false),
		RELOAD_BAD_VALUE); /* the list ends within an entry */
	assert_int_equal(
		read_hex(&p, &provider,
			"0000160110" ALPHA "020201ff000b7475726e2d7365727665720002004a0000", false),
		RELOAD_OK);
	assert_int_equal(provider.len, 0);
}

static void records_of_a_wrong_form(void **state)
{
	(void)state;
	struct reload_redir_provider p;
	struct reload_id provider;
	char hex[sizeof(RECORD)];
	/* R7374-5: an extension of any type, skipped */
	assert_int_equal(
		read_hex(&p, &provider,
			"ff00120110" ALPHA "000b7475726e2d7365727665720002004a0003abcdef", false),
		RELOAD_OK);
	assert_int_equal(p.type, 255);
	assert_int_equal(p.extension.len, 3);
	static const char *const bad[] = {
		"ff00120110" ALPHA
		"000b7475726e2d7365727665720002004a0004abcdef", /* past the end */
		"ff00120110" ALPHA "000b7475726e2d7365727665720002004a0002abcdef", /* left over */
		"000000000b7475726e2d7365727665720002004a0000",                    /* no entry */
		"0000120110" ALPHA "00000002004a0000",     /* R7374-1: no namespace */
		"0000120110" ALPHA "0002c3280002004a0000", /* R7374-1: not UTF-8 */
		"0000120210" ALPHA "000b7475726e2d7365727665720002004a0000", /* a short resource */
		"",
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(read_hex(&p, &provider, bad[i], false), RELOAD_BAD_VALUE);
	for (size_t len = 0; len < sizeof(RECORD) - 1; len += 2) { /* every cut fails */
		snprintf(hex, sizeof(hex), "%.*s", (int)len, RECORD);
		assert_int_equal(read_hex(&p, &provider, hex, false), RELOAD_BAD_VALUE);
	}
	uint8_t text[RELOAD_REDIR_NAMESPACE_MAX + 1];
	memset(text, 'x', sizeof(text));
	assert_true(reload_redir_namespace_valid(span_of(text, RELOAD_REDIR_NAMESPACE_MAX)));
	assert_false(reload_redir_namespace_valid(span_of(text, sizeof(text))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_depth_follows_from_16_bits),
		cmocka_unit_test(a_node_id_is_in_one_place_of_a_level),
		cmocka_unit_test(bounds_are_half_open),
		cmocka_unit_test(a_byte_in_front_decides),
		cmocka_unit_test(the_name_is_hashed),
		cmocka_unit_test(records_have_the_bytes_of_the_example),
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(records_of_a_wrong_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
