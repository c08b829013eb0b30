/*
 * The programs' side of the control protocol, blocking: one request at a time, or many under way.  It does no I/O of its
 * own, so that tests feed it bytes.
 */
#pragma once

#include "control/jsonrpc.h"
#include "util/clock.h"

/*
 * The two callbacks wait until deadline (monotonic ms, RELOAD_NEVER: for ever). send() takes all of bytes; receive()
 * reads at least one byte into buf; *len 0 means that the agent closed the connection after it had read all that was
 * sent. RELOAD_TIMEOUT at the deadline, RELOAD_CANCELLED when the user stopped the program, RELOAD_NO_AGENT when the
 * connection is lost and the agent had not read everything.
 */
struct reload_client_io {
	void *arg;
	const char *agent; /* how -a names the agent, for advice */
	enum reload_err (*send)(void *arg, struct span bytes, reload_ms deadline);
	enum reload_err (*receive)(
		void *arg, void *buf, size_t cap, size_t *len, reload_ms deadline);
	void (*close)(void *arg); /* may be NULL */
};

struct reload_client;

/* reload_client_new() makes a client (owned) of io, which is copied with what it names; reload_client_free() closes it. */
struct reload_client *reload_client_new(const struct reload_client_io *io);
void reload_client_free(struct reload_client *client);
AUTO_DEFINE(reload_client)

/* What a call ended with when it failed; data is the `error` object of cli.md s1.2 (owned by the holder). */
struct reload_call_error {
	struct reload_failure failure;
	json_t *data;
	bool unread; /* RELOAD_NO_AGENT, and the agent had not read the request: it had no effect */
};

/* reload_call_error_clear() frees data and makes all zero; a zeroed error is legal. */
void reload_call_error_clear(struct reload_call_error *error);

/* Gets the objects of progress notifications (borrowed); false ends the call with RELOAD_CANCELLED. */
typedef bool (*reload_progress_fn)(void *arg, json_t *object);

/*
 * reload_client_call() sends a request (params are taken, NULL: none) and waits for its reply until deadline: *result is
 * owned.  On failure error is filled, by the agent or here: RELOAD_TIMEOUT when the agent does not answer in time,
 * RELOAD_NO_AGENT when it has ended, RELOAD_BAD_ANSWER when it sends something that is no reply.  After one of these
 * three failures the connection is not used again: later calls fail with RELOAD_NO_AGENT.
 */
enum reload_err reload_client_call(struct reload_client *client, const char *method, json_t *params,
	reload_ms deadline, reload_progress_fn progress, void *progress_arg, json_t **result,
	struct reload_call_error *error) MUST_CHECK;

/* Gets a progress notification of request number id; false ends reload_client_next() with RELOAD_CANCELLED. */
typedef bool (*reload_progress_of_fn)(void *arg, json_int_t id, json_t *object);

/* reload_client_on_progress() has reload_client_next() call fn for the progress notifications of all requests. */
void reload_client_on_progress(struct reload_client *client, reload_progress_of_fn fn, void *arg);

/*
 * reload_client_send() sends a request (params are taken) without waiting for its reply; *id is its number.  Failures are
 * those three of reload_client_call() that the client makes itself.
 * reload_client_next() waits until deadline for the next reply to any request: *id is the number of that request, and either *result
 * (owned) or error->data is set.  It fails when no reply can come any more, with error filled as by reload_client_call().
 * Not to be mixed with calls while replies are outstanding.
 */
enum reload_err reload_client_send(struct reload_client *client, const char *method, json_t *params,
	reload_ms deadline, json_int_t *id, struct reload_call_error *error) MUST_CHECK;
enum reload_err reload_client_next(struct reload_client *client, reload_ms deadline, json_int_t *id,
	json_t **result, struct reload_call_error *error) MUST_CHECK;

/*
 * reload_client_cancel() has the agent give up the request with that number; its reply is then an error.  Failures are those of
 * reload_client_send().
 */
enum reload_err reload_client_cancel(struct reload_client *client, json_int_t id,
	reload_ms deadline, struct reload_call_error *error) MUST_CHECK;

/*
 * reload_client_take() is reload_client_next() for a program that waits for its descriptor in a loop of its own: RELOAD_TIMEOUT when no whole reply has
 * come yet, and the connection goes on.  receive() is called with a deadline of 0 and must not wait.
 */
enum reload_err reload_client_take(struct reload_client *client, json_int_t *id, json_t **result,
	struct reload_call_error *error) MUST_CHECK;
