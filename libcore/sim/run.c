#include "sim/run_state.h"
#include "sim/disk_check.h"
#include "sim/large.h"
#include "sim/run.h"
#include "sim/script.h"

#include "topology/topology.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A run has five phases, and ends with the first violation:
 *
 * 	growth	Node 0 is the ring and the others join.  Ends when all have joined, or GROW_LIMIT_MS after the last one was started.
 * 	stores	Some of the nodes store their first value; not with a script, which has its own Stores.
 * 	load	For the time `duration`: Stores and Fetches at random times, and the faults.
 * 	quiet	No load.  Within the time `quiet` after the last fault all checks must hold at once, CALM_MS after the phase began at the
 * 		earliest: then hold-downs are over and old replicas are dropped.
 * 	reads	Each value that is owed is fetched through a random node.
 */

enum {
	START_MS = 1000,
	GROW_LIMIT_MS = 300000,
	GROW_ONE_MS = 60000, /* one by one: at most this long before the next one starts */
	FIRST_STORES = 500,
	FIRST_STORES_MS = 10000,
	TICK_MS = 1000,
	LEAVES_MS = 200,     /* between two checks of nodes that leave */
	RING_CHECK_MS = 500, /* between two checks of a quiet ring */
	CALM_MS = 40000,
	READS = 64,       /* final reads at a time */
	BOUND_EVERY = 64, /* events of a node between two checks of its tables */
	LOOK_MS = 30000,  /* between two looks at the estimates of the peers */
	HOUR_MS = 3600000
};

struct run {
	struct reload_sim_run_state state;
	struct reload_sim_scenario scenario;
	reload_ms *starts; /* growth: when node i starts */
	size_t started;    /* nodes that were started in the growth, or left to the crowd */
	size_t crowd;      /* the first peer that starts later */
	reload_ms started_at;
	double next_store, next_fetch, store_pause, fetch_pause; /* ms; HUGE_VAL: none */
	reload_ms tick, sample, sample_step, sample_at;
	reload_ms until;  /* the latest end, for progress */
	reload_ms healed; /* when all checks held at once; NEVER: not since the last fault */
	bool quiet, measured;
	struct reload_sim_counts counts; /* at the last sample */
	uint64_t store_hops, fetch_hops; /* of the workload, found among the messages so far */
	double upkeep_bytes, upkeep_messages, peer_hours, rest_bytes, rest_peer_hours;
	bool rest;                  /* no fault was at work since the last sample */
	reload_ms look;             /* when the estimates are looked at next */
	uint64_t joins, load_joins; /* nodes that joined before the load, and in it */
};

/* -- hooks -------------------------------------------------------------------------------------------------------------------- */

static void hook_after(void *arg, struct reload_sim *s, struct reload_sim_node *n)
{
	struct reload_sim_run_state *c = arg;
	struct reload_sim_violation v;
	(void)s;
	if (c->checks)
		reload_sim_hold_down_after(c->hold_down, n);
	if (++c->nodes[n->index].events % BOUND_EVERY == 0 && c->checks && !n->byzantine &&
		!reload_sim_check_bound(c->checks, n, &v))
		reload_sim_run_state_violated(c, &v);
}

static void hook_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct reload_sim_run_state *c = arg;
	if (!c->checks)
		return; /* the world ends */
	reload_sim_run_state_event(c, n, ev);
	struct reload_sim_violation v;
	if (!c->faults.byzantine && /* a liar may say of itself what it likes */
		!reload_sim_hold_down_event(
			c->hold_down, n, ev, c->sent, reload_sim_now(c->sim), &v))
		reload_sim_run_state_violated(c, &v);
	reload_sim_byzantine_event(c->byzantine, n, ev);
}

static bool hook_send(void *arg, struct reload_sim_node *n, uint32_t link, struct span message)
{
	struct reload_sim_run_state *c = arg;
	return !c->byzantine || reload_sim_byzantine_send(c->byzantine, n, link, message);
}

static void hook_sent(void *arg, const struct reload_sim_node *n, struct span message)
{
	struct reload_sim_run_state *c = arg;
	struct reload_sim_violation v;
	if (c->checks && n->peer && !c->faults.byzantine &&
		!reload_sim_sent_message(c->sent, n, message, reload_sim_now(c->sim), &v))
		reload_sim_run_state_violated(c, &v);
}

/* -- every second --------------------------------------------------------------------------------------------------------------- */

static uint32_t sampled_look(struct reload_sim_run_state *c)
{
	uint32_t incomplete = 0;
	reload_ms now = reload_sim_now(c->sim);
	for (size_t i = 0; i < c->sampled_count; i++) {
		struct reload_sim_sampled *s = &c->sampled[i];
		uint64_t owed = reload_sim_history_owed(c->history, s->place, now);
		if (!owed) {
			s->incomplete_since = RELOAD_NEVER;
			continue;
		}
		if (s->place->acknowledged + RELOAD_SIM_REPLICATE_MS > now)
			continue;
		bool complete = reload_sim_place_complete(c->checks, s->place, owed, NULL);
		incomplete += !complete;
		if (!complete && s->incomplete_since == RELOAD_NEVER)
			s->incomplete_since = now;
		if (complete && s->incomplete_since != RELOAD_NEVER) {
			reload_sim_numbers_add(&c->repair_ms, (double)(now - s->incomplete_since));
			s->incomplete_since = RELOAD_NEVER;
		}
	}
	return incomplete;
}

static void measure(struct run *r, reload_ms step)
{
	struct reload_sim_run_state *c = &r->state;
	const struct reload_sim_counts *now = reload_sim_counts(c->sim);
	struct reload_sim_upkeep u = reload_sim_upkeep(
		&r->counts, now, c->store_hops - r->store_hops, c->fetch_hops - r->fetch_hops);
	if (r->measured) {
		double hours = (double)c->joined * (double)step / HOUR_MS;
		r->upkeep_bytes += u.bytes;
		r->upkeep_messages += u.messages;
		r->peer_hours += hours;
		r->rest_bytes += r->rest ? u.bytes : 0;
		r->rest_peer_hours += r->rest ? hours : 0;
	}
	r->store_hops += reload_sim_own_messages(
		&r->counts, now, RELOAD_SIM_TRAFFIC_STORE, c->store_hops - r->store_hops);
	r->fetch_hops += reload_sim_own_messages(
		&r->counts, now, RELOAD_SIM_TRAFFIC_FETCH, c->fetch_hops - r->fetch_hops);
	r->rest = reload_sim_run_state_calm(c) && !c->faults.byzantine;
}

static void sample(struct run *r, uint32_t incomplete)
{
	struct reload_sim_run_state *c = &r->state;
	const struct reload_sim_counts *counts = reload_sim_counts(c->sim);
	reload_ms now = reload_sim_now(c->sim);
	measure(r, now - r->sample_at);
	if (c->out->samples_count < RELOAD_SIM_SERIES_MAX)
		c->out->samples[c->out->samples_count++] = (struct reload_sim_sample){ .at = now,
			.peers = (uint32_t)c->running,
			.joined = (uint32_t)c->joined,
			.messages = counts->messages - r->counts.messages,
			.bytes = counts->bytes - r->counts.bytes,
			.lookups = (uint32_t)c->lookups,
			.lookups_good = (uint32_t)c->lookups_good,
			.incomplete = incomplete,
			.interval_s = c->gauge.interval_mean_s };
	c->lookups = c->lookups_good = 0;
	r->counts = *counts;
	r->sample_at = now;
	r->sample = now + r->sample_step;
}

static bool ring_closed(struct reload_sim_run_state *c, struct reload_sim_violation *v)
{
	return reload_sim_check_joined(c->checks, v) && reload_sim_check_ring(c->checks, v) &&
	       reload_sim_check_owner(c->checks, v);
}

static void tick(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	struct reload_sim_violation v;
	reload_ms now = reload_sim_now(c->sim);
	r->tick = now + TICK_MS;
	r->rest = r->rest && reload_sim_run_state_calm(c);
	reload_sim_workload_overdue(c);
	reload_sim_workload_anew(c);
	reload_sim_checks_begin(c->checks);
	uint32_t incomplete = sampled_look(c);
	if (now >= r->sample)
		sample(r, incomplete);
	if (r->measured && !r->quiet && now >= r->look) {
		reload_sim_gauge_look(&c->gauge, c->sim);
		r->look = now + LOOK_MS;
	}
	if (r->healed == RELOAD_NEVER && c->steps && c->faults.count &&
		reload_sim_run_state_next(c) == RELOAD_NEVER && !c->leaving && ring_closed(c, &v))
		r->healed = now;
	if (!reload_sim_check_transactions(c->checks, &v) ||
		!reload_sim_check_writable(c->sim, &v) || !reload_sim_check_ended(c->checks, &v))
		reload_sim_run_state_violated(c, &v);
	reload_sim_cost_look(&c->cost, c->sim, c->store_hops);
	if (c->out->load_at && !c->faults.byzantine && !reload_sim_check_cost(&c->cost, c->sim, &v))
		reload_sim_run_state_violated(c, &v);
	if (r->quiet && !c->faults.byzantine && !reload_sim_check_rest(c->checks, &v))
		reload_sim_run_state_violated(c, &v);
	if (c->watch && c->watch->progress &&
		!c->watch->progress(c->watch->arg, now, r->until, c->joined))
		c->stopped = true;
}

/* -- the loop ------------------------------------------------------------------------------------------------------------------- */

static void due_starts(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	reload_ms now = reload_sim_now(c->sim);
	while (r->started < c->nodes_count && r->starts[r->started] <= now) {
		if (r->scenario.growth == RELOAD_SIM_GROW_ONE && c->joined < c->running &&
			now < r->started_at + GROW_ONE_MS)
			return;
		r->started_at = now;
		if (r->started < r->crowd || r->started >= r->scenario.peers)
			reload_sim_run_state_start(c, r->started, r->started == 0);
		r->started++;
	}
}

static void due_load(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	double now = (double)reload_sim_now(c->sim);
	for (; r->next_store <= now;
		r->next_store += reload_prng_exponential(&c->prng, r->store_pause))
		reload_sim_workload_write(c, reload_prng_below(&c->prng, c->nodes_count));
	for (; r->next_fetch <= now;
		r->next_fetch += reload_prng_exponential(&c->prng, r->fetch_pause))
		reload_sim_workload_fetch(c);
}

static reload_ms earlier(reload_ms a, double b)
{
	return b < (double)a ? (reload_ms)ceil(b) : a;
}

static bool over(const struct run *r)
{
	return r->state.violated || r->state.stopped;
}

/* Runs the world up to the time until; false: the run is over. */
static bool advance(struct run *r, reload_ms until)
{
	struct reload_sim_run_state *c = &r->state;
	while (!over(r) && reload_sim_now(c->sim) < until) {
		reload_ms now = reload_sim_now(c->sim), next = until;
		next = r->tick < next ? r->tick : next;
		next = reload_sim_run_state_next(c) < next ? reload_sim_run_state_next(c) : next;
		next = reload_sim_orders_next(c) < next ? reload_sim_orders_next(c) : next;
		next = earlier(earlier(next, r->next_store), r->next_fetch);
		if (c->leaving && now + LEAVES_MS < next)
			next = now + LEAVES_MS;
		if (r->started < c->nodes_count) {
			reload_ms start = r->starts[r->started] > now ? r->starts[r->started]
								      : now + LEAVES_MS;
			next = start < next ? start : next;
		}
		if (!reload_sim_run(c->sim, next > now ? next : now) || over(r))
			break;
		due_starts(r);
		reload_sim_run_state_leaves(c);
		reload_sim_run_state_run(c);
		due_load(r);
		reload_sim_orders_run(c);
		if (reload_sim_now(c->sim) >= r->tick)
			tick(r);
	}
	return !over(r);
}

/* -- phases --------------------------------------------------------------------------------------------------------------------- */

static void growth_plan(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	reload_ms begin = reload_sim_now(c->sim);
	struct reload_sim_scenario drawn = reload_sim_scenario_drawn(&r->scenario, c->seed);
	r->crowd = reload_sim_scenario_crowd(&drawn);
	r->starts = reload_alloc_array(c->nodes_count, sizeof(*r->starts));
	for (size_t i = 1; i < c->nodes_count; i++)
		r->starts[i] = r->scenario.growth == RELOAD_SIM_GROW_STEADY
				       ? begin + START_MS +
						 reload_prng_below(&c->prng,
							 reload_sim_scenario_growth(&drawn))
				       : begin + START_MS;
	r->starts[0] = begin;
	qsort(r->starts, c->nodes_count, sizeof(*r->starts), reload_sim_number_order);
}

static bool grow(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	due_starts(r);
	while (r->started < c->nodes_count)
		if (!advance(r, reload_sim_now(c->sim) + LEAVES_MS))
			return false;
	reload_ms limit = reload_sim_now(c->sim) + GROW_LIMIT_MS;
	while (c->joined < c->running && reload_sim_now(c->sim) < limit)
		if (!advance(r, reload_sim_now(c->sim) + LEAVES_MS))
			return false;
	return advance(r, reload_sim_now(c->sim) + 2 * TICK_MS);
}

static bool first_stores(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	size_t stores = c->nodes_count < FIRST_STORES ? c->nodes_count : FIRST_STORES;
	for (size_t i = 0; i < stores; i++) {
		size_t node = c->nodes_count <= FIRST_STORES
				      ? i
				      : reload_prng_below(&c->prng, c->nodes_count);
		reload_sim_workload_store(c, node);
		if (!advance(r, reload_sim_now(c->sim) + FIRST_STORES_MS / stores))
			return false;
	}
	if (!advance(r, reload_sim_now(c->sim) + RELOAD_SIM_REPLICATE_MS))
		return false;
	for (size_t i = 0; i < RELOAD_SIM_SAMPLED; i++) {
		struct reload_sim_place *p = reload_sim_history_readable(c->history, &c->prng);
		bool there = !p;
		for (size_t k = 0; k < c->sampled_count; k++)
			there = there || c->sampled[k].place == p;
		if (!there)
			c->sampled[c->sampled_count++] =
				(struct reload_sim_sampled){ p, RELOAD_NEVER };
	}
	return true;
}

static void load_begin(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	double now = (double)reload_sim_now(c->sim), nodes = (double)c->nodes_count;
	reload_ms from = reload_sim_now(c->sim);
	reload_sim_run_state_load(c);
	c->cost.held = 0; /* in a fast growth thousands of requests go to those that join */
	r->until = (c->faults.last > from + r->scenario.duration ? c->faults.last
								 : from + r->scenario.duration) +
		   r->scenario.quiet;
	r->store_pause = HOUR_MS / (r->scenario.stores * nodes);
	r->fetch_pause = HOUR_MS / (r->scenario.fetches * nodes);
	if (r->scenario.stores > 0)
		r->next_store = now + reload_prng_exponential(&c->prng, r->store_pause);
	if (r->scenario.fetches > 0)
		r->next_fetch = now + reload_prng_exponential(&c->prng, r->fetch_pause);
	r->measured = true;
	r->joins = c->joins;
	r->look = from;
}

/* Whether all checks of the quiet ring hold. */
static bool holds(struct reload_sim_run_state *c, struct reload_sim_violation *v)
{
	reload_sim_checks_begin(c->checks);
	return ring_closed(c, v) && reload_sim_check_fingers(c->checks, v) &&
	       reload_sim_check_replicas(c->checks, v) && reload_sim_check_counters(c->checks, v) &&
	       reload_sim_check_survivors(c->checks, c->history, v) &&
	       (c->faults.byzantine || (reload_sim_sent_all_agree(c->sent, c->sim, v) &&
					       reload_sim_large_agree(c, v))) &&
	       reload_sim_run_state_configured(c, v);
}

static bool get_quiet(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	struct reload_sim_violation v = { 0 };
	reload_ms begin = reload_sim_now(c->sim);
	r->next_store = r->next_fetch = HUGE_VAL;
	r->load_joins = c->joins - r->joins;
	r->quiet = true;
	reload_sim_check_rest_begin(c->checks);
	for (;;) {
		if (!advance(r, reload_sim_now(c->sim) + RING_CHECK_MS))
			return false;
		reload_ms now = reload_sim_now(c->sim);
		bool good = !c->leaving && holds(c, &v);
		if (good && now >= begin + CALM_MS)
			return true;
		if (!good && now >= r->until) {
			reload_sim_run_state_violated(c, &v);
			return false;
		}
	}
}

static bool final_reads(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	size_t count = reload_sim_history_count(c->history);
	r->measured = false;
	for (size_t i = 0; i < count;) {
		struct reload_sim_place *p = reload_sim_history_place(
			c->history, i / RELOAD_SIM_PLACES, i % RELOAD_SIM_PLACES);
		reload_ms now = reload_sim_now(c->sim);
		if (!reload_sim_history_owed(c->history, p, now) &&
			!reload_sim_history_over(c->history, p, now)) {
			i++;
			continue;
		}
		if (c->requests_count < READS && reload_sim_workload_read(c, p))
			i++;
		else if (!advance(r, reload_sim_now(c->sim) + 20))
			return false;
	}
	while (c->requests_count)
		if (!advance(r, reload_sim_now(c->sim) + LEAVES_MS))
			return false;
	struct reload_sim_violation v;
	if (reload_sim_check_reads(c->checks, &c->out->reads, &v) &&
		reload_sim_check_judged(c->checks, &c->out->reads, &v) &&
		reload_sim_check_really_lost(c->checks, r->scenario.lost_limit, &v) &&
		(!r->scenario.keep_copies || reload_sim_check_none_lost(c->checks, &v)))
		return true;
	reload_sim_run_state_violated(c, &v);
	return false;
}

/* -- the outcome ---------------------------------------------------------------------------------------------------------------- */

static void outcome_fill(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	struct reload_sim_outcome *o = c->out;
	size_t values;
	o->ok = !c->violated;
	o->digest = reload_sim_digest(c->sim);
	snprintf(o->faults, sizeof(o->faults), "%s", c->faults.words);
	o->virtual_ms = reload_sim_now(c->sim);
	o->peers = c->running;
	o->peers_peak = c->peak;
	o->counts = *reload_sim_counts(c->sim);
	o->expected_lost = reload_sim_history_expected_lost(c->history, o->virtual_ms, &values);
	o->lost = reload_sim_checks_lost(c->checks);
	o->values = values;
	if (r->healed != RELOAD_NEVER && c->faults.count)
		reload_sim_numbers_add(&c->heal_ms, (double)(r->healed - c->faults.last));
	o->hops = reload_sim_numbers_spread(&c->hops);
	o->fetch_ms = reload_sim_numbers_spread(&c->fetch_ms);
	o->store_ms = reload_sim_numbers_spread(&c->store_ms);
	o->join_ms = reload_sim_numbers_spread(&c->join_ms);
	o->heal_ms = reload_sim_numbers_spread(&c->heal_ms);
	o->repair_ms = reload_sim_numbers_spread(&c->repair_ms);
	reload_sim_gauge_fill(&c->gauge, r->quiet ? r->load_joins : c->joins - r->joins, o);
	if (r->peer_hours > 0) {
		o->maintenance_bytes_per_peer_hour = r->upkeep_bytes / r->peer_hours;
		o->maintenance_messages_per_peer_hour = r->upkeep_messages / r->peer_hours;
	}
	if (r->rest_peer_hours > 0)
		o->rest_bytes_per_peer_hour = r->rest_bytes / r->rest_peer_hours;
	reload_sim_run_state_links(c);
	o->repair_stores = c->cost.sent;
	o->held_bytes = c->cost.held;
	o->lies = reload_sim_byzantine_sent(c->byzantine);
	o->lies_refused = reload_sim_byzantine_refused(c->byzantine);
}

static void run_clear(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	reload_sim_checks_free(TAKE(c->checks));
	reload_sim_hold_down_free(TAKE(c->hold_down));
	reload_sim_sent_free(TAKE(c->sent));
	reload_sim_byzantine_free(TAKE(c->byzantine));
	reload_sim_free(TAKE(c->sim));
	reload_sim_workload_clear(c);
	reload_sim_loss_budget_free(c->loss_budget);
	reload_sim_history_free(c->history);
	reload_sim_faults_clear(&c->faults);
	struct reload_sim_numbers *numbers[] = { &c->hops, &c->fetch_ms, &c->store_ms, &c->join_ms,
		&c->heal_ms, &c->repair_ms };
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		reload_sim_numbers_clear(numbers[i]);
	reload_sim_gauge_clear(&c->gauge);
	reload_sim_run_state_clear(c);
	free(r->starts);
	free(r);
}

static void nodes_prepare(struct run *r)
{
	struct reload_sim_run_state *c = &r->state;
	struct reload_id *ids = reload_alloc_array(c->nodes_count, sizeof(*ids)),
			 *resources = reload_alloc_array(c->nodes_count, sizeof(*resources));
	reload_ms skew = c->faults.skew;
	for (size_t i = 0; i < c->nodes_count; i++) {
		struct reload_sim_node *n = reload_sim_node(c->sim, i);
		ids[i] = n->id;
		reload_chord_topology.resource_id(
			&resources[i], span_str(n->credentials.cert->user));
		if (skew)
			n->skew_ms =
				(int64_t)(reload_prng_hash(c->seed, 0x5ce3, i) % (2 * skew + 1)) -
				(int64_t)skew;
	}
	c->history = reload_sim_history_new(c->nodes_count, ids, resources, r->scenario.value_size,
		skew * (r->scenario.jumps + 1));
	const struct reload_config *config = reload_sim_config(c->sim);
	const struct reload_topology_ops *algorithm = reload_topology_find(config->topology_plugin);
	c->loss_budget = reload_sim_loss_budget_new(c->nodes_count, ids, c->history,
		2 * reload_topology_keepalive_ms(algorithm, config)); /* the Ping follows */
	c->hold_down = reload_sim_hold_down_new(c->nodes_count);
	c->sent = reload_sim_sent_new(c->nodes_count);
	c->checks = reload_sim_checks_new(c->sim, reload_sim_loss_budget_order(c->loss_budget),
		c->history, r->scenario.store_limit);
	free(ids);
	free(resources);
}

static struct run *run_new(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out)
{
	static const char *const latencies[] = { "lan", "wan", "mobile" };
	struct run *r = RELOAD_NEW(run);
	struct reload_sim_run_state *c = &r->state;
	r->scenario = reload_sim_scenario_drawn(scenario, seed);
	r->healed = RELOAD_NEVER;
	r->next_store = r->next_fetch = HUGE_VAL;
	c->scenario = &r->scenario;
	c->watch = watch;
	c->seed = seed;
	c->out = out;
	c->nodes_count = r->scenario.peers + r->scenario.clients;
	c->calm_from = RELOAD_SIM_REPAIR_MS;
	TAILQ_INIT(&c->requests);
	reload_prng_seed(&c->prng, reload_prng_hash(seed, 0x10ad, 0));
	reload_sim_faults_draw(&c->faults, scenario, seed, 0);
	c->nodes = reload_alloc_array(c->nodes_count + 1, sizeof(*c->nodes));
	c->leaving_nodes = reload_alloc_array(c->nodes_count + 1, sizeof(*c->leaving_nodes));
	c->sides = reload_alloc_array(c->nodes_count + 1, 1);
	const struct reload_sim_setup setup = { .seed = seed,
		.nodes = c->nodes_count,
		.bootstraps = reload_sim_bootstraps(&r->scenario),
		.latency = reload_sim_latency_find(latencies[r->scenario.latency]),
		.loss = c->faults.loss,
		.drop = c->faults.drop,
		.duplicate = c->faults.duplicate,
		.reorder = c->faults.reorder,
		.links = r->scenario.links,
		.devices = r->scenario.devices,
		.configures = r->scenario.config_changes > 0,
		.self_tuning = r->scenario.algorithm,
		.no_reactive = !r->scenario.reactive,
		.update_interval_s = (uint32_t)(r->scenario.update_interval / RELOAD_SECOND),
		.ping_interval_s = (uint32_t)(r->scenario.ping_interval / RELOAD_SECOND),
		.store_limit = r->scenario.store_limit,
		.jobs = c->faults.jobs_time,
		.disks = c->faults.commit_time || r->scenario.disk_errors || r->scenario.disk_full,
		.commit_time = c->faults.commit_time,
		.id = watch && watch->script ? reload_sim_script_id : NULL,
		.id_arg = watch ? watch->script : NULL,
		.bandwidth = c->faults.bandwidth,
		.send_queue = r->scenario.send_queue,
		.trace = watch ? watch->trace : NULL };
	const struct reload_sim_hooks hooks = { .arg = c,
		.after = hook_after,
		.event = hook_event,
		.send = hook_send,
		.sent = hook_sent };
	c->sim = reload_sim_new(&setup, &hooks);
	c->byzantine = reload_sim_byzantine_new(c->sim);
	nodes_prepare(r);
	r->sample_at = reload_sim_now(c->sim);
	r->until = r->sample_at + reload_sim_scenario_growth(&r->scenario) + r->scenario.duration +
		   r->scenario.quiet;
	r->sample_step = (r->until - r->sample_at) / (RELOAD_SIM_SERIES_MAX - 1) + 1;
	r->sample_step = r->sample_step < TICK_MS ? TICK_MS : r->sample_step;
	return r;
}

void reload_sim_scenario_run(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out)
{
	*out = (struct reload_sim_outcome){ .seed = seed };
	struct run *r = run_new(scenario, seed, watch, out);
	growth_plan(r);
	bool going = grow(r) && ((watch && watch->script) || first_stores(r));
	if (going) {
		load_begin(r);
		going = advance(r, reload_sim_now(r->state.sim) + r->scenario.duration);
		reload_sim_counts_since(
			&out->load, &r->state.load_from, reload_sim_counts(r->state.sim));
		going = going && get_quiet(r) && final_reads(r);
	}
	sample(r, 0);
	outcome_fill(r);
	run_clear(r);
}
