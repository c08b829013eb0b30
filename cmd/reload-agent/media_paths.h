/*
 * Paths for the audio of calls: found by ICE with the candidates that two programs exchange by SIP, and carried to the program by a local socket whose packets
 * are the datagrams.  So no program of SIP needs an ICE library, nor the secret of TURN servers.
 *
 *   media.open: gathering --> "gathered" with the socket --> media.check: checking --> "connected" --> datagrams both ways
 *
 * A path ends with the request media.open, and the request with the socket.
 */
#pragma once

#include "agent.h"
#include "link/ice_path_io.h"

enum {
	MEDIA_PATHS_MAX = 256,  /* of an agent */
	MEDIA_COME_MS = 10000,  /* for the program to connect to the socket */
	MEDIA_DATAGRAM = 2048,  /* bytes; longer ones are cut off and lost */
	MEDIA_PACKETS_TURN = 32 /* that are taken from a program in a turn of the loop */
};

struct media_path;

/* Who opened a path is told this; each may free it. */
struct media_path_ops {
	/* the first count candidates are to be sent; path: of the socket */
	void (*gathered)(
		void *arg, const char *path, const struct reload_ice_found *found, size_t count);
	void (*connected)(void *arg, const struct reload_ice_pair *pair);
	/* err RELOAD_OK: the program has closed the socket */
	void (*ended)(void *arg, enum reload_err err, const char *reason);
};

/* What passed. */
struct media_path_counts {
	uint64_t sent, received,
		dropped; /* datagrams; dropped: the program did not take them in time */
};

/*
 * media_path_new() begins to gather candidates (owned); RELOAD_LIMIT, and RELOAD_FAILED in an overlay without ICE.  controlling: this end has made the
 * offer; relay_only: no other candidates than relayed ones.
 */
enum reload_err media_path_new(struct media_path **out, struct agent *agent, bool controlling,
	bool relay_only, const struct media_path_ops *ops, void *arg) MUST_CHECK;
void media_path_free(struct media_path *m);

/* media_path_find() returns the path of that number, NULL: there is none; media_path_number() the number. */
struct media_path *media_path_find(const struct agent *agent, uint32_t number);
uint32_t media_path_number(const struct media_path *m);

/* media_path_check() connects to the other end, or to another one in its place; false: it is too early. */
bool media_path_check(struct media_path *m, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count);

const struct media_path_counts *media_path_counts(const struct media_path *m);
