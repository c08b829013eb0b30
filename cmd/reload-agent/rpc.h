/* What the handlers of the control socket share. */
#pragma once

#include "agent.h"
#include "common/json.h"
#include "log.h"
#include "target.h"

#include <bsd/sys/queue.h>

/* A request that waits until the node is in a state. */
struct agent_waiter;
typedef bool (*agent_waiter_check)(
	struct agent_waiter *w, const struct reload_status *s); /* true: it has ended the call */

struct agent_waiter {
	TAILQ_ENTRY(agent_waiter) entry;
	struct agent *agent;
	struct reload_rpc_call *call;
	struct reload_timer timer; /* its time limit */
	struct reload_timer again; /* armed by agent_wait_again() */
	reload_ms since;
	unsigned failures;       /* the number of failed joins when it began */
	enum reload_state state; /* the state that is waited for */
	agent_waiter_check check;
	void (*late)(struct agent_waiter *w); /* ends the call at its time limit */
};

/* A stream of events, or of log lines. */
struct agent_subscriber {
	TAILQ_ENTRY(agent_subscriber) entry;
	struct agent *agent;
	struct reload_rpc_call *call;
	uint64_t events; /* a bit for each type that is sent; 0: it is a stream of log lines */
	uint64_t sent, dropped;
};

TAILQ_HEAD(agent_waiters, agent_waiter);
TAILQ_HEAD(agent_subscribers, agent_subscriber);
TAILQ_HEAD(agent_captures, agent_capture);
TAILQ_HEAD(agent_media, media_path);

struct agent_rpc {
	struct reload_server *server;
	struct reload_rpc_service service;
	struct reload_poll_hook
		hook; /* due when a state may have changed that a request waits for */
	struct agent_waiters waiters;
	struct agent_subscribers subscribers;
	struct agent_captures captures; /* cmd/reload-agent/rpc_capture.c */
	struct agent_media media;       /* cmd/reload-agent/media_paths.c */
	size_t media_count;
	uint32_t media_last;                       /* number of the last path */
	struct agent_renewals *renewals;           /* values that are stored again */
	struct agent_registrations *registrations; /* that are being removed; NULL: none are */
	uint64_t events_wanted;                    /* by any of the subscribers, bits as theirs */
	unsigned failures;                         /* number of joins that failed since the start */
	enum reload_err failed_with;
	reload_ms tables_changed; /* when neighbours or fingers changed last */
	char bootstrap
		[64]; /* the first bootstrap node of the last overlay.join; "": that of the configuration */
};

#define X(method, access, handler, summary, takes, gives)                                          \
	enum reload_rpc_end handler(void *arg, struct reload_rpc_call *call, const json_t *params);
#include "control/methods.def"
#undef X

/*
 * agent_wait() keeps call until check() ends it, or late() at timeout_ms (0: never).  check() is called first at the
 * end of this pass of the loop.
 */
enum reload_rpc_end agent_wait(struct agent *agent, struct reload_rpc_call *call,
	uint64_t timeout_ms, agent_waiter_check check, void (*late)(struct agent_waiter *w),
	enum reload_state state);

/* agent_wait_again() has check() called once more at that time, even if nothing happens until then. */
void agent_wait_again(struct agent_waiter *w, reload_ms when);

/* agent_check_waiters() calls check() of all waiting requests, at the end of a pass of the loop; arg: the agent. */
void agent_check_waiters(void *arg);

/*
 * agent_subscribe() keeps call as a stream of events, whose types are the bits (1 << enum reload_event_type); none: as one of log lines.
 */
enum reload_rpc_end agent_subscribe(
	struct agent *agent, struct reload_rpc_call *call, uint64_t events);

/*
 * agent_stream_line() sends a line of the log (borrowed) to the streams of log lines; arg: the agent.
 * agent_end_streams() ends the streams of events.
 */
void agent_stream_line(void *arg, json_t *line);
void agent_end_streams(struct agent_rpc *rpc);

/*
 * agent_path_name() returns how a pair of candidates goes (static): "host", also for NULL, "reflexive" or "relayed".  agent_relay_text() writes which
 * address relays, "" when none does.
 */
struct reload_ice_pair;
const char *agent_path_name(const struct reload_ice_pair *pair);
void agent_relay_text(char out[64], const struct reload_ice_pair *pair);

/* agent_links_json() returns links.list of agent.status (owned). */
json_t *agent_links_json(const struct agent *agent);

/* agent_paths_json() returns links.paths of agent.status (owned). */
json_t *agent_paths_json(const struct agent *agent);

/* agent_status_json() returns the result of agent.status (owned). */
json_t *agent_status_json(struct agent *agent);

/* Parameters, which were checked by the table; `otherwise` when absent or null. */
const char *param_text(const json_t *params, const char *name, const char *otherwise);
uint64_t param_int(const json_t *params, const char *name, uint64_t otherwise);
uint64_t param_u64(const json_t *params, const char *name, uint64_t otherwise);
bool param_bool(const json_t *params, const char *name, bool otherwise);

/* param_kind() finds the Kind that the parameter "kind" names; RELOAD_UNKNOWN_KIND. */
enum reload_err param_kind(const struct reload_kind **out, const struct agent *agent,
	const json_t *params, struct reload_error_text *why) MUST_CHECK;

/* agent_short_id() writes the first 8 digits, which is how texts show an ID, and returns out. */
enum {
	AGENT_SHORT = 9
};
char *agent_short_id(char out[AGENT_SHORT], const struct reload_id *id);

/* agent_kind_name() writes the name of a Kind, or its number as 0x..., and returns out. */
enum {
	AGENT_KIND = 64
};
char *agent_kind_name(char out[AGENT_KIND], const struct reload_kind *kind);
