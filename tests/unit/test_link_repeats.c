/* A message that comes again over a link, under another number (LINK-05). */
#include "link/repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool again(struct reload_repeats *p, const char *message, reload_ms now)
{
	return reload_repeats_again(p, span_str(message), 1500, now);
}

static void digests(void **state)
{
	(void)state;
	/* SipHash-1-3 with the key 00 01 ... 0f, of 00 01 ... of that length */
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = { { 0, 0xabac0158050fc4dc }, { 1, 0xc9f49bf37d57ca93 },
		{ 7, 0xd3927d989bb11140 }, { 8, 0x369095118d299a8e }, { 15, 0xd320d86d2a519956 } };
	static const uint64_t key[] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t bytes[16];
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(
			reload_repeats_digest(key, span_of(bytes, rows[i].len)) == rows[i].want);
	assert_true(reload_repeats_digest(key, span_of(NULL, 0)) == rows[0].want);
}

static void the_same_bytes_within_the_window(void **state)
{
	(void)state;
	struct reload_repeats p = { .key = { 1, 2 } };
	assert_false(again(&p, "message", 1000));
	assert_false(again(&p, "massage", 1000));
	assert_true(again(&p, "message", 1000));
	/* LINK-05: an end-to-end retransmission passes, whatever came in between */
	assert_true(again(&p, "message", 2499));
	assert_false(again(&p, "message", 2500));
	assert_true(again(&p, "message", 3999));
	assert_false(again(&p, "message", 4000));
	/* over the edge of 32 bits of time */
	assert_false(again(&p, "late", UINT32_MAX));
	assert_true(again(&p, "late", UINT32_MAX + UINT64_C(1500) - 1));
	assert_false(again(&p, "late", UINT32_MAX + UINT64_C(1500)));
}

static void the_latest_are_remembered(void **state)
{
	(void)state;
	struct reload_repeats p = { .key = { 1, 2 } };
	for (int n = 1; n < 1000; n++) {
		assert_false(reload_repeats_again(&p, span_of(&n, sizeof(n)), 1500, 0));
		int first = n > RELOAD_REPEATS ? n - RELOAD_REPEATS + 1 : 1;
		for (int k = first; k <= n; k++)
			assert_true(reload_repeats_again(&p, span_of(&k, sizeof(k)), 1500, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test(the_same_bytes_within_the_window),
		cmocka_unit_test(the_latest_are_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
