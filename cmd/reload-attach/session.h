/* A connection to the agent during which bytes are pumped: while the program waits for the agent, its streams go on. */
#pragma once

#include "common/call.h"
#include "reload-attach/pump.h"

enum {
	SESSION_PUMPS_MAX = 64
};

struct session_pump {
	json_int_t number; /* of the connection, as the agent counts */
	struct pump pump;
	bool reported; /* the agent has said how it ended */
};

struct session {
	struct cli *cli;
	struct reload_client *client;
	struct reload_client_io inner;
	int stop_fd;      /* -1: none */
	int hangup_fd;    /* -1: none */
	reload_ms limit;  /* for a connection; RELOAD_NEVER: there is one, or no limit */
	bool stopped;     /* by a signal */
	bool output_gone; /* nobody reads standard output any more */
	struct session_pump *pumps[SESSION_PUMPS_MAX]; /* owned */
	size_t count;
};

/* session_open() connects to the agent of --agent; failures as those of cli_link_open().  session_clear() closes all. */
enum reload_err session_open(
	struct session *s, struct cli *cli, int stop_fd, struct reload_error_text *why) MUST_CHECK;
void session_clear(struct session *s);

/*
 * session_hangup() makes a SIGHUP the end of the input, as ssh sends one to its ProxyCommand when it has no more to say; before session_add().  Without it
 * the signal ends the program, and the other end sees a connection that was cut off.
 */
void session_hangup(struct session *s);

/* session_call() makes one request (params are taken), pumping until its reply; as reload_client_call(). */
enum reload_err session_call(struct session *s, const char *method, json_t *params,
	reload_progress_fn progress, void *arg, json_t **result,
	struct reload_call_error *error) MUST_CHECK;

/* session_add() connects to the connection that the agent reported and pumps between it and in and out (taken); false: nobody is there, and they are closed. */
bool session_add(struct session *s, const json_t *connected, int in, int out);

/* session_stream() returns a socket connected to a connection that the agent reported; a negative errno. */
int session_stream(const json_t *connected);

/* session_reported() notes that the agent has said how a connection ended, session_find() returns one, NULL: it is done. */
void session_reported(struct session *s, json_int_t number);
struct session_pump *session_find(struct session *s, json_int_t number);

/* session_finish() pumps until what has arrived is written, after the agent has ended all streams. */
void session_finish(struct session *s);
