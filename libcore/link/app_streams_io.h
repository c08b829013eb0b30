/*
 * Connections of applications (RFC 6940 s6.5.2), with the certificates of the overlay at both ends: TLS over TCP in an overlay without ICE, DTLS over ICE
 * in one with it.  They are no links: no number, limit or callback of link/links_io.h is theirs.
 *
 * TLS carries the application's own bytes, without frames.  Each AppAttach that waits for a connection has a port of its own, which is open as long as it waits.  So a connection needs no mark that
 * another implementation would not send: what arrives there is for that AppAttach, and what arrives at the port of the links is a link.
 *
 * A stream that is up waits until it is joined to a local socket.  Then bytes are copied in both directions, through one buffer each: who does
 * not read makes the other end wait, and nobody else.  The end of one direction is a close_notify of TLS, or a shutdown() of the local socket; the
 * other direction goes on.  A connection that ends without close_notify was cut off: it ends with an error.
 *
 * Over ICE there is Simple Reliability inside DTLS, as on a link, and its messages are those of link/ordered.h.  Both ends say so in their handshake by the
 * protocol name RELOAD_APP_STREAM_PROTOCOL (ALPN); an end that speaks another one, or names none, is refused.  A connection that has ended well lingers
 * for RELOAD_LINK_CLOSE_MS, so that the other end gets its acknowledgements.
 *
 * Or a connection over ICE carries packets: each is a record of DTLS as it is, may be lost, late or doubled, and no protocol is named.  The local socket
 * keeps packets apart (SOCK_SEQPACKET).  What the program does not read in time is dropped.  The end of either program's packets is the end of the
 * connection, and a close_notify; one that is too long for a record cuts it off.
 */
#pragma once

#include "link/links_io.h"

struct reload_app_streams;

#define RELOAD_APP_STREAM_PROTOCOL "reload-stream/1"

/* What a stream that was taken ended with. */
struct reload_app_stream_end {
	enum reload_err err;                 /* RELOAD_OK: both directions ended as they should */
	const struct reload_error_text *why; /* of err; borrowed */
	uint64_t sent, received;             /* bytes of the application */
};

/* What the owner is notified of, from the loop only. */
struct reload_app_streams_ops {
	/* handshake done, cert (borrowed) passed reload_trust_check(); take or drop the stream */
	void (*up)(void *arg, uint32_t app, uint32_t stream, struct reload_cert *cert,
		const struct reload_ip_port *peer);
	/* reload_app_streams_connect() or _gather() came to nothing; why is that of the last address */
	void (*down)(
		void *arg, uint32_t app, enum reload_err err, const struct reload_error_text *why);
	/* a stream that was up is gone; not called for one that was dropped */
	void (*ended)(void *arg, uint32_t stream, const struct reload_app_stream_end *end);
	/* as those of struct reload_links_ops, of reload_app_streams_gather(); NULL without ICE */
	void (*gathered)(void *arg, uint32_t app, const struct reload_ice_found *found);
	void (*pairs_failed)(
		void *arg, uint32_t app, const struct reload_ice_pair *pairs, size_t count);
};

struct reload_app_streams_setup {
	struct reload_links
		*links; /* borrowed, outlives the streams: its certificates, limits and loop */
	const struct reload_app_streams_ops *ops;
	void *arg;
	size_t max_streams; /* (256) more are refused */
};

/* reload_app_streams_new() makes the object without a stream (owned).  reload_app_streams_free() ends all at once without a callback. */
struct reload_app_streams *reload_app_streams_new(const struct reload_app_streams_setup *setup);
void reload_app_streams_free(struct reload_app_streams *s);

/*
 * reload_app_streams_listen() waits for connections for app at these addresses, each with a port that the kernel picks; out, of as many places, are
 * those that could be had, with their ports.  Returns how many, 0 for none.
 */
size_t reload_app_streams_listen(struct reload_app_streams *s, uint32_t app,
	const struct reload_ip_port *at, size_t count, struct reload_ip_port *out);

/* reload_app_streams_connect() tries the addresses one after the other; up() or down() follows. */
void reload_app_streams_connect(struct reload_app_streams *s, uint32_t app,
	const struct reload_link_target *to, size_t count);

/*
 * Over ICE: reload_app_streams_gather() begins a connection; gathered() or down() follows.  reload_app_streams_check() then connects to what the other
 * end has sent; up() or down() follows.  The arguments are those of reload_links_gather() and reload_links_check(); packets: see above.
 */
void reload_app_streams_gather(struct reload_app_streams *s, uint32_t app, bool packets,
	const struct reload_ice_gather *how);
void reload_app_streams_check(
	struct reload_app_streams *s, uint32_t app, const struct reload_ice_remote *to);

/* reload_app_streams_pair() returns the pair of candidates of a stream that is up (borrowed), NULL: it has none. */
const struct reload_ice_pair *reload_app_streams_pair(
	const struct reload_app_streams *s, uint32_t stream);

/* reload_app_streams_packet_bytes() returns how long a packet may be on a connection that is up; 0: it carries a stream. */
size_t reload_app_streams_packet_bytes(const struct reload_app_streams *s, uint32_t stream);

/*
 * reload_app_streams_take() keeps a stream that is up and sets *peer to the address of its other end; false: it is gone.  reload_app_streams_drop() cuts one off, also one that was taken; none is
 * legal.
 */
bool reload_app_streams_take(
	struct reload_app_streams *s, uint32_t stream, struct reload_ip_port *peer);
void reload_app_streams_drop(struct reload_app_streams *s, uint32_t stream);

/* reload_app_streams_end() ends what was made for app and not taken. */
void reload_app_streams_end(struct reload_app_streams *s, uint32_t app);

/* reload_app_streams_join() joins a stream that was taken to a connected local socket (taken), of packets if it carries those. */
void reload_app_streams_join(struct reload_app_streams *s, uint32_t stream, int fd);

/* reload_app_streams_check_trust() checks all certificates again, as the trust of the links has changed. */
void reload_app_streams_check_trust(struct reload_app_streams *s);

/* reload_app_streams_count() returns how many there are, those in their handshake included. */
size_t reload_app_streams_count(const struct reload_app_streams *s);
