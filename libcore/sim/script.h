/*
 * A script: what happens to which peer at which time, instead of faults and load that are drawn.  The same file can drive real agents
 * (tests/cli/sim_real.py), to compare what they send with what a run sends.
 *
 * Each line is TIME WORD PEER, # begins a comment.  Times count from the end of the growth and do not go back.  The words:
 *
 *	kill N	ends the process of peer N, as kill -9 does: its disk survives
 *	start N	starts it again
 *	store N	peer N stores a new version of its value
 *	fetch N	some peer fetches the value of peer N
 *
 *	count	what was sent before is not counted in the traffic of the load; it has no N
 *
 * Peer 0 is the bootstrap node of the others and is not killed.
 *
 * A line `id N HEX` gives peer N that Node-ID instead of one that is drawn; it has no time.
 */
#pragma once

#include "sim/fault.h"

enum {
	RELOAD_SIM_SCRIPT_MAX = 100000 /* lines with an order; a longer file is refused */
};

struct reload_sim_order_id {
	size_t peer;
	struct reload_id id;
	unsigned line;
};

enum reload_sim_order_type {
	RELOAD_SIM_ORDER_KILL,
	RELOAD_SIM_ORDER_START,
	RELOAD_SIM_ORDER_STORE,
	RELOAD_SIM_ORDER_FETCH,
	RELOAD_SIM_ORDER_COUNT
};

struct reload_sim_order {
	enum reload_sim_order_type type;
	reload_ms at; /* since the end of the growth */
	size_t peer;
	unsigned line; /* of the file */
};

struct reload_sim_script {
	struct reload_sim_order *orders; /* by time (owned) */
	size_t count, cap;
	struct reload_sim_order_id *ids; /* (owned) */
	size_t ids_count, ids_cap;
};

/*
 * reload_sim_script_read() fills out (owned; clear it) from the text of a file; name is for messages: "name:LINE: ...".  RELOAD_USAGE, RELOAD_LIMIT
 * with why; out is empty then.
 */
enum reload_err reload_sim_script_read(struct reload_sim_script *out, const char *text, size_t len,
	const char *name, struct reload_error_text *why) MUST_CHECK;
void reload_sim_script_clear(struct reload_sim_script *s);

/*
 * reload_sim_script_check() returns RELOAD_USAGE, with why, when an order cannot be carried out in the scenario: there is no such peer, its time is over, it is
 * started while it runs, or has to do something while it does not.
 */
enum reload_err reload_sim_script_check(const struct reload_sim_script *s,
	const struct reload_sim_scenario *scenario, struct reload_error_text *why) MUST_CHECK;

/* reload_sim_script_id() returns the Node-ID that the script gives to a peer (borrowed), NULL when it gives none: `id` of struct reload_sim_setup. */
const struct reload_id *reload_sim_script_id(const void *script, size_t peer);

/* reload_sim_script_faults() adds the kills and starts to the faults of a run: "script0" and so on. */
void reload_sim_script_faults(const struct reload_sim_script *s, struct reload_sim_faults *f);
