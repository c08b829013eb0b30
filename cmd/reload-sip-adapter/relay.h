/*
 * The audio of a call through the adapter, RTP and RTCP.  Towards a device it is plain, at two ports of a range, from the signalled address or once from the
 * signalling host (media/latch.h); towards another node of an overlay with ICE it goes over a path that the agent finds.  What is encrypted passes, but for
 * a device that does not encrypt, where it ends here (relay_keys.c).
 *
 *   gathering (sides with ICE) -> ready -> packets pass once both ends have described themselves
 */
#pragma once

#include "media/latch.h"
#include "reload-sip-adapter/served.h"
#include "usage/sip_sdp_relay.h"
#include "usage/sip_secure_io.h"

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

/* At which end the encryption of the other node's audio (DTLS-SRTP) ends. */
enum relay_keys {
	RELAY_KEYS_OPEN, /* the device has said nothing yet */
	RELAY_KEYS_PASS, /* the device, or nobody */
	RELAY_KEYS_END   /* the relay */
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
	bool gathering, checked, connected;
	struct reload_sdp_ice own;
	/* another node */
	bool node, strict;           /* strict: its transport wants keys */
	struct reload_sdp_dtls said; /* in its last description, as its transport */
	char proto[RELOAD_SDP_WORD];
	struct reload_sip_secure secure;
	struct reload_timer due; /* of the handshake */
	uint64_t received, strangers;
};

struct relays {
	struct reload_poll *poll;
	struct transport *transport;
	uint16_t first, last, next; /* ports */
	size_t count;
	uint64_t refused; /* calls for which there was no port or path */
	uint64_t faults;  /* handshakes that failed */
};

struct relay {
	struct relays *all;
	struct relay_side sides[2]; /* enum relay_of */
	uint64_t connection;        /* with the node that calls, whose share it is of; 0: none */
	enum relay_keys keys;
	struct reload_dtls_cert *cert;      /* owned; NULL: none was needed yet */
	char device_proto[RELOAD_SDP_WORD]; /* of its last description */
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
	bool node; /* it is another node */
};

/* relay_new() makes one (owned); NULL: there is no port, or the agent is gone. */
struct relay *relay_new(struct relays *all, const struct relay_plan plans[2]);
void relay_free(struct relay *r);

/* relay_is_ready() returns whether descriptions can be written; else ready is called from the loop. */
bool relay_is_ready(const struct relay *r);

/*
 * relay_pass() takes a description that comes from a side, an offer or the answer to one, and appends it for the other one; RELOAD_BAD_VALUE when it cannot be relayed.
 */
enum reload_err relay_pass(
	struct relay *r, enum relay_of from, bool offer, struct span text, struct wr *w) MUST_CHECK;

/* relay_json() returns {from_caller,from_callee,strangers}, packets, and {encrypted,fault} of what the relay encrypts (owned). */
json_t *relay_json(const struct relay *r);

/* -- relay_send.c ------------------------------------------------------------------------------------------------------------------ */

/* relay_send_clear() sends a packet to a side as it is; kind 0: with RTP, 1: with RTCP. */
void relay_send_clear(struct relay_side *s, unsigned kind, struct span packet);

/* -- relay_keys.c ------------------------------------------------------------------------------------------------------------------ */

/* relay_keys_pass() sets what a description that comes from a side says of keys to the other one. */
void relay_keys_pass(struct relay *r, const struct relay_side *from,
	const struct reload_sdp_relayed *d, bool offer, struct reload_sdp_relay *out);

/* relay_keys_end() decides that keys end here, as the device has refused an offer that wants them; false: that is not so. */
bool relay_keys_end(struct relay *r);
bool relay_keys_ended(const struct relay *r);

/* relay_keys_run() goes on with the handshake of a node, relay_keys_clear() ends it. */
void relay_keys_run(struct relay_side *s);
void relay_keys_clear(struct relay_side *s);

/* relay_keys_open() decrypts a packet of a node, aligned to 4 bytes; returns its length, 0: it goes no further. */
size_t relay_keys_open(struct relay_side *s, void *packet, size_t len, bool *rtcp);

/* relay_keys_fault() returns why there is no audio, or null (owned). */
json_t *relay_keys_fault(const struct relay *r);
