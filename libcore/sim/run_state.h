/*
 * The state of one run.  It is shared by the faults that happen to nodes (sim/run_state.c), the Stores and Fetches (sim/workload.c), and the
 * phases and their checks (sim/run.c).
 */
#pragma once

#include "sim/byzantine.h"
#include "sim/check.h"
#include "sim/cost_check.h"
#include "sim/hold_down.h"
#include "sim/sent.h"
#include "sim/fault.h"
#include "sim/gauge.h"
#include "sim/loss_budget.h"
#include "sim/stats.h"

#include <bsd/sys/queue.h>

enum {
	RELOAD_SIM_BOOTSTRAPS =
		3, /* bootstrap addresses of a node that starts, beside those of the configuration */
	RELOAD_SIM_SAMPLED = 64, /* places whose replicas are counted each second */
	/*
	 * The longest time of a request of the workload: five transmissions, 3 s each; the same again for the certificate of a signer; and
	 * some slack.
	 */
	RELOAD_SIM_REQUEST_MS = 32000,
	RELOAD_SIM_REQUEST_JOBS =
		6 /* of signatures, one after the other: value, request, answer, and those of the certificate's Fetch */
};

/* The begin or end of a fault. */
struct reload_sim_step {
	reload_ms at;
	uint32_t fault; /* index */
	bool end;
};

/* What a run knows of a node. */
struct reload_sim_run_node {
	bool joined, ever, leaving, again, disk, storing;
	bool filling;   /* an entry of its large array is on its way */
	uint8_t filled; /* entries of that that were acknowledged */
	bool stepping;  /* it leaves the ring, as its storage fails */
	bool later;     /* leaving, but its process is stopped: it is told when it runs again */
	uint8_t anew;   /* places that it stores again, as it has a new certificate */
	bool silent;    /* its process is stopped for so long that others take it for failed */
	uint8_t events; /* counts events up to the next check of its bounds */
	bool renewed;   /* its certificate was to end when it had the last copy of a value */
	reload_ms leaving_since;
};

/* A place whose replicas are counted. */
struct reload_sim_sampled {
	struct reload_sim_place *place;
	reload_ms incomplete_since; /* NEVER: complete */
};

struct reload_sim_request;
TAILQ_HEAD(reload_sim_request_list, reload_sim_request);

struct reload_sim_run_state {
	const struct reload_sim_scenario *scenario; /* as drawn for this seed */
	const struct reload_sim_watch *watch;
	uint64_t seed;
	struct reload_sim *sim;
	struct reload_sim_byzantine *byzantine;
	struct reload_sim_history *history;
	struct reload_sim_loss_budget *loss_budget;
	struct reload_sim_hold_down *hold_down;
	struct reload_sim_sent
		*sent; /* checks what nodes send: ttl, and the newest Update of each */
	struct reload_sim_checks
		*checks; /* NULL: the world ends, results of requests do not count any more */
	struct reload_sim_outcome *out;
	struct reload_prng
		prng; /* for the workload and for bootstrap addresses; the world has its own */

	struct reload_sim_faults faults;
	struct reload_sim_step *steps;
	size_t steps_count, step;
	uint32_t *
		waiting; /* faults whose nodes have the last copy of a value: they are tried again at waiting_at */
	size_t waiting_count, waiting_cap;
	reload_ms waiting_at;
	struct reload_sim_run_node *nodes;
	size_t nodes_count, running, joined, leaving, peak;
	size_t *leaving_nodes; /* indexes, in the order of their Leaves */
	uint8_t *sides;
	size_t torn;          /* partitions and cuts that are active */
	reload_ms torn_until; /* when the rings of the last one have merged */
	reload_ms calm_from;  /* from then on the last fault is repaired; NEVER: one is active */

	struct reload_sim_request_list requests; /* ordered by begin */
	size_t requests_count;
	uint64_t lookups, lookups_good; /* since the last sample */
	uint64_t store_hops,
		fetch_hops; /* links crossed by requests of the workload and their answers */
	struct reload_sim_sampled sampled[RELOAD_SIM_SAMPLED];
	size_t sampled_count;

	struct reload_sim_cost cost;
	struct reload_sim_numbers hops, fetch_ms, store_ms, join_ms, heal_ms, repair_ms;
	struct reload_sim_gauge gauge;
	uint64_t joins; /* nodes that joined, at any time */
	size_t order;   /* the next one of the script */
	struct reload_sim_counts load_from;
	bool violated, stopped;
};

/* reload_sim_run_state_violated() notes the first violation and halts the world. */
void reload_sim_run_state_violated(
	struct reload_sim_run_state *c, const struct reload_sim_violation *v);

/* reload_sim_bootstraps() is how many peers, the first ones, are in the configuration. */
size_t reload_sim_bootstraps(const struct reload_sim_scenario *s);
/*
 * reload_sim_run_state_start() starts node i, which joins through a few running nodes of its side and those of the configuration.  Node 0 begins the
 * ring anew when nobody is joined, as an agent with --first does; another one when nobody runs.
 */
void reload_sim_run_state_start(struct reload_sim_run_state *c, size_t i, bool first);
/* reload_sim_run_state_load() begins the load: draws the faults, adds those of the script, and makes their steps. */
void reload_sim_run_state_load(struct reload_sim_run_state *c);
/*
 * reload_sim_run_state_configured() checks whether all joined peers that are honest have the newest configuration.  A client that sends
 * nothing may be behind.
 */
bool reload_sim_run_state_configured(
	const struct reload_sim_run_state *c, struct reload_sim_violation *v);
/* reload_sim_run_state_next() is when the next step is due (NEVER: there is none); _run() does the steps that are due. */
reload_ms reload_sim_run_state_next(const struct reload_sim_run_state *c);
void reload_sim_run_state_run(struct reload_sim_run_state *c);
/* reload_sim_run_state_clear() frees what these functions need; the state itself is the caller's. */
void reload_sim_run_state_clear(struct reload_sim_run_state *c);
/* reload_sim_run_state_links() counts the links of the joined peers, for the report. */
void reload_sim_run_state_links(const struct reload_sim_run_state *c);
/* reload_sim_run_state_leaves() stops the nodes whose Leaves are over. */
void reload_sim_run_state_leaves(struct reload_sim_run_state *c);
/* reload_sim_run_state_event() is the event hook of the world. */
void reload_sim_run_state_event(
	void *course, struct reload_sim_node *n, const struct reload_event *ev);
/* reload_sim_run_state_calm() returns whether no fault is active, nor was within the last repair time. */
bool reload_sim_run_state_calm(const struct reload_sim_run_state *c);
/* reload_sim_run_state_torn() returns whether a partition or a cut is active, or its rings may not have merged yet: two peers may believe to be owner. */
bool reload_sim_run_state_torn(const struct reload_sim_run_state *c);
/* reload_sim_run_state_peer() returns a random joined honest node (peer or client); SIZE_MAX: none was found. */
size_t reload_sim_run_state_peer(struct reload_sim_run_state *c);

/* reload_sim_workload_store() makes node i store one of its values, if it can. */
void reload_sim_workload_store(struct reload_sim_run_state *c, size_t i);
/*
 * reload_sim_workload_write() is the same, and some of these Stores name a generation counter: one that is older than what was acknowledged, or the
 * newest one; then the other device of the user stores at the same time and names it, too.
 */
void reload_sim_workload_write(struct reload_sim_run_state *c, size_t i);
/* reload_sim_workload_anew() makes each node with a new certificate store again what it has stored so far, one place in a call. */
void reload_sim_workload_anew(struct reload_sim_run_state *c);
/* reload_sim_workload_fetch() makes a random node fetch a random stored value. */
void reload_sim_workload_fetch(struct reload_sim_run_state *c);
/* reload_sim_workload_store_own() and reload_sim_workload_fetch_own() are the same about one value: the SINGLE one of node i. */
void reload_sim_workload_store_own(struct reload_sim_run_state *c, size_t i);
void reload_sim_workload_fetch_own(struct reload_sim_run_state *c, size_t i);
/*
 * reload_sim_workload_read() is a final read of p by a random node: it must return what is owed.  Without an answer it is repeated a few times
 * through other nodes.  False: no node can ask.
 */
bool reload_sim_workload_read(struct reload_sim_run_state *c, struct reload_sim_place *p);
/* reload_sim_workload_overdue() checks whether a request is older than RELOAD_SIM_REQUEST_MS, and the time of its jobs. */
void reload_sim_workload_overdue(struct reload_sim_run_state *c);
/* reload_sim_workload_clear() frees the requests that are left; the world is gone. */
void reload_sim_workload_clear(struct reload_sim_run_state *c);

/*
 * reload_sim_orders_next() is when the next order of the script is due that is no fault (NEVER: there is none); reload_sim_orders_run() carries out those
 * that are due.
 */
reload_ms reload_sim_orders_next(const struct reload_sim_run_state *c);
void reload_sim_orders_run(struct reload_sim_run_state *c);
