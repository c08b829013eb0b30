/*
 * All links of one node, TLS over TCP (TLS-TCP-FH-NO-ICE, RFC 6940 s6.6.5) and DTLS over UDP (DTLS-UDP-SR-NO-ICE, s6.6.6): listening,
 * connecting, mutual authentication, framing, acknowledgements, health.  Runs on the loop of link/poll_io.h; no function
 * here calls back, callbacks come from the loop only and may call any function here but reload_links_free().
 *
 * What is sent during a pass of the loop leaves at its end with one TLS write, or in one datagram as far as it fits.  ACKs travel with
 * it.  On DTLS they leave with the pass; on TLS one that nothing travels with leaves alone within 5 ms (link/framing.h).  On TLS 1.3
 * an ACK that comes alone wakes nobody: it is read with the next message, or when it has been waited for during three quarters
 * of an RTO; only when it is not there then, it wakes this end.  So a slow ACK is measured, and no quick one is taken for a slow
 * one.  Messages of less than two bytes, which RELOAD does not have, may wait as long.
 */
#pragma once

#include "ident/key.h"
#include "ident/trust.h"
#include "link/poll_io.h"
#include "wire/codes.h"
#include "wire/destination.h"

struct reload_addresses; /* link/addresses_io.h */
struct reload_links;
/* link/ice_plugin.h */
struct reload_ice_gather;
struct reload_ice_found;
struct reload_ice_pair;
struct reload_ice_plugin;
struct reload_ice_remote;

enum {
	RELOAD_RECHECK_MS =
		2000 /* from a change of the trust to the check of the links that are up */
};

/* What the owner is notified of; spans and pointers are borrowed for the time of the call. */
struct reload_links_ops {
	/* handshake done, cert passed reload_trust_check() (NULL: by a shared secret, which says not who it is); incoming links have numbers with the top bit set */
	void (*up)(void *arg, uint32_t link, struct reload_cert *cert,
		const struct reload_ip_port *peer, bool incoming);
	/* one message or fragment as a frame's payload, never an empty one over DTLS */
	void (*message)(void *arg, uint32_t link, struct span message);
	/* a frame announced more than max_message bytes; head is its forwarding header, or max_message bytes of it */
	void (*oversized)(void *arg, uint32_t link, struct span head);
	/*
	 * an RTO without an ACK: not good; an ACK: good again.  Over ICE also when the address of this host from which it leaves has gone, or
	 * come back; if it stays away for 15 s the link goes down.
	 */
	void (*health)(void *arg, uint32_t link, bool good);
	/*
	 * a link that was up, or was opened here, is gone; not called after reload_links_close().  Of one that could not be made
	 * why->what is "" and why->reason names all that was tried: "TLS 192.0.2.1:6084: Connection refused; DTLS 192.0.2.1:6084: ..."
	 */
	void (*down)(
		void *arg, uint32_t link, enum reload_err err, const struct reload_error_text *why);
	/* an incoming connection ended before it was a link; may be NULL */
	void (*refused)(void *arg, const struct reload_ip_port *peer, enum reload_err err,
		const struct reload_error_text *why);
	/* what reload_links_gather() has found: the owner sends what it chooses to the other end; may be NULL without ICE */
	void (*gathered)(void *arg, uint32_t link, const struct reload_ice_found *found);
	/* the pairs of candidates that were tried before down() follows; may be NULL */
	void (*pairs_failed)(
		void *arg, uint32_t link, const struct reload_ice_pair *pairs, size_t count);
	/*
	 * with ICE: the addresses of this host are others than before, what candidates were gathered with may be worth nothing; every 5 s at
	 * most; may be NULL
	 */
	void (*addresses_changed)(void *arg, const struct reload_addresses *now);
	/* a datagram of a link that is up was given up on its way, as ICMP Time Exceeded says; may be NULL */
	void (*expired)(void *arg, uint32_t link);
};

/* Zero means the default in parentheses. */
struct reload_links_setup {
	struct reload_poll *poll; /* borrowed, outlives the links */
	const struct reload_links_ops *ops;
	void *arg;
	const struct reload_cert
		*cert; /* this node's, with its key and the authorities between it and a root */
	const struct reload_key *key;
	struct reload_cert *const *others;
	size_t others_count;
	struct reload_trust *trust; /* a reference is taken */
	size_t max_message;         /* bytes; max-message-size of the configuration */
	reload_ms
		repeat_ms; /* (0) a message that comes again over a DTLS link within this time is dropped: half of overlay-reliability-timer (LINK-05) */
	unsigned types; /* (RELOAD_LINK_NO_ICE) RELOAD_LINK_BIT() of what is offered and dialled */

	size_t max_links; /* (4096) more are refused: incoming ones are closed, own ones fail with RELOAD_LIMIT */
	size_t max_half_open; /* (512) incoming handshakes at a time; the oldest makes room */
	size_t max_queue; /* (1 MiB, at least two messages) unsent bytes of a link; messages above are dropped and counted */
	reload_ms connect_ms;   /* (3000) for each address of a link */
	reload_ms handshake_ms; /* (5000) for its first byte, and for all others */
	unsigned
		handshakes; /* (32) incoming handshakes a second from one address; twice as many at once, 8 times from all */
	uint32_t rto_floor_ms; /* (RELOAD_RTO_FLOOR_MS) */
	reload_ms
		idle_ms; /* (15000) over ICE: when no message was sent for this long, an empty DATA frame asks for an ACK */
	reload_ms
		keepalive_ms; /* (0: none) over TCP: an idle connection is kept alive by packets so often, in whole seconds */
	int tls_version_max; /* (the newest) TLS1_2_VERSION for tests of old peers */
	const char *
		keylog; /* file to which the secrets of all links are appended (SSLKEYLOGFILE); NULL: none */
};

/* reload_links_new() makes the object without a link (owned); RELOAD_BAD_CERT, _BAD_KEY, _IO with why filled. */
enum reload_err reload_links_new(struct reload_links **out, const struct reload_links_setup *setup,
	struct reload_error_text *why) MUST_CHECK;

/* reload_links_free() ends all links at once without a callback; NULL is legal. */
void reload_links_free(struct reload_links *links);
AUTO_DEFINE(reload_links)

/*
 * reload_links_set_secret() lets links from now on prove that both ends know the secret of the overlay (TLS-PSK), in place of
 * certificates; up() then comes with cert NULL, until reload_links_renew() says whose the link is.  NULL: by certificates again.  Both are
 * copied.  RELOAD_FAILED with why.
 */
enum reload_err reload_links_set_secret(struct reload_links *links, const char *secret,
	const char *overlay, struct reload_error_text *why) MUST_CHECK;

/* reload_links_family() returns whether this host has addresses of that type at all. */
bool reload_links_family(enum reload_address_type type);

/* reload_links_listen() accepts links at addr; port 0 takes a free one.  *port is the one taken.  RELOAD_IO with why. */
enum reload_err reload_links_listen(struct reload_links *links, const struct reload_ip_port *addr,
	uint16_t *port, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_links_open() connects to one of the targets (at most 16 are taken) as link, a number that is not in use and whose
 * top bit is clear; up() or down() follows.  The addresses of a link type are tried one after the other; where several types lead
 * there, TLS first and DTLS 300 ms later (1 s when TCP has connected) or when that has failed, and the first handshake that is done wins (LINK-15).
 */
void reload_links_open(struct reload_links *links, uint32_t link,
	const struct reload_link_target *to, size_t count);

/*
 * Links over ICE (DTLS-UDP-SR, RFC 6940 s6.5.1).  reload_links_use_ice() begins to use a plug-in (borrowed), once; RELOAD_FAILED with why.
 * reload_links_gather() begins a link, whose number is as that of reload_links_open(), in the role of how->controlling, which is
 * that of the end that sends the AttachReq and the server of DTLS (LINK-08); gathered() or down() follows.  reload_links_check() then
 * connects to what the other end has sent, as far as reload_ice_credentials_fault() and reload_ice_remote() have passed it; up() or
 * down() follows.  A link for which the other end sends nothing is closed by the owner.
 */
enum reload_err reload_links_use_ice(struct reload_links *links,
	const struct reload_ice_plugin *plugin, struct reload_error_text *why) MUST_CHECK;
void reload_links_gather(
	struct reload_links *links, uint32_t link, const struct reload_ice_gather *how);
void reload_links_check(
	struct reload_links *links, uint32_t link, const struct reload_ice_remote *to);

/*
 * reload_links_send() queues one message; false when it was dropped: no such link, not up, queue full or above 2^24 - 1
 * bytes.  End-to-end repetition repairs.
 */
bool reload_links_send(struct reload_links *links, uint32_t link, struct span message);

/* reload_links_close() sends what is queued, then closes, within 2 s; no such link is legal. */
void reload_links_close(struct reload_links *links, uint32_t link);

/*
 * reload_links_set_credentials() shows a newer certificate in handshakes to come; links that are up stay.  RELOAD_BAD_CERT or _BAD_KEY
 * with why, and the former one is shown.
 */
enum reload_err reload_links_set_credentials(struct reload_links *links,
	const struct reload_cert *cert, const struct reload_key *key,
	struct reload_cert *const *others, size_t others_count,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_links_set_trust() takes the trust of a newer configuration: for new handshakes at once.  Links whose certificate no longer
 * passes go down RELOAD_RECHECK_MS later, so that their other end can still be sent the configuration that says why.  Without it they are looked at when a certificate ends.  reload_links_set_limits() is for the messages to come.
 */
void reload_links_set_trust(struct reload_links *links, struct reload_trust *trust);
void reload_links_set_limits(struct reload_links *links, size_t max_message, reload_ms repeat_ms);

struct reload_links_counters {
	uint64_t accepted, opened, refused,
		lost; /* links that came up; handshakes that failed; links that went down */
	uint64_t messages_in, messages_out, bytes_in, bytes_out, writes;
	uint64_t dropped_full, dropped_acks;
	size_t links, half_open; /* now */
	size_t dtls;             /* of those that are up now: over DTLS */
};

/* reload_links_counters() returns what was counted since the beginning (borrowed). */
const struct reload_links_counters *reload_links_counters(const struct reload_links *links);

/*
 * reload_links_renew() lets a link that is up go by a newer certificate of the node at its other end, with the authorities above it: both
 * are judged when the trust changes, and when the certificate ends.  References are taken.
 */
void reload_links_renew(struct reload_links *links, uint32_t link, struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count);

/*
 * reload_links_mtu() returns the bytes of the largest message that travels in one datagram of the link (LINK-20), 0 when messages may have any
 * size or there is no such link.
 */
size_t reload_links_mtu(const struct reload_links *links, uint32_t link);

/*
 * reload_links_heard() returns when anything last came over the link, also what is no message: an ACK, and over TCP the answer to what keeps
 * the connection alive.  By reload_poll_now(); 0: there is no such link, or it is not known.
 */
reload_ms reload_links_heard(const struct reload_links *links, uint32_t link);

/* One link that is up, for lists that people read. */
struct reload_link_info {
	enum reload_link_type type;
	struct reload_ip_port peer;
	const struct reload_ice_pair *pair; /* that ICE has chosen (borrowed); NULL: no ICE */
	const struct reload_cert *cert;     /* borrowed */
	const char *version, *cipher;       /* static: "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
	reload_ms rto_ms;
	bool sampled;     /* a round trip was measured */
	uint64_t srtt_us; /* the smoothed one (RFC 6298) */
	size_t queued;    /* bytes */
	uint32_t unacked; /* DATA frames */
	bool incoming, good;
	bool datagrams; /* the rest is known: over UDP, with Simple Reliability */
	uint64_t sent, repeated,
		lost;    /* DATA frames: first copies, further copies, copies that were lost */
	unsigned window; /* DATA frames that may be in flight */
};

/* reload_links_info() describes a link; false when it is not up. */
bool reload_links_info(
	const struct reload_links *links, uint32_t link, struct reload_link_info *out);
