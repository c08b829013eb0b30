/*
 * Resources of many messages: some nodes fill their array with RELOAD_SIM_LARGE_ENTRIES values of RELOAD_SIM_VALUE_MAX bytes, behind the places that are judged
 * (sim/history.h), one after the other.  A replica Store or a hand-over of such a resource takes many messages.
 */
#pragma once

#include "sim/run_state.h"

enum {
	RELOAD_SIM_LARGE_FIRST = 8, /* index of the first one */
	RELOAD_SIM_LARGE_ENTRIES = 32
};

/* reload_sim_large_store() lets node i, when it is one of them and has a link to the overlay, store the next one, until the array is full. */
void reload_sim_large_store(struct reload_sim_run_state *c, size_t i);
/* reload_sim_large_agree(): REPLICAS, once quiet all three holders have as many of them. */
bool reload_sim_large_agree(const struct reload_sim_run_state *c, struct reload_sim_violation *v);
