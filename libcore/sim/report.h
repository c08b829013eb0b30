/* Outcomes as text for people and for programs.  The same outcome gives the same text: real time is not in it. */
#pragma once

#include "sim/run.h"
#include "util/bytes.h"

#include <jansson.h>

/* One run to be reported. */
struct reload_sim_report {
	const struct reload_sim_scenario *scenario;
	const struct reload_sim_outcome *outcome;
	const char *only_faults; /* as in struct reload_sim_watch */
	const char *script;      /* its file; NULL: none */
	bool series;             /* JSON with the samples over time */
};

/* reload_sim_report_repeat() writes the command that repeats the run. */
enum {
	RELOAD_SIM_REPEAT_TEXT = RELOAD_SIM_OPTIONS_TEXT + 3072
};
void reload_sim_report_repeat(const struct reload_sim_report *r, char out[RELOAD_SIM_REPEAT_TEXT]);

/* reload_sim_report_table() appends one run as a block of lines for people. */
void reload_sim_report_table(struct wr *w, const struct reload_sim_report *r);
/* reload_sim_report_line() appends one run as one line of a table, which reload_sim_report_head() begins. */
void reload_sim_report_head(struct wr *w);
void reload_sim_report_line(struct wr *w, const struct reload_sim_report *r);
/* reload_sim_report_violation() appends the violation and the command that repeats it; nothing when there is none. */
void reload_sim_report_violation(struct wr *w, const struct reload_sim_report *r);

/* reload_sim_report_object() returns one run as JSON (owned). */
json_t *reload_sim_report_object(const struct reload_sim_report *r);
/* reload_sim_report_fields() appends the fields of that object as cli_schema() of the programs reads them. */
void reload_sim_report_fields(struct wr *w);
/* reload_sim_report_csv_head() appends the names of the columns, reload_sim_report_csv() one run: the leaves of the object. */
void reload_sim_report_csv_head(struct wr *w);
void reload_sim_report_csv(struct wr *w, const struct reload_sim_report *r);

/* The sum of several runs; zero-initialised it is empty. */
struct reload_sim_summary {
	uint64_t runs, violations, events;
	uint64_t fetches_good, fetches_expected;
	double worst_heal_ms, hops_sum, maintenance_sum; /* sums over runs */
	uint64_t worst_heal_seed, hops_runs;
};

/* reload_sim_summary_add() adds a run; reload_sim_summary_object() returns the sum as JSON (owned), reload_sim_summary_table() appends it as lines. */
void reload_sim_summary_add(struct reload_sim_summary *sum, const struct reload_sim_outcome *o);
json_t *reload_sim_summary_object(const struct reload_sim_summary *sum);
void reload_sim_summary_table(struct wr *w, const struct reload_sim_summary *sum);
/* reload_sim_summary_fields() is the static list of the object's fields. */
const char *reload_sim_summary_fields(void);
