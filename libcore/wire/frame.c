#include "wire/frame.h"

#include "wire/internal.h"

static const struct wire_name frame_types[] = {
	{ RELOAD_FRAME_DATA, "data" },
	{ RELOAD_FRAME_ACK, "ack" },
	{ 0, NULL },
};

enum {
	MESSAGE_LENGTH = 3
};

/* clang-format off */
static const struct wire_field frame_fields[] = {
	{ WIRE_INT(struct reload_frame, type), WIRE_NAMES(frame_types),
		WIRE_STRICT(RELOAD_FRAME_DATA, RELOAD_FRAME_ACK) },
	{ WIRE_INT(struct reload_frame, sequence),
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_DATA) },
	{ WIRE_BYTES(struct reload_frame, message, MESSAGE_LENGTH),
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_DATA) },
	{ WIRE_INT(struct reload_frame, ack_sequence),
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_ACK) },
	{ WIRE_INT(struct reload_frame, received), WIRE_HEX,
		WIRE_IS(struct reload_frame, type, RELOAD_FRAME_ACK) },
};
/* clang-format on */
const struct wire_type reload_frame_wire =
	WIRE_TYPE(struct reload_frame, "FramedMessage", frame_fields);

const char *reload_frame_name(uint8_t type)
{
	for (const struct wire_name *n = frame_types; n->name; n++)
		if (n->value == type)
			return n->name;
	return NULL;
}

enum reload_err reload_frame_peek(struct reload_frame *out, size_t *size, struct span bytes)
{
	struct rd r = rd_of(bytes);
	*out = (struct reload_frame){ .type = rd_u8(&r) };
	*size = sizeof(out->type);
	if (r.err)
		return r.err;
	if (out->type == RELOAD_FRAME_ACK) {
		*size = RELOAD_FRAME_ACK_SIZE;
		out->ack_sequence = rd_u32(&r);
		out->received = rd_u32(&r);
		return r.err;
	}
	if (out->type != RELOAD_FRAME_DATA)
		return RELOAD_UNKNOWN_TYPE;
	*size = RELOAD_FRAME_DATA_HEAD;
	out->sequence = rd_u32(&r);
	size_t length = (size_t)rd_int(&r, MESSAGE_LENGTH);
	if (r.err)
		return r.err;
	*size += length;
	out->message = rd_span(&r, rd_left(&r) < length ? rd_left(&r) : length);
	return RELOAD_OK;
}
