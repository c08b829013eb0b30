#include "sim/loss_budget.h"

#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A ring of eight nodes at 0x10, 0x20 ... 0x80; the places of node i are at 0x08, 0x18 ...: node i owns its own. */
enum {
	NODES = 8,
	HOUR_S = 3600,
	WALL = 1000000,
	LIFE = 1,
	SILENT = 600000
};

static struct reload_id ids[NODES], resources[NODES];
static struct reload_sim_history *h;
static struct reload_sim_loss_budget *budget;
static uint8_t bytes[RELOAD_SIM_VALUE_MAX];

static int fresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < NODES; i++) {
		ids[i] = (struct reload_id){ .len = 16, .at = { (uint8_t)(0x10 * (i + 1)) } };
		resources[i] = (struct reload_id){ .len = 16, .at = { (uint8_t)(0x10 * i + 8) } };
	}
	h = reload_sim_history_new(NODES, ids, resources, 40, 0);
	budget = reload_sim_loss_budget_new(NODES, ids, h, SILENT);
	reload_sim_loss_budget_first(budget, 0, 0);
	for (size_t i = 1; i < NODES; i++)
		reload_sim_loss_budget_joined(budget, i, false, 0);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	reload_sim_loss_budget_free(budget);
	reload_sim_history_free(h);
	return 0;
}

static struct reload_sim_place *place(size_t node)
{
	return reload_sim_history_place(h, node, 0);
}

/* The acknowledgment of the owner for the Store of node that began last, at begun, arrives. */
static void acknowledge(size_t node, reload_ms begun, reload_ms now, uint64_t generation)
{
	assert_true(reload_sim_history_end(h, place(node), place(node)->last,
		RELOAD_SIM_STORED_ACKNOWLEDGED, now, generation, &ids[node]));
	reload_sim_loss_budget_acknowledged(budget, &ids[node], begun, now);
}

static uint64_t begin(size_t node, reload_ms now)
{
	return reload_sim_history_begin(
		h, place(node), node, 0, now, WALL + now, LIFE, HOUR_S, true)
		->storage_time;
}

/* A Store of node at now, acknowledged by the node's owner; returns its storage_time. */
static uint64_t store(size_t node, reload_ms now, uint64_t generation)
{
	uint64_t time = begin(node, now);
	acknowledge(node, now, now, generation);
	return time;
}

static struct reload_sim_read version(size_t node, uint64_t number, uint64_t time)
{
	size_t len = reload_sim_history_bytes(h, place(node), number, bytes);
	return (struct reload_sim_read){ .present = true,
		.exists = true,
		.storage_time = time,
		.value = span_of(bytes, len),
		.signer = ids[node] };
}

static enum reload_sim_read_result judged(size_t node, uint64_t owed, struct reload_sim_read read)
{
	return reload_sim_history_check_read(h, place(node), owed, 0, &read);
}

static uint64_t owed(size_t node, reload_ms now)
{
	return reload_sim_history_owed(h, place(node), now);
}

static void the_newest_acknowledged_version_is_owed(void **state)
{
	(void)state;
	assert_int_equal(owed(1, 0), 0);
	uint64_t one = store(1, 100, 1), two = store(1, 200, 2);
	assert_true(two > one);
	assert_int_equal(owed(1, 300), two);
	assert_int_equal(judged(1, two, version(1, 2, two)), RELOAD_SIM_READ_GOOD);
	assert_int_equal(judged(1, two, version(1, 1, one)), RELOAD_SIM_READ_STALE);
	assert_int_equal(judged(1, two, (struct reload_sim_read){ 0 }), RELOAD_SIM_READ_ABSENT);
	assert_int_equal(judged(1, 0, (struct reload_sim_read){ 0 }), RELOAD_SIM_READ_GOOD);
}

static void a_value_is_over_with_its_lifetime(void **state)
{
	(void)state;
	const reload_ms hour = HOUR_S * RELOAD_SECOND, slack = RELOAD_SIM_EXPIRY_SLACK_MS;
	uint64_t one = store(1, 100, 1);
	struct reload_sim_read read = version(1, 1, one);
	/* about that time it may be there or not */
	assert_int_equal(owed(1, 100 + hour - slack - 1), one);
	assert_int_equal(owed(1, 100 + hour - slack), 0);
	assert_int_equal(reload_sim_history_check_read(h, place(1), 0, 100 + hour + slack, &read),
		RELOAD_SIM_READ_GOOD);
	assert_false(reload_sim_history_over(h, place(1), 100 + hour + slack));
	/* R-7-07: then it is not */
	assert_int_equal(
		reload_sim_history_check_read(h, place(1), 0, 100 + hour + slack + 1, &read),
		RELOAD_SIM_READ_EXPIRED);
	assert_true(reload_sim_history_over(h, place(1), 100 + hour + slack + 1));
	/* a later Store may be there, acknowledged or not; a place without any has none that is over */
	begin(1, hour);
	assert_false(reload_sim_history_over(h, place(1), 100 + hour + slack + 1));
	assert_false(reload_sim_history_over(h, place(2), 100 + hour + slack + 1));
	/* an expired one is not excused */
	size_t values;
	reload_sim_history_expect_loss(h, &ids[0], &ids[0], SIZE_MAX);
	assert_int_equal(reload_sim_history_expected_lost(h, 200, &values), 1);
	assert_int_equal(reload_sim_history_expected_lost(h, 100 + hour, &values), 0);
	assert_int_equal(values, 1);
}

static void what_may_be_lost_and_is_found_is_owed(void **state)
{
	(void)state;
	uint64_t one = store(1, 100, 1);
	assert_int_equal(reload_sim_history_excused(h, place(1), 200), 0);
	static const size_t nodes[] = { 3, SIZE_MAX }; /* that may come back with it, or none */
	for (size_t i = 0; i < COUNT_OF(nodes); i++) {
		reload_sim_history_expect_loss(h, &ids[0], &ids[0], nodes[i]);
		assert_int_equal(owed(1, 200), 0);
		assert_int_equal(reload_sim_history_excused(h, place(1), 200), one);
		assert_int_equal(reload_sim_history_excused(h, place(1), place(1)->expires), 0);
		reload_sim_history_found(h, place(1));
		assert_int_equal(owed(1, 200), one);
		assert_int_equal(reload_sim_history_excused(h, place(1), 200), 0);
	}
}

static void a_store_without_an_answer_may_be_there_or_not(void **state)
{
	(void)state;
	uint64_t one = store(1, 100, 1), two = begin(1, 200);
	/* the Store has not ended */
	assert_int_equal(judged(1, owed(1, 250), version(1, 2, two)), RELOAD_SIM_READ_GOOD);
	assert_true(
		reload_sim_history_end(h, place(1), 2, RELOAD_SIM_STORED_UNKNOWN, 300, 0, NULL));
	assert_int_equal(owed(1, 400), one);
	assert_int_equal(judged(1, one, version(1, 2, two)), RELOAD_SIM_READ_GOOD);
	assert_int_equal(judged(1, one, version(1, 1, one)), RELOAD_SIM_READ_GOOD);
}

static void what_ends_with_its_certificate_may_have_replaced_the_owed(void **state)
{
	(void)state;
	reload_ms over = 1000000;
	uint64_t one = store(1, 100, 1), two = begin(1, 200);
	reload_sim_history_signed(h, place(1), 2, over + RELOAD_SIM_EXPIRY_SLACK_MS);
	assert_true(
		reload_sim_history_end(h, place(1), 2, RELOAD_SIM_STORED_UNKNOWN, 300, 0, NULL));
	assert_int_equal(owed(1, over - 1), one); /* until it ends, either is there */
	assert_int_equal(judged(1, one, version(1, 2, two)), RELOAD_SIM_READ_GOOD);
	assert_int_equal(owed(1, over), 0); /* the first may have been replaced by what is over */
	assert_int_equal(reload_sim_history_counter(h, place(1), over), 0);
	one = store(1, over, 7); /* and the next acknowledged one is owed again */
	assert_int_equal(owed(1, over + 10), one);
}

static void what_was_never_stored_is_forged(void **state)
{
	(void)state;
	uint64_t one = store(1, 100, 1);
	struct reload_sim_read read = version(1, 1, one);
	bytes[7] ^= 1;
	assert_int_equal(judged(1, one, read), RELOAD_SIM_READ_FORGED);
	read = version(1, 1, one);
	read.signer = ids[2];
	assert_int_equal(judged(1, one, read), RELOAD_SIM_READ_FORGED);
	read = version(1, 1, one + 1);
	assert_int_equal(judged(1, one, read), RELOAD_SIM_READ_FORGED);
	read = version(1, 1, one);
	read.exists = false;
	assert_int_equal(judged(1, one, read), RELOAD_SIM_READ_FORGED);
	assert_int_equal(judged(2, 0, version(2, 1, one)), RELOAD_SIM_READ_FORGED);
}

static void versions_give_way_but_are_not_forged_then(void **state)
{
	(void)state;
	uint64_t first = store(1, 100, 1), last = 0;
	for (unsigned i = 0; i < RELOAD_SIM_VERSIONS; i++)
		last = store(1, 200 + i, 2 + i);
	assert_int_equal(judged(1, last, version(1, 1, first)), RELOAD_SIM_READ_STALE);
	assert_int_equal(judged(1, last, version(1, 1, last + 9)), RELOAD_SIM_READ_FORGED);
}

static void a_removal_is_a_version(void **state)
{
	(void)state;
	store(1, 100, 1);
	const struct reload_sim_version *v =
		reload_sim_history_begin(h, place(1), 1, 0, 200, WALL + 200, LIFE, HOUR_S, false);
	struct reload_sim_read read = {
		.present = true, .storage_time = v->storage_time, .signer = ids[1]
	};
	assert_true(reload_sim_history_end(
		h, place(1), 2, RELOAD_SIM_STORED_ACKNOWLEDGED, 210, 2, &ids[1]));
	assert_int_equal(judged(1, owed(1, 300), read), RELOAD_SIM_READ_GOOD);
	assert_int_equal(judged(1, owed(1, 300), version(1, 1, WALL + 100)), RELOAD_SIM_READ_STALE);
}

static void storage_time_rises_within_a_life(void **state)
{
	(void)state;
	uint64_t one = store(1, 100, 1);
	const struct reload_sim_version *v = reload_sim_history_begin(h, place(1), 1, 0, 200,
		WALL - 5000, LIFE, HOUR_S, true); /* its clock was set back */
	assert_int_equal(v->storage_time, one + 1);
	v = reload_sim_history_begin(h, place(1), 1, 0, 300, WALL - 4000, LIFE + 1, HOUR_S, true);
	assert_int_equal(v->storage_time, WALL - 4000);
	/* R-7.4.1.1-23: what is the newest is a matter of storage_time */
	assert_true(reload_sim_history_end(
		h, place(1), 3, RELOAD_SIM_STORED_ACKNOWLEDGED, 310, 9, &ids[1]));
	assert_int_equal(owed(1, 400), one);
}

static void values_are_owed_until_shortly_before_they_expire(void **state)
{
	(void)state;
	store(1, 100, 1);
	reload_ms end = 100 + HOUR_S * 1000 - RELOAD_SIM_EXPIRY_SLACK_MS;
	assert_true(owed(1, end - 1));
	assert_false(owed(1, end));
}

static void counters_of_acknowledgments_rise(void **state)
{
	(void)state;
	store(1, 100, 5);
	reload_sim_history_begin(h, place(1), 1, 0, 200, WALL + 200, LIFE, HOUR_S, true);
	assert_false(reload_sim_history_end(
		h, place(1), 2, RELOAD_SIM_STORED_ACKNOWLEDGED, 210, 5, &ids[1]));
	/* two entries of one array share a counter */
	for (unsigned which = 1; which <= 2; which++) {
		struct reload_sim_place *p = reload_sim_history_place(h, 1, which);
		reload_sim_history_begin(
			h, p, 1, 0, 300 * which, WALL + 300 * which, LIFE, HOUR_S, true);
		assert_int_equal(reload_sim_history_end(h, p, 1, RELOAD_SIM_STORED_ACKNOWLEDGED,
					 300 * which + 10, 1, &ids[1]),
			which == 1);
	}
	/* not while two peers may be owner; its end is not known as long as that goes on */
	reload_sim_history_torn(h, RELOAD_NEVER - 1);
	reload_sim_history_begin(h, place(1), 1, 0, 400, WALL + 400, LIFE, HOUR_S, true);
	assert_true(reload_sim_history_end(
		h, place(1), 3, RELOAD_SIM_STORED_ACKNOWLEDGED, 410, 2, &ids[1]));
	reload_sim_history_torn(h, 1000);
	reload_sim_history_begin(h, place(1), 1, 0, 500, WALL + 500, LIFE, HOUR_S, true);
	assert_true(reload_sim_history_end(
		h, place(1), 4, RELOAD_SIM_STORED_ACKNOWLEDGED, 510, 9, &ids[1]));
	/* then it goes on where it stood before */
	assert_int_equal(reload_sim_history_counter(h, place(1), 1500), 5);
	reload_sim_history_begin(h, place(1), 1, 0, 2000, WALL + 2000, LIFE, HOUR_S, true);
	assert_false(reload_sim_history_end(
		h, place(1), 5, RELOAD_SIM_STORED_ACKNOWLEDGED, 2010, 5, &ids[1]));
	reload_sim_history_begin(h, place(1), 1, 0, 3000, WALL + 3000, LIFE, HOUR_S, true);
	assert_true(reload_sim_history_end(
		h, place(1), 6, RELOAD_SIM_STORED_ACKNOWLEDGED, 3010, 6, &ids[1]));
	assert_int_equal(reload_sim_history_counter(h, place(1), 3500), 6);
	assert_int_equal(reload_sim_history_counter(h, place(1), 2 * HOUR_S * 1000), 0);
}

/* The Store of that number by a device, which names base, is acknowledged with that counter; returns whether there is no conflict. */
static bool alone(
	size_t writer, uint64_t base, reload_ms begun, reload_ms ended, uint64_t generation)
{
	struct reload_sim_place *p = place(1);
	uint64_t number = reload_sim_history_begin(
		h, p, writer, base, begun, WALL + begun, LIFE, HOUR_S, true)
				  ->number;
	bool is = reload_sim_history_alone(h, p, number, ended, generation);
	(void)!reload_sim_history_end(
		h, p, number, RELOAD_SIM_STORED_ACKNOWLEDGED, ended, generation, &ids[1]);
	return is;
}

static void two_stores_never_get_one_counter(void **state)
{
	(void)state;
	assert_true(alone(1, 0, 100, 110, 1));
	assert_true(alone(2, 0, 100, 120, 2));
	/* both named 2, and both were accepted: the answer of the second one gives it away, whichever comes first */
	assert_true(alone(1, 2, 200, 210, 3));
	assert_false(alone(2, 2, 200, 220, 3));
	assert_false(alone(2, 2, 230, 240, 4));
	assert_true(alone(1, 4, 300, 320, 6));
	assert_false(alone(2, 0, 310, 330, 5));
	/* nothing is known of it while two peers may be owner */
	reload_sim_history_torn(h, 1000);
	assert_true(alone(1, 4, 400, 410, 6));
}

static void devices_of_a_user_write_one_value(void **state)
{
	(void)state;
	resources[2] = resources[1];
	struct reload_sim_history *own = reload_sim_history_new(NODES, ids, resources, 40, 0);
	assert_int_equal(reload_sim_history_home(own, 0), 0);
	assert_int_equal(reload_sim_history_home(own, 1), 1);
	assert_int_equal(reload_sim_history_home(own, 2), 1);
	assert_int_equal(reload_sim_history_home(own, 3), 3);
	struct reload_sim_place *p = reload_sim_history_place(own, 1, 0);
	uint64_t one = reload_sim_history_begin(own, p, 1, 0, 100, WALL + 100, LIFE, HOUR_S, true)
			       ->storage_time;
	const struct reload_sim_version *v =
		reload_sim_history_begin(own, p, 2, 0, 100, WALL + 100, LIFE, HOUR_S, true);
	assert_int_equal(v->storage_time, one + 1);
	struct reload_sim_read read = { .present = true,
		.exists = true,
		.storage_time = v->storage_time,
		.value = span_of(bytes, reload_sim_history_bytes(own, p, v->number, bytes)),
		.signer = ids[2] };
	assert_int_equal(
		reload_sim_history_check_read(own, p, 0, 200, &read), RELOAD_SIM_READ_GOOD);
	/* what the one stored is not signed by the other one */
	read.signer = ids[1];
	assert_int_equal(
		reload_sim_history_check_read(own, p, 0, 200, &read), RELOAD_SIM_READ_FORGED);
	reload_sim_history_free(own);
}

/* -- expected losses ------------------------------------------------------------------------------------------------------ */

enum {
	CALM = 10 * RELOAD_SIM_REPAIR_MS /* no node is weak any more */
};

static void two_holders_may_fail(void **state)
{
	(void)state;
	size_t values;
	store(3, 100, 1);
	reload_sim_loss_budget_failed(budget, 3, false, false, CALM);
	reload_sim_loss_budget_failed(budget, 4, false, false, CALM + 1);
	assert_true(owed(3, CALM + 2));
	reload_sim_loss_budget_failed(budget, 7, false, false, CALM + 1); /* not one of them */
	assert_true(owed(3, CALM + 2));
	assert_int_equal(reload_sim_history_expected_lost(h, CALM, &values), 0);
	assert_int_equal(values, 1);
}

static void three_holders_may_not(void **state)
{
	(void)state;
	size_t values;
	store(2, 100, 1);
	store(3, 100, 1);
	store(4, 100, 1);
	for (size_t i = 3; i <= 5; i++)
		reload_sim_loss_budget_failed(budget, i, false, false, CALM + i);
	assert_false(owed(3, CALM + 100));
	assert_true(owed(2, CALM + 100));
	assert_true(owed(4, CALM + 100));
	assert_int_equal(reload_sim_history_expected_lost(h, CALM, &values), 1);
	/* stored again, owed again */
	store(3, CALM + 200, 1);
	assert_true(owed(3, CALM + 300));
}

static void failures_far_apart_are_repaired(void **state)
{
	(void)state;
	store(3, 100, 1);
	for (size_t i = 0; i < 3; i++)
		reload_sim_loss_budget_failed(
			budget, 3 + i, false, false, CALM + i * (RELOAD_SIM_REPAIR_MS + 1));
	assert_true(owed(3, CALM + 4 * RELOAD_SIM_REPAIR_MS));
}

static void a_failure_in_a_repair_begins_it_anew(void **state)
{
	(void)state;
	store(3, 100, 1);
	for (size_t i = 0; i < 3; i++)
		reload_sim_loss_budget_failed(
			budget, 3 + i, false, false, CALM + i * (RELOAD_SIM_REPAIR_MS - 1000));
	assert_false(owed(3, CALM + 4 * RELOAD_SIM_REPAIR_MS));
}

static void silent_ends_are_noticed_later(void **state)
{
	(void)state;
	store(3, 100, 1);
	for (size_t i = 0; i < 3; i++)
		reload_sim_loss_budget_failed(budget, 3 + i, true, false, CALM + i * SILENT);
	assert_false(owed(3, CALM + 3 * SILENT));
	store(0, CALM, 1);
	for (size_t i = 0; i < 3; i++)
		reload_sim_loss_budget_failed(budget, i, true, false,
			10 * CALM + i * (SILENT + RELOAD_SIM_REPAIR_MS + 1));
	assert_true(owed(0, CALM + 10));
}

static void leaves_in_order_lose_nothing(void **state)
{
	(void)state;
	store(3, 100, 1);
	for (size_t i = 3; i <= 5; i++) {
		reload_sim_loss_budget_leaving(budget, i, CALM + 1000 * i);
		reload_sim_loss_budget_left(budget, i, CALM + 1000 * i + 500);
	}
	assert_true(owed(3, CALM + 10000));
}

static void leaves_that_overlap_may_lose(void **state)
{
	(void)state;
	store(3, 100, 1);
	for (size_t i = 3; i <= 5; i++)
		reload_sim_loss_budget_leaving(budget, i, CALM + i);
	assert_false(owed(3, CALM + 10));
}

static void an_owner_that_returns_with_its_disk_owes_again(void **state)
{
	(void)state;
	store(3, 100, 1);
	reload_sim_loss_budget_failed(budget, 3, false, true, CALM);
	reload_sim_loss_budget_failed(budget, 4, false, false, CALM);
	reload_sim_loss_budget_failed(budget, 5, false, false, CALM);
	assert_false(owed(3, CALM + 1));
	reload_sim_loss_budget_joined(budget, 3, true, CALM + 100);
	assert_true(owed(3, CALM + 200));
	/* without the disk it does not */
	reload_sim_loss_budget_failed(budget, 3, false, true, CALM + 300);
	assert_false(owed(3, CALM + 400));
	reload_sim_loss_budget_failed(budget, 3, false, false, CALM + 500);
	reload_sim_loss_budget_joined(budget, 3, false, CALM + 600);
	assert_false(owed(3, CALM + 700));
}

static void a_fresh_value_may_go_with_its_owner(void **state)
{
	(void)state;
	store(3, CALM, 1);
	store(4, CALM, 1);
	reload_sim_loss_budget_failed(budget, 3, false, false, CALM + RELOAD_SIM_REPLICATE_MS);
	reload_sim_loss_budget_failed(budget, 4, false, false, CALM + RELOAD_SIM_REPLICATE_MS + 1);
	assert_false(owed(3, CALM + 6000));
	assert_true(owed(4, CALM + 6000));
}

/* The answer to a Store is still under way when its sender goes. */
static void a_late_answer_is_of_a_fresh_value(void **state)
{
	(void)state;
	for (size_t i = 2; i <= 6; i++)
		begin(i, CALM);
	reload_sim_loss_budget_failed(budget, 2, false, false, CALM - 1);
	reload_sim_loss_budget_joined(budget, 2, false, CALM - 1);
	reload_sim_loss_budget_failed(budget, 3, false, false, CALM);
	reload_sim_loss_budget_failed(budget, 5, false, true, CALM + 10);
	reload_sim_loss_budget_failed(budget, 6, false, true, CALM + 10);
	reload_sim_loss_budget_joined(budget, 6, true, CALM + 20);
	for (size_t i = 2; i <= 6; i++)
		acknowledge(i, CALM, CALM + 100, 1);
	assert_true(owed(2, CALM + 200)); /* it went before the Store began */
	assert_false(owed(3, CALM + 200));
	assert_true(owed(4, CALM + 200));
	assert_false(owed(5, CALM + 200));
	assert_true(owed(6, CALM + 200)); /* it is back with its disk */
	reload_sim_loss_budget_joined(budget, 5, true, CALM + 300);
	assert_true(owed(5, CALM + 400));
	/* one that leaves in order takes with it only what a partition kept from its replicas */
	const uint8_t sides[NODES] = { 0 };
	for (size_t i = 0; i <= 1; i++) {
		reload_ms begun = CALM + 1000;
		begin(i, begun);
		reload_sim_loss_budget_leaving(budget, i, begun);
		reload_sim_loss_budget_left(budget, i, begun + 500);
		acknowledge(i, begun, begun + 600, 1);
		assert_int_equal(owed(i, begun + 700) > 0, i == 0);
		reload_sim_loss_budget_split(budget, sides, 2 * CALM);
	}
}

static void each_side_of_a_partition_is_a_ring(void **state)
{
	(void)state;
	const uint8_t sides[NODES] = { 0, 0, 1, 0, 1, 0, 1, 0 };
	store(3, 100, 1);
	reload_sim_loss_budget_split(budget, sides, 2 * CALM);
	reload_sim_loss_budget_failed(budget, 3, false, false, CALM);
	reload_sim_loss_budget_failed(budget, 5, false, false, CALM);
	assert_true(owed(3, CALM + 1));
	reload_sim_loss_budget_failed(budget, 7, false, false, CALM);
	assert_false(owed(3, CALM + 1));
}

/* To each side the other one fails as a whole; what one side still has is not lost. */
static void what_both_sides_of_a_partition_lose_may_be_lost(void **state)
{
	(void)state;
	/* the holders of 3 are 3, 4 and 5: one on side 1 */
	const uint8_t sides[NODES] = { 0, 0, 1, 0, 1, 0, 0, 0 };
	store(3, 100, 1);
	store(6, 100, 1);
	reload_sim_loss_budget_split(budget, sides, 2 * CALM);
	reload_sim_loss_budget_cut(budget, CALM);
	reload_sim_loss_budget_leaving(budget, 4, CALM + 1000);
	reload_sim_loss_budget_left(budget, 4, CALM + 2000);
	assert_true(owed(3, CALM + 2000)); /* lost to side 1 */
	reload_sim_loss_budget_leaving(budget, 3, CALM + 10000);
	reload_sim_loss_budget_left(budget, 3, CALM + 11000);
	assert_true(owed(3, CALM + 11000)); /* 5 has it */
	reload_sim_loss_budget_leaving(budget, 5, CALM + 20000);
	assert_false(owed(3, CALM + 20000));
	assert_true(owed(6, CALM + 20000));
}

/* The notes of a side are of one partition, and of the time that a repair takes. */
static void a_side_repairs_what_it_has(void **state)
{
	(void)state;
	const uint8_t sides[NODES] = { 0, 0, 1, 0, 1, 0, 0, 0 };
	store(3, 100, 1);
	reload_sim_loss_budget_split(budget, sides, 4 * CALM);
	reload_sim_loss_budget_cut(budget, CALM);
	reload_sim_loss_budget_leaving(budget, 4, CALM + 1000);
	reload_sim_loss_budget_left(budget, 4, CALM + 1000);
	reload_sim_loss_budget_leaving(budget, 3, CALM + RELOAD_SIM_REPAIR_MS);
	reload_sim_loss_budget_left(budget, 3, CALM + RELOAD_SIM_REPAIR_MS);
	reload_sim_loss_budget_leaving(budget, 5, CALM + RELOAD_SIM_REPAIR_MS + 1000);
	reload_sim_loss_budget_left(budget, 5, CALM + RELOAD_SIM_REPAIR_MS + 1000);
	assert_true(owed(3, CALM + RELOAD_SIM_REPAIR_MS + 1000));
}

static void values_belong_to_their_version(void **state)
{
	(void)state;
	uint8_t other[RELOAD_SIM_VALUE_MAX];
	assert_int_equal(reload_sim_history_bytes(h, place(1), 1, bytes), 40);
	reload_sim_history_bytes(h, place(1), 2, other);
	assert_memory_not_equal(bytes, other, 40);
	reload_sim_history_bytes(h, place(2), 1, other);
	assert_memory_not_equal(bytes, other, 40);
	reload_sim_history_bytes(h, place(1), 1, other);
	assert_memory_equal(bytes, other, 40);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fresh, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_acknowledged_version_is_owed),
		TEST(a_value_is_over_with_its_lifetime),
		TEST(what_may_be_lost_and_is_found_is_owed),
		TEST(a_store_without_an_answer_may_be_there_or_not),
		TEST(what_ends_with_its_certificate_may_have_replaced_the_owed),
		TEST(what_was_never_stored_is_forged),
		TEST(versions_give_way_but_are_not_forged_then),
		TEST(a_removal_is_a_version),
		TEST(storage_time_rises_within_a_life),
		TEST(values_are_owed_until_shortly_before_they_expire),
		TEST(counters_of_acknowledgments_rise),
		TEST(two_stores_never_get_one_counter),
		TEST(devices_of_a_user_write_one_value),
		TEST(two_holders_may_fail),
		TEST(three_holders_may_not),
		TEST(failures_far_apart_are_repaired),
		TEST(a_failure_in_a_repair_begins_it_anew),
		TEST(silent_ends_are_noticed_later),
		TEST(leaves_in_order_lose_nothing),
		TEST(leaves_that_overlap_may_lose),
		TEST(an_owner_that_returns_with_its_disk_owes_again),
		TEST(a_fresh_value_may_go_with_its_owner),
		TEST(a_late_answer_is_of_a_fresh_value),
		TEST(each_side_of_a_partition_is_a_ring),
		TEST(what_both_sides_of_a_partition_lose_may_be_lost),
		TEST(a_side_repairs_what_it_has),
		TEST(values_belong_to_their_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
