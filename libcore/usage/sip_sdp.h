/*
 * Session descriptions (RFC 4566) of one audio stream, offered and answered (RFC 3264), with ICE (RFC 8839) and DTLS-SRTP (RFC 5763),
 * which is offered in RTP/AVP so that who knows nothing of it answers all the same.
 */
#pragma once

#include "media/codec.h"
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
	RELOAD_SDP_WORD = 24,
	RELOAD_SDP_CANDIDATES_MAX = 25,
	RELOAD_SDP_FOUNDATION = 33, /* with a NUL, as the next two */
	RELOAD_SDP_UFRAG = 257,
	RELOAD_SDP_FINGERPRINT = 32 /* bytes: SHA-256 */
};

enum reload_sdp_candidate_type {
	RELOAD_SDP_HOST,
	RELOAD_SDP_SRFLX,
	RELOAD_SDP_PRFLX,
	RELOAD_SDP_RELAY
};

#define RELOAD_SDP_CANDIDATE_TYPES "host srflx prflx relay" /* their names, in that order */

/* A candidate of component 1 over UDP. */
struct reload_sdp_candidate {
	enum reload_sdp_candidate_type type;
	char foundation[RELOAD_SDP_FOUNDATION];
	uint32_t priority;
	struct reload_ip_port at, related; /* related: type 0, there is none */
};

struct reload_sdp_ice {
	char ufrag[RELOAD_SDP_UFRAG], password[RELOAD_SDP_UFRAG]; /* ufrag "": no ICE */
	size_t count;
	struct reload_sdp_candidate candidates[RELOAD_SDP_CANDIDATES_MAX];
};

/* Which end of the DTLS handshake a description's writer is (RFC 5763 s5). */
enum reload_sdp_setup {
	RELOAD_SDP_NO_SETUP, /* not said, or holdconn */
	RELOAD_SDP_ACTPASS,
	RELOAD_SDP_ACTIVE,
	RELOAD_SDP_PASSIVE
};

struct reload_sdp_dtls {
	bool has; /* a fingerprint by SHA-256: */
	uint8_t fingerprint[RELOAD_SDP_FINGERPRINT];
	enum reload_sdp_setup setup;
};

/* What is read of one: its first audio stream that is not refused. */
struct reload_sdp_audio {
	struct reload_ip_port at;   /* all zero: nowhere, as 0.0.0.0 holds a call (RFC 3264 s8.4) */
	struct reload_ip_port rtcp; /* as rtcp_mux; all zero: nowhere */
	bool rtcp_mux;              /* RTCP goes where RTP goes (RFC 5761) */
	enum reload_codec_type codec; /* the first of ours that it has, and its payload type */
	uint8_t payload_type;
	uint8_t dtmf_type;  /* of telephone-event at the clock of the codec; RELOAD_RTP_NO_TYPE */
	unsigned direction; /* enum reload_sdp_direction */
	bool secure;        /* its transport has SRTP alone: UDP/TLS/RTP/SAVP and SAVPF */
	struct reload_sdp_dtls dtls;
	struct reload_sdp_ice
		ice; /* empty also when its candidates do not have the address of the stream (RFC 8839 s4.2.5) */
	size_t index; /* of its m= line */
	size_t streams; /* m= lines in all: an answer has as many; 0: it offers none, and all else is empty (RFC 3264 s5) */
	char types[RELOAD_SDP_STREAMS_MAX][RELOAD_SDP_WORD],
		protos[RELOAD_SDP_STREAMS_MAX][RELOAD_SDP_WORD]; /* of them */
};

/*
 * reload_sdp_read() reads a description: RELOAD_BAD_VALUE for one that cannot be read, RELOAD_NO_VALUE when no stream of it can be
 * used: another transport, SRTP without a fingerprint by SHA-256, no codec of ours, a host name.
 */
enum reload_err reload_sdp_read(struct reload_sdp_audio *out, struct span text) MUST_CHECK;

/* What an end writes of itself. */
struct reload_sdp_own {
	struct reload_ip_port at;
	unsigned version;             /* grows with each of a call */
	enum reload_codec_type first; /* the codec that an offer has first */
	/* borrowed; NULL: no encryption.  Its setup is written in an answer; none: that of reload_sdp_setup_answer() */
	const struct reload_sdp_dtls *dtls;
	const struct reload_sdp_ice *ice; /* borrowed; NULL: none */
	bool none; /* no stream is offered, and none taken: no other member but version and silent is used */
	bool silent; /* with none, a stream is offered in which nobody sends, for who refuses an offer of none */
	bool strict; /* with dtls, an offer is for UDP/TLS/RTP/SAVPF, not RTP/AVP: who does not encrypt refuses it */
};

/* reload_sdp_offer() appends an offer of all codecs, in that direction. */
void reload_sdp_offer(
	struct wr *w, const struct reload_sdp_own *own, enum reload_sdp_direction direction);

/*
 * reload_sdp_answer() appends the answer to an offer: its other streams are refused, and the direction is turned around.  ICE and a fingerprint are
 * written when both ends have them.
 */
void reload_sdp_answer(
	struct wr *w, const struct reload_sdp_own *own, const struct reload_sdp_audio *offer);

/* reload_sdp_setup_answer() returns which end of the handshake the answer to an offer takes: passive to active, else active. */
enum reload_sdp_setup reload_sdp_setup_answer(enum reload_sdp_setup offered);
