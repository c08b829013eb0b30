/* What the files of TLS links share. */
#pragma once

#include "link/admission.h"
#include "link/framing.h"
#include "link/rto.h"
#include "link/tls_io.h"

#include <openssl/ssl.h>
#include <sys/queue.h>

enum {
	RELOAD_LINK_ADDRS = 16,     /* addresses tried for one link */
	RELOAD_LINK_ACCEPTS = 16,   /* connections taken in one turn from one listener */
	RELOAD_LINK_READS = 16,     /* TLS records taken in one turn from one link */
	RELOAD_LINK_BUFFER = 16384, /* one TLS record */
	RELOAD_LINK_LISTENERS = 16,
	RELOAD_LINK_SPARE = 16384, /* bytes of a buffer that is kept for the next queue */
	RELOAD_LINK_CERTS_MAX =
		32768, /* bytes of all certificates in a handshake: a chain of eight has about 8,000 */
	RELOAD_LINK_CLOSE_MS = 2000, /* for the last bytes of a link that closes */
	/*
	 * A record of TLS 1.3 adds 22 bytes: an ACK alone has 31.  A quiet link (SO_RCVLOWAT) wakes up for more only: it
	 * finds the ACK before the next message, or looks for it before an RTO has gone by.  Every message of RELOAD is
	 * longer; only what ends with a frame may wait, and a close_notify without the end of the connection.
	 */
	RELOAD_LINK_WAKE_BYTES = RELOAD_FRAME_ACK_SIZE + 22 + 1,
	RELOAD_LINK_ACK_ROOM = 65536 /* ACKs may exceed max_queue by this; above they are dropped */
};

_Static_assert(RELOAD_FRAMING_ACK_MS + 1 <= RELOAD_RTO_FLOOR_MS / 4,
	"an ACK that waits does not make a link late");

enum reload_tls_state {
	RELOAD_TLS_CONNECTING,
	RELOAD_TLS_HANDSHAKE,
	RELOAD_TLS_UP,
	RELOAD_TLS_CLOSING, /* the queue is sent, then a close_notify */
	RELOAD_TLS_LINGER, /* all is sent; waits for the other end, as an early close would destroy what is on its way */
	RELOAD_TLS_DEAD /* freed at the end of the turn, after down() or refused() unless silent */
};

struct reload_tls_link {
	RB_ENTRY(reload_tls_link) entry;
	TAILQ_ENTRY(reload_tls_link) half, turn, ack;
	struct reload_links *links;
	uint32_t id;
	enum reload_tls_state state;
	bool incoming, is_half_open, is_in_turn, was_up;
	bool silent;    /* nobody wants to know its end */
	bool read_more; /* decrypted or buffered bytes are left: no event will tell */
	bool recheck;   /* the trust has changed */
	bool quiet;     /* the loop tells of RELOAD_LINK_WAKE_BYTES and up only, and of the end */
	int fd;         /* -1: none */
	reload_ms acks_due; /* with which it is in links->acks; 0: it is not */
	unsigned wants;     /* events asked of the loop */
	uint64_t watch;
	SSL *ssl;
	struct reload_timer timer; /* for what is waited for in this state */

	struct reload_ip_port peer, *addrs; /* addrs: owned, until it is up */
	size_t addrs_count, addrs_next;
	struct reload_cert *cert, **others; /* references */
	size_t others_count;
	enum reload_err err; /* why it died, or why the certificate was refused */
	struct reload_error_text *why;

	struct reload_framing framing;
	struct reload_rto rto;
	struct reload_link_health health;
	struct wr out; /* frames to be encrypted, those before out_at were */
	size_t out_at;
};

RB_HEAD(reload_tls_tree, reload_tls_link);
TAILQ_HEAD(reload_tls_list, reload_tls_link);

struct reload_listener {
	struct reload_links *links;
	int fd;
	uint64_t watch;
	struct reload_timer pause; /* no descriptors left: look again later */
};

struct reload_links {
	struct reload_links_setup
		set; /* with defaults filled in; cert, key and others are not used after new */
	struct reload_timers *timers;
	struct reload_timer validity; /* the next look for certificates that have ended */
	struct reload_poll_hook hook;
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	int keylog; /* descriptor, -1: none */
	struct reload_trust *trust;
	struct reload_tls_tree tree;
	struct reload_tls_list half_open; /* incoming handshakes, oldest first */
	struct reload_admission admission;
	struct reload_tls_list turn;    /* to be looked at when the turn ends */
	struct reload_tls_list acks;    /* links whose ACKs wait for a message, by acks_due */
	struct reload_timer acks_timer; /* for the first of them */
	uint32_t next_incoming;
	struct reload_listener listeners[RELOAD_LINK_LISTENERS];
	size_t listeners_count;
	struct reload_links_counters counters;
	struct wr spare; /* of the queue that was written out last, for the next one that begins */
	uint8_t buffer[RELOAD_LINK_BUFFER]; /* decrypted bytes of one read */
};

/* -- tls_context_io.c: what OpenSSL is told once -------------------------------------------------------------------- */

/* reload_tls_context_init() fills ctx, bio and keylog; reload_tls_context_clear() ends them, zeroed but for keylog -1. */
enum reload_err reload_tls_context_init(
	struct reload_links *links, struct reload_error_text *why) MUST_CHECK;
void reload_tls_context_clear(struct reload_links *links);

/* reload_tls_context_new() makes a context (owned) of policy and credentials of set; RELOAD_BAD_CERT, _BAD_KEY, _FAILED with why. */
enum reload_err reload_tls_context_new(SSL_CTX **out, const struct reload_links_setup *set,
	struct reload_error_text *why) MUST_CHECK;

/* reload_tls_session() makes the TLS side of a connected link over its descriptor; NULL when OpenSSL cannot. */
SSL *reload_tls_session(struct reload_tls_link *link);

/* -- socket_io.c: sockets; all are non-blocking and close-on-exec --------------------------------------------------- */

/* reload_socket_listen() returns a listening socket and its port, or a negative errno. */
int reload_socket_listen(const struct reload_ip_port *addr, uint16_t *port);

/* reload_socket_connect() starts to connect; a negative errno when that fails at once. */
int reload_socket_connect(const struct reload_ip_port *addr);

/* reload_socket_accept() takes one connection, or returns a negative errno. */
int reload_socket_accept(int listener, struct reload_ip_port *peer);

/* reload_socket_error() takes the pending error of a socket, 0 for none. */
int reload_socket_error(int fd);

/* reload_socket_wake_at() makes the loop tell of this many unread bytes and up, and of the end; 1 is usual. */
void reload_socket_wake_at(int fd, int bytes);

/* reload_socket_raise_limit() lets this process have as many descriptors as it may. */
void reload_socket_raise_limit(void);

/*
 * What follows is in the order of who uses whom: a file calls files above it only.
 *
 * -- tls_table_io.c: links by number, and what the loop does for one --------------------------------------------------- */

/* reload_tls_link_find() returns the link with this number, NULL for none. */
struct reload_tls_link *reload_tls_link_find(const struct reload_links *links, uint32_t id);

/* reload_tls_link_first() and reload_tls_link_next() go through all links; NULL behind the last. */
struct reload_tls_link *reload_tls_link_first(struct reload_links *links);
struct reload_tls_link *reload_tls_link_next(struct reload_tls_link *link);

/* reload_tls_link_new() makes a link in the tree, without descriptor; reload_tls_link_forget() takes one out of the tree. */
struct reload_tls_link *reload_tls_link_new(struct reload_links *links, uint32_t id);
void reload_tls_link_forget(struct reload_tls_link *link);

/* reload_tls_link_turn() marks a link to be looked at when the turn ends. */
void reload_tls_link_turn(struct reload_tls_link *link);

/* reload_tls_link_turn_first() is the same, before all others: there is a message to send. */
void reload_tls_link_turn_first(struct reload_tls_link *link);

/* reload_tls_link_arm() arms the one timer of the link; fn gets the link. */
void reload_tls_link_arm(struct reload_tls_link *link, reload_ms due, reload_timer_fn fn);

/* reload_tls_link_queue() returns the queue, to be written to; reload_tls_link_queue_done() empties it: an idle link has no buffer. */
struct wr *reload_tls_link_queue(struct reload_tls_link *link);
void reload_tls_link_queue_done(struct reload_tls_link *link);

/* reload_tls_link_want() changes the events that are asked of the loop. */
void reload_tls_link_want(struct reload_tls_link *link, unsigned events);

/* -- tls_acks_io.c: ACKs that wait ------------------------------------------------------------------------------------- */

/*
 * reload_tls_link_acknowledge() appends the ACKs that wait to the queue when there is something for them to travel with or
 * their time has come, else sees to it that they leave in time; for a link that is up, at the end of a turn.
 * reload_tls_link_drop_acks() forgets about the wait.
 */
void reload_tls_link_acknowledge(struct reload_tls_link *link);
void reload_tls_link_drop_acks(struct reload_tls_link *link);

/* -- tls_end_io.c: how a link ends ------------------------------------------------------------------------------------- */

/* reload_tls_link_leave_half_open() takes a link out of the list of incoming handshakes, if it is there. */
void reload_tls_link_leave_half_open(struct reload_tls_link *link);

/* reload_tls_link_forget_peer() gives the certificates of the other end back. */
void reload_tls_link_forget_peer(struct reload_tls_link *link);

/* reload_tls_link_fail() ends a link; callback and free happen when the turn ends. */
void reload_tls_link_fail(struct reload_tls_link *link, enum reload_err err, const char *reason);

/* reload_tls_link_fail_tls() ends a link because a call into OpenSSL failed with code, err_saved being errno behind it. */
void reload_tls_link_fail_tls(struct reload_tls_link *link, int code, int err_saved);

/* reload_tls_link_free() frees at once, without a word to anybody. */
void reload_tls_link_free(struct reload_tls_link *link);

/* reload_tls_link_bury() tells the owner of a link that is dead, and frees it. */
void reload_tls_link_bury(struct reload_tls_link *link);

/* -- tls_trust_io.c: certificates of links that are up ----------------------------------------------------------------- */

/* reload_links_validity() sees to it that a link whose certificate ends is looked at then. */
void reload_links_validity(struct reload_links *links, reload_utc not_after);

/* reload_tls_link_check_trust() judges the certificate of a link again, which ends when it does not pass. */
void reload_tls_link_check_trust(struct reload_tls_link *link);

/* -- tls_stream_io.c: what goes through a link ------------------------------------------------------------------------- */

/* reload_tls_link_read() takes what has arrived, a bounded number of records; the link may be dead afterwards. */
void reload_tls_link_read(struct reload_tls_link *link);

/* reload_tls_link_flush() writes the queue as far as the kernel takes it. */
void reload_tls_link_flush(struct reload_tls_link *link);

/* reload_tls_link_watch_health() looks at the wait for an ACK in time; nothing when it does so already. */
void reload_tls_link_watch_health(struct reload_tls_link *link, reload_ms now);

/* -- tls_link_io.c: the states of a link ------------------------------------------------------------------------------- */

/* reload_tls_link_accepted() starts the handshake over fd, which it owns from now on. */
void reload_tls_link_accepted(
	struct reload_links *links, int fd, const struct reload_ip_port *peer);

/* reload_tls_link_connect() starts with the first of its addresses. */
void reload_tls_link_connect(struct reload_tls_link *link);

/* reload_tls_link_close() lets the queue leave, then closes; one that is not up dies at once. */
void reload_tls_link_close(struct reload_tls_link *link);

/* reload_tls_link_turn_end() does what is due; the link may be gone afterwards. */
void reload_tls_link_turn_end(struct reload_tls_link *link);
