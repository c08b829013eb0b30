/* Session descriptions (RFC 4566) of one audio stream, offered and answered (RFC 3264). */
#pragma once

#include "util/bytes.h"
#include "wire/destination.h"

enum sdp_direction {
	SDP_INACTIVE = 0,
	SDP_SENDONLY = 1, /* as seen by who wrote it */
	SDP_RECVONLY = 2,
	SDP_SENDRECV = 3
};

enum {
	SDP_STREAMS_MAX = 8,
	SDP_WORD = 16
};

/* What is read of one: its first audio stream that is not refused. */
struct sdp_audio {
	struct reload_ip_port at;
	uint8_t payload_type; /* the first of PCMU and PCMA that it has */
	unsigned direction;   /* enum sdp_direction */
	size_t index;         /* of its m= line */
	size_t streams;       /* m= lines in all: an answer has as many */
	char types[SDP_STREAMS_MAX][SDP_WORD], protos[SDP_STREAMS_MAX][SDP_WORD]; /* of them */
};

/*
 * sdp_read() reads a description: RELOAD_BAD_VALUE for one that cannot be read, RELOAD_NO_VALUE when no stream of it can be
 * used: another transport than RTP/AVP, no codec of ours, a host name.
 */
enum reload_err sdp_read(struct sdp_audio *out, struct span text) MUST_CHECK;

/* sdp_offer() appends an offer of PCMU and PCMA at that address, in that direction; version grows with each of a call. */
void sdp_offer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	enum sdp_direction direction);

/* sdp_answer() appends the answer to an offer: its other streams are refused, and the direction is turned around. */
void sdp_answer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	const struct sdp_audio *offer);
