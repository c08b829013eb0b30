/* Numbers: IDs of every length on their ring, integers of every width, times, and the list of failures. */
#include "util/alloc.h"
#include "util/arena.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

static struct reload_id spread(uint64_t *seed, uint8_t len)
{
	struct reload_id id = { .len = len };
	for (uint8_t i = 0; i < len; i++) {
		*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
		id.at[i] = (uint8_t)(*seed >> 56);
	}
	return id;
}

/* -- IDs ------------------------------------------------------------------------------------------------------------------ */

/* to - from, byte by byte */
static struct reload_id less(const struct reload_id *to, const struct reload_id *from)
{
	struct reload_id out = { .len = to->len };
	int borrow = 0;
	for (int i = to->len - 1; i >= 0; i--) {
		int v = to->at[i] - from->at[i] - borrow;
		borrow = v < 0;
		out.at[i] = (uint8_t)(v & 0xff);
	}
	return out;
}

static void distances_of_each_length(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (uint8_t len = 1; len <= RELOAD_ID_MAX; len++)
		for (int round = 0; round < 50; round++) {
			struct reload_id a = spread(&seed, len), b = spread(&seed, len);
			if (round % 5 == 0) /* equal parts: a borrow goes through them */
				memcpy(b.at + len / 3, a.at + len / 3, len / 3);
			struct reload_id d = reload_id_distance(&a, &b), want = less(&b, &a);
			assert_true(reload_id_eq(&d, &want));
			d = reload_id_distance(&a, &a);
			assert_true(reload_id_is_zero(&d));
			int order = reload_id_cmp(&a, &b), bytes = memcmp(a.at, b.at, len);
			assert_int_equal(order < 0, bytes < 0);
			assert_int_equal(order > 0, bytes > 0);
		}
}

static void powers_and_the_one_before(void **state)
{
	(void)state;
	uint64_t seed = 2;
	for (uint8_t len = 1; len <= RELOAD_ID_MAX; len++) {
		struct reload_id a = spread(&seed, len), sum = a;
		for (unsigned bit = 0; bit < 8u * len; bit++) {
			struct reload_id with = reload_id_add_power(&a, bit);
			struct reload_id d = reload_id_distance(&a, &with);
			/* one bit, and that one */
			for (uint8_t i = 0; i < len; i++)
				assert_int_equal(
					d.at[i], i == len - 1 - bit / 8 ? 1u << bit % 8 : 0u);
			sum = reload_id_add_power(&sum, bit);
		}
		/* all powers together are one less than the ring */
		struct reload_id before = reload_id_before(&a);
		assert_true(reload_id_eq(&sum, &before));
		struct reload_id again = reload_id_add_power(&before, 0);
		assert_true(reload_id_eq(&again, &a));
	}
}

static void between_is_half_open(void **state)
{
	(void)state;
	struct reload_id at[6];
	for (uint8_t i = 0; i < COUNT_OF(at); i++)
		at[i] = (struct reload_id){ .len = 16, .at = { (uint8_t)(0x20 * i + 5) } };
	for (size_t from = 0; from < COUNT_OF(at); from++)
		for (size_t to = 0; to < COUNT_OF(at); to++)
			for (size_t x = 0; x < COUNT_OF(at); x++) {
				/* going up from `from`, x comes no later than `to` */
				size_t steps_to = (to + 6 - from) % 6, steps_x = (x + 6 - from) % 6;
				bool want = from == to || (steps_x && steps_x <= steps_to);
				assert_int_equal(
					reload_id_between(&at[from], &at[x], &at[to]), want);
			}
}

static void ids_from_bytes_and_digits(void **state)
{
	(void)state;
	uint8_t bytes[RELOAD_ID_MAX + 1] = { 0xab };
	char digits[2 * RELOAD_ID_MAX + 3], hex[RELOAD_ID_HEX];
	struct reload_id id = { .len = 3 };
	for (size_t len = 0; len <= RELOAD_ID_MAX; len++) {
		struct reload_id other;
		assert_int_equal(reload_id_from(&id, span_of(bytes, len)), RELOAD_OK);
		assert_int_equal(id.len, len);
		assert_int_equal(reload_id_from_hex(&other, reload_id_hex(hex, &id)), RELOAD_OK);
		assert_true(reload_id_eq(&id, &other));
		/* what is as long, and what is not */
		other.len++;
		assert_false(reload_id_eq(&id, &other));
	}
	assert_int_equal(reload_id_from(&id, span_of(bytes, RELOAD_ID_MAX + 1)), RELOAD_BAD_VALUE);
	assert_int_equal(id.len, RELOAD_ID_MAX);
	memset(digits, '0', sizeof(digits));
	digits[2 * RELOAD_ID_MAX + 2] = 0;
	assert_int_equal(reload_id_from_hex(&id, digits), RELOAD_BAD_VALUE);
	digits[2 * RELOAD_ID_MAX + 1] = 0;
	assert_int_equal(reload_id_from_hex(&id, digits), RELOAD_BAD_VALUE);
	digits[2 * RELOAD_ID_MAX] = 0;
	assert_int_equal(reload_id_from_hex(&id, digits), RELOAD_OK);
	digits[0] = 'g';
	assert_int_equal(reload_id_from_hex(&id, digits), RELOAD_BAD_VALUE);
	assert_true(reload_id_is_zero(&id)); /* as it was */
	struct reload_id none = { 0 };
	assert_false(reload_id_is_zero(&none) || reload_id_is_wildcard(&none));
	assert_true(reload_id_listed((struct reload_id[]){ none, id }, 2, &id));
	assert_false(reload_id_listed((struct reload_id[]){ none, id }, 1, &id));
	assert_false(reload_id_listed(NULL, 0, &id));
}

/* -- integers ------------------------------------------------------------------------------------------------------------- */

static void integers_of_each_width(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 8; width++) {
		uint64_t most = width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;
		const uint64_t values[] = { 0, 1, most / 2, most - 1, most };
		for (size_t i = 0; i < COUNT_OF(values); i++) {
			uint8_t room[8];
			struct wr w = wr_fixed(room, width);
			wr_int(&w, values[i], width);
			assert_int_equal(w.err, RELOAD_OK);
			assert_int_equal(room[0], values[i] >> 8 * (width - 1));
			struct rd r = rd_of(wr_done(&w));
			assert_true(rd_int(&r, width) == values[i]);
			assert_int_equal(rd_left(&r), 0);
			/* one byte less to read */
			struct rd less_bytes = rd_of(span_of(room, width - 1));
			assert_true(rd_int(&less_bytes, width) == 0);
			assert_int_equal(less_bytes.err, RELOAD_SHORT);
			/* and one less to write */
			struct wr full = wr_fixed(room, width - 1);
			wr_int(&full, values[i], width);
			assert_int_equal(full.err, RELOAD_SHORT);
		}
		if (width == 8)
			continue;
		struct wr w;
		wr_init(&w);
		wr_int(&w, most + 1, width);
		assert_int_equal(w.err, RELOAD_BAD_VALUE);
		assert_int_equal(wr_done(&w).len, 0);
		wr_clear(&w);
	}
}

static void lengths_of_each_width(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 4; width++) {
		struct wr w;
		wr_init(&w);
		size_t outer = wr_open(&w, width), inner = wr_open(&w, width);
		wr_bytes(&w, "abc", 3);
		wr_close(&w, inner, width);
		wr_close(&w, outer, width);
		struct rd r = rd_of(wr_done(&w));
		struct rd list = rd_open(&r, width);
		assert_int_equal(rd_left(&list), width + 3);
		struct rd item = rd_open(&list, width);
		assert_true(span_eq(rd_rest(&item), span_str("abc")));
		rd_close(&list, &item);
		rd_close(&r, &list);
		assert_int_equal(r.err, RELOAD_OK);
		/* each cut of it is short, in the child and in the parent */
		for (size_t n = 0; n < w.len; n++) {
			struct rd cut = rd_of(span_of(w.at, n));
			struct rd child = rd_open(&cut, width);
			assert_int_equal(cut.err, RELOAD_SHORT);
			assert_int_equal(child.err, RELOAD_SHORT);
			assert_false(rd_more(&child));
		}
		wr_clear(&w);
	}
}

static void memory_of_an_arena(void **state)
{
	(void)state;
	struct reload_arena a = { 0 };
	size_t total = 0;
	uint8_t *last = NULL;
	for (size_t size = 0; size < 3000; size += 37) {
		uint8_t *at = reload_arena_take(&a, size);
		assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(at[i], 0);
		memset(at, 0xff, size);
		if (last) /* the one before is left alone */
			assert_int_equal(last[0], 0xff);
		last = size ? at : NULL;
		total += size;
		assert_true(a.total >= total);
	}
	struct span copy = reload_arena_copy(&a, span_str("text"));
	assert_true(span_eq(copy, span_str("text")));
	assert_null(reload_arena_copy(&a, span_of(NULL, 0)).at);
	reload_arena_clear(&a);
	assert_int_equal(a.total, 0);
	reload_arena_clear(&a);
}

/* -- times ---------------------------------------------------------------------------------------------------------------- */

static void dates_are_those_of_the_calendar(void **state)
{
	(void)state;
	char text[RELOAD_UTC_TEXT], want[64];
	/* each day from 1970 to 2105, and the ends of centuries */
	for (uint64_t day = 0; day < 49500; day++) {
		time_t t = (time_t)(day * 86400 + day % 86400);
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(reload_utc_text(text, (reload_utc)t * 1000 + 999), want);
	}
	static const struct {
		reload_utc t;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 951782399000, "2000-02-28T23:59:59Z" },
		{ 951782400000, "2000-02-29T00:00:00Z" },
		{ 4107542399000, "2100-02-28T23:59:59Z" },
		{ 4107542400000, "2100-03-01T00:00:00Z" }, /* no leap year */
		{ 253402300799999, "9999-12-31T23:59:59Z" },
		{ 253402300800000, "never" },
		{ RELOAD_NEVER - 1, "never" },
		{ RELOAD_NEVER, "never" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(reload_utc_text(text, rows[i].t), rows[i].text);
}

static void pauses_grow_to_their_maximum(void **state)
{
	(void)state;
	static const struct {
		reload_ms first, most;
		unsigned times;
		reload_ms want;
	} rows[] = {
		{ 100, 1000, 0, 100 },
		{ 100, 1000, 1, 200 },
		{ 100, 1000, 3, 800 },
		{ 100, 1000, 4, 1000 },
		{ 100, 1000, UINT32_MAX, 1000 },
		{ 100, 100, 5, 100 },
		{ 100, 50, 0, 50 },
		{ 0, 50, 3, 0 },
		{ 1, UINT64_MAX, 63, 1ull << 63 },
		{ 1, UINT64_MAX, 64, UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX, 1, UINT64_MAX },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_true(
			reload_doubled(rows[i].first, rows[i].times, rows[i].most) == rows[i].want);
}

static void times_are_read_as_they_are_written(void **state)
{
	(void)state;
	char text[RELOAD_TIME_TEXT];
	for (reload_ms t = 0; t < 400000000; t = t * 3 + 7) {
		reload_ms back = 1;
		assert_int_equal(reload_time_parse(&back, reload_time_text(text, t)), RELOAD_OK);
		assert_true(back == t);
	}
	static const char *const bad[] = { "1s1", "1s 1", "1S", "1ss", "1sec", "s1", "+1", "0x1",
		"1e3", " 1", "1\n", "1,5", "\xc2\xb2s", "10000000000000000s", "99999999999999d",
		"213503982335d" /* a little more than 2^64 ms */ };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		reload_ms t = 5;
		if (reload_time_parse(&t, bad[i]) != RELOAD_USAGE || t != 5)
			fail_msg("\"%s\"", bad[i]);
	}
	/* digits: one to fifteen */
	uint64_t n = 0;
	const char *digits = "999999999999999x", *start = digits;
	assert_true(reload_digits(&n, &digits));
	assert_true(n == 999999999999999ull && digits == start + 15);
	digits = "1000000000000000";
	assert_false(reload_digits(&n, &digits));
	digits = "x1";
	assert_false(reload_digits(&n, &digits));
}

/* -- failures ------------------------------------------------------------------------------------------------------------- */

static void the_list_of_failures_is_sound(void **state)
{
	(void)state;
	enum {
#define X(name, text, rpc, status) COUNT_OF_##name,
#include "util/err.def"
#undef X
		FAILURES
	};
	for (int i = 0; i < FAILURES; i++) {
		enum reload_err err = (enum reload_err)i;
		int rpc = reload_err_rpc(err), status = reload_err_exit(err);
		assert_true(reload_err_text(err)[0]);
		assert_true(reload_err_name(err)[0]);
		assert_int_equal(reload_err_from_rpc(rpc), err); /* each code once */
		assert_int_equal(!rpc, !err);
		assert_int_equal(!status, !err);
		assert_true(status <= 13 || status == 70);
		/* what the overlay answered comes back as that */
		uint16_t code = reload_err_overlay_code(err);
		if (code)
			assert_int_equal(reload_err_from_overlay(code), err);
		assert_int_equal(!!code, !strncmp(reload_err_text(err), "Error_", 6));
	}
	static const uint16_t unknown[] = { 0, 1, 18, 19, 27, 99, 100, 0x7fff, 0xffff };
	for (size_t i = 0; i < COUNT_OF(unknown); i++)
		assert_int_equal(reload_err_from_overlay(unknown[i]), RELOAD_FAILED);
	assert_int_equal(reload_err_from_rpc(1), RELOAD_FAILED);
	assert_int_equal(reload_err_from_rpc(-32199), RELOAD_FAILED);
	assert_true(reload_err_too_large(RELOAD_RESPONSE_TOO_LARGE));
	assert_true(reload_err_too_large(RELOAD_MESSAGE_TOO_LARGE));
	assert_false(reload_err_too_large(RELOAD_DATA_TOO_LARGE));
}

static void explanations_have_room(void **state)
{
	(void)state;
	struct reload_error_text why;
	char long_text[1024];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	assert_int_equal(
		reload_error_explain(&why, RELOAD_LIMIT, long_text, "%s", long_text), RELOAD_LIMIT);
	reload_error_advise(&why, "%s", long_text);
	/* cut, with an end */
	assert_int_equal(strlen(why.what), sizeof(why.what) - 1);
	assert_int_equal(strlen(why.reason), sizeof(why.reason) - 1);
	assert_int_equal(strlen(why.advice), sizeof(why.advice) - 1);
	/* a new explanation has no hint of the old one */
	assert_int_equal(reload_error_explain(&why, RELOAD_IO, NULL, "%d", 7), RELOAD_IO);
	assert_string_equal(why.what, reload_err_text(RELOAD_IO));
	assert_string_equal(why.reason, "7");
	assert_string_equal(why.advice, "");
	/* nobody wants to know */
	assert_int_equal(reload_error_explain(NULL, RELOAD_IO, "x", "y"), RELOAD_IO);
	reload_error_advise(NULL, "z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances_of_each_length),
		cmocka_unit_test(powers_and_the_one_before),
		cmocka_unit_test(between_is_half_open),
		cmocka_unit_test(ids_from_bytes_and_digits),
		cmocka_unit_test(integers_of_each_width),
		cmocka_unit_test(lengths_of_each_width),
		cmocka_unit_test(memory_of_an_arena),
		cmocka_unit_test(dates_are_those_of_the_calendar),
		cmocka_unit_test(pauses_grow_to_their_maximum),
		cmocka_unit_test(times_are_read_as_they_are_written),
		cmocka_unit_test(the_list_of_failures_is_sound),
		cmocka_unit_test(explanations_have_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
