#include "sip/bindings.h"

#include "sip/best.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW 1000000

static struct reload_sip_bindings b;

static int setup(void **state)
{
	(void)state;
	reload_sip_bindings_init(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reload_sip_bindings_clear(&b);
	return 0;
}

static struct reload_sip_contact contact(const char *uri)
{
	return (struct reload_sip_contact){ .uri = uri, .shown = uri, .q = 1000 };
}

/* A REGISTER with one Contact, Call-ID "call" and that number. */
static struct reload_sip_register request(const struct reload_sip_contact *c, uint32_t cseq)
{
	return (struct reload_sip_register){ .contacts = c,
		.count = c ? 1 : 0,
		.call_id = "call",
		.cseq = cseq,
		.default_s = 600,
		.min_s = 60,
		.max_s = 3600 };
}

static void devices_come_and_go(void **state)
{
	struct reload_sip_contact c = contact("sip:a@192.0.2.1");
	struct reload_sip_register r = request(&c, 1);
	(void)state;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_int_equal(TAILQ_FIRST(&b.list)->expires_at, NOW + 600 * 1000);
	c.has_expires = true;
	c.expires_s = 100;
	r.cseq = 2;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_int_equal(b.count, 1);
	assert_int_equal(reload_sip_bindings_expire(&b, NOW + 1), NOW + 100 * 1000);
	assert_int_equal(reload_sip_bindings_expire(&b, NOW + 100 * 1000), RELOAD_NEVER);
	assert_int_equal(b.count, 0);
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	c.expires_s = 0;
	r.cseq = 3;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_int_equal(b.count, 0);
}

static void a_connection_is_used_while_a_device_is_bound_to_it(void **state)
{
	struct reload_sip_contact c = contact("sip:a@192.0.2.1");
	struct reload_sip_register r = request(&c, 1);
	(void)state;
	c.hop.connection = 7;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_true(reload_sip_bindings_use(&b, 7));
	assert_false(reload_sip_bindings_use(&b, 8));
	(void)reload_sip_bindings_expire(&b, NOW + 600 * 1000);
	assert_false(reload_sip_bindings_use(&b, 7));
}

static void what_is_late_or_too_short_changes_nothing(void **state)
{
	struct reload_sip_contact c[2] = { contact("sip:a@192.0.2.1"), contact("sip:b@192.0.2.1") };
	struct reload_sip_register r = request(c, 5);
	(void)state;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	r.cseq = 5;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 500);
	r.cseq = 6;
	r.count = 2;
	c[1].has_expires = true;
	c[1].expires_s = 59;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 423);
	assert_int_equal(b.count, 1);
	assert_int_equal(TAILQ_FIRST(&b.list)->cseq, 5);
	r.call_id = "another";
	r.cseq = 1;
	r.count = 1;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200); /* the device has started anew */
}

static void a_star_ends_all(void **state)
{
	struct reload_sip_contact c = contact("sip:a@192.0.2.1");
	struct reload_sip_register r = request(&c, 1);
	(void)state;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	r = request(NULL, 2);
	r.star = true;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 400);
	r.has_expires = true;
	r.expires_s = 60;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 400);
	r.expires_s = 0;
	r.cseq = 1;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 500);
	r.cseq = 2;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_int_equal(b.count, 0);
}

static void a_flow_of_the_same_device_replaces_the_one_before(void **state)
{
	struct reload_sip_contact c = contact("sip:a@192.0.2.1:1000");
	struct reload_sip_register r = request(&c, 1);
	(void)state;
	c.instance = "<urn:uuid:1>";
	c.reg_id = 1;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	c.uri = "sip:a@192.0.2.1:2000";
	r.cseq = 2;
	c.hop.connection = 7;
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_int_equal(b.count, 1);
	assert_int_equal(TAILQ_FIRST(&b.list)->hop.connection, 7);
	c.reg_id = 2;
	c.uri = "sip:a@192.0.2.1:3000";
	assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
	assert_int_equal(b.count, 2);
	assert_non_null(reload_sip_bindings_find(&b, "sip:a@192.0.2.1:2000"));
	assert_null(reload_sip_bindings_find(&b, "sip:a@192.0.2.1:1000"));
}

static void there_are_as_many_as_the_limit_and_the_best_is_first(void **state)
{
	char uri[32];
	(void)state;
	for (int i = 0; i < RELOAD_SIP_BINDINGS_MAX + 1; i++) {
		snprintf(uri, sizeof(uri), "sip:a@192.0.2.%d", i);
		struct reload_sip_contact c = contact(uri);
		struct reload_sip_register r = request(&c, 1);
		c.q = i == 3 ? 900 : 500;
		assert_int_equal(
			reload_sip_register(&b, &r, NOW), i < RELOAD_SIP_BINDINGS_MAX ? 200 : 403);
	}
	assert_string_equal(TAILQ_FIRST(&b.list)->uri, "sip:a@192.0.2.3");
	assert_int_equal(b.count, RELOAD_SIP_BINDINGS_MAX);
}

/* C23 */
static void what_is_granted_varies_within_the_limits(void **state)
{
	static const struct {
		uint32_t asked;
		int vary;
		uint32_t granted;
	} rows[] = { { 600, 100, 660 }, { 600, -100, 540 }, { 60, -100, 60 }, { 99999, 0, 3600 },
		{ UINT32_MAX, -50, 3420 } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_sip_contact c = contact("sip:a@192.0.2.1");
		struct reload_sip_register r = request(&c, (uint32_t)i + 1);
		r.has_expires = true;
		r.expires_s = rows[i].asked;
		r.vary = rows[i].vary;
		assert_int_equal(reload_sip_register(&b, &r, NOW), 200);
		assert_int_equal(TAILQ_FIRST(&b.list)->expires_at, NOW + 1000ull * rows[i].granted);
	}
}

static void the_best_answer_is_what_helps_the_caller_most(void **state)
{
	static const int best_first[] = { 603, 302, 401, 486, 404, 408, 500, 503 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(best_first); i++) {
		assert_true(reload_sip_better(best_first[i], 0));
		for (size_t k = i + 1; k < COUNT_OF(best_first); k++)
			assert_false(reload_sip_better(best_first[k], best_first[i]));
	}
	assert_true(reload_sip_better(401, 486));
	assert_true(reload_sip_better(486, 408));
	assert_true(reload_sip_better(302, 404));
	assert_true(reload_sip_better(600, 302));
	assert_true(reload_sip_better(500, 503));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(devices_come_and_go),
		TEST(a_connection_is_used_while_a_device_is_bound_to_it),
		TEST(what_is_late_or_too_short_changes_nothing),
		TEST(a_star_ends_all),
		TEST(a_flow_of_the_same_device_replaces_the_one_before),
		TEST(there_are_as_many_as_the_limit_and_the_best_is_first),
		TEST(what_is_granted_varies_within_the_limits),
		TEST(the_best_answer_is_what_helps_the_caller_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
