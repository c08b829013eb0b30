/*
 * DTLS-SRTP (RFC 5763, RFC 5764): a DTLS 1.2 handshake between the ends of a call, on the path of its audio, that gives the keys of SRTP.  Who the other end is
 * says the fingerprint in its session description, which came over a connection with the certificates of the overlay.  OpenSSL reads the clock for its timer.
 */
#pragma once

#include "media/srtp.h"
#include "util/clock.h"

enum {
	RELOAD_DTLS_FINGERPRINT = 32 /* SHA-256 of a certificate */
};

/* A key and a certificate that it has signed itself, for the calls of a run. */
struct reload_dtls_cert;

/* reload_dtls_cert_new() makes one (owned); NULL when OpenSSL cannot.  reload_dtls_cert_fingerprint() is borrowed. */
struct reload_dtls_cert *reload_dtls_cert_new(void);
void reload_dtls_cert_free(struct reload_dtls_cert *c);
const uint8_t *reload_dtls_cert_fingerprint(const struct reload_dtls_cert *c);

struct reload_dtls_srtp;

/* How a datagram of the handshake is sent; what is lost is repeated. */
typedef void (*reload_dtls_send_fn)(void *arg, struct span datagram);

/*
 * reload_dtls_srtp_new() makes one end (owned), which borrows cert; fingerprint is that of the other end.  The client (setup:active) sends its first
 * datagram in reload_dtls_srtp_run().  NULL when OpenSSL cannot.
 */
struct reload_dtls_srtp *reload_dtls_srtp_new(const struct reload_dtls_cert *cert, bool server,
	const uint8_t fingerprint[RELOAD_DTLS_FINGERPRINT], reload_dtls_send_fn send, void *arg);
void reload_dtls_srtp_free(struct reload_dtls_srtp *d);

/* reload_dtls_srtp_input() takes a datagram of DTLS; one of more than 2048 bytes is ignored. */
void reload_dtls_srtp_input(struct reload_dtls_srtp *d, struct span datagram);

/* reload_dtls_srtp_run() begins, and repeats what was lost; reload_dtls_srtp_due() returns in how many ms at the latest, RELOAD_NEVER: no more. */
void reload_dtls_srtp_run(struct reload_dtls_srtp *d);
reload_ms reload_dtls_srtp_due(const struct reload_dtls_srtp *d);

/* reload_dtls_srtp_keys() returns the session (borrowed) when the handshake is done, else NULL. */
struct reload_srtp *reload_dtls_srtp_keys(struct reload_dtls_srtp *d);

/* reload_dtls_srtp_fault() returns why it has failed (borrowed); NULL: it has not.  *err is RELOAD_BAD_CERT for another certificate, else RELOAD_FAILED. */
const char *reload_dtls_srtp_fault(const struct reload_dtls_srtp *d, enum reload_err *err);
