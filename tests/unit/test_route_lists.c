/* Via and Destination Lists as wire bytes. */
#include "route/lists.h"
#include "wire/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct wire_ctx ctx = { .node_id_len = 16 };

static struct reload_id id(uint8_t first)
{
	return (struct reload_id){ .len = 16, .at = { first } };
}

static struct reload_destination node(uint8_t first)
{
	struct reload_id i = id(first);
	return reload_dest_node(&i);
}

/* list() writes entries: 'r' a resource, 'o' and 'O' one opaque id in its two forms, else the Node-ID of that byte */
static struct wr list(const char *entries)
{
	static const struct reload_id resource = { .len = 16, .at = { 'r' } };
	struct wr w;
	wr_init(&w);
	for (; *entries; entries++) {
		struct reload_destination d = node((uint8_t)*entries);
		if (*entries == 'r')
			d = reload_dest_resource(&resource);
		if (*entries == 'o' || *entries == 'O')
			d = (struct reload_destination){ .type = RELOAD_DEST_OPAQUE,
				.short_form = *entries == 'o',
				.opaque = span_of("\x80\x2a", 2) };
		reload_list_write(&w, &ctx, &d, 1);
	}
	assert_int_equal(w.err, RELOAD_OK);
	return w;
}

static void check(void **state)
{
	(void)state;
	static const struct {
		const char *entries;
		bool via, good;
	} cases[] = {
		{ "", false, true },
		{ "a", false, true },
		{ "abco", false, true },
		{ "abr", false, true },
		{ "r", false, true },
		/* R-6.3.2.2-05 */
		{ "ra", false, false },
		{ "rr", false, false },
		/* R-6.3.2.2-06 */
		{ "r", true, false },
		{ "ar", true, false },
		{ "ab", true, true },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wr w = list(cases[i].entries);
		enum reload_err err = reload_list_check(wr_done(&w), &ctx, cases[i].via);
		assert_int_equal(err, cases[i].good ? RELOAD_OK : RELOAD_BAD_VALUE);
		/* every shorter prefix that is not the end of an entry fails */
		for (size_t cut = 1; cases[i].good && w.len && cut < 18 && cut < w.len; cut++)
			if (cases[i].entries[0] != 'o' && cut % 18)
				assert_int_not_equal(
					reload_list_check(span_of(w.at, cut), &ctx, false),
					RELOAD_OK);
		wr_clear(&w);
	}
}

static void as_many_as_allowed(void **state)
{
	(void)state;
	struct wr w;
	wr_init(&w);
	for (int i = 0; i < RELOAD_LIMIT_DESTINATIONS; i++) {
		struct reload_id n = { .len = 16, .at = { (uint8_t)(i >> 8), (uint8_t)i, 1 } };
		struct reload_destination d = reload_dest_node(&n);
		reload_list_write(&w, &ctx, &d, 1);
	}
	assert_int_equal(reload_list_check(wr_done(&w), &ctx, true), RELOAD_OK);
	assert_false(reload_list_repeats(wr_done(&w), &ctx));
	/* such a list can be answered: the previous hop comes on top */
	struct wr back;
	wr_init(&back);
	struct reload_id self = id(0xee);
	struct reload_destination hop = node(0xdd);
	reload_list_back(&back, &ctx, &hop, wr_done(&w), &self);
	assert_int_equal(back.len, w.len + 18);
	wr_clear(&back);
	hop = node(0xcc);
	reload_list_write(&w, &ctx, &hop, 1);
	assert_int_equal(reload_list_check(wr_done(&w), &ctx, true), RELOAD_BAD_VALUE);
	wr_clear(&w);
}

static void repeats(void **state)
{
	(void)state;
	static const struct {
		const char *entries;
		bool repeats;
	} cases[] = { { "", false }, { "a", false }, { "ab", false }, { "aa", true },
		{ "abca", true }, { "abcb", true }, { "oab", false }, { "oao", true },
		{ "oaO", true }, /* HDR-09: both forms mean the same */
		{ "abr", false } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wr w = list(cases[i].entries);
		assert_int_equal(reload_list_repeats(wr_done(&w), &ctx), cases[i].repeats);
		wr_clear(&w);
	}
}

static void first(void **state)
{
	(void)state;
	struct wr w = list("aor");
	struct reload_destination d;
	struct span rest = wr_done(&w);
	assert_true(reload_list_first(&d, &rest, rest, &ctx));
	assert_int_equal(d.type, RELOAD_DEST_NODE);
	assert_true(reload_list_first(&d, &rest, rest, &ctx));
	assert_int_equal(d.type, RELOAD_DEST_OPAQUE);
	assert_true(reload_list_first(&d, &rest, rest, &ctx));
	assert_int_equal(d.type, RELOAD_DEST_RESOURCE);
	assert_int_equal(rest.len, 0);
	assert_false(reload_list_first(&d, &rest, rest, &ctx));
	assert_false(reload_list_first(&d, &rest, span_of(w.at, 5), &ctx));
	assert_false(reload_list_first(&d, &rest, span_of(NULL, 0), &ctx));
	wr_clear(&w);
}

static void back(void **state)
{
	(void)state;
	static const struct {
		const char *via, previous, *expected;
	} cases[] = {
		/* R-6.1.2-11 R-6.2.2-01: the previous hop, then the Via List reversed: D gets it from C, via [A, B] */
		{ "", 'c', "c" },
		{ "ab", 'c', "cba" },
		{ "o", 'c', "co" },
		/* HDR-01: who writes itself into the list first is there once */
		{ "a", 'a', "a" },
		{ "aab", 'c', "cba" },
		/* HDR-10: of [D, B, C, B, A] it is [D, B, A] */
		{ "abcb", 'd', "dba" },
		{ "abcab", 'c', "cba" },
		/* the way passed this node before: what stands in front is of no use */
		{ "asb", 'c', "a" },
		{ "abs", 'c', "ba" },
		/* a request that came back to the one who made it: the answer goes round the same way */
		{ "s", 'c', "cs" },
		{ "sb", 'c', "cbs" },
	};
	struct reload_id self = id('s');
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wr via = list(cases[i].via), expected = list(cases[i].expected), w;
		struct reload_destination hop = node((uint8_t)cases[i].previous);
		wr_init(&w);
		reload_list_back(&w, &ctx, &hop, wr_done(&via), &self);
		assert_int_equal(w.len, expected.len);
		assert_memory_equal(w.at, expected.at, w.len);
		assert_false(reload_list_repeats(wr_done(&w), &ctx));
		wr_clear(&w);
		wr_clear(&via);
		wr_clear(&expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check),
		cmocka_unit_test(as_many_as_allowed),
		cmocka_unit_test(repeats),
		cmocka_unit_test(first),
		cmocka_unit_test(back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
