/* Whether an answer fits its question: places of arrays, which nobody signs, above all. */
#include "storage/answer_fit.h"
#include "wire/codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	KIND = 0xf0000001
};

static bool indexes_fit(const struct reload_array_range *ranges, size_t ranges_count,
	const uint32_t *indexes, size_t count)
{
	struct reload_stored_data values[8] = { 0 };
	struct reload_stored_metadata metadata[8] = { 0 };
	struct reload_arena arena = { 0 };
	struct reload_specifier s = { .kind = KIND,
		.model = RELOAD_MODEL_ARRAY,
		.ranges = (struct reload_array_range *)ranges,
		.ranges_count = ranges_count };
	for (size_t i = 0; i < count; i++) {
		values[i].value.model = metadata[i].model = RELOAD_MODEL_ARRAY;
		values[i].value.index = metadata[i].index = indexes[i];
	}
	struct reload_fetch_kind_response k = {
		.kind = KIND, .values = values, .values_count = count
	};
	struct reload_stat_kind_response m = {
		.kind = KIND, .values = metadata, .values_count = count
	};
	const struct reload_fetch_req asked = { .specifiers = &s, .specifiers_count = 1 };
	bool fits = reload_fetch_fits(&asked, &(struct reload_fetch_ans){ &k, 1 }, &arena);
	assert_int_equal(
		fits, reload_stat_fits(&asked, &(struct reload_stat_ans){ &m, 1 }, &arena));
	reload_arena_clear(&arena);
	return fits;
}

#define FIT(ranges, ...)                                                                           \
	indexes_fit(ranges, COUNT(ranges), ((const uint32_t[]){ __VA_ARGS__ }),                    \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* R-7.4.2.1-04 R-7.4.2.2-03: an index is the responder's word alone */
static void indexes(void **state)
{
	(void)state;
	static const struct reload_array_range two[] = { { 2, 3 }, { 7, 9 } },
					       all[] = { { 0, RELOAD_ARRAY_END } },
					       last[] = { { RELOAD_ARRAY_END, RELOAD_ARRAY_END } },
					       first_and_last[] = { { 0, 0 },
						       { RELOAD_ARRAY_END, RELOAD_ARRAY_END } };
	assert_true(FIT(two, 2, 3, 7, 9));
	assert_true(FIT(two, 9, 2)); /* in any order */
	assert_false(FIT(two, 2, 4));
	assert_false(FIT(two, 1));
	assert_false(FIT(two, 10));
	assert_false(FIT(two, 7, 2, 7));
	assert_true(FIT(all, 0, 5, 4000000000u));
	assert_false(FIT(all, 5, 0, 5));
	assert_true(FIT(last, 12));
	assert_false(FIT(last, 12, 13));
	assert_true(FIT(first_and_last, 0, 44));
	assert_true(FIT(first_and_last, 0));
	assert_false(FIT(first_and_last, 0, 43, 44));
	assert_true(indexes_fit(two, 2, NULL, 0));
}

/* A value of another data model than the Kind's, or of a Kind that nobody knows any more. */
static void models(void **state)
{
	(void)state;
	struct reload_arena arena = { 0 };
	struct reload_stored_data values[2] = { { .value.model = RELOAD_MODEL_SINGLE },
		{ .value.model = RELOAD_MODEL_DICTIONARY } };
	assert_true(reload_values_apart(RELOAD_MODEL_SINGLE, values, 1, &arena));
	assert_false(reload_values_apart(RELOAD_MODEL_ARRAY, values, 1, &arena));
	assert_false(reload_values_apart(RELOAD_MODEL_SINGLE, values, 2, &arena));
	values[1] = values[0];
	assert_false(reload_values_apart(RELOAD_MODEL_SINGLE, values, 2, &arena));
	values[0].value.model = RELOAD_MODEL_UNKNOWN;
	assert_false(reload_values_apart(RELOAD_MODEL_UNKNOWN, values, 1, &arena));
	assert_true(reload_values_apart(RELOAD_MODEL_UNKNOWN, values, 0, &arena));
	reload_arena_clear(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes),
		cmocka_unit_test(models),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
