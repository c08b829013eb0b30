/*
 * Links by ICE.  A host gathers for some time, and now and then finds nothing.  Two ends that check each other connect as a dial does, but for a share of
 * the pairs: then both give up, as does an end whose other end does not check.  There are no addresses to be had of a node but by its user
 * fragment, which names the link at its end.
 */
#pragma once

#include "sim/internal.h"

/* reload_sim_gather() begins link `number` of n; reload_sim_gather_end() ends it while it is not connected, false: it is no such link. */
void reload_sim_gather(struct reload_sim_body *n, uint32_t number, bool controlling);
bool reload_sim_gather_end(struct reload_sim_body *n, uint32_t number);
/* reload_sim_gathers_clear() ends all of n. */
void reload_sim_gathers_clear(struct reload_sim_body *n);
/* reload_sim_check_pairs() connects to the link that ufrag names, once its end does the same. */
void reload_sim_check_pairs(struct reload_sim_body *n, uint32_t number, struct span ufrag);
/* reload_sim_ice_node() is the node that an event of ICE is about. */
const struct reload_sim_node *reload_sim_ice_node(
	const struct reload_sim *s, const struct reload_sim_event *ev);
/* reload_sim_run_ice() carries an event out; true: the engine of *n was called. */
bool reload_sim_run_ice(
	struct reload_sim *s, struct reload_sim_event *ev, struct reload_sim_body **n);
