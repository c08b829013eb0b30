/* RTP (RFC 3550): packets, and what a receiver counts of them. */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_RTP_HEADER = 12,
	RELOAD_RTP_PCMU = 0, /* payload types (RFC 3551 s6) */
	RELOAD_RTP_PCMA = 8,
	RELOAD_RTP_RATE = 8000, /* samples a second of both */
	RELOAD_RTP_FRAME = 160, /* samples of a packet: 20 ms */
};

struct reload_rtp {
	uint8_t payload_type; /* 0 to 127 */
	bool marker;          /* the first packet after silence */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	struct span payload;
};

/*
 * reload_rtp_read() reads a packet; contributing sources, an extension and padding are left out of payload, which borrows.
 * RELOAD_BAD_VALUE for another version or a length that does not fit, also for RTCP (RFC 5761 s4).
 */
enum reload_err reload_rtp_read(struct reload_rtp *out, struct span packet) MUST_CHECK;

/* reload_rtp_write() appends a packet. */
void reload_rtp_write(struct wr *w, const struct reload_rtp *p);

/* What a receiver has counted; all zero before the first packet. */
struct reload_rtp_stats {
	uint64_t received;
	bool begun;
	uint32_t ssrc;
	uint32_t first, highest; /* sequence numbers, extended by how often they began again */
	int64_t transit;         /* of the last packet, in samples */
	double jitter;           /* in samples (RFC 3550 s6.4.1) */
};

/*
 * reload_rtp_count() counts a packet that arrived at `arrival`, a time in samples of a clock of this host.  A new source
 * begins anew, keeping `received`.  False for one whose sequence number is far from those before (RFC 3550 A.1): it is not to be played.
 */
bool reload_rtp_count(struct reload_rtp_stats *s, const struct reload_rtp *p, uint64_t arrival);

/* reload_rtp_lost() returns how many packets have not come, between the first and the last. */
uint64_t reload_rtp_lost(const struct reload_rtp_stats *s);
