/* JSON-RPC 2.0, one object a line: the form of requests, replies and notifications. */
#pragma once

#include "control/failure.h"
#include "util/bytes.h"

enum {
	RELOAD_RPC_LINE_MAX = 1024 * 1024, /* of a request; longer ones end the connection */
	RELOAD_RPC_REPLY_MAX =
		32 * 1024 * 1024, /* of a reply: a message of 16 MiB in base64 fits */
};

/* A request; the pointers are borrowed from root. */
struct reload_rpc_request {
	json_t *root; /* owned */
	json_t *id;   /* string, integer or null; NULL: a notification */
	const char *method;
	json_t *params; /* object, or NULL */
};

/*
 * reload_rpc_parse() reads one line (without its end).  RELOAD_BAD_JSON when it is no JSON (names of one object twice and
 * broken UTF-8 count), RELOAD_BAD_REQUEST when it is no request; out->id is set if it could be read, for the
 * error reply.  The caller clears out after a failure as well.
 */
enum reload_err reload_rpc_parse(
	struct reload_rpc_request *out, struct span line, struct reload_error_text *why) MUST_CHECK;
void reload_rpc_request_clear(struct reload_rpc_request *r);

/*
 * reload_rpc_write_result(), reload_rpc_write_error() and reload_rpc_write_request() append one line.  result and params are
 * borrowed; a NULL id is null.  reload_rpc_write_cancel() makes the notification "rpc.cancel" for the request with that id,
 * reload_rpc_write_progress() the notification "progress" that belongs to the request with
 * that id.
 */
void reload_rpc_write_result(struct wr *w, const json_t *id, json_t *result);
void reload_rpc_write_error(struct wr *w, const json_t *id, const struct reload_failure *failure);
void reload_rpc_write_progress(struct wr *w, const json_t *id, json_t *object);
void reload_rpc_write_cancel(struct wr *w, json_int_t id);
void reload_rpc_write_request(struct wr *w, json_int_t id, const char *method, json_t *params);
