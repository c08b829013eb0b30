/* Work in parallel processes; results are delivered in order, whichever process ends first. */
#pragma once

#include "util/bytes.h"
#include "util/clock.h"

/* The child's end of a pipe to the parent. */
struct pool_out {
	int fd;
	reload_ms reported; /* when the last progress was reported */
};

/* pool_report() reports the progress; pool_give() adds bytes to the result. */
void pool_report(struct pool_out *out, reload_ms now, reload_ms until, size_t joined);
void pool_give(struct pool_out *out, const void *bytes, size_t len);

struct pool_result {
	struct span bytes; /* bytes that the child gave; borrowed */
	int signal;        /* the signal that ended the child, 0: none */
	int status;        /* its exit status */
};

struct pool_ops {
	void *arg;
	void (*work)(
		void *arg, size_t index, struct pool_out *out); /* runs in a process of its own */
	void (*done)(void *arg, size_t index, const struct pool_result *result);
	/* progress of the work with that index; count of them are done */
	void (*progress)(void *arg, size_t index, size_t count, reload_ms now, reload_ms until);
};

enum pool_end {
	POOL_DONE,
	POOL_STOPPED, /* stop_fd became readable */
	POOL_TIMEOUT,
	POOL_FAILED /* no process could be started */
};

/*
 * pool_run() does work 0..count-1, at most `jobs` at a time.  When it is stopped it kills the running children, and
 * calls done() for those that have ended by then.
 */
enum pool_end pool_run(
	const struct pool_ops *ops, size_t count, size_t jobs, int stop_fd, reload_ms deadline);
