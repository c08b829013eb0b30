/*
 * Transactions of SIP (RFC 3261 s17, with the state Accepted of RFC 6026).  A message is opaque here: the caller reads and writes it,
 * a transaction repeats it, absorbs the repetitions of the other end, and ends in time.
 *
 *   server INVITE   PROCEEDING -> ACCEPTED (2xx; timer L)
 *                              -> COMPLETED (300 to 699; timers G, H) -> CONFIRMED (ACK; timer I)
 *   server          PROCEEDING -> COMPLETED (timer J)
 *   client INVITE   CALLING (timers A, B) -> PROCEEDING -> ACCEPTED (2xx; timer M)
 *                                                       -> COMPLETED (300 to 699; timer D)
 *   client          CALLING (timers E, F) -> PROCEEDING -> COMPLETED (timer K)
 *
 * Over a reliable hop nothing is repeated and I, J, K, D are 0.
 */
#pragma once

#include "sip/hop.h"
#include "util/clock.h"
#include "util/owned.h"

enum {
	RELOAD_SIP_T1_MS = 500,
	RELOAD_SIP_T2_MS = 4000,
	RELOAD_SIP_T4_MS = 5000,
	RELOAD_SIP_64T1_MS = 32000,
	RELOAD_SIP_KEY_MAX = 512 /* bytes of what identifies a transaction */
};

enum reload_sip_txn_kind {
	RELOAD_SIP_SERVER_INVITE,
	RELOAD_SIP_SERVER,
	RELOAD_SIP_CLIENT_INVITE,
	RELOAD_SIP_CLIENT
};

enum reload_sip_txn_state {
	RELOAD_SIP_CALLING,
	RELOAD_SIP_PROCEEDING,
	RELOAD_SIP_ACCEPTED,
	RELOAD_SIP_COMPLETED,
	RELOAD_SIP_CONFIRMED
};

/* Fields are for reading; owner is the caller's. */
struct reload_sip_txn {
	RB_ENTRY(reload_sip_txn) entry;
	char *key; /* owned */
	enum reload_sip_txn_kind kind;
	enum reload_sip_txn_state state;
	struct reload_sip_hop hop;
	void *owner; /* NULL: nobody is told of it any more */
	/* own business */
	struct reload_sip_txns *all;
	struct reload_timer repeat, end;
	reload_ms interval;
	struct bytes last; /* the request, response or ACK that is repeated */
};

RB_HEAD(reload_sip_txn_tree, reload_sip_txn);

struct reload_sip_txn_ops {
	reload_ms (*now)(void *arg);
	/* sends a message, also each repetition; it may fill in the connection; it must not call back */
	void (*send)(void *arg, struct reload_sip_hop *hop, struct span message);
	/* a request got no final response in time (timers B and F); only with an owner */
	void (*timeout)(void *arg, struct reload_sip_txn *t);
	/* it is freed after that; only with an owner */
	void (*ended)(void *arg, struct reload_sip_txn *t);
};

struct reload_sip_txns {
	const struct reload_sip_txn_ops *ops;
	void *arg;
	struct reload_timers *timers; /* that the caller runs */
	struct reload_sip_txn_tree tree;
	size_t count, max;       /* with max no more are begun */
	size_t bytes, bytes_max; /* of messages that may be repeated; likewise */
};

/* reload_sip_txn_find() returns the transaction with that key, NULL: there is none. */
struct reload_sip_txn *reload_sip_txn_find(struct reload_sip_txns *ts, const char *key);

/*
 * reload_sip_txn_new() begins a transaction (owned by ts, which ends it by itself); NULL when there are ts->max, or they keep ts->bytes_max.  The key must be new.  A client's sends its
 * request.
 */
struct reload_sip_txn *reload_sip_txn_new(struct reload_sip_txns *ts, enum reload_sip_txn_kind kind,
	const char *key, const struct reload_sip_hop *hop, struct span request);

/* reload_sip_txn_again() handles a repetition of a server's request: the last response is sent again. */
void reload_sip_txn_again(struct reload_sip_txn *t);

/*
 * reload_sip_txn_respond() sends a response of a server transaction.  After a final one nothing more is sent, but for further 2xx of an INVITE (RFC 6026
 * s7.1); false: it was not sent.
 */
bool reload_sip_txn_respond(struct reload_sip_txn *t, int status, struct span response);

/* reload_sip_txn_ack() handles an ACK for a response of 300 and above. */
void reload_sip_txn_ack(struct reload_sip_txn *t);

/*
 * reload_sip_txn_response() handles a response to a client's request, and returns whether it is news for the caller.  When it is, and its status is 300
 * or above to an INVITE, the caller gives the ACK to reload_sip_txn_acknowledge(), which sends it for every repetition.
 */
bool reload_sip_txn_response(struct reload_sip_txn *t, int status);
void reload_sip_txn_acknowledge(struct reload_sip_txn *t, struct span ack);

/* reload_sip_txn_free() ends it at once, without a call; NULL is legal.  reload_sip_txns_clear() does so for all. */
void reload_sip_txn_free(struct reload_sip_txn *t);
void reload_sip_txns_clear(struct reload_sip_txns *ts);
