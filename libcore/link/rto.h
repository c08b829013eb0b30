/* When an answer on a link is late: the estimator of RFC 6298, and the health of a link without retransmission.  Pure. */
#pragma once

#include "util/clock.h"

enum {
	RELOAD_RTO_INITIAL_MS = 500, /* LINK-06 */
	RELOAD_RTO_FLOOR_MS = 20,
	RELOAD_RTO_CAP_MS = 60 * RELOAD_SECOND,
	RELOAD_LINK_LOST_MS = 30 * RELOAD_SECOND /* R-6.6.5-04 */
};

struct reload_rto {
	uint64_t srtt_us, rttvar_us;
	bool sampled;
	uint32_t floor_ms;
};

/* reload_rto_init() starts without a sample; floor_ms 0 means RELOAD_RTO_FLOOR_MS. */
void reload_rto_init(struct reload_rto *r, uint32_t floor_ms);

/* reload_rto_sample() takes one measured round trip (RFC 6298 s2.2, s2.3; granularity 1 ms). */
void reload_rto_sample(struct reload_rto *r, reload_ms rtt_ms);

/* reload_rto_ms() returns the timeout, rounded up to the millisecond (R-6.6.3.1-04). */
reload_ms reload_rto_ms(const struct reload_rto *r);

/*
 * The health of a TLS link (RFC 6940 s6.6.5, LINK-09).  It waits while a DATA frame is unacknowledged; an RTO without an
 * ACK makes it bad, an ACK good again, and 30 s of being bad lost.  Zero-initialised: nothing sent yet.
 */
enum reload_health {
	RELOAD_HEALTH_GOOD,
	RELOAD_HEALTH_BAD,
	RELOAD_HEALTH_LOST
};

struct reload_link_health {
	reload_ms since; /* the wait began, or the last ACK came */
	bool waiting, bad;
};

/* reload_health_sent() notes that a DATA frame was sent. */
void reload_health_sent(struct reload_link_health *h, reload_ms now);

/* reload_health_acked() notes that an ACK came, with all frames acknowledged or some not; true: it is good again. */
bool reload_health_acked(struct reload_link_health *h, reload_ms now, bool all);

/*
 * reload_health_slow() returns whether an ACK that is waited for has not come for three quarters of an RTO; *at is when that
 * is so, RELOAD_NEVER while nothing is waited for.  Until then an ACK may lie unread: the link is not late, and the sample
 * that is missed would not raise the RTO.
 */
bool reload_health_slow(const struct reload_link_health *h, const struct reload_rto *rto,
	reload_ms now, reload_ms *at);

/*
 * reload_health_check() returns the health at now and when to look again, RELOAD_NEVER while nothing is waited for: an
 * idle link needs no timer.
 */
enum reload_health reload_health_check(
	struct reload_link_health *h, const struct reload_rto *rto, reload_ms now, reload_ms *next);
