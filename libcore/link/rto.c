#include "link/rto.h"

enum {
	GRANULARITY_US = 1000,
	MS_IN_US = 1000
};

void reload_rto_init(struct reload_rto *r, uint32_t floor_ms)
{
	*r = (struct reload_rto){ .floor_ms = floor_ms ? floor_ms : RELOAD_RTO_FLOOR_MS };
}

void reload_rto_sample(struct reload_rto *r, reload_ms rtt_ms)
{
	/* what is above the cap changes nothing but could overflow */
	uint64_t rtt = (rtt_ms < RELOAD_RTO_CAP_MS ? rtt_ms : RELOAD_RTO_CAP_MS) * MS_IN_US;
	if (!r->sampled) {
		r->srtt_us = rtt;
		r->rttvar_us = rtt / 2;
		r->sampled = true;
		return;
	}
	uint64_t off = r->srtt_us > rtt ? r->srtt_us - rtt : rtt - r->srtt_us;
	r->rttvar_us = (3 * r->rttvar_us + off) / 4;
	r->srtt_us = (7 * r->srtt_us + rtt) / 8;
}

reload_ms reload_rto_ms(const struct reload_rto *r)
{
	if (!r->sampled)
		return RELOAD_RTO_INITIAL_MS;
	uint64_t var = 4 * r->rttvar_us;
	uint64_t us = r->srtt_us + (var > GRANULARITY_US ? var : GRANULARITY_US);
	reload_ms ms = (us + MS_IN_US - 1) / MS_IN_US;
	if (ms < r->floor_ms)
		return r->floor_ms;
	return ms < RELOAD_RTO_CAP_MS ? ms : RELOAD_RTO_CAP_MS;
}

void reload_health_sent(struct reload_link_health *h, reload_ms now)
{
	if (!h->waiting)
		h->since = now;
	h->waiting = true;
}

bool reload_health_acked(struct reload_link_health *h, reload_ms now, bool all)
{
	bool again = h->bad;
	h->waiting = !all;
	h->since = now;
	h->bad = false;
	return again;
}

bool reload_health_slow(const struct reload_link_health *h, const struct reload_rto *rto,
	reload_ms now, reload_ms *at)
{
	reload_ms ms = reload_rto_ms(rto);
	*at = h->waiting ? h->since + ms - ms / 4 : RELOAD_NEVER;
	return now >= *at;
}

enum reload_health reload_health_check(
	struct reload_link_health *h, const struct reload_rto *rto, reload_ms now, reload_ms *next)
{
	*next = RELOAD_NEVER;
	if (!h->waiting)
		return RELOAD_HEALTH_GOOD;
	reload_ms late = h->since + reload_rto_ms(rto), lost = late + RELOAD_LINK_LOST_MS;
	if (now >= lost)
		return RELOAD_HEALTH_LOST;
	if (now >= late)
		h->bad = true;
	*next = h->bad ? lost : late;
	return h->bad ? RELOAD_HEALTH_BAD : RELOAD_HEALTH_GOOD;
}
