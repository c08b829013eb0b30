/*
 * Captures in pcapng (draft-ietf-opsawg-pcapng) with messages as exported PDUs (LINKTYPE_WIRESHARK_UPPER_PDU, 252) of the dissector
 * "reload", which Wireshark opens without a plug-in.
 */
#pragma once

#include "util/bytes.h"

enum {
	PCAPNG_SNAPLEN = 262144 /* bytes of a message and what stands before it; more are cut off */
};

/* pcapng_begin() appends the head of a capture by `program`. */
void pcapng_begin(struct wr *w, const char *program);

/* pcapng_packet() appends one message of the time ms since 1970, with a comment. */
void pcapng_packet(
	struct wr *w, uint64_t time_ms, bool incoming, struct span message, const char *comment);

/* pcapng_is() returns whether bytes begin like a capture. */
bool pcapng_is(struct span bytes);

/*
 * pcapng_messages() appends the messages of a capture to w, one behind the other; packets of other link types are passed over.  Of a capture that
 * is cut off, or no capture from some place on: RELOAD_USAGE, why with that place, and the messages before it are in w.
 */
enum reload_err pcapng_messages(
	struct wr *w, struct span capture, struct reload_error_text *why) MUST_CHECK;
