#include "link/congestion.h"

enum {
	FRAME = RELOAD_CONGESTION_FRAME,
	QUARTERS_SLOW_START = 8, /* rate of pacing over window / RTT, in quarters */
	QUARTERS = 5,
	SETTLED = 64, /* frames after a congestion event none of those before is judged any more */
	LONG_PAUSE_MS = 60 * RELOAD_SECOND /* credit is full long before */
};

void reload_congestion_init(struct reload_congestion *c, unsigned most)
{
	unsigned initial = most < RELOAD_CONGESTION_INITIAL ? most : RELOAD_CONGESTION_INITIAL;
	*c = (struct reload_congestion){ .most = most * FRAME,
		.window = initial * FRAME,
		.threshold = most * FRAME,
		.credit = RELOAD_CONGESTION_BURST * FRAME };
}

unsigned reload_congestion_frames(const struct reload_congestion *c)
{
	return c->window < FRAME ? 1 : c->window / FRAME;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* how much credit grows in 4 * srtt_us milliseconds */
static uint64_t pace_rate(const struct reload_congestion *c)
{
	uint64_t quarters = c->window < c->threshold ? QUARTERS_SLOW_START : QUARTERS;
	return quarters * c->window * RELOAD_SECOND;
}

static uint64_t credit_at(const struct reload_congestion *c, uint64_t srtt_us, reload_ms now)
{
	uint64_t full = RELOAD_CONGESTION_BURST * FRAME;
	if (!srtt_us)
		return full;
	uint64_t two_ms = 2 * pace_rate(c) / (4 * srtt_us); /* the clock and timers are coarse */
	uint64_t pause = now > c->paced ? least(now - c->paced, LONG_PAUSE_MS) : 0;
	uint64_t credit = c->credit + pause * pace_rate(c) / (4 * srtt_us);
	return least(credit, two_ms > full ? two_ms : full);
}

reload_ms reload_congestion_pace(const struct reload_congestion *c, uint64_t srtt_us, reload_ms now)
{
	if (credit_at(c, srtt_us, now) >= FRAME)
		return now;
	uint64_t rate = pace_rate(c);
	return c->paced + ((FRAME - c->credit) * 4 * srtt_us + rate - 1) / rate;
}

void reload_congestion_sent(struct reload_congestion *c, uint64_t srtt_us, reload_ms now)
{
	uint64_t credit = credit_at(c, srtt_us, now);
	c->credit = credit - least(credit, FRAME);
	c->paced = now;
}

/* whether the frame was sent before the last congestion event */
static bool before_event(const struct reload_congestion *c, uint32_t sequence)
{
	return c->reduced && (int32_t)(sequence - c->recovery) < 0;
}

void reload_congestion_acked(struct reload_congestion *c, uint32_t sequence)
{
	if (before_event(c, sequence))
		return;
	if (c->reduced && sequence - c->recovery >= SETTLED)
		c->reduced = false; /* or it would say something else when numbers have wrapped */
	if (!c->limited)
		return;
	c->window += c->window < c->threshold ? FRAME : FRAME * FRAME / c->window;
	c->window = (uint32_t)least(c->window, c->most);
}

static void event(struct reload_congestion *c, uint32_t next)
{
	c->recovery = next;
	c->reduced = true;
}

/* half of it, at least RELOAD_CONGESTION_LEAST frames */
static uint32_t half(const struct reload_congestion *c, uint32_t window)
{
	uint32_t lowest = (uint32_t)least(RELOAD_CONGESTION_LEAST * FRAME, c->most);
	return window / 2 > lowest ? window / 2 : lowest;
}

void reload_congestion_lost(struct reload_congestion *c, uint32_t sequence, uint32_t next)
{
	if (before_event(c, sequence))
		return;
	c->window = c->threshold = half(c, c->window);
	event(c, next);
}

void reload_congestion_timeout(
	struct reload_congestion *c, unsigned flight, bool first, uint32_t next, reload_ms now)
{
	if (first)
		c->threshold = half(c, flight * FRAME);
	c->window = half(c, 0);
	c->credit = c->window;
	c->paced = now;
	event(c, next);
}

void reload_congestion_idle(struct reload_congestion *c)
{
	c->window = (uint32_t)least(c->window, RELOAD_CONGESTION_INITIAL * FRAME);
}
