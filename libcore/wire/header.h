/* The forwarding header (RFC 6940 s6.3.2).  Lists stay spans: a forwarder looks at the first entries only. */
#pragma once

#include "wire/destination.h"

enum {
	RELOAD_HEADER_FIXED = 38
};

struct reload_header {
	uint32_t relo_token, overlay;
	uint16_t configuration_sequence;
	uint8_t version, ttl;
	uint32_t fragment, length;
	uint64_t transaction_id;
	uint32_t max_response_length;
	struct span via_list, destination_list, options; /* wire bytes of the three lists */
};

struct reload_option {
	uint8_t type, flags;
	struct span value;
};

extern const struct wire_type reload_header_wire, reload_option_wire;

/*
 * reload_header_size() is 38 plus the three lists.
 */
static inline size_t reload_header_size(const struct reload_header *h)
{
	return RELOAD_HEADER_FIXED + h->via_list.len + h->destination_list.len + h->options.len;
}

/*
 * reload_header_peek() reads the fields in front of the lists, for a reader who wants to know how long the header and the message
 * are: the lists of out have their length, but no bytes.  RELOAD_NOT_RELOAD for a wrong relo_token, RELOAD_SHORT below
 * RELOAD_HEADER_FIXED bytes, RELOAD_BAD_VALUE for a message length below that.
 */
enum reload_err reload_header_peek(struct reload_header *out, struct span bytes) MUST_CHECK;

/* Where and why a header is broken; reason "": it is not. */
struct reload_break {
	size_t offset; /* from the beginning of the header */
	char reason[160];
};

/*
 * reload_header_part() returns (owned) the fields of the header that bytes begin with, up to the first that is missing
 * or invalid, in the form of reload_wire_json(); of a broken list the entries that are whole and the rest as hex
 * digits. *at has a reason exactly when reload_header_read() (wire/message.h) refuses the header.
 */
json_t *reload_header_part(struct reload_break *at, struct span bytes, const struct wire_ctx *ctx);

/* reload_option_next() reads the next option of a header's options; false at the end or when r fails. */
bool reload_option_next(struct rd *r, struct reload_option *out);

/* reload_options_have() returns whether one of a header's options has the flag. */
bool reload_options_have(struct span options, uint8_t flag);

/* reload_overlay_hash() is the overlay field: the last four bytes of SHA-1 over the overlay name (HDR-03). */
uint32_t reload_overlay_hash(const char *overlay_name);
