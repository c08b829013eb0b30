#include "service/internal.h"

/*
 * How often one certificate gets a connection (RFC 7904 s8.2.2): each takes a handshake here, and whoever it names may be called by all that
 * know a popular AOR which leads here.  A certificate has BURST of them at once, then one every EVERY_MS.
 *
 * Of the signers that are remembered the one that asked longest ago makes room; it would have most of its burst again.
 */

struct app_rates {
	struct {
		uint8_t signer[32];
		reload_ms full_at; /* when it has all of its burst again; 0: nobody */
	} at[RELOAD_APP_SIGNERS_MAX];
};

static size_t place_of(const struct app_rates *r, const uint8_t signer[32])
{
	size_t oldest = 0;
	for (size_t i = 0; i < RELOAD_APP_SIGNERS_MAX; i++) {
		if (r->at[i].full_at && !memcmp(r->at[i].signer, signer, 32))
			return i;
		if (r->at[i].full_at < r->at[oldest].full_at)
			oldest = i;
	}
	return oldest;
}

bool reload_app_rate_take(struct reload_apps *s, const uint8_t signer[32])
{
	reload_ms now = s->engine->now;
	if (!s->rates)
		s->rates = RELOAD_NEW(app_rates);
	size_t i = place_of(s->rates, signer);
	reload_ms full = 0;
	if (s->rates->at[i].full_at && !memcmp(s->rates->at[i].signer, signer, 32))
		full = s->rates->at[i].full_at;
	full = (full > now ? full : now) + RELOAD_APP_EVERY_MS;
	if (full > now + (reload_ms)RELOAD_APP_BURST * RELOAD_APP_EVERY_MS)
		return false;
	memcpy(s->rates->at[i].signer, signer, 32);
	s->rates->at[i].full_at = full;
	return true;
}
