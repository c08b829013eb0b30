/* Where a SIP message is sent to, or came from. */
#pragma once

#include "wire/destination.h"

enum reload_sip_transport {
	RELOAD_SIP_UDP,
	RELOAD_SIP_TCP,
	RELOAD_SIP_TLS,
	RELOAD_SIP_OVERLAY /* a connection that AppAttach made (RFC 7904 s5.1) */
};

struct reload_sip_hop {
	uint8_t transport;            /* enum reload_sip_transport */
	uint8_t socket;               /* UDP: index of the listening socket */
	uint64_t connection;          /* 0: none, UDP; or a new one is opened to remote */
	struct reload_ip_port remote; /* not of the overlay */
};

/* reload_sip_reliable() returns whether what is sent there arrives, or the connection ends. */
static inline bool reload_sip_reliable(const struct reload_sip_hop *h)
{
	return h->transport != RELOAD_SIP_UDP;
}
