#include "wire/frame.h"

#include "wire/internal.h"

static const struct wire_name frame_types[] = {
	{ RELOAD_FRAME_DATA, "data" },
	{ RELOAD_FRAME_ACK, "ack" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field frame_fields[] = {
	{ WIRE_INT(struct reload_frame, type), WIRE_NAMES(frame_types),
		WIRE_STRICT(RELOAD_FRAME_DATA, RELOAD_FRAME_ACK) },
	{ WIRE_INT(struct reload_frame, sequence),
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_DATA) },
	{ WIRE_BYTES(struct reload_frame, message, 3),
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_DATA) },
	{ WIRE_INT(struct reload_frame, ack_sequence),
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_ACK) },
	{ WIRE_INT(struct reload_frame, received), WIRE_HEX,
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_ACK) },
};
/* clang-format on */
const struct wire_type reload_frame_wire =
	WIRE_TYPE(struct reload_frame, "FramedMessage", frame_fields);
