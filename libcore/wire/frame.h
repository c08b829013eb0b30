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

/* reload_frame_name() returns the name of a frame type, NULL when no frame begins with that byte. */
const char *reload_frame_name(uint8_t type);

/*
 * reload_frame_peek() reads the head of the frame that bytes begin with; the rest of the frame may be missing.  *size is the
 * size of the whole frame, and out->message borrows those bytes of the message that are there.  RELOAD_SHORT when the head
 * is incomplete: *size is then how many bytes it has.  RELOAD_UNKNOWN_TYPE when no frame begins so.
 */
enum reload_err reload_frame_peek(
	struct reload_frame *out, size_t *size, struct span bytes) MUST_CHECK;
