/* Signatures on all cores: jobs of the engine run here and come back on the thread of the loop. */
#pragma once

#include "ident/job.h"
#include "link/poll_io.h"

struct reload_pool;

/* done() is called on the loop's thread at the end of a pass and owns the job from then on; it may submit others. */
typedef void (*reload_pool_done_fn)(void *arg, struct reload_job *job);

/*
 * reload_pool_new() makes a pool (owned) on a loop (borrowed).  workers 0: one less than there are cores, at least one.
 * Threads start when they are first needed.
 */
struct reload_pool *reload_pool_new(
	struct reload_poll *poll, unsigned workers, reload_pool_done_fn done, void *arg);

/* reload_pool_free() waits for the jobs that are running, and frees all others without a call. */
void reload_pool_free(struct reload_pool *pool);
AUTO_DEFINE(reload_pool)

/* reload_pool_submit() takes the job; never calls back.  The engine bounds how many there are. */
void reload_pool_submit(struct reload_pool *pool, struct reload_job *job);

struct reload_pool_counters {
	uint64_t inline_jobs, worker_jobs;
	size_t waiting; /* submitted and not handed back */
};

/* reload_pool_counters() returns what was counted since the beginning. */
struct reload_pool_counters reload_pool_counters(const struct reload_pool *pool);
