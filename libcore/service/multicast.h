/*
 * Multicast bootstrap (concepts document s5.4): how a node that knows nobody finds a node of its overlay on the local network.  RFC 6940
 * has no such thing; this is an extension of ours, for groups that the configuration document names.
 *
 *	a node: PingReq to the wildcard Node-ID, signed --a group, UDP--> joined peers of the overlay
 *	       <--PingAns, signed, with the addresses at which it listens, UDP-- each of them
 *
 * Both are whole RELOAD messages, one in a datagram.  The addresses are a diagnostic Kind for local use (RFC 7851 s9.2), which the request asks
 * for.  Whoever cannot sign as a node of the overlay gets no answer, not even an error, and is not
 * believed; and what an answer says is only an address to try (peer/peer.h, reload_peer_hint()).  The request is padded, and no answer is
 * longer than its request: nobody can have more sent to another's address than it sends itself.
 */
#pragma once

#include "config/config.h"
#include "ident/credentials.h"

enum {
	RELOAD_MULTICAST_LEN = 1400,   /* of a request, unless the own certificates need more */
	RELOAD_MULTICAST_MAX = 8192,   /* of any datagram; longer ones are not read */
	RELOAD_MULTICAST_ADDRESSES = 4 /* of one answer; further ones are not read */
};

/* Who makes and judges messages, and when; all borrowed. */
struct reload_multicast_node {
	const struct reload_config *config;
	const struct reload_credentials *credentials;
	reload_utc wall;
};

/* What is kept of a request until it is answered. */
struct reload_multicast_request {
	struct reload_id node;           /* who asked */
	uint64_t transaction, initiated; /* initiated: by the clock of who asked */
	size_t len;                      /* of its datagram, which the answer does not exceed */
};

/* reload_multicast_ask() appends a request to out.  A failure to sign, or RELOAD_LIMIT: the own certificates are too large for a datagram. */
enum reload_err reload_multicast_ask(
	struct wr *out, const struct reload_multicast_node *by, uint64_t transaction) MUST_CHECK;

/*
 * reload_multicast_asked() reads a datagram that may be a request.  Errors: RELOAD_NOT_RELOAD and the like for one that cannot be read,
 * RELOAD_INCOMPATIBLE for another overlay, RELOAD_UNKNOWN_TYPE for another message, RELOAD_EXISTS when this node has sent it,
 * RELOAD_NO_SIGNER, or a failure of the signature or the certificate.
 */
enum reload_err reload_multicast_asked(struct reload_multicast_request *out,
	const struct reload_multicast_node *by, struct span datagram) MUST_CHECK;

/*
 * reload_multicast_answer() appends the answer to a request: that this node listens at those addresses, of which the first
 * RELOAD_MULTICAST_ADDRESSES are sent.  RELOAD_LIMIT: it would be longer than the request.
 */
enum reload_err reload_multicast_answer(struct wr *out, const struct reload_multicast_node *by,
	const struct reload_multicast_request *request, const struct reload_ip_port *at,
	size_t count, uint64_t response_id) MUST_CHECK;

/*
 * reload_multicast_answered() reads a datagram that may be the answer to the own request of that transaction; at has room for
 * RELOAD_MULTICAST_ADDRESSES.  Addresses of which no link can come are left out.  Errors as of reload_multicast_asked(), and
 * RELOAD_BAD_ANSWER for that to another request.
 */
enum reload_err reload_multicast_answered(struct reload_ip_port *at, size_t *count,
	const struct reload_multicast_node *by, uint64_t transaction,
	struct span datagram) MUST_CHECK;

enum {
	RELOAD_MULTICAST_SOURCES =
		64, /* addresses that are told apart; a further one takes the place of the one seen longest ago */
	RELOAD_MULTICAST_EACH_MS = 300,  /* between two requests of one address, on the average */
	RELOAD_MULTICAST_EACH_BURST = 4, /* at once */
	RELOAD_MULTICAST_ALL_MS = 50,    /* of all addresses */
	RELOAD_MULTICAST_ALL_BURST = 20
};

/* How many datagrams are looked at: each costs two signatures, and one of this node.  Zeroed before use. */
struct reload_multicast_limit {
	struct reload_multicast_source {
		struct reload_ip_port at; /* type 0: free */
		reload_ms busy_until;
	} sources[RELOAD_MULTICAST_SOURCES];
	reload_ms busy_until;
};

/* reload_multicast_within() returns whether a datagram that came from there is looked at; its port does not count. */
bool reload_multicast_within(
	struct reload_multicast_limit *limit, const struct reload_ip_port *from, reload_ms now);
