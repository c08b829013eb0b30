/* A cache on disk of peers that were reached before: a node uses them to find the overlay when all configured bootstrap nodes are down. */
#pragma once

#include "agent.h"

enum {
	AGENT_PEER_CACHE_MAX = 32,
	AGENT_PEER_CACHE_PER_NODE = 2, /* as many as the engine remembers; those before are stale */
	AGENT_PEER_CACHE_FILE_MAX = 8192,
	AGENT_PEER_CACHE_PAUSE_MS = 5000 /* between two writes */
};

/* One address of a peer that was reached. */
struct agent_cached_peer {
	struct reload_ip_port addr;
	struct reload_id node;
};

struct agent_peer_cache {
	struct agent *agent;
	char *path;                                        /* NULL: nothing is written */
	struct agent_cached_peer at[AGENT_PEER_CACHE_MAX]; /* newest first */
	size_t count;
	bool changed;
	struct reload_timer timer;
};

/*
 * agent_peer_cache_parse() reads the text of a file, one "ADDR:PORT NODE-ID" a line: at has room for AGENT_PEER_CACHE_MAX; returns false
 * for any other text and for more peers.  Node-IDs have id_len bytes.
 */
bool agent_peer_cache_parse(
	struct agent_cached_peer *at, size_t *count, const char *text, size_t id_len);

/*
 * agent_peer_cache_start() reads STATE/INSTANCE/bootstrap-nodes of agent, whose instance, poll and log are set.  A
 * damaged file is not used, and the log says so.  agent_peer_cache_stop() writes what is not yet written and clears k; a zeroed one is legal.
 */
void agent_peer_cache_start(struct agent_peer_cache *k, struct agent *agent, size_t id_len);
void agent_peer_cache_stop(struct agent_peer_cache *k);

/* agent_peer_cache_add() adds a peer that was reached, in place of its oldest address beyond AGENT_PEER_CACHE_PER_NODE; if that changed the cache, the file is written AGENT_PEER_CACHE_PAUSE_MS later. */
void agent_peer_cache_add(struct agent_peer_cache *k, const struct reload_id *node,
	const struct reload_ip_port *addrs, size_t count);

/* agent_peer_cache_addresses() fills out with the addresses, newest first, and returns their number. */
size_t agent_peer_cache_addresses(
	const struct agent_peer_cache *k, struct reload_ip_port out[AGENT_PEER_CACHE_MAX]);
