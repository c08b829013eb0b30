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
 * pcapng_each() calls fn(arg, start, length) for each message of a capture, in its order: length bytes from byte `start` of the capture.  Packets of
 * other link types or dissectors are skipped.  RELOAD_USAGE when a block is cut off or broken, after fn() was called for all messages before it; why
 * names the place.
 */
typedef void (*pcapng_fn)(void *arg, size_t start, size_t length);
enum reload_err pcapng_each(
	struct span capture, pcapng_fn fn, void *arg, struct reload_error_text *why) MUST_CHECK;
