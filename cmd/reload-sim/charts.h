/* Curves made from outcomes: the pictures of --plot. */
#pragma once

#include "common/output.h"
#include "reload-sim/plan.h"
#include "sim/run.h"

struct charts;

/* charts_new() prepares the pictures that plan asks for (owned); RELOAD_USAGE, RELOAD_IO with why when they cannot be made. */
enum reload_err charts_new(
	struct charts **out, const struct plan *plan, struct reload_error_text *why) MUST_CHECK;
void charts_free(struct charts *c);
AUTO_DEFINE(charts)

/* charts_add() adds the outcome of a run (index as in plan.h; copied). */
void charts_add(struct charts *c, size_t run, const struct reload_sim_outcome *o);
/* charts_write() writes the files; RELOAD_IO with why. */
enum reload_err charts_write(
	struct charts *c, reload_ms deadline, struct reload_error_text *why) MUST_CHECK;
