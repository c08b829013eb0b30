/*
 * Which connected peers serve this node as STUN servers (RFC 6940 s6.5.1.4).  Behind several NATs the address that others see
 * depends on where they are: peers that see the same one are a group, and one of each group is asked when candidates are
 * gathered.  Pure.
 */
#pragma once

#include "util/clock.h"
#include "wire/destination.h"

enum {
	RELOAD_STUN_PEERS_MAX =
		64, /* at the maximum a new group takes the place of a member of the largest one */
	RELOAD_STUN_WAIT_MS = 200 /* for a server that did not answer the last time */
};

struct reload_stun_peer {
	uint32_t link;
	struct reload_ip_port server; /* where it answers STUN */
	struct reload_ip_port seen;   /* this node, as it sees it; type 0: not measured yet */
};

/* Zero-initialised is empty; peers are in the order in which they came. */
struct reload_stun_servers {
	struct reload_stun_peer at[RELOAD_STUN_PEERS_MAX];
	size_t count;
};

/*
 * reload_stun_servers_seen() notes that the peer at the other end of link, which answers STUN at server, sees this node at
 * the address `seen`, NULL: not known yet.  The port says nothing of a group: some NATs give one to each destination.
 * False: there is no room, and its group has members already.
 */
bool reload_stun_servers_seen(struct reload_stun_servers *s, uint32_t link,
	const struct reload_ip_port *server, const struct reload_ip_port *seen);

/* reload_stun_servers_lost() takes out the peer of a link that is lost; another one of its group, if there is one, follows it. */
void reload_stun_servers_lost(struct reload_stun_servers *s, uint32_t link);

/*
 * reload_stun_servers_choose() fills out with one server of each group, at most max, and returns their number: of a group the
 * peer that came first, and groups in that order, with peers of which nothing is known behind all others.
 */
size_t reload_stun_servers_choose(
	const struct reload_stun_servers *s, struct reload_ip_port *out, size_t max);

/*
 * reload_stun_wait() returns for how many milliseconds a server whose answer took rtt the last time (0: there was none) is waited for while
 * candidates are gathered.  Those of this host are there at once, and two hosts of one network need no others, so a server that has gone is
 * not to cost them a second; nor is one lost datagram to cost the reflexive candidate: an answer to each of three requests, after 0, a quarter
 * and three quarters of the time, comes before its end.
 */
reload_ms reload_stun_wait(reload_ms rtt);
