#include "media/wav.h"

enum {
	PCM = 1,
	RATE = 8000,
	FORMAT = 16 /* bytes of a "fmt " chunk */
};

/* Numbers of a WAV file have the lower byte first. */
static uint32_t number(struct rd *r, unsigned width)
{
	const uint8_t *p = rd_take(r, width);
	uint32_t v = 0;
	for (unsigned i = 0; p && i < width; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

static bool is_tag(struct span s, const char *tag)
{
	return span_eq(s, span_of(tag, 4));
}

static bool format_fits(struct span chunk)
{
	struct rd r = rd_of(chunk);
	bool pcm = number(&r, 2) == PCM, mono = number(&r, 2) == 1, rate = number(&r, 4) == RATE;
	number(&r, 4);
	number(&r, 2);
	return pcm && mono && rate && number(&r, 2) == 16 && !r.err;
}

enum reload_err reload_wav_read(
	struct span *samples, struct span file, struct reload_error_text *why)
{
	static const char what[] = "not a WAV file that can be played";
	struct rd r = rd_of(file);
	bool formatted = false;
	struct span riff = rd_span(&r, 4);
	number(&r, 4);
	if (!is_tag(riff, "RIFF") || !is_tag(rd_span(&r, 4), "WAVE"))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what, "it is no WAV file");
	while (rd_left(&r) >= 8) {
		struct span tag = rd_span(&r, 4);
		size_t len = number(&r, 4);
		bool data = is_tag(tag, "data");
		if (data && len > rd_left(&r))
			len = rd_left(&r); /* as in a file that was being written */
		struct span chunk = rd_span(&r, len);
		if (is_tag(tag, "fmt "))
			formatted = format_fits(chunk);
		if (data && formatted && chunk.len / 2 <= RELOAD_WAV_SAMPLES_MAX) {
			*samples = span_of(chunk.at, chunk.len & ~(size_t)1);
			return RELOAD_OK;
		}
		if (len & 1 && rd_more(&r))
			rd_u8(&r);
	}
	return reload_error_explain(why, RELOAD_BAD_VALUE, what,
		"it has to have 8000 samples a second of 16 bits in one channel, and an hour at "
		"most");
}

int16_t reload_wav_sample(struct span samples, size_t i)
{
	if (samples.len / 2 <= i)
		return 0;
	return (int16_t)(samples.at[2 * i] | samples.at[2 * i + 1] << 8);
}

static uint8_t *put(uint8_t *at, uint32_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		*at++ = (uint8_t)(v >> (8 * i));
	return at;
}

void reload_wav_header(uint8_t out[RELOAD_WAV_HEADER], uint32_t samples)
{
	memcpy(out, "RIFF....WAVEfmt ", 16);
	put(out + 4, RELOAD_WAV_HEADER - 8 + 2 * samples, 4);
	uint8_t *at = put(out + 16, FORMAT, 4);
	at = put(at, PCM, 2);
	at = put(at, 1, 2);
	at = put(at, RATE, 4);
	at = put(at, 2 * RATE, 4);
	at = put(at, 2, 2);
	at = put(at, 16, 2);
	memcpy(at, "data", 4);
	put(at + 4, 2 * samples, 4);
}
