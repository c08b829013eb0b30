/*
 * A question in parts: what is too large for one answer is asked for piece by piece, in order.  There is no memory of the values
 * here; positions are indexes of an array, or places in a list of keys.
 *
 *   begun -> a part is asked -> got: the next one | refused: a smaller one -> ... -> the last one is got
 *
 * Behind a part in which there was nothing all of the rest is asked for, so that what is sparse costs few questions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_PARTS_MAX = 4096, /* questions of one request; then it fails */
	AGENT_PARTS_PAUSE_MS =
		100, /* before all is read again, as what is stored changed meanwhile; doubled each time */
	AGENT_PARTS_PAUSE_MAX_MS = 1000,
	AGENT_PARTS_SIZE_MAX =
		28 * 1024 * 1024 /* bytes of a reply; what is larger is for several commands */
};

struct agent_parts {
	uint64_t next, last, step;
	bool rest;    /* all of the rest is asked for */
	size_t asked; /* questions so far, also of earlier runs */
};

/* agent_parts_begin() starts at first; asked goes on counting. */
void agent_parts_begin(struct agent_parts *p, uint64_t first, uint64_t last);

/* agent_parts_end() returns the last position of the part that begins at p->next. */
uint64_t agent_parts_end(const struct agent_parts *p);

/* agent_parts_got() goes on behind a part with count values in a message that was filled or not; false: it was the last part. */
bool agent_parts_got(struct agent_parts *p, size_t count, bool filled);

/* agent_parts_refused() makes the part smaller; false: it was a single position. */
bool agent_parts_refused(struct agent_parts *p);
