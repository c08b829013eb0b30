/*
 * A walk around the ring, from a running agent, with one Ping for each peer: the next one is whoever is responsible for the place
 * behind the last one.  A peer answers only when it has the same document as the agent (RFC 6940 s6.3.2.1).
 */
#pragma once

#include "common/call.h"
#include "util/id.h"

struct ring_walk {
	struct cli *cli;
	struct cli_link *link;
	int stop_fd;
	struct reload_id own; /* Node-ID of the agent, where the walk begins and ends */
	void (*met)(void *arg, const struct reload_id *node); /* each other peer; NULL is legal */
	void *arg;
	size_t peers; /* out: how many answered, without the agent */
	bool complete;
	char last_error[160]; /* out: of the last Ping that failed */
};

/*
 * ring_walk() goes around until it is back at the agent.  RELOAD_PARTIAL when cli->deadline came first, RELOAD_CANCELLED when
 * stop_fd became readable; other errors are those of a Ping that will not succeed later either.
 */
enum reload_err ring_walk(struct ring_walk *walk) MUST_CHECK;
