/* Whether audio is encrypted: DTLS-SRTP where both descriptions have a fingerprint, else not (RFC 8643 has the same for the transport of the offer). */
#include "reload-sip-call/media_internal.h"

#include <stdio.h>
#include <string.h>

/* The first reason stays. */
static void fail(struct media *m, enum reload_err err, const char *fault)
{
	if (m->fault || !fault)
		return;
	m->err = err;
	m->fault = fault;
}

const struct reload_sdp_dtls *media_secure_own(struct media *m)
{
	m->secure.cert = m->plan->cert;
	return reload_sip_secure_own(&m->secure);
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
	reload_sip_secure_offers(&m->secure);
}

void media_secure_answers(struct media *m, const struct reload_sdp_audio *offer)
{
	reload_sip_secure_answers(&m->secure, &offer->dtls);
}

static void send_datagram(void *arg, struct span datagram)
{
	(void)media_send_clear(arg, datagram, false);
}

void media_secure_start(struct media *m, const struct reload_sdp_audio *other)
{
	if (m->plan->secure_only && !other->dtls.has)
		fail(m, RELOAD_CALL_REJECTED,
			"the other end does not encrypt audio, and --sips-media-only asks for it");
	reload_sip_secure_start(&m->secure, &other->dtls, send_datagram, m);
	fail(m, m->secure.err, m->secure.fault);
}

void media_secure_run(struct media *m, reload_ms now)
{
	if (media_has_path(m))
		reload_sip_secure_run(&m->secure, now);
	fail(m, m->secure.err, m->secure.fault);
}

reload_ms media_secure_due(const struct media *m, reload_ms now)
{
	return media_has_path(m) && !m->fault ? reload_sip_secure_due(&m->secure, now)
					      : RELOAD_NEVER;
}

bool media_secure_ready(const struct media *m)
{
	return reload_sip_secure_ready(&m->secure);
}

/* SRTCP at a port of its own would need a handshake of its own (RFC 5764 s4.1). */
bool media_send(struct media *m, struct span packet, bool rtcp)
{
	uint32_t bytes[(MEDIA_PACKET + RELOAD_SRTP_ROOM) / 4];
	if (!m->secure.dtls)
		return media_send_clear(m, packet, rtcp);
	if (packet.len > MEDIA_PACKET || !packet.len || (rtcp && !m->mux))
		return false;
	memcpy(bytes, packet.at, packet.len);
	size_t len = reload_sip_secure_close(&m->secure, bytes, packet.len, rtcp);
	return len && media_send_clear(m, span_of(bytes, len), rtcp);
}

size_t media_secure_open(struct media *m, void *packet, size_t len, bool *rtcp)
{
	return reload_sip_secure_open(&m->secure, packet, len, rtcp);
}

void media_secure_end(struct media *m)
{
	reload_sip_secure_clear(&m->secure);
}
