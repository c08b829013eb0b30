/* What the files of the diagnostics share. */
#pragma once

#include "service/diagnostics.h"

#include "wire/limits.h"

enum {
	ASKERS_MAX = 64,
	PASSED_MAX = 64,
	PASSED_HEADER_MAX = 2048, /* bytes of the lists of a forwarded request that is remembered */
	SKEW_MS = 2000,           /* by which clocks may differ */
	LIFETIME_MAX_MS = 600000  /* RFC 7851 s5.1: "1 to 600 seconds in the future" */
};

/* A node whose requests, or for which errors, are counted. */
struct diagnostics_asker {
	struct reload_id node; /* len 0: free */
	reload_ms busy_until;  /* when all that it was permitted would have been permitted evenly */
	reload_ms refused;     /* when it was last told that it asks too often */
	bool was_refused;
};

/* A request that was forwarded: enough to answer it with an error. */
struct diagnostics_passed {
	uint64_t transaction; /* 0: free */
	uint32_t from, to;    /* links */
	reload_ms until;
	struct reload_header header; /* its spans are of lists */
	uint8_t *lists;              /* owned */
};

struct reload_diagnostics {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	struct reload_exchange *exchange;
	struct reload_replica *replica;
	struct reload_policy policy;
	struct diagnostics_asker askers[ASKERS_MAX], errors[ASKERS_MAX];
	struct diagnostics_passed passed[PASSED_MAX];
	size_t next_passed;
};

/* -- diagnostics_limit.c ---------------------------------------------------------------------------------------------- */

/* reload_diagnostics_within() counts one of node against `rate` in a second; *asker (borrowed) is its entry of the table.  False: it is above. */
bool reload_diagnostics_within(struct diagnostics_asker table[ASKERS_MAX],
	const struct reload_id *node, unsigned rate, reload_ms now,
	struct diagnostics_asker **asker);

/* -- diagnostics_values.c --------------------------------------------------------------------------------------------- */

/*
 * reload_diagnostics_collect() fills info with an entry for each flag whose Kind has a value here, ascending, and returns how many; contents are in
 * the arena of in.  next: the link towards the traced destination, 0: none.
 */
size_t reload_diagnostics_collect(struct reload_diagnostics *d, struct reload_incoming *in,
	uint64_t flags, uint32_t next, struct reload_diagnostic_info info[RELOAD_DIAGNOSTIC_LAST]);
