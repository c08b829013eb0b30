/*
 * What comes to the socket of a call's audio: RTP and RTCP in the clear, SRTP and SRTCP, and DTLS before and after the handshake.  The first byte
 * chooses how the rest is taken; the rest is packets, each with two bytes of length before it.
 *
 * Always true: what is played has a place and at most as many samples as a packet may have; a report that can be read changes nothing but what reports change;
 * what nobody with the keys has sent does not pass.
 */
#include "media/dtls_srtp_io.h"
#include "media/latch.h"
#include "media/session.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	DTMF = 101,
	FRAME_US = 20000
};

static struct span next(struct rd *r)
{
	size_t len = rd_u16(r);
	return rd_span(r, len < rd_left(r) ? len : rd_left(r));
}

static void play(struct reload_media_session *s, bool flush)
{
	int16_t samples[RELOAD_CODEC_SAMPLES];
	uint64_t at;
	size_t n;
	while ((n = reload_media_play(s, samples, &at, flush)))
		assert(n <= RELOAD_CODEC_SAMPLES && at + n <= s->end);
}

/* Packets in the clear, as they come when nothing is encrypted. */
static void clear_packets(struct rd *r, enum reload_codec_type codec)
{
	struct reload_media_session *s = RELOAD_NEW(reload_media_session);
	uint64_t now = 1000000;
	uint8_t bytes[RELOAD_RTCP_PACKET];
	reload_media_init(s, 0x01020304, 1, 1, "fuzz");
	bool agreed = reload_media_agree(s, codec, 0, 8, DTMF);
	assert(agreed);
	while (rd_more(r)) {
		struct span packet = next(r);
		uint8_t *copy = packet.len ? reload_memdup(packet.at, packet.len) : NULL;
		struct reload_rtp p;
		char digit;
		packet.at = copy;
		if (reload_media_packet(packet) == RELOAD_MEDIA_RTCP)
			reload_media_rtcp(s, packet, now);
		else if (reload_media_take(s, packet, now, &p, &digit) != RELOAD_MEDIA_IGNORED)
			assert(p.payload.len <= packet.len);
		play(s, false);
		free(copy);
		now += FRAME_US;
		struct wr w = wr_fixed(bytes, sizeof(bytes));
		reload_media_report(s, &w, now, 0, false);
		assert(!w.err && w.len % 4 == 0);
	}
	play(s, true);
	double mos = reload_media_mos(s), loss = reload_media_loss(s);
	assert(mos >= 1 && mos <= 4.5 && loss >= 0 && loss <= 100 &&
		reload_rtcp_loss(&s->rtcp) <= 100);
	reload_media_clear(s);
	free(s);
}

/* Packets that are said to be of SRTP. */
static void secret_packets(struct rd *r)
{
	static const uint8_t own[RELOAD_SRTP_KEY] = { 1 }, other[RELOAD_SRTP_KEY] = { 2 };
	uint32_t bytes[1024];
	struct reload_srtp *s = reload_srtp_new(own, other);
	while (rd_more(r)) {
		struct span packet = next(r);
		size_t len = packet.len < sizeof(bytes) ? packet.len : sizeof(bytes);
		if (len)
			memcpy(bytes, packet.at, len);
		bool rtcp = reload_media_packet(span_of(bytes, len)) == RELOAD_MEDIA_RTCP;
		size_t n = reload_srtp_unprotect(s, bytes, len, rtcp);
		assert(!n);
	}
	reload_srtp_free(s);
}

static void drop(void *arg, struct span datagram)
{
	(void)arg;
	assert(reload_media_packet(datagram) == RELOAD_MEDIA_DTLS);
}

/* Datagrams to an end whose handshake has not come to its end. */
static void handshake(struct rd *r, bool server)
{
	static const uint8_t fingerprint[RELOAD_DTLS_FINGERPRINT];
	static struct reload_dtls_cert *cert;
	if (!cert)
		cert = reload_dtls_cert_new();
	struct reload_dtls_srtp *d = reload_dtls_srtp_new(cert, server, fingerprint, drop, NULL);
	reload_dtls_srtp_run(d);
	while (rd_more(r)) {
		struct span packet = next(r);
		if (reload_media_packet(packet) == RELOAD_MEDIA_DTLS)
			reload_dtls_srtp_input(d, packet);
		assert(!reload_dtls_srtp_keys(d));
	}
	reload_dtls_srtp_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	unsigned how = rd_u8(&r) % 6;
	if (r.err)
		return 0;
	if (how < RELOAD_CODECS)
		clear_packets(&r, (enum reload_codec_type)how);
	else if (how == RELOAD_CODECS)
		secret_packets(&r);
	else
		handshake(&r, how & 1);
	return 0;
}
