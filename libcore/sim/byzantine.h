/*
 * Byzantine peers: nodes that lie.  Such a node runs an ordinary engine, but what it sends passes through reload_sim_byzantine_send(), which
 * drops, misroutes, changes and repeats messages, and adds messages of its own that are signed with the node's key.
 */
#pragma once

#include "sim/world.h"

/* Bits of reload_sim_node.byzantine.  The setting `lies` of a scenario is a sum of them. */
enum {
	RELOAD_SIM_LIE_DROP = 1,       /* drops the messages that it should forward */
	RELOAD_SIM_LIE_MISROUTE = 2,   /* forwards to a wrong node */
	RELOAD_SIM_LIE_UPDATES = 4,    /* sends Updates with false neighbours */
	RELOAD_SIM_LIE_STALE = 8,      /* answers with old values, also for others */
	RELOAD_SIM_LIE_MALFORMED = 16, /* changes, removes and adds bytes */
	RELOAD_SIM_LIE_OVERSIZED = 32, /* sends messages above max-message-size */
	RELOAD_SIM_LIE_REPLAYED = 64,  /* repeats messages that it saw */
	RELOAD_SIM_LIE_FLOODS = 128,   /* sends many Updates and Stores that must be refused */
	RELOAD_SIM_LIE_ESTIMATES =
		256,        /* tells the largest estimates that are believed (RFC 7363 s6.5) */
	RELOAD_SIM_LIES = 9 /* how many there are */
};

struct reload_sim_byzantine;

/* reload_sim_byzantine_new() makes the state of all liars of a world (owned). */
struct reload_sim_byzantine *reload_sim_byzantine_new(struct reload_sim *s);
void reload_sim_byzantine_free(struct reload_sim_byzantine *b);
AUTO_DEFINE(reload_sim_byzantine)
/* reload_sim_byzantine_send() is the send hook for nodes that lie; arg is that state. */
bool reload_sim_byzantine_send(
	void *b, struct reload_sim_node *n, uint32_t link, struct span message);
/* reload_sim_byzantine_start() makes node i a liar with these bits from now on. */
void reload_sim_byzantine_start(struct reload_sim_byzantine *b, size_t i, uint32_t lies);
/* reload_sim_byzantine_stop() makes node i honest again.  Lies already on the way still arrive. */
void reload_sim_byzantine_stop(struct reload_sim_byzantine *b, size_t i);
/* reload_sim_byzantine_sent() is the number of lies sent so far, reload_sim_byzantine_sent_of() the number of those of the kinds `lies`. */
uint64_t reload_sim_byzantine_sent(const struct reload_sim_byzantine *b);
uint64_t reload_sim_byzantine_sent_of(const struct reload_sim_byzantine *b, uint32_t lie);
/*
 * reload_sim_byzantine_event() is the event hook: it takes each event of each node and counts what honest engines refuse.
 * reload_sim_byzantine_refused() is that number.
 */
void reload_sim_byzantine_event(void *b, struct reload_sim_node *n, const struct reload_event *ev);
uint64_t reload_sim_byzantine_refused(const struct reload_sim_byzantine *b);
