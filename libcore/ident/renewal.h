/* When a node gets a newer certificate and document without being asked: before they end, and not all nodes at once. */
#pragma once

#include "util/clock.h"

enum {
	RELOAD_RETRY_MS = 60 * 1000,          /* after the first failure */
	RELOAD_RETRY_MAX_MS = 60 * 60 * 1000, /* after many */
	RELOAD_RETRY_MIN_MS = 5 * 1000        /* however soon it ends */
};

/*
 * reload_renewal_time() returns when a certificate of that validity is to be renewed: after two thirds of it, and up to a sixth later.
 * reload_fetch_time() returns when a document that expires then is to be fetched again (R-11.1-09): after half of the time that is left
 * at now, and up to nine tenths; RELOAD_NEVER for one that does not expire (0).  drawn is a random number, of which the time is a
 * function: it is drawn once for each, or the time would move away.
 */
reload_utc reload_renewal_time(reload_utc not_before, reload_utc not_after, uint32_t drawn);
reload_utc reload_fetch_time(reload_utc now, reload_utc expiration, uint32_t drawn);

/*
 * reload_retry_pause() returns how long to wait after that many failures (at least 1) in a row, when it ends in left milliseconds
 * (0: it has ended): twice as long each time, a quarter of the time left at most while it has not ended, and by chance up to half less.
 */
reload_ms reload_retry_pause(unsigned failures, reload_ms left, uint32_t drawn);
