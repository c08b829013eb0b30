/* Records of a name server's answer, as c-ares reads them. */
#pragma once

#include "dns/locate.h"
#include "util/span.h"

/*
 * reload_srv_read() takes the SRV records of an answer: *count of at most RELOAD_SRV_MAX, the most preferred, those without a port or with
 * too long a target left out; *no_service: one has the target ".".  Returns a status of c-ares.
 */
int reload_srv_read(
	struct reload_srv out[RELOAD_SRV_MAX], size_t *count, bool *no_service, struct span answer);

enum {
	RELOAD_NAPTR_MAX = 32
};

/* reload_naptr_read() does so with NAPTR records, those with too long a replacement left out. */
int reload_naptr_read(struct reload_naptr out[RELOAD_NAPTR_MAX], size_t *count, struct span answer);
