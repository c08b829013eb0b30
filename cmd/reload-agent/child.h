/* A run of reload-enroll beside the agent: it speaks HTTPS and writes the identity, while the loop goes on. */
#pragma once

#include "link/poll_io.h"
#include "util/err.h"

#include <stdbool.h>

struct agent_child;

/*
 * The program has ended: with RELOAD_OK, or with why, which it printed itself or which says how it ended.  It is called from the loop; the handle
 * is no longer valid.
 */
typedef void (*agent_child_fn)(void *arg, enum reload_err err, const struct reload_error_text *why);

enum {
	AGENT_CHILD_LIMIT_MS = 90 * 1000, /* then it is killed */
	AGENT_CHILD_ANSWER_MAX = 65536
};

/*
 * agent_child_start() runs reload-enroll, which lies beside this program, with these words (NULL at the end; the first is the subcommand)
 * and --json; RELOAD_FAILED with why when it cannot be run, and fn is then not called.  agent_child_kill() ends it without a call of fn;
 * NULL is legal.
 */
enum reload_err agent_child_start(struct agent_child **out, struct reload_poll *poll,
	const char *const *words, agent_child_fn fn, void *arg,
	struct reload_error_text *why) MUST_CHECK;
void agent_child_kill(struct agent_child *child);
