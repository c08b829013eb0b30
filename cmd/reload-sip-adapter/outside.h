/*
 * Servers outside the overlay: those of other domains, and trunks.  Where they are is asked of name servers (RFC 3263, dns/locate.h), and they are tried one
 * after another; one that failed lately comes last.  No name gets further than this file.
 *
 *   start -> located -> send() -> (no response in time, 503, nobody there) -> send() to the next -> ... -> ended()
 */
#pragma once

#include "dns/locate_io.h"
#include "reload-sip-adapter/adapter.h"

enum {
	OUTSIDE_SILENCE_MS =
		2000,        /* without any response the next server is tried, when there is one */
	OUTSIDE_LARGE = 1300 /* bytes: a request above that goes over TCP (RFC 3261 s18.1.1) */
};

struct outside_ops {
	/* sends the request that way; false: it cannot be sent */
	bool (*send)(void *arg, const struct reload_sip_hop *hop);
	/* a server has not responded: the request ends with that status, unless outside_failed() goes on */
	void (*silent)(void *arg, int status);
	/* no server could be found or reached */
	void (*ended)(void *arg, int status);
};

struct outside {
	struct adapter *a;
	const struct outside_ops *ops;
	void *arg;
	char *host;                       /* owned: of the URI; what a certificate has to be for */
	char *uri;                        /* owned: whose servers they are */
	bool trunk;                       /* it is trusted with the caller's identity */
	bool local;                       /* it may be on this host, as where it came from is */
	struct reload_location *location; /* NULL: nothing is being asked */
	struct reload_locate_server servers[RELOAD_LOCATE_SERVERS];
	size_t count, next; /* next: to be tried; the one before has the request */
	bool answered;      /* by that one */
	struct reload_timer silence;
};

/* outside_new() makes one (owned), outside_free() ends what is under way (NULL is legal). */
struct outside *outside_new(struct adapter *a, const char *uri, bool trunk, bool local,
	const struct outside_ops *ops, void *arg);
void outside_free(struct outside *o);

/* outside_start() begins; returns 0, or the status of a request to a URI that leads nowhere, when nothing is called.  large: no datagram takes it. */
int outside_start(struct outside *o, bool large);

/* outside_failed() is called when the request has come to that status: true when another server has it instead.  retry_after is that of a 503, 0: none. */
bool outside_failed(struct outside *o, int status, reload_ms retry_after);

/* outside_answered() notes a response of the server. */
void outside_answered(struct outside *o, int status);

/* outside_stop() has no other server tried, as nobody waits for the answer any more. */
void outside_stop(struct outside *o);

/* outside_way() writes the way to the host of a URI that is an address, for what cannot wait for a name server; false: it is a name, or cannot be reached. */
bool outside_way(struct reload_sip_hop *out, const struct transport *t, const char *uri);
