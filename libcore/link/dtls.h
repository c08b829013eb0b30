/*
 * DTLS links: what their files share.  A session of DTLS with Simple Reliability over it is the same whatever carries its datagrams;
 * a carrier is a row of struct reload_link_transport and a struct that begins with struct reload_dtls_link.
 *
 * Over UDP (DTLS-UDP-SR-NO-ICE, RFC 6940 s6.6.6): one UDP socket, a port, serves all links of an address and this node's STUN server (LINK-17).  The first byte says what a datagram is:
 * 0 to 3 is STUN, 20 to 63 is DTLS.  A link is found by who sent.  Its record layer is OpenSSL's; messages are made reliable by
 * link/reliable.h, one frame a record (LINK-03), and the records of one pass travel in one datagram as far as they fit.
 *
 * Strangers: a ClientHello costs nothing but a cookie until it brings one back, which shows that who sends it receives at that
 * address.  Only then there is a link, and a handshake that counts (link/admission.h).
 *
 * A ClientHello from an address to which a link stands is answered all the same (RFC 6347 s4.2.8): the other end may have been
 * started anew.  The new link is the successor of the old one, which ends when the successor's handshake is complete, not before.
 */
#pragma once

#include "link/internal.h"
#include "link/reliable.h"
#include "link/stun.h"
#include "link/udp_socket_io.h"

enum {
	RELOAD_DTLS_MTU = 1200,     /* bytes of a datagram */
	RELOAD_DTLS_FIRST_MS = 200, /* until a flight of the handshake is repeated first */
	RELOAD_DTLS_LAST_MS = 2000, /* and how long that wait becomes, doubling */
	RELOAD_DTLS_DATAGRAMS = 64, /* taken in one pass from one port */
	RELOAD_DTLS_ERRORS = 64,    /* of ICMP, likewise */
	/* a busy machine answers later than a network; what is repeated for nothing is dropped at the other end */
	RELOAD_DTLS_RTO_FLOOR_MS = 50,
	RELOAD_DTLS_PORTS = 18,   /* as many as listeners, and one of each family for own links */
	RELOAD_DTLS_QUEUE = 1024, /* messages of a link that wait or are unacknowledged */
	RELOAD_DTLS_RECORD_EPOCH = 3, /* where in a record; its head has 13 bytes (RFC 6347 s4.1) */
	RELOAD_DTLS_RECORD_HEAD = 13,
	RELOAD_DTLS_COOKIE_MS = 600000 /* a cookie is good for this long, and for as long again */
};

struct reload_dtls_port {
	struct reload_links *links;
	struct reload_ip_port at;
	int fd;
	uint64_t watch;
	RB_HEAD(reload_udp_tree, reload_udp_link) tree; /* by address of the other end */
};

struct reload_dtls_link {
	struct reload_secure_link base;
	bool reported_bad; /* the owner knows that it is bad */
	bool peer_closed;  /* the other end has said that it closes */
	bool no_path; /* what carries its datagrams knows that none arrives; the next pass looks at it */
	struct span datagram; /* that OpenSSL has not read yet; borrowed for the time of a call */
	struct reload_timer
		again; /* a flight is repeated, frames are sent, base.timer is the limit of the state */
	struct reload_reliable reliable;
};

struct reload_udp_link {
	struct reload_dtls_link dtls;
	RB_ENTRY(reload_udp_link) by_peer;
	struct reload_dtls_port *port;
	struct reload_udp_local local;
	struct reload_udp_link *successor, *predecessor; /* of the same address: see above */
	bool is_in_tree;
};

struct reload_dtls {
	struct reload_dtls_port ports[RELOAD_DTLS_PORTS];
	size_t ports_count;
	void (*receive)(void *port, unsigned events);
	struct reload_udp_link *
		listening; /* takes ClientHellos until one brings its cookie; NULL: made when needed */
	struct reload_admission stun;
	uint8_t secret[32]; /* of cookies */
	uint64_t repeat_key[2];
	/* the datagram that is being put together, for writer */
	struct reload_dtls_link *writer;
	size_t out_len;
	uint8_t out[RELOAD_DTLS_MTU];
	uint8_t in[RELOAD_LINK_BUFFER + 64]; /* one datagram */
};

extern const struct reload_link_transport reload_dtls_transport;

/* -- dtls_bio_io.c: between OpenSSL and datagrams, of which several records may share one -------------------------------------------------------------------------- */

/* reload_dtls_bio_method() makes the way of the records of a session (owned). */
BIO_METHOD *reload_dtls_bio_method(void);

/*
 * reload_dtls_write() adds a record to the datagram of a link that is being put together; reload_dtls_flush() sends it.  Each function
 * that calls into OpenSSL flushes before it returns.
 */
void reload_dtls_write(struct reload_dtls_link *link, struct span record);
void reload_dtls_flush(struct reload_links *links);

/* -- dtls_record_io.c: records before OpenSSL sees them ---------------------------------------------------------------------- */

/*
 * reload_dtls_well_formed() returns the front of a datagram up to the first record that is cut off, or that is encrypted and shorter than the
 * tag of any: OpenSSL 3.0 would end the session for it, and anybody can send one.
 */
struct span reload_dtls_well_formed(SSL *ssl, struct span datagram);

/* -- dtls_stream_io.c: what goes through a link that is up ------------------------------------------------------------------ */

/* reload_dtls_link_read() takes what its datagram holds; the link may be dead afterwards. */
void reload_dtls_link_read(struct reload_dtls_link *link);

/* reload_dtls_link_pump() sends what is due and sees to it that it is called again in time; the link may be dead afterwards. */
void reload_dtls_link_pump(struct reload_dtls_link *link);

/* reload_dtls_link_record() writes a record; false: the link is dead.  reload_dtls_flush() follows. */
bool reload_dtls_link_record(struct reload_dtls_link *link, struct span record);

/* reload_dtls_link_icmp() takes what ICMP said of a datagram of the link. */
void reload_dtls_link_icmp(struct reload_dtls_link *link, const struct reload_udp_error *error);

/* -- dtls_session_io.c: the session of a link, whatever carries its datagrams ---------------------------------------------- */

/* reload_dtls_session() makes the session of a link; false when OpenSSL cannot. */
bool reload_dtls_session(struct reload_dtls_link *link);

/*
 * reload_dtls_handshake() begins with the handshake, which is to be done within limit_ms.  handshake_done() of the transport follows, or
 * the link is dead, or tries its next address; each perhaps before it returns.
 */
void reload_dtls_handshake(struct reload_dtls_link *link, reload_ms limit_ms);

/* reload_dtls_begins() returns whether a datagram is one of DTLS by its first byte (RFC 7983). */
static inline bool reload_dtls_begins(struct span datagram)
{
	return datagram.len && datagram.at[0] >= 20 && datagram.at[0] <= 63;
}

/* reload_dtls_link_input() takes a datagram. */
void reload_dtls_link_input(struct reload_dtls_link *link, struct span datagram);

/* reload_dtls_link_end() ends the session with an alert when it is up, and its timer; for disconnect() of a transport. */
void reload_dtls_link_end(struct reload_dtls_link *link);

/*
 * What is the same in the rows of all transports of DTLS, under the names that these functions have there: reload_dtls_send(),
 * reload_dtls_close(), reload_dtls_pass_end(), reload_dtls_clear(), reload_dtls_set_limits(), reload_dtls_info(), reload_dtls_mtu().
 */
bool reload_dtls_send(struct reload_secure_link *link, struct span message);
void reload_dtls_close(struct reload_secure_link *link);
void reload_dtls_pass_end(struct reload_secure_link *link);
void reload_dtls_clear(struct reload_secure_link *link);
void reload_dtls_set_limits(struct reload_secure_link *link);
void reload_dtls_info(const struct reload_secure_link *link, struct reload_link_info *out);
size_t reload_dtls_mtu(const struct reload_secure_link *link);

/* -- dtls_port_io.c: sockets, whose datagram one is, and datagrams out ---------------------------------------------------- */

/* reload_dtls_port_open() returns a port at addr, whose number is filled in, or NULL with a negative errno in *err. */
struct reload_dtls_port *reload_dtls_port_open(
	struct reload_links *links, struct reload_ip_port *addr, int *err);

/*
 * reload_dtls_port_for() returns a port from which an address is reached and from which no link to it stands: two links from one port
 * would be one to the other end, which replaces the first by the second.  NULL with *err when there is none.
 */
struct reload_dtls_port *reload_dtls_port_for(
	struct reload_links *links, const struct reload_ip_port *peer, int *err);

/* reload_dtls_ports_close() closes all; their links are gone. */
void reload_dtls_ports_close(struct reload_links *links);

/* reload_udp_link_at() returns the link to an address, NULL for none. */
struct reload_udp_link *reload_udp_link_at(
	struct reload_dtls_port *port, const struct reload_ip_port *peer);

/*
 * reload_udp_link_enter() makes datagrams from its peer find a link, or its predecessor when there is one already; false: that one has a
 * successor.  reload_udp_link_leave() ends it.  reload_udp_link_succeed() puts a link in the place of its predecessor, which it returns.
 */
bool reload_udp_link_enter(struct reload_udp_link *link);
void reload_udp_link_leave(struct reload_udp_link *link);
struct reload_udp_link *reload_udp_link_succeed(struct reload_udp_link *link);

/* -- dtls_cookie_io.c ------------------------------------------------------------------------------------------------------- */

/* reload_dtls_context() sets how a context of DTLS makes cookies, and that datagrams have the size set here. */
void reload_dtls_context(SSL_CTX *ctx);

/* -- dtls_link_io.c: the states of a DTLS link over UDP ------------------------------------------------------------------------ */

/* reload_udp_link_accepted() goes on with the handshake of a link that has shown its cookie. */
void reload_udp_link_accepted(struct reload_udp_link *link);

/* reload_udp_link_refused() ends a handshake when ICMP says that nobody is there. */
void reload_udp_link_refused(struct reload_udp_link *link, const struct reload_udp_error *error);

/* -- dtls_listen_io.c: datagrams from anybody --------------------------------------------------------------------------------- */

/*
 * reload_dtls_init() begins without ports, false when OpenSSL has no random numbers; reload_dtls_listen() takes links at addr, a
 * negative errno when that fails; reload_dtls_end() is legal before reload_dtls_init().
 */
bool reload_dtls_init(struct reload_links *links);
int reload_dtls_listen(struct reload_links *links, struct reload_ip_port *addr);
void reload_dtls_end(struct reload_links *links);
