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

/* What drew a fault.  A source has draws of its own: one more or less of it changes no other fault. */
enum reload_sim_source {
	RELOAD_SIM_SOURCE_CHURN,
	RELOAD_SIM_SOURCE_CRASH,
	RELOAD_SIM_SOURCE_MASS,
	RELOAD_SIM_SOURCE_PARTITION,
	RELOAD_SIM_SOURCE_CUT,
	RELOAD_SIM_SOURCE_JUMP,
	RELOAD_SIM_SOURCES
};

struct reload_sim_fault {
	enum reload_sim_fault_type type;
	enum reload_sim_source source;
	uint32_t
		serial; /* with source the name of a fault, "crash3"; what belongs together (going, coming back) shares it */
	reload_ms at, length;
	size_t node, other;
	uint64_t number; /* PARTITION: seed of who is on which side; CLOCK: the jump, an int64_t */
	bool machine, disk;
};

struct reload_sim_faults {
	struct reload_sim_fault *at; /* by time */
	size_t count, cap;
	reload_ms from;  /* end of the growth */
	reload_ms last;  /* when the last one is over */
	char words[256]; /* kinds that exist in this run */
	/* of the setup: drawn to be there or not */
	uint32_t loss, drop, duplicate, reorder, slow, byzantine;
	reload_ms skew;
};

/*
 * The kinds of faults that a scenario can have, by number, in the order in which outcomes name them: reload_sim_fault_kinds() is
 * how many there are, reload_sim_scenario_has() tells whether one is there, reload_sim_scenario_without() turns it off.
 */
size_t reload_sim_fault_kinds(void);
bool reload_sim_scenario_has(const struct reload_sim_scenario *s, size_t kind);
void reload_sim_scenario_without(struct reload_sim_scenario *s, size_t kind);

/*
 * reload_sim_scenario_drawn() is the scenario of one seed: with `draw` each kind of fault that is configured exists with
 * probability 1/2, at least one of them does, and the others are off; what it returns has `draw` off.
 */
struct reload_sim_scenario reload_sim_scenario_drawn(
	const struct reload_sim_scenario *scenario, uint64_t seed);

/*
 * reload_sim_faults_draw() fills f for a run whose growth ends at from (owned; clear it).  Nothing happens to node 0, which stands in
 * the configuration as the bootstrap node, but partitions, cuts and jumps of its clock.
 */
void reload_sim_faults_draw(struct reload_sim_faults *f, const struct reload_sim_scenario *scenario,
	uint64_t seed, reload_ms from);
void reload_sim_faults_clear(struct reload_sim_faults *f);

/* reload_sim_fault_name() writes "crash3", the name of a fault in lists. */
void reload_sim_fault_name(const struct reload_sim_fault *fault, char *out, size_t size);
/* reload_sim_fault_words() writes one fault as a line of a trace: "at 61.204 s peer 17 crashes (machine)". */
void reload_sim_fault_words(const struct reload_sim_fault *fault, char *out, size_t size);

/*
 * reload_sim_faults_only() drops all faults that a list of names, "crash3,partition0", does not name; NULL keeps all, "none"
 * and an empty list keep none.  Names of faults that were not drawn are ignored.
 */
void reload_sim_faults_only(struct reload_sim_faults *f, const char *list);
/* reload_sim_faults_list_check() tells whether text is such a list. */
enum reload_err reload_sim_faults_list_check(const char *text, struct reload_why *why) MUST_CHECK;

/* reload_sim_node_has() tells whether a share (per million) of the nodes, drawn by seed and salt, has node in it; never node 0. */
bool reload_sim_node_has(uint64_t seed, uint64_t salt, size_t node, uint32_t share);
