/*
 * How much work strangers may cause: TLS and DTLS handshakes, of which each costs about a millisecond of the loop before anything
 * is known of the other end, and answers of the STUN server.  A token bucket for all addresses and one for each (IPv6: each
 * /64 network).  Pure.
 */
#pragma once

#include "util/clock.h"
#include "wire/destination.h"

enum {
	RELOAD_ADMISSION_ADDRESSES = 256 /* remembered; the one that was quiet longest makes room */
};

struct reload_admission_bucket {
	uint8_t address[16]; /* IPv4: four bytes and zeros; IPv6: eight bytes and zeros */
	uint8_t type;        /* enum reload_address_type, 0: free */
	uint64_t tokens;     /* thousandths of one admission */
	reload_ms since;
};

struct reload_admission {
	unsigned rate, rate_all; /* a second, of one address and of all; twice as many at once */
	struct reload_admission_bucket all, at[RELOAD_ADMISSION_ADDRESSES];
};

/* reload_admission_init() begins with full buckets. */
void reload_admission_init(
	struct reload_admission *a, unsigned rate, unsigned rate_all, reload_ms now);

/* reload_admission_take() returns whether what peer asks for may be done, and counts it when it may. */
bool reload_admission_take(
	struct reload_admission *a, const struct reload_ip_port *peer, reload_ms now);

/* reload_admission_same() returns whether two addresses count as one. */
bool reload_admission_same(const struct reload_ip_port *a, const struct reload_ip_port *b);
