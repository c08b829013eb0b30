/* DTMF digits as events in RTP (RFC 4733): 0 to 9, *, #, A to D. */
#pragma once

#include "media/rtp.h"

enum {
	RELOAD_DTMF_PAYLOAD = 4,
	RELOAD_DTMF_DIGITS_MAX = 64 /* that are sent with a call */
};

/* reload_dtmf_valid() returns whether text has digits alone, 1 to RELOAD_DTMF_DIGITS_MAX; a to d are legal. */
bool reload_dtmf_valid(const char *text);

/* What is sent; digits is borrowed, all else zero in the beginning. */
struct reload_dtmf_sender {
	const char *digits; /* those that are left; NULL: none */
	unsigned frame;     /* of the present digit and of the pause after it */
	uint32_t timestamp; /* when it began */
};

/*
 * reload_dtmf_send() is called once for each frame of `samples` samples at a timestamp.  True: in place of audio that event is sent, with *from as
 * timestamp and *marker.  A digit lasts five frames, its end is sent three times (RFC 4733 s2.5.1.4), then there are three frames of audio.
 */
bool reload_dtmf_send(struct reload_dtmf_sender *s, uint8_t event[RELOAD_DTMF_PAYLOAD],
	uint32_t *from, bool *marker, uint32_t timestamp, unsigned samples);

/* What is received; zero in the beginning. */
struct reload_dtmf_receiver {
	bool begun;
	uint32_t timestamp; /* of the last event, or of its last part */
	uint16_t duration;  /* of it, as far as it is known */
	uint8_t event;
};

/*
 * reload_dtmf_take() returns the digit that begins with an event packet, once for each, whichever of its packets arrives first; 0: another packet of one
 * that was taken, an old one, or an event that is no digit.
 */
char reload_dtmf_take(struct reload_dtmf_receiver *r, const struct reload_rtp *p);
