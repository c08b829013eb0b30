/* Who answers for a peer that has fallen silent: a request that was passed on behind the responsible peer (RFC 6940 s10.3, s10.4). */
#pragma once

#include "route/decide.h"

enum {
	/*
	 * For so long nothing comes from a peer, and no ACK, until another one answers in its stead.  A link that loses every fifth packet is bad for
	 * up to three seconds at a time, and what is stored reaches the replicas as late.  When two peers are silent that is no accident so soon.
	 */
	RELOAD_STAND_IN_MS = 5000,
	RELOAD_STAND_IN_SEVERAL_MS = 2000
};

/*
 * reload_route_stand_in() looks at a Fetch or Stat that came over from, and that d, made of its Destination List, would forward; it returns whether
 * it has changed d.  It does when from lies outside of the arc between the Resource-ID and this node: whoever routes it here either does not know
 * the peers of that arc, which are the responsible one and the holders before this one, or its links to them are bad.  By s10.3 alone it would be
 * sent back, and round in a circle.  Now d is
 *
 *	RELOAD_FORWARD, over the link to the first peer of the arc that acknowledges, or to the responsible one while none does;
 *	RELOAD_DELIVER with stands_in, when all of the arc have been silent for that long and this node is to hold a replica.
 *
 * No message is sent to find out: the first request that is passed over goes to the responsible peer by the link of this node, and its missing ACK is
 * the doubt; a repetition of the request is answered.
 *
 * What such an answer is worth: what is stored comes to the responsible peer from the peer before it, and goes on to the peer behind it, which
 * is this one.  While both of these links are bad a replica is behind only when somebody on the other side of a parted network stored.  It says
 * nothing about what is not there.  A peer that lies gains nothing: values are signed, so it could hide one or give an old one, as can any peer on the
 * way, and any responsible one; an honest peer believes nobody but its own links; and the searcher still takes an answer from nobody who is
 * farther from the Resource-ID than one of its own neighbours (R-6.3.4-19).  Stores are for the responsible peer alone.
 */
bool reload_route_stand_in(const struct reload_route *route, const struct reload_connection *from,
	struct span destination_list, reload_ms now, struct reload_decision *d);
