/*
 * Connections of applications (RFC 6940 s6.5.2): asking another node for one by AppAttach, and answering for the applications that this node
 * serves.  The connection is made by the host and is the application's alone: it is no link, has numbers of its own and is in no table
 * of the overlay (R-5.4-01).  The roles are those of Attach (MSG-10): who asks listens, who answers connects.
 *
 *   asking:     listens, request sent --> answered --> connected by the node that answered --> handed over
 *   answering:  a free place for the application --> answered --> connecting --> handed over
 *
 * In an overlay with ICE each end gathers candidates before it sends its message, and both connect after that (app_attach_ice.c).  Who asks is
 * controlling.
 *
 *   asking:     gathering --> request sent --> answered --> connecting --> handed over
 *   answering:  a free place for the application --> gathering --> answered --> connecting --> handed over
 *
 * Two nodes that ask each other at once get two connections: they are of two programs, and no table has one of them for a node.
 *
 * What comes to nothing within the lifetime of a request is given up.  At the limits below one more is refused; what is handed over
 * takes a place of its application until the host gives it back.
 */
#pragma once

#include "membership/membership.h"

struct reload_apps;

enum {
	RELOAD_APPS_MAX = 64,          /* Application-IDs that are served */
	RELOAD_APP_PLACES_MAX = 256,   /* connections of one of them */
	RELOAD_APP_ASKED_MAX = 64,     /* own AppAttaches under way */
	RELOAD_APP_ANSWERED_MAX = 64,  /* those of others */
	RELOAD_APP_PER_SIGNER_MAX = 8, /* of these, with one certificate */
	RELOAD_APP_BURST = 100,      /* AppAttaches of one certificate that are answered at once */
	RELOAD_APP_EVERY_MS = 100,   /* one more of its AppAttaches is answered in this time */
	RELOAD_APP_SIGNERS_MAX = 64, /* certificates that are counted */
	RELOAD_APP_STRANGERS_MAX =
		4 /* connected while it is not known who will answer; the oldest makes room */
};

/* The other end of a connection. */
struct reload_app_peer {
	uint16_t application;
	struct reload_id node;
	const struct reload_cert *cert; /* borrowed */
	bool incoming;                  /* asked for by the other end */
};

/*
 * What is asked of the host.  `app` is the number of an AppAttach, with the top bit set that of another node's; `stream` what the host calls one of the connections that were made for it.
 * None of these functions may call back.
 */
struct reload_app_ops {
	/* without ICE: waits for connections; fills in the addresses that are to be named, at most max, and returns their number; 0: it cannot */
	size_t (*listen)(void *host, uint32_t app, struct reload_link_target *out, size_t max);
	/*
	 * By ICE: gathers candidates for a connection of the application; reload_peer_app_gathered() or reload_peer_app_down() follows.
	 * NULL: it cannot.
	 */
	void (*gather)(void *host, uint32_t app, uint16_t application, bool controlling);
	/* by ICE: connects to what the other end has sent; reload_peer_app_up() or reload_peer_app_down() follows */
	void (*check)(void *host, uint32_t app, struct span ufrag, struct span password,
		const struct reload_ice_candidate *candidates, size_t count);
	/* without ICE: connects to one of the targets; reload_peer_app_up() or reload_peer_app_down() follows */
	void (*connect)(
		void *host, uint32_t app, const struct reload_link_target *to, size_t count);
	/* the stream is that of the node: it is handed over to the application */
	void (*take)(void *host, uint32_t app, uint32_t stream, const struct reload_app_peer *peer);
	/* the stream is not wanted */
	void (*drop)(void *host, uint32_t app, uint32_t stream);
	/* nothing more is waited for: what was not taken ends */
	void (*end)(void *host, uint32_t app);
	/* an AppAttach of this node came to nothing */
	void (*failed)(void *host, uint32_t app, const struct reload_result *result);
};

struct reload_apps_setup {
	struct reload_engine *engine;
	struct reload_exchange *exchange;
	struct reload_membership *membership; /* what it says of addresses and who names them */
	const struct reload_app_ops *ops;     /* NULL: RELOAD_LIMIT for every application */
};

/* reload_apps_new() makes the service (owned) without applications, with the method AppAttach. */
struct reload_apps *reload_apps_new(const struct reload_apps_setup *setup);
void reload_apps_free(struct reload_apps *s);

/*
 * reload_app_serve() answers AppAttaches for an application as long as fewer than `places` connections of it are under way or handed over.
 * RELOAD_EXISTS when it is served already, RELOAD_LIMIT at the maximum.  reload_app_serve_end() ends that; connections that were handed over
 * stay.  reload_app_place_free() gives a place back.
 */
enum reload_err reload_app_serve(
	struct reload_apps *s, uint16_t application, unsigned places) MUST_CHECK;
void reload_app_serve_end(struct reload_apps *s, uint16_t application);
void reload_app_place_free(struct reload_apps *s, uint16_t application);

/*
 * reload_app_ask() asks the node, or the peer, at the end of target for a connection; app is a number that is not in use, its top bit clear.
 * take() or failed() follows, which may be at once.  RELOAD_USAGE for a list that cannot be, RELOAD_LIMIT at the maximum, RELOAD_IO when the
 * host cannot listen; then neither follows.  reload_app_cancel() ends one without a word.
 */
enum reload_err reload_app_ask(struct reload_apps *s, uint32_t app, uint16_t application,
	const struct reload_request_target *target) MUST_CHECK;
void reload_app_cancel(struct reload_apps *s, uint32_t app);

/* reload_app_gathered(), reload_app_up() and reload_app_down() are inputs (peer/peer.h). */
void reload_app_gathered(
	struct reload_apps *s, uint32_t app, const struct reload_ice_gathered *found);
void reload_app_up(struct reload_apps *s, uint32_t app, uint32_t stream, struct reload_cert *cert);
void reload_app_down(struct reload_apps *s, uint32_t app, enum reload_err err);
