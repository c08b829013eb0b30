/* Streams of octets over messages that arrive in any order (R-6.5.2-03: what an application gets). */
#include "link/ordered.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	WINDOW = RELOAD_ORDERED_WINDOW,
	MOST = 1000 /* octets of a message */
};

/* A message as it travels. */
struct message {
	uint8_t at[RELOAD_ORDERED_HEAD + MOST];
	size_t len;
};

static uint8_t octet(uint64_t number)
{
	return (uint8_t)(number * 7 + number / 256);
}

static struct message of(uint8_t type, uint64_t number, size_t len)
{
	struct message m;
	struct wr w = wr_fixed(m.at, sizeof(m.at));
	wr_u8(&w, type);
	wr_u64(&w, number);
	for (size_t i = 0; i < len; i++)
		wr_u8(&w, octet(number + i));
	assert_int_equal(w.err, RELOAD_OK);
	m.len = w.len;
	return m;
}

static const char *takes(struct reload_ordered *o, struct message m)
{
	uint8_t *copy = reload_memdup(m.at, m.len);
	const char *fault = reload_ordered_input(o, span_of(copy, m.len));
	free(copy);
	return fault;
}

#define good(o, type, number, len)      assert_null(takes(o, of(type, number, len)))
#define bad(o, type, number, len, text) assert_string_equal(takes(o, of(type, number, len)), text)

/* reads at most n octets, all of which must be right, and returns how many there were */
static size_t reads(struct reload_ordered *o, size_t n)
{
	size_t done = 0;
	while (done < n && reload_ordered_readable(o).len) {
		struct span s = reload_ordered_readable(o);
		size_t len = s.len < n - done ? s.len : n - done;
		for (size_t i = 0; i < len; i++)
			assert_int_equal(s.at[i], octet(o->read + i));
		reload_ordered_read(o, len);
		done += len;
	}
	return done;
}

static bool control(struct reload_ordered *o, struct message *m)
{
	struct wr w = wr_fixed(m->at, RELOAD_ORDERED_HEAD);
	bool is = reload_ordered_control(o, &w);
	assert_int_equal(w.err, RELOAD_OK);
	m->len = w.len;
	return is;
}

/* the next data message of o, of at most `most` octets of the pattern; false: it may send none */
static bool puts_data(struct reload_ordered *o, struct message *m, size_t most)
{
	uint8_t from[MOST];
	struct wr w = wr_fixed(m->at, sizeof(m->at));
	for (size_t i = 0; i < MOST; i++)
		from[i] = octet(o->sent + i);
	size_t n = reload_ordered_put(o, &w, span_of(from, most));
	m->len = w.len;
	assert_int_equal(w.len, n ? n + RELOAD_ORDERED_HEAD : 0);
	return n > 0;
}

static void in_any_order(void **state)
{
	(void)state;
	struct reload_ordered o;
	reload_ordered_init(&o);
	good(&o, 1, 200, 100);
	assert_int_equal(reload_ordered_readable(&o).len, 0);
	good(&o, 1, 400, 50);
	good(&o, 1, 300, 100); /* between both: one range */
	assert_int_equal(o.ahead_count, 1);
	good(&o, 1, 0, 100);
	assert_int_equal(reads(&o, MOST), 100);
	good(&o, 1, 0, 100); /* twice */
	good(&o, 1, 200, 100);
	assert_int_equal(reads(&o, MOST), 0);
	good(&o, 1, 50, 200); /* over both ends of a gap */
	assert_int_equal(reads(&o, MOST), 350);
	assert_null(o.window); /* nothing is kept */
	assert_false(reload_ordered_at_end(&o));
	reload_ordered_clear(&o);
}

static void a_range_that_covers_others(void **state)
{
	(void)state;
	struct reload_ordered o;
	reload_ordered_init(&o);
	good(&o, 1, 100, 10);
	good(&o, 1, 120, 10);
	good(&o, 1, 140, 10);
	good(&o, 1, 90, 55);
	assert_int_equal(o.ahead_count, 1);
	assert_int_equal(o.ahead[0].from, 90);
	assert_int_equal(o.ahead[0].to, 150);
	good(&o, 1, 0, 95);
	assert_int_equal(reads(&o, MOST), 150);
	reload_ordered_clear(&o);
}

/* The window is a ring: octets go on at its beginning. */
static void around_the_window(void **state)
{
	(void)state;
	struct reload_ordered o;
	struct message m;
	reload_ordered_init(&o);
	for (uint64_t at = 0; at < 3 * (uint64_t)WINDOW; at += 999) {
		good(&o, 1, at + 500, 499);
		good(&o, 1, at, 500);
		assert_int_equal(reads(&o, 999), 999);
		(void)control(&o, &m);
	}
	reload_ordered_clear(&o);
}

static void who_does_not_read_stops_the_sender(void **state)
{
	(void)state;
	struct reload_ordered out, in;
	struct message m;
	uint64_t sent = 0;
	reload_ordered_init(&out);
	reload_ordered_init(&in);
	while (puts_data(&out, &m, MOST)) {
		assert_null(takes(&in, m));
		sent = out.sent;
	}
	assert_int_equal(sent, WINDOW);
	assert_int_equal(reload_ordered_room(&out), 0);
	assert_false(control(&in, &m));
	/* a credit is worth a message only when it is large enough */
	assert_int_equal(reads(&in, RELOAD_ORDERED_GRANT - 1), RELOAD_ORDERED_GRANT - 1);
	assert_false(control(&in, &m));
	assert_int_equal(reads(&in, 1), 1);
	assert_true(control(&in, &m));
	assert_false(control(&in, &(struct message){ 0 }));
	assert_null(takes(&out, m));
	assert_int_equal(reload_ordered_room(&out), RELOAD_ORDERED_GRANT);
	/* an old one that comes late takes nothing back */
	good(&out, 2, WINDOW, 0);
	assert_int_equal(reload_ordered_room(&out), RELOAD_ORDERED_GRANT);
	reload_ordered_clear(&in);
	reload_ordered_clear(&out);
}

static void one_direction_ends_and_the_other_goes_on(void **state)
{
	(void)state;
	struct reload_ordered a, b;
	struct message end, m;
	reload_ordered_init(&a);
	reload_ordered_init(&b);
	assert_true(puts_data(&a, &m, 10));
	reload_ordered_end(&a);
	assert_true(control(&a, &end));
	assert_false(control(&a, &(struct message){ 0 }));
	assert_int_equal(reload_ordered_room(&a), 0);
	assert_null(takes(&b, end)); /* it overtakes the data */
	assert_null(takes(&b, end));
	assert_false(reload_ordered_at_end(&b));
	assert_null(takes(&b, m));
	assert_false(reload_ordered_at_end(&b)); /* before it was read */
	assert_int_equal(reads(&b, MOST), 10);
	assert_true(reload_ordered_at_end(&b));
	assert_true(puts_data(&b, &m, 20));
	assert_null(takes(&a, m));
	assert_int_equal(reads(&a, MOST), 20);
	assert_false(reload_ordered_at_end(&a));
	reload_ordered_clear(&a);
	reload_ordered_clear(&b);
}

static void an_empty_stream(void **state)
{
	(void)state;
	struct reload_ordered o;
	reload_ordered_init(&o);
	good(&o, 3, 0, 0);
	assert_true(reload_ordered_at_end(&o));
	bad(&o, 1, 0, 1, "data behind the end of the stream");
	reload_ordered_clear(&o);
}

/* A sender of whose data much is lost never makes more gaps; one that does is stopped before it costs memory. */
static void gaps_are_bounded(void **state)
{
	(void)state;
	struct reload_ordered o;
	reload_ordered_init(&o);
	for (uint64_t i = 0; i < RELOAD_ORDERED_GAPS; i++)
		good(&o, 1, 1 + 2 * i, 1);
	good(&o, 1, 1, 1); /* no new one */
	bad(&o, 1, 1000, 1, "too many gaps in the data");
	good(&o, 1, 0, 1); /* closes one */
	good(&o, 1, 1000, 1);
	reload_ordered_clear(&o);
}

static void what_cannot_be(void **state)
{
	(void)state;
	struct reload_ordered o;
	reload_ordered_init(&o);
	bad(&o, 0, 0, 0, "a message of unknown type");
	bad(&o, 4, 0, 0, "a message of unknown type");
	bad(&o, 1, 0, 0, "a data message without data");
	bad(&o, 2, 0, 1, "a message that is too long");
	bad(&o, 3, 0, 1, "a message that is too long");
	struct message m = of(3, 0, 0);
	for (m.len = 0; m.len < RELOAD_ORDERED_HEAD; m.len++)
		assert_string_equal(takes(&o, m), "a message that is too short");
	good(&o, 1, WINDOW - 1, 1);
	bad(&o, 1, WINDOW - 1, 2, "more data than was granted");
	bad(&o, 1, WINDOW, 1, "more data than was granted");
	bad(&o, 1, UINT64_MAX, 1, "more data than was granted");
	bad(&o, 1, UINT64_MAX - 1, 2, "more data than was granted");
	bad(&o, 3, WINDOW - 1, 0, "the stream ends where it cannot"); /* before what arrived */
	bad(&o, 3, WINDOW + 1, 0, "the stream ends where it cannot");
	good(&o, 3, WINDOW, 0);
	bad(&o, 3, WINDOW - 1, 0, "two ends of one stream");
	good(&o, 2, UINT64_MAX, 0);
	assert_true(reload_ordered_room(&o) == UINT64_MAX);
	reload_ordered_clear(&o);
	reload_ordered_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(a_range_that_covers_others),
		cmocka_unit_test(around_the_window),
		cmocka_unit_test(who_does_not_read_stops_the_sender),
		cmocka_unit_test(one_direction_ends_and_the_other_goes_on),
		cmocka_unit_test(an_empty_stream),
		cmocka_unit_test(gaps_are_bounded),
		cmocka_unit_test(what_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
