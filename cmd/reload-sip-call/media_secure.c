/* Whether audio is encrypted: DTLS-SRTP where both descriptions have a fingerprint, else not (RFC 8643 has the same for the transport of the offer). */
#include "reload-sip-call/media_internal.h"

#include <stdio.h>
#include <string.h>

enum {
	SHAKE_MS = 10000 /* for the handshake, from the moment at which there is a path */
};

/* The first reason stays. */
static void fail(struct media *m, enum reload_err err, const char *fault)
{
	if (m->fault)
		return;
	m->err = err;
	m->fault = fault;
}

const struct reload_sdp_dtls *media_secure_own(struct media *m)
{
	if (!m->plan->cert)
		return NULL;
	m->own_dtls.has = true;
	memcpy(m->own_dtls.fingerprint, reload_dtls_cert_fingerprint(m->plan->cert),
		sizeof(m->own_dtls.fingerprint));
	return &m->own_dtls;
}

bool media_offer_otherwise(struct media *m)
{
	bool can = m->none ? !m->silent : m->plan->cert && !m->strict;
	m->silent |= can && m->none;
	m->strict |= can && !m->none;
	return can;
}

void media_secure_offers(struct media *m)
{
	if (!m->dtls)
		m->own_dtls.setup = RELOAD_SDP_ACTPASS;
}

void media_secure_answers(struct media *m, const struct reload_sdp_audio *offer)
{
	if (!m->dtls)
		m->own_dtls.setup = reload_sdp_setup_answer(offer->dtls.setup);
}

static void send_datagram(void *arg, struct span datagram)
{
	(void)media_send_clear(arg, datagram, false);
}

/* A handshake with another fingerprint is another one (RFC 8842 s5.1). */
void media_secure_start(struct media *m, const struct reload_sdp_audio *other)
{
	const struct reload_sdp_dtls *dtls = &other->dtls;
	bool same = m->dtls && !memcmp(m->other_print, dtls->fingerprint, sizeof(m->other_print));
	if (m->plan->secure_only && !dtls->has)
		fail(m, RELOAD_CALL_REJECTED,
			"the other end does not encrypt audio, and --sips-media-only asks for it");
	if (!m->plan->cert || !dtls->has || same)
		return;
	if (m->own_dtls.setup == RELOAD_SDP_ACTPASS)
		m->own_dtls.setup =
			dtls->setup == RELOAD_SDP_PASSIVE ? RELOAD_SDP_ACTIVE : RELOAD_SDP_PASSIVE;
	reload_dtls_srtp_free(m->dtls);
	m->shake_by = RELOAD_NEVER;
	memcpy(m->other_print, dtls->fingerprint, sizeof(m->other_print));
	m->dtls = reload_dtls_srtp_new(m->plan->cert, m->own_dtls.setup == RELOAD_SDP_PASSIVE,
		dtls->fingerprint, send_datagram, m);
	if (!m->dtls)
		fail(m, RELOAD_FAILED, "OpenSSL cannot encrypt audio");
}

void media_secure_run(struct media *m, reload_ms now)
{
	if (!m->dtls || !media_has_path(m))
		return;
	reload_dtls_srtp_run(m->dtls);
	if (m->shake_by == RELOAD_NEVER)
		m->shake_by = now + SHAKE_MS;
	enum reload_err err;
	const char *fault = reload_dtls_srtp_fault(m->dtls, &err);
	if (fault)
		fail(m, err, fault);
	else if (now >= m->shake_by && !reload_dtls_srtp_keys(m->dtls))
		fail(m, RELOAD_TIMEOUT, "the other end makes no handshake of DTLS");
}

reload_ms media_secure_due(const struct media *m, reload_ms now)
{
	if (!m->dtls || !media_has_path(m) || m->fault)
		return RELOAD_NEVER;
	reload_ms left = reload_dtls_srtp_due(m->dtls);
	reload_ms due = left == RELOAD_NEVER ? RELOAD_NEVER : now + left;
	return m->flowing || m->shake_by > due ? due : m->shake_by;
}

bool media_secure_ready(const struct media *m)
{
	return !m->dtls || reload_dtls_srtp_keys(m->dtls);
}

/* SRTCP at a port of its own would need a handshake of its own (RFC 5764 s4.1). */
bool media_send(struct media *m, struct span packet, bool rtcp)
{
	uint32_t bytes[(MEDIA_PACKET + RELOAD_SRTP_ROOM) / 4];
	if (!m->dtls)
		return media_send_clear(m, packet, rtcp);
	struct reload_srtp *keys = reload_dtls_srtp_keys(m->dtls);
	if (!keys || packet.len > MEDIA_PACKET || !packet.len || (rtcp && !m->mux))
		return false;
	memcpy(bytes, packet.at, packet.len);
	size_t len = reload_srtp_protect(keys, bytes, packet.len, rtcp);
	return len && media_send_clear(m, span_of(bytes, len), rtcp);
}

size_t media_secure_open(struct media *m, void *packet, size_t len, bool *rtcp)
{
	enum reload_media_packet is = reload_media_packet(span_of(packet, len));
	*rtcp = is == RELOAD_MEDIA_RTCP;
	if (m->dtls && is == RELOAD_MEDIA_DTLS)
		reload_dtls_srtp_input(m->dtls, span_of(packet, len));
	if (!*rtcp && is != RELOAD_MEDIA_RTP)
		return 0;
	if (!m->dtls)
		return len;
	struct reload_srtp *keys = reload_dtls_srtp_keys(m->dtls);
	return keys ? reload_srtp_unprotect(keys, packet, len, *rtcp) : 0;
}

void media_secure_end(struct media *m)
{
	reload_dtls_srtp_free(m->dtls);
	m->dtls = NULL;
}
