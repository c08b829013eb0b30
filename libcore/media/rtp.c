#include "media/rtp.h"

enum {
	VERSION = 2,
	RTCP_TYPES = 192,  /* 192 to 223; as RTP: the types 64 to 95 with a marker */
	DROPOUT_MAX = 3000 /* forward in sequence, as after a long loss */
};

enum reload_err reload_rtp_read(struct reload_rtp *out, struct span packet)
{
	struct rd r = rd_of(packet);
	struct reload_rtp p = { 0 };
	unsigned first = rd_u8(&r), second = rd_u8(&r);
	p.sequence = rd_u16(&r);
	p.timestamp = rd_u32(&r);
	p.ssrc = rd_u32(&r);
	p.marker = second >> 7;
	p.payload_type = second & 0x7f;
	rd_span(&r, 4u * (first & 0x0f)); /* contributing sources */
	if (first & 0x10) {
		rd_u16(&r);
		rd_span(&r, 4u * rd_u16(&r));
	}
	p.payload = rd_rest(&r);
	if (r.err || first >> 6 != VERSION)
		return RELOAD_BAD_VALUE;
	if (second >= RTCP_TYPES && second < RTCP_TYPES + 32)
		return RELOAD_BAD_VALUE;
	if (first & 0x20) {
		uint8_t padding = p.payload.len ? p.payload.at[p.payload.len - 1] : 0;
		if (!padding || padding > p.payload.len)
			return RELOAD_BAD_VALUE;
		p.payload.len -= padding;
	}
	*out = p;
	return RELOAD_OK;
}

void reload_rtp_write(struct wr *w, const struct reload_rtp *p)
{
	wr_u8(w, VERSION << 6);
	wr_u8(w, (uint8_t)(p->marker << 7 | (p->payload_type & 0x7f)));
	wr_u16(w, p->sequence);
	wr_u32(w, p->timestamp);
	wr_u32(w, p->ssrc);
	wr_span(w, p->payload);
}

/* RFC 3550 A.8: the difference of two packets' ways, smoothed. */
static void count_jitter(struct reload_rtp_stats *s, uint32_t timestamp, uint64_t arrival)
{
	if (arrival == RELOAD_RTP_UNTIMED)
		return;
	int64_t transit = (int32_t)((uint32_t)arrival - timestamp);
	int64_t change = transit - s->transit;
	if (s->timed)
		s->jitter += ((double)(change < 0 ? -change : change) - s->jitter) / 16;
	s->transit = transit;
	s->timed = true;
}

bool reload_rtp_count(struct reload_rtp_stats *s, const struct reload_rtp *p, uint64_t arrival)
{
	int16_t ahead = (int16_t)(p->sequence - (uint16_t)s->highest);
	if (!s->begun || s->ssrc != p->ssrc) {
		*s = (struct reload_rtp_stats){ .received = s->received,
			.lost_before = reload_rtp_lost(s),
			.begun = true,
			.ssrc = p->ssrc,
			.first = 0x10000u + p->sequence,
			.highest = 0x10000u + p->sequence,
			.jitter = s->jitter };
		ahead = 0;
	}
	if (ahead > DROPOUT_MAX || ahead < -DROPOUT_MAX)
		return false;
	if (ahead > 0)
		s->highest += (uint32_t)ahead;
	s->received++;
	s->of_source++;
	count_jitter(s, p->timestamp, arrival);
	return true;
}

uint64_t reload_rtp_lost(const struct reload_rtp_stats *s)
{
	uint64_t expected = s->begun ? (uint64_t)s->highest - s->first + 1 : 0;
	return s->lost_before + (expected > s->of_source ? expected - s->of_source : 0);
}

enum reload_media_packet reload_media_packet(struct span packet)
{
	uint8_t first = packet.len ? packet.at[0] : 255;
	if (first <= 3)
		return RELOAD_MEDIA_STUN;
	if (first >= 20 && first <= 63)
		return RELOAD_MEDIA_DTLS;
	if (first >> 6 != VERSION || packet.len < 2)
		return RELOAD_MEDIA_OTHER;
	return packet.at[1] >= RTCP_TYPES && packet.at[1] < RTCP_TYPES + 32 ? RELOAD_MEDIA_RTCP
									    : RELOAD_MEDIA_RTP;
}
