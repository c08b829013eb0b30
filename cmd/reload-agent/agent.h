/* One running agent: the engine and everything of the world that it is given. */
#pragma once

#include "common/identity.h"
#include "control/server_io.h"
#include "link/tls_io.h"
#include "peer/peer.h"
#include "pool.h"

enum { AGENT_LISTEN_MAX = 16, AGENT_BOOTSTRAP_MAX = 64 };

/* One setting of `run` with its value and where it comes from (cli.md s2). */
struct agent_setting {
	const char *key;    /* long option */
	const char *value;  /* borrowed; NULL: not set */
	const char *origin; /* "option", "environment", a file name, "default" */
};

struct agent_log; /* log.c: the ring of lines and who follows it */

struct agent {
	const char *instance;
	struct cli_identity identity;
	struct agent_setting *settings;
	size_t settings_count;
	struct reload_poll *poll;
	struct reload_links *links;
	struct reload_pool *pool;
	struct reload_server *server;
	struct reload_storage *storage;
	uint64_t storage_limit; /* bytes */
	struct reload_peer *peer;
	struct agent_log *log;
	struct reload_ip_port listen[AGENT_LISTEN_MAX];	   /* with the ports that were taken */
	size_t listen_count;
	struct reload_ip_port candidates[AGENT_LISTEN_MAX]; /* what others are told */
	size_t candidates_count;
	struct reload_ip_port bootstrap[AGENT_BOOTSTRAP_MAX]; /* --bootstrap */
	size_t bootstrap_count;
	enum reload_role role;
	int ready_fd; /* -1: nobody waits, or told already */
	bool stopping, stop_now, ended;
	int status; /* exit status */
};

/* agent_stop() begins to end the agent: Leave (now: without), then the loop ends. */
void agent_stop(struct agent *a, bool now);

/* -- rpc.c ------------------------------------------------------------------------------------------------------------ */

/* agent_service() returns the handlers of the control protocol, whose arg is the struct agent. */
const struct reload_rpc_service *agent_service(struct agent *a);

/* agent_rpc_event() tells handlers that wait (overlay.join, overlay.wait, agent.events) what happened. */
void agent_rpc_event(struct agent *a, const struct reload_event *event);

/* -- log.c ------------------------------------------------------------------------------------------------------------ */

/*
 * agent_log_new() makes the log (owned): lines go to stderr, a file or the journal.  levels is LEVEL[,PART=LEVEL].
 * RELOAD_USAGE with why for levels that do not parse, RELOAD_IO for a file that cannot be opened.
 */
enum reload_err agent_log_new(struct agent_log **out, const char *levels, const char *to, struct reload_why *why) MUST_CHECK;
void agent_log_free(struct agent_log *log);

/* agent_log() writes one line of a part ("link", "agent"); equal lines in a row are collapsed and counted. */
void agent_log(struct agent_log *log, enum reload_event_level level, const char *part, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* agent_log_event() renders an event of the engine: "peer: link up node=... link=3". */
void agent_log_event(struct agent_log *log, const struct reload_event *event);
