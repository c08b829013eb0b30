/*
 * The floor that the rooms of a node stand on: time, timers, random numbers, events, counters, signature jobs and the configuration in
 * force.  It calls the host (engine/host.h) and never knows a message, a link or a peer.
 *
 * The engine of a node is a function of its inputs.  Each input enters: both clocks are read once.  It does its work and exits: timers that are
 * due run, then the results of requests that have ended are delivered, last, from one loop, when nothing is half done, and the host is
 * given the one deadline.
 *
 *	outside --reload_engine_enter()--> inside --reload_engine_exit()--> results are delivered --> outside
 */
#pragma once

#include "engine/host.h"
#include "wire/schema.h"

/* What is counted since the start, by reason (interop s12.5). */
enum reload_counter {
#define X(NAME, name) RELOAD_COUNT_##NAME,
#include "engine/counters.def"
#undef X
	RELOAD_COUNTERS
};

/* reload_counter_name() returns "drop_ttl" and the like; static. */
const char *reload_counter_name(enum reload_counter counter);

/* Who delivers the results of requests that have ended: deliver() does it, waiting() returns whether there are any. */
struct reload_engine_results {
	void *arg;
	void (*deliver)(void *arg);
	bool (*waiting)(void *arg);
};

/*
 * Facts that every room reads.  The functions below write them, except for two: whoever takes a new document changes `config` and `ctx` together, and
 * whoever begins the work of a message sets `cause`.
 */
struct reload_engine {
	const struct reload_host_ops *ops;
	void *host;
	struct reload_config *config; /* in force; a reference */
	struct wire_ctx ctx;          /* for that document; arena NULL */
	struct reload_id self;
	struct reload_timers timers;
	reload_ms now, started; /* now: of the input being handled */
	reload_utc wall;
	size_t jobs; /* at the host */
	uint64_t
		cause; /* of this input: who asked for its work, as a digest; 0: this node itself */
	bool inside;   /* an input is being handled */
	bool closing;  /* the node is being freed */
	struct reload_engine_results results;
	uint64_t counters[RELOAD_COUNTERS];
};

/* reload_engine_new() makes the floor of a node (owned) and reads the clocks; a reference to config is taken. */
struct reload_engine *reload_engine_new(const struct reload_host_ops *ops, void *host,
	struct reload_config *config, const struct reload_id *self);
/* reload_engine_free() comes last: the rooms have ended their timers. */
void reload_engine_free(struct reload_engine *e);

/*
 * reload_engine_enter() begins an input; asserts that no input is being handled.  reload_engine_exit() ends it.
 * reload_engine_exit_deferred() ends the start of a request: results are delivered at the next wake, so that the caller has the handle first.
 */
void reload_engine_enter(struct reload_engine *e);
void reload_engine_exit(struct reload_engine *e);
void reload_engine_exit_deferred(struct reload_engine *e);

/* reload_engine_event() reports to the host what happened; ev is borrowed. */
void reload_engine_event(struct reload_engine *e, const struct reload_event *ev);
/* reload_engine_drop() counts and reports why a message went no further; reason is static. */
void reload_engine_drop(struct reload_engine *e, enum reload_counter counter, uint32_t link,
	uint64_t transaction, const char *reason);

static inline void reload_engine_count(struct reload_engine *e, enum reload_counter c)
{
	e->counters[c]++;
}

/*
 * reload_engine_job() hands job (taken) to the host; done(arg, job) is called in a later input, when it has run.
 * reload_engine_job_done() does that and frees the job; it is part of an input.
 */
void reload_engine_job(struct reload_engine *e, struct reload_job *job,
	void (*done)(void *arg, struct reload_job *job), void *arg);
void reload_engine_job_done(struct reload_engine *e, struct reload_job *job);

/* reload_engine_random64() draws a number that is never 0 (MSG-16); reload_engine_random_ms() a time below the limit. */
uint64_t reload_engine_random64(struct reload_engine *e);
reload_ms reload_engine_random_ms(struct reload_engine *e, reload_ms below);
/* reload_engine_jitter() draws a time from half of ms to one and a half, so that what begins together does not go on together. */
reload_ms reload_engine_jitter(struct reload_engine *e, reload_ms ms);
