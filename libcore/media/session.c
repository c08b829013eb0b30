#include "media/session.h"

#include <stdio.h>

enum {
	FRAME_MS = 20,
	PLAY_MAX = 3600 * 8000 /* samples that a timestamp may be ahead */
};

static const struct reload_codec_row *row(const struct reload_media_session *s)
{
	return &reload_codec_rows[s->codec];
}

/* Units of the timestamp in a sample. */
static unsigned ticks(const struct reload_media_session *s)
{
	return row(s)->rate / RELOAD_RTP_RATE;
}

void reload_media_init(struct reload_media_session *s, uint32_t ssrc, uint16_t sequence,
	uint32_t timestamp, const char *cname)
{
	*s = (struct reload_media_session){ .ssrc = ssrc,
		.sequence = sequence &
			    0x7fff, /* so that it does not begin anew soon (RFC 3711 s3.3.1) */
		.timestamp = timestamp,
		.dtmf_type = RELOAD_RTP_NO_TYPE,
		.rtcp = { .ssrc = ssrc, .rate = RELOAD_RTP_RATE, .due = RELOAD_RTCP_NEVER } };
	snprintf(s->rtcp.cname, sizeof(s->rtcp.cname), "%s", cname);
}

void reload_media_clear(struct reload_media_session *s)
{
	reload_codec_free(s->coder);
	s->coder = NULL;
}

bool reload_media_agree(struct reload_media_session *s, enum reload_codec_type codec,
	uint8_t payload_type, uint8_t own_type, uint8_t dtmf_type)
{
	s->dtmf_type = dtmf_type;
	s->own_type = own_type;
	if (s->coder && s->codec == codec && s->payload_type == payload_type)
		return true;
	struct reload_codec *coder = reload_codec_new(codec);
	if (!coder)
		return false;
	reload_codec_free(s->coder);
	s->coder = coder;
	s->codec = codec;
	s->payload_type = payload_type;
	s->rtcp.rate = row(s)->rate;
	s->placed = false;
	s->stats.lost_before = reload_rtp_lost(&s->stats);
	s->stats.begun = false; /* its timestamps have another clock */
	reload_jitter_reset(&s->jitter);
	return true;
}

/* -- sending ---------------------------------------------------------------------------------------------------------------- */

static void send(struct reload_media_session *s, struct wr *w, struct reload_rtp p, uint64_t now_us)
{
	p.sequence = s->sequence++;
	p.ssrc = s->ssrc;
	reload_rtp_write(w, &p);
	s->sent++;
	reload_rtcp_sent(&s->rtcp, &p, now_us);
}

void reload_media_skip(struct reload_media_session *s)
{
	s->timestamp += RELOAD_RTP_FRAME * ticks(s);
}

void reload_media_frame(
	struct reload_media_session *s, struct wr *w, const int16_t *samples, uint64_t now_us)
{
	uint8_t bytes[RELOAD_CODEC_BYTES], event[RELOAD_DTMF_PAYLOAD];
	struct reload_rtp p = {
		.payload_type = s->payload_type, .marker = !s->sent, .timestamp = s->timestamp
	};
	struct wr payload = wr_fixed(bytes, sizeof(bytes));
	if (s->dtmf_type != RELOAD_RTP_NO_TYPE &&
		reload_dtmf_send(&s->dtmf, event, &p.timestamp, &p.marker, s->timestamp,
			RELOAD_RTP_FRAME * ticks(s))) {
		p.payload_type = s->dtmf_type;
		p.payload = span_of(event, sizeof(event));
	} else {
		reload_codec_encode(s->coder, &payload, samples);
		p.payload = wr_done(&payload);
	}
	send(s, w, p, now_us);
	reload_media_skip(s);
}

void reload_media_echo(
	struct reload_media_session *s, struct wr *w, const struct reload_rtp *p, uint64_t now_us)
{
	struct reload_rtp out = { .payload_type = s->payload_type,
		.marker = !s->sent,
		.timestamp = p->timestamp,
		.payload = p->payload };
	send(s, w, out, now_us);
	s->timestamp = p->timestamp;
}

/* -- receiving -------------------------------------------------------------------------------------------------------------- */

enum reload_media_taken reload_media_take(struct reload_media_session *s, struct span packet,
	uint64_t now_us, struct reload_rtp *p, char *digit)
{
	*digit = 0;
	if (!s->coder || reload_rtp_read(p, packet))
		return RELOAD_MEDIA_IGNORED;
	bool event = s->dtmf_type != RELOAD_RTP_NO_TYPE && p->payload_type == s->dtmf_type;
	bool another = s->stats.begun && p->ssrc != s->stats.ssrc;
	if (p->payload_type != s->payload_type && p->payload_type != s->own_type && !event)
		return RELOAD_MEDIA_IGNORED;
	/* the timestamp of an event is that of its beginning */
	uint64_t arrival = event ? RELOAD_RTP_UNTIMED : now_us * row(s)->rate / 1000000;
	if (!reload_rtp_count(&s->stats, p, arrival))
		return RELOAD_MEDIA_IGNORED;
	if (event) {
		*digit = reload_dtmf_take(&s->events, p);
		/* it has a place among the packets, and no samples */
		struct reload_rtp none = *p;
		none.payload = span_of(NULL, 0);
		(void)reload_jitter_put(&s->jitter, &none);
		return RELOAD_MEDIA_DIGIT;
	}
	if (another) {
		reload_jitter_reset(&s->jitter);
		s->placed = false;
	}
	if (reload_jitter_put(&s->jitter, p) == RELOAD_JITTER_FAR) {
		reload_jitter_reset(&s->jitter);
		(void)reload_jitter_put(&s->jitter, p);
	}
	return RELOAD_MEDIA_AUDIO;
}

size_t reload_media_play(
	struct reload_media_session *s, int16_t out[RELOAD_CODEC_SAMPLES], uint64_t *at, bool flush)
{
	struct reload_rtp p;
	for (;;) {
		enum reload_jitter_step step =
			reload_jitter_next(&s->jitter, &p, flush ? 0 : RELOAD_JITTER_DEPTH);
		if (step == RELOAD_JITTER_WAITS)
			return 0;
		size_t n = 0;
		if (step == RELOAD_JITTER_LOST) {
			n = s->placed ? reload_codec_decode(s->coder, out, span_of(NULL, 0)) : 0;
			*at = s->end;
		} else if (p.payload.len) {
			n = reload_codec_decode(s->coder, out, p.payload);
			if (!s->placed) {
				s->placed = true;
				s->origin = p.timestamp;
				s->base = s->end;
			}
			uint32_t ahead = (p.timestamp - s->origin) / ticks(s);
			if (ahead > PLAY_MAX)
				continue; /* before the first */
			*at = s->base + ahead;
		}
		if (!n)
			continue;
		if (*at + n > s->end)
			s->end = *at + n;
		return n;
	}
}

/* -- reports ---------------------------------------------------------------------------------------------------------------- */

void reload_media_rtcp(struct reload_media_session *s, struct span packet, uint64_t now_us)
{
	struct reload_rtcp p;
	if (!reload_rtcp_read(&p, packet, s->ssrc))
		reload_rtcp_take(&s->rtcp, &p, now_us);
}

void reload_media_report(
	struct reload_media_session *s, struct wr *w, uint64_t now_us, uint32_t chance, bool bye)
{
	reload_rtcp_write(&s->rtcp, w, &s->stats, now_us, chance, bye);
}

double reload_media_jitter_ms(const struct reload_media_session *s)
{
	return s->stats.jitter * 1000 / row(s)->rate;
}

double reload_media_loss(const struct reload_media_session *s)
{
	double lost = (double)reload_rtp_lost(&s->stats);
	return lost > 0 ? 100 * lost / (lost + (double)s->stats.received) : 0;
}

double reload_media_mos(const struct reload_media_session *s)
{
	/* half of the round trip, the frame, and a buffer of a frame and twice the jitter */
	double one_way =
		(double)s->rtcp.rtt_us / 2000 + 2 * FRAME_MS + 2 * reload_media_jitter_ms(s);
	return reload_quality_mos(
		reload_quality_r(&row(s)->quality, one_way, reload_media_loss(s)));
}
