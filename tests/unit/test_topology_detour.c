/* Joining where peers let nothing pass, or name nodes that do not exist (RFC 6940 s10.5). */
#include "chord_joining.h"

static struct fake_row *last_attach(struct fake *f)
{
	struct fake_row *r = &f->rows[f->count - 1];
	assert_int_equal(r->what, FAKE_ATTACH);
	return r;
}

static bool to_own_point(const struct fake_row *r)
{
	struct reload_id n1 = fake_point(0x10, 2);
	return r->count == 1 && reload_id_eq(&r->node, &n1);
}

static void is_detour(const struct fake_row *r)
{
	assert_int_equal(r->count, 2);
	assert_int_equal(r->from.at[0], 0xd0);
	assert_true(r->resource && r->send_update);
	assert_false(to_own_point(r));
}

/* An attempt has two ways, and ends when both have failed. */
static void an_attempt_takes_a_detour_as_well(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct fake_row *r = last_attach(&f);
	assert_true(to_own_point(r));
	uint32_t direct = r->cookie;
	size_t mark = f.count;
	fake_pass(&f, CHORD_DETOUR_AFTER_MS - 10);
	assert_int_equal(f.count, mark);
	fake_pass(&f, 20);
	is_detour(r = last_attach(&f));
	uint32_t detour = r->cookie;
	mark = f.count;
	ops->attached(f.t, direct, RELOAD_TIMEOUT, NULL);
	fake_pass(&f, 1000);
	assert_int_equal(f.count, mark); /* the other one is under way */
	ops->attached(f.t, detour, RELOAD_TIMEOUT, NULL);
	fake_pass(&f, 2 * CHORD_BACKOFF_MS);
	assert_true(to_own_point(r = last_attach(&f)));
	/* who was reached, but not by ICE, lets messages pass: n+1 again, and a detour only after more failures */
	ops->attached(f.t, r->cookie, RELOAD_UNREACHABLE, NULL);
	fake_pass(&f, 4 * CHORD_BACKOFF_MS);
	assert_true(to_own_point(r = last_attach(&f)));
	mark = f.count;
	ops->attached(f.t, r->cookie, RELOAD_UNREACHABLE, NULL);
	assert_int_equal(f.count, mark + 1);
	is_detour(last_attach(&f));
	fake_end(&f);
}

/* With ICE the checks of pairs take longer than that: a second way begins when the first has had no answer at all. */
static void with_ice_a_detour_comes_later(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	f.config.no_ice = false;
	ops->configure(f.t, &f.config);
	struct reload_id bootstrap = fake_id(0xd0);
	ops->join(f.t, &bootstrap);
	size_t mark = f.count;
	fake_pass(&f, 4 * CHORD_DETOUR_AFTER_MS);
	assert_int_equal(f.count, mark);
	ops->attached(f.t, last_attach(&f)->cookie, RELOAD_TIMEOUT, NULL);
	is_detour(last_attach(&f));
	fake_end(&f);
}

/* Both ways are under way: the one that leads to a peer first counts, whichever it is. */
static void the_first_way_counts(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	struct fake_row direct = *last_attach(&f);
	fake_pass(&f, CHORD_DETOUR_AFTER_MS + 10);
	is_detour(last_attach(&f));
	uint32_t detour = last_attach(&f)->cookie;
	answer_attach(&f, &direct, 0x40);
	assert_int_equal(
		fake_receive(&f, 0x40, true, NULL, (const uint8_t[]){ 0xd0, 0 }), RELOAD_OK);
	size_t mark = f.count;
	ops->attached(f.t, detour, RELOAD_TIMEOUT, NULL);
	fake_pass(&f, 5000);
	assert_null(fake_find(&f, mark, FAKE_ATTACH, 0)); /* no new attempt */
	fake_end(&f);
}

/* Nothing comes back from n+1: another way round is found. */
static void a_detour_leads_past_who_lets_nothing_pass(void **state)
{
	(void)state;
	struct fake f;
	begin(&f);
	ops->attached(f.t, last_attach(&f)->cookie, RELOAD_TIMEOUT, NULL);
	struct fake_row *r = last_attach(&f);
	is_detour(r);
	/* 80 owns that point; what it lists leads on to 40, our successor */
	answer_attach(&f, r, 0x80);
	assert_int_equal(fake_receive(&f, 0x80, true, (const uint8_t[]){ 0x70, 0x60, 0 },
				 (const uint8_t[]){ 0xa0, 0 }),
		RELOAD_OK);
	static const uint8_t nodes[] = { 0x60, 0x70, 0xa0 };
	for (size_t i = 0; i < COUNT_OF(nodes); i++) {
		r = fake_find(&f, 0, FAKE_ATTACH, nodes[i]);
		assert_non_null(r);
		assert_int_equal(r->from.at[0], 0x80); /* R-10.6-01 */
		answer_attach(&f, r, nodes[i]);
		assert_int_equal(
			fake_receive(&f, nodes[i], true,
				(const uint8_t[]){ nodes[i] == 0x60 ? 0x40 : 0x60, 0 }, NULL),
			RELOAD_OK);
	}
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	r = fake_find(&f, 0, FAKE_ATTACH, 0x40);
	assert_non_null(r);
	answer_attach(&f, r, 0x40);
	assert_int_equal(
		fake_receive(&f, 0x40, true, NULL, (const uint8_t[]){ 0x60, 0 }), RELOAD_OK);
	assert_non_null(fake_find(&f, 0, FAKE_JOIN, 0x40));
	/* it does not own our point either: back to n+1, and not to ever new points */
	struct reload_id ap = fake_id(0x40);
	size_t mark = f.count;
	ops->join_answered(f.t, &ap, RELOAD_FORBIDDEN);
	fake_pass(&f, 1000);
	r = fake_find(&f, mark, FAKE_ATTACH, 0);
	assert_non_null(r);
	assert_true(to_own_point(r));
	fake_end(&f);
}

/* 70 names five nodes before our successor that do not exist. */
static void ghosts_are_named(struct fake *f)
{
	static const uint8_t ghosts[] = { 0x40, 0x20, 0x21, 0x22, 0x23, 0x24, 0 };
	reach_ap(f);
	answer_attach(f, fake_find(f, 0, FAKE_ATTACH, 0x70), 0x70);
	assert_int_equal(
		fake_receive(f, 0x70, true, ghosts, (const uint8_t[]){ 0xa0, 0 }), RELOAD_OK);
	answer_attach(f, fake_find(f, 0, FAKE_ATTACH, 0xa0), 0xa0);
	assert_int_equal(fake_receive(f, 0xa0, true, (const uint8_t[]){ 0x70, 0x40, 0 },
				 (const uint8_t[]){ 0xd0, 0 }),
		RELOAD_OK);
	assert_int_equal(fake_count(f, 0, FAKE_JOIN, 0), 0);
}

/* Whose names cannot be reached does not hold up the Join. */
static void a_join_does_not_wait_for_whom_nobody_trusted_names(void **state)
{
	(void)state;
	struct fake f;
	ghosts_are_named(&f);
	for (unsigned i = 0; i < CHORD_UNREACHABLE_NAMES_MAX; i++) {
		struct fake_row *r = fake_find(&f, 0, FAKE_ATTACH, 0x20 + i);
		assert_non_null(r);
		assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
		ops->attached(f.t, r->cookie, RELOAD_TIMEOUT, NULL);
	}
	fake_pass(&f, 10);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0x40), 1);
	fake_end(&f);
}

/* Nor do nodes that the successor itself does not know of, for long. */
static void a_join_does_not_wait_long_for_other_neighbours(void **state)
{
	(void)state;
	struct fake f;
	ghosts_are_named(&f);
	fake_pass(&f, CHORD_JOIN_NEIGHBOURS_MS - 500);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0), 0);
	fake_pass(&f, 1000);
	assert_int_equal(fake_count(&f, 0, FAKE_JOIN, 0x40), 1);
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attempt_takes_a_detour_as_well),
		cmocka_unit_test(with_ice_a_detour_comes_later),
		cmocka_unit_test(the_first_way_counts),
		cmocka_unit_test(a_detour_leads_past_who_lets_nothing_pass),
		cmocka_unit_test(a_join_does_not_wait_for_whom_nobody_trusted_names),
		cmocka_unit_test(a_join_does_not_wait_long_for_other_neighbours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
