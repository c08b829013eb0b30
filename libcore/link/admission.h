/*
 * How many TLS handshakes strangers may start: each costs about a millisecond of the loop before anything is known of the other end.
 * A token bucket for all and one for each address (IPv6: each /64 network).  Pure.
 */
#pragma once

#include "util/clock.h"
#include "wire/destination.h"

enum {
	RELOAD_ADMISSION_ADDRESSES =
		256,             /* remembered; the one that was quiet longest makes room */
	RELOAD_ADMISSION_ALL = 8 /* times the rate of one address is that of all together */
};

struct reload_admission_bucket {
	uint8_t address[16]; /* IPv4: four bytes and zeros; IPv6: eight bytes and zeros */
	uint8_t type;        /* enum reload_address_type, 0: free */
	uint64_t tokens;     /* thousandths of a handshake */
	reload_ms since;
};

struct reload_admission {
	unsigned rate; /* handshakes a second of one address; twice as many at once */
	struct reload_admission_bucket all, at[RELOAD_ADMISSION_ADDRESSES];
};

/* reload_admission_init() begins with full buckets. */
void reload_admission_init(struct reload_admission *a, unsigned rate, reload_ms now);

/* reload_admission_take() tells whether a handshake from peer may begin, and counts it when it may. */
bool reload_admission_take(
	struct reload_admission *a, const struct reload_ip_port *peer, reload_ms now);

/* reload_admission_same() tells whether two addresses count as one. */
bool reload_admission_same(const struct reload_ip_port *a, const struct reload_ip_port *b);
