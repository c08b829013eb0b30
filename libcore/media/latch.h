/*
 * From where packets of a call are taken when there is no ICE: from the address that was signalled, or once, for a device behind a NAT, from the
 * first port of the host from which its signalling comes.  Whoever else sends is not heard, from the first packet on.
 */
#pragma once

#include "wire/destination.h"

/* Zero but for the first two in the beginning. */
struct reload_latch {
	struct reload_ip_port signalled; /* in the session description */
	struct reload_ip_port
		host; /* from which the device's signalling comes; its port means nothing; type 0: not known */
	struct reload_ip_port taken; /* type 0: nothing came yet */
};

/* reload_latch_takes() returns whether a packet from there is of the call; the first that is decides for all that follow. */
bool reload_latch_takes(struct reload_latch *l, const struct reload_ip_port *from);

/* reload_latch_to() returns where packets of the call are to be sent: to where it comes from, or to where was signalled while nothing came. */
const struct reload_ip_port *reload_latch_to(const struct reload_latch *l);

/* reload_latch_signal() notes another session description: when it names another address, the next packet decides anew. */
void reload_latch_signal(struct reload_latch *l, const struct reload_ip_port *signalled);
