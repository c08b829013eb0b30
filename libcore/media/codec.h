/* Codecs of calls: G.711 and Opus (RFC 7587).  Audio here has 8000 samples a second of 16 bits in one channel. */
#pragma once

#include "media/quality.h"
#include "media/rtp.h"

enum reload_codec_type {
	RELOAD_PCMU,
	RELOAD_PCMA,
	RELOAD_OPUS
};

enum {
	RELOAD_CODECS = 3,
	RELOAD_CODEC_SAMPLES = 2048, /* that a packet holds at most */
	RELOAD_CODEC_BYTES = 1275    /* of an encoded frame at most (RFC 6716 s3.4) */
};

/* What is known of a codec. */
struct reload_codec_row {
	const char *name;     /* as in a=rtpmap, case does not count */
	unsigned rate;        /* of its timestamps, a second */
	unsigned channels;    /* as signalled; 1 is not written */
	uint8_t payload_type; /* of what we offer */
	struct reload_quality_codec quality;
};

extern const struct reload_codec_row reload_codec_rows[RELOAD_CODECS];

struct reload_codec;

/* reload_codec_new() makes both directions of a codec (owned); NULL when the library has no memory for it. */
struct reload_codec *reload_codec_new(enum reload_codec_type type);
void reload_codec_free(struct reload_codec *c);

/* reload_codec_encode() appends the payload of a frame of RELOAD_RTP_FRAME samples. */
void reload_codec_encode(struct reload_codec *c, struct wr *w, const int16_t *samples);

/* reload_codec_decode() returns how many samples a payload has, 0 when it cannot be decoded; empty: what is put in place of a lost frame. */
size_t reload_codec_decode(
	struct reload_codec *c, int16_t out[RELOAD_CODEC_SAMPLES], struct span payload);
