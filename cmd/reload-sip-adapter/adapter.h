/*
 * The adapter as its files share it.  A message comes from a device or from another node, and goes to one:
 *
 *   transport.c -> receive.c -> registrar.c                        REGISTER
 *                            -> fork.c -> route.c -> fork.c        a request: where it goes, and the best of the answers
 *                            -> call.c                             what belongs to a dialog stays on its way
 *
 * Devices are believed when they know the password of their AOR (auth.c), other nodes by the certificate of the connection (served.c).
 */
#pragma once

#include "dns/dead_servers.h"
#include "reload-sip-adapter/call.h"
#include "reload-sip-adapter/message.h"
#include "reload-sip-adapter/relay.h"
#include "reload-sip-adapter/served.h"
#include "reload-sip-adapter/users.h"
#include "sip/transaction.h"

#define ADAPTER_MARK "reload-adapter" /* parameter of the Record-Routes of adapters, with a MAC */

enum {
	ADAPTER_AGENTS_MAX = 256,
	ADAPTER_TRANSACTIONS_MAX = 400000,
	ADAPTER_TRANSACTION_BYTES =
		256 * 1024 * 1024,          /* of messages that they may have to send again */
	ADAPTER_FORKS_MAX = 50000,          /* requests under way */
	ADAPTER_FORKS_OF_NODE = 64,         /* of these over a connection with another node */
	ADAPTER_FORKS_OF_CONNECTION = 2000, /* over another one, which may be that of a proxy */
	ADAPTER_RELAYS_OF_NODE =
		64, /* calls whose audio is relayed, over a connection with another node */
	ADAPTER_FOREIGN_OF_HOST = 250,
	ADAPTER_FOREIGN_MAX =
		1000, /* of these from callers of other domains, who are asked for no password */
	ADAPTER_STOP_MS = 2000 /* for what is under way, and for leaving the overlay */
};

struct fork;

/* Counters; all only grow. */
struct adapter_counts {
	uint64_t received, rubbish, requests, responses, registers, calls, answered, refused,
		challenges, forged, looped, lost;
};

struct adapter {
	struct cli *cli;
	struct reload_poll *poll;
	struct transport transport;
	struct reload_sip_txns txns;
	struct served *served[ADAPTER_AGENTS_MAX];
	size_t served_count;
	const char *users_path; /* NULL: devices on this host need no password */
	struct users users;
	struct reload_nonces *nonces;
	uint32_t min_expires_s, max_expires_s, default_expires_s;
	struct calls calls;
	struct relays relays;
	enum relay_mode media;
	struct reload_dead_servers dead; /* outside the overlay */
	struct gateways *gateways;       /* owned */
	bool redirect;                   /* callers are told where to go */
	size_t forks, foreign_forks;
	TAILQ_HEAD(, fork) all_forks;
	TAILQ_HEAD(, fork) foreign; /* of these foreign_forks */
	uint8_t secret[16];         /* of adapter_mac() */
	struct adapter_counts counts;
	bool stopping;
};

/* adapter_served() returns who serves an AOR, NULL: nobody here. */
struct served *adapter_served(const struct adapter *a, const char *aor);

/* adapter_host() returns somebody who is served and has an AOR of that domain, NULL: nobody does. */
struct served *adapter_host(const struct adapter *a, const char *domain);

/* adapter_event() prints one thing that happened (taken), quiet only in text. */
void adapter_event(struct adapter *a, json_t *object);

/* adapter_receive() handles a message that came; c is NULL for a datagram. */
void adapter_receive(
	void *adapter, struct span bytes, const struct reload_sip_hop *from, struct connection *c);

/* adapter_rubbish() answers what cannot be framed, by its text. */
void adapter_rubbish(void *adapter, struct span bytes, const struct reload_sip_hop *from);

/* adapter_refuse() answers a request that has no transaction, as cheaply as can be. */
void adapter_refuse(struct adapter *a, const struct message *m, int status, const char *lines);

/* adapter_mac() writes the MAC of a text in hexadecimal, by which this process knows again what it has given out. */
void adapter_mac(char out[MESSAGE_TAG], const struct adapter *a, struct span text);

/* adapter_mark() writes the value of ADAPTER_MARK in a URI with that address. */
void adapter_mark(char out[MESSAGE_TAG], const struct adapter *a, const struct reload_ip_port *at);

/*
 * adapter_is_own() returns whether a URI names this process itself: the address of one of its sockets, as who is at the other end of from sees it, or an
 * address that this process has given out, which its mark proves.
 */
bool adapter_is_own(const struct adapter *a, const url_t *url, const struct reload_sip_hop *from);

/* -- auth.c --------------------------------------------------------------------------------------------------------------------- */

/*
 * auth_check() returns whether the request of a device is from one that knows the password of aor; else it was answered, and t freed, with a challenge or a
 * refusal.  c is NULL for a datagram; a connection is believed from then on.
 */
bool auth_check(struct adapter *a, struct message *m, struct reload_sip_txn *t, const char *aor,
	struct connection *c);

/* auth_named() returns the user whose password the credentials of a request, or its connection, claim to be of; nothing is checked.  NULL: nobody's. */
struct served *auth_named(
	const struct adapter *a, const struct message *m, const struct connection *c);

/* -- registrar.c ------------------------------------------------------------------------------------------------------------- */

/* registrar_take() answers a REGISTER of a device. */
void registrar_take(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, struct connection *c);

/* adapter_answer() answers a request through its transaction. */
void adapter_answer(
	struct reload_sip_txn *t, const struct message *m, int status, const char *lines);

/*
 * adapter_reject() answers a request of somebody whose password or certificate is not known, once, and frees its transaction: a response that is repeated
 * would go to whomever a forged address names, again and again (RFC 3261 s26.3.2.4).
 */
void adapter_reject(struct adapter *a, struct reload_sip_txn *t, const struct message *m,
	int status, const char *lines);
