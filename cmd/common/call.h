/* Requests to an agent: connecting, calling, reporting failures. */
#pragma once

#include "common/output.h"
#include "control/client_io.h"

struct cli_link; /* a connection to the agent that the command line names */

/* What cli_link_open() does when no agent answers yet. */
enum cli_link_wait {
	CLI_LINK_NOW,
	CLI_LINK_WAIT /* until cli->deadline, and after a lost connection for the next agent: for programs that are started together with the agent */
};

/*
 * cli_link_open() connects to the agent of --agent (owned).  stop_fd: a descriptor that ends any waiting when readable, -1:
 * none.  Errors of cli_agent() and reload_client_connect() with why.
 */
enum reload_err cli_link_open(struct cli_link **out, struct cli *cli, enum cli_link_wait wait,
	int stop_fd, struct reload_error_text *why) MUST_CHECK;
void cli_link_free(struct cli_link *link);
AUTO_DEFINE(cli_link)

/* cli_agent_pid() returns the process of the agent of --agent in *pid, as reload_client_pid() does, without a request. */
enum reload_err cli_agent_pid(
	pid_t *pid, struct cli *cli, struct reload_error_text *why) MUST_CHECK;

/*
 * cli_link_call() makes one request (params are taken) and waits until cli->deadline, or until `deadline` when that is
 * earlier; *result is owned.  A method that takes timeout_ms gets one that is a little shorter, so that the agent's error
 * arrives before the wait here ends.  With CLI_LINK_WAIT the first call is made again, to the next agent, when the
 * connection ended before its answer and it had no effect: it only reads, or the agent had not read it yet.
 */
enum reload_err cli_link_call(struct cli_link *link, const char *method, json_t *params,
	reload_ms deadline, reload_progress_fn progress, void *arg, json_t **result,
	struct reload_call_error *error) MUST_CHECK;

/*
 * cli_link_send() sends a request (params are taken) and cli_link_next() takes the next reply that comes, to any of them,
 * as reload_client_send() and reload_client_next() do; both until cli->deadline.
 */
enum reload_err cli_link_send(struct cli_link *link, const char *method, json_t *params,
	json_int_t *id, struct reload_call_error *error) MUST_CHECK;
enum reload_err cli_link_next(struct cli_link *link, json_int_t *id, json_t **result,
	struct reload_call_error *error) MUST_CHECK;

/* cli_fail_rpc() reports error as cli_fail() does, clears it and returns the exit status. */
int cli_fail_rpc(struct cli *cli, struct reload_call_error *error);

/*
 * cli_request() connects to the agent and makes one request (params are taken): 0 with *result (owned), else the exit status
 * after it has reported the failure.
 */
int cli_request(struct cli *cli, const char *method, json_t *params, json_t **result);

/* cli_complete_agent() offers the "targets", "keys" and "kinds" that the agent knows, for struct cli_program.complete. */
void cli_complete_agent(struct cli *cli, const char *what, const struct cli_typed *typed);

/*
 * cli_stop_signals() blocks SIGINT and SIGTERM and returns a descriptor that is readable when one came, or when nobody reads standard
 * output any more; -1 on failure.  One at a time; cli_stop_end() closes it.
 */
int cli_stop_signals(void);

/* cli_sleep() waits until `when`; false when stop_fd (-1: none) became readable earlier. */
bool cli_sleep(int stop_fd, reload_ms when);

/* cli_stop_end() consumes a pending signal and closes the descriptor; -1 is legal. */
void cli_stop_end(int fd);

/*
 * cli_get_text(), cli_get_real(), cli_get_int() and cli_get_bool() read a member of a result; a missing one is empty, 0
 * or false.
 */
const char *cli_get_text(const json_t *object, const char *key);
double cli_get_real(const json_t *object, const char *key);
long long cli_get_int(const json_t *object, const char *key);
bool cli_get_bool(const json_t *object, const char *key);

/* cli_short_id() writes the first 8 digits of an ID, and returns out. */
enum {
	CLI_SHORT_ID = 9
};
const char *cli_short_id(char out[CLI_SHORT_ID], const char *hex);

/* cli_local_time() writes an RFC 3339 time as local "16:12:05", with the date in front when that is not today. */
enum {
	CLI_LOCAL_TIME = 24
};
const char *cli_local_time(char out[CLI_LOCAL_TIME], const char *rfc3339);
