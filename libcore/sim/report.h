/* Outcomes as text for people and programs: a table, JSON lines, CSV, and plots in SVG.  Pure: text goes into memory. */
#pragma once

#include "sim/run.h"
#include "util/bytes.h"

/* reload_sim_report_table() appends one run as lines for people; _json() as one line of JSON; _csv_head(), _csv() as CSV. */
void reload_sim_report_table(
	struct wr *w, const struct reload_sim_scenario *s, const struct reload_sim_outcome *o);
void reload_sim_report_json(
	struct wr *w, const struct reload_sim_scenario *s, const struct reload_sim_outcome *o);
void reload_sim_report_csv_head(struct wr *w);
void reload_sim_report_csv(
	struct wr *w, const struct reload_sim_scenario *s, const struct reload_sim_outcome *o);
