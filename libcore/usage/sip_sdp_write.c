/* What this end writes of itself: offers and answers. */
#include "usage/sip_sdp_internal.h"

enum {
	EVENTS_8000 = 101, /* payload types of telephone-event that we offer */
	EVENTS_48000 = 110,
	DISCARD_PORT = 9 /* of a stream that leads nowhere; 0 would refuse it */
};

static void head(struct wr *w, const struct reload_sdp_own *own)
{
	char host[64];
	if (own->none) { /* the address is that of nobody, as nothing is sent */
		wr_format(w, "v=0\r\no=- 0 %u IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", own->version);
		return;
	}
	const char *family = reload_sdp_host(host, &own->at);
	wr_format(w, "v=0\r\no=- %u %u IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", own->at.port,
		own->version, family, host, family, host);
}

static void map(struct wr *w, unsigned type, enum reload_codec_type codec)
{
	const struct reload_codec_row *row = &reload_codec_rows[codec];
	wr_format(w, "a=rtpmap:%u %s/%u", type, row->name, row->rate);
	if (row->channels > 1)
		wr_format(w, "/%u", row->channels);
	wr_text(w, "\r\n");
}

static void events(struct wr *w, unsigned type, unsigned rate)
{
	wr_format(w, "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n", type, rate, type);
}

/* The codecs with that one first. */
static enum reload_codec_type codec_at(enum reload_codec_type first, unsigned i)
{
	if (!i)
		return first;
	return (enum reload_codec_type)(i - 1 < first ? i - 1 : i);
}

void reload_sdp_offer(
	struct wr *w, const struct reload_sdp_own *own, enum reload_sdp_direction direction)
{
	head(w, own);
	if (own->none && own->silent)
		wr_format(w, "m=audio %d RTP/AVP %d %d\r\nc=IN IP4 0.0.0.0\r\na=%s\r\n",
			DISCARD_PORT, RELOAD_RTP_PCMU, RELOAD_RTP_PCMA,
			reload_sdp_directions[RELOAD_SDP_INACTIVE]);
	if (own->none)
		return;
	wr_format(w, "m=audio %u %s", own->at.port,
		own->strict && own->dtls ? "UDP/TLS/RTP/SAVPF" : "RTP/AVP");
	for (unsigned i = 0; i < RELOAD_CODECS; i++)
		wr_format(w, " %u", reload_codec_rows[codec_at(own->first, i)].payload_type);
	wr_format(w, " %u %u\r\n", EVENTS_8000, EVENTS_48000);
	for (unsigned i = 0; i < RELOAD_CODECS; i++) {
		enum reload_codec_type codec = codec_at(own->first, i);
		map(w, reload_codec_rows[codec].payload_type, codec);
	}
	events(w, EVENTS_8000, RELOAD_RTP_RATE);
	events(w, EVENTS_48000, reload_codec_rows[RELOAD_OPUS].rate);
	wr_format(w, "a=ptime:20\r\na=rtcp-mux\r\na=%s\r\n", reload_sdp_directions[direction]);
	if (own->dtls)
		reload_sdp_write_dtls(w, own->dtls, RELOAD_SDP_ACTPASS);
	if (own->ice)
		reload_sdp_write_ice(w, own->ice);
}

/* What who answers does: it receives where the other end sends, and the other way around. */
static enum reload_sdp_direction turned(unsigned offered)
{
	return (offered & RELOAD_SDP_SENDONLY ? RELOAD_SDP_RECVONLY : 0) |
	       (offered & RELOAD_SDP_RECVONLY ? RELOAD_SDP_SENDONLY : 0);
}

static void answer_stream(
	struct wr *w, const struct reload_sdp_own *own, const struct reload_sdp_audio *offer)
{
	bool dtmf = offer->dtmf_type != RELOAD_RTP_NO_TYPE;
	wr_format(w, "m=audio %u %s %u", own->at.port, offer->protos[offer->index],
		offer->payload_type);
	if (dtmf)
		wr_format(w, " %u", offer->dtmf_type);
	wr_text(w, "\r\n");
	map(w, offer->payload_type, offer->codec);
	if (dtmf)
		events(w, offer->dtmf_type, reload_codec_rows[offer->codec].rate);
	wr_format(w, "a=ptime:20\r\n%sa=%s\r\n", offer->rtcp_mux ? "a=rtcp-mux\r\n" : "",
		reload_sdp_directions[turned(offer->direction)]);
	if (own->dtls && offer->dtls.has)
		reload_sdp_write_dtls(w, own->dtls,
			own->dtls->setup ? own->dtls->setup
					 : reload_sdp_setup_answer(offer->dtls.setup));
	if (own->ice && *offer->ice.ufrag)
		reload_sdp_write_ice(w, own->ice);
}

void reload_sdp_answer(
	struct wr *w, const struct reload_sdp_own *own, const struct reload_sdp_audio *offer)
{
	head(w, own);
	for (size_t i = 0; i < offer->streams; i++)
		if (i == offer->index && !own->none)
			answer_stream(w, own, offer);
		else
			wr_format(w, "m=%s 0 %s 0\r\n", offer->types[i], offer->protos[i]);
}
