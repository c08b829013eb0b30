/*
 * Finds a smaller run that shows the same violation: with fewer faults, then fewer peers, then less time.  Each attempt is a run, so the caller
 * limits their number.
 */
#pragma once

#include "sim/run.h"

enum {
	RELOAD_SIM_ONLY_MAX = 2000
};

struct reload_sim_shrunk {
	struct reload_sim_scenario scenario;
	struct reload_sim_outcome outcome; /* of the smallest run */
	unsigned runs;
	/* the faults that are left, as in struct reload_sim_watch; "": all that the scenario draws, or too many to be named */
	char only_faults[RELOAD_SIM_ONLY_MAX];
	char *trace; /* the faults that are left and the violation, a line each (owned) */
};

/*
 * reload_sim_shrink() tries at most max_runs smaller runs and calls progress (NULL is legal) before each.  A smaller run counts when the same
 * checker finds a violation in it.  The order: without halves of the faults, then smaller parts; without each kind of fault; fewer nodes;
 * less time; and the faults once more.
 */
void reload_sim_shrink(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best),
	void *arg);
void reload_sim_shrunk_clear(struct reload_sim_shrunk *s);

/* The type of reload_sim_scenario_run(); tests use other functions. */
typedef void (*reload_sim_run_fn)(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out);

/* reload_sim_shrink_by() is reload_sim_shrink() with another function for the runs. */
void reload_sim_shrink_by(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs, reload_sim_run_fn run,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best),
	void *arg);
