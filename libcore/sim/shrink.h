/*
 * From a violation to the shortest run that still shows it: fewer faults, then fewer peers, then less time.  Each step is a run of its
 * own, so this takes as long as it is allowed to.
 */
#pragma once

#include "sim/run.h"

struct reload_sim_shrunk {
	struct reload_sim_scenario scenario;
	struct reload_sim_outcome outcome; /* of the smallest run: its violation, its trace */
	unsigned runs;
	char *trace; /* the faults that are left and what the checker saw, one a line (owned) */
};

/* reload_sim_shrink() tries at most max_runs smaller runs; progress (NULL is legal) is told before each. */
void reload_sim_shrink(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best),
	void *arg);
void reload_sim_shrunk_clear(struct reload_sim_shrunk *s);
