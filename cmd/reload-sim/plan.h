/* What one call of reload-sim runs: scenarios and seeds, and what it does with the outcomes. */
#pragma once

#include "common/options.h"
#include "sim/scenario.h"
#include "sim/script.h"

/* One scenario; several when a setting is swept. */
struct variant {
	struct reload_sim_scenario scenario;
	char text[RELOAD_SIM_VALUE_TEXT]; /* value of the swept setting; empty: no sweep */
};

struct plan {
	struct variant *variants; /* owned */
	size_t variants_count;
	uint64_t first, last;    /* seeds */
	size_t sweep_index;      /* of the swept setting, see reload_sim_keys() */
	char sweep[64];          /* its key; empty: no sweep */
	uint64_t jobs, shrink;   /* shrink: maximum number of runs; SHRINK_AUTO: by their cost */
	const char *only_faults; /* borrowed from the command line; NULL: all */
	const char *script_path; /* borrowed from the command line; NULL: no script */
	struct reload_sim_script script;
	const char *plot, *trace, *output;
	bool csv, series;
};

#define SHRINK_AUTO UINT64_MAX

/* plan_read() fills plan from the command line; RELOAD_USAGE, RELOAD_IO with why.  plan_clear() frees it. */
enum reload_err plan_read(
	struct plan *plan, struct cli *cli, struct reload_error_text *why) MUST_CHECK;
void plan_clear(struct plan *plan);

/*
 * plan_runs() returns the number of runs; plan_seed() and plan_variant() return the seed and variant of run i: all
 * seeds of a variant come before the next variant.
 */
size_t plan_runs(const struct plan *plan);
uint64_t plan_seed(const struct plan *plan, size_t run);
const struct variant *plan_variant(const struct plan *plan, size_t run);
