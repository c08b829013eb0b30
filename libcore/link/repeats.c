#include "link/repeats.h"

#include <endian.h>

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static inline void rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

/* up to 8 bytes, the first one lowest */
static inline uint64_t word(const uint8_t *at, size_t len)
{
	uint64_t w = 0;
	if (len)
		memcpy(&w, at, len);
	return le64toh(w);
}

static inline void absorb(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	rounds(v, 1);
	v[0] ^= w;
}

uint64_t reload_repeats_digest(const uint64_t key[2], struct span bytes)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	size_t at = 0;
	for (; bytes.len - at >= sizeof(uint64_t); at += sizeof(uint64_t))
		absorb(v, word(bytes.at + at, sizeof(uint64_t)));
	absorb(v, (uint64_t)bytes.len << 56 |
			  (at < bytes.len ? word(bytes.at + at, bytes.len - at) : 0));
	v[2] ^= 0xff;
	rounds(v, 3);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool reload_repeats_again(
	struct reload_repeats *p, struct span message, reload_ms window_ms, reload_ms now)
{
	uint64_t digest = reload_repeats_digest(p->key, message);
	unsigned known = p->count < RELOAD_REPEATS ? p->count : RELOAD_REPEATS;
	for (unsigned i = 0; i < known; i++)
		if (p->digests[i] == digest && (uint32_t)now - p->at[i] < window_ms)
			return true;
	p->digests[p->count % RELOAD_REPEATS] = digest;
	p->at[p->count % RELOAD_REPEATS] = (uint32_t)now;
	if (++p->count == 2 * RELOAD_REPEATS)
		p->count = RELOAD_REPEATS; /* all are known, the oldest is again the first */
	return false;
}
