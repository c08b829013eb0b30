/* Looking up SRV records with c-ares, for programs that wait for the answer. */
#pragma once

#include "dns/srv.h"
#include "util/clock.h"
#include "util/err.h"

/*
 * reload_srv_query() asks for the SRV records of name until deadline (monotonic): out has room for RELOAD_SRV_MAX, not ordered; *count 0: the
 * name has none.  A broken answer is asked for once more.  RELOAD_TIMEOUT when no server answers, RELOAD_IO when they fail, RELOAD_NO_VALUE when the
 * domain says that it has no such service (target "."); why names the servers.
 */
enum reload_err reload_srv_query(struct reload_srv out[RELOAD_SRV_MAX], size_t *count,
	const char *name, reload_ms deadline, struct reload_error_text *why) MUST_CHECK;
