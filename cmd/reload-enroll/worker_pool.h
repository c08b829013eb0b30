/* Threads that do what takes long: they check passwords, and wait for the disk and the database, while the server has others to answer. */
#pragma once

#include <stdbool.h>

struct worker_pool;

/* What the threads share: each has a state of its own. */
struct worker_pool_setup {
	unsigned threads;
	void *(*begin)(void *arg); /* makes a state, on its thread */
	void (*end)(void *state);
	void (*work)(void *state, void *job);
	void *arg;
};

/*
 * worker_pool_new() starts the threads (owned); NULL when the system gives none.  worker_pool_free() waits for jobs under way and calls
 * dropped(job) for the others; NULL is legal.  worker_pool_fd() is readable when a job has ended.
 */
struct worker_pool *worker_pool_new(const struct worker_pool_setup *setup);
void worker_pool_free(struct worker_pool *pool, void (*dropped)(void *job));
int worker_pool_fd(const struct worker_pool *pool);

/*
 * worker_pool_add() has a thread do a job; false: `most` jobs wait already.  worker_pool_next() returns the next one that has ended, NULL: none
 * has.
 */
bool worker_pool_add(struct worker_pool *pool, void *job, unsigned most);
void *worker_pool_next(struct worker_pool *pool);
