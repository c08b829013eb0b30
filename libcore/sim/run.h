/*
 * One run of a scenario with a seed: a world grows, has its faults, becomes quiet, and is checked.  The same scenario and seed give the same
 * outcome, byte for byte.
 */
#pragma once

#include "sim/outcome.h"
#include "sim/scenario.h"

/* reload_sim_scenario_run() runs the scenario with seed and fills out; watch may be NULL. */
void reload_sim_scenario_run(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out);
