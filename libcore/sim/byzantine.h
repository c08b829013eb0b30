/*
 * Peers that lie.  An engine of such a node is like all others; what it sends passes through reload_sim_byzantine_send(), which
 * drops, misroutes, alters and repeats, and adds messages of its own that are signed with the node's key.
 */
#pragma once

#include "sim/world.h"

/* Bits of reload_sim_node.byzantine; the numbers are those of the setting `lies`. */
enum {
	RELOAD_SIM_LIE_DROP = 1,     /* forwards nothing: what it should pass on is gone */
	RELOAD_SIM_LIE_MISROUTE = 2, /* passes on to somebody else */
	RELOAD_SIM_LIE_UPDATES =
		4, /* claims neighbours that do not exist, and to be next to everybody */
	RELOAD_SIM_LIE_STALE =
		8, /* answers Fetches with older answers of its own, also where it is not asked */
	RELOAD_SIM_LIE_MALFORMED = 16, /* flips, cuts and adds bytes */
	RELOAD_SIM_LIE_OVERSIZED = 32, /* sends messages above max-message-size */
	RELOAD_SIM_LIE_REPLAYED = 64,  /* repeats what it saw */
	RELOAD_SIM_LIE_FLOODS = 128,   /* Updates and foreign Stores without end */
	RELOAD_SIM_LIES = 8            /* how many there are */
};

struct reload_sim_byzantine;

/* reload_sim_byzantine_new() makes the memory of all liars of a world (owned). */
struct reload_sim_byzantine *reload_sim_byzantine_new(struct reload_sim *s);
void reload_sim_byzantine_free(struct reload_sim_byzantine *b);
AUTO_DEFINE(reload_sim_byzantine)
/* reload_sim_byzantine_send() is the send hook for nodes that lie; arg is the memory. */
bool reload_sim_byzantine_send(
	void *b, struct reload_sim_node *n, uint32_t link, struct span message);
/* reload_sim_byzantine_start() makes node i a liar with these bits, from now on: floods begin. */
void reload_sim_byzantine_start(struct reload_sim_byzantine *b, size_t i, uint32_t lies);
/* reload_sim_byzantine_stop() makes node i honest again: what it still has under way is the last of it. */
void reload_sim_byzantine_stop(struct reload_sim_byzantine *b, size_t i);
/* reload_sim_byzantine_told() is the number of lies that were sent so far, reload_sim_byzantine_told_of() of those of these bits. */
uint64_t reload_sim_byzantine_told(const struct reload_sim_byzantine *b);
uint64_t reload_sim_byzantine_told_of(const struct reload_sim_byzantine *b, uint32_t lie);
/*
 * reload_sim_byzantine_event() takes every event of every node (the event hook; arg is the memory): it counts what honest
 * engines refuse.  reload_sim_byzantine_refused() is that number.
 */
void reload_sim_byzantine_event(void *b, struct reload_sim_node *n, const struct reload_event *ev);
uint64_t reload_sim_byzantine_refused(const struct reload_sim_byzantine *b);
