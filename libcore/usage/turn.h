/* The TURN Server Usage (RFC 6940 s9): which nodes offer a TURN server, and at which address. */
#pragma once

#include "wire/destination.h"

struct reload_turn_server {
	uint8_t iteration; /* d: from 1 to turn-density */
	struct reload_ip_port server_address;
};

extern const struct wire_type reload_turn_server_wire;

/* reload_turn_name() appends the Resource Name of record number d of node: the Node-ID, then d in one byte (STO-11). */
void reload_turn_name(struct wr *w, const struct reload_id *node, uint8_t d);
