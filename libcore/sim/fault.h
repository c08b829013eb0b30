/*
 * The faults of a run.  All are drawn from scenario and seed before the run starts, so that it can be repeated without some of them (sim/shrink.h).
 * Each is one row: when, what, which nodes, how long.
 */
#pragma once

#include "sim/scenario.h"
#include "sim/world.h"

enum reload_sim_fault_type {
	RELOAD_SIM_FAULT_CRASH,
	RELOAD_SIM_FAULT_RESTART,
	RELOAD_SIM_FAULT_LEAVE,
	RELOAD_SIM_FAULT_START, /* churn, crowd: a peer is started, or started again */
	RELOAD_SIM_FAULT_PARTITION,
	RELOAD_SIM_FAULT_CUT,
	RELOAD_SIM_FAULT_CLOCK,       /* a wall clock jumps */
	RELOAD_SIM_FAULT_MOVE,        /* a host gets other addresses */
	RELOAD_SIM_FAULT_DISK_ERRORS, /* writes to a disk fail */
	RELOAD_SIM_FAULT_DISK_FULL,
	RELOAD_SIM_FAULT_CONFIG,    /* a node gets a newer document of the configuration */
	RELOAD_SIM_FAULT_FREEZE,    /* a process is stopped for a while */
	RELOAD_SIM_FAULT_CERT,      /* a node gets a certificate that ends within the run */
	RELOAD_SIM_FAULT_RENEW,     /* and a newer one before that ends */
	RELOAD_SIM_FAULT_CERT_ENDS, /* it ends, for some clocks earlier than for others */
	RELOAD_SIM_FAULT_TYPES
};

/* The kind of setting that a fault comes from.  Each source has its own random numbers: a change of one changes no fault of another. */
enum reload_sim_source {
	RELOAD_SIM_SOURCE_CHURN,
	RELOAD_SIM_SOURCE_CRASH,
	RELOAD_SIM_SOURCE_MASS,
	RELOAD_SIM_SOURCE_PARTITION,
	RELOAD_SIM_SOURCE_CUT,
	RELOAD_SIM_SOURCE_JUMP,
	RELOAD_SIM_SOURCE_MOVE,
	RELOAD_SIM_SOURCE_ERRORS,
	RELOAD_SIM_SOURCE_FULL,
	RELOAD_SIM_SOURCE_SCRIPT, /* not drawn: sim/script.h */
	RELOAD_SIM_SOURCE_FREEZE,
	RELOAD_SIM_SOURCE_CONFIG,
	RELOAD_SIM_SOURCE_WAVE,
	RELOAD_SIM_SOURCE_CROWD,
	RELOAD_SIM_SOURCE_CERT,
	RELOAD_SIM_SOURCES
};

struct reload_sim_fault {
	enum reload_sim_fault_type type;
	enum reload_sim_source source;
	/* source and serial name a fault: "crash3".  A crash and the restart after it share a name, and so do the rows of a certificate. */
	uint32_t serial;
	reload_ms at, length;
	size_t node, other;
	/*
	 * PARTITION: the seed for the sides of the nodes; CLOCK: the jump in ms, an int64_t; MOVE: 1 when the host notices; CERT: the virtual time at
	 * which it ends.
	 */
	uint64_t number;
	bool machine, disk;
	bool renewed;  /* CERT_ENDS: the node has a newer one */
	bool careless; /* CERT: the node does not notice that its own certificate ends */
};

struct reload_sim_faults {
	struct reload_sim_fault *at; /* by time */
	size_t count, cap;
	reload_ms from;  /* end of the growth, when faults begin */
	reload_ms last;  /* when the last one is over */
	char words[256]; /* the kinds of faults of this run */
	/* settings of the world, zero when the kind was not drawn */
	uint32_t loss, drop, duplicate, reorder, slow, byzantine;
	reload_ms skew, commit_time, jobs_time;
	uint64_t bandwidth;
};

/*
 * The kinds of faults, by number, in the order in which outcomes name them: reload_sim_fault_kinds() is their number, reload_sim_scenario_has()
 * returns whether a scenario has one, reload_sim_scenario_without() turns it off.
 */
size_t reload_sim_fault_kinds(void);
bool reload_sim_scenario_has(const struct reload_sim_scenario *s, size_t kind);
void reload_sim_scenario_without(struct reload_sim_scenario *s, size_t kind);

/*
 * reload_sim_scenario_drawn() is the scenario for one seed: with `draw` each configured kind of fault is on with probability 1/2, at least one is,
 * and the others are off.  The result has `draw` off.
 */
struct reload_sim_scenario reload_sim_scenario_drawn(
	const struct reload_sim_scenario *scenario, uint64_t seed);

/*
 * reload_sim_faults_draw() fills f (owned; clear it) for a run whose growth ends at from.  In a small ring node 0 neither
 * crashes nor leaves.
 */
void reload_sim_faults_draw(struct reload_sim_faults *f, const struct reload_sim_scenario *scenario,
	uint64_t seed, reload_ms from);
void reload_sim_faults_clear(struct reload_sim_faults *f);
/* reload_sim_faults_add() adds one more to those that were drawn, in the order of their times; "script" becomes one of the words. */
void reload_sim_faults_add(struct reload_sim_faults *f, const struct reload_sim_fault *fault);

/* reload_sim_fault_name() writes "crash3", the name of a fault in lists. */
void reload_sim_fault_name(const struct reload_sim_fault *fault, char *out, size_t size);
/* reload_sim_fault_text() writes one fault as a line of a trace: "at 61.204 s peer 17 crashes (machine)". */
void reload_sim_fault_text(const struct reload_sim_fault *fault, char *out, size_t size);

/*
 * reload_sim_faults_only() drops all faults that a list of names, "crash3,partition0", does not name; NULL keeps all, "none"
 * and an empty list keep none.  Names of faults that were not drawn are ignored.
 */
void reload_sim_faults_only(struct reload_sim_faults *f, const char *list);
/* reload_sim_faults_list_check() returns whether text is such a list. */
enum reload_err reload_sim_faults_list_check(
	const char *text, struct reload_error_text *why) MUST_CHECK;

/* reload_sim_node_has() returns whether node is in a random share (per million) of the nodes, drawn by seed and salt; node 0 never is. */
bool reload_sim_node_has(uint64_t seed, uint64_t salt, size_t node, uint32_t share);
