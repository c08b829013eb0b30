/* What reload-sim prints: runs in their order, violations with the command that repeats them, a summary. */
#pragma once

#include "common/output.h"
#include "reload-sim/plan.h"
#include "sim/report.h"

struct printer {
	struct cli *cli;
	const struct plan *plan;
	size_t last_variant; /* the variant whose heading was printed, plus 1 */
	bool head;
	struct reload_sim_summary summary;
};

/* print_run() prints one run; index as in plan.h. */
void print_run(struct printer *p, size_t index, const struct reload_sim_outcome *o);
/* print_crash() prints that a run ended by a signal or with a status: a bug, which counts like a violation. */
void print_crash(struct printer *p, size_t index, int signal, int status);

/* A smaller run that shows the same violation. */
struct print_shrunk {
	const struct reload_sim_scenario *scenario;
	const struct reload_sim_outcome *outcome;
	const char *only_faults, *trace; /* NULL: none */
	unsigned runs;
};
void print_shrunk(struct printer *p, const struct print_shrunk *s);
void print_summary(struct printer *p);

/* print_keys() prints all settings, print_checks() all checks, print_plan() what would be run. */
void print_keys(struct cli *cli);
void print_checks(struct cli *cli);
void print_plan(struct cli *cli, const struct plan *plan);

/* print_fields() returns the fields of all that is printed, for --json-schema (static). */
const char *print_fields(void);
