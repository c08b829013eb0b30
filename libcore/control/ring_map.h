/*
 * Mapping a ring: which questions to ask of which peer, and what the answers say about it.  Nothing is sent here and no clock is read: the caller
 * asks one question at a time, over whatever link it has, and hands back what was answered.
 */
#pragma once

#include "util/id.h"

enum {
	RELOAD_RING_FINGERS_MAX = 16,
	RELOAD_RING_FAULTS_MAX = 3 /* of each sort a peer has one at most */
};

/* How a peer disagrees with others. */
enum reload_ring_fault_kind {
	RELOAD_RING_SKIPS,  /* its successor is `node`, and not the next peer */
	RELOAD_RING_MISSES, /* it sends to `node` what follows the peer before it */
	RELOAD_RING_CLAIMS  /* it takes the place of `node`, the peer before it, as its own */
};

struct reload_ring_fault {
	enum reload_ring_fault_kind kind;
	struct reload_id node;
};

/* What a Probe tells of a peer (RFC 6940 s6.4.2.5). */
struct reload_ring_probe {
	uint32_t responsible_ppb, resources, uptime_s;
};

struct reload_ring_peer {
	struct reload_id id, successor; /* successor: len 0 until it is known */
	struct reload_id fingers[RELOAD_RING_FINGERS_MAX];
	size_t fingers_count, faults_count;
	struct reload_ring_fault faults[RELOAD_RING_FAULTS_MAX];
	bool asked, answered, probed;
	bool before_asked, range_asked; /* whom these steps could find is known */
	double rtt_ms;                  /* of its first answer */
	struct reload_ring_probe probe;
};

/* A question to the node `to`: a Probe, or a RouteQuery for the place `point`. */
struct reload_ring_question {
	bool is_probe;
	struct reload_id to, point;
};

struct reload_ring_map;

/*
 * reload_ring_map_new() begins the map of a ring whose Node-IDs have id_len bytes.  It knows at most max peers (1 or more) and looks up that many
 * fingers of each one, RELOAD_RING_FINGERS_MAX at most.
 */
struct reload_ring_map *reload_ring_map_new(size_t max, size_t fingers, uint8_t id_len);
void reload_ring_map_free(struct reload_ring_map *m);

/* reload_ring_map_know() enters a peer that will be asked; one that is known, the wildcard, or an ID of another length changes nothing. */
void reload_ring_map_know(struct reload_ring_map *m, const struct reload_id *id);

/* reload_ring_map_next() fills out with the next question, which has to be answered before the one after it; false: the map has ended. */
bool reload_ring_map_next(struct reload_ring_map *m, struct reload_ring_question *out);

/*
 * reload_ring_map_named() takes the Node-ID that answered a RouteQuery, rtt_ms after it was sent; reload_ring_map_probed() what answered a
 * Probe; reload_ring_map_silent() says that there was no good answer.
 */
void reload_ring_map_named(struct reload_ring_map *m, const struct reload_id *node, double rtt_ms);
void reload_ring_map_probed(struct reload_ring_map *m, const struct reload_ring_probe *probe);
void reload_ring_map_silent(struct reload_ring_map *m);

/* reload_ring_map_peers() returns the peers, ascending by Node-ID (borrowed until the next call that changes the map). */
const struct reload_ring_peer *reload_ring_map_peers(
	const struct reload_ring_map *m, size_t *count);

/* reload_ring_map_cut() returns whether more than max peers were named: the map is a part of the ring then. */
bool reload_ring_map_cut(const struct reload_ring_map *m);
