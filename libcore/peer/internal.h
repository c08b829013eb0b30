/* What the files of the engine share. */
#pragma once

#include "connection/link.h"
#include "engine/engine.h"
#include "ident/cache.h"
#include "peer/peer.h"
#include "peer/places.h"
#include "route/answers.h"
#include "route/decide.h"
#include "route/fragments.h"
#include "route/states.h"
#include "route/transactions.h"
#include "storage/access.h"
#include "storage/fetch.h"
#include "storage/store.h"

#include <bsd/sys/queue.h>

struct inbound;
struct attempt;
struct handover;
struct held;
struct commit;
struct ping_order;
struct reload_search;
struct claims;
struct dialled;

TAILQ_HEAD(inbound_list, inbound);
TAILQ_HEAD(request_list, reload_request);
TAILQ_HEAD(attempt_list, attempt);
TAILQ_HEAD(handover_list, handover);
TAILQ_HEAD(held_list, held);
TAILQ_HEAD(offer_list, offer);
TAILQ_HEAD(ping_list, ping_order);
TAILQ_HEAD(commit_list, commit);

enum {
	RELOAD_INDUCED_MAX =
		64, /* requests under way because others asked for them; more are not made */
	RELOAD_KNOWN_MAX = 32,  /* addresses of peers that were reached before */
	RELOAD_REFUSED_MAX = 32 /* at the maximum the next one takes the place of the oldest */
};

/* Who sent documents that were refused, and since when. */
struct refused_sender {
	struct reload_id node;
	reload_ms since;
	unsigned count;
};

struct induced {
	uint16_t code; /* 0: free */
	struct reload_id node;
};

struct reload_peer {
	struct reload_engine *engine;
	const struct reload_credentials *credentials;
	struct wr identity; /* own SignerIdentity in wire form */
	struct reload_storage *storage;
	const struct reload_topology_ops *topology;
	struct reload_topology *plugin;
	struct reload_policy policy;
	struct reload_cache *cache;
	struct reload_connections *connections;
	struct reload_timer expiry;
	struct reload_transactions transactions;
	struct reload_answers *answers;
	struct reload_timer answers_over; /* armed while there are any */
	struct reload_states *states;
	struct reload_reassembly *reassembly;
	struct inbound_list
		work; /* messages whose signatures are being verified, or that wait for a commit */
	size_t work_count;
	struct request_list requests, done; /* all under way; ended, result not yet told */
	size_t requests_count;
	struct refused_sender
		*refused; /* RELOAD_REFUSED_MAX; NULL: no document was refused so far */
	size_t next_refused;
	struct induced *induced;      /* RELOAD_INDUCED_MAX; NULL: none is under way */
	struct attempt_list attempts; /* Attach under way, both directions */
	struct handover_list handovers;
	struct offer_list
		offers; /* ranges whose owners are asked whether they have what is held here */
	size_t offers_count;
	struct reload_pulls *pulls; /* newer values that are fetched; NULL: none were so far */
	struct reload_pushes
		*pushes;        /* values on their way to other peers; NULL: none were so far */
	size_t handovers_count; /* hand-overs that nobody waits for */
	uint64_t handovers_ever;
	struct held_list held; /* requests that go in a circle */
	size_t held_count, held_bytes;
	uint64_t last_storage_time;
	bool completing;
	struct {
		enum reload_state state;
		reload_ms since;
		enum reload_role role;
		struct reload_ip_port
			*bootstrap; /* given by the caller; NULL: the configuration's */
		size_t bootstrap_count;
		unsigned attempts;
		struct reload_timer retry, certificates;
		bool brings; /* it held values when it began to join */
		struct reload_id bootstrap_peer, admitting_peer;
		reload_ms phase_ms[RELOAD_PHASES], phase_since;
		enum reload_phase phase;
		enum reload_err last_error;
		enum reload_err
			refused; /* why a link was refused since the last attempt failed; RELOAD_OK: none was */
		bool wanted, alone, certificates_stored;
		uint32_t attaching, attaches; /* a client's Attach under way, 0: none; so far */
		bool attach_again;            /* the ring moved while it was */
		struct reload_timer leaving, silent;
		bool handing; /* leaving: the own range is handed over, nobody was told yet */
		bool returns; /* leaving: to go on in role `then` */
		enum reload_role then;
		struct {
			bool on,
				first; /* first: it was the first node, and is that again in the ring */
			unsigned times; /* it stepped aside lately */
			unsigned asked; /* looks since it asked for a way back; then it leaves */
			reload_ms until, back;
			struct reload_timer look;
		} aside; /* aside.c */
		reload_ms isolated_since;
		bool neighboured; /* a neighbour has answered since it joined */
	} life;
	struct claims *claims;        /* NULL: none was heard so far */
	struct dialled *dialled;      /* NULL: no dial for an Attach has failed so far */
	struct reload_search *search; /* NULL: none was made so far */
	struct ping_list pings;       /* that the plug-in waits for */
	struct commit_list commits;   /* not told yet */
	struct commit *committing;    /* the one whose commit() is being called */
	struct rollback *rollback;    /* storage times seen (STO-25) */
	struct {
		uint64_t transaction;
		reload_ms since;
	} strange; /* the newest answer to no request of this node */
};

/* -- peer.c ----------------------------------------------------------------------------------------------------------- */

/* reload_peer_expire() frees expired values and arms p->expiry for the next; arg is the peer. */
void reload_peer_expire(void *arg);
/* reload_peer_set_state() changes the state and tells the host, unless it is the same. */
void reload_peer_set_state(struct reload_peer *p, enum reload_state state);

/* reload_peer_route() returns what routing decisions are made from at this moment (borrows from p). */
struct reload_route reload_peer_route(struct reload_peer *p);
/* -- inbound.c: a message for this node, from its arrival until it is answered or dropped ------------------------------ */

/* One stored value whose signature is checked. */
struct value_check {
	const struct reload_stored_data *data;
	uint32_t kind;
	struct reload_cert *cert; /* a reference; NULL: not at hand */
	struct reload_id signer;
	struct span
		certificates; /* the signer's and what it was verified by, as GenericCertificates in the message's arena */
	enum reload_err err;
	uint8_t digest[32];
};

struct inbound {
	TAILQ_ENTRY(inbound) entry;
	struct reload_peer *peer;
	struct reload_msg *msg;
	uint32_t link;             /* 0: made by this node itself */
	struct reload_id previous; /* Node-ID of the previous hop; len 0: not known */
	struct wr back;            /* Destination List of a response */
	uint64_t mark;
	struct reload_cert *cert; /* signer's, a reference */
	struct reload_id signer;
	struct reload_cert **
		bucket; /* parsed certificates of the message, references; only when one was needed */
	size_t bucket_count;
	uint32_t bucket_tried; /* certificates of the message that were parsed, by place */
	unsigned jobs;
	enum reload_err err; /* of the message's own signature */
	struct value_check *values;
	size_t values_count;
	struct reload_request *request; /* of a response */
	bool local, listed;
	bool unfit;                         /* an answer that does not fit the request */
	void (*after)(struct inbound *in);  /* once its answer left */
	const struct reload_method *method; /* of a request that is being served */
	/* what the method keeps until the message is freed; NULL: nothing */
	void *work;
	void (*work_free)(void *work);
	void (*then)(
		struct inbound *in); /* values of a request are being verified: what comes next */
};

/* -- one row per method: what is done with its request, and with its answer -------------------------------------------- */

enum {
	RELOAD_METHOD_REPEATABLE =
		1, /* may be served again without a difference: no answer is kept for a repeat */
	RELOAD_METHOD_UNBOUND = 2, /* taken over a link whose Node-ID is not known yet (HDR-16) */
	RELOAD_METHOD_ANY_SEQUENCE =
		4 /* sent and taken whatever configuration is in force (HDR-08) */
};

struct reload_method {
	uint16_t code; /* of the request; that of the answer is the next one */
	unsigned flags;
	enum reload_err
		moved; /* the error by which a peer says that it is not responsible (STO-04, STO-10); RELOAD_OK: none */
	/* a verified request ends in an answer, an error or a drop */
	void (*serve)(struct inbound *in);
	/* a decoded answer tells of what r asked for, and of each place once; NULL: any does */
	bool (*fits)(const struct reload_request *r, const struct reload_msg *answer);
	/* verifies stored values that an answer brings, beside the answer itself; NULL: it brings none */
	void (*values)(struct reload_request *r, struct inbound *in);
	/* completes r->result with what the answer brings; NULL: it is complete */
	void (*answered)(struct reload_request *r, struct inbound *in);
};

/* reload_method() returns the row of a request's code; NULL: it is no method of this node. */
const struct reload_method *reload_method(const struct reload_peer *p, uint16_t code);

/* reload_inbound_local() hands this node's own request to itself; the answer comes back through reload_request_answered(). */
void reload_inbound_local(
	struct reload_peer *p, struct reload_request *request, struct span message);

/* reload_inbound_local_answer() makes in, a request of this node to itself, the answer msg (owned). */
void reload_inbound_local_answer(struct inbound *in, struct reload_msg *msg);

/* reload_inbound_free() ends it; repeat_may_come: its transaction may be served again. */
void reload_inbound_free(struct inbound *in, bool repeat_may_come);

/* reload_inbound_route() forwards or delivers what came over con; may_hold: it has not waited before. */
void reload_inbound_route(
	struct reload_peer *p, struct reload_connection *con, struct span message, bool may_hold);

/* -- hold.c: requests that go in a circle ------------------------------------------------------------------------------- */

/* reload_hold() keeps a request for a while that would go in a circle, or drops it; false: it is to be forwarded now. */
bool reload_hold(struct reload_peer *p, const struct reload_connection *from,
	const struct reload_connection *to, const struct reload_header *header,
	struct span message);
void reload_hold_clear(struct reload_peer *p);

/* -- values.c ----------------------------------------------------------------------------------------------------------- */

/*
 * reload_values_verify() submits the verification of in->values (data, kind filled in), which belong to resource.  Of a request: then() is
 * called when all have been verified, which may be at once.  NULL: they are part of an answer, which waits for them.
 */
void reload_values_verify(
	struct inbound *in, struct span resource, void (*then)(struct inbound *in));
/*
 * reload_signer_check() lets job check cert, which came with the message: of the message's certificates those go with it that may
 * lead to a root-cert.
 */
void reload_signer_check(
	struct inbound *in, struct reload_job *job, const struct reload_cert *cert);
/* reload_inbound_job_done() goes on with in when the last of its jobs has ended. */
void reload_inbound_job_done(struct inbound *in);

/* reload_signer_find() fills cert (a reference) and node for an identity from the cache or the message's bucket; *known: verified before. */
enum reload_err reload_signer_find(struct inbound *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node, bool *known);

/* reload_values_rolled_back() notes the storage_time of a fetched value and tells whether a newer one was seen before. */
bool reload_values_rolled_back(struct reload_peer *p, struct span resource, uint32_t kind,
	const struct reload_stored_data *d);
/* reload_values_forget() forgets all storage times that were seen. */
void reload_values_forget(struct reload_peer *p);

/* -- seal.c: signing, answering, sending -------------------------------------------------------------------------------- */

/* Called with contents and security block; err: the message could not be signed. */
typedef void (*sealed_fn)(void *arg, struct span tail, enum reload_err err);

/*
 * reload_seal_start() signs contents for transaction and calls fn later; extra are GenericCertificate lists in wire form that go
 * into the bucket beside this node's own certificate.
 */
void reload_seal_start(struct reload_peer *p, uint64_t transaction, struct span contents,
	const struct span *extra, size_t extra_count, sealed_fn fn, void *arg);

/* reload_certificates_write() appends cert (and those of others that are no roots) as GenericCertificates in wire form. */
void reload_certificates_write(struct reload_peer *p, struct wr *w, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count);

/* reload_answer() sends the answer with code and body and ends in; reload_answer_bytes() for a body that is encoded already. */
void reload_answer(struct inbound *in, uint16_t code, const void *body);
void reload_answer_bytes(struct inbound *in, uint16_t code, struct span body);
/* reload_answer_with() is reload_answer() with further certificates (wire form) for the bucket. */
void reload_answer_with(struct inbound *in, uint16_t code, const void *body,
	const struct span *certificates, size_t count);

/* reload_answer_repeat() answers a repeat with the contents that were kept and ends in. */
void reload_answer_repeat(struct inbound *in, struct span contents);

/* reload_answer_error() answers a request with an error and ends in; info NULL: words. */
void reload_answer_error(struct inbound *in, enum reload_err err, const char *words);
/* reload_answer_error_info() is reload_answer_error() with an error_info that is no text (MSG-09). */
void reload_answer_error_info(struct inbound *in, enum reload_err err, struct span info);

/*
 * reload_error_back() answers a request that is not decoded, from its header: what forwarders must (ttl, options, size, form);
 * close: the link goes once it has left.  False: nothing is sent.
 */
bool reload_error_back(struct reload_peer *p, uint32_t link, const struct reload_header *header,
	enum reload_err err, const char *words, bool close);

/* reload_message_send() writes header (lists as given) and tail, and sends over con. */
void reload_message_send(struct reload_peer *p, struct reload_connection *con,
	struct reload_header *header, struct span tail);
/* reload_connection_send() sends a message over con, in fragments where the policy says so. */
void reload_connection_send(
	struct reload_peer *p, struct reload_connection *con, struct span message);

/* reload_response_send() makes the header of a response along back and sends it. */
void reload_response_send(struct reload_peer *p, uint64_t transaction, struct span back,
	struct span options, struct span tail, uint32_t link);

/* reload_header_new() fills what all messages of this node have. */
struct reload_header reload_header_new(struct reload_peer *p, uint64_t transaction);

/* -- request.c: requests of this node ------------------------------------------------------------------------------------- */

enum expect {
	EXPECT_NODE,
	EXPECT_RESOURCE,
	EXPECT_LINK_PEER,
	EXPECT_ANYBODY
};

struct reload_request {
	struct reload_transaction transaction; /* first: found by it */
	TAILQ_ENTRY(reload_request) entry;
	struct reload_peer *peer;
	uint16_t code;
	const struct reload_method *method; /* of code; NULL: it is none of this node's */
	struct wr contents, tail, list;
	bool sealing, cancelled, ended, exempt; /* exempt: of the closeness check (CHORD-02) */
	bool served_here;                       /* this node was given it, as it was responsible */
	bool rehearse;                          /* ends in front of its transmission */
	bool resting; /* nobody was responsible for it: it is sent again when `rest` fires */
	struct reload_timer rest;
	reload_ms rest_ms; /* the last rest */
	enum expect expect;
	struct reload_id target;
	uint32_t over_link; /* not 0: sent over this link, whatever the list says */
	reload_ms begun;
	unsigned holds; /* jobs that refer to it: it is not freed before they have ended */
	reload_ms timeout_ms, left_ms; /* of the whole; of it, once it was sent again */
	/* an engine's own request: told inside the engine, at once; else fn, told last */
	void (*own)(struct reload_peer *p, struct reload_request *r,
		const struct reload_result *result);
	void *own_arg;
	reload_result_fn fn;
	void *arg;
	/* the answer */
	struct inbound *answer;
	unsigned verifying;
	struct reload_result result;
	/* what the method keeps until the request is freed; NULL: nothing */
	void *work;
	void (*work_free)(void *work);
	struct wr
		certificates; /* GenericCertificates that go into the message beside this node's own */
};

/* reload_request_new() makes a request that reload_request_send() starts; way NULL is not legal. */
struct reload_request *reload_request_new(struct reload_peer *p, uint16_t code,
	const struct reload_way *way, reload_result_fn fn, void *arg, enum reload_err *err);
/* reload_request_own() is reload_request_new() for the engine itself: own() is told inside the engine, at once. */
struct reload_request *reload_request_own(struct reload_peer *p, uint16_t code,
	const struct reload_destination *list, size_t count,
	void (*own)(struct reload_peer *p, struct reload_request *r,
		const struct reload_result *result),
	void *arg);

/*
 * reload_request_induced() is reload_request_own() for what node causes by a message of its own; nothing is told of the end.
 * NULL when enough of these are under way, of all or for that node: an unsigned list must not make this node shout.
 */
struct reload_request *reload_request_induced(struct reload_peer *p, uint16_t code,
	const struct reload_id *node, const struct reload_destination *list, size_t count);

/* reload_request_send() encodes body and starts the transaction; reload_request_send_bytes() for one that is encoded. */
void reload_request_send(struct reload_request *r, const void *body);
void reload_request_send_bytes(struct reload_request *r, struct span body);

/* reload_request_answered() takes the verified answer (takes in over). */
void reload_request_answered(struct reload_request *r, struct inbound *in);
/*
 * reload_request_fail() ends a request with err (words are static); an ended one is legal.
 * reload_request_free() frees it, whatever its state.
 */
void reload_request_fail(struct reload_request *r, enum reload_err err, const char *words);
void reload_request_free(struct reload_request *r);
/*
 * reload_requests_transmit() sends one copy, reload_requests_failed() ends after the last: callbacks of the transactions.
 * reload_requests_complete() delivers the results of ended requests to the host and frees them, reload_requests_waiting() tells whether
 * there are any: arg is the peer.
 */
void reload_requests_transmit(void *arg, struct reload_transaction *t);
void reload_requests_failed(void *arg, struct reload_transaction *t);
void reload_requests_complete(void *arg);
bool reload_requests_waiting(void *arg);

/* reload_requests_of_host() says whether requests that the host waits for are still to be answered. */
bool reload_requests_of_host(const struct reload_peer *p);
/* reload_requests_end() fails all of those with err. */
void reload_requests_end(struct reload_peer *p, enum reload_err err);

/* reload_request_restart() sends r once more, in a new transaction that lasts timeout_ms. */
void reload_request_restart(struct reload_request *r, reload_ms timeout_ms);

/* -- again.c: requests that met a peer which was not responsible ---------------------------------------------------------- */

/* reload_request_rest() tells whether the error that r was answered is no more than that; r is then sent again later. */
bool reload_request_rest(struct reload_request *r);

/*
 * reload_request_hold() keeps r from being freed until reload_request_release(), which tells whether it still runs: if not, r may be gone.
 */
void reload_request_hold(struct reload_request *r);
bool reload_request_release(struct reload_request *r);

/* -- fetch_make.c, fit.c: requests for stored values, and their answers judged by their questions ------------------------ */

/* What a Fetch of this node keeps. */
struct fetch_make {
	struct reload_id resource;
	struct reload_arena arena;
	struct reload_fetched *values; /* of the answer, one for each of answer->values */
};

/* reload_fetch_make() prepares r, a Fetch at resource; reload_fetch_of() returns what it keeps (borrowed). */
void reload_fetch_make(struct reload_request *r, const struct reload_id *resource);
struct fetch_make *reload_fetch_of(const struct reload_request *r);
/* reload_fetch_values() and reload_fetch_answered() are those of the method. */
void reload_fetch_values(struct reload_request *r, struct inbound *in);
void reload_fetch_answered(struct reload_request *r, struct inbound *in);

/* reload_answer_fits() tells whether a decoded answer tells of what r asked for, and of each place once. */
bool reload_answer_fits(const struct reload_request *r, const struct reload_msg *answer);
/* reload_request_named() keeps of kinds those that r names, each once, and returns how many. */
size_t reload_request_named(const struct reload_request *r, uint32_t *kinds, size_t count);

/* reload_store_own() signs items and sends r, a StoreReq for resource. */
enum reload_err reload_store_own(struct reload_request *r, const struct reload_id *resource,
	const struct reload_store_item *items, size_t count) MUST_CHECK;

/* -- serve*.c: requests of others ------------------------------------------------------------------------------------------ */

/* reload_serve() serves a verified request by its message code; it ends in an answer, an error or a drop. */
void reload_serve(struct inbound *in);
/*
 * reload_serve_store(), _fetch(), _stat(), _find(), _attach(), _app_attach(), _join(), _leave(), _update() and
 * _config_update() serve one method each: reload_serve_fetch(), reload_serve_stat(), reload_serve_find(),
 * reload_serve_attach(), reload_serve_app_attach(), reload_serve_join(), reload_serve_leave(), reload_serve_update(),
 * reload_serve_config_update().
 */
void reload_serve_store(struct inbound *in);
void reload_serve_fetch(struct inbound *in);
void reload_serve_stat(struct inbound *in);
void reload_serve_find(struct inbound *in);
void reload_serve_attach(struct inbound *in);
void reload_serve_app_attach(struct inbound *in);
void reload_serve_join(struct inbound *in);
void reload_serve_leave(struct inbound *in);
void reload_serve_update(struct inbound *in);
void reload_serve_config_update(struct inbound *in);
/* reload_unknown_kinds_info() appends the error_info of Error_Unknown_Kind: a vector with a length byte. */
void reload_unknown_kinds_info(struct wr *w, const uint32_t *kinds, size_t count);

/* -- commit.c ------------------------------------------------------------------------------------------------------------------ */

typedef void (*committed_fn)(
	struct reload_peer *p, void *arg, const struct reload_id *resource, enum reload_err err);

/*
 * reload_commit() is the storage's commit(); fn is called inside the engine, from in here or later.  reload_commits_clear()
 * waits for what is under way; no fn is called any more.
 */
enum reload_err reload_commit(struct reload_peer *p, const struct reload_store_batch *batch,
	committed_fn fn, void *arg) MUST_CHECK;
void reload_commits_clear(struct reload_peer *p);

/* -- attach.c ----------------------------------------------------------------------------------------------------------------- */

typedef void (*attached_fn)(struct reload_peer *p, void *arg, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);

/* reload_attach_start() sends an Attach; fn tells the end: a link to node is up, or why not. */
void reload_attach_start(struct reload_peer *p, uint32_t cookie,
	const struct reload_destination *list, size_t count, bool send_update, attached_fn fn,
	void *arg);
/* reload_attach_introduce() tells over a link which of this node's Node-IDs stands at its end (HDR-16). */
void reload_attach_introduce(struct reload_peer *p, uint32_t link,
	const struct reload_destination *to,
	void (*done)(struct reload_peer *p, struct reload_request *r,
		const struct reload_result *result));
/*
 * reload_attach_link_up() and reload_attach_link_down() tell that a link stands, or failed, to the attempts that wait
 * for it.
 */
void reload_attach_link_up(struct reload_peer *p, struct reload_connection *con);
/* reload_attach_expects() tells which Node-ID an outgoing link must have; false: any (a bootstrap node). */
bool reload_attach_expects(struct reload_peer *p, uint32_t link, struct reload_id *node);
void reload_attach_link_down(struct reload_peer *p, uint32_t link, enum reload_err err);
void reload_attach_clear(struct reload_peer *p);

/* -- dialled.c: who named addresses where nobody was found --------------------------------------------------------------- */

/*
 * reload_dialled_may() tells whether an Attach of signer (fingerprint of its certificate) may make this node dial while under_way
 * dials for it are not decided.  reload_dialled_failed() and reload_dialled_reached() tell what became of one.
 */
bool reload_dialled_may(const struct reload_peer *p, const uint8_t signer[32], size_t under_way);
void reload_dialled_failed(struct reload_peer *p, const uint8_t signer[32]);
void reload_dialled_reached(struct reload_peer *p, const uint8_t signer[32]);
void reload_dialled_clear(struct reload_peer *p);

/* -- bootstrap.c ----------------------------------------------------------------------------------------------------------------- */

/* err RELOAD_OK: con is a link to a bootstrap node whose Node-ID is known. */
typedef void (*reload_searched_fn)(
	struct reload_peer *p, uint32_t cookie, enum reload_err err, struct reload_connection *con);

/*
 * reload_search_start() looks for a bootstrap node on the way into the overlay; fn is told the end, which may be at once.
 * reload_search_locate() looks for one again for the plug-in of a joined node.  reload_search_stop() ends what is under way:
 * the plug-in is told RELOAD_CANCELLED, fn nothing.
 */
void reload_search_start(struct reload_peer *p, reload_searched_fn fn);
void reload_search_locate(struct reload_peer *p, uint32_t cookie);
void reload_search_stop(struct reload_peer *p);
enum {
	RELOAD_SAME_BOOTSTRAP =
		2 /* attempts to join through one node, then another one is looked for */
};
/*
 * reload_search_ask_way() asks through con, whatever the tables say (CHORD-02), who is responsible for the point behind this
 * node's own, as at a join; own is told the end.  timeout_ms 0: that of all requests.
 */
void reload_search_ask_way(struct reload_peer *p, struct reload_connection *con,
	reload_ms timeout_ms,
	void (*own)(struct reload_peer *p, struct reload_request *r,
		const struct reload_result *result));
/* reload_search_link_up() and reload_search_link_down() tell what became of a link, if it is that of the search. */
void reload_search_link_up(struct reload_peer *p, struct reload_connection *con);
void reload_search_link_down(struct reload_peer *p, uint32_t link);
void reload_search_clear(struct reload_peer *p);
/*
 * reload_bootstrap_proven() notes that this node dialled addr and that the certificate there is node's; once node is in the
 * tables it counts as a peer that was reached, for later searches and for the host: reload_bootstrap_tables() looks for that when
 * the tables have changed.  reload_bootstrap_is_proven() tells whether an address of node is remembered,
 * reload_bootstrap_proven_count() how many are of nodes in the tables.
 */
void reload_bootstrap_proven(
	struct reload_peer *p, const struct reload_id *node, const struct reload_ip_port *addr);
void reload_bootstrap_tables(struct reload_peer *p);
bool reload_bootstrap_is_proven(const struct reload_peer *p, const struct reload_id *node);
size_t reload_bootstrap_proven_count(struct reload_peer *p);
/* reload_bootstrap_known() tells whether any peer is remembered. */
bool reload_bootstrap_known(const struct reload_peer *p);
/* reload_peer_is_routed() tells whether node is in the tables of the topology. */
bool reload_peer_is_routed(struct reload_peer *p, const struct reload_id *node);
/* reload_peer_is_predecessor() tells whether node is the nearest predecessor. */
bool reload_peer_is_predecessor(struct reload_peer *p, const struct reload_id *node);

/* -- claims.c: addresses that others claim ---------------------------------------------------------------------------- */

/*
 * reload_claims_heard() notes that node says that it listens at addrs; reload_claims_tables() goes on when the node has
 * joined and when the tables have changed.  Nothing is remembered of it before this node has dialled there itself.
 */
void reload_claims_heard(struct reload_peer *p, const struct reload_id *node,
	const struct reload_ip_port *addrs, size_t count);
void reload_claims_tables(struct reload_peer *p);
/* reload_claims_link_up() and reload_claims_link_down() tell what became of a link; true: it was made for a claim, and is gone. */
bool reload_claims_link_up(struct reload_peer *p, uint32_t link, const struct reload_cert *cert);
bool reload_claims_link_down(struct reload_peer *p, uint32_t link);
void reload_claims_clear(struct reload_peer *p);

/* -- join.c, life.c ------------------------------------------------------------------------------------------------------------ */

extern const struct reload_topology_host reload_peer_topology_host;
/* reload_pings_clear() forgets the plug-in's Pings. */
void reload_pings_clear(struct reload_peer *p);
/*
 * reload_life_link_down() notices a lost link: the search, the topology, isolation.  node NULL: the link
 * never had one.
 */
void reload_life_link_down(
	struct reload_peer *p, uint32_t link, const struct reload_id *node, enum reload_err err);
/* reload_life_neighbours() looks whether any neighbour still answers. */
void reload_life_neighbours(struct reload_peer *p);
/* reload_life_topology_state() follows the plug-in's state. */
void reload_life_topology_state(
	struct reload_peer *p, enum reload_topology_state state, const struct reload_id *other);
/* reload_life_client_update() lets a client ask anew who is responsible when its peer's ring changed (R-4.2.1-03). */
void reload_life_client_update(struct reload_peer *p, const struct reload_id *from);
/* reload_life_leave_answered() notices that something that leaving waits for has ended. */
void reload_life_leave_answered(struct reload_peer *p);
void reload_life_clear(struct reload_peer *p);
extern const struct reload_link_watch reload_peer_link_watch;
/* reload_link_starts_anew() tells the plug-in that what node was in the ring is over: its newer link begins another life of it. */
void reload_link_starts_anew(struct reload_peer *p, const struct reload_id *node);
/* reload_link_check() closes a link with a Node-ID over which no Ping is answered within some seconds. */
void reload_link_check(struct reload_peer *p, struct reload_connection *con);
/* reload_leave_start() begins to leave; now: without handing data over. */
void reload_leave_start(struct reload_peer *p, bool now);
/* reload_leave_then() begins to leave, in order to come back in another role. */
void reload_leave_then(struct reload_peer *p, enum reload_role role);
/* reload_update_send() sends node, which asked for it, a full Update along a Destination List, if this node may show itself. */
void reload_update_send(struct reload_peer *p, const struct reload_id *node,
	const struct reload_destination *list, size_t count);

/* -- aside.c: storage that cannot be written ------------------------------------------------------------------------------------- */

/*
 * reload_aside_look() looks whether the storage can be written, and steps out of the ring or back.  reload_aside_end() forgets
 * that: the node leaves, or begins anew.
 */
void reload_aside_look(struct reload_peer *p);
void reload_aside_end(struct reload_peer *p);
/* reload_aside_fails() tells whether the storage cannot be written. */
bool reload_aside_fails(const struct reload_peer *p);
/* reload_aside_leaves() tells whether this peer is on its way out because it cannot write: others will answer instead. */
bool reload_aside_leaves(const struct reload_peer *p);

/* -- maintain.c: moving data -------------------------------------------------------------------------------------------------- */

/*
 * reload_maintain_store_range() begins to store all that is held in (from, to] at node; done: the plug-in is told at the
 * end.  It only takes note.
 */
void reload_maintain_store_range(struct reload_peer *p, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t replica_number,
	bool done);
/* reload_maintain_stored() sends what a batch stored after a hand-over to a Joining Node that is past its resource. */
void reload_maintain_stored(struct reload_peer *p, const struct reload_store_batch *batch);
/* reload_maintain_replicate() sends what a batch stored to replicas, with replica numbers from 1. */
void reload_maintain_replicate(struct reload_peer *p, const struct reload_store_batch *batch,
	const struct reload_id *replicas, size_t count);
/*
 * reload_maintain_hand_over_all() begins to store the own range at the first successor, before leaving.
 * reload_maintain_clear() forgets all that is under way.
 */
void reload_maintain_hand_over_all(struct reload_peer *p);
void reload_maintain_clear(struct reload_peer *p);

/* reload_maintain_moving() tells whether a range is being handed over right now. */
bool reload_maintain_moving(const struct reload_peer *p);
/* reload_maintain_offer() sends node, the owner, the places of lacks, which are moved out of it; it is not repeated. */
void reload_maintain_offer(struct reload_peer *p, const struct reload_id *resource,
	const struct reload_id *node, struct reload_places *lacks);
/* reload_maintain_replica_range() sends node, a replica, the whole own range later: too much was waiting for single values. */
void reload_maintain_replica_range(
	struct reload_peer *p, const struct reload_id *node, uint8_t replica_number);

/* -- offer.c: data whose owner is another ------------------------------------------------------------------------------- */

/*
 * reload_offer_range() will make sure that the peers responsible for what is held in (from, to] have it, too; drop: what is there
 * and for which this node is no replica is forgotten here.
 */
void reload_offer_range(
	struct reload_peer *p, const struct reload_id *from, const struct reload_id *to, bool drop);
void reload_offer_clear(struct reload_peer *p);

/* -- newer.c, pull.c ----------------------------------------------------------------------------------------------------------- */

/* reload_newer_take() takes over what is newer in the answer to r, a Fetch, than this node's own. */
void reload_newer_take(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result);
/* reload_newer_places() adds to out the places of a replica Store's values that are newer than this node's own. */
void reload_newer_places(struct reload_peer *p, const struct reload_id *resource,
	const struct reload_store_req *req, struct reload_places *out);
/* reload_pull() fetches these places from node, which holds something newer there; the places are copied. */
void reload_pull(struct reload_peer *p, const struct reload_id *node,
	const struct reload_id *resource, const struct reload_place *list);
void reload_pull_clear(struct reload_peer *p);
/*
 * reload_pull_hint() looks at a replica Store that was refused because its sender is no plausible holder: when this node is
 * responsible and something in it is newer than what it holds, it fetches that from the sender.
 */
void reload_pull_hint(struct reload_peer *p, const struct reload_id *signer,
	const struct reload_id *resource, const struct reload_store_req *req);

/* -- certificates.c, configure.c ------------------------------------------------------------------------------------------------ */

/* reload_credentials_know() lets the cache know this node's own certificate and what it is verified by. */
void reload_credentials_know(struct reload_peer *p);

/* reload_certificates_schedule() will store this node's certificate, unless that was done since it joined. */
void reload_certificates_schedule(struct reload_peer *p);
/*
 * reload_configure_send() sends node this node's document along list, reload_configure_send_kinds() the kind-blocks of Kinds
 * of r that an Error_Unknown_Kind of it asks for, the way of r.
 */
void reload_configure_send(struct reload_peer *p, const struct reload_id *node, struct span list);
void reload_configure_send_kinds(
	struct reload_request *r, const struct reload_id *node, struct span error_info);
/* reload_configure_check() compares configuration sequences; false: in was answered with an error. */
bool reload_configure_check(struct inbound *in);
