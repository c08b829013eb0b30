/*
 * One end of DTLS-SRTP as session descriptions agree on it (RFC 5763): what they say of it, the handshake, and what is done with packets.  Who has such an end encrypts
 * as soon as both descriptions have a fingerprint, and never again sends in the clear.
 */
#pragma once

#include "media/dtls_srtp_io.h"
#include "usage/sip_sdp.h"

enum {
	RELOAD_SIP_SHAKE_MS =
		10000 /* for the handshake, from the moment at which there is a path */
};

/* Zero but for cert in the beginning; fields are for reading. */
struct reload_sip_secure {
	const struct reload_dtls_cert *cert; /* borrowed; NULL: nothing is encrypted */
	struct reload_sdp_dtls own;
	struct reload_dtls_srtp *dtls; /* owned; NULL: nothing is encrypted yet */
	uint8_t other[RELOAD_SDP_FINGERPRINT];
	reload_ms shake_by;
	const char *fault; /* why there can be no audio; NULL: nothing */
	enum reload_err err;
};

/* reload_sip_secure_clear() ends it. */
void reload_sip_secure_clear(struct reload_sip_secure *s);

/*
 * reload_sip_secure_own() returns what a description of this end says (borrowed), NULL: nothing.  reload_sip_secure_offers() or reload_sip_secure_answers() is called before one
 * is written: they decide which end of the handshake this one is.
 */
const struct reload_sdp_dtls *reload_sip_secure_own(struct reload_sip_secure *s);
void reload_sip_secure_offers(struct reload_sip_secure *s);
void reload_sip_secure_answers(struct reload_sip_secure *s, const struct reload_sdp_dtls *offer);

/*
 * reload_sip_secure_start() goes on with what the other end has said, when it has a fingerprint: a new one begins another handshake (RFC 8842 s5.1), whose datagrams are
 * given to send.
 */
void reload_sip_secure_start(struct reload_sip_secure *s, const struct reload_sdp_dtls *other,
	reload_dtls_send_fn send, void *arg);

/* reload_sip_secure_run() does what is due, once there is a path; reload_sip_secure_due() returns when that is, RELOAD_NEVER: nothing is. */
void reload_sip_secure_run(struct reload_sip_secure *s, reload_ms now);
reload_ms reload_sip_secure_due(const struct reload_sip_secure *s, reload_ms now);

/* reload_sip_secure_ready() returns whether packets pass: encrypted, or in the clear as nothing else was agreed on. */
bool reload_sip_secure_ready(const struct reload_sip_secure *s);

/* reload_sip_secure_is_on() returns whether packets are encrypted. */
bool reload_sip_secure_is_on(const struct reload_sip_secure *s);

/*
 * reload_sip_secure_close() encrypts a packet of len bytes in place when that was agreed on, in a buffer with RELOAD_SRTP_ROOM more, aligned to 4 bytes.
 * reload_sip_secure_open() decrypts one that came, or takes it for the handshake, and says whether it is one of RTCP.  Both return its length then, 0: it is not to be sent, or it
 * is no packet of RTP or RTCP, or a forged one.
 */
size_t reload_sip_secure_close(struct reload_sip_secure *s, void *packet, size_t len, bool rtcp);
size_t reload_sip_secure_open(struct reload_sip_secure *s, void *packet, size_t len, bool *rtcp);
