/*
 * One run of a scenario under a seed: the world is made, grows, lives through its faults, gets quiet, and is judged.  The
 * same scenario and seed give the same outcome, byte for byte.
 */
#pragma once

#include "sim/outcome.h"
#include "sim/scenario.h"

/* reload_sim_scenario_run() runs seed and fills out; watch NULL: nothing to tell. */
void reload_sim_scenario_run(const struct reload_sim_scenario *scenario, uint64_t seed,
	const struct reload_sim_watch *watch, struct reload_sim_outcome *out);
