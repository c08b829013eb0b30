#include "sim/run_state.h"

#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* How results of Fetches are compared with the history, and requests that take too long. */
enum {
	NODES = 6,
	SETTLE_MS = 120000
};

static struct reload_sim_run_state c;
static struct reload_sim_outcome out;
static struct reload_sim_scenario scenario;
static struct reload_id ids[NODES], resources[NODES];

static void event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	if (c.checks)
		reload_sim_run_state_event(arg, n, ev);
}

static int grown(void **state)
{
	(void)state;
	const struct reload_sim_setup setup = { .seed = 11,
		.nodes = NODES,
		.bootstraps = RELOAD_SIM_CONFIGURED,
		.latency = reload_sim_latency_find("lan") };
	const struct reload_sim_hooks hooks = { .arg = &c, .event = event };
	memset(&c, 0, sizeof(c));
	memset(&out, 0, sizeof(out));
	reload_sim_scenario_init(&scenario);
	scenario.peers = NODES;
	c.scenario = &scenario;
	c.out = &out;
	c.nodes_count = NODES;
	c.nodes = reload_alloc_array(NODES, sizeof(*c.nodes));
	c.sim = reload_sim_new(&setup, &hooks);
	TAILQ_INIT(&c.requests);
	reload_prng_seed(&c.prng, 5);
	for (size_t i = 0; i < NODES; i++) {
		struct reload_sim_node *n = reload_sim_node(c.sim, i);
		ids[i] = n->id;
		reload_chord_topology.resource_id(
			&resources[i], span_str(n->credentials.cert->user));
	}
	c.history = reload_sim_history_new(NODES, ids, resources, 40, 0);
	c.loss_budget = reload_sim_loss_budget_new(NODES, ids, c.history, 0);
	c.checks = reload_sim_checks_new(
		c.sim, reload_sim_loss_budget_order(c.loss_budget), c.history, 1 << 20);
	for (size_t i = 0; i < NODES; i++)
		reload_sim_run_state_start(&c, i, i == 0);
	reload_sim_run(c.sim, SETTLE_MS);
	reload_sim_checks_begin(c.checks);
	assert_int_equal(c.joined, NODES);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	reload_sim_checks_free(TAKE(c.checks));
	reload_sim_free(c.sim);
	reload_sim_workload_clear(&c);
	reload_sim_loss_budget_free(c.loss_budget);
	reload_sim_history_free(c.history);
	struct reload_sim_numbers *numbers[] = { &c.hops, &c.fetch_ms, &c.store_ms, &c.join_ms };
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		reload_sim_numbers_clear(numbers[i]);
	free(c.nodes);
	return 0;
}

static void later(reload_ms ms)
{
	reload_sim_run(c.sim, reload_sim_now(c.sim) + ms);
}

/* Node 1 stores something; returns one of its places that has a value now. */
static struct reload_sim_place *stored(void)
{
	reload_sim_workload_store(&c, 1);
	later(5000);
	struct reload_sim_place *p = reload_sim_history_readable(c.history, &c.prng);
	assert_non_null(p);
	assert_int_equal(p->node, 1);
	assert_int_equal(out.stores_acknowledged, out.stores);
	return p;
}

static void read_of(struct reload_sim_place *p)
{
	assert_true(reload_sim_workload_read(&c, p));
	later(40000);
	assert_int_equal(c.requests_count, 0);
}

static struct reload_sim_node *owner_of(size_t place)
{
	for (size_t i = 0; i < NODES; i++) {
		struct reload_sim_node *n = reload_sim_node(c.sim, i);
		struct reload_status st;
		reload_peer_status(n->peer, &st);
		if (reload_id_between(&st.range_from, &resources[place], &st.range_to))
			return n;
	}
	return NULL;
}

static void what_was_stored_is_read(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		read_of(stored());
	assert_false(c.violated);
	assert_int_equal(out.fetches_good, 20);
	assert_int_equal(out.fetches_expected, 20);
}

static void an_older_version_is_a_violation(void **state)
{
	(void)state;
	struct reload_sim_place *p = stored();
	p->newest++; /* as if a newer one had been acknowledged */
	read_of(p);
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_LOST_VALUE);
	assert_non_null(strstr(out.violation.words, "an older version"));
	assert_int_equal(out.fetches_good, 0);
}

static void no_value_is_a_violation(void **state)
{
	(void)state;
	struct reload_sim_place *p = stored();
	for (size_t i = 0; i < NODES; i++) {
		struct reload_storage *storage = reload_sim_node(c.sim, i)->storage;
		storage->ops->drop_kind(storage, reload_sim_place_kind(p));
	}
	/* not while the network is parted, but while the ring is calm */
	c.calm_from = RELOAD_NEVER;
	c.torn_until = RELOAD_NEVER;
	reload_sim_workload_fetch(&c);
	later(40000);
	assert_false(c.violated);
	assert_int_equal(out.stale.absent, 1);
	c.torn_until = 0;
	c.calm_from = reload_sim_now(c.sim);
	reload_sim_workload_fetch(&c);
	later(40000);
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_LOST_VALUE);
	assert_non_null(strstr(out.violation.words, "no value"));
}

static void an_older_version_under_load_is_a_violation(void **state)
{
	(void)state;
	struct reload_sim_place *p = stored();
	p->newest++; /* as if a newer one had been acknowledged, long ago */
	p->acknowledged = 0;
	c.calm_from = RELOAD_NEVER;
	/* two of the holders have just gone and come back: the owner may be the one that is to be repaired */
	size_t owner = owner_of(1)->index, joined = reload_sim_now(c.sim) - SETTLE_MS / 2;
	for (size_t i = 0; i < NODES; i++)
		reload_sim_loss_budget_failed(c.loss_budget, i, false, true, joined);
	for (size_t i = 0; i < NODES; i++)
		reload_sim_loss_budget_joined(c.loss_budget, i, true, joined);
	reload_sim_history_found(c.history, p);
	reload_sim_workload_fetch(&c);
	later(2000);
	assert_false(c.violated);
	assert_int_equal(out.stale.old, 1);
	/* one that went is none but the others have it */
	later(RELOAD_SIM_REPAIR_MS);
	reload_sim_loss_budget_failed(c.loss_budget, owner, false, true, reload_sim_now(c.sim));
	reload_sim_workload_fetch(&c);
	later(2000);
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_STALE);
	assert_int_equal(out.stale.old, 2);
}

static void a_value_that_was_never_stored_is_a_violation(void **state)
{
	(void)state;
	struct reload_sim_place *p = stored();
	struct reload_sim_version *v = &p->versions[p->last % RELOAD_SIM_VERSIONS];
	v->number += RELOAD_SIM_VERSIONS; /* the stored version is not the one in the history */
	c.calm_from = RELOAD_NEVER;
	reload_sim_workload_fetch(&c);
	later(40000);
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_FORGED);
}

static void a_read_without_an_answer_is_tried_again_and_then_a_violation(void **state)
{
	(void)state;
	struct reload_sim_place *p = stored();
	for (size_t i = 0; i < NODES; i++) {
		struct reload_status st;
		reload_sim_node(c.sim, i)->slow_ms = 300000;
		/* not the owner, which would answer itself */
		reload_peer_status(reload_sim_node(c.sim, i)->peer, &st);
		c.nodes[i].leaving = reload_id_between(&st.range_from, &resources[1], &st.range_to);
	}
	uint64_t before = out.fetches;
	assert_true(reload_sim_workload_read(&c, p));
	for (int i = 0; i < 300 && c.requests_count; i++)
		later(1000);
	assert_int_equal(c.requests_count, 0);
	assert_int_equal(out.fetches - before, 5);
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_LOST_VALUE);
	assert_non_null(strstr(out.violation.words, "no answer"));
}

static uint64_t newest_of(size_t node)
{
	uint64_t newest = 0;
	for (unsigned i = 0; i < RELOAD_SIM_PLACES; i++)
		newest += reload_sim_history_place(c.history, node, i)->newest;
	return newest;
}

static void the_word_of_a_liar_is_no_acknowledgment(void **state)
{
	(void)state;
	size_t who = 0;
	while (owner_of(who)->index == who)
		who++;
	owner_of(who)->byzantine = 1; /* only marked; its engine is unchanged */
	reload_sim_workload_store(&c, who);
	later(5000);
	assert_int_equal(out.stores, 1);
	assert_int_equal(out.lies_believed, 1);
	assert_int_equal(out.stores_acknowledged, 0);
	assert_int_equal(newest_of(who), 0);
	/* it is read all the same */
	assert_int_equal(reload_sim_history_readable(c.history, &c.prng)->node, who);
	size_t acknowledged;
	assert_int_equal(
		reload_sim_history_expected_lost(c.history, reload_sim_now(c.sim), &acknowledged),
		0);
	assert_int_equal(acknowledged, 0);
	owner_of(who)->byzantine = 0;
	reload_sim_workload_store(&c, who);
	later(5000);
	assert_int_equal(out.stores_acknowledged, 1);
	assert_true(newest_of(who) > 0);
	/* a value that a liar reports as missing is read again */
	struct reload_sim_place *p = reload_sim_history_readable(c.history, &c.prng);
	p->newest += 100000;
	owner_of(who)->byzantine = 1;
	c.nodes[owner_of(who)->index].leaving = true; /* so that it is not the reader */
	uint64_t before = out.fetches;
	read_of(p);
	assert_int_equal(out.fetches - before, 5);
	assert_false(c.violated);
}

static void an_acknowledgment_of_one_that_has_gone_is_not_owed(void **state)
{
	(void)state;
	size_t who = 0;
	while (owner_of(who)->index == who)
		who++;
	size_t owner = owner_of(who)->index;
	reload_sim_loss_budget_first(c.loss_budget, owner, 0);
	reload_sim_workload_store(&c, who);
	/* only told: the answer arrives as if it had been under way */
	reload_sim_loss_budget_failed(c.loss_budget, owner, true, false, reload_sim_now(c.sim));
	later(5000);
	assert_int_equal(out.stores_acknowledged, 1);
	size_t acknowledged;
	assert_int_equal(
		reload_sim_history_expected_lost(c.history, reload_sim_now(c.sim), &acknowledged),
		1);
	assert_int_equal(acknowledged, 1);
}

static enum reload_err refused(struct reload_storage *storage,
	const struct reload_store_batch *batch, reload_committed_fn done, void *arg)
{
	(void)storage;
	(void)batch;
	(void)done;
	(void)arg;
	return RELOAD_DATA_TOO_LARGE;
}

/* How the first Store to a place of the node counts when the owner answers with an error. */
static enum reload_sim_stored refused_by(struct reload_sim_node *owner, size_t who)
{
	const struct reload_storage_ops *own = owner->storage->ops;
	struct reload_storage_ops full = *own;
	full.commit = refused;
	owner->storage->ops = &full;
	reload_sim_workload_store(&c, who);
	later(5000);
	owner->storage->ops = own;
	for (unsigned i = 0; i < RELOAD_SIM_PLACES; i++) {
		struct reload_sim_place *p = reload_sim_history_place(c.history, who, i);
		if (p->last && p->versions[p->last % RELOAD_SIM_VERSIONS].begun + 5000 ==
				       reload_sim_now(c.sim))
			return p->versions[p->last % RELOAD_SIM_VERSIONS].state;
	}
	fail();
	return RELOAD_SIM_STORED_ACKNOWLEDGED;
}

static void the_refusal_of_a_liar_leaves_open_what_is_there(void **state)
{
	(void)state;
	size_t who = 0;
	while (owner_of(who)->index == who)
		who++;
	struct reload_sim_node *owner = owner_of(who);
	assert_int_equal(refused_by(owner, who), RELOAD_SIM_STORED_REFUSED);
	owner->byzantine = 1;
	assert_int_equal(refused_by(owner, who), RELOAD_SIM_STORED_UNKNOWN);
	assert_int_equal(out.lies_believed, 0);
	assert_false(c.violated);
}

/* Final reads of all that is owed; each ends, with an answer or without. */
static void all_read(void)
{
	for (size_t i = 0; i < reload_sim_history_count(c.history); i++) {
		struct reload_sim_place *p = reload_sim_history_place(
			c.history, i / RELOAD_SIM_PLACES, i % RELOAD_SIM_PLACES);
		if (reload_sim_history_owed(c.history, p, reload_sim_now(c.sim)))
			assert_true(reload_sim_workload_read(&c, p));
	}
	for (int i = 0; i < 300 && c.requests_count; i++)
		later(1000);
	assert_int_equal(c.requests_count, 0);
}

static void reads_that_fail_for_everybody_are_a_violation_where_peers_lie(void **state)
{
	(void)state;
	struct reload_sim_violation v = { 0 };
	for (int i = 0; i < 40; i++) {
		for (size_t n = 0; n < NODES; n++)
			reload_sim_workload_store(&c, n);
		later(2000);
	}
	c.faults.byzantine = 100000;
	reload_sim_node(c.sim, 0)->byzantine = 1;
	reload_sim_checks_begin(c.checks);
	all_read();
	uint64_t owed = out.reads.owed, apart = out.reads.apart;
	assert_int_equal(out.fetches_expected, owed);
	assert_int_equal(out.reads.failed, 0);
	assert_true(apart > 0 && apart < owed);
	assert_true(reload_sim_check_reads(c.checks, &out.reads, &v));
	/* nothing leaves a node in time: a reader that is not the owner gets no answer */
	memset(&out.reads, 0, sizeof(out.reads));
	for (size_t i = 0; i < NODES; i++)
		reload_sim_node(c.sim, i)->slow_ms = 300000;
	all_read();
	assert_int_equal(out.reads.owed, owed);
	assert_int_equal(out.reads.apart, apart);
	assert_false(c.violated);
	assert_false(reload_sim_check_reads(c.checks, &out.reads, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_LOST_VALUE);
}

static void a_counter_that_does_not_rise_is_a_violation(void **state)
{
	(void)state;
	for (int i = 0; i < 30 && !c.violated; i++) {
		stored();
		/* all holders lose their counters too: the next Store is the first one for them */
		for (size_t n = 0; n < NODES; n++) {
			struct reload_storage *storage = reload_sim_node(c.sim, n)->storage;
			storage->ops->drop_range(storage, &resources[1], &resources[1]);
		}
	}
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_GENERATION);
	assert_non_null(strstr(out.violation.words, "generation counter in the answer is 1"));
}

static void a_request_that_takes_too_long_is_a_violation(void **state)
{
	(void)state;
	const struct reload_sim_setup setup = {
		.seed = 1, .nodes = NODES, .latency = reload_sim_latency_find("lan")
	};
	stored();
	reload_sim_workload_fetch(&c);
	assert_int_equal(c.requests_count, 1);
	reload_sim_workload_overdue(&c);
	assert_false(c.violated);
	/* checked with a world in which it is later */
	struct reload_sim *own = c.sim, *future = reload_sim_new(&setup, NULL);
	reload_sim_run(future, reload_sim_now(own) + RELOAD_SIM_REQUEST_MS + 1);
	c.sim = future;
	reload_sim_workload_overdue(&c);
	c.sim = own;
	reload_sim_free(future);
	assert_true(c.violated);
	assert_int_equal(out.violation.check, RELOAD_SIM_CHECK_TRANSACTION);
	later(5000);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, grown, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_stored_is_read),
		TEST(an_older_version_is_a_violation),
		TEST(no_value_is_a_violation),
		TEST(an_older_version_under_load_is_a_violation),
		TEST(a_value_that_was_never_stored_is_a_violation),
		TEST(a_read_without_an_answer_is_tried_again_and_then_a_violation),
		TEST(the_word_of_a_liar_is_no_acknowledgment),
		TEST(an_acknowledgment_of_one_that_has_gone_is_not_owed),
		TEST(the_refusal_of_a_liar_leaves_open_what_is_there),
		TEST(reads_that_fail_for_everybody_are_a_violation_where_peers_lie),
		TEST(a_counter_that_does_not_rise_is_a_violation),
		TEST(a_request_that_takes_too_long_is_a_violation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
