/* RTP (RFC 3550): packets, and what a receiver counts of them. */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_RTP_HEADER = 12,
	RELOAD_RTP_PCMU = 0, /* payload types (RFC 3551 s6) */
	RELOAD_RTP_PCMA = 8,
	RELOAD_RTP_RATE = 8000, /* samples a second of audio here */
	RELOAD_RTP_FRAME = 160, /* samples of a packet: 20 ms */
	RELOAD_RTP_NO_TYPE = 255
};

#define RELOAD_RTP_UNTIMED UINT64_MAX

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
	uint64_t received, of_source; /* of the present source alone */
	uint64_t lost_before;         /* of the sources before it */
	bool begun, timed;            /* timed: transit is known */
	uint32_t ssrc;
	uint32_t first, highest; /* sequence numbers, extended by how often they began again */
	int64_t transit;         /* of the last packet, in samples */
	double jitter;           /* in samples (RFC 3550 s6.4.1) */
};

/*
 * reload_rtp_count() counts a packet that arrived at `arrival`, a time in samples of a clock of this host.  A new source
 * begins anew, keeping `received`.  False for one whose sequence number is far from those before (RFC 3550 A.1): it is not to be played.
 * RELOAD_RTP_UNTIMED for one whose timestamp says nothing of when it was sent.
 */
bool reload_rtp_count(struct reload_rtp_stats *s, const struct reload_rtp *p, uint64_t arrival);

/* What a packet on a media socket is, by its first bytes (RFC 7983, RFC 5761 s4). */
enum reload_media_packet {
	RELOAD_MEDIA_OTHER,
	RELOAD_MEDIA_STUN,
	RELOAD_MEDIA_DTLS,
	RELOAD_MEDIA_RTP,
	RELOAD_MEDIA_RTCP
};

/* reload_media_packet() returns what a packet is; that it is well-formed is not looked at. */
enum reload_media_packet reload_media_packet(struct span packet);

/* reload_rtp_lost() returns how many packets have not come, between the first and the last of each source. */
uint64_t reload_rtp_lost(const struct reload_rtp_stats *s);
