#include "util/alloc.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/owned.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void reader_sticks_at_the_first_failure(void **state)
{
	(void)state;
	uint8_t in[] = { 0, 2, 7, 8, 9 };
	struct rd r = rd_of(span_of(in, sizeof(in)));
	struct rd list = rd_open(&r, 2);
	assert_int_equal(rd_u8(&list), 7);
	assert_true(rd_more(&list));
	rd_close(&r, &list); /* one byte of the list was not read */
	assert_int_equal(r.err, RELOAD_TRAILING);
	assert_int_equal(rd_u8(&r), 0);
	struct rd empty = rd_of(span_of(NULL, 0));
	assert_int_equal(rd_left(&empty), 0);
	assert_int_equal(rd_u64(&empty), 0);
	assert_int_equal(empty.err, RELOAD_SHORT);
}

static void writer_fills_lengths_in(void **state)
{
	(void)state;
	struct wr w;
	wr_init(&w);
	size_t mark = wr_open(&w, 3);
	wr_u16(&w, 0x1234);
	wr_close(&w, mark, 3);
	assert_memory_equal(w.at, "\0\0\2\x12\x34", 5);
	mark = wr_open(&w, 1);
	for (int i = 0; i < 256; i++)
		wr_u8(&w, 0);
	wr_close(&w, mark, 1);
	assert_int_equal(w.err, RELOAD_LIMIT); /* 256 bytes do not fit a length of one byte */
	wr_clear(&w);
	uint8_t small[3];
	struct wr f = wr_fixed(small, sizeof(small));
	wr_u32(&f, 1);
	assert_int_equal(f.err, RELOAD_SHORT);
}

static void ids_are_numbers_on_a_ring(void **state)
{
	(void)state;
	struct reload_id a, b, d;
	assert_int_equal(reload_id_from_hex(&a, "f0000000000000000000000000000000"), RELOAD_OK);
	assert_int_equal(reload_id_from_hex(&b, "10000000000000000000000000000000"), RELOAD_OK);
	d = reload_id_distance(&a, &b);
	char hex[RELOAD_ID_HEX];
	assert_string_equal(reload_id_hex(hex, &d), "20000000000000000000000000000000");
	d = reload_id_add_power(&a, 127); /* wraps */
	assert_string_equal(reload_id_hex(hex, &d), "70000000000000000000000000000000");
	d = reload_id_wildcard(16);
	d = reload_id_add_power(&d, 0);
	assert_true(reload_id_is_zero(&d));
	assert_true(reload_id_between(&a, &d, &b));
	assert_false(reload_id_between(&b, &d, &a));
	assert_true(reload_id_between(&a, &b, &b));
	assert_false(reload_id_between(&a, &a, &b));
	assert_int_equal(reload_id_from_hex(&a, "f"), RELOAD_BAD_VALUE);
	/* a borrow goes through bytes that are equal, up to the top */
	assert_int_equal(
		reload_id_from_hex(&a, "0100000012345678123456780000000000000001"), RELOAD_OK);
	assert_int_equal(
		reload_id_from_hex(&b, "0300000012345678123456780000000000000000"), RELOAD_OK);
	d = reload_id_distance(&a, &b);
	assert_string_equal(reload_id_hex(hex, &d), "01ffffffffffffffffffffffffffffffffffffff");
}

static void wildcard_and_zero_are_all_bytes(void **state)
{
	(void)state;
	struct reload_id wildcard = reload_id_wildcard(16), zero = { .len = 16 };
	assert_true(reload_id_is_wildcard(&wildcard));
	assert_true(reload_id_is_zero(&zero));
	for (unsigned i = 0; i < 16; i++) {
		struct reload_id w = wildcard, z = zero;
		w.at[i] = 0xfe;
		z.at[i] = 1;
		assert_false(reload_id_is_wildcard(&w));
		assert_false(reload_id_is_zero(&z));
	}
}

static void text_forms(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++) {
		uint8_t in[40], *out;
		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)(i * 37 + n);
		char *text = reload_base64(span_of(in, n));
		size_t len;
		assert_int_equal(reload_unbase64(&out, &len, text, strlen(text)), RELOAD_OK);
		assert_int_equal(len, n);
		assert_memory_equal(in, out, n);
		free(text);
		free(out);
	}
	uint8_t *out;
	size_t len;
	const char *bad[] = { "A", "AA", "AAA", "AA=A", "=AAA", "AA==AA==", "A*AA", "AA= =x" };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(
			reload_unbase64(&out, &len, bad[i], strlen(bad[i])), RELOAD_BAD_VALUE);
	assert_true(reload_utf8_valid(span_str("gr\xc3\xbc\xc3\x9f")));
	assert_false(reload_utf8_valid(span_str("\xc0\x80")));
	assert_false(reload_utf8_valid(span_str("\xed\xa0\x80")));
}

static int ran[4], ran_count;
static void note(void *arg)
{
	ran[ran_count++] = *(int *)arg;
}

static void count_up(void *arg)
{
	++*(int *)arg;
}

static void timers_run_in_order(void **state)
{
	(void)state;
	struct reload_timers ts = { 0 };
	struct reload_timer a = { 0 }, b = { 0 }, c = { 0 };
	int one = 1, two = 2, three = 3;
	reload_timer_arm(&ts, &a, 20, note, &one);
	reload_timer_arm(&ts, &b, 10, note, &two);
	reload_timer_arm(&ts, &c, 10, note, &three);
	assert_int_equal(reload_timers_next(&ts), 10);
	reload_timers_run(&ts, 10);
	assert_int_equal(ran_count, 2);
	assert_int_equal(ran[0], 2);
	assert_int_equal(ran[1], 3);
	reload_timer_cancel(&ts, &a);
	assert_true(reload_timers_next(&ts) == RELOAD_NEVER);
}

/* A crowd of timers that are due at once leaves room for others between two runs. */
static void timers_of_a_turn_are_bounded(void **state)
{
	(void)state;
	struct reload_timers ts = { 0 };
	struct reload_timer crowd[3 * RELOAD_TIMERS_PER_PASS] = { 0 };
	int any = 0;
	for (size_t i = 0; i < COUNT_OF(crowd); i++)
		reload_timer_arm(&ts, &crowd[i], 10, count_up, &any);
	for (int turn = 1; turn <= 3; turn++) {
		assert_int_equal(reload_timers_next(&ts), 10); /* the host turns at once again */
		reload_timers_run(&ts, 10);
		assert_int_equal(any, turn * RELOAD_TIMERS_PER_PASS);
	}
	assert_true(reload_timers_next(&ts) == RELOAD_NEVER);
}

static void tables_grow_to_their_maximum(void **state)
{
	(void)state;
	uint32_t *items = NULL;
	size_t cap = 0;
	for (uint32_t i = 0; i < 64; i++) {
		reload_grow_within(&items, &cap, i, sizeof(*items), 64);
		assert_in_range(cap, i + 1, 64);
		items[i] = i;
	}
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(items[i], i);
	reload_grow(&items, &cap, 64, sizeof(*items));
	assert_true(cap > 64);
	free(items);
}

static void owned_bytes_are_freed_once(void **state)
{
	(void)state;
	char text[] = "text";
	struct bytes b = bytes_copy(span_str(text)), nothing = bytes_copy(span_of(NULL, 0));
	text[0] = 'n'; /* the copy is another one */
	assert_true(span_eq(bytes_span(b), span_str("text")));
	assert_non_null(nothing.at);
	assert_int_equal(nothing.len, 0);
	for (int again = 0; again < 2; again++) {
		bytes_free(&b);
		bytes_free(&nothing);
		assert_null(b.at);
		assert_int_equal(bytes_span(b).len, 0);
	}
}

static void formatted_text_of_any_length(void **state)
{
	(void)state;
	char large[5000];
	struct wr w;
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	wr_init(&w);
	wr_format(&w, "%s", "");
	assert_int_equal(w.len, 0);
	wr_text(&w, "a");
	wr_format(&w, "%d-%s", 7, large);
	wr_text(&w, "");
	wr_text(&w, "b");
	assert_int_equal(w.err, RELOAD_OK);
	assert_int_equal(w.len, 1 + 2 + sizeof(large) - 1 + 1);
	assert_memory_equal(w.at, "a7-xx", 5);
	assert_memory_equal(w.at + w.len - 3, "xxb", 3);
	wr_clear(&w);
	/* what does not fit fails the writer and leaves no part of it */
	char room[5] = "....";
	w = wr_fixed(room, 4);
	wr_format(&w, "%d", 123);
	assert_int_equal(w.err, RELOAD_OK);
	wr_format(&w, "%d", 4);
	assert_int_equal(w.err, RELOAD_SHORT);
	assert_int_equal(w.len, 3);
	assert_int_equal(room[4], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_sticks_at_the_first_failure),
		cmocka_unit_test(writer_fills_lengths_in),
		cmocka_unit_test(ids_are_numbers_on_a_ring),
		cmocka_unit_test(wildcard_and_zero_are_all_bytes),
		cmocka_unit_test(text_forms),
		cmocka_unit_test(timers_run_in_order),
		cmocka_unit_test(timers_of_a_turn_are_bounded),
		cmocka_unit_test(tables_grow_to_their_maximum),
		cmocka_unit_test(owned_bytes_are_freed_once),
		cmocka_unit_test(formatted_text_of_any_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
