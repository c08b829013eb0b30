/* Units of time, and timers: any number of them, of which the caller only sees the next deadline. */
#pragma once

#include "util/tree.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t reload_ms;  /* monotonic milliseconds, or a length of time */
typedef uint64_t reload_utc; /* milliseconds since 1970-01-01 UTC */

enum {
	RELOAD_SECOND = 1000,
	RELOAD_UTC_TEXT = 24
};
#define RELOAD_NEVER UINT64_MAX

/*
 * reload_utc_text() writes t in whole seconds, "2024-01-31T23:59:59Z", and returns out; "never" for RELOAD_NEVER and
 * for times after the year 9999.
 */
char *reload_utc_text(char out[RELOAD_UTC_TEXT], reload_utc t);

/* reload_doubled() returns first, doubled that many times, at most `most`: for a pause that grows with failures. */
reload_ms reload_doubled(reload_ms first, unsigned times, reload_ms most);

struct reload_timer;
typedef void (*reload_timer_fn)(void *arg);

/* A timer, embedded in the structure that it belongs to; unarmed when zero-initialised. */
struct reload_timer {
	RB_ENTRY(reload_timer) entry;
	reload_ms due;
	uint64_t order; /* equal deadlines run in the order in which they were armed */
	reload_timer_fn fn;
	void *arg;
	bool armed;
};

RB_HEAD(reload_timer_tree, reload_timer);

/* Zero-initialised is empty and ready. */
struct reload_timers {
	struct reload_timer_tree tree;
	uint64_t armed_ever;
};

/* reload_timer_arm() (re)arms t for the time due; fn(arg) runs from reload_timers_run(). */
void reload_timer_arm(struct reload_timers *ts, struct reload_timer *t, reload_ms due,
	reload_timer_fn fn, void *arg);

/* reload_timer_cancel() disarms t; an unarmed timer is legal. */
void reload_timer_cancel(struct reload_timers *ts, struct reload_timer *t);

/* reload_timers_next() returns the earliest deadline, RELOAD_NEVER when there is none. */
reload_ms reload_timers_next(struct reload_timers *ts);

/*
 * reload_timers_run() runs, in order, timers that are due at now, including timers that these arm for now or earlier: at most
 * RELOAD_TIMERS_PER_PASS, so that sockets are served in between.  Timers that are left are still due (reload_timers_next()).
 */
enum {
	RELOAD_TIMERS_PER_PASS = 32
};
void reload_timers_run(struct reload_timers *ts, reload_ms now);
