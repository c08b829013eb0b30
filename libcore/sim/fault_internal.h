/* What the files that draw faults share. */
#pragma once

#include "sim/fault.h"
#include "sim/random.h"

enum {
	/* with fewer peers node 0 stays, since a node that has lost all others can join through it alone */
	RELOAD_SIM_FEW = 8
};

/* reload_sim_source_seed() starts the random numbers of one source. */
void reload_sim_source_seed(struct reload_prng *r, uint64_t seed, enum reload_sim_source source);
/* reload_sim_fault_add() returns a new row of f (until the next one is added), to be filled in. */
struct reload_sim_fault *reload_sim_fault_add(struct reload_sim_faults *f,
	enum reload_sim_fault_type type, enum reload_sim_source source, uint32_t serial,
	reload_ms at);
/* reload_sim_fault_crash() makes fault the crash of node: of its process or its machine, and with or without its disk. */
void reload_sim_fault_crash(struct reload_sim_fault *fault, struct reload_prng *r,
	const struct reload_sim_scenario *s, size_t node, bool returns);

/*
 * reload_sim_some_peers() returns a share (per million) of the peers in random order (owned).  Node 0 is drawn apart and comes last, so that it changes
 * nothing for the others.
 */
size_t *reload_sim_some_peers(struct reload_prng *r, const struct reload_sim_scenario *s,
	uint64_t seed, enum reload_sim_source source, uint32_t share, size_t *count);

/* reload_sim_draw_churn() adds the sessions between from and end, reload_sim_draw_crowd() the starts of the crowd. */
void reload_sim_draw_churn(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end);
void reload_sim_draw_crowd(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end);
/* reload_sim_draw_certs() adds certificates that end; f has the jumps of the clocks already. */
void reload_sim_draw_certs(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end);
