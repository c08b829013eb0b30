/*
 * DTLS links over ICE (DTLS-UDP-SR, RFC 6940 s6.6.7): what their files share.  A plug-in finds the path and carries datagrams
 * (link/ice_plugin.h); its thread puts what it has to say into an inbox, from which the loop takes it.
 */
#pragma once

#include "link/addresses_io.h"
#include "link/dtls.h"
#include "link/ice_path_io.h"
#include "link/ice_plugin.h"

#include <pthread.h>

enum {
	RELOAD_ICE_INBOX =
		1024, /* datagrams, and changes of pairs, that wait for the loop; those above are lost */
	RELOAD_ICE_INBOX_BYTES = 2 * 1024 * 1024, /* of those, likewise */
	RELOAD_ICE_CHECK_MS = 12000,              /* for a pair; libnice gives up after 8 s */
	RELOAD_ICE_ANSWER_MS = 1000,              /* for a plug-in, beyond its own limit */
	RELOAD_ICE_GONE_MS =
		RELOAD_RELIABLE_LOST_MS /* a link outlives the address that it leaves from */
};

/* -- ice_inbox_io.c: notices on their way from the thread of the plug-in to the loop --------------------------------------- */

/* A copy of a notice with all that it points to, in one block. */
struct reload_ice_letter {
	STAILQ_ENTRY(reload_ice_letter) entry;
	struct reload_ice_notice notice;
};

STAILQ_HEAD(reload_ice_letters, reload_ice_letter);

struct reload_ice_inbox {
	int fd; /* readable while there are letters */
	pthread_mutex_t lock;
	struct reload_ice_letters letters;
	size_t count, bytes; /* of datagrams */
};

/* reload_ice_inbox_init() returns 0 or a negative errno; reload_ice_inbox_clear() frees what is in it. */
int reload_ice_inbox_init(struct reload_ice_inbox *inbox) MUST_CHECK;
void reload_ice_inbox_clear(struct reload_ice_inbox *inbox);

/* reload_ice_inbox_put() adds a copy, or drops a datagram when there are too many; any thread; inbox is a struct reload_ice_inbox. */
void reload_ice_inbox_put(void *inbox, const struct reload_ice_notice *notice);

/* reload_ice_inbox_take() moves all that is there to out, in order; each letter is freed by reload_ice_letter_free(). */
void reload_ice_inbox_take(struct reload_ice_inbox *inbox, struct reload_ice_letters *out);
void reload_ice_letter_free(struct reload_ice_letter *letter);

/* -- ice_link_io.c: the states of a link over ICE ---------------------------------------------------------------------------- */

struct reload_ice_link {
	struct reload_dtls_link dtls;
	RB_ENTRY(reload_ice_link) by_key;
	uint64_t key; /* 0: the plug-in has nothing of it any more */
	bool gathered, checking;
	struct reload_timer idle;    /* while it is up */
	struct reload_timer gone;    /* this host does not have the address any more */
	uint64_t sent;               /* DATA frames when it was armed */
	struct reload_ice_pair pair; /* when it is connected */
};

/* What links have of a plug-in. */
struct reload_ice_use {
	struct reload_links *links;
	const struct reload_ice_plugin *plugin;
	struct reload_ice *ice;
	struct reload_ice_inbox inbox;
	uint64_t watch, last_key;
	struct reload_addresses_watch *addresses;
	RB_HEAD(reload_ice_tree, reload_ice_link) tree;
	RB_HEAD(reload_ice_path_tree, reload_ice_path) paths;
};

/* reload_ice_path_notice() handles what is said of a key that is no link's (link/ice_path_io.h). */
void reload_ice_path_notice(struct reload_ice_use *use, const struct reload_ice_notice *n);

extern const struct reload_link_transport reload_ice_transport;

/*
 * What all links over ICE do, those of applications too.  reload_ice_link_begin() gathers candidates for a new one, whose end is_server is set by
 * how->controlling; gathered() follows, or it is dead.  reload_ice_link_check() connects to the other end, once candidates are gathered, and only once.
 */
void reload_ice_link_begin(struct reload_ice_link *link, const struct reload_ice_gather *how);
void reload_ice_link_check(struct reload_ice_link *link, const struct reload_ice_remote *to);

/* reload_ice_datagram(), reload_ice_disconnect() and reload_ice_handshake_done() are in the rows of all transports over ICE, under these names there. */
void reload_ice_datagram(struct reload_secure_link *link, struct span datagram);
void reload_ice_disconnect(struct reload_secure_link *link);
void reload_ice_handshake_done(struct reload_secure_link *link);

/* reload_ice_end() ends the plug-in, whose links are gone; legal without one. */
void reload_ice_end(struct reload_links *links);
