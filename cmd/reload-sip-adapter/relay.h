/*
 * The audio of a call through the adapter, RTP and RTCP.  Towards a device it is plain, at two ports of a range, from the signalled address or once from the
 * signalling host (media/latch.h); towards another node of an overlay with ICE it goes over a path that the agent finds.  Nothing is looked into: what is
 * encrypted passes.
 *
 *   gathering (sides with ICE) -> ready -> packets pass once both ends have described themselves
 */
#pragma once

#include "media/latch.h"
#include "reload-sip-adapter/served.h"
#include "usage/sip_sdp_relay.h"

enum relay_mode {
	RELAY_AUTO, /* when one side has ICE and the other has not */
	RELAY_ALWAYS,
	RELAY_NEVER
};

enum relay_of {
	RELAY_CALLER,
	RELAY_CALLEE
};

enum {
	RELAY_SOCKETS = 2, /* RTP, RTCP */
	RELAY_PACKET_MAX = 2048
};

struct relay;

/* One side: of a device, or of another node. */
struct relay_side {
	struct relay *relay;
	bool ice, muxed; /* muxed: RTCP comes and goes with RTP */
	/* plain */
	struct reload_ip_port local; /* of RTP */
	struct reload_latch latches[RELAY_SOCKETS];
	int fds[RELAY_SOCKETS];
	uint64_t watches[RELAY_SOCKETS];
	/* ICE */
	struct served *served;
	json_int_t media; /* number of the path */
	int path;         /* socket of packets; -1: none */
	uint64_t path_watch;
	bool gathering, checked;
	struct reload_sdp_ice own;
	uint64_t received, strangers;
};

struct relays {
	struct reload_poll *poll;
	uint16_t first, last, next; /* ports */
	size_t count;
	uint64_t refused; /* calls for which there was no port or path */
};

struct relay {
	struct relays *all;
	struct relay_side sides[2]; /* enum relay_of */
	void (*ready)(void *arg, bool good);
	void *arg;
};

/* What is known of a side in the beginning. */
struct relay_plan {
	struct reload_ip_port local; /* plain: own address, whose port means nothing */
	struct reload_ip_port
		host;          /* plain: from which its signalling comes; type 0: not a device */
	struct served *served; /* ICE: whose agent; NULL: plain */
	bool controlling;
};

/* relay_new() makes one (owned); NULL: there is no port, or the agent is gone. */
struct relay *relay_new(struct relays *all, const struct relay_plan plans[2]);
void relay_free(struct relay *r);

/* relay_is_ready() returns whether descriptions can be written; else ready is called from the loop. */
bool relay_is_ready(const struct relay *r);

/*
 * relay_pass() takes a description that comes from a side and appends it for the other one; RELOAD_BAD_VALUE when it cannot be relayed.
 */
enum reload_err relay_pass(
	struct relay *r, enum relay_of from, struct span text, struct wr *w) MUST_CHECK;

/* relay_json() returns {from_caller,from_callee,strangers}, packets (owned). */
json_t *relay_json(const struct relay *r);
