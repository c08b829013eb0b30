/*
 * A signed request and its answer (RFC 6940 s6.1 to s6.3, s6.7): messages that come over links are forwarded, served or matched with the
 * requests of this node; what it sends is signed, cut and repeated.  It names no message code but Error: what is done with a method,
 * and with its answer, is a row (struct reload_method_row, exchange/incoming.h) that a room above brings.
 *
 *	link --> header checks --> forwarded | dropped | refused | for this node
 *	for this node --> signatures (jobs) --> a request: served by its method's row --> answered
 *	                                    \-> an answer: of a request of this node --> reported
 */
#pragma once

#include "exchange/incoming.h"
#include "exchange/request.h"
#include "exchange/traffic.h"
#include "ident/cache.h"
#include "ident/credentials.h"
#include "route/decide.h"

/* Limits and policies; zero means the default in parentheses. */
struct reload_policy {
	size_t max_links;    /* (4096) more are refused */
	size_t max_requests; /* (4096) own requests under way; more fail with RELOAD_LIMIT */
	size_t max_work; /* (4096) foreign requests in work (signatures pending); more are dropped */
	size_t max_link_work; /* (512) of these, from the links of one node: a neighbour cannot take all */
	size_t max_reassembly; /* (4 MiB) bytes of incomplete fragment sets */
	size_t fragment_size; /* (0: never) messages above are sent in fragments of at most this many bytes */
	bool report_header_errors; /* answer other overlays and versions with Error_Incompatible_with_Overlay (HDR-14) */
	bool refuse_opaque_queries; /* R-6.4.2.4-05 */
	unsigned
		diagnostics_rate; /* (10) diagnostic requests of one node that are answered in a second */
	enum {
		RELOAD_VIA_STATELESS,
		RELOAD_VIA_COMPRESS,
		RELOAD_VIA_STATEFUL
	} via; /* lists of forwarded requests */
};

enum {
	RELOAD_PASS_INFO = 128 /* bytes of the text with which a forwarded message is refused */
};

/* What the room notifies the rooms above of; all functions are called from inside an input. */
struct reload_exchange_watch {
	/* node has an older document than this one; a message to it takes this way (a Destination List) */
	void (*behind)(void *arg, const struct reload_id *node, struct span way);
	/* node answered r that it does not know these Kinds (error_info of Error_Unknown_Kind) */
	void (*kinds_wanted)(void *arg, const struct reload_request *r,
		const struct reload_id *node, struct span error_info);
	/*
	 * A whole message that is about to be forwarded over `to`: RELOAD_OK, or an error with which it is refused, with the text in info;
	 * without a text it is dropped and nothing is said.
	 */
	enum reload_err (*passes)(void *arg, const struct reload_connection *from,
		const struct reload_connection *to, const struct reload_header *h,
		struct span message, char info[RELOAD_PASS_INFO]);
	/* a request of the host has ended */
	void (*ended)(void *arg);
};

struct reload_exchange_setup {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	const struct reload_credentials *credentials;
	struct reload_policy policy; /* without zeros */
	const struct reload_exchange_watch *watch;
	void *watch_arg;
};

/*
 * reload_exchange_new() makes an exchange without methods (owned); what setup points at is borrowed and outlives it.
 * reload_exchange_stop() ends all requests with RELOAD_CANCELLED and forgets all messages; reload_exchange_free() comes after it.
 */
struct reload_exchange *reload_exchange_new(const struct reload_exchange_setup *setup);
void reload_exchange_stop(struct reload_exchange *x);
void reload_exchange_free(struct reload_exchange *x);

/* reload_exchange_methods() adds rows, which are copied; their functions are given arg. */
void reload_exchange_methods(
	struct reload_exchange *x, const struct reload_method_row *rows, size_t count, void *arg);

/* reload_exchange_message() and reload_exchange_oversized() are inputs (peer/peer.h). */
void reload_exchange_message(struct reload_exchange *x, uint32_t link, struct span message);
void reload_exchange_oversized(struct reload_exchange *x, uint32_t link, struct span head);

/*
 * reload_exchange_refuse() answers a request that came over link and whose header is h with err and text; of h only transaction, Via List and
 * options count.  False: nothing is sent, as the link is gone or has too much work.
 */
bool reload_exchange_refuse(struct reload_exchange *x, uint32_t link, const struct reload_header *h,
	enum reload_err err, const char *text);

/* reload_exchange_configured() goes on with the document that is in force now: what was verified by the one before counts no more. */
void reload_exchange_configured(struct reload_exchange *x);

/*
 * reload_exchange_credentials() returns those in use (borrowed); reload_exchange_credentials_set() goes on with others of the same
 * Node-ID (borrowed).
 */
const struct reload_credentials *reload_exchange_credentials(const struct reload_exchange *x);
void reload_exchange_credentials_set(
	struct reload_exchange *x, const struct reload_credentials *credentials);

/* reload_exchange_certificates() returns the cache of certificates that were verified (borrowed). */
struct reload_cache *reload_exchange_certificates(struct reload_exchange *x);

/* reload_exchange_trusts() notes that cert was verified just now, as part of a handshake. */
void reload_exchange_trusts(struct reload_exchange *x, struct reload_cert *cert);

/* reload_exchange_traffic() returns what was sent and received so far (borrowed). */
struct reload_traffic *reload_exchange_traffic(struct reload_exchange *x);

/* reload_exchange_work() returns how many messages wait for signatures or commits. */
size_t reload_exchange_work(const struct reload_exchange *x);
