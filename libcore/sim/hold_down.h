/*
 * The checker of the replacement hold-down (RFC 6940 s10.7.1): after a member of a replica set failed, the peer that takes its place from farther
 * away gets no replicas for 30 seconds.  It reads what engines report of themselves, so its cost for each event is constant.
 */
#pragma once

#include "sim/outcome.h"
#include "sim/sent.h"

struct reload_sim_hold_down;

/* reload_sim_hold_down_new() makes the checker for count nodes (owned). */
struct reload_sim_hold_down *reload_sim_hold_down_new(size_t count);
void reload_sim_hold_down_free(struct reload_sim_hold_down *h);
AUTO_DEFINE(reload_sim_hold_down)

/* reload_sim_hold_down_after() is called after each event of n and reads n's tables when they changed. */
void reload_sim_hold_down_after(struct reload_sim_hold_down *h, struct reload_sim_node *n);
/*
 * reload_sim_hold_down_event() takes an event of n; false, with the violation: replicas went out too early.  sent (borrowed) knows what the others have
 * said in their Updates; NULL: nothing.
 */
bool reload_sim_hold_down_event(struct reload_sim_hold_down *h, const struct reload_sim_node *n,
	const struct reload_event *ev, const struct reload_sim_sent *sent, reload_ms now,
	struct reload_sim_violation *v);
