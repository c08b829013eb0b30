/*
 * The state of one run, which these files share: what happens to nodes (sim/run_state.c), what nodes store and fetch (sim/workload.c),
 * and the phases and the judgement (sim/run.c).
 */
#pragma once

#include "sim/byzantine.h"
#include "sim/check.h"
#include "sim/hold_down.h"
#include "sim/sent.h"
#include "sim/fault.h"
#include "sim/loss_budget.h"
#include "sim/stats.h"

#include <bsd/sys/queue.h>

enum {
	RELOAD_SIM_BOOTSTRAPS =
		3, /* running nodes of the same side that a node starts with, as an operator's list would name them */
	RELOAD_SIM_SAMPLED = 64, /* places whose replicas are counted every second */
	/*
	 * A request of the workload has its result by then: five transmissions, 3 s each; once more for the certificate of a signer;
	 * and slack.
	 */
	RELOAD_SIM_REQUEST_MS = 32000
};

/* Begin or end of a fault. */
struct reload_sim_step {
	reload_ms at;
	uint32_t fault; /* index */
	bool end;
};

/* What is kept for each node. */
struct reload_sim_run_node {
	bool joined, ever, leaving, again, disk, storing;
	uint8_t events; /* counts up to the next look at its bounds */
	reload_ms leaving_since;
};

/* A place whose replicas are watched. */
struct reload_sim_sampled {
	struct reload_sim_place *place;
	reload_ms incomplete_since; /* NEVER: complete */
};

struct reload_sim_request;
TAILQ_HEAD(reload_sim_request_list, reload_sim_request);

struct reload_sim_run_state {
	const struct reload_sim_scenario *scenario; /* drawn */
	const struct reload_sim_watch *watch;
	uint64_t seed;
	struct reload_sim *sim;
	struct reload_sim_byzantine *byzantine;
	struct reload_sim_history *history;
	struct reload_sim_loss_budget *loss_budget;
	struct reload_sim_hold_down *hold_down;
	struct reload_sim_sent *sent;
	struct reload_sim_checks
		*checks; /* NULL: the world ends, results of requests count no more */
	struct reload_sim_outcome *out;
	struct reload_prng prng; /* of the workload and of bootstrap lists; the world has its own */

	struct reload_sim_faults faults;
	struct reload_sim_step *steps;
	size_t steps_count, step;
	struct reload_sim_run_node *nodes;
	size_t nodes_count, running, joined, leaving, peak;
	size_t *leaving_nodes; /* indexes, in the order of their Leaves */
	uint8_t *sides;
	size_t torn; /* partitions and cuts at work */
	reload_ms
		calm_from; /* no fault is at work and the last one is repaired from here on; NEVER: one is at work */

	struct reload_sim_request_list requests; /* by begin */
	size_t requests_count;
	uint64_t lookups, lookups_good; /* since the last sample */
	uint64_t store_hops,
		fetch_hops; /* links that requests of the workload and their answers crossed */
	struct reload_sim_sampled sampled[RELOAD_SIM_SAMPLED];
	size_t sampled_count;

	struct reload_sim_numbers hops, fetch_ms, store_ms, join_ms, heal_ms, repair_ms;
	bool violated, stopped;
};

/* reload_sim_run_state_violated() notes the first violation and halts the world. */
void reload_sim_run_state_violated(
	struct reload_sim_run_state *c, const struct reload_sim_violation *v);

/* reload_sim_run_state_start() runs node i, which joins through a few running nodes of its side. */
void reload_sim_run_state_start(struct reload_sim_run_state *c, size_t i, bool first);
/* reload_sim_run_state_steps() prepares the steps of the faults that were drawn. */
void reload_sim_run_state_steps(struct reload_sim_run_state *c);
/* reload_sim_run_state_next() is when the next step is due, NEVER: there is none; _run() does what is due. */
reload_ms reload_sim_run_state_next(const struct reload_sim_run_state *c);
void reload_sim_run_state_run(struct reload_sim_run_state *c);
/* reload_sim_run_state_leaves() ends the nodes whose Leaves are over. */
void reload_sim_run_state_leaves(struct reload_sim_run_state *c);
/* reload_sim_run_state_event() is the world's hook for events. */
void reload_sim_run_state_event(
	void *course, struct reload_sim_node *n, const struct reload_event *ev);
/* reload_sim_run_state_calm() tells whether no fault is at work, nor was within one repair time. */
bool reload_sim_run_state_calm(const struct reload_sim_run_state *c);
/* reload_sim_run_state_peer() draws a joined honest node (peer or client; SIZE_MAX: none was found). */
size_t reload_sim_run_state_peer(struct reload_sim_run_state *c);

/* reload_sim_workload_store() lets node i store one of its values; nothing when it cannot. */
void reload_sim_workload_store(struct reload_sim_run_state *c, size_t i);
/* reload_sim_workload_fetch() lets some node fetch some known value. */
void reload_sim_workload_fetch(struct reload_sim_run_state *c);
/*
 * reload_sim_workload_read() is a final read of p by some node: what is owed must come; without an answer the read is repeated through other
 * nodes, a few times.  False: there is nobody who could ask.
 */
bool reload_sim_workload_read(struct reload_sim_run_state *c, struct reload_sim_place *p);
/* reload_sim_workload_overdue() looks whether a request has outlived RELOAD_SIM_REQUEST_MS. */
void reload_sim_workload_overdue(struct reload_sim_run_state *c);
/* reload_sim_workload_clear() forgets the requests that are left; the world is gone. */
void reload_sim_workload_clear(struct reload_sim_run_state *c);
