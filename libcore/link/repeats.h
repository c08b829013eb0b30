/*
 * Messages that came over a link lately, to drop those that come again (LINK-05): a retransmission has a sequence number of its own, so
 * that nothing but its bytes shows that it was delivered before.  Best effort, in bounded memory: RELOAD_REPEATS of them are
 * remembered, as keyed digests, so that nobody can make a message that is taken for another one.  Pure.
 */
#pragma once

#include "util/clock.h"
#include "util/span.h"

enum {
	RELOAD_REPEATS = 128
};

/* the key is random, and secret */
struct reload_repeats {
	uint64_t key[2];
	uint64_t digests[RELOAD_REPEATS]; /* ring */
	uint32_t at[RELOAD_REPEATS];      /* low bits of the time when it was delivered */
	unsigned count;                   /* remembered ever; from RELOAD_REPEATS on modulo that */
};

/*
 * reload_repeats_again() returns whether the same bytes came less than window_ms ago; if not, it remembers them.  The time counts from
 * the first of them: end-to-end retransmissions, which are the same bytes as well, pass when their interval is longer.
 */
bool reload_repeats_again(
	struct reload_repeats *p, struct span message, reload_ms window_ms, reload_ms now);

/* reload_repeats_digest() is SipHash-1-3 of the bytes. */
uint64_t reload_repeats_digest(const uint64_t key[2], struct span bytes);
