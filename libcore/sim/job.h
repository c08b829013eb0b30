/*
 * Signature jobs of engines in the simulator.  They end at once, between two events; with `jobs` in struct reload_sim_setup each ends after a time of its
 * own, so late and in another order than they were made, as on a busy host (ident/job.h).
 */
#pragma once

#include "sim/internal.h"

/* reload_sim_job_begin() takes a job of n's engine. */
void reload_sim_job_begin(struct reload_sim_body *n, struct reload_job *job);
/* reload_sim_job_node() is the node whose job ends with ev. */
const struct reload_sim_node *reload_sim_job_node(
	const struct reload_sim *s, const struct reload_sim_event *ev);
/* reload_sim_run_job() ends a late job; true: the engine of *n has handled it; false: it was not under way any more. */
bool reload_sim_run_job(
	struct reload_sim *s, const struct reload_sim_event *ev, struct reload_sim_body **n);
/* reload_sim_job_next() ends the first job that is to end at once, of n or (n NULL) of any node; it returns whose that was, NULL when there is none. */
struct reload_sim_body *reload_sim_job_next(struct reload_sim *s, const struct reload_sim_body *n);
/* reload_sim_jobs_end() ends all jobs of n before its engine is freed, and those that they make. */
void reload_sim_jobs_end(struct reload_sim_body *n);
