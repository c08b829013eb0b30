/*
 * What this agent was asked to do in the overlay and how it ended, for reload-diag why: the newest HISTORY_MAX requests with what happened meanwhile, and
 * a cause.  Values are never kept.
 */
#pragma once

#include "control/cause.h"
#include "control/session.h"
#include "engine/host.h"

struct agent;
struct agent_history;

enum {
	HISTORY_MAX = 1000,      /* the oldest is dropped */
	HISTORY_CONFLICTS = 256, /* the oldest is dropped */
	HISTORY_EVENTS = 24,     /* of one request; the newest are kept */
	HISTORY_TEXT = 240       /* bytes of what one event says; longer text is cut */
};

enum {
	HISTORY_BUCKETS = 12 /* of the times of requests; the last one has no end */
};

/* What was counted since the start: requests of the control socket by method (enum reload_method_id), failures by cause. */
struct agent_history_counts {
	struct agent_history_times {
		uint64_t count, sum_ms, buckets[HISTORY_BUCKETS];
	} methods[RELOAD_METHODS];
	uint64_t causes[RELOAD_CAUSES];
};

/* agent_history_new() makes an empty one (owned) for agent (borrowed). */
struct agent_history *agent_history_new(const struct agent *agent);
void agent_history_free(struct agent_history *h);

/*
 * agent_history_event() notes an event of the engine (borrowed); agent_history_link() that a link ended, with what was tried and why, which the engine
 * does not know.  NULL is legal.
 */
void agent_history_event(struct agent_history *h, const struct reload_event *event);
void agent_history_link(
	struct agent_history *h, uint32_t link, enum reload_err err, const char *text);

/* agent_history_begun() and agent_history_ended() are those of struct reload_rpc_service; arg: the agent. */
void *agent_history_begun(void *arg, const struct reload_method *method, const json_t *params);
void agent_history_ended(
	void *arg, void *record, const json_t *result, const struct reload_failure *failure);

/* A request of SIP that a program made over this agent, and that was refused, not answered or not even sent; texts are borrowed. */
struct agent_history_sip {
	const char *aor, *request; /* request: "INVITE" */
	unsigned status;           /* of the final answer; 0: there was none */
	enum reload_err failure;   /* of the connection; RELOAD_OK: it was sent */
	const char *phrase;        /* of the other end, or why there was no connection */
	reload_ms took;
};

/* agent_history_sip() remembers it, and returns its cause. */
enum reload_cause agent_history_sip(struct agent_history *h, const struct agent_history_sip *sip);

/* agent_history_sip_advice() writes what to try against a cause when aor was called, and returns out. */
char *agent_history_sip_advice(char out[256], enum reload_cause cause, const char *aor);

/*
 * agent_history_list() returns the records, newest first, at most max (owned list of rows of agent.history); failed: only those that failed.
 * agent_history_one() returns one with all that is known (the result of agent.why, owned): the newest that has this transaction, or with transaction 0 the
 * newest request of a user, or join, that failed.  NULL: there is none.
 */
json_t *agent_history_list(const struct agent_history *h, size_t max, bool failed);
json_t *agent_history_one(const struct agent_history *h, uint64_t transaction);

/* agent_conflicts_json() returns the newest values of which two versions were written (owned list of rows of store.conflicts), newest first. */
json_t *agent_conflicts_json(const struct agent_history *h);

/* agent_history_counts() returns what was counted (borrowed), agent_history_bucket_s() the end of a bucket but the last, in seconds. */
const struct agent_history_counts *agent_history_counts(const struct agent_history *h);
double agent_history_bucket_s(size_t bucket);
