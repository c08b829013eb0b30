/*
 * libreload: talk to a reload-agent, and read and write messages of RELOAD (RFC 6940).
 *
 * Manual: reload_session(3), reload_values(3), reload_codec(3); the methods that a session calls are in reload-control(7).
 *
 * Texts are UTF-8.  What a function returns as char * is the caller's, for free(3); const char * is borrowed.  An object is for one thread
 * at a time.  Where there is no memory the program is aborted.  Structures are opaque and functions are only added within
 * one SONAME.
 */
#ifndef RELOAD_H
#define RELOAD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What functions that return int return: the exit status that the programs have for the same thing. */
enum reload_status {
	RELOAD_STATUS_OK = 0,
	RELOAD_STATUS_FAILED = 1,
	RELOAD_STATUS_USAGE = 2,        /* a wrong argument, or several agents and none named */
	RELOAD_STATUS_AGENT = 3,        /* no agent, no permission, another protocol version */
	RELOAD_STATUS_TIMEOUT = 4,      /* no answer in time */
	RELOAD_STATUS_NOT_FOUND = 5,    /* no such value or node */
	RELOAD_STATUS_FORBIDDEN = 6,    /* access control, or a bad signature */
	RELOAD_STATUS_CONFLICT = 7,     /* another generation, or it exists already */
	RELOAD_STATUS_LIMIT = 8,        /* too large, or too many */
	RELOAD_STATUS_NOT_JOINED = 9,   /* the agent is not part of the overlay */
	RELOAD_STATUS_CREDENTIALS = 10, /* certificate or configuration */
	RELOAD_STATUS_PARTIAL = 11,     /* only a part succeeded */
	RELOAD_STATUS_CALL_REJECTED = 12,
	RELOAD_STATUS_BUG = 70 /* an internal error */
};

/* reload_library_version() returns the version of the library that runs, "1.2.3". */
const char *reload_library_version(void);

/* -- sessions: reload_session(3) ------------------------------------------------------------------------------------------ */

struct reload_session;

/*
 * reload_session_open() connects to an agent.  agent is the name of an instance, or the path of a socket when it has a /; NULL: that of $RELOAD_AGENT,
 * or the only one that runs.  timeout_ms is the limit of this and of each later call; 0: none.  *session is set in any
 * case, so that a failure can be explained, and is for reload_session_close(), which takes NULL as well.
 */
int reload_session_open(struct reload_session **session, const char *agent, unsigned timeout_ms);
void reload_session_close(struct reload_session *session);
void reload_session_set_timeout(struct reload_session *session, unsigned timeout_ms);

/*
 * Of the last call that failed: what failed, why, and what to try, as the programs print them, "" without; whether it may succeed later; and all of it as
 * JSON.  Borrowed until the next call.
 */
const char *reload_session_what(const struct reload_session *session);
const char *reload_session_why(const struct reload_session *session);
const char *reload_session_advice(const struct reload_session *session);
bool reload_session_retry(const struct reload_session *session);
const char *reload_session_error(const struct reload_session *session);

/*
 * reload_session_call() calls a method of reload-control(7) and waits for its result.  params and *result are JSON objects as text; params may be NULL,
 * *result is the caller's.
 */
int reload_session_call(
	struct reload_session *session, const char *method, const char *params, char **result);

/*
 * reload_session_send() sends a request without waiting; *id is its number.  reload_session_next() waits for the next reply to any of them:
 * *id says to which.  It returns what that request ended with; RELOAD_STATUS_AGENT or _TIMEOUT with *id 0 is about the session.  Many may be
 * under way; no reload_session_call() meanwhile.  reload_session_cancel() has the agent give a request up.
 */
int reload_session_send(
	struct reload_session *session, const char *method, const char *params, int64_t *id);
int reload_session_next(struct reload_session *session, int64_t *id, char **result);
int reload_session_cancel(struct reload_session *session, int64_t id);

/* reload_session_fd() returns the descriptor that is readable when reload_session_next() has something to read; -1: not connected. */
int reload_session_fd(const struct reload_session *session);

/*
 * Gets what a request sends while it is under way (object is JSON, borrowed for the call); called from reload_session_next() and, with the id of that call,
 * from reload_session_call().  false ends the waiting.
 */
typedef bool (*reload_progress_callback)(void *arg, int64_t id, const char *object);
void reload_session_on_progress(
	struct reload_session *session, reload_progress_callback fn, void *arg);

/* -- values: reload_values(3) --------------------------------------------------------------------------------------------- */

struct reload_values;

/*
 * reload_value_store() stores one value of a Kind of the data model SINGLE at target ("alice@example.org", "name:TEXT", "resource:HEX",
 * ...) for lifetime_s seconds, 0: a day.  reload_value_remove() removes it.
 */
int reload_value_store(struct reload_session *session, const char *kind, const char *target,
	const void *value, size_t len, uint32_t lifetime_s);
int reload_value_remove(struct reload_session *session, const char *kind, const char *target);

/*
 * reload_values_fetch() fetches all values of a Kind at target, of any data model, that pass every check; RELOAD_STATUS_NOT_FOUND when there are none.
 * *values is for reload_values_free(), which takes NULL as well.
 */
int reload_values_fetch(struct reload_session *session, const char *kind, const char *target,
	struct reload_values **values);
void reload_values_free(struct reload_values *values);
size_t reload_values_count(const struct reload_values *values);

/*
 * Of the value number i (below reload_values_count()), borrowed: its bytes, behind which there is a 0; who signed it, "" when unknown: user name and
 * Node-ID; its place: the index in an array, -1 else, and the key in a dictionary in hex, "" else; and when it expires, as RFC 3339.
 */
const void *reload_value_bytes(const struct reload_values *values, size_t i, size_t *len);
const char *reload_value_user(const struct reload_values *values, size_t i);
const char *reload_value_node_id(const struct reload_values *values, size_t i);
int64_t reload_value_index(const struct reload_values *values, size_t i);
const char *reload_value_key(const struct reload_values *values, size_t i);
const char *reload_value_expires(const struct reload_values *values, size_t i);

/* -- messages: reload_codec(3) -------------------------------------------------------------------------------------------- */

struct reload_codec;

/*
 * reload_codec_decode() reads a whole RELOAD message, or the frame of a link that carries one, in an overlay whose Node-IDs have node_id_length bytes (16 to
 * 20; 0: 16).  No signature is checked.  *codec is set in any case, for reload_codec_fault(), and is for reload_codec_free(), which takes NULL as
 * well.  RELOAD_STATUS_OK also when only the body cannot be read: reload_codec_fault() then says why, and the rest is there.
 */
int reload_codec_decode(
	struct reload_codec **codec, const void *bytes, size_t len, unsigned node_id_length);
void reload_codec_free(struct reload_codec *codec);
const char *reload_codec_fault(const struct reload_codec *codec);

/* Of a message: its code and the name of the code ("ping_req", "" when unknown), and fields of the forwarding header. */
uint16_t reload_codec_code(const struct reload_codec *codec);
const char *reload_codec_name(const struct reload_codec *codec);
uint64_t reload_codec_transaction(const struct reload_codec *codec);
uint32_t reload_codec_overlay(const struct reload_codec *codec);
uint8_t reload_codec_ttl(const struct reload_codec *codec);

/* reload_codec_json() returns all of a message as a JSON object, reload_codec_text() as lines for people (both the caller's). */
char *reload_codec_json(struct reload_codec *codec);
char *reload_codec_text(struct reload_codec *codec);

/*
 * reload_codec_encode() makes the message that a JSON object in the form of reload_codec_json() describes: *bytes is the caller's, *len its length, which the
 * header need not have right.  Nothing is signed: the security block is as given.  RELOAD_STATUS_FAILED or _LIMIT with *fault (the caller's; may be NULL)
 * when it describes none.
 */
int reload_codec_encode(
	const char *json, unsigned node_id_length, void **bytes, size_t *len, char **fault);

/*
 * reload_codec_next_frame() says how long the frame or message is that bytes begin with, so that a stream can be taken apart: *size bytes.
 * RELOAD_STATUS_LIMIT: not all of it is there, and *size bytes are needed at least.  RELOAD_STATUS_FAILED: it is neither.
 */
int reload_codec_next_frame(size_t *size, const void *bytes, size_t len);

/* reload_overlay_number() returns the `overlay` field of the messages of an overlay with that name (RFC 6940 section 6.3.2). */
uint32_t reload_overlay_number(const char *overlay_name);

#ifdef __cplusplus
}
#endif

#endif
