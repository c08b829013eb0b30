/* Looking for TURN servers, and which one to use. */
#include "usage/turn_search.h"
#include "util/alloc.h"
#include "wire/codes.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_kind turn = { .id = RELOAD_KIND_TURN_SERVICE, .max_node_multiple = 20 };
static const struct reload_config config = { .kinds = { .at = &turn, .count = 1 } };

static struct reload_ip_port at(const char *text)
{
	struct reload_ip_port a;
	assert_int_equal(reload_ip_port_parse(&a, text, 0), RELOAD_OK);
	return a;
}

static enum reload_err take_of(struct reload_turn_search *s, uint8_t node, const char *address,
	bool loopback, struct reload_error_text *why)
{
	struct reload_id id = { .len = 16, .at = { [15] = node } };
	struct reload_ip_port a = at(address);
	struct wr w;
	wr_init(&w);
	reload_turn_record(&w, &a, 1);
	enum reload_err err = reload_turn_search_take(s, &id, wr_done(&w), &config, loopback, why);
	wr_clear(&w);
	return err;
}

static enum reload_err take(struct reload_turn_search *s, uint8_t node, const char *address)
{
	struct reload_error_text why;
	return take_of(s, node, address, false, &why);
}

static void result(struct reload_turn_search *s, const char *address, bool works, reload_ms now)
{
	struct reload_ip_port a = at(address);
	reload_turn_result(s, &a, works, now);
}

static void choice_is(const struct reload_turn_search *s, reload_ms now, const char *address)
{
	char text[64];
	assert_string_equal(
		reload_ip_port_text(text, &reload_turn_choose(s, now)->address), address);
}

static void a_search_has_an_end(void **state)
{
	(void)state;
	struct reload_turn_search s = { 0 };
	unsigned tries = 0;
	/* R-9-07: repeated, and the number of tries can be told */
	while (reload_turn_search_next(&s, 0))
		assert_int_equal(s.tries, ++tries);
	assert_int_equal(tries, RELOAD_TURN_TRIES);
	assert_null(reload_turn_choose(&s, 0));
	reload_turn_search_begin(&s);
	assert_true(reload_turn_search_next(&s, 0));
	assert_int_equal(take(&s, 1, "192.0.2.1:3478"), RELOAD_OK);
	assert_true(reload_turn_search_next(&s, 0));
	assert_int_equal(take(&s, 2, "192.0.2.2:3478"), RELOAD_OK);
	assert_false(reload_turn_search_next(&s, 0));
	assert_int_equal(s.tries, 2);
	/* of two one fails: another one is looked for */
	result(&s, "192.0.2.1:3478", false, 1000);
	assert_true(reload_turn_search_wanted(&s, 1000));
	assert_true(reload_turn_search_next(&s, 1000));
	assert_false(reload_turn_search_wanted(&s, 1000 + RELOAD_TURN_REST_MS));
}

static void where_a_record_is(void **state)
{
	(void)state;
	static const uint8_t zeros[16], there[16] = { [7] = 1 };
	struct reload_find_kind results[] = {
		{ RELOAD_KIND_CERT_BY_NODE, span_of(there, 16) },
		{ RELOAD_KIND_TURN_SERVICE, span_of(zeros, 16) },
	};
	struct reload_find_ans ans = { .results = results, .results_count = 2 };
	/* R-7.4.4-06 */
	assert_int_equal(reload_turn_search_where(&ans).len, 0);
	results[1].closest = span_of(NULL, 0);
	assert_int_equal(reload_turn_search_where(&ans).len, 0);
	results[1].closest = span_of(there, 16);
	assert_true(reload_turn_search_where(&ans).at == there);
	ans.results_count = 0;
	assert_int_equal(reload_turn_search_where(&ans).len, 0);
}

static void what_is_taken(void **state)
{
	(void)state;
	static const char *const bad[] = { "127.0.0.1:3478", "169.254.169.254:80", "[::]:3478",
		"224.0.0.1:3478", "[64:ff9b::169.254.169.254]:80", "192.0.2.1:0" };
	struct reload_turn_search s = { 0 };
	struct reload_error_text why;
	struct reload_id node = { .len = 16, .at = { 1 } };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		why.reason[0] = 0;
		assert_int_equal(take_of(&s, 1, bad[i], false, &why), RELOAD_BAD_VALUE);
		assert_non_null(strstr(why.reason, "address"));
	}
	assert_int_equal(
		reload_turn_search_take(&s, &node, span_of("\1\1\6\300", 4), &config, false, &why),
		RELOAD_BAD_VALUE);
	assert_int_equal(s.count, 0);
	assert_int_equal(take_of(&s, 1, "127.0.0.1:3478", true, &why), RELOAD_OK);
	assert_int_equal(take(&s, 2, "192.0.2.1:3478"), RELOAD_OK);
	assert_int_equal(take(&s, 3, "192.0.2.1:3478"), RELOAD_EXISTS);
	assert_int_equal(take(&s, 3, "[::ffff:192.0.2.1]:3478"), RELOAD_EXISTS);
	/* a node has one server; one that failed may have moved */
	assert_int_equal(take(&s, 2, "192.0.2.9:3478"), RELOAD_EXISTS);
	result(&s, "192.0.2.1:3478", false, 0);
	assert_int_equal(take(&s, 2, "192.0.2.1:3478"), RELOAD_EXISTS);
	assert_int_equal(take(&s, 2, "192.0.2.9:3478"), RELOAD_OK);
	assert_int_equal(s.count, 2);
	assert_false(s.servers[1].failed);
}

static void one_that_failed_rests(void **state)
{
	(void)state;
	struct reload_turn_search s = { 0 };
	assert_int_equal(take(&s, 1, "192.0.2.1:3478"), RELOAD_OK);
	assert_int_equal(take(&s, 2, "192.0.2.2:3478"), RELOAD_OK);
	choice_is(&s, 0, "192.0.2.1:3478");
	/* the second known one first */
	result(&s, "192.0.2.1:3478", false, 1000);
	choice_is(&s, 1000, "192.0.2.2:3478");
	result(&s, "192.0.2.2:3478", false, 5000);
	choice_is(&s, 5000, "192.0.2.1:3478"); /* all failed: who did so first */
	choice_is(&s, 1000 + RELOAD_TURN_REST_MS, "192.0.2.1:3478");
	result(&s, "192.0.2.1:3478", false, 6000);
	assert_int_equal(s.servers[0].failures, 2);
	choice_is(&s, 6000, "192.0.2.2:3478");
	result(&s, "192.0.2.1:3478", true, 7000);
	assert_int_equal(s.servers[0].failures, 0);
	choice_is(&s, 7000, "192.0.2.1:3478");
}

static void servers_that_failed_make_room(void **state)
{
	(void)state;
	struct reload_turn_search s = { 0 };
	assert_int_equal(take(&s, 1, "192.0.2.1:3478"), RELOAD_OK);
	assert_int_equal(take(&s, 2, "192.0.2.2:3478"), RELOAD_OK);
	assert_int_equal(take(&s, 3, "192.0.2.3:3478"), RELOAD_OK);
	assert_int_equal(take(&s, 4, "192.0.2.4:3478"), RELOAD_OK);
	assert_int_equal(take(&s, 5, "192.0.2.5:3478"), RELOAD_LIMIT);
	result(&s, "192.0.2.2:3478", false, 2000);
	result(&s, "192.0.2.3:3478", false, 1000);
	assert_int_equal(take(&s, 5, "192.0.2.5:3478"), RELOAD_OK);
	assert_int_equal(s.count, RELOAD_TURN_SERVERS_MAX);
	assert_int_equal(s.servers[2].address.addr[3], 5);
	assert_true(s.servers[1].failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_search_has_an_end),
		cmocka_unit_test(where_a_record_is),
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(one_that_failed_rests),
		cmocka_unit_test(servers_that_failed_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
