/* Session descriptions (RFC 4566) of one audio stream, offered and answered (RFC 3264). */
#pragma once

#include "util/bytes.h"
#include "wire/destination.h"

enum reload_sdp_direction {
	RELOAD_SDP_INACTIVE = 0,
	RELOAD_SDP_SENDONLY = 1, /* as seen by who wrote it */
	RELOAD_SDP_RECVONLY = 2,
	RELOAD_SDP_SENDRECV = 3
};

enum {
	RELOAD_SDP_STREAMS_MAX = 8,
	RELOAD_SDP_WORD = 16
};

/* What is read of one: its first audio stream that is not refused. */
struct reload_sdp_audio {
	struct reload_ip_port at; /* all zero: nowhere, as 0.0.0.0 holds a call (RFC 3264 s8.4) */
	uint8_t payload_type;     /* the first of PCMU and PCMA that it has */
	unsigned direction;       /* enum reload_sdp_direction */
	size_t index;             /* of its m= line */
	size_t streams;           /* m= lines in all: an answer has as many */
	char types[RELOAD_SDP_STREAMS_MAX][RELOAD_SDP_WORD],
		protos[RELOAD_SDP_STREAMS_MAX][RELOAD_SDP_WORD]; /* of them */
};

/*
 * reload_sdp_read() reads a description: RELOAD_BAD_VALUE for one that cannot be read, RELOAD_NO_VALUE when no stream of it can be
 * used: another transport than RTP/AVP, no codec of ours, a host name.
 */
enum reload_err reload_sdp_read(struct reload_sdp_audio *out, struct span text) MUST_CHECK;

/* reload_sdp_offer() appends an offer of PCMU and PCMA at that address, in that direction; version grows with each of a call. */
void reload_sdp_offer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	enum reload_sdp_direction direction);

/* reload_sdp_answer() appends the answer to an offer: its other streams are refused, and the direction is turned around. */
void reload_sdp_answer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	const struct reload_sdp_audio *offer);
