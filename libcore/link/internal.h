/*
 * What the files of secured links share.  A link has a session of OpenSSL, a certificate at each end and a number; how its bytes travel is
 * its transport: a row of functions, and a struct that begins with struct reload_secure_link.  A further transport is a file with a row.
 */
#pragma once

#include "link/admission.h"
#include "link/links_io.h"

#include <openssl/ssl.h>
#include <sys/queue.h>

enum {
	RELOAD_LINK_ADDRS = 16,     /* addresses tried for one link */
	RELOAD_LINK_ACCEPTS = 16,   /* connections taken in one pass from one listener */
	RELOAD_LINK_READS = 16,     /* TLS records taken in one pass from one link */
	RELOAD_LINK_BUFFER = 16384, /* one TLS record */
	RELOAD_LINK_LISTENERS = 16,
	RELOAD_LINK_SPARE = 16384, /* bytes of a buffer that is kept for the next queue */
	RELOAD_LINK_CERTS_MAX =
		32768, /* bytes of all certificates in a handshake: a chain of eight has about 8,000 */
	RELOAD_LINK_CLOSE_MS = 2000 /* for the last bytes of a link that closes */
};

enum reload_secure_state {
	RELOAD_SECURE_CONNECTING,
	RELOAD_SECURE_HANDSHAKE,
	RELOAD_SECURE_UP,
	RELOAD_SECURE_CLOSING, /* the queue is sent, then a close_notify */
	RELOAD_SECURE_LINGER, /* all is sent; waits for the other end, as an early close would destroy what is on its way */
	RELOAD_SECURE_DEAD /* freed at the end of the pass, after down() or refused() unless silent */
};

struct reload_secure_link;

enum reload_secure_kind {
	RELOAD_SECURE_STREAM,   /* TLS */
	RELOAD_SECURE_DATAGRAM, /* DTLS */
	RELOAD_SECURE_KINDS
};

/* What happens to links that are an application's; it goes here, and not to the owner of all links. */
struct reload_link_sink {
	/* the handshake is done, the certificate passed reload_trust_check() */
	void (*up)(struct reload_secure_link *link);
	/* over DTLS: a message, never an empty one; record: in place of that, each record as it is, without Simple Reliability */
	void (*message)(struct reload_secure_link *link, struct span message);
	void (*record)(struct reload_secure_link *link, struct span record);
	/* over ICE, as in struct reload_links_ops */
	void (*gathered)(struct reload_secure_link *link, const struct reload_ice_found *found);
	void (*pairs_failed)(
		struct reload_secure_link *link, const struct reload_ice_pair *pairs, size_t count);
};

/* What the transport of a link does; every function is called with links of its own. */
struct reload_link_transport {
	enum reload_link_type type;
	enum reload_secure_kind kind;
	const char *name;                    /* as people know it: "TLS" */
	size_t size;                         /* of its struct */
	const struct reload_link_sink *sink; /* NULL: the owner of the links is notified */
	bool of_app; /* a connection of an application: by certificates also where links are by a shared secret */
	/* name by which both ends agree what goes through the session (ALPN, RFC 7301); NULL: none is offered or taken */
	const char *alpn;
	BIO_METHOD *(*bio_method)(
		void); /* how bytes of its sessions travel; the link is the BIO's data */
	/* starts to connect to link->peer; what stands in the way, NULL: it is under way.  NULL: it has no addresses */
	const char *(*connect)(struct reload_secure_link *link);
	/* queues a message on a link that is up; false: no room for it */
	bool (*send)(struct reload_secure_link *link, struct span message);
	/* lets the queue leave, then closes, in time; one that is not up dies at once */
	void (*close)(struct reload_secure_link *link);
	/* does what is due at the end of a pass, but for the end of a dead one */
	void (*pass_end)(struct reload_secure_link *link);
	/* gives up what it holds of the kernel and the loop; may be called twice */
	void (*disconnect)(struct reload_secure_link *link);
	/* frees or goes on with one that is dead; NULL: the owner of the links is notified, and it is freed */
	void (*ended)(struct reload_secure_link *link);
	/* frees the rest of its struct, after disconnect() */
	void (*clear)(struct reload_secure_link *link);
	/* takes newer limits from links->set, for a link that was up */
	void (*set_limits)(struct reload_secure_link *link);
	/* when anything last came over a link that is up, by what the kernel knows; NULL: when a datagram did */
	reload_ms (*heard)(const struct reload_secure_link *link);
	/* fills in what it knows of a link that is up */
	void (*info)(const struct reload_secure_link *link, struct reload_link_info *out);
	/* bytes of the largest message that fits a datagram of a link that is up; NULL: messages have no limit of their own */
	size_t (*mtu)(const struct reload_secure_link *link);

	/* of DTLS alone: sends a datagram; one that does not leave is lost, like others */
	void (*datagram)(struct reload_secure_link *link, struct span datagram);
	/* the handshake is done, and the owner will be notified */
	void (*handshake_done)(struct reload_secure_link *link);
};

struct reload_secure_link {
	RB_ENTRY(reload_secure_link) entry;
	TAILQ_ENTRY(reload_secure_link) half, pass;
	const struct reload_link_transport *transport;
	struct reload_links *links;
	struct reload_link_race *
		race; /* it is not up and one of several that may become link race->id; NULL: it has its number */
	uint32_t id;
	enum reload_secure_state state;
	bool incoming, is_half_open, is_in_pass, was_up;
	bool is_server;   /* of its handshake, though it was asked for here (LINK-08) */
	bool silent;      /* nobody wants to know its end */
	bool counted;     /* among the links that there are */
	bool is_numbered; /* it is in the tree */
	bool recheck;     /* the trust has changed */
	SSL *ssl;
	struct reload_timer timer; /* for what is waited for in this state */

	reload_ms heard;                    /* over DTLS: when the last datagram came */
	struct reload_ip_port peer, *addrs; /* addrs: owned, until it is up */
	size_t addrs_count, addrs_next;
	struct reload_cert *cert, **others; /* references */
	size_t others_count;
	enum reload_err err; /* why it died, or why the certificate was refused */
	struct reload_error_text *why;
};

/* A link that was asked for: transports that are tried one after the other, each beside the ones before. */
struct reload_link_race {
	TAILQ_ENTRY(reload_link_race) entry;
	struct reload_links *links;
	uint32_t id;
	struct reload_link_target *to; /* owned */
	size_t count;
	struct reload_secure_link *running[RELOAD_SECURE_KINDS];
	unsigned kinds; /* that were tried */
	struct reload_timer next;
	enum reload_err err;          /* of the attempt that says most */
	struct reload_error_text why; /* of all that failed, as for down() */
	bool has_failed, why_is_full;
};

TAILQ_HEAD(reload_link_races, reload_link_race);
RB_HEAD(reload_secure_tree, reload_secure_link);
TAILQ_HEAD(reload_secure_list, reload_secure_link);
struct reload_tls_link;
TAILQ_HEAD(reload_tls_list, reload_tls_link); /* link/tls.h */

struct reload_listener {
	struct reload_links *links;
	int fd;
	uint64_t watch;
	struct reload_poll_pause pause;
};

struct reload_links {
	struct reload_links_setup
		set; /* with defaults filled in; cert, key and others are not used after new */
	struct reload_timers *timers;
	struct reload_timer validity; /* the next look for certificates that have ended */
	struct reload_timer recheck;  /* of the links that are up, after a change of the trust */
	struct reload_poll_hook hook;
	SSL_CTX *contexts[RELOAD_SECURE_KINDS];
	SSL_CTX *psk[RELOAD_SECURE_KINDS]; /* of links by a shared secret; NULL: there is none */
	struct bytes secret;
	char *secret_name; /* the identity that goes with it */
	BIO_METHOD *bios[RELOAD_SECURE_KINDS];
	int keylog; /* descriptor, -1: none */
	struct reload_trust *trust;
	const struct reload_link_transport *const *transports; /* by kind */
	struct reload_dtls *dtls;                              /* link/dtls.h */
	struct reload_ice_use *ice; /* link/ice_link_io.h; NULL: no plug-in is used */
	struct reload_link_races races;
	struct reload_secure_tree tree;
	struct reload_secure_list half_open; /* incoming handshakes, oldest first */
	struct reload_admission admission;
	struct reload_secure_list pass; /* to be looked at when the pass ends */
	struct reload_tls_list acks;    /* links whose ACKs wait for a message, by acks_due */
	struct reload_timer acks_timer; /* for the first of them */
	uint32_t next_incoming;
	struct reload_listener listeners[RELOAD_LINK_LISTENERS];
	size_t listeners_count;
	struct reload_links_counters counters;
	struct wr spare; /* of the queue that was written out last, for the next one that begins */
	uint8_t buffer[RELOAD_LINK_BUFFER]; /* decrypted bytes of one read */
};

/* -- secure_context_io.c: what OpenSSL is set to once ------------------------------------------------------------------ */

/* reload_secure_context_init() fills contexts and keylog; reload_secure_context_clear() ends these and the bios, zeroed but for keylog -1. */
enum reload_err reload_secure_context_init(
	struct reload_links *links, struct reload_error_text *why) MUST_CHECK;
void reload_secure_context_clear(struct reload_links *links);

/* reload_secure_contexts_new() makes contexts (owned) of policy and credentials of set; RELOAD_BAD_CERT, _BAD_KEY, _FAILED with why, and none. */
enum reload_err reload_secure_contexts_new(SSL_CTX *out[RELOAD_SECURE_KINDS],
	const struct reload_links_setup *set, struct reload_error_text *why) MUST_CHECK;

/* reload_secure_policy() sets what all contexts have in common, reload_secure_keylog() that secrets are logged, where set says so. */
bool reload_secure_policy(SSL_CTX *ctx, int version_min, int version_max);
void reload_secure_keylog(SSL_CTX *ctx, const struct reload_links_setup *set);

/* reload_secure_psk_clear() forgets the shared secret (secure_psk_io.c). */
void reload_secure_psk_clear(struct reload_links *links);

/* reload_secure_session() makes the session of a link, over a BIO whose data is the link; NULL when OpenSSL cannot. */
SSL *reload_secure_session(struct reload_secure_link *link);

/* reload_secure_protocol_agreed() returns whether both ends of a session whose handshake is done have agreed on transport->alpn, or on none. */
bool reload_secure_protocol_agreed(const struct reload_secure_link *link);

/* -- socket_io.c: sockets; all are non-blocking and close-on-exec --------------------------------------------------- */

/* reload_socket_listen() returns a listening socket and its port, or a negative errno. */
int reload_socket_listen(const struct reload_ip_port *addr, uint16_t *port);

/* reload_socket_connect() starts to connect; a negative errno when that fails at once. */
int reload_socket_connect(const struct reload_ip_port *addr);

/* reload_socket_accept() takes one connection, or returns a negative errno. */
int reload_socket_accept(int listener, struct reload_ip_port *peer);

/* reload_socket_error() takes the pending error of a socket, 0 for none. */
int reload_socket_error(int fd);

/* reload_socket_wake_at() makes the loop report this many unread bytes and up, and of the end; 1 is usual. */
void reload_socket_wake_at(int fd, int bytes);

/* reload_socket_raise_limit() lets this process have as many descriptors as it may. */
void reload_socket_raise_limit(void);

/*
 * What follows is in the order of who uses whom: a file calls files above it only.
 *
 * -- secure_table_io.c: links by number, and what the loop does for one ------------------------------------------------ */

/* reload_secure_link_find() returns the link with this number, NULL for none. */
struct reload_secure_link *reload_secure_link_find(const struct reload_links *links, uint32_t id);

/* reload_links_max_queue() returns how many bytes a link may have unsent. */
size_t reload_links_max_queue(const struct reload_links *links);

/* reload_secure_link_first() and reload_secure_link_next() go through all links; NULL behind the last. */
struct reload_secure_link *reload_secure_link_first(struct reload_links *links);
struct reload_secure_link *reload_secure_link_next(struct reload_secure_link *link);

/*
 * reload_secure_link_new() makes a link of a transport, without number.  reload_secure_link_count() counts it.  reload_secure_link_enter() gives it a
 * number, which is not in use, and counts it; reload_secure_link_accept() does so for an incoming handshake.  reload_secure_link_forget() takes one
 * out of the tree.
 */
struct reload_secure_link *reload_secure_link_new(
	struct reload_links *links, const struct reload_link_transport *transport);
void reload_secure_link_count(struct reload_secure_link *link);
void reload_secure_link_enter(struct reload_secure_link *link, uint32_t id);
void reload_secure_link_accept(struct reload_secure_link *link);
void reload_secure_link_forget(struct reload_secure_link *link);

/* reload_secure_link_look() marks a link to be looked at when the pass ends. */
void reload_secure_link_look(struct reload_secure_link *link);

/* reload_secure_link_look_first() is the same, before all others: there is a message to send. */
void reload_secure_link_look_first(struct reload_secure_link *link);

/* reload_secure_link_arm() arms the one timer of the link; fn gets the link. */
void reload_secure_link_arm(struct reload_secure_link *link, reload_ms due, reload_timer_fn fn);

/* -- secure_end_io.c: how a link ends --------------------------------------------------------------------------------- */

/* reload_secure_link_leave_half_open() takes a link out of the list of incoming handshakes, if it is there. */
void reload_secure_link_leave_half_open(struct reload_secure_link *link);

/* reload_secure_link_forget_peer() gives the certificates of the other end back. */
void reload_secure_link_forget_peer(struct reload_secure_link *link);

/* reload_secure_link_fail() ends a link; callback and free happen when the pass ends. */
void reload_secure_link_fail(
	struct reload_secure_link *link, enum reload_err err, const char *reason);

/* reload_secure_link_fail_session() ends a link because a call into OpenSSL failed with code, err_saved being errno behind it. */
void reload_secure_link_fail_session(struct reload_secure_link *link, int code, int err_saved);

/* reload_secure_link_connect() begins with the next of its addresses to which connecting can begin; without one the link ends. */
void reload_secure_link_connect(struct reload_secure_link *link);

/* reload_secure_link_try_next() goes on with the next address of an own link that has just failed, if there is one. */
void reload_secure_link_try_next(struct reload_secure_link *link);

/* reload_secure_link_close_in_time() ends a link that has begun to close after RELOAD_LINK_CLOSE_MS at the latest. */
void reload_secure_link_close_in_time(struct reload_secure_link *link);

/* reload_secure_link_make_room() ends the half-open link that has to go when there are too many for one from peer. */
void reload_secure_link_make_room(struct reload_links *links, const struct reload_ip_port *peer);

/* reload_secure_link_free() frees at once, without a word to anybody. */
void reload_secure_link_free(struct reload_secure_link *link);

/* -- secure_trust_io.c: certificates of links that are up --------------------------------------------------------------- */

/* reload_links_validity() sees to it that a link whose certificate ends is looked at then. */
void reload_links_validity(struct reload_links *links, reload_utc not_after);

/* reload_secure_link_check_trust() checks the certificate of a link again, which ends when it does not pass. */
void reload_secure_link_check_trust(struct reload_secure_link *link);

/* -- race_io.c: links that were asked for -------------------------------------------------------------------------------- */

/* reload_link_race_start() begins; up() or down() of the owner follows. */
void reload_link_race_start(
	struct reload_links *links, uint32_t id, const struct reload_link_target *to, size_t count);

/* reload_link_race_find() returns the one that may become link id, NULL for none; reload_link_race_cancel() ends it without a word. */
struct reload_link_race *reload_link_race_find(struct reload_links *links, uint32_t id);
void reload_link_race_cancel(struct reload_link_race *race);

/* reload_link_races_free() ends all, with their attempts. */
void reload_link_races_free(struct reload_links *links);

/* reload_link_race_won() gives a link whose handshake is done its number; reload_link_race_lost() takes one that is dead out. */
void reload_link_race_won(struct reload_secure_link *link);
void reload_link_race_lost(struct reload_secure_link *link);

/* -- secure_up_io.c: becoming a link -------------------------------------------------------------------------------------- */

/* reload_secure_link_up() notifies the owner of a link whose handshake is done. */
void reload_secure_link_up(struct reload_secure_link *link);

/* reload_secure_link_ended() notifies the owner of a link that is dead, and frees it. */
void reload_secure_link_ended(struct reload_secure_link *link);
