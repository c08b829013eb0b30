/*
 * One connection to the control socket, without the socket: it is fed bytes, calls the handlers of requests and gives bytes to send.
 * Whatever a client sends or leaves unread, it cannot take more memory than the limits below or hold up another client.
 */
#pragma once

#include "control/jsonrpc.h"
#include "control/methods.h"

enum {
	RELOAD_RPC_CALLS_MAX =
		128, /* requests under way per connection: more fail with RELOAD_LIMIT */
	RELOAD_RPC_OUTPUT_HIGH =
		256 * 1024, /* above this many unread bytes no further request is begun */
	RELOAD_RPC_PROGRESS_MAX =
		1024 *
		1024, /* above this many unread bytes notifications are dropped and counted */
	RELOAD_RPC_OUTPUT_MAX = 2 * RELOAD_RPC_REPLY_MAX, /* above this the connection is closed */
};

struct reload_rpc_session;
struct reload_rpc_call; /* one request under way */

/* A handler returns one of these; only the functions below make them. */
enum reload_rpc_end {
	RELOAD_RPC_REPLIED,
	RELOAD_RPC_FAILED,
	RELOAD_RPC_PENDING
};

/*
 * A handler gets parameters that fit the table (borrowed for the call).  It may end the request at once, or return
 * pending and end it later; ending it frees the call.
 */
typedef enum reload_rpc_end (*reload_rpc_handler)(
	void *arg, struct reload_rpc_call *call, const json_t *params);
typedef void (*reload_rpc_cancel_fn)(void *arg);

struct reload_rpc_service {
	const reload_rpc_handler *handlers; /* by enum reload_method_id; NULL: not served */
	void *arg;
	/*
	 * called by the server when the socket of path, or its lock, was removed: RELOAD_OK when both were made again,
	 * else the error with why, which is reported once while the server goes on trying.  NULL: not reported
	 */
	void (*socket)(void *arg, const char *path, enum reload_err err,
		const struct reload_error_text *why);
	/*
	 * begun() is called before the handler of a request and may return a record of it, NULL: none.  ended() gets that record when the request
	 * has ended, once: with its result, or its failure (both borrowed), or neither when the client has gone.  NULL: nobody keeps records
	 */
	void *(*begun)(void *arg, const struct reload_method *method, const json_t *params);
	void (*ended)(void *arg, void *record, const json_t *result,
		const struct reload_failure *failure);
};

/*
 * reload_rpc_reply() ends a request with a result (taken).  A result that does not fit the table is a bug of the
 * agent: the client gets RELOAD_BUG with the field at fault.
 */
enum reload_rpc_end reload_rpc_reply(struct reload_rpc_call *call, json_t *result);

/*
 * reload_rpc_fail() ends a request with a failure; reload_rpc_fail_why() makes the failure of err and why (may be
 * NULL).
 */
enum reload_rpc_end reload_rpc_fail(
	struct reload_rpc_call *call, const struct reload_failure *failure);
enum reload_rpc_end reload_rpc_fail_why(
	struct reload_rpc_call *call, enum reload_err err, const struct reload_error_text *why);

/* reload_rpc_pend() keeps the request; cancel(arg) is called when the client closes or cancels, after which the call must not be used. */
enum reload_rpc_end reload_rpc_pend(
	struct reload_rpc_call *call, reload_rpc_cancel_fn cancel, void *arg);

/* reload_rpc_progress() sends a notification (object is borrowed) that belongs to call; false: the client reads too slowly. */
bool reload_rpc_progress(struct reload_rpc_call *call, json_t *object);

/*
 * reload_rpc_session_new() begins a connection (owned); service is borrowed.  wake(arg) is called when there is output, or
 * the session has ended, but not from inside feed and sent; it must not call the session.
 */
struct reload_rpc_session *reload_rpc_session_new(const struct reload_rpc_service *service,
	bool read_only, void (*wake)(void *arg), void *arg);

/* reload_rpc_session_free() cancels all pending requests; not to be called from inside a handler. */
void reload_rpc_session_free(struct reload_rpc_session *s);
AUTO_DEFINE(reload_rpc_session)

/* reload_rpc_session_feed() takes bytes from the client; any number. */
void reload_rpc_session_feed(struct reload_rpc_session *s, struct span bytes);

/* reload_rpc_session_output() returns what is to be sent (borrowed until the next call), _sent() drops n bytes of it. */
struct span reload_rpc_session_output(const struct reload_rpc_session *s);
void reload_rpc_session_sent(struct reload_rpc_session *s, size_t n);

/* reload_rpc_session_hungry() returns whether input may be read now: false while the client does not read its output. */
bool reload_rpc_session_hungry(const struct reload_rpc_session *s);

/* reload_rpc_session_ended() returns whether the connection is to be closed after one attempt to send the output. */
bool reload_rpc_session_ended(const struct reload_rpc_session *s);

/* reload_rpc_session_calls() returns the number of requests under way. */
size_t reload_rpc_session_calls(const struct reload_rpc_session *s);
