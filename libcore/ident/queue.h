/*
 * Waiting jobs, scheduled fairly: one job of each node that causes work in turn, so that a node which causes much work
 * delays only itself.  For one thread at a time.
 */
#pragma once

#include "ident/job.h"

enum {
	RELOAD_JOB_SHARES = 64 /* lists of other nodes; reload_job.share selects the list */
};

struct reload_job_list {
	struct reload_job *first, *last;
};

/* Zero-initialised is empty and ready. */
struct reload_job_queue {
	struct reload_job_list lists[1 + RELOAD_JOB_SHARES]; /* [0]: jobs of this node itself */
	size_t count;
	unsigned turn; /* the list that is served next */
};

/* reload_job_queue_put() takes job; reload_job_queue_get() returns one, NULL when none waits. */
void reload_job_queue_put(struct reload_job_queue *q, struct reload_job *job);
struct reload_job *reload_job_queue_get(struct reload_job_queue *q);
