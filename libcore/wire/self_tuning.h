/* What a peer of CHORD-SELF-TUNING tells others of its estimates, in a message extension of Probe (RFC 7363 s6.5). */
#pragma once

#include "wire/schema.h"

enum {
	RELOAD_SELF_TUNING_LEN = 12
};

/* The estimates of its sender: peers in the overlay; joins of the overlay and failures per peer in 24 hours, rounded up. */
struct reload_self_tuning {
	uint32_t network_size, join_rate, leave_rate;
};

extern const struct wire_type reload_self_tuning_wire;
