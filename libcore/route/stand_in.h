/*
 * Answering in place of a responsible peer that has fallen silent: what a holder of a replica does with a request that was routed past that peer
 * (RFC 6940 s10.3, s10.4).
 */
#pragma once

#include "route/decide.h"

enum {
	/*
	 * A peer is silent when nothing has come from it for this long, no ACK either.  A link that loses every fifth packet is bad for up to three
	 * seconds at a time, and a stored value takes up to that long to reach the replicas.  Two peers are rarely silent together by accident, so
	 * less time is enough for them.
	 */
	RELOAD_STAND_IN_MS = 5000,
	RELOAD_STAND_IN_SEVERAL_MS = 2000
};

/*
 * reload_route_stand_in() may change d, the decision to forward a Fetch or Stat with this Destination List, which came over `from`; it returns
 * whether it did.
 *
 * The arc is the part of the ring between the Resource-ID and this node.  In it are the responsible peer and the holders of replicas before this
 * node.  A request from a peer outside of the arc was routed past all of them: that peer does not know them, or its links to them are bad.  By s10.3
 * alone this node would send the request back, and it would go round in a circle.  Instead d becomes
 *
 *	RELOAD_FORWARD, over this node's link to the first peer of the arc that acknowledges, or to the responsible peer while none does;
 *	RELOAD_DELIVER with stands_in, when all peers of the arc are silent and this node is to hold a replica.
 *
 * No message is sent to find out who is silent.  The first request goes to the responsible peer over this node's own link.  When no ACK comes, that
 * link turns bad, and a repetition of the request is answered here.
 *
 * What such an answer is worth.  A Store reaches the responsible peer from the peer before it, and its replica goes to the peer after it, which is
 * this node.  While both of these links are bad, the replica is out of date only if somebody on the other side of a partition has stored.  The
 * answer proves nothing about values that are not there.
 *
 * A peer that lies gains nothing.  Values are signed, so it could only hide one or give an old one, and any peer on the way and any responsible peer
 * can do that.  An honest peer judges by its own links alone.  The searcher still takes no answer from a peer that is farther from the
 * Resource-ID than one of its own neighbours (R-6.3.4-19).  Stores are answered by the responsible peer alone.
 */
bool reload_route_stand_in(const struct reload_route *route, const struct reload_connection *from,
	struct span destination_list, reload_ms now, struct reload_decision *d);
