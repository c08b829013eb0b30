/*
 * From a violation to the shortest run that still shows it: fewer faults, then fewer peers, then less time.  Each step is a run of its
 * own, so this takes as long as it is allowed to.
 */
#pragma once

#include "sim/run.h"

enum {
	RELOAD_SIM_ONLY_MAX = 2000
};

struct reload_sim_shrunk {
	struct reload_sim_scenario scenario;
	struct reload_sim_outcome outcome; /* of the smallest run: its violation, its trace */
	unsigned runs;
	/* the faults that are left, as in struct reload_sim_watch; "": all that are drawn, or too many to be named here */
	char only_faults[RELOAD_SIM_ONLY_MAX];
	char *trace; /* the faults that are left and what the checker saw, one a line (owned) */
};

/*
 * reload_sim_shrink() tries at most max_runs smaller runs; progress (NULL is legal) is told before each.  A smaller run counts when
 * the same checker finds something wrong in it.  The order: fewer faults (halves, then less), each kind of fault off, fewer nodes,
 * less time, and the faults once more.
 */
void reload_sim_shrink(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best),
	void *arg);
void reload_sim_shrunk_clear(struct reload_sim_shrunk *s);

/* What runs a scenario: reload_sim_scenario_run() or, in a test, something else. */
typedef void (*reload_sim_run_fn)(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out);

/* reload_sim_shrink_by() is reload_sim_shrink() with runs made by run. */
void reload_sim_shrink_by(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs, reload_sim_run_fn run,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best),
	void *arg);
