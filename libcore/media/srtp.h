/* SRTP and SRTCP (RFC 3711) with AES-128 in counter mode and HMAC-SHA1-80, of one session, by libsrtp. */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_SRTP_KEY = 30,    /* bytes: master key and salt */
	RELOAD_SRTP_ROOM = 160,  /* bytes that a packet may become longer */
	RELOAD_SRTP_SOURCES = 16 /* of the other end; packets of more are not taken */
};

struct reload_srtp;

/* reload_srtp_new() makes both directions (owned); NULL when libsrtp refuses.  The keys are copied. */
struct reload_srtp *reload_srtp_new(
	const uint8_t own[RELOAD_SRTP_KEY], const uint8_t other[RELOAD_SRTP_KEY]);
void reload_srtp_free(struct reload_srtp *s);

/*
 * reload_srtp_protect() encrypts a packet of len bytes in place, in a buffer with RELOAD_SRTP_ROOM more, aligned to 4 bytes; reload_srtp_unprotect() checks and
 * decrypts one.  Both return its new length; 0: it is forged, was there before, or is too short.
 */
size_t reload_srtp_protect(struct reload_srtp *s, void *packet, size_t len, bool rtcp);
size_t reload_srtp_unprotect(struct reload_srtp *s, void *packet, size_t len, bool rtcp);
