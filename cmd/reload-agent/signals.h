/*
 * Signals of the agent, taken by a thread of their own: the loop reads them as bytes, and SIGTERM ends the process after
 * AGENT_END_MS also when the loop hangs.
 */
#pragma once

#include "util/clock.h"
#include "util/err.h"

enum {
	AGENT_END_MS = 5000 /* between SIGTERM or SIGINT and the end of the process */
};

struct agent_signals;

/*
 * agent_signals_new() blocks SIGTERM, SIGINT and SIGHUP in this thread, and so in all threads started later, and begins
 * to take them (owned); RELOAD_IO with why.  Create one per process; it is never freed.
 */
enum reload_err agent_signals_new(
	struct agent_signals **out, struct reload_error_text *why) MUST_CHECK;

/* agent_signals_fd() returns the descriptor from which a byte for each signal, its number, is read; non-blocking. */
int agent_signals_fd(const struct agent_signals *s);

/*
 * agent_signals_leaving() notes that the loop ends in order: if that takes too long, the exit status is 0 all the same.
 */
void agent_signals_leaving(struct agent_signals *s);
