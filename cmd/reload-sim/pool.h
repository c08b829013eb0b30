/* Work in parallel processes; results come back in order, whoever ends first. */
#pragma once

#include "util/bytes.h"
#include "util/clock.h"

/* The child's end of a pipe to the parent. */
struct pool_out {
	int fd;
	reload_ms reported; /* when the last progress was reported */
};

/* pool_report() reports how far the work is; pool_give() hands bytes over as part of the result. */
void pool_report(struct pool_out *out, reload_ms now, reload_ms until, size_t joined);
void pool_give(struct pool_out *out, const void *bytes, size_t len);

struct pool_result {
	struct span bytes; /* what the child gave; borrowed */
	int signal;        /* that ended the child, 0: none */
	int status;        /* its exit status */
};

struct pool_ops {
	void *arg;
	void (*work)(void *arg, size_t index, struct pool_out *out); /* in a process of its own */
	void (*done)(void *arg, size_t index, const struct pool_result *result);
	/* how far the work with that index is; count of them are done */
	void (*progress)(void *arg, size_t index, size_t count, reload_ms now, reload_ms until);
};

enum pool_end {
	POOL_DONE,
	POOL_STOPPED, /* stop_fd became readable */
	POOL_TIMEOUT,
	POOL_FAILED /* no process could be made */
};

/*
 * pool_run() does work 0..count-1, at most jobs at a time.  When it is stopped it kills what still works, and done() is called for what
 * has ended by then.
 */
enum pool_end pool_run(
	const struct pool_ops *ops, size_t count, size_t jobs, int stop_fd, reload_ms deadline);
