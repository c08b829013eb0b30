/* What the files of the exchange share. */
#pragma once

#include "connection/link.h"
#include "exchange/answer_cache.h"
#include "exchange/exchange.h"
#include "exchange/fragments.h"
#include "exchange/sign.h"
#include "exchange/return_paths.h"
#include "exchange/traffic.h"
#include "ident/cache.h"

struct delayed;

TAILQ_HEAD(request_list, reload_request);
TAILQ_HEAD(delayed_list, delayed);

enum {
	RELOAD_METHODS_MAX = 32,
	RELOAD_INDUCED_MAX =
		64 /* requests under way because others asked for them; more are not made */
};

struct induced {
	uint16_t code; /* 0: free */
	struct reload_id node;
};

struct reload_exchange {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	const struct reload_credentials *credentials;
	struct wr identity; /* own SignerIdentity in wire form */
	struct reload_policy policy;
	const struct reload_exchange_watch *watch;
	void *watch_arg;
	struct reload_method_row methods[RELOAD_METHODS_MAX];
	size_t methods_count;
	struct reload_cache *cache;
	struct reload_traffic traffic;
	struct reload_transactions transactions;
	struct reload_answer_cache *answer_cache;
	struct reload_timer answers_over; /* armed while there are any */
	struct reload_return_paths *return_paths;
	struct reload_reassembly *reassembly;
	struct reload_incoming_list
		work; /* messages whose signatures are being verified, or that wait for a commit */
	size_t work_count;
	struct request_list requests, done; /* all under way; ended, result not reported yet */
	size_t requests_count;
	bool completing;
	struct induced *induced;     /* RELOAD_INDUCED_MAX; NULL: none is under way */
	struct delayed_list delayed; /* requests that go in a circle */
	size_t delayed_count, delayed_bytes;
	struct {
		uint64_t transaction;
		reload_ms since;
	} unasked; /* the newest answer to no request of this node */
};

/* -- methods.c ---------------------------------------------------------------------------------------------------------- */

/* reload_method_row() returns the row of a request's code; NULL: it is no method of this node. */
const struct reload_method_row *reload_method_row(const struct reload_exchange *x, uint16_t code);

/* -- sign.c -------------------------------------------------------------------------------------------------------------- */

/* Called with contents and security block; err: the message could not be signed. */
typedef void (*reload_signed_fn)(void *arg, struct span tail, enum reload_err err);

/*
 * reload_sign_contents() signs contents for transaction and calls fn later; extra are GenericCertificate lists in wire form that go
 * into the security block beside this node's own certificate.
 */
void reload_sign_contents(struct reload_exchange *x, uint64_t transaction, struct span contents,
	const struct span *extra, size_t extra_count, reload_signed_fn fn, void *arg);

/* reload_certificates_write() appends cert (and those of others that are no roots) as GenericCertificates in wire form. */
void reload_certificates_write(struct reload_exchange *x, struct wr *w,
	const struct reload_cert *cert, struct reload_cert *const *others, size_t others_count);

/*
 * reload_certificates_merge() adds to out, which has *count, the certificates of a wire list that are not in it yet; false: they would be more than
 * RELOAD_LIMIT_CERTIFICATES, and who gets the message could not verify all values.
 */
bool reload_certificates_merge(struct reload_exchange *x, struct reload_generic_certificate *out,
	size_t *count, struct span list);

/* reload_identity_set() takes the SignerIdentity of x->credentials, reload_identity_trust() makes them known as verified. */
void reload_identity_set(struct reload_exchange *x);
void reload_identity_trust(struct reload_exchange *x);

/* -- send.c -------------------------------------------------------------------------------------------------------------- */

/* reload_header_new() fills what all messages of this node have. */
struct reload_header reload_header_new(struct reload_exchange *x, uint64_t transaction);

/* reload_list_onward() appends the Destination List with which a message goes on after the decision. */
void reload_list_onward(
	struct wr *w, const struct reload_exchange *x, const struct reload_decision *d);

/* reload_message_send() writes header (lists as given) and tail, and sends over con, in fragments where the policy says so. */
void reload_message_send(struct reload_exchange *x, struct reload_connection *con,
	struct reload_header *header, struct span tail);

/* reload_response_send() makes the header of a response along back and sends it. */
void reload_response_send(struct reload_exchange *x, uint64_t transaction, struct span back,
	struct span options, struct span tail, uint32_t link);

/* reload_options_copy() appends the options that the requester wants back. */
void reload_options_copy(struct wr *w, const struct wire_ctx *ctx, struct span options);

/* -- refuse.c ------------------------------------------------------------------------------------------------------------ */

/*
 * reload_error_back() answers a request that is not decoded, from its header: what forwarders must (ttl, options, size, form);
 * close: the link goes once it has left.  False: nothing is sent.
 */
bool reload_error_back(struct reload_exchange *x, uint32_t link, const struct reload_header *header,
	enum reload_err err, const char *reason, bool close);

/* -- incoming.c ---------------------------------------------------------------------------------------------------------- */

/* reload_incoming_new() enters a decoded message (owned) of link into the work. */
struct reload_incoming *reload_incoming_new(
	struct reload_exchange *x, struct reload_msg *msg, uint32_t link);
/* reload_incoming_forget() gives up what was found out about the signers of in, and its method's work. */
void reload_incoming_forget(struct reload_incoming *in);
/* reload_request_of() returns the request of this node with that transaction, NULL: none is under way. */
struct reload_request *reload_request_of(struct reload_exchange *x, uint64_t transaction);

/* -- verify.c ------------------------------------------------------------------------------------------------------------ */

/*
 * reload_signer_check() lets job check cert, which came with the message: of the message's certificates those go with it that may
 * lead to a root-cert.
 */
void reload_signer_check(
	struct reload_incoming *in, struct reload_job *job, const struct reload_cert *cert);
/* reload_signer_find() fills cert (a reference) and node for an identity from the cache or the message's certificates; *known: verified before. */
enum reload_err reload_signer_find(struct reload_incoming *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node, bool *known);

/* -- answer.c ------------------------------------------------------------------------------------------------------------ */

/* reload_answer_repeat() answers a repeat with the contents that were kept and ends in. */
void reload_answer_repeat(struct reload_incoming *in, struct span contents);

/* -- request.c, request_send.c, resend.c, request_answered.c, transmit.c ---------------------------------------------------- */

/* reload_request_end() ends r: on_end() of an internal one is called now, the host gets its result later, none when it was cancelled; r may be gone. */
void reload_request_end(struct reload_request *r);
/*
 * reload_requests_complete() delivers the results of ended requests to the host and frees them, reload_requests_waiting() returns whether
 * there are any: arg is the exchange.
 */
void reload_requests_complete(void *arg);
bool reload_requests_waiting(void *arg);

/* reload_request_header() is the header of a copy of r. */
struct reload_header reload_request_header(struct reload_request *r);
/* reload_request_sign() signs r, unless that is under way; then its next copy leaves. */
void reload_request_sign(struct reload_request *r);
/* reload_request_decide() returns where r goes now. */
struct reload_decision reload_request_decide(struct reload_request *r);
/* reload_request_restart() sends r once more, in a new transaction that lasts timeout_ms. */
void reload_request_restart(struct reload_request *r, reload_ms timeout_ms);

/* reload_request_resend_later() returns whether r's answer says only that its responder is no longer responsible; r is then sent again later. */
bool reload_request_resend_later(struct reload_request *r);

/* reload_request_answered() takes the verified answer (takes in over). */
void reload_request_answered(struct reload_request *r, struct reload_incoming *in);

/* reload_requests_transmit() sends one copy, reload_requests_failed() ends after the last: callbacks of the transactions. */
void reload_requests_transmit(void *arg, struct reload_transaction *t);
void reload_requests_failed(void *arg, struct reload_transaction *t);

/* -- deliver.c ----------------------------------------------------------------------------------------------------------- */

/*
 * reload_deliver() takes a whole message of con for this node, whose bytes are copied; stands_in: or for another one, in whose stead it is
 * answered.
 */
void reload_deliver(struct reload_exchange *x, struct reload_connection *con, struct span message,
	bool stands_in);
/* reload_deliver_local() hands this node's own request to itself; the answer comes back to it. */
void reload_deliver_local(
	struct reload_exchange *x, struct reload_request *request, struct span message);

/* -- loop.c: requests that go in a circle -------------------------------------------------------------------------------- */

/*
 * reload_loop_delay() keeps a request for a while that would go in a circle, and then gives it to route(), or drops it; false: it is to be
 * forwarded now.
 */
bool reload_loop_delay(struct reload_exchange *x, const struct reload_connection *from,
	const struct reload_connection *to, const struct reload_header *header, struct span message,
	void (*route)(
		struct reload_exchange *x, struct reload_connection *con, struct span message));
void reload_loop_clear(struct reload_exchange *x);
