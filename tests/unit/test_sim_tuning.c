/* Rings of CHORD-SELF-TUNING in the simulated world: what the peers tell each other, and whom they miss. */
#include "sim/internal.h"
#include "sim/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	NODES = 12,
	ONE_NODE = 18, /* bytes of a Destination List of one Node-ID */
	NODE_AND_RESOURCE = ONE_NODE + 19,
	MINUTE_MS = 60000
};

struct watch {
	size_t probes, pings, updates;
	size_t missed; /* Pings to one node alone */
	size_t owners; /* Stats about what a neighbour owns, sent to it */
	size_t lost;   /* links that went down without an answer */
};

static void on_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct watch *w = arg;
	(void)n;
	w->lost += ev->type == RELOAD_EV_LINK_DOWN && ev->err == RELOAD_TIMEOUT;
}

static void on_sent(void *arg, const struct reload_sim_node *n, struct span message)
{
	struct watch *w = arg;
	struct reload_msg *m;
	const struct wire_ctx ctx = { .node_id_len = 16 };
	(void)n;
	if (reload_msg_decode(&m, message, &ctx))
		return;
	w->pings += m->code == RELOAD_PING_REQ;
	w->missed += m->code == RELOAD_PING_REQ && m->header.destination_list.len == ONE_NODE;
	w->owners +=
		m->code == RELOAD_STAT_REQ && m->header.destination_list.len == NODE_AND_RESOURCE;
	w->updates += m->code == RELOAD_UPDATE_REQ;
	struct reload_self_tuning of;
	bool probe = m->code == RELOAD_PROBE_REQ || m->code == RELOAD_PROBE_ANS;
	w->probes += probe;
	if (probe) {
		/* R7363-24, R7363-25: in each of them */
		assert_true(reload_msg_self_tuning(m, &ctx, &of));
		assert_true(of.network_size >= 1);
		assert_false(m->extensions[0].critical);
	}
	reload_msg_free(m);
}

static struct reload_sim *ring(struct watch *w, uint64_t seed, bool tuned)
{
	struct reload_sim_setup setup = { .seed = seed,
		.nodes = NODES,
		.latency = reload_sim_latency_find("lan"),
		.self_tuning = tuned,
		.store_limit = 1 << 20 };
	struct reload_sim_hooks hooks = { .arg = w, .event = on_event, .sent = on_sent };
	struct reload_sim *s = reload_sim_new(&setup, &hooks);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i < NODES; i++) {
		size_t through = 0;
		assert_true(reload_sim_run(s, reload_sim_now(s) + 1000));
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, &through, 1);
	}
	assert_true(reload_sim_run(s, reload_sim_now(s) + MINUTE_MS));
	return s;
}

static struct reload_topology_tuning tuning(struct reload_sim *s, size_t i)
{
	struct reload_status status;
	reload_peer_status(reload_sim_node(s, i)->peer, &status);
	assert_true(status.is_tuned);
	return status.tuning;
}

/* All know how many there are, as their neighbours are the whole ring or nearly; and each has heard of others. */
static void estimates_travel(void **state)
{
	(void)state;
	struct watch w = { 0 };
	AUTO(reload_sim) s = ring(&w, 7, true);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 20 * MINUTE_MS));
	double data = 0;
	for (size_t i = 0; i < NODES; i++) {
		struct reload_topology_tuning t = tuning(s, i);
		assert_true(t.own.size > NODES / 2.5 && t.own.size < NODES * 2.5);
		assert_true(t.ages >= t.members - 1);
		assert_true(t.interval.s > 15); /* nobody comes or goes */
		data += (double)t.data_count;
	}
	assert_true(data / NODES >
		    2); /* few fingers are no neighbours here; with four it is 9 (s6.5) */
	assert_true(w.probes > 0);
}

/*
 * R7363-20: a machine falls silent; its neighbours find out between 2 * Tr and 2 * Tr and a Ping with all its repetitions, which take 15 s, and count
 * one failure each.  R7363-21: while all are there nobody is asked without need.
 */
static void silence_is_noticed(void **state)
{
	(void)state;
	struct watch w = { 0 };
	AUTO(reload_sim) s = ring(&w, 11, true);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 30 * MINUTE_MS));
	size_t failures[NODES];
	for (size_t i = 0; i < NODES; i++)
		failures[i] = tuning(s, i).failures;
	w = (struct watch){ 0 };
	assert_true(reload_sim_run(s, reload_sim_now(s) + 5 * MINUTE_MS));
	assert_true(
		w.pings <
		5 * 3 * NODES); /* those of the finger searches and of the checks for partitions */
	struct reload_id gone = reload_sim_node(s, 5)->id;
	reload_sim_crash(s, 5, RELOAD_SIM_MACHINE, false);
	w = (struct watch){ 0 };
	assert_true(reload_sim_run(s, reload_sim_now(s) + 29000));
	assert_int_equal(w.lost, 0);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 25000));
	assert_true(w.lost >= 6);
	for (size_t i = 0; i < NODES; i++) {
		struct reload_status status;
		if (i == 5)
			continue;
		reload_peer_status(reload_sim_node(s, i)->peer, &status);
		assert_false(reload_id_listed(
			status.tables.successors, status.tables.successors_count, &gone));
		assert_false(reload_id_listed(
			status.tables.predecessors, status.tables.predecessors_count, &gone));
	}
	assert_true(reload_sim_run(s, reload_sim_now(s) + 15 * MINUTE_MS));
	size_t more = 0;
	for (size_t i = 0; i < NODES; i++)
		if (i != 5) {
			assert_true(tuning(s, i).failures <= failures[i] + 1);
			more += tuning(s, i).failures > failures[i];
		}
	assert_true(more >= 6);
}

static size_t wrong_lists(struct reload_sim *s, const struct reload_id *gone)
{
	size_t wrong = 0;
	for (size_t i = 0; i < NODES; i++) {
		struct reload_status status;
		if (!reload_sim_node(s, i)->peer)
			continue;
		reload_peer_status(reload_sim_node(s, i)->peer, &status);
		wrong += reload_id_listed(
				 status.tables.successors, status.tables.successors_count, gone) ||
			 reload_id_listed(status.tables.predecessors,
				 status.tables.predecessors_count, gone);
	}
	return wrong;
}

/*
 * R-10.7.1-01: in a ring of CHORD-RELOAD too a machine that falls silent leaves the tables of its neighbours after a sixth of the
 * chord-update-interval and a Ping with all its repetitions, not with the next Update, for which they have 15 minutes.  While all are there
 * that costs no message.
 */
static void a_neighbour_is_missed(void **state)
{
	(void)state;
	struct watch w = { 0 };
	AUTO(reload_sim) s = ring(&w, 11, false);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 30 * MINUTE_MS));
	w = (struct watch){ 0 };
	assert_true(reload_sim_run(s, reload_sim_now(s) + 20 * MINUTE_MS));
	assert_true(w.missed <= NODES); /* of searches for bootstrap nodes */
	/* the news of another failure go to all, and put the periodic Updates off */
	reload_sim_crash(s, 4, RELOAD_SIM_PROCESS, false);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 2 * MINUTE_MS));
	struct reload_id gone = reload_sim_node(s, 5)->id;
	reload_sim_crash(s, 5, RELOAD_SIM_MACHINE, false);
	assert_true(wrong_lists(s, &gone) >= 4);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 119000));
	assert_int_equal(wrong_lists(s, &gone), 0);
}

/* A host knows when packets came; the simulator notes it when it is asked, which may have been long ago. */
static void hear_all(struct reload_sim *s)
{
	for (size_t i = 0; i < NODES; i++) {
		const struct reload_sim_body *n = &s->nodes[i];
		for (size_t k = 0; k < n->links_count; k++)
			reload_sim_link_heard(s, n->links[k].link, n->links[k].end);
	}
}

/*
 * What holds packets up for less than that separates nobody: the time is counted from the last packet, not from the last message.
 */
static void a_short_cut_is_no_silence(void **state)
{
	(void)state;
	struct watch w = { 0 };
	AUTO(reload_sim) s = ring(&w, 11, false);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 5 * MINUTE_MS));
	w = (struct watch){ 0 };
	hear_all(s);
	for (size_t i = 0; i < NODES; i++)
		reload_sim_side(s, i, i % 2);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 75000));
	assert_true(w.missed < NODES); /* each has a link to about five that it cannot reach */
}

/* A ring of CHORD-RELOAD has no such extension. */
static void the_other_ring(void **state)
{
	(void)state;
	struct watch w = { 0 };
	AUTO(reload_sim) s = ring(&w, 7, false);
	struct reload_status status;
	reload_peer_status(reload_sim_node(s, 3)->peer, &status);
	assert_false(status.is_tuned);
	assert_int_equal(w.probes, 0);
	/* R-6.2.1-03: s10.3 would go through the predecessor of the owner */
	assert_true(w.owners > 0);
}

static struct reload_sim_outcome outcome(bool liars)
{
	static struct reload_sim_outcome o;
	struct reload_sim_scenario s;
	reload_sim_scenario_init(&s);
	s.peers = 24;
	s.duration = 10 * MINUTE_MS;
	s.churn = RELOAD_SIM_SESSIONS_EXPONENTIAL;
	s.session = 20 * MINUTE_MS;
	s.algorithm = 1;
	s.byzantine = liars ? 200000 : 0;
	s.lies = 256;
	reload_sim_scenario_run(&s, 3, NULL, &o);
	if (!o.ok)
		print_error("%s\n", o.violation.words);
	assert_true(o.ok);
	return o;
}

/* What a run says of the estimates, against the truth; and what liars do who tell the largest numbers that are believed (RFC 7363 s14). */
static void against_the_truth(void **state)
{
	(void)state;
	struct reload_sim_outcome honest = outcome(false), lied = outcome(true);
	assert_true(honest.size_error.count > 100 && honest.interval_s.count > 100);
	assert_true(honest.samples_count > 10);
	double mean_s = honest.samples[honest.samples_count / 2].interval_s;
	assert_true(mean_s >= 15 && mean_s <= honest.interval_s.max);
	assert_true(honest.own_size_error.p50 < 40);
	assert_true(honest.own_failures_error.count && honest.own_failures_error.p50 < 150);
	assert_true(honest.wrong_successors_percent < 10);
	assert_int_equal(honest.lies, 0);
	assert_true(lied.lies > 50);
	assert_true(lied.size_error.max > 1e6); /* some believed it */
	assert_true(lied.own_size_error.p50 < 60);
	assert_true(lied.interval_s.p50 >= 15 && lied.interval_s.max <= 600);
	assert_true(lied.fetches_good * 100 >= lied.fetches_expected * 95);
}

/* 40 peers, half an hour; upkeep, in bytes a peer and hour. */
static double upkeep(uint32_t slow, uint64_t seed)
{
	static struct reload_sim_outcome o;
	struct reload_sim_scenario s;
	reload_sim_scenario_init(&s);
	s.peers = 40;
	s.duration = 30 * MINUTE_MS;
	s.slow = slow;
	s.slow_by = 4000;
	reload_sim_scenario_run(&s, seed, NULL, &o);
	if (!o.ok)
		print_error("%s\n", o.violation.words);
	assert_true(o.ok);
	return o.maintenance_bytes_per_peer_hour;
}

/*
 * R-6.2.1-07: what is answered later than the reliability timer is sent again, to the letter; but neither a check of a link, nor one of an owner,
 * nor the search for the own certificate takes a slow answer for none, or begins again at once when there was none.
 */
static void slow_peers_cost_little(void **state)
{
	(void)state;
	double all = 0, without = 0;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		all += upkeep(300000, seed);
		without += upkeep(0, seed);
	}
	assert_true(all < 2.5 * without); /* of few peers, and soon after they joined */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_travel),
		cmocka_unit_test(silence_is_noticed),
		cmocka_unit_test(a_neighbour_is_missed),
		cmocka_unit_test(a_short_cut_is_no_silence),
		cmocka_unit_test(the_other_ring),
		cmocka_unit_test(against_the_truth),
		cmocka_unit_test(slow_peers_cost_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
