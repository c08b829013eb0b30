#include "media/dtmf.h"

#include <ctype.h>

enum {
	TONE_FRAMES = 5,
	ENDS = 3, /* packets with the end bit, the first in the last frame of the tone */
	PAUSE_FRAMES = 3,
	FRAMES = TONE_FRAMES + ENDS - 1 + PAUSE_FRAMES,
	END_BIT = 0x80,
	VOLUME = 10 /* dB below the largest level */
};

static const char digits[] = "0123456789*#ABCD";

bool reload_dtmf_valid(const char *text)
{
	size_t n = 0;
	for (; text[n]; n++)
		if (n == RELOAD_DTMF_DIGITS_MAX || !strchr(digits, toupper((uint8_t)text[n])))
			return false;
	return n;
}

bool reload_dtmf_send(struct reload_dtmf_sender *s, uint8_t event[RELOAD_DTMF_PAYLOAD],
	uint32_t *from, bool *marker, uint32_t timestamp, unsigned samples)
{
	if (!s->digits || !*s->digits)
		return false;
	unsigned frame = s->frame++;
	if (!frame)
		s->timestamp = timestamp;
	if (frame >= FRAMES - PAUSE_FRAMES) {
		if (s->frame == FRAMES) {
			s->frame = 0;
			s->digits++;
		}
		return false;
	}
	const char *digit = strchr(digits, toupper((uint8_t)*s->digits));
	unsigned ticks = frame < TONE_FRAMES ? frame + 1 : TONE_FRAMES;
	struct wr w = wr_fixed(event, RELOAD_DTMF_PAYLOAD);
	wr_u8(&w, (uint8_t)(digit - digits));
	wr_u8(&w, (uint8_t)(VOLUME | (frame + 1 >= TONE_FRAMES ? END_BIT : 0)));
	wr_u16(&w, (uint16_t)(ticks * samples));
	*from = s->timestamp;
	*marker = !frame;
	return true;
}

char reload_dtmf_take(struct reload_dtmf_receiver *r, const struct reload_rtp *p)
{
	struct rd in = rd_of(p->payload);
	uint8_t event = rd_u8(&in);
	rd_u8(&in);
	uint16_t duration = rd_u16(&in);
	if (in.err || event >= sizeof(digits) - 1)
		return 0;
	int32_t ahead = (int32_t)(p->timestamp - r->timestamp);
	if (r->begun && ahead <= 0) {
		if (!ahead && duration > r->duration)
			r->duration = duration;
		return 0;
	}
	/* RFC 4733 s2.5.1.3: a long event goes on with a timestamp that is where its last part ended */
	bool goes_on =
		r->begun && event == r->event && (uint32_t)ahead == r->duration && r->duration;
	*r = (struct reload_dtmf_receiver){
		.begun = true, .timestamp = p->timestamp, .duration = duration, .event = event
	};
	return goes_on ? 0 : digits[event];
}
