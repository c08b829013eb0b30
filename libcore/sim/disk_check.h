/* The checks of storage that commits late and fails: an answer waits for the disk, and a peer that cannot write is no peer of the ring. */
#pragma once

#include "sim/history.h"
#include "sim/outcome.h"

enum {
	RELOAD_SIM_WRITABLE_MS = 60000
};

/*
 * reload_sim_check_durable(): DURABLE, the version with that number of the place, which n acknowledged, is on n's disk.  True also when n does not have
 * it any more: it may have been handed over since.  Called when the acknowledgment arrives, if n has not been started since it was sent.
 */
bool reload_sim_check_durable(const struct reload_sim_node *n, const struct reload_sim_history *h,
	const struct reload_sim_place *p, uint64_t number, struct reload_sim_violation *v);
/*
 * reload_sim_check_writable(): WRITABLE, no honest peer has been in the ring for RELOAD_SIM_WRITABLE_MS with a disk that refused all that was written.  The
 * only node of a ring may.
 */
bool reload_sim_check_writable(struct reload_sim *s, struct reload_sim_violation *v);
