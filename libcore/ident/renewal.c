#include "ident/renewal.h"

/* A part of span: drawn of 2^32. */
static reload_ms part(reload_ms span, uint32_t drawn)
{
	return (reload_ms)((double)span * drawn / 4294967296.0);
}

reload_utc reload_renewal_time(reload_utc not_before, reload_utc not_after, uint32_t drawn)
{
	reload_ms validity = not_after > not_before ? not_after - not_before : 0;
	return not_after - validity / 3 + part(validity / 6, drawn);
}

reload_utc reload_fetch_time(reload_utc now, reload_utc expiration, uint32_t drawn)
{
	if (!expiration)
		return RELOAD_NEVER;
	reload_ms left = expiration > now ? expiration - now : 0;
	return now + left / 2 + part(left / 10 * 4, drawn);
}

reload_ms reload_retry_pause(unsigned failures, reload_ms left, uint32_t drawn)
{
	reload_ms pause = reload_doubled(RELOAD_RETRY_MS, failures - 1, RELOAD_RETRY_MAX_MS);
	if (left && pause > left / 4)
		pause = left / 4;
	pause -= part(pause / 2, drawn);
	return pause > RELOAD_RETRY_MIN_MS ? pause : RELOAD_RETRY_MIN_MS;
}
