/* Are stored values where they have to be: at the responsible peer and its two replicas (RFC 6940 s10.4)?  Asked over the wire, by Find and Stat. */
#pragma once

#include "common/call.h"

enum {
	COPIES_LOST_MAX =
		6 /* requests do not arrive in a ring whose peers disagree; each costs seconds */
};

struct copies {
	struct cli *cli;
	struct cli_link *link;
	const json_t *ring; /* Node-IDs (text) of the peers that answered, ascending (borrowed) */
	unsigned rate;      /* requests in a second; 0: no limit */
	reload_ms sent;     /* the last one */
	size_t resources, copies, requests; /* looked at so far */
	size_t lost;     /* requests without an answer; after COPIES_LOST_MAX it looks no further */
	bool unanswered; /* the last request */
	bool late;       /* the time was over first, or too much was lost */
	json_t *faults; /* list of {node_id,resource_id,kind,text} that copies_check() adds to; of the caller */
};

/* A range that is walked: of the peer at this place of the ring, from the place behind `from` (hex digits, borrowed) on. */
struct copies_range {
	size_t peer;
	const char *from;
};

/*
 * copies_check() looks for resources of all Kinds of the overlay (result of config.kinds) in `count` ranges, and checks their copies: all resources, when
 * they are max or fewer, else as many of each range and Kind as of any other.  False: the agent does not answer any more, with error.
 */
bool copies_check(struct copies *c, const json_t *kinds, const struct copies_range *ranges,
	size_t count, size_t max, struct reload_call_error *error);
