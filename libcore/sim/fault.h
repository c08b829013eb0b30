/*
 * The faults of a run: drawn from scenario and seed before anything happens, so that a run can be repeated without one of them
 * (shrinking).  Each is one row: when, what, which nodes, how long.
 */
#pragma once

#include "sim/scenario.h"
#include "sim/world.h"

enum reload_sim_fault_type {
	RELOAD_SIM_FAULT_CRASH,
	RELOAD_SIM_FAULT_RESTART,
	RELOAD_SIM_FAULT_LEAVE,
	RELOAD_SIM_FAULT_START, /* churn: a peer comes (again) */
	RELOAD_SIM_FAULT_PARTITION,
	RELOAD_SIM_FAULT_CUT,
	RELOAD_SIM_FAULT_CLOCK, /* a wall clock jumps */
	RELOAD_SIM_FAULT_TYPES
};

struct reload_sim_fault {
	enum reload_sim_fault_type type;
	reload_ms at, length;
	size_t node, other;
	uint64_t number; /* PARTITION: seed of who is on which side; CLOCK: the jump */
	bool machine, disk;
};

struct reload_sim_faults {
	struct reload_sim_fault *at; /* by time */
	size_t count, cap;
	reload_ms last;  /* when the last one is over */
	char words[256]; /* kinds that exist in this run */
	/* of the setup: drawn to be there or not */
	uint32_t loss, drop, duplicate, reorder, slow, byzantine;
	reload_ms skew;
};

/* reload_sim_faults_draw() fills f for a run whose growth ends at from (owned; clear it). */
void reload_sim_faults_draw(struct reload_sim_faults *f, const struct reload_sim_scenario *scenario,
	uint64_t seed, reload_ms from);
void reload_sim_faults_clear(struct reload_sim_faults *f);
/* reload_sim_fault_words() writes one fault as a line of a trace: "at 61.204 s peer 17 crashes (machine)". */
void reload_sim_fault_words(const struct reload_sim_fault *fault, char *out, size_t size);
