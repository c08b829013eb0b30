#include "media/codec.h"

#include "media/g711.h"

#include <opus/opus.h>

/*
 * G.113 Appendix I: G.711 without concealment of losses.  It has no values for Opus; at 8000 samples a second and this rate it is taken
 * to be as good as G.711 with concealment.
 */
const struct reload_codec_row reload_codec_rows[RELOAD_CODECS] = {
	[RELOAD_PCMU] = { "PCMU", 8000, 1, RELOAD_RTP_PCMU, { 0, 4.3 } },
	[RELOAD_PCMA] = { "PCMA", 8000, 1, RELOAD_RTP_PCMA, { 0, 4.3 } },
	[RELOAD_OPUS] = { "opus", 48000, 2, 111, { 0, 25.1 } },
};

enum {
	OPUS_BITRATE = 32000
};

struct reload_codec {
	enum reload_codec_type type;
	OpusEncoder *encoder;
	OpusDecoder *decoder;
};

struct reload_codec *reload_codec_new(enum reload_codec_type type)
{
	struct reload_codec *c = RELOAD_NEW(reload_codec);
	int err = OPUS_OK;
	c->type = type;
	if (type != RELOAD_OPUS)
		return c;
	c->encoder = opus_encoder_create(RELOAD_RTP_RATE, 1, OPUS_APPLICATION_VOIP, &err);
	if (c->encoder)
		c->decoder = opus_decoder_create(RELOAD_RTP_RATE, 1, &err);
	if (!c->decoder || opus_encoder_ctl(c->encoder, OPUS_SET_BITRATE(OPUS_BITRATE))) {
		reload_codec_free(c);
		return NULL;
	}
	return c;
}

void reload_codec_free(struct reload_codec *c)
{
	if (!c)
		return;
	if (c->encoder)
		opus_encoder_destroy(c->encoder);
	if (c->decoder)
		opus_decoder_destroy(c->decoder);
	free(c);
}

void reload_codec_encode(struct reload_codec *c, struct wr *w, const int16_t *samples)
{
	uint8_t out[RELOAD_CODEC_BYTES];
	int len = RELOAD_RTP_FRAME;
	if (c->type == RELOAD_OPUS)
		len = opus_encode(c->encoder, samples, RELOAD_RTP_FRAME, out, sizeof(out));
	else
		for (int i = 0; i < len; i++)
			out[i] = c->type == RELOAD_PCMA ? reload_alaw_encode(samples[i])
							: reload_ulaw_encode(samples[i]);
	if (len > 0)
		wr_bytes(w, out, (size_t)len);
}

static size_t decode_g711(const struct reload_codec *c, int16_t *out, struct span payload)
{
	if (!payload.len) {
		memset(out, 0, RELOAD_RTP_FRAME * sizeof(*out));
		return RELOAD_RTP_FRAME;
	}
	if (payload.len > RELOAD_CODEC_SAMPLES)
		return 0;
	for (size_t i = 0; i < payload.len; i++)
		out[i] = c->type == RELOAD_PCMA ? reload_alaw_decode(payload.at[i])
						: reload_ulaw_decode(payload.at[i]);
	return payload.len;
}

size_t reload_codec_decode(
	struct reload_codec *c, int16_t out[RELOAD_CODEC_SAMPLES], struct span payload)
{
	if (c->type != RELOAD_OPUS)
		return decode_g711(c, out, payload);
	int n = payload.len <= INT16_MAX
			? opus_decode(c->decoder, payload.len ? payload.at : NULL, (int)payload.len,
				  out, payload.len ? RELOAD_CODEC_SAMPLES : RELOAD_RTP_FRAME, 0)
			: 0;
	return n > 0 ? (size_t)n : 0;
}
