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
	const char *owner;  /* only resources of this peer are looked at; NULL: of all */
	unsigned rate;      /* requests in a second; 0: no limit */
	reload_ms sent;     /* the last one */
	size_t resources, copies, requests; /* looked at so far */
	size_t lost; /* requests without an answer; after COPIES_LOST_MAX it looks no further */
	bool late;   /* the time was over first, or too much was lost */
	json_t *faults; /* list of {node_id,resource_id,kind,text} that copies_check() adds to; of the caller */
};

/*
 * copies_sample() looks at the Kinds of the overlay (result of config.kinds) for the first resource at or after the point `from`, 32 to 40 hex
 * digits, and checks its copies.  At most `max` resources are checked in all; `seen` (an object, of the caller) has those that were.  False: the agent
 * does not answer any more, with error.
 */
bool copies_sample(struct copies *c, const json_t *kinds, const char *from, size_t max,
	json_t *seen, struct reload_call_error *error);
