#include "sim/check.h"

#include "topology/topology.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A net of healthy engines, and what each checker says when something in it is made wrong. */
enum {
	NODES = 9, /* the last one is not started */
	RING = NODES - 1,
	SETTLE_MS = 60000
};

static struct reload_sim *s;
static struct reload_sim_history *history;
static struct reload_sim_checks *checks;
static size_t *order;
static struct reload_id ids[NODES], resources[NODES];
static struct reload_sim_violation v;
static bool stored_well;
static uint64_t counter; /* the generation counter of the answers */

static int grown(void **state)
{
	(void)state;
	const struct reload_sim_setup setup = { .seed = 11,
		.nodes = NODES,
		.latency = reload_sim_latency_find("lan"),
		.store_limit = 1 << 20 };
	s = reload_sim_new(&setup, NULL);
	for (size_t i = 0; i < NODES; i++) {
		struct reload_sim_node *n = reload_sim_node(s, i);
		ids[i] = n->id;
		reload_chord_topology.resource_id(
			&resources[i], span_str(n->credentials.cert->user));
	}
	order = reload_sim_sort(ids, NODES);
	history = reload_sim_history_new(NODES, ids, resources, 40, 0);
	checks = reload_sim_checks_new(s, order, history, 1 << 20);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i < RING; i++)
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_run(s, SETTLE_MS);
	reload_sim_checks_begin(checks);
	memset(&v, 0, sizeof(v));
	return 0;
}

static int gone(void **state)
{
	(void)state;
	reload_sim_checks_free(checks);
	reload_sim_free(s);
	reload_sim_history_free(history);
	free(order);
	return 0;
}

static void later(reload_ms ms)
{
	reload_sim_run(s, reload_sim_now(s) + ms);
	reload_sim_checks_begin(checks);
}

/* The node that is `steps` steps behind node 0 in the ring. */
static struct reload_sim_node *behind(size_t steps)
{
	size_t at = 0;
	while (order[at] != 0)
		at++;
	while (steps) {
		at = (at + 1) % NODES;
		steps -= order[at] < RING;
	}
	return reload_sim_node(s, order[at]);
}

static void a_grown_ring_is_well(void **state)
{
	(void)state;
	assert_true(reload_sim_check_joined(checks, &v));
	assert_true(reload_sim_check_ring(checks, &v));
	assert_true(reload_sim_check_owner(checks, &v));
	assert_true(reload_sim_check_replicas(checks, &v));
	for (size_t i = 0; i < RING; i++)
		assert_true(reload_sim_check_bound(checks, reload_sim_node(s, i), &v));
}

static void a_finger_that_went_is_seen(void **state)
{
	(void)state;
	assert_true(reload_sim_check_fingers(checks, &v));
	enum reload_state joined = behind(2)->state;
	behind(2)->state = RELOAD_STATE_ENROLLED;
	reload_sim_checks_begin(checks);
	assert_false(reload_sim_check_fingers(checks, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_FINGERS);
	assert_non_null(strstr(v.words, "which is not in the ring any more"));
	/* nobody can tell when it went silently */
	behind(2)->silent = true;
	assert_true(reload_sim_check_fingers(checks, &v));
	behind(2)->state = joined;
}

static void failed_reads_are_no_more_than_liars_explain(void **state)
{
	(void)state;
	struct reload_sim_reads reads = {
		.owed = 90, .failed = 20, .apart = 40, .apart_failed = 4
	};
	/* one Resource-ID may be unreachable; places next to liars do not count */
	assert_true(reload_sim_check_reads(checks, &reads, &v));
	reads.apart_failed = 5;
	assert_false(reload_sim_check_reads(checks, &reads, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_LOST_VALUE);
	assert_non_null(strstr(v.words, "5 of 40 final reads"));
	assert_non_null(strstr(v.words, "0 liars among 8 peers explain 4"));
	/* two of eight lie: another eighth of the reads may fail */
	behind(3)->byzantine = behind(6)->byzantine = 1;
	later(1);
	reads.apart_failed = 9;
	assert_true(reload_sim_check_reads(checks, &reads, &v));
	reads.apart_failed = 10;
	assert_false(reload_sim_check_reads(checks, &reads, &v));
	assert_non_null(strstr(v.words, "2 liars among 8 peers explain 9"));
}

static void a_node_that_cannot_join_is_seen(void **state)
{
	(void)state;
	reload_sim_side(s, RING, 1);
	reload_sim_start(s, RING, false, RELOAD_ROLE_PEER, NULL, 0);
	later(1000);
	assert_false(reload_sim_check_joined(checks, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_JOINED);
	assert_non_null(strstr(v.words, "node 8 is "));
	/* the ring consists of the joined nodes */
	assert_true(reload_sim_check_ring(checks, &v));
}

static void a_silent_end_breaks_the_ring_until_it_is_noticed(void **state)
{
	(void)state;
	reload_sim_crash(s, behind(3)->index, RELOAD_SIM_MACHINE, false);
	later(1);
	assert_false(reload_sim_check_ring(checks, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_RING);
	assert_int_equal(v.at, SETTLE_MS + 1);
	assert_false(reload_sim_check_owner(checks, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_OWNER);
	assert_non_null(strstr(v.words, "answers for what is behind"));
	assert_true(reload_sim_check_joined(checks, &v));
	reload_sim_run(s, reload_sim_now(s) + 3 * 600000);
	later(1);
	assert_true(reload_sim_check_ring(checks, &v));
	assert_true(reload_sim_check_owner(checks, &v));
}

static void liars_may_be_missing_from_tables(void **state)
{
	(void)state;
	struct reload_sim_node *liar = behind(3);
	liar->byzantine = 1;
	later(1);
	assert_true(reload_sim_check_ring(checks, &v));
	assert_true(reload_sim_check_owner(checks, &v));
	/* honest again: its neighbours must know it */
	liar->byzantine = 0;
	reload_sim_crash(s, liar->index, RELOAD_SIM_PROCESS, false);
	later(1200000);
	assert_true(reload_sim_check_ring(checks, &v));
}

/* -- values ------------------------------------------------------------------------------------------------------------------- */

static void stored(void *arg, const struct reload_result *r)
{
	struct reload_sim_place *p = arg;
	stored_well = !r->err;
	assert_true(reload_sim_history_end(history, p, p->last,
		r->err ? RELOAD_SIM_STORED_UNKNOWN : RELOAD_SIM_STORED_ACKNOWLEDGED,
		reload_sim_now(s), ++counter, &r->responder));
}

static struct reload_sim_place *store(size_t i, unsigned which)
{
	struct reload_sim_node *n = reload_sim_node(s, i);
	struct reload_sim_place *p = reload_sim_history_place(history, i, which);
	uint8_t bytes[RELOAD_SIM_VALUE_MAX];
	reload_ms now = reload_sim_now(s);
	enum reload_err err;
	const struct reload_sim_version *version = reload_sim_history_begin(
		history, p, p->node, 0, now, RELOAD_SIM_EPOCH + now, n->lives, 86400, true);
	struct reload_store_item item = { .kind = reload_sim_place_kind(p),
		.value = reload_sim_place_value(history, p),
		.lifetime_s = 86400,
		.storage_time = version->storage_time };
	item.value.exists = true;
	item.value.value =
		span_of(bytes, reload_sim_history_bytes(history, p, version->number, bytes));
	struct reload_destination to = reload_dest_resource(&resources[i]);
	struct reload_request_target target = { .list = &to, .count = 1 };
	stored_well = false;
	assert_non_null(
		reload_peer_store(n->peer, &target, &resources[i], &item, 1, stored, p, &err));
	later(5000);
	assert_true(stored_well);
	return p;
}

static void all_holders_have_each_value(void **state)
{
	(void)state;
	for (unsigned which = 0; which < RELOAD_SIM_PLACES; which++) {
		struct reload_sim_place *p = store(1, which);
		assert_true(reload_sim_place_complete(
			checks, p, reload_sim_history_owed(history, p, reload_sim_now(s)), NULL));
	}
	assert_true(reload_sim_check_replicas(checks, &v));
}

static struct reload_sim_node *holder(size_t of, size_t rank)
{
	size_t at = 0;
	while (at < NODES && reload_id_cmp(&ids[order[at]], &resources[of]) < 0)
		at++;
	for (;; at++)
		if (order[at % NODES] < RING && !rank--)
			return reload_sim_node(s, order[at % NODES]);
}

static void a_replica_that_is_missing_is_seen(void **state)
{
	(void)state;
	store(1, 0);
	for (size_t rank = 0; rank < 3; rank++) {
		struct reload_sim_node *n = holder(1, rank);
		assert_true(reload_sim_check_replicas(checks, &v));
		n->storage->ops->drop_kind(n->storage, RELOAD_SIM_KIND);
		assert_false(reload_sim_check_replicas(checks, &v));
		assert_int_equal(v.check, RELOAD_SIM_CHECK_REPLICAS);
		/* places next to a liar are left out */
		holder(1, 2)->byzantine = 1;
		assert_true(reload_sim_check_replicas(checks, &v));
		holder(1, 2)->byzantine = 0;
		store(1, 0);
	}
}

static void a_counter_of_the_owner_that_fell_is_seen(void **state)
{
	(void)state;
	counter = 0; /* as that of the place */
	struct reload_sim_place *p = store(1, 0);
	store(1, 0);
	assert_int_equal(reload_sim_history_counter(history, p, reload_sim_now(s)), 2);
	assert_true(reload_sim_check_counters(checks, &v));
	struct reload_storage *own = holder(1, 0)->storage;
	own->ops->drop_range(own, &resources[1], &resources[1]);
	assert_false(reload_sim_check_counters(checks, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_GENERATION);
	assert_non_null(strstr(v.words, "2 was acknowledged"));
	/* with a value the counter may be lost, too */
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	assert_true(reload_sim_check_counters(checks, &v));
}

static void what_survives_is_to_be_complete(void **state)
{
	(void)state;
	struct reload_sim_place *p = store(1, 0);
	uint64_t time = p->newest;
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	struct reload_storage *last = holder(1, 2)->storage;
	last->ops->drop_kind(last, RELOAD_SIM_KIND);
	assert_true(reload_sim_check_replicas(checks, &v));
	assert_false(reload_sim_check_survivors(checks, history, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_REPLICAS);
	assert_int_equal(reload_sim_checks_lost(checks), 0);
	/* where a liar may have had a hand in it, it need not be complete to be read */
	holder(1, 0)->byzantine = 1;
	assert_true(reload_sim_check_survivors(checks, history, &v));
	assert_int_equal(reload_sim_history_owed(history, p, reload_sim_now(s)), time);
	holder(1, 0)->byzantine = 0;
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	assert_false(reload_sim_check_survivors(checks, history, &v));
	/* the same where nobody has it any more: that is a loss */
	for (size_t i = 0; i < NODES; i++) {
		struct reload_storage *storage = reload_sim_node(s, i)->storage;
		if (storage)
			storage->ops->drop_kind(storage, RELOAD_SIM_KIND);
	}
	assert_true(reload_sim_check_survivors(checks, history, &v));
	assert_int_equal(reload_sim_checks_lost(checks), 1);
	assert_int_equal(reload_sim_history_owed(history, p, reload_sim_now(s)), 0);
	/* what is complete is owed again */
	store(1, 0);
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	assert_int_equal(reload_sim_history_owed(history, p, reload_sim_now(s)), 0);
	assert_true(reload_sim_check_survivors(checks, history, &v));
	assert_true(reload_sim_history_owed(history, p, reload_sim_now(s)) > time);
	assert_int_equal(reload_sim_checks_lost(checks), 0);
}

static void drop_at(struct reload_sim_node *n)
{
	n->storage->ops->drop_kind(n->storage, RELOAD_SIM_KIND);
}

static void the_last_copy_is_known(void **state)
{
	(void)state;
	struct reload_sim_place *p = store(1, 0);
	struct reload_sim_node *owner = holder(1, 0), *second = holder(1, 1), *third = holder(1, 2);
	for (size_t i = 0; i < NODES; i++)
		assert_false(reload_sim_check_last_copy(checks, reload_sim_node(s, i)));
	drop_at(second);
	assert_false(reload_sim_check_last_copy(checks, owner));
	/* one that lies, or whose process is stopped, is no other holder */
	third->byzantine = 1;
	assert_true(reload_sim_check_last_copy(checks, owner));
	third->byzantine = 0;
	assert_false(reload_sim_check_last_copy(checks, owner));
	third->frozen_until = reload_sim_now(s) + 1000;
	assert_true(reload_sim_check_last_copy(checks, owner));
	third->frozen_until = 0;
	drop_at(third);
	assert_true(reload_sim_check_last_copy(checks, owner));
	assert_false(reload_sim_check_last_copy(checks, second));
	/* what it has is not what is owed */
	p->newest++;
	assert_false(reload_sim_check_last_copy(checks, owner));
	p->newest--;
	/* the acknowledgment of what it has may be on its way */
	p->newest = 0;
	assert_true(reload_sim_check_last_copy(checks, owner));
}

/* While the network is cut, the holders of each side count. */
static void the_last_copy_of_a_side_is_known(void **state)
{
	(void)state;
	store(1, 0);
	struct reload_sim_node *owner = holder(1, 0), *fifth = holder(1, 4);
	drop_at(holder(1, 1));
	drop_at(holder(1, 2));
	struct reload_stored_value place =
		reload_sim_place_value(history, reload_sim_history_place(history, 1, 0));
	const struct reload_stored_entry *e = owner->storage->ops->find(owner->storage,
		&resources[1], RELOAD_SIM_KIND, &place, RELOAD_SIM_EPOCH + reload_sim_now(s));
	assert_non_null(e);
	struct reload_stored_entry copy = *e;
	struct reload_store_change change = {
		.kind = RELOAD_SIM_KIND, .generation = 1, .entries = &copy, .entries_count = 1
	};
	struct reload_store_batch batch = { .resource = resources[1],
		.changes = &change,
		.changes_count = 1,
		.now = RELOAD_SIM_EPOCH + reload_sim_now(s) };
	assert_int_equal(
		fifth->storage->ops->commit(fifth->storage, &batch, NULL, NULL), RELOAD_OK);
	assert_false(reload_sim_check_last_copy(checks, fifth)); /* the owner has it */
	assert_true(reload_sim_check_last_copy(checks, owner));  /* that one is too far */
	fifth->side = 1;
	assert_false(reload_sim_check_last_copy(checks, owner));
	fifth->side = 0;
	drop_at(owner);
	/* it is no holder, and all the same the last that has it */
	assert_true(reload_sim_check_last_copy(checks, fifth));
}

static void not_one_value_is_lost(void **state)
{
	(void)state;
	store(1, 0);
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	assert_true(reload_sim_check_none_lost(checks, &v));
	for (size_t rank = 0; rank < 3; rank++)
		drop_at(holder(1, rank));
	assert_false(reload_sim_check_none_lost(checks, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_REALLY_LOST);
	assert_non_null(strstr(v.words, "place 0 of node 1"));
	holder(1, 0)->byzantine = 1;
	assert_true(reload_sim_check_none_lost(checks, &v));
	holder(1, 0)->byzantine = 0;
}

static void few_values_are_really_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		store(i, 0);
		store(i, 3);
	}
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	struct reload_sim_reads reads = { 0 };
	/* what is still excused is not read, be it lost or not */
	assert_int_equal(reload_sim_checks_lost(checks), 0);
	assert_false(reload_sim_check_really_lost(checks, 0, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_REALLY_LOST);
	assert_non_null(strstr(v.words, "8 are excused, and of these 0 are nowhere"));
	assert_true(reload_sim_check_survivors(checks, history, &v));
	assert_true(reload_sim_check_really_lost(checks, 0, &v));
	/* the two of one node have one Resource-ID: one place in the ring was lost */
	struct reload_id before = reload_id_before(&resources[1]);
	reload_sim_history_expect_loss(history, &before, &resources[1], SIZE_MAX);
	assert_true(reload_sim_check_really_lost(checks, 0, &v));
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	assert_false(reload_sim_check_judged(checks, &reads, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_JUDGED);
	reads.over = 1;
	assert_true(reload_sim_check_judged(checks, &reads, &v));
	reads = (struct reload_sim_reads){ .owed = 1 };
	assert_true(reload_sim_check_judged(checks, &reads, &v));
	const uint32_t kinds[] = { RELOAD_SIM_DICT, RELOAD_SIM_KIND };
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		for (size_t i = 0; i < NODES; i++) {
			struct reload_storage *storage = reload_sim_node(s, i)->storage;
			if (storage)
				storage->ops->drop_kind(storage, kinds[k]);
		}
	assert_int_equal(reload_sim_checks_lost(checks), 8);
	assert_false(reload_sim_check_really_lost(checks, 999999, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_REALLY_LOST);
	assert_true(reload_sim_check_really_lost(checks, 1000000, &v));
}

static void an_old_replica_is_seen(void **state)
{
	(void)state;
	struct reload_sim_place *p = store(1, 0);
	size_t lacks = SIZE_MAX;
	assert_true(reload_sim_place_complete(checks, p, p->newest, NULL));
	assert_false(reload_sim_place_complete(checks, p, p->newest + 1, &lacks));
	assert_int_equal(lacks, holder(1, 0)->index);
	p->newest++; /* as if a newer version had been acknowledged */
	assert_false(reload_sim_check_replicas(checks, &v));
	reload_sim_history_expect_loss(history, &resources[0], &resources[0], SIZE_MAX);
	assert_true(reload_sim_check_replicas(checks, &v));
}

/* -- bounds ------------------------------------------------------------------------------------------------------------------- */

static void answered(void *arg, const struct reload_result *r)
{
	(void)arg;
	(void)r;
}

/* the rule of s6.3.4, checked from outside of the engine */
static void who_stands_too_far_off_is_not_to_be_believed(void **state)
{
	(void)state;
	struct reload_sim_node *n = behind(1);
	const struct reload_id *owner = &behind(3)->id, *next = &behind(4)->id;
	assert_true(reload_sim_check_responder(checks, n, owner, owner, &v));
	assert_false(reload_sim_check_responder(checks, n, owner, next, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_RESPONDER);
	/* the node itself, where a predecessor is nearer */
	assert_false(reload_sim_check_responder(checks, n, &behind(0)->id, &n->id, &v));
	/* a node without a Neighbor Table accepts any */
	n->role = RELOAD_ROLE_CLIENT;
	assert_true(reload_sim_check_responder(checks, n, owner, next, &v));
	n->role = RELOAD_ROLE_PEER;
	assert_false(reload_sim_checks_liar(checks, owner));
	behind(3)->byzantine = 1;
	assert_true(reload_sim_checks_liar(checks, owner));
}

static void a_node_that_is_never_idle_is_seen(void **state)
{
	(void)state;
	struct reload_destination to = reload_dest_node(&behind(1)->id);
	struct reload_request_target target = { .list = &to, .count = 1 };
	reload_ms begun = reload_sim_now(s);
	enum reload_err err;
	bool good = true;
	while (good && reload_sim_now(s) < begun + 2 * RELOAD_SIM_BUSY_MS) {
		assert_non_null(reload_peer_ping(
			reload_sim_node(s, 0)->peer, &target, 0, answered, NULL, &err));
		good = reload_sim_check_rest(checks, &v);
		later(1000);
	}
	assert_false(good);
	assert_int_equal(v.check, RELOAD_SIM_CHECK_REST);
	assert_true(v.at > begun + RELOAD_SIM_BUSY_MS);
	assert_non_null(strstr(v.words, "node 0 "));
	reload_sim_check_rest_begin(checks);
	assert_true(reload_sim_check_rest(checks, &v));
}

static void a_request_older_than_its_limit_is_seen(void **state)
{
	(void)state;
	struct reload_sim_node *n = reload_sim_node(s, 0), *dead = behind(1);
	struct reload_config *config = (struct reload_config *)reload_peer_config(n->peer);
	uint32_t timer = config->overlay_reliability_timer_ms;
	struct reload_destination to = reload_dest_node(&dead->id);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	reload_sim_crash(s, dead->index, RELOAD_SIM_MACHINE, false);
	assert_non_null(reload_peer_ping(n->peer, &target, 0, answered, NULL, &err));
	later(10000);
	assert_true(reload_peer_requests(n->peer, NULL) > 0);
	assert_true(reload_sim_check_transactions(checks, &v));
	config->overlay_reliability_timer_ms = 500; /* as if it should have ended long ago */
	assert_false(reload_sim_check_transactions(checks, &v));
	config->overlay_reliability_timer_ms = timer;
	assert_int_equal(v.check, RELOAD_SIM_CHECK_TRANSACTION);
	assert_non_null(strstr(v.words, "node 0 "));
	later(20000);
	assert_true(reload_sim_check_transactions(checks, &v));
}

static void each_table_has_its_bound(void **state)
{
	(void)state;
	const char *what = NULL;
	struct reload_status st = { .links = 4096,
		.requests = 4096,
		.work = 4096,
		.value_bytes = 1000,
		.tables = {
			.successors_count = 8, .predecessors_count = 8, .fingers_count = 128 } };
	size_t *const tables[] = { &st.links, &st.requests, &st.work, &st.value_bytes,
		&st.tables.successors_count, &st.tables.predecessors_count,
		&st.tables.fingers_count };
	assert_true(reload_sim_status_bounded(&st, 1000, &what));
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		++*tables[i];
		assert_false(reload_sim_status_bounded(&st, 1000, &what));
		assert_non_null(what);
		--*tables[i];
	}
	/* the same, asked of an engine that holds more than it should */
	struct reload_sim_checks *narrow = reload_sim_checks_new(s, order, history, 10);
	assert_false(reload_sim_check_bound(narrow, reload_sim_node(s, 0), &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_BOUND);
	assert_string_equal(v.words, "node 0 has too many stored bytes");
	reload_sim_checks_free(narrow);
}

static void every_check_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(reload_sim_check_name(RELOAD_SIM_CHECK_RING), "ring");
	assert_string_equal(reload_sim_check_name(RELOAD_SIM_CHECK_LOST_VALUE), "lost-value");
	for (unsigned i = 0; i < RELOAD_SIM_CHECKS; i++)
		assert_true(strlen(reload_sim_check_sentence((enum reload_sim_check)i)) > 20);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, grown, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_grown_ring_is_well),
		TEST(a_finger_that_went_is_seen),
		TEST(failed_reads_are_no_more_than_liars_explain),
		TEST(a_node_that_cannot_join_is_seen),
		TEST(a_silent_end_breaks_the_ring_until_it_is_noticed),
		TEST(liars_may_be_missing_from_tables),
		TEST(all_holders_have_each_value),
		TEST(a_replica_that_is_missing_is_seen),
		TEST(a_counter_of_the_owner_that_fell_is_seen),
		TEST(what_survives_is_to_be_complete),
		TEST(the_last_copy_is_known),
		TEST(the_last_copy_of_a_side_is_known),
		TEST(not_one_value_is_lost),
		TEST(few_values_are_really_lost),
		TEST(an_old_replica_is_seen),
		TEST(who_stands_too_far_off_is_not_to_be_believed),
		TEST(a_node_that_is_never_idle_is_seen),
		TEST(a_request_older_than_its_limit_is_seen),
		TEST(each_table_has_its_bound),
		cmocka_unit_test(every_check_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
