/*
 * How many frames a sender may have in flight and how fast they may leave: the congestion control of RFC 9002 s7 (NewReno on packet
 * numbers that are never used twice), which satisfies RFC 8085 s3.1.1.  Counts frames, not bytes: a frame is one datagram.  Pure.
 *
 * The window starts with RELOAD_CONGESTION_INITIAL frames and grows by one frame for each one acknowledged (slow start) until the first
 * loss, then by one frame a round trip.  A loss halves it, once for all frames sent before the loss was noticed; a timeout sets it to
 * RELOAD_CONGESTION_LEAST frames (RFC 9002 s7.6.2).  It grows only while it is what limits the sender.  After a pause of one RTO no more than the initial window
 * is left of it (RFC 5681 s4.1).
 *
 * Pacing spreads the frames of a window over the round trip (RFC 9002 s7.7): frames leave at the rate window / RTT, times 2 in slow
 * start and 1.25 later; up to RELOAD_CONGESTION_BURST leave at once after a pause.
 */
#pragma once

#include "util/clock.h"

enum {
	RELOAD_CONGESTION_FRAME = 1000, /* unit of windows and credits: a thousandth of a frame */
	RELOAD_CONGESTION_INITIAL = 10, /* frames, RFC 9002 s7.2 and RFC 6928 */
	RELOAD_CONGESTION_LEAST = 2,    /* frames, RFC 9002 s7.2 */
	RELOAD_CONGESTION_BURST = 4     /* frames */
};

struct reload_congestion {
	uint32_t most; /* the window never grows above it; thousandths, like the next four */
	uint32_t window, threshold; /* slow start ends at the threshold */
	uint64_t credit;            /* what may leave without waiting, at the time `paced` */
	reload_ms paced;
	uint32_t
		recovery; /* losses of frames with sequence numbers below are part of the last congestion event */
	bool reduced; /* there was one: recovery is valid */
	bool limited; /* the window or the pacing holds frames back: it may grow */
};

/* reload_congestion_init() starts a connection that never has more than most frames in flight. */
void reload_congestion_init(struct reload_congestion *c, unsigned most);

/* reload_congestion_frames() returns the window in whole frames, at least 1. */
unsigned reload_congestion_frames(const struct reload_congestion *c);

/*
 * reload_congestion_pace() returns when pacing lets the next frame leave: a time at or before now is at once.  srtt_us is
 * the smoothed round trip in microseconds, 0 when it is below the granularity of the clock, which ends pacing.
 *
 * reload_congestion_sent() spends the credit of one frame that leaves now.
 */
reload_ms reload_congestion_pace(
	const struct reload_congestion *c, uint64_t srtt_us, reload_ms now);
void reload_congestion_sent(struct reload_congestion *c, uint64_t srtt_us, reload_ms now);

/* reload_congestion_acked() lets the window grow for the frame with that sequence number. */
void reload_congestion_acked(struct reload_congestion *c, uint32_t sequence);

/* reload_congestion_lost() reduces the window for the loss of the frame sequence; next is the number the next frame will have. */
void reload_congestion_lost(struct reload_congestion *c, uint32_t sequence, uint32_t next);

/*
 * reload_congestion_timeout() reduces the window to the least, which may leave at once, because nothing was acknowledged for a whole
 * RTO.  flight is the number of frames in flight; first: it is the first timeout since an ACK.
 */
void reload_congestion_timeout(
	struct reload_congestion *c, unsigned flight, bool first, uint32_t next, reload_ms now);

/* reload_congestion_idle() notes that the connection sent nothing for one RTO. */
void reload_congestion_idle(struct reload_congestion *c);
