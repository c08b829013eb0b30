/*
 * The event loop as the rooms see it: descriptors, timers, and what is to be done at the end of a pass.  All of it is one
 * source of the thread's GLib main context, whose cost does not grow with idle descriptors or waiting timers.
 */
#pragma once

#include "util/clock.h"

struct reload_poll;

/* What a descriptor is ready for, or wanted for; the values are those of epoll. */
enum reload_poll_events {
	RELOAD_POLL_IN = 1,
	RELOAD_POLL_OUT = 4,
	RELOAD_POLL_ERROR = 8,
	RELOAD_POLL_HANGUP = 16
};

typedef void (*reload_poll_fn)(void *arg, unsigned events);

/*
 * reload_poll_new() attaches itself to the thread's default main context (owned), one loop a thread; aborts when the
 * kernel refuses.  A pass of the context waits with one system call, as long as no other source has a descriptor.
 */
struct reload_poll *reload_poll_new(void);

/* reload_poll_free() detaches; all descriptors were removed before. */
void reload_poll_free(struct reload_poll *p);

/*
 * reload_poll_add() calls fn(arg, ready) while fd is ready (level-triggered) for any of events; errors and hang-ups are
 * reported always.  The handle is never 0 and never used twice, so that a batch of events cannot reach what was removed by
 * an earlier one of it.  0: the kernel refused.
 */
uint64_t reload_poll_add(
	struct reload_poll *p, int fd, unsigned events, reload_poll_fn fn, void *arg);

/* reload_poll_change() changes the events that are wanted. */
void reload_poll_change(struct reload_poll *p, uint64_t handle, unsigned events);

/* reload_poll_remove() is to be called before the descriptor is closed; handle 0 is legal. */
void reload_poll_remove(struct reload_poll *p, uint64_t handle);

/* Of a listener that cannot accept for a while; zeroed at first, embedded in what has the listener. */
struct reload_poll_pause {
	struct reload_poll *poll;
	uint64_t watch;
	struct reload_timer timer;
};

enum {
	RELOAD_POLL_PAUSE_MS = 100
};

/*
 * reload_poll_pause() is called when a listener's accept() has failed with err (of errno): for want of descriptors or memory its watch is left
 * alone for RELOAD_POLL_PAUSE_MS, as the connection stays in the backlog and would wake the loop at once, again and again.  Returns whether it pauses.
 * reload_poll_pause_end() is called before the watch is removed.
 */
bool reload_poll_pause(
	struct reload_poll *p, struct reload_poll_pause *pause, uint64_t watch, int err);
void reload_poll_pause_end(struct reload_poll_pause *pause);

/* reload_poll_timers() returns the timers that the loop runs (borrowed). */
struct reload_timers *reload_poll_timers(struct reload_poll *p);

/* reload_poll_now() reads the monotonic clock. */
reload_ms reload_poll_now(void);

/* reload_poll_wall() reads the clock of the calendar. */
reload_utc reload_poll_wall(void);

/*
 * A hook that is due runs once at the end of the pass of the loop, before it sleeps, lower order first.  One that is made
 * due by itself or by a later one runs again behind the next pass, which then does not sleep.  Embedded in what it
 * belongs to.
 */
struct reload_poll_hook {
	void (*fn)(void *arg);
	void *arg;
	int order;
	bool due;
	struct reload_poll_hook *next;
};

enum {
	RELOAD_HOOK_WORK = 10,
	RELOAD_HOOK_FLUSH = 20
};

/* reload_poll_hook_add() and reload_poll_hook_remove(); neither may be called from a hook. */
void reload_poll_hook_add(struct reload_poll *p, struct reload_poll_hook *hook);
void reload_poll_hook_remove(struct reload_poll *p, struct reload_poll_hook *hook);

/*
 * reload_poll_pass() runs one pass of the loop with its end, sleeping at most max_sleep_ms (RELOAD_NEVER: until something
 * happens), and not at all when a hook was due: what the caller waits for may have happened in it.
 */
void reload_poll_pass(struct reload_poll *p, reload_ms max_sleep_ms);
