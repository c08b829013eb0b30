/* Diagnostic Kinds in requests and results of the control socket (RFC 7851). */
#pragma once

#include "rpc.h"

#include "wire/diagnostics.h"

enum {
	DIAGNOSE_KINDS_MAX = 64
};

/* The Kinds of a request; wish borrows kinds. */
struct diagnose_wish {
	struct reload_diagnostics_wish wish;
	uint16_t kinds[DIAGNOSE_KINDS_MAX];
};

/*
 * diagnose_read() reads a list of names and numbers of Kinds (NULL is legal); `all` stands for those that this node may read by the
 * configuration.  RELOAD_USAGE with why.
 */
enum reload_err diagnose_read(struct diagnose_wish *out, const struct agent *agent,
	const json_t *list, struct reload_error_text *why) MUST_CHECK;

/* diagnose_values() returns (owned) the values of a response by names of Kinds; the first of several entries of one Kind counts. */
json_t *diagnose_values(const struct reload_diagnostics_response *response);

/* diagnose_overlay_hops() returns how many links a request had crossed, by the ttl with which it arrived. */
json_int_t diagnose_overlay_hops(
	const struct agent *agent, const struct reload_diagnostics_response *response);

/*
 * diagnose_denied() returns (owned) the names of the Kinds that error_info of an Error_Forbidden lists.  diagnose_limited() returns whether it says
 * that this node asks too often.
 */
json_t *diagnose_denied(struct span error_info);
bool diagnose_limited(struct span error_info);

/* The start of a request, for round trip and one-way delay. */
struct diagnose_clock {
	uint64_t begun_us, wall_us;
};
struct diagnose_clock diagnose_clock_start(void);
/* diagnose_rtt() returns ms since then.  diagnose_one_way() sets one_way_ms and clock_difference_ms of o, as the other node read its clock at
 * received_ms: a difference that the round trip does not allow is one of the clocks, and there is no one-way delay then. */
double diagnose_rtt(const struct diagnose_clock *c);
void diagnose_one_way(
	json_t *o, const struct diagnose_clock *c, uint64_t received_ms, double rtt_ms);
