/*
 * A jitter buffer: puts packets of one source into order and says which are lost.  It holds RELOAD_JITTER_PACKETS at most and no clock: a packet is given up
 * when `depth` others wait behind its place.
 */
#pragma once

#include "media/rtp.h"

enum {
	RELOAD_JITTER_PACKETS = 64,
	RELOAD_JITTER_DEPTH = 5, /* packets: 100 ms */
	RELOAD_JITTER_BYTES = 1500
};

struct reload_jitter_slot {
	bool used;
	struct reload_rtp p; /* its payload is in bytes */
	uint8_t bytes[RELOAD_JITTER_BYTES];
};

/* Zero in the beginning; 100 kB. */
struct reload_jitter {
	bool begun;
	uint16_t next; /* the sequence number that comes out next */
	size_t count;  /* of slots that are used */
	struct reload_jitter_slot slots[RELOAD_JITTER_PACKETS];
};

enum reload_jitter_step {
	RELOAD_JITTER_WAITS,
	RELOAD_JITTER_PLAY,
	RELOAD_JITTER_LOST /* the next is a gap of one packet */
};

/* What became of a packet. */
enum reload_jitter_put {
	RELOAD_JITTER_KEPT,
	RELOAD_JITTER_DROPPED, /* too late, there already, or too large */
	RELOAD_JITTER_FAR /* so far ahead that there is no room: take out what is there, reset, and put it again */
};

/* reload_jitter_put() keeps a copy of a packet. */
enum reload_jitter_put reload_jitter_put(struct reload_jitter *j, const struct reload_rtp *p);

/* reload_jitter_next() takes the next out; a packet's payload stays until the next call of put.  depth 0: nothing is waited for any more. */
enum reload_jitter_step reload_jitter_next(
	struct reload_jitter *j, struct reload_rtp *out, size_t depth);

/* reload_jitter_reset() empties it: the next packet may be of another source. */
void reload_jitter_reset(struct reload_jitter *j);
