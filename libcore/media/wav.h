/* WAV files of one form: 8000 samples a second, one channel, 16 bits. */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_WAV_HEADER = 44,
	RELOAD_WAV_SAMPLES_MAX = 3600 * 8000 /* an hour: more is neither read nor written */
};

/*
 * reload_wav_read() returns the samples of a file, two bytes each with the lower first, borrowed from it.  RELOAD_BAD_VALUE with
 * why, which says what a file has to be.
 */
enum reload_err reload_wav_read(
	struct span *samples, struct span file, struct reload_error_text *why) MUST_CHECK;

/* reload_wav_sample() returns number i of samples, 0 behind the last. */
int16_t reload_wav_sample(struct span samples, size_t i);

/* reload_wav_header() writes the header of a file of that many samples. */
void reload_wav_header(uint8_t out[RELOAD_WAV_HEADER], uint32_t samples);
