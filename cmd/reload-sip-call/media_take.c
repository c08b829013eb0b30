/* What becomes of the packets of the other end: a recording, an echo, digits, and reports. */
#include "reload-sip-call/media_internal.h"

#include "media/wav.h"

#include <unistd.h>

enum {
	AHEAD_MS =
		5000 /* of the time that has passed: audio that has another place is not recorded */
};

/* Whether samples there can have been spoken by now: time stamps say anything, and files would be as long as they say. */
static bool is_due(const struct media *m, uint64_t at)
{
	return at <= (cli_monotonic() - m->heard_at + AHEAD_MS) * RELOAD_RTP_RATE / RELOAD_SECOND;
}

/* Writes samples at their place, so that a gap stays silent. */
static void record(struct media *m, const int16_t *samples, size_t count, uint64_t at)
{
	uint8_t bytes[2 * RELOAD_CODEC_SAMPLES];
	if (m->record < 0 || at + count > RELOAD_WAV_SAMPLES_MAX || !is_due(m, at))
		return;
	for (size_t i = 0; i < count; i++) {
		bytes[2 * i] = (uint8_t)samples[i];
		bytes[2 * i + 1] = (uint8_t)((uint16_t)samples[i] >> 8);
	}
	ssize_t n = pwrite(m->record, bytes, 2 * count, RELOAD_WAV_HEADER + 2 * (off_t)at);
	uint32_t end = (uint32_t)(at + count);
	if (n == (ssize_t)(2 * count) && end > m->recorded)
		m->recorded = end;
}

static void play(struct media *m, bool flush)
{
	int16_t samples[RELOAD_CODEC_SAMPLES];
	uint64_t at;
	size_t n;
	while ((n = reload_media_play(&m->session, samples, &at, flush)))
		record(m, samples, n, at);
}

static void echo(struct media *m, const struct reload_rtp *p)
{
	uint8_t packet[MEDIA_PACKET];
	struct wr w = wr_fixed(packet, sizeof(packet));
	if (!m->plan->echo || !m->sends)
		return;
	reload_media_echo(&m->session, &w, p, media_clock());
	(void)media_send(m, wr_done(&w), false);
}

void media_take(struct media *m, struct span packet, bool rtcp)
{
	struct reload_rtp p;
	char digit;
	uint64_t now = media_clock();
	if (!m->heard_at)
		m->heard_at = cli_monotonic();
	if (rtcp) {
		reload_media_rtcp(&m->session, packet, now);
		return;
	}
	switch (reload_media_take(&m->session, packet, now, &p, &digit)) {
	case RELOAD_MEDIA_IGNORED:
		return;
	case RELOAD_MEDIA_AUDIO:
		echo(m, &p);
		break;
	case RELOAD_MEDIA_DIGIT:
		if (digit && m->digits_count < sizeof(m->digits) - 1)
			m->digits[m->digits_count++] = digit;
		break;
	}
	play(m, false);
}

void media_report(struct media *m, bool bye)
{
	uint8_t packet[RELOAD_RTCP_PACKET];
	struct wr w = wr_fixed(packet, sizeof(packet));
	reload_media_report(&m->session, &w, media_clock(), media_chance(), bye);
	(void)media_send(m, wr_done(&w), true);
}

void media_finish(struct media *m)
{
	play(m, true);
	if (m->flowing)
		media_report(m, true);
}
