/*
 * STUN Binding (RFC 5389, with the form of RFC 3489): the server that every peer is for its neighbours on its overlay port
 * (RFC 6940 s6.5.1.4), and the client's request and response.  Pure: datagrams go in and come out.
 *
 * The server needs no credentials (LINK-17) and answers to the source address only.  It never does what RESPONSE-ADDRESS or
 * CHANGE-REQUEST ask for: RFC 5389 s12.2 has a server "view these as unknown comprehension-required attributes", so they
 * are answered with 420.  What it sends is never longer than RELOAD_STUN_GROWTH_MAX bytes above the request.
 */
#pragma once

#include "link/admission.h"
#include "util/err.h"
#include "util/span.h"

enum {
	RELOAD_STUN_ANSWER_MAX = 128,  /* bytes of any answer of the server */
	RELOAD_STUN_GROWTH_MAX = 24,   /* an IPv6 address as an attribute */
	RELOAD_STUN_REQUEST_MAX = 548, /* bytes; longer requests are not answered (RFC 5389 s7.1) */
	RELOAD_STUN_REQUEST_SIZE = 36, /* at most, of a request of this client */
	RELOAD_STUN_TRANSACTION = 12,  /* bytes of its transaction id */
	RELOAD_STUN_RATE = 50,         /* answers a second to one address ... */
	RELOAD_STUN_RATE_ALL = 2000    /* ... and to all together */
};

/*
 * reload_stun_is() returns whether a datagram that came to a port which serves STUN and DTLS is a STUN message: its first byte
 * is 0 to 3 (RFC 7983), and the length in its header is that of the datagram.  A datagram with such a first byte for which
 * it returns false belongs to nobody and is dropped.
 */
bool reload_stun_is(struct span datagram);

/*
 * reload_stun_serve() makes the answer of the server to a datagram that came from `from`, to be sent back there, and counts
 * it in a, which begins with RELOAD_STUN_RATE and RELOAD_STUN_RATE_ALL.  When it fails nothing is sent:
 * RELOAD_LIMIT above the rate; RELOAD_NO_METHOD for responses, indications and other methods than Binding;
 * RELOAD_BAD_VALUE for a damaged datagram, one above RELOAD_STUN_REQUEST_MAX, or a source that cannot be one node.
 */
enum reload_err reload_stun_serve(uint8_t out[RELOAD_STUN_ANSWER_MAX], size_t *len,
	struct reload_admission *a, struct span datagram, const struct reload_ip_port *from,
	reload_ms now) MUST_CHECK;

/* What a request asks the server to answer from (RFC 5780 s7.2): CHANGE-REQUEST, which only servers with two addresses obey. */
enum reload_stun_change {
	RELOAD_STUN_CHANGE_NOTHING,
	RELOAD_STUN_CHANGE_PORT = 2,
	RELOAD_STUN_CHANGE_BOTH = 6 /* address and port */
};

/*
 * reload_stun_request() writes a Binding request with FINGERPRINT and returns its length; the 12 bytes of transaction are random.
 */
size_t reload_stun_request(uint8_t out[RELOAD_STUN_REQUEST_SIZE],
	const uint8_t transaction[RELOAD_STUN_TRANSACTION], enum reload_stun_change change);

struct reload_stun_answer {
	struct reload_ip_port mapped; /* of this node, as the server sees it */
	struct reload_ip_port
		other; /* a second address of the server (RFC 5780 s7.4); type 0: none that could be one */
	unsigned code; /* of an error, else 0 */
};

/*
 * reload_stun_response() reads the response to a request.
 * RELOAD_NO_METHOD: the datagram is no response to that transaction, or is damaged: go on waiting.  RELOAD_BAD_ANSWER: it
 * is the response and has no address of one node in it; a->code is then its error code (420), or 0.
 */
enum reload_err reload_stun_response(struct reload_stun_answer *a, struct span datagram,
	const uint8_t transaction[RELOAD_STUN_TRANSACTION]) MUST_CHECK;
