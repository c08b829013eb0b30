#include "chord_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* a ring in which all orders have been made */
static void ring(struct fake *f)
{
	fake_ring(f);
	fake_pass(f, 10000);
}

static void a_lost_predecessor(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	fake_lists(&f, 0x40, (const uint8_t[]){ 0x10, 0xa0, 0x70, 0 },
		(const uint8_t[]){ 0x70, 0xa0, 0x10, 0 });
	fake_lists(&f, 0x70, (const uint8_t[]){ 0x40, 0x10, 0xd0, 0 },
		(const uint8_t[]){ 0xa0, 0xd0, 0x10, 0 });
	size_t mark = f.count;
	struct reload_id lost = fake_id(0xd0), client = fake_id(0x60), k = fake_point(0xc0, 0);
	ops->connected(f.t, &client);
	ops->disconnected(f.t, &lost);
	assert_true(ops->responsible(f.t, &k));
	/* R-10.7.1-04 */
	assert_non_null(fake_find(&f, mark, FAKE_UPDATE, 0x60));
	/* R-10.7.3-05: the new part goes to the replica set.  40 has noticed the loss; 70 would refuse (STO-17) and gets it later */
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 0x40);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0xa0);
	assert_int_equal(r->to.at[0], 0xd0);
	assert_int_equal(r->number, 1);
	assert_null(fake_find(&f, mark, FAKE_STORES, 0x70));
	fake_pass(&f, 500);
	fake_lists(&f, 0x70, (const uint8_t[]){ 0x40, 0x10, 0xa0, 0 },
		(const uint8_t[]){ 0xa0, 0x10, 0x40, 0 });
	r = fake_find(&f, mark, FAKE_STORES, 0x70);
	assert_non_null(r);
	assert_int_equal(r->number, 2);
	assert_int_equal(r->to.at[0], 0xd0);
	fake_end(&f);
}

static void replicas_do_not_wait_for_ever(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10);
	fake_start_as(&f, &self);
	ops->first(f.t);
	fake_peer(&f, 0x40); /* sends no lists */
	/* data of its own range went there at once; replicas of ours do not */
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0x40), 1);
	assert_int_equal(fake_find(&f, 0, FAKE_STORES, 0x40)->to.at[0], 0x40);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 10);
	assert_int_equal(fake_count(&f, 0, FAKE_STORES, 0x40), 2);
	assert_int_equal(f.rows[f.count - 1].to.at[0], 0x10);
	fake_end(&f);
}

/* The lists of 40 have e0 and f0 before us for a while, so it may forget our data; then they have them no longer. */
static void a_replica_that_disowned_is_sent_again(void **state)
{
	(void)state;
	static const uint8_t before[] = { 0x10, 0xd0, 0xa0, 0 }, behind[] = { 0x70, 0xa0, 0xd0, 0 },
			     ghosts[] = { 0x10, 0xf0, 0xe0, 0 };
	struct fake f;
	ring(&f);
	fake_lists(&f, 0x40, before, behind);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 10);
	size_t mark = f.count;
	fake_lists(&f, 0x40, before, behind);
	fake_lists(&f, 0x40, ghosts, behind);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 10);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x40), 0);
	fake_lists(&f, 0x40, before, behind);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x40), 1);
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 0x40);
	assert_int_equal(r->from.at[0], 0xd0);
	assert_int_equal(r->to.at[0], 0x10);
	assert_int_equal(r->number, 1);
	/* and once only */
	fake_lists(&f, 0x40, before, behind);
	fake_pass(&f, CHORD_UPDATE_WAIT_MS + 10);
	assert_int_equal(fake_count(&f, mark, FAKE_STORES, 0x40), 1);
	fake_end(&f);
}

/* 40 and 70 hold replicas; 40 fails, a0 takes its place in the replica set. */
static void a_replacement_waits_for_the_hold_down(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count;
	struct reload_id lost = fake_id(0x40);
	ops->disconnected(f.t, &lost);
	fake_lists(&f, 0xa0, (const uint8_t[]){ 0x70, 0x10, 0xd0, 0 },
		(const uint8_t[]){ 0xd0, 0x10, 0x70, 0 });
	fake_pass(&f, 29000);
	/* R-10.7.1-03 R-3-06: nothing for 30 s after the failure */
	assert_null(fake_find(&f, mark, FAKE_STORES, 0xa0));
	fake_pass(&f, 1000 + CHORD_UPDATE_WAIT_MS);
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 0xa0);
	assert_non_null(r);
	assert_int_equal(r->number, 2);
	assert_int_equal(r->from.at[0], 0xd0);
	assert_int_equal(r->to.at[0], 0x10);
	fake_end(&f);
}

static void data_of_others_is_forgotten(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	size_t mark = f.count;
	fake_peer(&f, 0xe0);
	/* R-10.7.3-07: e0, d0, a0 are our predecessors now */
	/* R-10.7.3-06: not before the new replicas are there */
	fake_pass(&f, 29000);
	assert_null(fake_find(&f, mark, FAKE_FORGET, 0));
	fake_pass(&f, 1001);
	struct fake_row *r = fake_find(&f, mark, FAKE_FORGET, 0);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0x10);
	assert_int_equal(r->to.at[0], 0xa0);
	/* R-6.4.2.3-03: what is no longer ours goes to its new owner, which has not got it from us */
	r = fake_find(&f, mark, FAKE_STORES, 0xe0);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0xd0);
	assert_int_equal(r->to.at[0], 0xe0);
	/* R-6.4.2.3-03: and it is checked as an owner, once */
	assert_int_equal(fake_count(&f, mark, FAKE_OWNER_CHECK, 0), 1);
	r = fake_find(&f, mark, FAKE_OWNER_CHECK, 0);
	assert_int_equal(r->from.at[0], 0xd0);
	assert_int_equal(r->to.at[0], 0xe0);
	fake_end(&f);
}

/* d0 is new, and a0 behind it fails before it has stored its data at d0.  Of the holders only we know that d0 lacks them. */
static void what_an_owner_gains_is_checked(void **state)
{
	(void)state;
	struct fake f;
	ring(&f);
	struct reload_id lost = fake_id(0xa0);
	size_t mark = f.count;
	ops->disconnected(f.t, &lost);
	/* R-6.4.2.3-03: what d0 gained, and no more */
	struct fake_row *r = fake_find(&f, mark, FAKE_OWNER_CHECK, 0);
	assert_non_null(r);
	assert_int_equal(r->from.at[0], 0x70);
	assert_int_equal(r->to.at[0], 0xa0);
	/* a0 comes back, and is new */
	mark = f.count;
	fake_peer(&f, 0xa0);
	assert_int_equal(fake_count(&f, mark, FAKE_OWNER_CHECK, 0), 1);
	assert_int_equal(fake_find(&f, mark, FAKE_OWNER_CHECK, 0)->to.at[0], 0xa0);
	/* nothing changes */
	mark = f.count;
	fake_peer(&f, 0xa0);
	fake_pass(&f, 60000);
	assert_int_equal(fake_count(&f, mark, FAKE_OWNER_CHECK, 0), 0);
	fake_end(&f);
}

/* R-10.7.1-03 R-3-06: the hold-down ends when the replacement says that it is one, and knows of no better one. */
static void a_replacement_that_says_so_does_not_wait(void **state)
{
	(void)state;
	struct fake f;
	static const uint8_t before[] = { 0x70, 0x10, 0xd0, 0 }, behind[] = { 0xd0, 0x10, 0x70, 0 };
	ring(&f);
	fake_lists(&f, 0xa0, (const uint8_t[]){ 0x70, 0x10, 0xd0, 0 }, behind); /* too early */
	size_t mark = f.count;
	struct reload_id lost = fake_id(0x40);
	fake_pass(&f, 100);
	ops->disconnected(f.t, &lost);
	fake_pass(&f, 1000);
	assert_null(fake_find(&f, mark, FAKE_STORES, 0xa0));
	/* 60 would be a better match, */
	fake_lists(&f, 0xa0, (const uint8_t[]){ 0x60, 0x10, 0xd0, 0 }, behind);
	fake_pass(&f, 1000);
	assert_null(fake_find(&f, mark, FAKE_STORES, 0xa0));
	/* but is not there */
	fake_lists(&f, 0xa0, before, behind);
	struct fake_row *r = fake_find(&f, mark, FAKE_STORES, 0xa0);
	assert_non_null(r);
	assert_int_equal(r->number, 2);
	/* and nothing follows when the time is over */
	mark = f.count;
	fake_pass(&f, CHORD_HOLD_DOWN_MS + CHORD_UPDATE_WAIT_MS);
	assert_null(fake_find(&f, mark, FAKE_STORES, 0xa0));
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_predecessor),
		cmocka_unit_test(replicas_do_not_wait_for_ever),
		cmocka_unit_test(a_replica_that_disowned_is_sent_again),
		cmocka_unit_test(a_replacement_waits_for_the_hold_down),
		cmocka_unit_test(data_of_others_is_forgotten),
		cmocka_unit_test(what_an_owner_gains_is_checked),
		cmocka_unit_test(a_replacement_that_says_so_does_not_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
