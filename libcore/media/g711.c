#include "media/g711.h"

enum {
	BIAS = 0x84,     /* of the mu-law, so that the segments are powers of two */
	CLIP = 32635,    /* the largest magnitude with the bias */
	ALAW_XOR = 0x55, /* every second bit is inverted */
	SIGN = 0x80
};

/* The number of the highest set bit above bit `lowest`, counted from it; 7 at most. */
static unsigned segment_of(unsigned magnitude, unsigned lowest)
{
	unsigned segment = 0;
	while (segment < 7 && magnitude >> (lowest + 1 + segment))
		segment++;
	return segment;
}

uint8_t reload_ulaw_encode(int16_t sample)
{
	int value = sample;
	unsigned sign = value < 0 ? SIGN : 0;
	unsigned magnitude = (unsigned)(value < 0 ? -value : value);
	magnitude = (magnitude > CLIP ? CLIP : magnitude) + BIAS;
	unsigned segment = segment_of(magnitude, 7);
	return (uint8_t) ~(sign | segment << 4 | ((magnitude >> (segment + 3)) & 0x0f));
}

int16_t reload_ulaw_decode(uint8_t code)
{
	unsigned c = (uint8_t)~code, segment = c >> 4 & 7;
	int magnitude = (int)((((c & 0x0f) << 3) + BIAS) << segment) - BIAS;
	return (int16_t)(c & SIGN ? -magnitude : magnitude);
}

uint8_t reload_alaw_encode(int16_t sample)
{
	int value = sample;
	unsigned sign = value >= 0 ? SIGN : 0;
	unsigned magnitude = (unsigned)(value >= 0 ? value : -value - 1);
	unsigned segment = segment_of(magnitude, 7);
	unsigned step = (magnitude >> (segment ? segment + 3 : 4)) & 0x0f;
	return (uint8_t)((sign | segment << 4 | step) ^ ALAW_XOR);
}

int16_t reload_alaw_decode(uint8_t code)
{
	unsigned c = code ^ ALAW_XOR, segment = c >> 4 & 7;
	unsigned magnitude = ((c & 0x0f) << 4) + 8;
	if (segment)
		magnitude = (magnitude + 0x100) << (segment - 1);
	return (int16_t)(c & SIGN ? (int)magnitude : -(int)magnitude);
}
