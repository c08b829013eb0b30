/* G.711 (ITU-T): a sample of 16 bits in 8, by the mu-law or the A-law, 8000 a second. */
#pragma once

#include <stdint.h>

/* reload_ulaw_encode(), reload_alaw_encode() return the code of a sample; reload_ulaw_decode(), reload_alaw_decode() the sample of a code. */
uint8_t reload_ulaw_encode(int16_t sample);
int16_t reload_ulaw_decode(uint8_t code);
uint8_t reload_alaw_encode(int16_t sample);
int16_t reload_alaw_decode(uint8_t code);
