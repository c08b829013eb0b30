#include "usage/sip_secure_io.h"

#include "media/rtp.h"

/* The first reason stays. */
static void fail(struct reload_sip_secure *s, enum reload_err err, const char *fault)
{
	if (s->fault)
		return;
	s->err = err;
	s->fault = fault;
}

void reload_sip_secure_clear(struct reload_sip_secure *s)
{
	reload_dtls_srtp_free(s->dtls);
	s->dtls = NULL;
}

const struct reload_sdp_dtls *reload_sip_secure_own(struct reload_sip_secure *s)
{
	if (!s->cert)
		return NULL;
	s->own.has = true;
	memcpy(s->own.fingerprint, reload_dtls_cert_fingerprint(s->cert),
		sizeof(s->own.fingerprint));
	return &s->own;
}

void reload_sip_secure_offers(struct reload_sip_secure *s)
{
	if (!s->dtls)
		s->own.setup = RELOAD_SDP_ACTPASS;
}

void reload_sip_secure_answers(struct reload_sip_secure *s, const struct reload_sdp_dtls *offer)
{
	if (!s->dtls)
		s->own.setup = reload_sdp_setup_answer(offer->setup);
}

void reload_sip_secure_start(struct reload_sip_secure *s, const struct reload_sdp_dtls *other,
	reload_dtls_send_fn send, void *arg)
{
	bool same = s->dtls && !memcmp(s->other, other->fingerprint, sizeof(s->other));
	if (!s->cert || !other->has || same)
		return;
	if (s->own.setup == RELOAD_SDP_ACTPASS)
		s->own.setup =
			other->setup == RELOAD_SDP_PASSIVE ? RELOAD_SDP_ACTIVE : RELOAD_SDP_PASSIVE;
	reload_dtls_srtp_free(s->dtls);
	s->shake_by = RELOAD_NEVER;
	memcpy(s->other, other->fingerprint, sizeof(s->other));
	s->dtls = reload_dtls_srtp_new(
		s->cert, s->own.setup == RELOAD_SDP_PASSIVE, other->fingerprint, send, arg);
	if (!s->dtls)
		fail(s, RELOAD_FAILED, "OpenSSL cannot encrypt audio");
}

void reload_sip_secure_run(struct reload_sip_secure *s, reload_ms now)
{
	enum reload_err err;
	if (!s->dtls)
		return;
	reload_dtls_srtp_run(s->dtls);
	if (s->shake_by == RELOAD_NEVER)
		s->shake_by = now + RELOAD_SIP_SHAKE_MS;
	const char *fault = reload_dtls_srtp_fault(s->dtls, &err);
	if (fault)
		fail(s, err, fault);
	else if (now >= s->shake_by && !reload_sip_secure_is_on(s))
		fail(s, RELOAD_TIMEOUT, "the other end makes no handshake of DTLS");
}

reload_ms reload_sip_secure_due(const struct reload_sip_secure *s, reload_ms now)
{
	if (!s->dtls || s->fault)
		return RELOAD_NEVER;
	reload_ms left = reload_dtls_srtp_due(s->dtls);
	reload_ms due = left == RELOAD_NEVER ? RELOAD_NEVER : now + left;
	return reload_sip_secure_is_on(s) || s->shake_by > due ? due : s->shake_by;
}

bool reload_sip_secure_ready(const struct reload_sip_secure *s)
{
	return !s->fault && (!s->dtls || reload_sip_secure_is_on(s));
}

bool reload_sip_secure_is_on(const struct reload_sip_secure *s)
{
	return s->dtls && reload_dtls_srtp_keys(s->dtls);
}

size_t reload_sip_secure_close(struct reload_sip_secure *s, void *packet, size_t len, bool rtcp)
{
	if (s->fault)
		return 0;
	if (!s->dtls)
		return len;
	struct reload_srtp *keys = reload_dtls_srtp_keys(s->dtls);
	return keys && len ? reload_srtp_protect(keys, packet, len, rtcp) : 0;
}

size_t reload_sip_secure_open(struct reload_sip_secure *s, void *packet, size_t len, bool *rtcp)
{
	enum reload_media_packet is = reload_media_packet(span_of(packet, len));
	*rtcp = is == RELOAD_MEDIA_RTCP;
	if (s->dtls && is == RELOAD_MEDIA_DTLS)
		reload_dtls_srtp_input(s->dtls, span_of(packet, len));
	if (!*rtcp && is != RELOAD_MEDIA_RTP)
		return 0;
	if (!s->dtls)
		return len;
	struct reload_srtp *keys = reload_dtls_srtp_keys(s->dtls);
	return keys ? reload_srtp_unprotect(keys, packet, len, *rtcp) : 0;
}
