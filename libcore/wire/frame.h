/* The framing header of overlay links (RFC 6940 s6.6.2). */
#pragma once

#include "wire/schema.h"

enum {
	RELOAD_FRAME_DATA = 128,
	RELOAD_FRAME_ACK = 129,
	RELOAD_FRAME_DATA_HEAD = 8,
	RELOAD_FRAME_ACK_SIZE = 9
};

struct reload_frame {
	uint8_t type;
	uint32_t sequence;     /* DATA */
	struct span message;   /* DATA */
	uint32_t ack_sequence; /* ACK */
	uint32_t received;     /* ACK */
};

extern const struct wire_type reload_frame_wire;
