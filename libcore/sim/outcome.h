/* What a run came to: the violation that ended it and the numbers of its report; and how a run is watched. */
#pragma once

#include "sim/world.h"

/* What the checkers check; reports use the names ("ring", "lost-value"). */
enum reload_sim_check {
#define X(name, word, words) RELOAD_SIM_CHECK_##name,
#include "sim/checks.def"
#undef X
	RELOAD_SIM_CHECKS
};

/* reload_sim_check_name() returns the word, reload_sim_check_sentence() a sentence; static. */
const char *reload_sim_check_name(enum reload_sim_check check);
const char *reload_sim_check_sentence(enum reload_sim_check check);

struct reload_sim_violation {
	enum reload_sim_check check;
	reload_ms at;
	char words[512]; /* which nodes, which value, what was expected */
};

/* A distribution, as reports give it. */
struct reload_sim_spread {
	uint64_t count;
	double mean, p50, p95, p99, max;
};

enum {
	RELOAD_SIM_SERIES_MAX = 512 /* samples of a run; a longer run has longer steps */
};

/* The numbers at one time. */
struct reload_sim_sample {
	reload_ms at;
	uint32_t peers, joined;         /* nodes that are running, and of these joined */
	uint64_t messages, bytes;       /* since the last sample */
	uint32_t lookups, lookups_good; /* that ended since the last sample */
	uint32_t incomplete;            /* values with too few replicas */
	double interval_s; /* of peers that tune themselves, the mean; 0: there are none */
};

/* Final reads of values that were still owed when the read ended.  failed: no answer had the value. */
struct reload_sim_reads {
	uint64_t owed, failed;
	uint64_t apart, apart_failed; /* of these, the ones without a liar next to the place */
	uint64_t over;                /* further reads, of values that had expired */
};

/* Fetches of the load that were answered, by no liar nor next to one, with something else than the version that was owed. */
struct reload_sim_stale {
	uint64_t old, absent; /* an older version; nothing */
};

/* Fetches of the load, of values that were owed: those that were answered before any request was repeated, and those that nothing answered in time. */
struct reload_sim_lookups {
	uint64_t ended, first_try, timed_out;
};

struct reload_sim_outcome {
	uint64_t seed, digest;
	bool ok;
	struct reload_sim_violation violation; /* when not ok */
	char faults[256]; /* which fault kinds this seed drew: "loss churn partition" */
	reload_ms virtual_ms;
	reload_ms
		load_at; /* when the growth ended, from which times of faults count; 0: it did not */
	double real_s;   /* filled in by the caller, since there is no clock here */
	size_t peers, peers_peak;
	struct reload_sim_counts counts;
	struct reload_sim_counts load; /* messages and bytes of the time of the load alone */
	uint64_t stores, stores_acknowledged, fetches, fetches_good,
		fetches_expected; /* good: newest acknowledged version; expected: of values that had to be there */
	uint64_t values;        /* places with an acknowledged value */
	uint64_t expected_lost; /* of these, not found and excused (sim/loss_budget.h) */
	uint64_t lost;          /* of expected_lost, those that no node has any more */
	uint64_t conflicts;     /* Stores refused for the generation counter that they named */
	uint64_t faults_count;  /* faults that happened */
	uint64_t
		faults_late; /* of these, and others: had to wait, as they would have taken the last copy of a value */
	struct reload_sim_spread hops, fetch_ms, store_ms, join_ms, heal_ms, repair_ms;
	double maintenance_bytes_per_peer_hour,
		maintenance_messages_per_peer_hour; /* all but Store and Fetch of the workload */
	double rest_bytes_per_peer_hour; /* the same while no fault was at work; 0: there was no such time */
	double links_per_peer,
		needed_links_per_peer; /* at the end; needed: a neighbour or finger of one of the ends */
	/*
	 * Of peers that tune themselves: errors of the estimates in force, in per cent.  The estimates of failures and joins are
	 * compared with what happened in the whole load.
	 */
	struct reload_sim_spread size_error, failures_error, joins_error, interval_s;
	struct reload_sim_spread own_size_error, own_failures_error, own_joins_error;
	double wrong_successors_percent; /* peers whose first successor was another one, of all looks */
	uint64_t lies, lies_refused,
		lies_believed; /* of byzantine peers; answers to Stores and Fetches that were believed */
	struct reload_sim_reads reads;
	struct reload_sim_stale stale;
	struct reload_sim_lookups lookups;
	uint64_t repair_stores, held_bytes; /* sim/cost_check.h */
	struct reload_sim_sample samples[RELOAD_SIM_SERIES_MAX];
	size_t samples_count;
};

struct reload_sim_script;

/* How a run reports its progress and can be stopped. */
struct reload_sim_watch {
	void *arg;
	/* called now and then; false stops the run, with outcome->ok true and virtual_ms the time reached */
	bool (*progress)(void *arg, reload_ms now, reload_ms until, size_t joined);
	FILE *trace;
	/* only the faults of this list happen, "crash3,partition0" or "none" (sim/fault.h); NULL: all */
	const char *only_faults;
	const struct reload_sim_script *script; /* NULL: none */
};
