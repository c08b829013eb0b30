/*
 * Requests of this node (RFC 6940 s6.2.1).
 *
 *	new -> encoded -> signed (a job) -> sent up to five times -> answered | failed -> reported -> freed
 *	                    ^                                           |
 *	                    +------- resend timer: no longer responsible ---+   (exchange/resend.c)
 *
 * A request to a point that this node is itself responsible for is served at once, without signature.  The host gets the results of its
 * requests at the end of the input, when nothing is half done; the engine's rooms get those of internal requests at once.
 */
#pragma once

#include "engine/engine.h"
#include "exchange/transactions.h"
#include "wire/message.h"

#include <bsd/sys/queue.h>

struct reload_exchange;
struct reload_incoming;
struct reload_method_row;
struct reload_fetched;
struct reload_request;

/* What a request ended with; all pointers are borrowed for the time of the call. */
struct reload_result {
	enum reload_err err;   /* of this program, or what the overlay answered */
	uint16_t overlay_code; /* error_code of an ErrorResponse, 0 for none */
	struct span error_info;
	struct reload_id responder; /* who signed the answer; len 0: no answer */
	unsigned hops;              /* links that the answer crossed; 0: answered here */
	unsigned transmissions;
	uint64_t transaction;
	const struct reload_msg *answer;     /* decoded, NULL without an answer */
	const struct reload_fetched *values; /* Fetch */
	size_t values_count;
	/*
	 * of a request that this node has sent to itself by way of others: the Destination List that its Via List makes, by which these
	 * lead here (s6.1.2); empty: it did not come back
	 */
	struct span way_here;
	const char *reason; /* static: where it failed */
};

typedef void (*reload_result_fn)(void *arg, const struct reload_result *result);

/* Called when an internal request ends, at once: within the input that ended it. */
typedef void (*reload_request_end_fn)(
	void *arg, struct reload_request *r, const struct reload_result *result);

/*
 * A Destination List whose last entry is the target; timeout_ms 0: five transmissions.  With dry_run all is
 * done but the sending, and the result has no answer.
 */
struct reload_request_target {
	const struct reload_destination *list;
	size_t count;
	reload_ms timeout_ms;
	bool dry_run;
};

/* Who may answer (RFC 6940 s6.3.4). */
enum reload_expect {
	RELOAD_EXPECT_NODE,
	RELOAD_EXPECT_RESOURCE,
	RELOAD_EXPECT_LINK_PEER,
	RELOAD_EXPECT_ANYBODY
};

/* Before it is sent the rooms above set over_link, timeout_ms, skip_closeness_check, work, work_free and certificates; all else they read. */
struct reload_request {
	struct reload_transaction transaction; /* first: found by it */
	TAILQ_ENTRY(reload_request) entry;
	struct reload_exchange *exchange;
	uint16_t code;
	const struct reload_method_row *method; /* of code; NULL: it is none of this node's */
	struct wr contents, tail, list;
	struct wr way_here; /* of the result */
	bool signing, cancelled, ended;
	bool skip_closeness_check; /* any responder will do (CHORD-02) */
	bool served_here;          /* this node was responsible and served it itself */
	bool no_next_hop;          /* its last copy found no next hop */
	bool dry_run;              /* ends in front of its transmission */
	bool waiting_to_resend; /* nobody was responsible for it: it is sent again when resend_timer fires */
	struct reload_timer resend_timer;
	reload_ms resend_pause_ms; /* the last one */
	enum reload_expect expect;
	struct reload_id target;
	uint32_t over_link; /* not 0: sent over this link, whatever the list says */
	reload_ms started_at;
	unsigned pending_jobs; /* jobs that refer to it: it is not freed before they have ended */
	reload_ms timeout_ms, left_ms; /* of the whole; of it, once it was sent again */
	/* internal: on_end(on_end_arg), called at once; of the host: fn(arg), called at the end of the input */
	reload_request_end_fn on_end;
	void *on_end_arg;
	reload_result_fn fn;
	void *arg;
	struct reload_incoming *answer;
	struct reload_result result;
	/* what the method keeps until the request is freed; NULL: nothing */
	void *work;
	void (*work_free)(void *work);
	struct wr
		certificates; /* GenericCertificates that go into the message beside this node's own */
};

/*
 * reload_request_new() makes a request of the host that reload_request_send() starts.  NULL with *err set: RELOAD_USAGE for a list that cannot
 * be, RELOAD_LIMIT when too many are under way, RELOAD_NOT_JOINED when the node ends.
 */
struct reload_request *reload_request_new(struct reload_exchange *x, uint16_t code,
	const struct reload_request_target *target, reload_result_fn fn, void *arg,
	enum reload_err *err);
/* reload_request_internal() makes one of the engine itself: on_end(arg) is called at its end; NULL: the result is ignored. */
struct reload_request *reload_request_internal(struct reload_exchange *x, uint16_t code,
	const struct reload_destination *list, size_t count, reload_request_end_fn on_end,
	void *arg);
/*
 * reload_request_induced() is reload_request_internal() for what node causes by a message of its own; the result is ignored.
 * NULL when enough of these are under way, of all or for that node: an unsigned list must not make this node send many messages.
 */
struct reload_request *reload_request_induced(struct reload_exchange *x, uint16_t code,
	const struct reload_id *node, const struct reload_destination *list, size_t count);

/* reload_requests_bytes() returns the bytes of memory held for the messages of all requests under way. */
size_t reload_requests_bytes(const struct reload_exchange *x);

/*
 * reload_request_send() encodes body and starts the transaction; reload_request_send_bytes() for one that is encoded;
 * reload_request_send_extended() for a message with extensions.
 */
void reload_request_send(struct reload_request *r, const void *body);
void reload_request_send_bytes(struct reload_request *r, struct span body);
void reload_request_send_extended(struct reload_request *r, const void *body,
	const struct reload_extension *extensions, size_t count);

/*
 * reload_request_fail() ends a request with err (reason is static); an ended one is legal.  reload_request_stop() ends one of the host without
 * a result.  reload_request_free() frees one that was never sent.
 */
void reload_request_fail(struct reload_request *r, enum reload_err err, const char *reason);
void reload_request_stop(struct reload_request *r);
void reload_request_free(struct reload_request *r);

/*
 * reload_request_hold() keeps r from being freed until reload_request_release(), which returns whether it still runs: if not, r may be gone.
 */
void reload_request_hold(struct reload_request *r);
bool reload_request_release(struct reload_request *r);

/*
 * reload_requests_under_way() returns how many there are, ended ones whose result is not reported yet included; oldest (NULL is legal) is when the first
 * of them began, or RELOAD_NEVER.  reload_requests_open() returns whether any waits for its end, reload_requests_of_host() whether one of the
 * host does.  reload_requests_end() fails all of the host's with err.  reload_requests_cancel() ends the internal ones to the Node-ID `to`
 * with this on_end: with RELOAD_CANCELLED.  reload_requests_hasten() repeats at once those whose last copy found no next hop, as
 * there are links again.
 */
size_t reload_requests_under_way(const struct reload_exchange *x, reload_ms *oldest);
void reload_requests_hasten(struct reload_exchange *x);
bool reload_requests_open(const struct reload_exchange *x);
bool reload_requests_of_host(const struct reload_exchange *x);
void reload_requests_end(struct reload_exchange *x, enum reload_err err);
void reload_requests_cancel(
	struct reload_exchange *x, reload_request_end_fn on_end, const struct reload_id *to);
