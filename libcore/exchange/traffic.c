#include "exchange/traffic.h"

#include "wire/codes.h"

/* RFC 7851 s5.3 suggests both numbers. */
#define ALPHA 0.8
enum {
	PERIOD_MS = 5000,
	ERROR_AT = RELOAD_TRAFFIC_CODES,
	IDLE_PERIODS = 64 /* after so many without a byte the average is below any that is shown */
};

void reload_traffic_begin(struct reload_traffic *t, reload_ms now)
{
	t->in.began = t->out.began = now;
}

/* Ends the periods that are over: all bytes so far belong to the first of them. */
static void advance(struct reload_rate *r, reload_ms now)
{
	reload_ms over = (now - r->began) / PERIOD_MS;
	r->began += over * PERIOD_MS;
	if (over > IDLE_PERIODS)
		over = IDLE_PERIODS;
	for (; over; over--) {
		double present = (double)r->bytes * RELOAD_SECOND / PERIOD_MS;
		r->average = r->ended ? ALPHA * present + (1 - ALPHA) * r->average : present;
		r->ended = true;
		r->bytes = 0;
	}
}

static void count(uint64_t *by_code, uint64_t *bytes_by_code, uint16_t code, size_t bytes)
{
	size_t at = code == RELOAD_ERROR ? ERROR_AT : code < RELOAD_TRAFFIC_CODES ? code : 0;
	by_code[at] += at > 0;
	bytes_by_code[at] += bytes;
}

void reload_traffic_sent(struct reload_traffic *t, uint16_t code, size_t bytes, reload_ms now)
{
	advance(&t->out, now);
	t->out.bytes += bytes;
	count(t->sent, t->sent_bytes, code, bytes);
}

void reload_traffic_received(struct reload_traffic *t, uint16_t code, size_t bytes, reload_ms now)
{
	advance(&t->in, now);
	t->in.bytes += bytes;
	count(t->received, t->received_bytes, code, bytes);
}

size_t reload_traffic_counts(
	const struct reload_traffic *t, struct reload_traffic_count *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i <= ERROR_AT && n < max; i++)
		if (t->sent_bytes[i] || t->received_bytes[i])
			out[n++] = (struct reload_traffic_count){
				i == ERROR_AT ? RELOAD_ERROR : (uint16_t)i, t->sent[i],
				t->received[i], t->sent_bytes[i], t->received_bytes[i]
			};
	return n;
}

uint32_t reload_rate_now(struct reload_rate *r, reload_ms now)
{
	advance(r, now);
	double rounded = r->average + 0.5;
	return rounded >= UINT32_MAX ? UINT32_MAX : (uint32_t)rounded;
}
