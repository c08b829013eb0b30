/*
 * Jobs that wait, shared fairly: one of each that causes work in turn, so that who asks for much waits for himself alone.  Not
 * for several threads at once.
 */
#pragma once

#include "ident/job.h"

enum {
	RELOAD_JOB_SHARES =
		64 /* of others; who causes work is in one of them by reload_job.share */
};

struct reload_job_list {
	struct reload_job *first, *last;
};

/* Zero-initialised is empty and ready. */
struct reload_job_queue {
	struct reload_job_list lists[1 + RELOAD_JOB_SHARES]; /* [0]: this node's own */
	size_t count;
	unsigned turn; /* whose list is looked at first */
};

/* reload_job_queue_put() takes job; reload_job_queue_get() gives one back, NULL when none waits. */
void reload_job_queue_put(struct reload_job_queue *q, struct reload_job *job);
struct reload_job *reload_job_queue_get(struct reload_job_queue *q);
