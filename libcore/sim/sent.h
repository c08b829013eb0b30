/*
 * The checker of what nodes send, for worlds without liars: the ttl of each request, which each hop lowers by one (RFC 6940 s6.1.2), and what
 * Updates say about the tables of their sender (s10.7).  It reads messages as they leave a node.
 */
#pragma once

#include "sim/outcome.h"

struct reload_sim_sent;

/* reload_sim_sent_new() makes the checker for count nodes (owned). */
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
 * reload_sim_sent_after() returns whether node said, in one of its last Updates with lists, sent since then, that peer is one of the two before it, and
 * not that other (NULL: nobody) is.
 */
bool reload_sim_sent_after(const struct reload_sim_sent *s, size_t node,
	const struct reload_id *peer, const struct reload_id *other, reload_ms since);
/*
 * reload_sim_sent_agrees(): ANNOUNCED, in the quiet phase the newest Update with lists that n sent has n's predecessors and successors.  Also true when n
 * has sent none since it was started.
 */
bool reload_sim_sent_agrees(const struct reload_sim_sent *s, const struct reload_sim_node *n,
	reload_ms now, struct reload_sim_violation *v);
/* reload_sim_sent_all_agree() is that for all peers of s, if they send reactive Updates; else a change is sent with the next periodic one. */
bool reload_sim_sent_all_agree(
	const struct reload_sim_sent *s, struct reload_sim *sim, struct reload_sim_violation *v);
