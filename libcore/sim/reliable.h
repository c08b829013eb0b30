/*
 * The state of one end of a link over datagrams: the Simple Reliability of libcore/link/reliable.h, made when the end first sends or
 * receives.  An end that is idle is packed: it needs 0.3 kB instead of 3.
 */
#pragma once

#include "link/reliable.h"
#include "sim/internal.h"

struct reload_sim_reliable {
	struct reload_reliable state;
	reload_ms due_at;     /* of the event that is queued; NEVER: none */
	reload_ms closing_at; /* when an end that closes gives up; NEVER: it does not close */
	reload_ms used_at;    /* the last message or datagram */
	uint32_t crashes;     /* of its node, when the end was made */
	bool reported_bad;
};

/* reload_sim_reliable_of() returns the state of end, which something is about to happen to. */
struct reload_sim_reliable *reload_sim_reliable_of(
	struct reload_sim *s, const struct reload_sim_link *l, struct reload_sim_link_end *end);

/* reload_sim_reliable_pack() packs an end that has nothing to send and did nothing for setup.repeat_ms. */
void reload_sim_reliable_pack(struct reload_sim *s, struct reload_sim_link_end *end);

/* reload_sim_reliable_free() forgets what end has to send and has received. */
void reload_sim_reliable_free(struct reload_sim *s, struct reload_sim_link_end *end);
