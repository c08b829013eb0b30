/*
 * A Fetch or Stat in parts: what is too large for one answer is requested part by part, in order.  This file does not know the values;
 * positions are indexes of an array, or places in a list of keys.
 *
 *   begun -> a part is requested -> got: the next one | refused: a smaller one -> ... -> the last one is got
 *
 * After a part without values everything that is left is requested at once, so that sparse arrays cost few requests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_PARTS_MAX =
		4096, /* Fetches or Stats for one request of the control socket; then it fails */
	AGENT_PARTS_PAUSE_MS =
		100, /* before all is read again, as what is stored changed meanwhile; doubled each time */
	AGENT_PARTS_PAUSE_MAX_MS = 1000,
	AGENT_PARTS_SIZE_MAX =
		28 * 1024 * 1024 /* bytes of a reply; a larger result takes several commands */
};

struct agent_parts {
	uint64_t next, last, step;
	bool rest;    /* the part extends to the end */
	size_t asked; /* Fetches or Stats so far, those of earlier attempts included */
};

/* agent_parts_begin() starts at first; `asked` is not reset. */
void agent_parts_begin(struct agent_parts *p, uint64_t first, uint64_t last);

/* agent_parts_end() returns the last position of the part that begins at p->next. */
uint64_t agent_parts_end(const struct agent_parts *p);

/*
 * agent_parts_got() moves on after a part with count values in a message that was filled or not; false: it was the last
 * part.
 */
bool agent_parts_got(struct agent_parts *p, size_t count, bool filled);

/* agent_parts_refused() makes the part smaller; false: it was a single position. */
bool agent_parts_refused(struct agent_parts *p);
