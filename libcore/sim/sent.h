/*
 * The checker of what honest nodes send, for worlds in which nobody lies: the ttl of each request, which every hop lowers by one
 * (RFC 6940 s6.1.2), and what Updates say about their sender's tables (s10.7).  It reads messages as they leave a node.
 */
#pragma once

#include "sim/outcome.h"

struct reload_sim_sent;

/* reload_sim_sent_new() makes the memory for count nodes (owned). */
struct reload_sim_sent *reload_sim_sent_new(size_t count);
void reload_sim_sent_free(struct reload_sim_sent *s);
AUTO_DEFINE(reload_sim_sent)

/*
 * reload_sim_sent_message() reads a message that n sends at now; false, with the violation, when it is a request whose ttl and Via
 * List do not add up to initial-ttl.
 */
bool reload_sim_sent_message(struct reload_sim_sent *s, const struct reload_sim_node *n,
	struct span message, reload_ms now, struct reload_sim_violation *v);

/*
 * reload_sim_sent_agrees(): TOLD, once quiet the newest Update with lists that n sent has the predecessors and successors that n
 * has; true when n sent none in this life.
 */
bool reload_sim_sent_agrees(const struct reload_sim_sent *s, const struct reload_sim_node *n,
	reload_ms now, struct reload_sim_violation *v);
